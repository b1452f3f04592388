"""Figures as parts of an HTML page."""

from base64 import b64encode
from collections.abc import Callable
from html import escape
from io import BytesIO
from typing import Any

_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


def data_uri(figure: Any, kind: str, **options: Any) -> str:
    """Return a figure as a data URI; options are those of ``savefig``."""
    content = BytesIO()
    figure.savefig(content, format=kind, **options)
    return f"data:{_TYPES[kind]};base64,{b64encode(content.getvalue()).decode()}"


def image_of(draw: Callable[[Any], object], figsize: tuple[float, float], alt: str) -> str:
    """Return what a function draws into axes as HTML; nothing if matplotlib is not installed."""
    try:
        # Not of pyplot, which would keep the figure and may show it once more.
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return ""
    figure = Figure(figsize=figsize, layout="constrained")
    draw(figure.subplots())
    return f'<img alt="{escape(alt)}" src="{data_uri(figure, "png", dpi=80)}">'
