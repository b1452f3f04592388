"""The gains of one configuration, by condition and training mode."""

import numpy as np

from .._docs import fill_doc
from ..assessment._words import arm_in_words, condition_in_words
from ._arms import REFERENCE, Arm, Group, draw_groups, width_of
from ._captions import (
    assessed,
    footer,
    levels,
    reference_name,
    test_in_words,
    verdict_title,
)
from ._source import Display, select, select_one
from ._style import ARM_COLORS, GREEN, finish, literal, new_axes, set_title

# What stands above arms.
_NOTES = {
    "seeds": "Above: seeds that gain over the reference.",
    "p": "p: of no gain over the reference, by {test}.",
}


class AssessmentDisplay(Display):
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

    def __init__(self, cube):
        self.cube = cube

    @classmethod
    @fill_doc
    def from_cube(cls, cube, *, modes=None, note="seeds", ax=None, **selection):
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

    def plot(self, ax=None, *, modes=None, note="seeds"):
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
        modes : sequence of str, default=None
            The training modes to show. None is all but "random", whose untrained head loses so
            much that the loss says nothing.
        note : {"seeds", "p", None}, default="seeds"
            What stands above each arm: in how many seeds it gains over the reference, or the
            p-value of that, adjusted over the configurations.

        Returns
        -------
        AssessmentDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If a mode is not in the cube, or the note is not known.
        """
        if note is not None and note not in _NOTES:
            raise ValueError(f"note={note!r} is not known; choose 'seeds', 'p' or None.")
        modes = shown_modes(self.cube, modes)
        conditions = self.cube.condition.values.tolist()
        groups = [_group(self.cube.sel(condition=c), modes, note) for c in conditions]
        first = groups[0]
        ax = new_axes(ax, (width_of(groups) + 1.4, 4.2))
        needed = [0.0, *first.arms[0].seeds, *(height for *_, height in first.levels)]
        draw_groups(ax, groups, needed=needed)
        ax.set_ylabel("gain over the reference (nats per step)")
        set_title(ax, verdict_title(self.cube))
        noted = any(arm.note for group in groups for arm in group.arms)
        said = _NOTES[note].format(test=test_in_words(self.cube)) if note and noted else ""
        finish(ax, footer(self.cube, modes, said))
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _shown(self):
        return (
            f"gains of {assessed(self.cube)} in {', '.join(self.cube.condition.values)}; "
            f"seeds: {self.cube.sizes['seed']}, verdict {self.cube.verdict.item()}"
        )


def shown_modes(cube, modes):
    """Return the training modes to show, all but "random" unless asked for."""
    if modes is None:
        known = cube.mode.values.tolist()
        return [mode for mode in known if mode != "random"] or known
    modes = [modes] if isinstance(modes, str) else list(modes)
    # For what the error says.
    return select(cube, {"mode": modes}).mode.values.tolist()


def gain_levels(here):
    """Return name, line style and gain of the levels of a condition, the reference among them."""
    reference = reference_name(here)
    found = [
        (name, style, (here.nll_reference.mean("seed") - loss).item())
        for name, style, loss in levels(here)
        if name != reference
    ]
    return [(f"reference: {reference}", REFERENCE, 0.0), *found]


def gain_arms(here, modes, label=arm_in_words):
    """Return the arms of a condition, with the gains of the cube and their intervals."""
    return [
        Arm(
            label(mode), ARM_COLORS.get(mode, GREEN), here.delta_nll.sel(mode=mode).values,
            here.ci_low.sel(mode=mode).item(), here.ci_high.sel(mode=mode).item(),
        )
        for mode in modes
    ]  # fmt: skip


def _group(here, modes, note):
    """Return the group of one condition."""
    arms = gain_arms(here, modes)
    for mode, arm in zip(modes, arms, strict=True):
        n_diverged = np.isnan(arm.seeds).sum()
        if n_diverged:
            arm.note = f"{n_diverged} of {len(arm.seeds)} diverged"
        elif note == "seeds":
            arm.note = f"{(arm.seeds > 0).sum()} of {len(arm.seeds)}"
        elif note == "p":
            p_value = here.p_value_adjusted if "p_value_adjusted" in here else here.p_value
            p = p_value.sel(mode=mode).item()
            # One seed alone has none.
            if np.isfinite(p):
                arm.note = "p < .0001" if p < 1e-4 else f"p = {p:.2g}".replace("= 0.", "= .")
    return Group(literal(condition_in_words(here.condition.item())), arms, gain_levels(here))
