"""Tables that print themselves in 80 columns, and as HTML, each with its caption."""

import textwrap
from collections.abc import Sequence
from functools import partial
from html import escape

import pandas as pd
import xarray as xr

from .._images import image_of
from ._case import cases_of
from ._explain import WIDTH, headline
from ._plot_and_report import draw_gains

# Rows of a table that is shown, half of them from its end.
MAX_ROWS = 60
_OPTIONS = {"float_format": "{:.4g}".format, "max_rows": MAX_ROWS}
# Where a heading or a cell may go on in another line.
_BREAKS = {
    "/": "/ ",
    "representation": "represen- tation",
    "converged": "con- verged",
    "readout": "read- out",
    "untrained": "un- trained",
}


class Table(pd.DataFrame):
    """A table with a caption in its attrs; what is made of it is an ordinary DataFrame."""

    _metadata: tuple[str, ...] = ("_cube",)

    def __repr__(self) -> str:
        """Return the table as text, with its caption."""
        return f"{self.to_string(**_OPTIONS, line_width=WIDTH)}\n\n{self._said()}"

    def _said(self, *more: str) -> str:
        return textwrap.fill(" ".join([self.attrs["caption"], *more]), WIDTH)

    def _repr_html_(self) -> str:
        table = self.to_html(**_OPTIONS, escape=True)
        return f"{table}<p><small>{escape(self.attrs['caption'])}</small></p>"


class ShortTable(Table):
    """A row a configuration; printed, lines are broken where there is little room."""

    _metadata = ("_cube", "_least_first")

    def __repr__(self) -> str:
        """Return the table as text of 80 columns, with its caption."""
        text, left_out = in_columns(self, self._least_first)
        more = [f"Left out for want of room: {', '.join(left_out)}."] if left_out else []
        return f"{text}\n\n{self._said(*more)}"

    def _repr_html_(self) -> str:
        said = "<br>".join(escape(line) for line in headline(self._cube).splitlines())
        picture = _thumbnail(self._cube)
        return f"<div><p><b>{said}</b></p>{super()._repr_html_()}{picture}</div>"


def _thumbnail(cube: xr.Dataset) -> str:
    """Return the figure of the gains of a single configuration, if matplotlib is installed."""
    cases = cases_of(cube)
    if len(cases) > 1:
        return ""
    draw = partial(draw_gains, cases[0].cube)
    return f"<p>{image_of(draw, (6, 3), 'gains by condition and mode')}</p>"


def in_columns(
    frame: pd.DataFrame, least_first: Sequence[str], width: int = WIDTH
) -> tuple[str, list[str]]:
    """Return a table of text in lines that fit, with as little lost as possible.

    Two spaces between columns become one, cells go on in another line, and only then columns are
    left out.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of text.
    least_first : sequence of str
        Columns that may be left out, the least important one first.
    width : int
        Of a line.

    Returns
    -------
    text : str
    left_out : list of str
        Columns that there was no room for.
    """
    elided = len(frame) > MAX_ROWS
    half = MAX_ROWS // 2
    shown = pd.concat([frame.iloc[:half], frame.iloc[-half:]]) if elided else frame
    columns = {name: [str(cell) for cell in shown[name]] for name in shown}
    for name in [name for name in reversed(shown.index.names) if name is not None]:
        values = shown.index.get_level_values(name)
        columns = {name.replace("__", " ").replace("_", " "): [*map(str, values)]} | columns
    folded, left_out, gap = set(), [], 2
    while True:
        laid = {name: _lay(name, cells, name in folded) for name, cells in columns.items()}
        if sum(wide for *_, wide in laid.values()) + gap * (len(laid) - 1) <= width:
            break
        foldable = [name for name in reversed(columns) if name not in folded]
        saved = {name: laid[name][-1] - _lay(name, columns[name], True)[-1] for name in foldable}
        droppable = [name for name in least_first if name in columns]
        if gap > 1:
            gap = 1
        elif any(saved.values()):
            folded.add(max(saved, key=saved.__getitem__))
        elif droppable:
            left_out.append(droppable[0])
            del columns[droppable[0]]
            folded.clear()
        else:
            break
    heads = _line([(lines, wide) for lines, _, wide in laid.values()], gap, bottom=True)
    rows = [
        _line([(cells[i], wide) for _, cells, wide in laid.values()], gap)
        for i in range(len(shown))
    ]
    if elided:
        rows.insert(half, "...")
    return "\n".join([heads, *rows]), left_out


def _lay(name: str, cells: Sequence[str], folded: bool) -> tuple[list[str], list[list[str]], int]:
    """Return the lines of a heading and of each cell, and how wide they are."""
    for whole, parts in _BREAKS.items() if folded else ():
        name, cells = name.replace(whole, parts), [cell.replace(whole, parts) for cell in cells]
    laid = [cell.split() if folded else [cell] for cell in cells]
    words = [len(word) for word in name.split()]
    wide = max(*words, 1, *(len(line) for lines in laid for line in lines))
    return textwrap.wrap(name, wide, break_on_hyphens=False), laid, wide


def _line(cells: Sequence[tuple[list[str], int]], gap: int, bottom: bool = False) -> str:
    """Return one row, of as many lines as its highest cell."""
    high = max(len(lines) for lines, _ in cells)
    filled = [
        ([""] * (high - len(lines)) + lines if bottom else lines + [""] * (high - len(lines)), wide)
        for lines, wide in cells
    ]
    return "\n".join(
        (" " * gap).join(lines[i].rjust(wide) for lines, wide in filled).rstrip()
        for i in range(high)
    )
