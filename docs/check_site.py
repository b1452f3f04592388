"""Look at every page of a built site: links lead somewhere, and nothing is loaded from elsewhere.

    python docs/check_site.py docs/_build/html

Sphinx checks the links that it makes; this one reads what a browser reads.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a page loads by itself.
LOADED = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
}


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded, self.places = [], [], {"", "top"}
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


def problems(folder):
    """Return what is wrong, a sentence each, with the page that it is on."""
    folder = Path(folder).resolve()
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts
    }
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
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not there.is_file():
                found.append(f"{name}: {target} is not there.")
            elif there in pages and unquote(parts.fragment) not in pages[there].places:
                found.append(f"{name}: {target} has no such place.")
    return found


if __name__ == "__main__":
    found = problems(sys.argv[1])
    print("\n".join(found))
    sys.exit(bool(found))
