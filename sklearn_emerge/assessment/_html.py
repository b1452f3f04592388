"""What a notebook shows of a fitted assessment."""

from functools import partial
from html import escape

from .._images import image_of
from ._case import cases_of
from ._cube import check_claimed
from ._explain import explain, headline
from ._short_ways import draw_gains
from ._summary import short_frame, summarise

# Rows of a table that is shown, half of them from its end; and configurations in words.
_MAX_ROWS = 60


def results_html(cube):
    """Return the verdict in words, the short table, a figure, and the rest folded, as HTML."""
    check_claimed(cube)
    table = short_frame(cases_of(cube), narrow=False)
    said = "<br>".join(escape(line) for line in headline(cube).splitlines())
    return (
        f"<div><p><b>{said}</b></p>{table.to_html(max_rows=_MAX_ROWS, escape=True)}"
        f"<p><small>{escape(table.attrs['caption'])}</small></p>{_thumbnail(cube)}"
        f"{_folded('in words', _words(cube))}{_folded('all conditions and modes', _full(cube))}"
        "</div>"
    )


def _folded(title, html):
    return f"<details><summary>{title}</summary>{html}</details>"


def _words(cube):
    if len(cases_of(cube)) > _MAX_ROWS:
        return "<p>Many configurations: explain(cube.sel(...)) is about one of them.</p>"
    return f"<pre>{escape(explain(cube))}</pre>"


def _full(cube):
    table = summarise(cube, detail="full")
    return table.to_html(float_format="{:.4g}".format, max_rows=_MAX_ROWS, escape=True)


def _thumbnail(cube):
    """Return the figure of the gains of a single configuration, if matplotlib is installed."""
    cases = cases_of(cube)
    if len(cases) > 1:
        return ""
    draw = partial(draw_gains, cases[0].cube)
    return f"<p>{image_of(draw, (6, 3), 'gains by condition and mode')}</p>"
