"""What a notebook shows of a fitted assessment."""

from html import escape

import xarray as xr

from ._case import cases_of
from ._cube import check_claimed
from ._explain import explain
from ._shown import MAX_ROWS
from ._summary import short_frame, summarise


def results_html(cube: xr.Dataset) -> str:
    """Return the verdict in words, the short table, a figure, and the rest folded, as HTML."""
    check_claimed(cube)
    full = summarise(cube, detail="full")._repr_html_()
    return (
        f"<div>{short_frame(cube)._repr_html_()}{_folded('in words', _words(cube))}"
        f"{_folded('all conditions and modes', full)}</div>"
    )


def _folded(title: str, html: str) -> str:
    return f"<details><summary>{title}</summary>{html}</details>"


def _words(cube: xr.Dataset) -> str:
    if len(cases_of(cube)) > MAX_ROWS:
        return "<p>Many configurations: explain(cube.sel(...)) is about one of them.</p>"
    return f"<pre>{escape(explain(cube))}</pre>"
