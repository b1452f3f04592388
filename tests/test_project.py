"""What is said of the project in more than one file is the same in all of them."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

from oldest import lower_bounds
from packaging.requirements import Requirement
from packaging.version import Version

import sklearn_emerge

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pinned():
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_version_is_that_of_the_citation_and_of_what_is_installed():
    """Those of a release that is being prepared are of that release."""
    release = Version(sklearn_emerge.__version__).base_version
    assert re.search(r"^version: (.*)$", read("CITATION.cff"), re.MULTILINE)[1] == release
    assert re.search(r"^## (\S+)", read("CHANGES.md"), re.MULTILINE)[1] == release
    assert version("sklearn-emerge") == sklearn_emerge.__version__


def test_all_dependencies_are_pinned_to_what_their_bounds_allow():
    extras = PROJECT["optional-dependencies"].values()
    stated = [*PROJECT["dependencies"], *(each for extra in extras for each in extra)]
    needed = [each for each in map(Requirement, stated) if each.name != PROJECT["name"]]
    found = pinned()
    assert {each.name for each in needed} <= set(found)
    assert all(each.specifier.contains(found[each.name]) for each in needed)


def test_all_that_the_package_needs_has_a_lower_bound():
    assert {Requirement(each).name for each in PROJECT["dependencies"]} <= set(lower_bounds())


def test_commits_are_checked_by_what_make_lint_runs():
    rule = re.search(r"^lint: install\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)[1]
    tool = r"(ruff \w+|python \S+|\w+)"
    commands = re.findall(rf"\$\(BIN\)/{tool}", rule)
    entries = re.findall(rf"entry: \.venv/bin/{tool}", read(".pre-commit-config.yaml"))
    assert commands == entries
    assert len(commands) == 5


def test_annotated_rooms_are_there():
    """A room that moves takes its place in the list with it."""
    tool = tomllib.loads(read("pyproject.toml"))["tool"]
    assert all((ROOT / place).exists() for place in tool["mypy"]["files"])
