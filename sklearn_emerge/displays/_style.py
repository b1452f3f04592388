"""One hand for all displays: colours of arms, lines of levels, axes, titles and footers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# Okabe and Ito's palette, readable with any colour vision.
BLUE, ORANGE, RED, GREEN, PINK, SKY, BLACK = PALETTE = (
    "#0072B2",
    "#E69F00",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#000000",
)
GREY = "#999999"
ARM_COLORS = {"full": BLUE, "readout": ORANGE, "random": GREY, "scrambled": PINK}
# Names and line styles of what the best predictor is known to be.
CEILINGS = {"exact": ("best possible", "-"), "bound": ("best known", "--")}
ALTERNATIVE_STYLE = ":"
SMALL = 8
# A colour by name, or red, green, blue and opacity; a line style by name, or lengths of dashes.
Color = str | tuple[float, ...]
LineStyle = str | tuple[int, tuple[int, ...]]
# Width of a letter as a share of the size of the font.
_LETTER = 0.56
# Axes that are narrower, in inches, have a smaller title.
_SMALL_WIDTH = 4.5
NO_MATPLOTLIB = "Displays need matplotlib, which is not installed; run pip install matplotlib."


def colors_of(names: Sequence[str]) -> list[Color]:
    """Return the colours of lines: those of arms are the same everywhere."""
    if len(names) <= len(PALETTE):
        return [ARM_COLORS.get(name, color) for name, color in zip(names, PALETTE, strict=False)]
    return shades(len(names))


def shades(n_lines: int) -> list[Color]:
    """Return colours of lines that have an order."""
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 0.85, n_lines)))


def make_room(ax: Axes) -> None:
    """Let the figure of given axes make room for what stands around them, if nothing else does."""
    figure = ax.figure.figure
    if figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")


def new_figure(figsize: tuple[float, float]) -> Figure:
    """Return a new figure that makes room for what stands around its axes."""
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ImportError(NO_MATPLOTLIB) from error
    return plt.figure(figsize=figsize, layout="constrained")


def settle(ax: Axes) -> None:
    """Lay out what is drawn so far: then axes are as large as they will be."""
    figure = ax.figure.figure
    if figure.get_layout_engine() is not None:
        figure.get_layout_engine().execute(figure)


def inches(ax: Axes) -> Floats:
    """Return how wide and high axes are, in inches, since they were laid out last."""
    return np.asarray(ax.bbox.size) / ax.figure.figure.dpi


def literal(name: object) -> str:
    """Return a name as it is to be drawn: a dollar sign in it begins no formula."""
    return re.sub(r"(?<!\\)\$", r"\\$", str(name))


def wrap(text: str, width: float, size: float = SMALL) -> str:
    """Break a text so that its lines are not wider than so many inches."""
    n_letters = max(int(width * 72 / (_LETTER * size)), 4)
    return textwrap.fill(str(text), n_letters, break_on_hyphens=False)


def set_title(ax: Axes, text: str) -> None:
    """Write a title whose lines are not wider than its axes."""
    width = inches(ax)[0]
    size = 10 if width > _SMALL_WIDTH else 9
    lines = [wrap(line, width, size) for line in text.split("\n")]
    ax.set_title("\n".join(lines), loc="left", fontsize=size)


def finish(ax: Axes, footer: str | None = None) -> None:
    """Take away what is not data, write a footer below everything, and lay it all out."""
    _finish([ax], footer)


def _finish(axes: Sequence[Axes] | NDArray[Any], footer: str | None) -> None:
    """Finish axes of one figure; the footer stands below the first of them."""
    first = axes[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    settle(first)
    if footer is not None:
        first.annotate(
            wrap(footer, inches(first)[0], 7.5),
            (0, 0),
            xycoords=("axes fraction", first.xaxis.label),
            xytext=(0, -4),
            textcoords="offset points",
            va="top",
            fontsize=7.5,
            color="0.35",
        )
        settle(first)
    for ax in axes:
        _shorten(ax, ax.yaxis.label)


def finish_panels(
    axes: Sequence[Axes] | NDArray[Any],
    is_own: bool,
    title: str | None = None,
    footer: str | None = None,
) -> None:
    """Finish axes that belong together: a title above and a footer below all that are one's own.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        In a row.
    is_own : bool
        Whether there is nothing else in their figure. Else the footer stands below the first.
    title, footer : str, default=None
        What to write.
    """
    figure = axes[0].figure.figure
    width = figure.get_figwidth() - 0.2
    if is_own and title:
        figure.suptitle(wrap(title, width, 10), x=0.01, ha="left", fontsize=10)
    if is_own and footer:
        text = wrap(footer, width, 7.5)
        figure.supxlabel(text, x=0.01, ha="left", fontsize=7.5, color="0.35")
    _finish(axes, None if is_own else footer)


def _shorten(ax: Axes, label: Text) -> None:
    """Break the label of the vertical axis if it is longer than that: it would be cut."""
    if label.get_window_extent().height <= ax.bbox.height:
        return
    # Units last.
    label.set(text=label.get_text().replace(" (", "\n("), fontsize=9)
    settle(ax)
    share = label.get_window_extent().height / ax.bbox.height
    if share > 1:
        lines = label.get_text().split("\n")
        width = max(int(max(map(len, lines)) / share), 8)
        label.set_text("\n".join(textwrap.fill(line, width) for line in lines))
        settle(ax)


def set_legend(ax: Axes, title: str | None = None) -> None:
    """Put the legend beside the axes, where it hides nothing."""
    legend = ax.legend(
        title=title,
        frameon=False,
        fontsize=9,
        loc="upper left",
        bbox_to_anchor=(1, 1),
        alignment="left",
    )
    # Beside its lines, no more than a third of the figure.
    width = ax.figure.figure.get_figwidth() / 3 - 0.6
    for text in legend.get_texts():
        text.set_text(wrap(text.get_text(), width, 9))


def ends_of(bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    """Return the least and the largest value that is possible; None is any."""
    low, high = bounds
    return -np.inf if low is None else low, np.inf if high is None else high


def frame(
    needed: ArrayLike,
    shown: ArrayLike,
    *,
    least: float = 0.05,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Return the range of an axis.

    All that is needed is in it. Of what is shown besides, what is not so far that the needed could
    not be read any more; some room says that there is more.

    Parameters
    ----------
    needed, shown : array-like
        Values, NaN where there are none.
    least : float, default=0.05
        The least range.
    bounds : (float, float), default=(-inf, inf)
        What is possible.

    Returns
    -------
    (float, float)
    """
    inside, all_shown = (np.asarray(each, float).ravel() for each in (needed, shown))
    inside, all_shown = inside[np.isfinite(inside)], all_shown[np.isfinite(all_shown)]
    if not len(inside):
        inside = all_shown if len(all_shown) else np.zeros(1)
    low, high = inside.min(), inside.max()
    spare = max(least - (high - low), 0) / 2
    low, high = low - spare, high + spare
    span = high - low
    far_below, far_above = all_shown < low - span, all_shown > high + span / 2
    near = np.append(all_shown[~far_below & ~far_above], [low, high])
    if far_below.any():
        near = np.append(near, low - span / 5)
    if far_above.any():
        near = np.append(near, high + span / 5)
    return max(near.min(), bounds[0]), min(near.max(), bounds[1])


