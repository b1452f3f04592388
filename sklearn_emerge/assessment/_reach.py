"""Which files of the package a file of it can run: itself, and what it imports."""

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import resolve_name
from pathlib import Path

NAME = __package__.partition(".")[0]
PACKAGE = Path(__file__).parents[1]
# Texts of docstrings change no number.
_PROSE = ("_docs.py",)
# Every world can be asked for its best predictor, which may be any. That counts for files that ask,
# and not for the one in which the question is passed on, which is part of every cell.
_QUESTION, _PASSED_ON, _ANSWERS = "optimal_predictor", "worlds/_base.py", f"{NAME}.ceilings"


@cache
def digest_of(module: str) -> str:
    """Return a hash of all files that a module of the package can run, of the package of all."""
    files = PACKAGE.rglob("*.py") if module == NAME else files_of(module)
    digest = sha256()
    for path in sorted(files):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def files_of(module: str) -> set[Path]:
    """Return the files that a module of the package can run.

    Imports inside of functions count. Of a room, as of ``from ..measures import memory_curve``, it
    is the file that the name comes from, so that a new measure changes nothing for those who use
    another one.
    """
    found: set[Path] = set()
    left = [next(_files(module))]
    while left:
        path = left.pop()
        if path not in found and path.relative_to(PACKAGE).as_posix() not in _PROSE:
            found.add(path)
            left += _imported(path)
    return found


def _files(module: str) -> Iterator[Path]:
    """Yield the file of a module of the package, nothing if there is none."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    files = place.with_name(f"{place.name}.py"), place / "__init__.py"
    return (file for file in files if file.exists())


@cache
def _imports(path: Path) -> list[tuple[str, str, str | None]]:
    """Return (module, name, name here) of all that a file imports from the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    package = ".".join(parts[:-1])
    nodes = _nodes(ast.parse(path.read_bytes()))
    found = [
        (resolve_name("." * node.level + (node.module or ""), package), alias.name, alias.asname)
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    ]
    if path.relative_to(PACKAGE).as_posix() == _PASSED_ON:
        return [each for each in found if not each[0].startswith(_ANSWERS)]
    if any(isinstance(node, ast.Attribute) and node.attr == _QUESTION for node in nodes):
        found.append((_ANSWERS, "__init__", None))
    return found


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """Return the nodes of a file that can run: not what type checkers alone read."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
        else:
            nodes += ast.iter_child_nodes(node)
    return nodes


@cache
def _imported(path: Path) -> set[Path]:
    """Return the files that a file imports."""
    return {_home(module, name) for module, name, _ in _imports(path)}


def _home(module: str, name: str) -> Path:
    """Return the file that a name of a module comes from."""
    file = next(_files(module))
    if file.name != "__init__.py":
        return file
    inside = next(_files(f"{module}.{name}"), None)
    if inside is not None:
        return inside
    for other, original, here in _imports(file):
        if name == (here or original):
            return _home(other, original)
    return file
