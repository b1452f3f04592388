"""The site has every public name and every page, and what links lead to is there.

Without Sphinx: `make docs` builds the site, and checks what only a built one shows.
"""

import re
import runpy
from importlib import import_module
from pathlib import Path

import pytest

import sklearn_emerge

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Where names were before they moved; these are documented where they are.
MOVED = {"tasks", "thresholds"}
ROOMS = sorted(set(sklearn_emerge._MODULES) - MOVED)
# Read in the repository and on the site.
FOLDERS = ("how-to", "explanation")
PAGES = sorted(
    {*DOCS.glob("*.md"), *(page for folder in FOLDERS for page in (DOCS / folder).glob("*.md"))}
)
# Pages that make docs writes, of tutorials and of examples.
WRITTEN = {"learn/index.rst", "gallery/index.rst"}


def listed_in(text):
    """Names that a page of the reference has: those of tables, and data."""
    data = re.findall(r"^\.\. py:data:: (\w+)$", text, re.M)
    tables = re.findall(r"^\.\. autosummary::\n(?:   :.*\n)*\n((?:   \w+\n)+)", text, re.M)
    return [*data, *(name for table in tables for name in table.split())]


def page_of(room):
    return (DOCS / "reference" / f"{room}.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("room", ROOMS)
def test_reference_has_every_public_name_once(room):
    listed = listed_in(page_of(room))
    assert set(import_module(f"sklearn_emerge.{room}").__all__) <= set(listed)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("room", ROOMS)
def test_reference_has_nothing_that_is_private_or_gone(room):
    text = page_of(room)
    assert f".. currentmodule:: sklearn_emerge.{room}\n" in text
    module = import_module(f"sklearn_emerge.{room}")
    assert [name for name in listed_in(text) if name[0] == "_" or not hasattr(module, name)] == []


def test_reference_has_what_is_imported_from_the_package_itself():
    rooms = {name: room for room in ROOMS for name in listed_in(page_of(room))}
    assert {name for name in sklearn_emerge._HOMES if name not in rooms} == set()
    index = (DOCS / "reference" / "index.rst").read_text(encoding="utf-8")
    assert re.findall(r"^   (\w+)$", index, re.M) == re.findall(r"\* - :doc:`(\w+)`", index)
    assert set(re.findall(r"^   (\w+)$", index, re.M)) == set(ROOMS)
    assert {path.stem for path in (DOCS / "reference").glob("*.rst")} == {*ROOMS, "index"}


def test_names_that_are_missing_or_listed_twice_are_seen():
    page = ".. autosummary::\n   :toctree: generated\n\n   cut\n   World\n\n.. py:data:: KINDS\n"
    assert listed_in(page) == ["KINDS", "cut", "World"]
    assert listed_in(page.replace("   cut\n", "")) == ["KINDS", "World"]


def contents(page):
    """Pages in the contents of a page, with their folders and without endings."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", text, re.M | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [re.sub(r".*<(.*)>", r"\1", line) for line in lines]


def test_every_page_is_in_the_contents_once():
    """Those of the guide in the order in which it lists them."""
    held = [name for path in DOCS.glob("*.md") for name in contents(path)]
    assert len(held) == len(set(held))
    made = {"reference/index", *(page.removesuffix(".rst") for page in WRITTEN)}
    assert made <= set(held)
    assert set(held) - made == {
        path.relative_to(DOCS).with_suffix("").as_posix()
        for path in PAGES
        if path != DOCS / "index.md"
    }
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[.*?\]\(((?:how-to|explanation)/[\w-]+)\.md\)", guide, re.M)
    assert listed == contents(DOCS / "guide.md")


def test_guide_says_the_title_of_each_page():
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(.*?)\]\(((?:how-to|explanation)/[\w-]+\.md)\)", guide, re.M)
    assert {path.partition("/")[0] for _, path in listed} == set(FOLDERS)
    for title, path in listed:
        assert (DOCS / path).read_text(encoding="utf-8").startswith(f"# {title}\n")


def test_every_display_has_a_question_and_what_it_is_made_from():
    page = (DOCS / "how-to" / "displays.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+\?) \| `(\w+)` \| .+: (`.+`) \| \[.+\]\((\S+)\) \|$", page, re.M)
    names = [name for _, name, _, _ in rows]
    assert sorted(names) == sorted(sklearn_emerge.displays.__all__)
    for _, name, listed, picture in rows:
        display = getattr(sklearn_emerge.displays, name)
        made = {method for method in dir(display) if method.startswith("from_")}
        assert set(re.findall(r"`(\w+)`", listed)) == made, name
        assert name in (DOCS / "how-to" / picture).read_text(encoding="utf-8"), picture


def test_every_explanation_shows_a_picture_that_is_made():
    """One of docs/figures, or one that a script of the gallery draws, with the page to go to."""
    for page in (DOCS / "explanation").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        kept = re.findall(r"^!\[[^\]]+\]\((\S+)\)$", text, re.M)
        drawn = re.findall(
            r"^```\{figure\} \.\./gallery/images/sphx_glr_(plot_\w+)_001\.png\n"
            r":alt: .+\n:width: \d+px\n:target: \.\./gallery/(plot_\w+)\.html$",
            text,
            re.M,
        )
        assert kept or drawn, page.name
        assert all((page.parent / picture).is_file() for picture in kept)
        for script, target in drawn:
            assert script == target
            assert (DOCS / "examples" / f"{script}.py").is_file()


def slug(text):
    """Place of a heading, as GitHub and myst_heading_anchors have it."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def words_of(glossary):
    """Places of words, as docs/conf.py has them."""
    cells = re.findall(r"^\| (.+?) \|", glossary, re.M)
    words = [word for cell in cells for word in re.split(r", | or ", re.sub(r"[`*]", "", cell))]
    return {re.sub(r"[^\w]+", "-", word.lower()).strip("-") for word in words}


def places_in(path):
    text = path.read_text(encoding="utf-8")
    places = {slug(head) for head in re.findall(r"^#{1,4} (.+)$", text, re.M)}
    return places | words_of(text) if path.name == "glossary.md" else places


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = re.sub(
        r"^```python\n.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.DOTALL
    )
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^()\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        file, _, place = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if path.parent == DOCS and file in WRITTEN:
            continue
        assert there.exists(), target
        if place:
            assert place in places_in(there), target


def test_a_built_site_is_looked_through(tmp_path):
    site = runpy.run_path(str(DOCS / "check_site.py"))
    (tmp_path / "b.html").write_text('<h1 id="here">B</h1>')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">b</a><a href="https://c.org">c</a><img src="data:image/png;base64,">'
    )
    assert site["problems"](tmp_path, site["read"](tmp_path)) == []
    (tmp_path / "a.html").write_text(
        '<a href="b.html#there">b</a><a href="c.html">c</a><script src="https://cdn.org/x.js"></script>'
    )
    assert site["problems"](tmp_path, site["read"](tmp_path)) == [
        "a.html: https://cdn.org/x.js is loaded from elsewhere.",
        "a.html: b.html#there has no such place.",
        "a.html: c.html is not there.",
    ]


