"""Measures in the course of training."""

import numpy as np

from ..inference import student_interval
from ._style import PALETTE, as_cube, new_axes


class TrajectoryDisplay:
    """A measure against the updates of training, one line an entry of a dimension.

    Lines are means over seeds, bands their 95% intervals (Student's; none for one seed), thin
    lines the seeds. Build it with `from_cube`.

    Parameters
    ----------
    trajectory : xarray.DataArray of dimensions (lines, seed, step)
        The measure; the first dimension names the lines.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    lines_ : dict of str to matplotlib.lines.Line2D
        The lines of the means.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
    >>> from sklearn_emerge import TrajectoryDisplay
    >>> cube = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=20), nulls=(), n_train=20,
    ...     n_eval=10, record_at=[0, 10, 20], random_state=0, progress=False,
    ... ).fit().cube_
    >>> display = TrajectoryDisplay.from_cube(cube, along="mode")
    >>> list(display.lines_), display.ax_.get_ylabel()
    (['full', 'readout'], 'negative log-likelihood (nat/step)')
    """

    def __init__(self, trajectory):
        self.trajectory = trajectory

    @classmethod
    def from_cube(cls, cube, measure="nll", *, along, selection=None, ax=None):
        """Plot a measure of a cube.

        Parameters
        ----------
        cube : xarray.Dataset or path-like
            A cube with trajectories, from ``EmergenceAssessment(record_at=...)``.
        measure : str, default="nll"
            Name of the measure, "nll" or "train_loss" or one of your own.
        along : str
            Dimension whose entries are the lines, for instance "task", "mode" or "condition".
        selection : dict of str to value, default=None
            What to select of other dimensions. The structured condition and the mode "full" are
            selected unless told otherwise.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        TrajectoryDisplay
            Plotted.

        Raises
        ------
        ValueError
            If there is no such measure or dimension, or a dimension is left open.
        """
        cube = as_cube(cube)
        known = [str(v).removesuffix("_trajectory") for v in cube if str(v).endswith("_trajectory")]
        if measure not in known:
            raise ValueError(
                f"measure={measure!r} has not been recorded; the cube has "
                f"{', '.join(known) or 'none, assess with record_at=...'}."
            )
        trajectory = cube[f"{measure}_trajectory"]
        chosen = {"condition": "structured", "mode": "full"} | (selection or {})
        chosen.pop(along, None)
        for dim in ("seed", "step"):
            if dim in (along, *chosen):
                raise ValueError(
                    f"{dim!r} cannot be the dimension along which lines differ, nor be selected: a "
                    "line is the mean over all seeds at all steps. Select from the cube before, "
                    f"for instance cube.isel({dim}=[0])."
                )
        unknown = [dim for dim in (along, *chosen) if dim not in trajectory.dims]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is not a dimension of the trajectory, which has "
                f"{', '.join(trajectory.dims)}."
            )
        try:
            trajectory = trajectory.sel(chosen)
        except KeyError as error:
            raise ValueError(
                f"selection={chosen} is not in the cube, which has "
                f"{ {dim: trajectory[dim].values.tolist() for dim in chosen} }."
            ) from error
        left = set(trajectory.dims) - {along, "seed", "step"}
        if left:
            raise ValueError(
                f"selection leaves {' and '.join(sorted(left))} open; select one value of each, "
                f"for instance selection={{{sorted(left)[0]!r}: "
                f"{trajectory[sorted(left)[0]].values.tolist()[0]!r}}}."
            )
        return cls(trajectory.transpose(along, "seed", "step")).plot(ax=ax)

    def plot(self, ax=None):
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        TrajectoryDisplay
            Itself, with `ax_`, `figure_` and `lines_`.
        """
        ax = new_axes(ax, (6.4, 4.0))
        along = self.trajectory.dims[0]
        steps = self.trajectory.step.values
        self.lines_ = {}
        for i, name in enumerate(self.trajectory[along].values.tolist()):
            color = PALETTE[i % len(PALETTE)]
            seeds = self.trajectory.sel({along: name}).values
            shown = np.isfinite(seeds).all(axis=0)
            x, seeds = steps[shown], seeds[:, shown]
            (line,) = ax.plot(
                x, seeds.mean(axis=0), "o-", color=color, markersize=3, linewidth=1.8, label=name
            )
            self.lines_[str(name)] = line
            if len(seeds) > 1:
                ends = np.array([student_interval(values) for values in seeds.T]).reshape(-1, 2)
                ax.fill_between(x, *ends.T, color=color, alpha=0.15, linewidth=0)
                ax.plot(x, seeds.T, color=color, linewidth=0.5, alpha=0.5)
        name = self.trajectory.attrs.get("long_name", self.trajectory.name or "")
        name = name.removesuffix(" in the course of training")
        units = self.trajectory.attrs.get("units", "1")
        ax.set_xlabel("updates of the optimiser")
        ax.set_ylabel(name if units == "1" else f"{name} ({units})")
        ax.legend(title=along, frameon=False, fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
