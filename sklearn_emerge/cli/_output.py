"""Files that commands write: cubes and figures."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


def save_cubes(cubes: "Mapping[str | Path, xr.Dataset]") -> None:
    """Write cubes to their paths; those that cannot be written go to a temporary folder."""
    from ..assessment._cube import save_cube

    failures = []
    for path, cube in cubes.items():
        try:
            save_cube(cube, path)
            print(f"cube: {path}")
        except OSError as error:
            failures.append(f"{error} {_rescue(cube, path)}")
    if failures:
        raise OSError(" ".join(failures))


def _rescue(cube: "xr.Dataset", path: str | Path) -> str:
    """Write a cube to a temporary folder, and return where it is or why it is not."""
    from ..assessment._cube import save_cube

    try:
        refuge = Path(mkdtemp(prefix="sklearn_emerge-cube-"), Path(path).name)
        save_cube(cube, refuge)
    except OSError as error:
        return f"The cube is lost: {error}"
    return f"The cube is in {str(refuge)!r} instead."


def check_figure(path: str | None) -> None:
    """Raise an error unless a figure can be written there, and of that kind; None is no figure."""
    from .._files import check_writable

    if path is None:
        return
    check_writable(path)
    if find_spec("matplotlib") is None:
        raise ValueError(
            "--figure needs matplotlib, which is not installed; run pip install matplotlib."
        )
    from matplotlib.figure import Figure

    known = Figure().canvas.get_supported_filetypes()
    kind = Path(path).suffix.removeprefix(".")
    if kind not in known:
        raise ValueError(
            f"--figure {path}: no picture of kind {kind!r}; end it in one of {', '.join(known)}."
        )


def save_figure(
    path: str, draw: "Callable[[Figure], object]", figsize: tuple[float, float] = (6.4, 4.2)
) -> None:
    """Draw a figure and write it to a file, atomically."""
    from matplotlib.figure import Figure

    from .._files import write_atomically

    figure, content = Figure(figsize=figsize, layout="constrained"), BytesIO()
    draw(figure)
    figure.savefig(content, dpi=150, format=Path(path).suffix.removeprefix("."))
    write_atomically(path, content.getvalue())
    print(f"figure: {path}")
