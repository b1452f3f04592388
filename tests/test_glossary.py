"""One word has one meaning: the glossary has all of them, and the documents keep to it."""

import re
from pathlib import Path

import pytest

from sklearn_emerge.assessment._claims import CLAIMS
from sklearn_emerge.assessment._verdict import VERDICTS
from sklearn_emerge.assessment._words import ARMS, GLOSSARY, NULLS, arm_in_words

ROOT = Path(__file__).parents[1]
# The first two cells of each row of its tables, without marks.
ROWS = {
    cells[0].strip("` "): [cell.strip() for cell in cells[1:]]
    for cells in (
        line.strip("|").split("|")
        for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()
        if line.startswith("| ")
    )
}
MODULES = sorted((ROOT / "sklearn_emerge").rglob("*.py"))
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    *sorted((ROOT / "docs" / "explanation").glob("*.md")),
]


def test_every_claim_and_verdict_is_in_the_glossary():
    assert set(CLAIMS) <= set(ROWS)
    assert {verdict.word.replace("{best_baseline}", "...") for verdict in VERDICTS} <= set(ROWS)
    assert "undecided" in ROWS


@pytest.mark.parametrize("kind", NULLS)
def test_nulls_are_said_as_in_reports(kind):
    assert ROWS[kind] == list(NULLS[kind])


@pytest.mark.parametrize("mode", ARMS)
def test_modes_are_said_as_in_figures(mode):
    assert ROWS[mode][0].startswith(arm_in_words(mode))


# Nulls have rows by their kind, and the head and the core one each.
@pytest.mark.parametrize(
    "word",
    sorted(
        {*GLOSSARY, "core", "head"} - {"core, head", "null"} - {n.words for n in NULLS.values()}
    ),
)
def test_words_that_reports_explain_are_in_the_glossary(word):
    assert word in ROWS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
@pytest.mark.parametrize(
    "pattern", [r"\bthresholds?\b", r"\b[Tt]he source('s)?\b", r"\bsource papers?\b"]
)
def test_words_of_many_meanings_are_not_used(path, pattern):
    text = path.read_text()
    if path.name == "glossary.md":
        # Which says that they are not.
        text = re.sub(r'"The source" .*|\*Threshold\* .*', "", text)
    assert not re.search(pattern, text)


def test_docstrings_and_comments_name_the_work():
    """In translations there is a source language."""
    pattern = r"\b[Tt]he source(?!\s+language)('s)?\b|\bsource papers?\b"
    assert len(MODULES) > 100
    assert [path.name for path in MODULES if re.search(pattern, path.read_text())] == []


def test_no_name_is_an_old_one():
    assert "old name" not in (ROOT / "docs" / "glossary.md").read_text()