def write_names(
    ax: Axes,
    names: Iterable[tuple[float, str, Color]],
    x: float | None = None,
    x_text: float | None = None,
    width: float = 1.25,
    below: float = 0,
) -> None:
    """Write names at heights of the axes, apart from each other, each with a line to its height.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With the limits that it is to have.
    names : sequence of (float, str, color)
        Height, name and colour.
    x, x_text : float, default=None
        Where lines begin and names stand; None is beside the axes, which are laid out for them.
    width : float, default=1.25
        Of the names, in inches.
    below : float, default=0
        Points at the bottom that are not theirs.
    """
    from sklearn.isotonic import isotonic_regression

    names = sorted((name for name in names if np.isfinite(name[0])), key=lambda name: name[0])
    if not names:
        return
    texts = [wrap(text, width) for _, text, _ in names]
    # Places are apart on the axis as it is drawn, which may be logarithmic.
    scale = ax.yaxis.get_transform()
    bottom, top = scale.transform(np.array(ax.get_ylim()))
    point = (top - bottom) / (inches(ax)[1] * 72)
    room = np.array([1.25 * SMALL * (text.count("\n") + 1) + 2 for text in texts]) * point
    heights = np.clip([height for height, _, _ in names], *ax.get_ylim())
    # The nearest places of which each leaves room for the one below.
    before = np.cumsum(room) - room / 2
    highest = max(top - room.sum(), bottom)
    lowest = min(bottom + below * point, highest)
    wanted = scale.transform(heights) - before
    places = isotonic_regression(wanted, y_min=lowest, y_max=highest) + before
    places = scale.inverted().transform(places)
    beside = x is None
    place = ax.get_yaxis_transform() if beside else "data"
    x, x_text = (1.0, 1.04) if beside else (x, x_text)
    for height, place_y, text, (_, _, color) in zip(heights, places, texts, names, strict=True):
        ax.annotate(
            text,
            (x, height),
            xycoords=place,
            xytext=(x_text, place_y),
            textcoords=place,
            va="center",
            fontsize=SMALL,
            color=color,
            annotation_clip=False,
            linespacing=1.1,
            arrowprops={
                "arrowstyle": "-",
                "linewidth": 0.5,
                "color": "0.6",
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )


def log_steps(ax: Axes, steps: NDArray[np.integer]) -> None:
    """Show updates on a logarithmic axis, with a place for those before the first."""
    above = steps[steps > 0]
    if not len(above):
        return
    if len(above) == len(steps):
        ax.set_xscale("log")
        return
    ax.set_xscale("symlog", linthresh=float(above.min()), linscale=0.5)
    decades = 10.0 ** np.arange(np.ceil(np.log10(above.min())), np.log10(above.max()) + 1e-9)
    ticks = decades if len(decades) > 1 else [above.min(), above.max()]
    ax.set_xticks([0, *ticks], ["0", *(f"{tick:g}" for tick in ticks)])
    ax.minorticks_off()


def plain_ticks(ax: Axes) -> None:
    """Write numbers on a logarithmic vertical axis, more of them the fewer decades it spans."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = ax.get_ylim()
    subs = (1.0,) if high / low > 1000 else (1.0, 3.0) if high / low > 50 else (1.0, 2.0, 5.0)
    ax.yaxis.set_major_locator(LogLocator(subs=subs))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def log_ticks(ax: Axes) -> None:
    """Put readable ticks on a logarithmic axis that spans less than two decades."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    low, high = ax.get_xlim()
    if high / low < 100:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        ax.xaxis.set_minor_formatter(NullFormatter())
