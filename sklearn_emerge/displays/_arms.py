"""Arms side by side in groups: seeds as points, their mean, its interval, levels by name."""

from dataclasses import dataclass, field

import numpy as np

from ._style import SMALL, frame, inches, wrap, write_names

# Line style of the level at zero; others are thicker.
REFERENCE = (0, ())
# Inches of the names beside a group, and between groups.
NAMES, GAP = 1.35, 0.3
# Narrower arms are hard to read.
_NARROW = 0.3


@dataclass
class Arm:
    """Values of the seeds of one arm.

    Attributes
    ----------
    label : str
        Under it; neighbours with the same label share one.
    color : str
        Its colour.
    seeds : ndarray
        Values, NaN of fits that have diverged.
    low, high : float
        Interval of the mean, NaN if there is none.
    note : str
        Above it.
    """

    label: str
    color: str
    seeds: np.ndarray
    low: float
    high: float
    note: str = ""

    @property
    def mean(self):
        """The mean; NaN if a seed has diverged."""
        return self.seeds.mean()

    @property
    def values(self):
        """All that is drawn of it."""
        return [*self.seeds, self.mean, self.low, self.high]


@dataclass
class Group:
    """Arms that stand together under a title, and the levels that they are compared with.

    Attributes
    ----------
    title : str
        Above it.
    arms : list of Arm
        From left to right.
    levels : list of (str, str, float)
        Name, line style and height of lines.
    """

    title: str
    arms: list
    levels: list = field(default_factory=list)


def width_of(groups, arm=0.8):
    """Return the inches that groups need, names of levels included."""
    n_arms = sum(len(group.arms) for group in groups)
    return arm * n_arms + GAP * len(groups) + NAMES * sum(_named(groups))


def draw_groups(ax, groups, *, needed, bounds=(-np.inf, np.inf)):
    """Draw groups.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    groups : list of Group
        What.
    needed : array-like
        What the vertical axis has to show; what is far from it leaves the frame.
    bounds : (float, float), default=(-inf, inf)
        What is possible; intervals end there.
    """
    shown = [value for group in groups for arm in group.arms for value in arm.values]
    shown += [height for group in groups for _, _, height in group.levels]
    ends = low, high = frame(needed, shown, bounds=bounds)
    unit, gaps, words, named = _layout(ax, groups)
    # Notes stand above what is drawn.
    notes = [wrap(arm.note, unit) for group in groups for arm in group.arms if arm.note]
    n_lines = max((note.count("\n") + 1 for note in notes), default=0)
    ax.set_ylim(low - 0.05 * (high - low), high + (0.05 + 0.06 * n_lines) * (high - low))
    left, places, tops = 0.0, {}, []
    for group, is_named, gap, word in zip(groups, named, gaps, words, strict=True):
        right = left + len(group.arms)
        for i, arm in enumerate(group.arms):
            _draw_arm(ax, left + i + 0.5, arm, ends, bounds, unit)
            places.setdefault((left, arm.label), []).append(left + i + 0.5)
        _draw_levels(ax, left, right, group.levels, ends)
        if is_named:
            heights = [
                (height, name if low <= height <= high else f"{name}: {height:.2g}", "0.2")
                for name, _, height in group.levels
            ]
            write_names(ax, heights, right, right + 0.12 / unit, NAMES - 0.15)
        width = max(unit * len(group.arms) + GAP, word)
        tops.append(((left + right) / 2, wrap(group.title, width, 9)))
        left = right + gap / unit
    ax.set_xlim(-GAP / unit / 2, left - GAP / unit / 2)
    _set_labels(ax, places, unit)
    above = ax.secondary_xaxis("top")
    above.set_xticks(*zip(*tops, strict=True), fontsize=9)
    above.tick_params(length=0)
    above.spines["top"].set_visible(False)


