"""The gains of one configuration, by condition and training mode."""

import numpy as np

from ._style import GREEN, MODE_COLORS, as_cube, finish, mark_ceiling, new_axes, parameters, select


class AssessmentDisplay:
    """Predictive gain of each training mode in the world and in its nulls.

    Points are seeds, bars their mean with its interval. Build it with `from_cube`.

    Parameters
    ----------
    delta_nll : xarray.DataArray of dimensions (condition, mode, seed)
        Gains over the reference baseline, in nats per step.
    ci_low, ci_high : xarray.DataArray of dimensions (condition, mode)
        Interval of the mean.
    verdict : str, default=None
        Shown in the title.
    delta_nll_baseline : xarray.DataArray of dimensions (condition, baseline), default=None
        Gains of the baselines; the best is drawn as a line.
    ceiling : xarray.DataArray of dimension (condition), default=None
        Gain of the best possible predictor, drawn as a line; NaN where it is not known.
    ceiling_kind : xarray.DataArray of dimension (condition), default=None
        "exact", or "bound" where it is only the best predictor known.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    """

    def __init__(
        self,
        delta_nll,
        ci_low,
        ci_high,
        verdict=None,
        delta_nll_baseline=None,
        ceiling=None,
        ceiling_kind=None,
    ):
        self.delta_nll = delta_nll
        self.ci_low = ci_low
        self.ci_high = ci_high
        self.verdict = verdict
        self.delta_nll_baseline = delta_nll_baseline
        self.ceiling = ceiling
        self.ceiling_kind = ceiling_kind

    @classmethod
    def from_cube(cls, cube, *, ax=None, **selection):
        """Plot one configuration of a cube.

        Parameters
        ----------
        cube : xarray.Dataset or path-like
            `EmergenceAssessment.cube_`, or the file it was written to.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
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
        cube = select(as_cube(cube), selection)
        still_open = parameters(cube)
        if still_open:
            name = still_open[0]
            raise ValueError(
                f"The cube has {cube.sizes[name]} configurations along {name!r}; choose one, for "
                f"instance {name}={cube[name].values[0]!r}."
            )
        display = cls(
            cube.delta_nll,
            cube.ci_low,
            cube.ci_high,
            cube.verdict.item(),
            cube.delta_nll_baseline.mean("seed"),
            (cube.nll_reference - cube.nll_optimal).mean("seed"),
            cube.ceiling,
        )
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        AssessmentDisplay
            Itself, with `ax_` and `figure_`.
        """
        conditions = self.delta_nll.condition.values.tolist()
        modes = self.delta_nll.mode.values.tolist()
        ax = new_axes(ax, (3.2 + 2.0 * len(conditions), 4.0))
        width = 0.8 / len(modes)
        for m, mode in enumerate(modes):
            place = np.arange(len(conditions)) + (m - (len(modes) - 1) / 2) * width
            seeds = self.delta_nll.sel(mode=mode).transpose("condition", "seed").values
            low, high = (bound.sel(mode=mode).values for bound in (self.ci_low, self.ci_high))
            mean = seeds.mean(axis=1)
            color = MODE_COLORS.get(mode, GREEN)
            ax.bar(place, mean, 0.92 * width, color=color, alpha=0.35, label=mode)
            error = np.abs(np.vstack([mean - low, high - mean]))
            ax.errorbar(place, mean, error, fmt="none", ecolor=color, capsize=4, linewidth=1.8)
            spread = np.linspace(-0.22, 0.22, seeds.shape[1]) * width
            ax.plot(place[:, None] + spread, seeds, "o", color=color, markersize=3.5, alpha=0.8)
        self._mark_best_baseline(ax, conditions)
        self._mark_ceiling(ax, conditions)
        ax.set_xticks(range(len(conditions)), conditions)
        ax.set_xlabel("condition")
        if self.verdict is not None:
            ax.set_title(f"training added: {self.verdict}", loc="left", fontsize=11)
        highest = self.delta_nll.max()
        if self.delta_nll_baseline is not None:
            highest = max(highest, self.delta_nll_baseline.max())
        if self.ceiling is not None and self.ceiling.notnull().any():
            highest = max(highest, self.ceiling.max())
        finish(ax, self.delta_nll.min(), highest)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _mark_best_baseline(self, ax, conditions):
        """Draw the strongest baseline of each condition, if one gains on the reference."""
        if self.delta_nll_baseline is None:
            return
        labelled = False
        for c, condition in enumerate(conditions):
            gains = self.delta_nll_baseline.sel(condition=condition)
            # In a null not all of them are computed.
            best = int(np.nanargmax(gains.values))
            if gains[best] > 0:
                name = f"best baseline: {gains.baseline.values[best]}"
                ax.hlines(
                    gains[best], c - 0.42, c + 0.42, color="black", linestyle=":",
                    label=None if labelled else name,
                )  # fmt: skip
                labelled = True

    def _mark_ceiling(self, ax, conditions):
        """Draw the gain of the best possible predictor of each condition."""
        if self.ceiling is None:
            return
        labelled = set()
        for c, condition in enumerate(conditions):
            gain = float(self.ceiling.sel(condition=condition))
            if np.isfinite(gain):
                kind = "exact"
                if self.ceiling_kind is not None:
                    kind = self.ceiling_kind.sel(condition=condition).item()
                mark_ceiling(ax, c, gain, kind, labelled)