def test_names_lead_to_scripts_that_import_them(tmp_path):
    site = runpy.run_path(str(DOCS / "check_site.py"))
    script = tmp_path / "docs" / "examples" / "plot_walk.py"
    page = tmp_path / "site" / "reference" / "generated" / "sklearn_emerge.worlds.Walk.html"
    for path in (script, page):
        path.parent.mkdir(parents=True)
    script.write_text("import numpy as np\nfrom sklearn_emerge import Walk, walks\n")
    for text, expected in (
        ('<a href="../../gallery/plot_walk.html">walk</a>', []),
        (
            '<a href="../../gallery/plot_other.html">other</a>',
            ["reference/generated/sklearn_emerge.worlds.Walk.html does not list plot_walk.py."],
        ),
    ):
        page.write_text(text)
        pages = site["read"](tmp_path / "site")
        assert site["unlisted"](tmp_path / "site", pages, tmp_path / "docs") == expected


def test_facts_on_pages_in_markdown_are_said_there():
    """Of others, docstrings, a built site alone can tell."""
    for fact in runpy.run_path(str(DOCS / "check_site.py"))["FACTS"]:
        path = DOCS / fact.page.replace(".html", ".md")
        if path.exists():
            said = re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", path.read_text(encoding="utf-8"))
            assert fact.words in " ".join(said.split()), fact


def test_facts_are_at_most_three_clicks_away(tmp_path):
    site = runpy.run_path(str(DOCS / "check_site.py"))
    for here, there in ("index", "b"), ("b", "c"), ("c", "d"):
        (tmp_path / f"{here}.html").write_text(f'<a href="{there}.html">next</a>')
    (tmp_path / "d.html").write_text(
        '<section id="d"><h1>D</h1><a href="#e">E</a>'
        '<section id="e"><h2>E</h2>Water\n<em>boils</em> at 100.</section></section>'
    )

    def far(fact):
        return site["far"](tmp_path, site["read"](tmp_path), [fact])

    water = site["Fact"]("When does water boil?", "Water boils at 100.", "d.html", "d")
    assert far(water) == (
        ["When does water boil? 3 clicks: index.html > b.html > c.html > d.html"],
        [],
    )
    # The heading below is a click further.
    lines, found = far(water._replace(heading="e"))
    assert lines == ["When does water boil? 4 clicks: index.html > b.html > c.html > d.html > #e"]
    assert found == ["d.html#e is 4 clicks from index.html, more than 3."]
    assert site["far"](
        tmp_path, site["read"](tmp_path), [water._replace(words="Water boils at 90.")]
    ) == (
        [],
        ['d.html#d does not say "Water boils at 90.".'],
    )
    # What lists everything is no way.
    (tmp_path / "genindex.html").write_text('<a href="d.html#e">E</a>')
    (tmp_path / "index.html").write_text('<a href="genindex.html">index</a>')
    assert far(water) == (
        [],
        ["No links lead from index.html to d.html#d."],
    )
