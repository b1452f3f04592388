"""What a world looks like: its facts in words, and a few of its sequences."""

import textwrap
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .._axes import Axes, with_units
from .._images import image_of
from .._typing import RandomState

if TYPE_CHECKING:
    from ._base import World

# Sequences, or channels of one, that lines can show; rows of symbols or of text. No more than an
# assessment needs, so that there are as many recordings.
_N_LINES, _N_ROWS, _N_TEXTS = 4, 10, 3
_WIDTH = 78
# Lines of each text in a picture.
_N_LINES_OF_TEXT = 4
_CEILINGS = {"exact": "known exactly", "bound": "known from below", None: "not known"}


def facts_of(world: "World") -> dict[str, str]:
    """Return what an assessment has to know of a world, in words.

    Parameters
    ----------
    world : World
        The world.

    Returns
    -------
    dict of str to str
    """
    sample = world.sample(1, random_state=0)
    n_channels = sample.X.shape[2] if sample.X.ndim > 2 else 1
    channels = "1 channel" if n_channels == 1 else f"{n_channels} channels"
    if world.observation == "token":
        channels = f"{world.n_tokens} tokens"
    if world.n_exogenous:
        channels += f", {world.n_exogenous} of inputs" + " alone seen" * (not world.feedback)
    axes = getattr(world, "axes", Axes())
    units = axes.latent_units or ("",) * len(sample.latent_names)
    names = ", ".join(map(with_units, sample.latent_names, units))
    recorded = {"units": world.describe_units()} if hasattr(world, "describe_units") else {}
    return {
        "observations": f"{world.observation}, {sample.X.shape[1]} steps, {channels}",
        **recorded,
        "latents": f"{names} ({world.latent_kind})" if names else "none",
        "nulls": ", ".join(world.null_kinds),
        "best possible score": _CEILINGS[world.ceiling],
    }


def facts_line(world: "World") -> str:
    """Return the facts of a world in a line or two."""
    observations, *others = facts_of(world).items()
    said = [observations[1], *(f"{name}: {value}" for name, value in others)]
    return textwrap.fill("; ".join(said), _WIDTH, initial_indent="  ", subsequent_indent="  ")


def rows_of(world: "World") -> list[str]:
    """Return the beginnings of some sequences of a world of tokens, as text."""
    return [text for (text,) in _texts_of(world, n_lines=1)]


def _texts_of(world: "World", n_lines: int) -> list[list[str]]:
    """Return the beginnings of some sequences of a world of tokens, as lines of whole tokens."""
    source: Any = world
    while not hasattr(source, "decode") and hasattr(source, "world"):
        # A null has the vocabulary of its world.
        source = source.world
    decode = getattr(source, "decode", lambda tokens: " ".join(map(str, tokens)))
    texts = (decode(row.astype(int)) for row in world.sample(_N_TEXTS, random_state=0).X)
    options: Any = {"max_lines": n_lines, "placeholder": " ...", "break_on_hyphens": False}
    return [textwrap.wrap(text, _WIDTH, **options) for text in texts]


def draw_sequences(
    world: "World", ax: Any, n_sequences: int | None = None, random_state: RandomState = 0
) -> None:
    """Draw some sequences of a world.

    Parameters
    ----------
    world : World
        The world.
    ax : matplotlib.axes.Axes
        Where to. Quantities become lines (of several channels, those of one sequence), zeros and
        ones cells of an image, and tokens text.
    n_sequences : int, default=None
        How many sequences, or channels of one; None is as many as have room.
    random_state : int, Generator, SeedSequence or None, default=0
        Stream of the sequences; the texts of tokens do not depend on it.
    """
    from matplotlib import colormaps

    title = type(world).__name__
    if world.observation == "token":
        texts = _texts_of(world, _N_LINES_OF_TEXT)
        ax.set_title(f"{title}: {len(texts)} sequences", loc="left", fontsize=10)
        text = "\n\n".join("\n".join(lines) for lines in texts)
        ax.text(
            0,
            1,
            text,
            family="monospace",
            size=8.5,
            va="top",
            linespacing=1.15,
            transform=ax.transAxes,
        )
        ax.set_axis_off()
        return
    axes = getattr(world, "axes", Axes())
    ax.set_xlabel(axes.time_label())
    ax.spines[["top", "right"]].set_visible(False)
    if world.observation == "binary":
        X = world.sample(n_sequences or _N_ROWS, random_state=random_state).X
        channels = X.reshape(*X.shape[:2], -1)
        span = X.shape[1] * (1.0 if axes.time_step is None else axes.time_step)
        half = span / X.shape[1] / 2
        extent = (-half, span - half, len(X) - 0.5, -0.5)
        cells = channels[:, :, 0]
        ax.imshow(cells, cmap="Greys", vmin=0, vmax=1, aspect="auto", extent=extent)
        said = f"{len(X)} sequences, one a row; black: 1, white: 0"
        ax.set_title(f"{title}: {said}", loc="left", fontsize=10)
        ax.set_ylabel("sequence" if X.ndim == 2 else f"1 of {channels.shape[2]} channels")
        ax.set_yticks([])
        return
    n_lines = n_sequences or _N_LINES
    X = world.sample(n_lines, random_state=random_state).X
    lines = X if X.ndim == 2 else X[0].T
    shown = lines[:n_lines]
    said = f"{len(shown)} sequences" if X.ndim == 2 else "one sequence"
    ax.set_title(f"{title}: {said}", loc="left", fontsize=10)
    for i, line in enumerate(shown):
        times = np.arange(len(line)) * (1.0 if axes.time_step is None else axes.time_step)
        ax.plot(times, line, color=colormaps["viridis"](0.9 * i / n_lines), linewidth=1)
    if X.ndim == 2:
        ax.set_ylabel(axes.value_label() or "observation")
    else:
        ax.set_ylabel(f"{len(shown)} of {len(lines)} channels")


def html_of(world: "World") -> str:
    """Return facts and some sequences of a world as HTML; what cannot be drawn says why."""
    try:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(value)}</td></tr>"
            for name, value in facts_of(world).items()
        )
        return f"<table>{rows}</table>{_picture(world)}"
    except Exception as error:
        # A notebook would show a traceback in place of the world, whose parameters may be wrong.
        return f"<p>Cannot be sampled: {escape(str(error))}</p>"


def _picture(world: "World") -> str:
    """Return sequences as HTML: text of tokens, else an image if matplotlib is there."""
    if world.observation == "token":
        return f"<pre>{escape(chr(10).join(rows_of(world)))}</pre>"
    return image_of(partial(draw_sequences, world), (6.4, 1.8), "some sequences")
