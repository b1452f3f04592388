"""Arms side by side in groups: seeds as points, their mean, its interval, levels by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats
from ._style import SMALL, LineStyle, frame, inches, settle, wrap, write_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._style import Color

# Line style of the level at zero; others are thicker.
REFERENCE = (0, ())
# Name, line style and height of a line.
Level = tuple[str, LineStyle, float]
# Inches of the names beside a group, and between groups.
NAMES, GAP = 1.25, 0.25
# Inches of a letter of a label, of the narrowest arm that is readable, and below which notes and
# numbers have less room than they need.
_LETTER, _NARROW, _TIGHT = 0.064, 0.3, 0.45


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
    points : bool
        Whether seeds are drawn besides their mean.
    """

    label: str
    color: str
    seeds: Floats
    low: float
    high: float
    note: str = ""
    points: bool = True

    @property
    def mean(self) -> float:
        """The mean; NaN if a seed has diverged."""
        return self.seeds.mean()

    @property
    def values(self) -> list[float]:
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
    levels : list of (str, line style, float)
        Name, line style and height of lines.
    """

    title: str
    arms: list[Arm]
    levels: list[Level] = field(default_factory=list)


def width_of(groups: Sequence[Group], arm: float = 0.62) -> float:
    """Return the inches that groups need, names of levels included."""
    n_arms = sum(len(group.arms) for group in groups)
    return arm * n_arms + GAP * len(groups) + NAMES * sum(bool(g.levels) for g in groups)


class Groups:
    """Groups in axes: first what stands around these, then, when they are laid out, what is inside.

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

    def __init__(
        self,
        ax: Axes,
        groups: Sequence[Group],
        *,
        needed: ArrayLike,
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> None:
        self.ax, self.groups, self.bounds = ax, groups, bounds
        shown = [value for group in groups for arm in group.arms for value in arm.values]
        shown += [height for group in groups for _, _, height in group.levels]
        self.ends = frame(needed, shown, bounds=bounds)
        above = ax.secondary_xaxis("top")
        above.tick_params(length=0)
        above.spines["top"].set_visible(False)
        self._above = above
        self._set_limits()
        settle(ax)
        self._label()

    @property
    def notes(self) -> str:
        """What a footer has to say of what leaves the frame, and of lines without names."""
        said = []
        values = np.array(
            [value for group in self.groups for arm in group.arms for value in arm.values]
        )
        inside = np.clip(values, *self.bounds)
        if ((inside < self.ends[0]) | (inside > self.ends[1])).any():
            said.append("Triangles: beyond the frame.")
        if (inside != values)[np.isfinite(values)].any():
            said.append("Intervals end at what is possible.")
        unnamed = [g for g, n in zip(self.groups, self._named, strict=True) if g.levels and not n]
        if unnamed:
            first = next(group for group in self.groups if group.levels)
            known = {level[0] for level in first.levels}
            others = [(g.title, [n for n, *_ in g.levels if n not in known]) for g in unnamed]
            said.append(
                f"Lines without a name: as in {first.title}"
                + "".join(
                    f"; in {title}, {' and '.join(names)}" for title, names in others if names
                )
                + "."
            )
        return " ".join(said)

    def draw(self) -> None:
        """Draw what is inside the axes."""
        # What stands around them may have changed their size.
        self._label()
        settle(self.ax)
        self._set_limits()
        ax, ends = self.ax, self.ends
        for i, (group, left) in enumerate(zip(self.groups, self._lefts, strict=True)):
            right = left + len(group.arms)
            raised = True
            for j, arm in enumerate(group.arms):
                # Its number is not where that of its neighbour is.
                is_below = arm.mean < ends[0]
                raised = self._unit < _TIGHT and is_below and not raised
                _draw_arm(ax, left + j + 0.5, arm, ends, self.bounds, self._unit, raised)
            _draw_levels(ax, left, right, group.levels, ends)
            if self._named[i]:
                heights = [
                    (
                        height,
                        name if ends[0] <= height <= ends[1] else f"{name}: {height:.2g}",
                        "0.2",
                    )
                    for name, _, height in group.levels
                ]
                below = (2.4 if raised else 1.2) * SMALL if is_below else 0
                write_names(
                    ax, heights, right, right + 0.12 / self._unit, NAMES - 0.15, below=below
                )

    def _set_limits(self) -> None:
        """Set the vertical limits: notes stand above what is drawn."""
        unit = getattr(self, "_unit", 1.0)
        notes = [_note(arm, unit) for group in self.groups for arm in group.arms if arm.note]
        n_lines = max((note.count("\n") + 1 for note in notes), default=0)
        room = min(0.05 + (n_lines * 1.25 * SMALL + 2) / 72 / inches(self.ax)[1], 0.5)
        low, high = self.ends
        self.ax.set_ylim(low - 0.05 * (high - low), high + (high - low) * 1.05 * room / (1 - room))

    def _label(self) -> None:
        """Find places of arms, and write their labels and the titles of groups."""
        ax, groups = self.ax, self.groups
        self._unit, gaps, words, self._named = _layout(ax, groups)
        unit, left, tops = self._unit, 0.0, []
        places: dict[tuple[float, str], list[float]] = {}
        self._lefts = []
        for group, gap, word in zip(groups, gaps, words, strict=True):
            self._lefts.append(left)
            right = left + len(group.arms)
            for i, arm in enumerate(group.arms):
                places.setdefault((left, arm.label), []).append(left + i + 0.5)
            width = max(unit * len(group.arms) + GAP - 0.15, word)
            tops.append(((left + right) / 2, wrap(group.title, width, 9)))
            left = right + gap / unit
        ax.set_xlim(-GAP / unit / 2, left - GAP / unit / 2)
        _set_labels(ax, places, unit)
        self._above.set_xticks(*zip(*tops, strict=True), fontsize=9)


def _layout(
    ax: Axes, groups: Sequence[Group]
) -> tuple[float, NDArray[np.floating], NDArray[np.floating], NDArray[np.bool_]]:
    """Return the inches of an arm, after each group, and of the longest word of each title.

    And where levels are named: if arms had no room, only where names are others than before, or in
    the first group alone.
    """
    sizes = np.array([len(group.arms) for group in groups])
    levels = np.array([bool(group.levels) for group in groups])
    least = _least(groups)
    for named in (levels, _others(groups), levels & (levels.cumsum() == 1)):
        if _unit(ax, sizes, GAP + NAMES * named) >= least:
            break
    gaps = GAP + NAMES * named
    longest = [max((len(word) for word in group.title.split()), default=0) for group in groups]
    words = 0.085 * np.array(longest)
    # Titles that are wider than their groups need room on both sides.
    wider = np.maximum(words - _unit(ax, sizes, gaps) * sizes, 0) / 2
    gaps = np.maximum(gaps, GAP / 2 + wider + np.append(wider[1:], 0))
    return _unit(ax, sizes, gaps), gaps, words, named


def _least(groups: Sequence[Group]) -> float:
    """Return the inches of an arm at which its label need not stand upright."""
    least = [_NARROW]
    for group in groups:
        labels = [arm.label for arm in group.arms]
        for label in set(labels):
            longest = max(map(len, label.split() or [""]))
            least.append(_LETTER * longest / labels.count(label))
    return max(least)


def _unit(ax: Axes, sizes: NDArray[np.integer], gaps: NDArray[np.floating]) -> float:
    """Return the inches that are left for each arm."""
    return max((inches(ax)[0] - sum(gaps)) / sum(sizes), 0.15)


def _set_labels(ax: Axes, places: Mapping[tuple[float, str], Sequence[float]], unit: float) -> None:
    """Write the label of each arm, or of neighbours that share it, upright if there is no room."""
    upright = any(
        _LETTER * max(map(len, label.split() or [""])) > unit * len(x)
        for (_, label), x in places.items()
    )
    ax.set_xticks(
        [np.mean(place) for place in places.values()],
        [
            # Upright, there is room for two lines.
            wrap(label, 0.65 if upright and unit > 0.28 else 2.0 if upright else unit * len(x))
            for (_, label), x in places.items()
        ],
        fontsize=SMALL,
        rotation=90 if upright else 0,
    )
    ax.tick_params(axis="x", length=0)


def _note(arm: Arm, unit: float) -> str:
    """Return the note of an arm, with the least room that it needs."""
    return wrap(arm.note.replace(" of ", "/") if unit < _TIGHT else arm.note, unit)


def _draw_levels(
    ax: Axes, left: float, right: float, levels: Iterable[Level], ends: tuple[float, float]
) -> None:
    """Draw the lines of a group that are in the range."""
    for _, style, height in levels:
        if ends[0] <= height <= ends[1]:
            line: dict[str, Any] = {"color": "black", "linewidth": 1.2, "linestyle": style}
            if style == REFERENCE:
                line |= {"color": "0.5", "linewidth": 0.8}
            ax.hlines(height, left, right, zorder=1, **line)


def _draw_arm(
    ax: Axes,
    x: float,
    arm: Arm,
    ends: tuple[float, float],
    bounds: tuple[float, float],
    unit: float,
    raised: bool,
) -> None:
    """Draw points beside a mean with its interval; what leaves the range becomes an arrow."""
    bottom, top = ends
    style = {"color": arm.color, "clip_on": False}
    spread = np.linspace(-0.5, 0.5, len(arm.seeds)) if len(arm.seeds) > 1 else np.zeros(1)
    inside = (arm.seeds >= bottom) & (arm.seeds <= top)
    x_seeds = (x - 0.13 + 0.3 * spread)[inside]
    if len(x_seeds) and arm.points:
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
    mark_beyond(ax, x_mean, arm.mean, values, ends, arm.color, raised)
    if arm.note:
        ax.annotate(
            _note(arm, unit),
            (x, 1),
            (0, -2),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=SMALL,
            color="0.25",
        )


def mark_beyond(
    ax: Axes,
    x: float,
    mean: float,
    values: Floats,
    ends: tuple[float, float],
    color: Color,
    raised: bool = False,
) -> None:
    """Draw arrows at the ends of a range that values leave, and write a mean that is not in it."""
    for edge, marker, beyond in (
        (ends[0], "v", values < ends[0]),
        (ends[1], "^", values > ends[1]),
    ):
        if beyond.any():
            ax.plot(x, edge, marker, markersize=6, color=color, clip_on=False)
    if np.isfinite(mean) and not ends[0] <= mean <= ends[1]:
        # Beside the bar.
        edge, away = (ends[0], 2) if mean < ends[0] else (ends[1], -2)
        away *= 6 if raised else 1
        ax.annotate(
            f"{mean:.3g}",
            (x, edge),
            (7, away),
            textcoords="offset points",
            ha="left",
            va="bottom" if away > 0 else "top",
            fontsize=SMALL,
            color=color,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


def _others(groups: Sequence[Group]) -> NDArray[np.bool_]:
    """Return where groups have levels with other names than those before."""
    known: set[tuple[str, LineStyle]] = set()
    found = []
    for group in groups:
        own = {level[:2] for level in group.levels}
        found.append(not own <= known)
        known |= own
    return np.array(found)