def _layout(ax, groups):
    """Return the inches of an arm, after each group, and of the longest word of each title.

    And where levels are named: if arms had no room, in the first group alone.
    """
    sizes = np.array([len(group.arms) for group in groups])
    named = np.array(_named(groups))
    if _unit(ax, sizes, GAP + NAMES * named) < _NARROW:
        named[1:] = False
    gaps = GAP + NAMES * named
    words = [max((len(word) for word in group.title.split()), default=0) for group in groups]
    words = 0.1 * np.array(words)
    # Titles that are wider than their groups need room on both sides.
    wider = np.maximum(words - _unit(ax, sizes, gaps) * sizes, 0) / 2
    gaps = np.maximum(gaps, GAP / 2 + wider + np.append(wider[1:], 0))
    return _unit(ax, sizes, gaps), gaps, words, named


def _unit(ax, sizes, gaps):
    """Return the inches that are left for each arm."""
    return max((inches(ax)[0] - sum(gaps)) / sum(sizes), 0.15)


def _set_labels(ax, places, unit):
    """Write the label of each arm, or of neighbours that share it, upright if there is no room."""
    longest = max(len(word) for _, label in places for word in label.split() or [""])
    upright = 0.065 * longest > unit * min(map(len, places.values()))
    ax.set_xticks(
        [np.mean(place) for place in places.values()],
        [label if upright else wrap(label, unit * len(x)) for (_, label), x in places.items()],
        fontsize=SMALL, rotation=90 if upright else 0,
    )  # fmt: skip
    ax.tick_params(axis="x", length=0)


def _draw_levels(ax, left, right, levels, ends):
    """Draw the lines of a group that are in the range."""
    for _, style, height in levels:
        if ends[0] <= height <= ends[1]:
            line = {"color": "black", "linewidth": 1.2, "linestyle": style}
            if style == REFERENCE:
                line |= {"color": "0.5", "linewidth": 0.8}
            ax.hlines(height, left, right, zorder=1, **line)


def _draw_arm(ax, x, arm, ends, bounds, unit):
    """Draw points beside a mean with its interval; what leaves the range becomes an arrow."""
    bottom, top = ends
    style = {"color": arm.color, "clip_on": False}
    spread = np.linspace(-0.5, 0.5, len(arm.seeds)) if len(arm.seeds) > 1 else np.zeros(1)
    inside = (arm.seeds >= bottom) & (arm.seeds <= top)
    x_seeds = (x - 0.13 + 0.3 * spread)[inside]
    if len(x_seeds):
        dots = {"markersize": 3.5, "alpha": 0.55, "markeredgewidth": 0}
        ax.plot(x_seeds, arm.seeds[inside], "o", **dots, **style)
    x_mean = x + 0.18
    low, high = np.clip([arm.low, arm.high], *bounds)
    if np.isfinite([low, high]).all() and low <= top and high >= bottom:
        ax.plot(
            [x_mean, x_mean],
            np.clip([low, high], bottom, top),
            linewidth=1.8,
            solid_capstyle="butt",
            **style,
        )
    if bottom <= arm.mean <= top:
        ax.plot(x_mean, arm.mean, "D", markersize=5, **style)
    values = np.array([*arm.seeds, arm.mean, low, high])
    for edge, marker, beyond in ((bottom, "v", values < bottom), (top, "^", values > top)):
        if beyond.any():
            ax.plot(x_mean, edge, marker, markersize=6, **style)
    if np.isfinite(arm.mean) and not bottom <= arm.mean <= top:
        # Beside the bar.
        edge, away = (bottom, 2) if arm.mean < bottom else (top, -2)
        ax.annotate(
            f"{arm.mean:.3g}", (x_mean, edge), (7, away), textcoords="offset points", ha="left",
            va="bottom" if away > 0 else "top", fontsize=SMALL, color=arm.color,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    if arm.note:
        ax.annotate(
            wrap(arm.note, unit), (x, 1), (0, -2), xycoords=ax.get_xaxis_transform(),
            textcoords="offset points", ha="center", va="top", fontsize=SMALL, color="0.25",
        )  # fmt: skip


def _named(groups):
    """Return where levels are named: not where groups before have the same names."""
    known, found = set(), []
    for group in groups:
        own = {level[:2] for level in group.levels}
        found.append(not own <= known)
        known |= own
    return found
