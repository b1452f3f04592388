"""What pyproject.toml cannot say: the README as a page of an index, which lacks the repository."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
# [text](target), unless the target is an address or a place in the same page; ![text] is a picture.
_LINK = re.compile(r"(!?)\[([^][]*)\]\((?![a-z]+:|#)([^)\s]*)\)")


def readme_for_index(text: str, url: str | None) -> str:
    """Return a README whose links work where its repository is not.

    Parameters
    ----------
    text : str
        In Markdown, with links relative to the repository.
    url : str or None
        Where the files of the repository are read, such as ``https://example.org/project/blob/main``;
        without one a link or a picture becomes its text, and the file, which is in the source
        distribution.
    """

    def replace(link: re.Match[str]) -> str:
        picture, shown, target = link.groups()
        if url is not None:
            # The file itself, and not the page that shows it.
            raw = "?raw=true" if picture else ""
            return f"{picture}[{shown}]({url.rstrip('/')}/{target}{raw})"
        path = target.partition("#")[0]
        return f"`{path}`" if shown == path else f"{shown} (`{path}`)"

    return _LINK.sub(replace, text)


if __name__ == "__main__":
    with (ROOT / "pyproject.toml").open("rb") as file:
        urls = tomllib.load(file)["project"].get("urls", {})
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    setup(
        long_description=readme_for_index(readme, urls.get("Files")),
        long_description_content_type="text/markdown",
    )
