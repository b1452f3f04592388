"""Tutorials and examples of the gallery say what they are, and run."""

import ast
import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
SCRIPTS = sorted(
    path for folder in ("tutorials", "examples") for path in (DOCS / folder).glob("*.py")
)
all_scripts = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)


def sentences(path):
    """Sentences of a script's prose, without names of what is linked."""
    text = path.read_text(encoding="utf-8")
    blocks = [ast.get_docstring(ast.parse(text)), *re.findall(r"^# %%\n((?:#.*\n)+)", text, re.M)]
    for block in blocks:
        lines = [line.removeprefix("#").strip() for line in block.splitlines()]
        for part in re.split(r"\n\n|\n(?=- )", "\n".join(lines)):
            if not re.search(r"^([=-])\1+$", part, re.M):
                yield from re.split(r"(?<=[.:?])\s", re.sub(r" <[^>]*>", "", part))


@all_scripts
def test_script_begins_with_its_title(path):
    """As sphinx-gallery reads it; a script of another name would be shown and not run."""
    assert path.stem.startswith("plot_")
    title, line, *rest = ast.get_docstring(
        ast.parse(path.read_text(encoding="utf-8"), path)
    ).splitlines()
    assert line == "=" * len(title)
    assert "".join(rest)


@all_scripts
def test_sentences_of_a_script_are_short(path):
    assert [each for each in sentences(path) if len(each.split()) > 30] == []


@all_scripts
def test_what_a_script_links_to_is_there(path):
    """A page of the site, or that of another script, which make docs writes."""
    folders = {"gallery": "examples", "learn": "tutorials"}
    for target in re.findall(r"<([\w./-]+)\.html", path.read_text(encoding="utf-8")):
        page = (path.parent / target).resolve()
        page = page.parent.with_name(folders.get(page.parent.name, page.parent.name)) / page.name
        assert any(page.with_suffix(end).exists() for end in (".md", ".rst", ".py")), target


@pytest.mark.slow
@all_scripts
def test_script_runs(path, monkeypatch, close_figures):
    monkeypatch.chdir(path.parent)
    runpy.run_path(str(path), run_name="__main__")
