"""Colours and helpers that the displays share."""

import numpy as np

from ..assessment import load_cube
from ..assessment._cube import check_cube

# Okabe and Ito's palette, readable with any colour vision.
BLUE, ORANGE, RED, GREEN, PINK, SKY, BLACK = PALETTE = (
    "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000",
)  # fmt: skip
MODE_COLORS = {"full": BLUE, "readout": ORANGE, "random": "#999999", "scrambled": PINK}

CEILING_LABELS = {"exact": "best possible", "bound": "best known", "unknown": None}


def as_cube(cube):
    """Return a cube, given one or the path of its file."""
    if hasattr(cube, "data_vars"):
        return check_cube(cube)
    return load_cube(cube)


def select(cube, selection):
    """Select one configuration of the grid; name what is still open if it is not one."""
    unknown = [name for name in selection if name not in cube.dims]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is not a dimension of the cube; its parameters are "
            f"{', '.join(parameters(cube)) or 'none'}."
        )
    try:
        return cube.sel(selection)
    except KeyError as error:
        known = {name: cube[name].values.tolist() for name in selection}
        raise ValueError(f"{selection!r} is not in the cube; its values are {known}.") from error


def parameters(cube):
    """Return the names of the dimensions that come from the parameter grid."""
    return [dim for dim in cube.delta_nll.dims if dim not in ("condition", "mode", "seed")]


def new_axes(ax, figsize, n_columns=1):
    """Return the given axes, or those of a new figure."""
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ImportError(
            "Displays need matplotlib, which is not installed; run pip install matplotlib."
        ) from error
    return plt.subplots(1, n_columns, figsize=figsize, layout="constrained")[1]


def finish(ax, lowest, highest):
    """Label the axis of gains, put the legend beside the axes, take away what is not data."""
    from matplotlib.ticker import MaxNLocator

    ax.axhline(0, color="black", linewidth=0.8, zorder=1)
    top = max(float(highest), 0.05)
    if lowest < -3 * top:
        # Untrained networks lie orders of magnitude below zero: linear around it, then log.
        ax.set_yscale("symlog", linthresh=1.25 * top, linscale=2.5)
        ax.set_ylim(2 * float(lowest), 1.25 * top)
        near = MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(-top, top)
        decades = range(int(np.ceil(np.log10(2 * top))), int(np.log10(-float(lowest))) + 1)
        far = [-(10.0**exponent) for exponent in decades]
        ax.set_yticks([*far, *near[np.abs(near) <= 1.25 * top]])
        ax.yaxis.set_major_formatter("{x:.3g}")
        ax.minorticks_off()
    ax.set_ylabel("gain over the reference (nats per step)")
    ax.legend(
        title="trained weights", frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1)
    )
    ax.spines[["top", "right"]].set_visible(False)


def mark_ceiling(ax, place, gain, kind, labelled):
    """Draw the gain of the best predictor over a group of bars; label each kind once."""
    label = None if kind in labelled else CEILING_LABELS[kind]
    style = "-" if kind == "exact" else "--"
    ends = place - 0.45, place + 0.45
    ax.hlines(gain, *ends, color="black", linewidth=1.2, linestyle=style, label=label)
    labelled.add(kind)
