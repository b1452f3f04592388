"""Reports: the entry."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .. import __version__
from .._files import write_atomically
from .._typing import PathLike
from ..assessment._cube import check_claimed, cube_of
from ..assessment._notes import noted
from ._facts import Facts
from ._sections import Table, describe_cube

if TYPE_CHECKING:
    import xarray as xr

    from ..assessment._cube import CubeSource


def report(
    cubes: CubeSource | Sequence[CubeSource] | Mapping[str, CubeSource], path: PathLike
) -> None:
    """Write a report: one HTML file with verdict, figures, checks and methods.

    The file holds everything: no network, no scripts, no other files. It says in words what was
    found, shows the main table and figures, the curves of training, whether the results can be
    trusted, each claim, some sequences of the world, how it was assessed with a paragraph to paste,
    and references. With several cubes a table compares them.

    Parameters
    ----------
    cubes : xarray.Dataset, path-like or EmergenceAssessment; or list or dict of these
        Results: a cube, the file that it was written to, or a fitted assessment. Of a list, files
        are named by their names and others by their titles; a dict brings names.
    path : path-like
        The file; missing folders are made, a leading ``~`` is the home folder.

    Raises
    ------
    ValueError
        If there is no cube, one has no claims or does not say how they were tested, or the file
        is not named as a page.
    FileNotFoundError
        If a file does not exist.
    NotFittedError
        If an assessment is not fitted.
    ImportError
        If matplotlib is not installed.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, report
    >>> assessment = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=20), GRUPredictor(hidden_size=2, max_steps=2), nulls=(),
    ...     n_train=20, n_eval=10, baselines=("mean", "persistence"), reservoir_sizes=None,
    ...     random_state=0, progress=False,
    ... ).fit()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report({"oscillator": assessment}, Path(folder, "report.html"))
    ...     page = Path(folder, "report.html").read_text(encoding="utf-8")
    >>> "What was found" in page, "<script" in page
    (True, False)
    """
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"path={str(path)!r} is no name of a page; end it in .html.")
    sections = [
        describe_cube(Facts(cube)) | {"name": name, "id": f"cube-{i}"}
        for i, (name, cube) in enumerate(_read(cubes))
    ]
    comparison = (_compare(sections), _differences(sections)) if len(sections) > 1 else (None, None)
    page = _render(sections, *comparison)
    write_atomically(path, page.encode())


def _read(
    cubes: CubeSource | Sequence[CubeSource] | Mapping[str, CubeSource],
) -> list[tuple[str, xr.Dataset]]:
    """Return the name and the cube of each."""
    sources: Iterable[tuple[str | None, Any]]
    if isinstance(cubes, Mapping) and not hasattr(cubes, "data_vars"):
        sources = {str(name): cube for name, cube in cubes.items()}.items()
    else:
        several = cubes if isinstance(cubes, list | tuple) else [cubes]
        sources = [(_file_name(source), source) for source in several]
    found = []
    for i, (name, source) in enumerate(sources):
        with noted(f"This happened with cube {i + 1}, {name or 'which has no name'}."):
            cube = check_claimed(cube_of(source))
        found.append((name or cube.attrs.get("title", "assessment"), cube))
    if not found:
        raise ValueError("cubes is empty; pass at least one cube.")
    names = [name for name, _ in found]
    # Two that have the same name are told apart by their places.
    return [
        (name if names.count(name) == 1 else f"{name} ({i + 1})", cube)
        for i, (name, cube) in enumerate(found)
    ]


def _file_name(source: CubeSource) -> str | None:
    return Path(source).stem if isinstance(source, str | os.PathLike) else None


def _compare(sections: Sequence[Mapping[str, Any]]) -> Table:
    """Return one table of the short tables of all cubes."""
    tables = {each["name"]: each["summary"] for each in sections}
    names = dict.fromkeys(name for table in tables.values() for name in table.header)
    # Not every cube has configurations, or all that is measured.
    header = [name for name in ("configuration", "verdict") if name in names]
    header += [name for name in names if name not in header]
    rows = []
    for name, table in tables.items():
        for row in table.rows:
            cells = dict(zip(table.header, row, strict=True))
            rows.append([name, *(cells.get(column, "") for column in header)])
    caption = "By how much networks predict better, in nats per step; see the table of each."
    return Table(caption, ("", *header), rows)


def _differences(sections: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of the settings in which assessments differ."""
    rows = []
    for name in dict.fromkeys(name for each in sections for name in each["settings"]):
        values = [each["settings"].get(name, "–") for each in sections]
        if len(set(values)) > 1:
            rows.append([_READABLE.get(name, name), *values])
    caption = "The settings that are not the same in all; –: there is no such setting."
    return Table(caption, ("setting", *(each["name"] for each in sections)), rows, wraps=True)


# Settings that are not called as their parameters.
_READABLE = {
    "n_configurations": "configurations",
    "param_grid": "varied",
    "sequences": "sequences (training, evaluation)",
    "world: type": "world",
    "model: type": "model",
}


def _render(
    sections: Sequence[Mapping[str, Any]], comparison: Table | None, differences: Table | None
) -> str:
    """Return the page."""
    room = files(__package__)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((room / "page.html").read_text(encoding="utf-8"))
    # The only text that is no text: ours.
    style = Markup((room / "style.css").read_text(encoding="utf-8"))
    return template.render(
        sections=sections,
        comparison=comparison,
        differences=differences,
        style=style,
        version=__version__,
    )
