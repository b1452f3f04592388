"""Look at every page of a built site: links lead somewhere, and nothing is loaded from elsewhere.

Some facts are looked for as a reader would: from the landing page, in at most three clicks.

    python docs/check_site.py docs/_build/html

Sphinx checks the links that it makes; this one reads what a browser reads. What tutorials and
examples import lists them on its page of the reference.
"""

import ast
import csv
import sys
from collections import deque
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

DOCS = Path(__file__).parent
# What a page loads by itself.
LOADED = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
}
MOST_CLICKS = 3
# Every page can link to them, and they link to everything: nobody reads them.
LISTS = {"genindex.html", "py-modindex.html", "search.html"}


class Fact(NamedTuple):
    """Something that readers look for: the words of it, and the page and heading that has them."""

    question: str
    words: str
    page: str
    heading: str


def settings_without_an_operator():
    """Return the settings in which there is no operator to be found, as the tests kept them."""
    folder = DOCS.parent / "datasets" / "calibration"
    rows = []
    for path in folder.glob("what_is_no_operator_*.csv"):
        with path.open(encoding="utf-8") as file:
            rows += csv.DictReader(file)
    return {row["setting"] for row in rows}


FACTS = [
    Fact(
        "What does `reservoir` mean as a verdict?",
        "the untrained core gains and the trained one is not better",
        "glossary.html",
        "assessment",
    ),
    Fact(
        "How many updates does GRUPredictor make if not told?",
        "max_stepsint, default=1000",
        "reference/generated/sklearn_emerge.predictors.GRUPredictor.html",
        "grupredictor",
    ),
    Fact(
        "How do I assess trials of my own?",
        "Rows are sequences, and a sequence is an independent unit.",
        "how-to/your-recordings.html",
        "how-do-i-assess-my-own-recordings",
    ),
    Fact(
        "How do I resume a sweep?",
        'With memory="folder" the results of every finished cell',
        "how-to/resume.html",
        "how-do-i-interrupt-resume-and-use-many-cores",
    ),
    Fact(
        "Does the floor of RankMe depend on the size of a network?",
        "RankMe 2.0, whatever the size",
        "anatomy.html",
        "the-claims",
    ),
    Fact(
        "How often is an operator found where there is none?",
        f"assessments in {len(settings_without_an_operator())} settings in which there is no operator",
        "numbers.html",
        "where-there-is-no-operator",
    ),
]


class Page(HTMLParser):
    """What a page links to and loads, the places in it, and what its sections say."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded, self.places = [], [], {"", "top"}
        # Text by the name of the section, with that of the sections in it; the first is the page.
        self.sections, self._open = {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Keep what a tag says of links and places."""
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.places.add(value)
            elif (tag, name) in LOADED:
                self.loaded.append(value or "")
            elif tag == "a" and name == "href":
                self.links.append(value or "")
        if tag == "section":
            self._open.append(dict(attrs).get("id") or "")
            self.sections.setdefault(self._open[-1], "")

    def handle_endtag(self, tag):
        """Leave a section."""
        if tag == "section" and self._open:
            self._open.pop()

    def handle_data(self, data):
        """Keep what is written in all sections that it is in."""
        for section in self._open:
            self.sections[section] += data

    def says(self, words, section):
        """Return whether a section has the words, however they are broken into lines."""
        return " ".join(words.split()) in " ".join(self.sections.get(section, "").split())


def read(folder):
    """Return the pages of a site by their paths."""
    return {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(Path(folder).resolve().rglob("*.html"))
        if "_static" not in path.parts
    }


def led_to(path, target):
    """Return the file and the place in it that a link of a page leads to."""
    parts = urlsplit(target)
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return there, unquote(parts.fragment)


def problems(folder, pages):
    """Return what is wrong, a sentence each, with the page that it is on."""
    folder = Path(folder).resolve()
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        for target in dict.fromkeys(page.loaded + page.links):
            parts = urlsplit(target)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                if target in page.loaded:
                    found.append(f"{name}: {target} is loaded from elsewhere.")
                continue
            there, place = led_to(path, target)
            if not there.is_file():
                found.append(f"{name}: {target} is not there.")
            elif there in pages and place not in pages[there].places:
                found.append(f"{name}: {target} has no such place.")
    return found


def chain(pages, start, page, heading):
    """Return the fewest links from the start to a heading of a page; None if there is no way.

    The heading of the page itself is reached with the page, any other one by a link to it.
    """
    top = next(iter(pages[page].sections), "")
    wanted = {(page, heading)} | ({(page, ""), (page, "top")} if heading == top else set())
    ways, waiting = {start: []}, deque([start])
    while waiting:
        path = waiting.popleft()
        for target in pages[path].links:
            if urlsplit(target).scheme or urlsplit(target).netloc:
                continue
            there, place = led_to(path, target)
            way = [*ways[path], target]
            if (there, place) in wanted:
                return way
            if there in pages and there.name not in LISTS and there not in ways:
                ways[there] = way
                waiting.append(there)
    return None


def far(folder, pages, facts=FACTS):
    """Return how each fact is found, a line each, and what is wrong with it, a sentence each."""
    folder = Path(folder).resolve()
    lines, found = [], []
    for fact in facts:
        page = folder / fact.page
        where = f"{fact.page}#{fact.heading}"
        if page not in pages or not pages[page].says(fact.words, fact.heading):
            found.append(f'{where} does not say "{fact.words}".')
            continue
        way = chain(pages, folder / "index.html", page, fact.heading)
        if way is None:
            found.append(f"No links lead from index.html to {where}.")
            continue
        lines.append(f"{fact.question} {len(way)} clicks: {' > '.join(['index.html', *way])}")
        if len(way) > MOST_CLICKS:
            found.append(f"{where} is {len(way)} clicks from index.html, more than {MOST_CLICKS}.")
    return lines, found


def imported_by(script):
    """Return the names that a script imports from the package."""
    nodes = ast.walk(ast.parse(script.read_text(encoding="utf-8")))
    return {
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklearn_emerge")
        for alias in node.names
    }


def unlisted(folder, pages, docs=DOCS):
    """Return which names do not lead to a script that imports them, a sentence each."""
    folder = Path(folder).resolve()
    reference = {
        path.stem.rpartition(".")[2]: path
        for path in pages
        if path.parent == folder / "reference" / "generated"
    }
    found = []
    for scripts, shown in ("tutorials", "learn"), ("examples", "gallery"):
        for script in sorted((docs / scripts).glob("plot_*.py")):
            there = folder / shown / f"{script.stem}.html"
            for name in sorted(imported_by(script) & set(reference)):
                path = reference[name]
                if there not in {led_to(path, target)[0] for target in pages[path].links}:
                    found.append(f"{path.relative_to(folder)} does not list {script.name}.")
    return found


if __name__ == "__main__":
    site = read(sys.argv[1])
    lines, found = far(sys.argv[1], site)
    found += problems(sys.argv[1], site) + unlisted(sys.argv[1], site)
    print("\n".join(lines + found))
    sys.exit(bool(found))
