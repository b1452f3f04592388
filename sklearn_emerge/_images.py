"""Figures as parts of an HTML page."""

from base64 import b64encode
from html import escape
from io import BytesIO

_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


def data_uri(figure, kind, **options):
    """Return a figure as a data URI; options are those of ``savefig``."""
    content = BytesIO()
    figure.savefig(content, format=kind, **options)
    return f"data:{_TYPES[kind]};base64,{b64encode(content.getvalue()).decode()}"


def image_of(draw, figsize, alt):
    """Return what a function draws into axes as HTML; nothing if matplotlib is not installed."""
    try:
        # Not of pyplot, which would keep the figure and may show it once more.
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return ""
    figure = Figure(figsize=figsize, layout="constrained")
    draw(figure.subplots())
    return f'<img alt="{escape(alt)}" src="{data_uri(figure, "png", dpi=80)}">'
