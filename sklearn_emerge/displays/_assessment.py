"""The gains of one configuration, by condition and training mode."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from .._docs import fill_doc
from ..assessment._words import arm_in_words, condition_in_words
from ._arms import REFERENCE, Arm, Group, Groups, width_of
from ._captions import (
    footer,
    gains_in_words,
    levels,
    panel_title,
    reference_name,
    test_in_words,
    verdict_title,
)
from ._source import CubeDisplay, known_option, select, select_one
from ._style import ARM_COLORS, GREEN, finish, literal, set_title

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..assessment._cube import CubeSource
    from ._arms import Level


class AssessmentDisplay(CubeDisplay):
    """Predictive gain of each training mode in the world and in its nulls.

    Points are seeds, beside them their mean with its interval. Lines are the best possible
    predictor, the best of all baselines and, at 0, the reference. The axis has the range of the
    networks with all weights trained in the world, and of these lines; arrows and numbers stand
    for what is far from them. Build it with `from_cube` or `from_estimator`.

    Parameters
    ----------
    cube : xarray.Dataset
        One configuration of `EmergenceAssessment.cube_`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    """

    _options = {"modes": None, "note": "seeds"}

    def __init__(self, cube: xr.Dataset) -> None:
        self.cube = cube

    @classmethod
    @fill_doc
    def from_cube(
        cls,
        cube: CubeSource,
        *,
        modes: str | Sequence[str] | None = None,
        note: Literal["seeds", "p"] | None = "seeds",
        ax: Axes | None = None,
        **selection: object,
    ) -> Self:
        """Plot one configuration of a cube.

        Parameters
        ----------
        cube : xarray.Dataset, path-like or EmergenceAssessment
            %(cube)s
        modes, note, ax
            As in `plot`.
        **selection
            A value for each parameter of the grid, for instance ``hidden_size=16``.

        Returns
        -------
        AssessmentDisplay
            Plotted.

        Raises
        ------
        ValueError
            If it is not a cube, or more than one configuration is left.
        """
        return cls(select_one(cube, selection)).plot(ax, modes=modes, note=note)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        modes: str | Sequence[str] | None = "same",
        note: Literal["seeds", "p", "same"] | None = "same",
    ) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.
        modes : sequence of str or None, default="same"
            The training modes to show. None is all but "random", whose untrained head loses so
            much that the loss says nothing. "same" is as plotted before, at first None.
        note : {"seeds", "p", None, "same"}, default="same"
            What stands above each arm. "seeds": how many gain more than the margin of the claims
            over the reference; in cubes without one, how many gain anything, where the gain is
            significant. "p": the p-value of no gain, adjusted over the configurations. "same" is
            as plotted before, at first "seeds".

        Returns
        -------
        AssessmentDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If a mode is not in the cube, or the note is not known.
        """
        given, note = self._as_before(modes=modes, note=note)
        known_option("note", note, ("seeds", "p", None))
        modes, cube = shown_modes(self.cube, given), self.cube
        margin = json.loads(cube.attrs.get("configuration", "{}")).get("margin")
        conditions = cube.condition.values.tolist()
        groups = [_group(cube.sel(condition=c), modes, note, margin) for c in conditions]
        first = groups[0]
        ax = self._new_axes(ax, (max(width_of(groups) + 1.4, 4.8), 4.2))
        ax.set_ylabel("gain over the reference (nats per step)")
        needed = [0.0, *first.arms[0].seeds, *(height for *_, height in first.levels)]
        drawn = Groups(ax, groups, needed=needed)
        set_title(ax, f"{verdict_title(cube)}\n{panel_title(cube, cube)}")
        noted = any(arm.note for group in groups for arm in group.arms)
        said = _said(cube, note, margin) if noted else ""
        finish(ax, footer(cube, modes, f"{drawn.notes} {said}"))
        drawn.draw()
        self.ax_ = ax
        self._plotted(ax, modes=given, note=note)
        return self

    def _shown(self) -> str:
        return (
            f"gains of {panel_title(self.cube, self.cube)}: {gains_in_words(self.cube)}; "
            f"{self.cube.sizes['seed']} seeds. {verdict_title(self.cube)}"
        )


def shown_modes(cube: xr.Dataset, modes: str | Iterable[str] | None) -> list[str]:
    """Return the training modes to show, all but "random" unless asked for."""
    if modes is None:
        known = cube.mode.values.tolist()
        return [mode for mode in known if mode != "random"] or known
    modes = [modes] if isinstance(modes, str) else list(modes)
    # For what the error says.
    return select(cube, {"mode": modes}).mode.values.tolist()


def gain_levels(here: xr.Dataset) -> list[Level]:
    """Return name, line style and gain of the levels of a condition, the reference among them."""
    reference = reference_name(here)
    found = [
        (name, style, (here.nll_reference.mean("seed") - loss).item())
        for name, style, loss in levels(here)
        if name != reference
    ]
    return [(f"reference: {reference}", REFERENCE, 0.0), *found]


def gain_arms(
    here: xr.Dataset, modes: Iterable[str], label: Callable[[str], str] = arm_in_words
) -> list[Arm]:
    """Return the arms of a condition, with the gains of the cube and their intervals."""
    return [
        Arm(
            label(mode),
            ARM_COLORS.get(mode, GREEN),
            here.delta_nll.sel(mode=mode).values,
            here.ci_low.sel(mode=mode).item(),
            here.ci_high.sel(mode=mode).item(),
        )
        for mode in modes
    ]


def _said(cube: xr.Dataset, note: str | None, margin: float | None) -> str:
    """Return what a footer has to say of the notes above arms."""
    if note == "p":
        return f"p: of no gain over the reference, by {test_in_words(cube)}."
    if note is None:
        return ""
    if margin is None:
        return "Above, where the gain is significant: seeds that gain anything over the reference."
    return f"Above: seeds that gain more than {margin:g}, the margin."


def _group(here: xr.Dataset, modes: Sequence[str], note: str | None, margin: float | None) -> Group:
    """Return the group of one condition."""
    arms = gain_arms(here, modes)
    p_value = here.p_value_adjusted if "p_value_adjusted" in here else here.p_value
    alpha = json.loads(here.attrs.get("configuration", "{}")).get("alpha", 0.05)
    for mode, arm in zip(modes, arms, strict=True):
        n_diverged = np.isnan(arm.seeds).sum()
        if n_diverged:
            arm.note = f"{n_diverged} of {len(arm.seeds)} diverged"
        elif note == "seeds" and (margin is not None or p_value.sel(mode=mode) <= alpha):
            # As in the words on claims; without a margin, zero gains would read as findings.
            arm.note = f"{(arm.seeds > (margin or 0)).sum()} of {len(arm.seeds)}"
        elif note == "p":
            p = p_value.sel(mode=mode).item()
            # One seed alone has none.
            if np.isfinite(p):
                arm.note = "p < .0001" if p < 1e-4 else f"p = {p:.2g}".replace("= 0.", "= .")
    return Group(literal(condition_in_words(here.condition.item())), arms, gain_levels(here))
