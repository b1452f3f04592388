"""A page is written from templates, and no sentence that the numbers do not bear out."""

import importlib
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("page")


@pytest.fixture
def calibration(page):
    return importlib.import_module("page_calibration").calibration_values()


def test_sentence_that_holds_is_written(page, calibration, tmp_path):
    page.write(tmp_path / "page.md", "calibration.md", calibration=calibration)
    written = (tmp_path / "page.md").read_text()
    assert "\nWith five seeds an exact test attains .031.\n" in written
    assert "\n\n| setting |" in written


def test_false_sentence_is_refused_with_its_number(page, calibration, tmp_path):
    calibration["smallest_p_of_five"] = 0.05
    said = 'say "With five seeds an exact test attains .031.", which is not so: smallest = 0.05.'
    with pytest.raises(page.FalseSentenceError, match=re.escape(said)):
        page.write(tmp_path / "page.md", "calibration.md", calibration=calibration)
    assert not (tmp_path / "page.md").exists()


def test_name_without_a_value_is_refused(page, calibration, tmp_path):
    del calibration["all"]
    with pytest.raises(UndefinedError, match="'all'"):
        page.write(tmp_path / "page.md", "calibration.md", calibration=calibration)


# The claims are asserted wherever the page is written; here the numbers are computed once more.
@pytest.mark.slow
def test_claims_of_the_emergence_page_that_turn_are_refused(page, tmp_path):
    found = importlib.import_module("page_emergence").emergence_values(page.load_all("corrected"))
    page.write(tmp_path / "page.md", "emergence.md", emergence=found)
    few = found["heads"] | {4: found["heads"][4] | {"low": found["heads"][1]["high"] / 4}}
    low = found["syntax"] | {"at_least": dict.fromkeys(found["syntax"]["at_least"], 1.2)}
    for part, turned, said in ("heads", few, "not halved"), ("syntax", low, "syntax-predict"):
        with pytest.raises(page.FalseSentenceError, match=f"would say .*{said}.*is not so"):
            page.write(tmp_path / "other.md", "emergence.md", emergence=found | {part: turned})
    assert not (tmp_path / "other.md").exists()


@pytest.mark.slow
def test_pages_of_missing_cubes_are_not_written(page):
    cubes = page.load_all("corrected")
    del cubes["emergence-heads"]
    assert importlib.import_module("page_emergence").emergence_values(cubes) is None


def test_verdicts_of_another_number_of_seeds_are_not_called_seven(page, tmp_path):
    verdicts = importlib.import_module("page_verdicts")
    judged = page.load_all("corrected")
    values = verdicts.verdict_values({"drift-gru": judged["drift-gru"]})
    assert (values["waiting"], values["worth"]) == ([], None)
    page.write(tmp_path / "page.md", "verdicts.md", verdicts=values)
    written = (tmp_path / "page.md").read_text()
    assert "over seven seeds.\n" in written
    assert not re.search(r"Not run anew yet|What is training worth|\n\n\n", written)
    fewer = verdicts.verdict_values({"drift-gru": judged["drift-gru"].isel(seed=slice(6))})
    with pytest.raises(page.FalseSentenceError, match=r"over seven seeds.*seeds = \[6\]"):
        page.write(tmp_path / "page.md", "verdicts.md", verdicts=fewer)


def test_templates_hold_one_sentence_a_line():
    """So that a change of a sentence is a change of a line."""
    for path in (DOCS / "templates").glob("*.md"):
        for line in path.read_text().splitlines():
            assert not re.search(r"[a-z)`]{2}[.?] [A-Z`]", line), f"{path.name}: {line}"
