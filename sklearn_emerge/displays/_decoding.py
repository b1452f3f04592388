"""What can be decoded against what is predicted, over several worlds or models."""

import numpy as np

from ..inference import student_interval
from ._style import MODE_COLORS, as_cube, finish, mark_ceiling, new_axes, parameters


class DecodingDisplay:
    """Decodability of a latent before and after training, beside the predictive gain.

    Points are seeds, bars their mean with its 95% interval. Build it with `from_cubes`.

    Parameters
    ----------
    probe_score : dict of str to xarray.DataArray of dimensions (mode, seed), or None
        Cross-validated probe score of the latent by name of the experiment; None where there is
        no latent.
    delta_nll : dict of str to xarray.DataArray of dimensions (mode, seed)
        Gains over the reference baseline, in nats per step.
    ceiling : dict of str to (float, str)
        Gain of the best predictor, NaN where it is not known, and whether it is "exact" or a
        "bound", the best one known.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (2,)
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> from sklearn_emerge import DecodingDisplay, EmergenceAssessment, GRUPredictor, DriftWorld
    >>> assessment = EmergenceAssessment(
    ...     DriftWorld(n_steps=20), GRUPredictor(hidden_size=2, max_steps=2), nulls=(),
    ...     n_train=20, n_eval=10, random_state=0, progress=False,
    ... ).fit()
    >>> display = DecodingDisplay.from_cubes({"drift": assessment.cube_})
    >>> display.axes_[1].get_ylabel()
    'gain over the reference (nats per step)'
    """

    def __init__(self, probe_score, delta_nll, ceiling):
        self.probe_score = probe_score
        self.delta_nll = delta_nll
        self.ceiling = ceiling

    @classmethod
    def from_cubes(cls, cubes, *, axes=None):
        """Plot one configuration of each of several cubes.

        Parameters
        ----------
        cubes : dict of str to xarray.Dataset or path-like
            Cubes by the name to show, without dimensions of a grid.
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        DecodingDisplay
            Plotted.

        Raises
        ------
        ValueError
            If one is not a cube, or still has a grid.
        """
        probes, gains, ceilings = {}, {}, {}
        for name, source in cubes.items():
            cube = as_cube(source)
            if parameters(cube):
                raise ValueError(
                    f"The cube {name!r} varies {parameters(cube)[0]!r}; select one value of it "
                    "with cube.sel."
                )
            cube = cube.sel(condition="structured")
            gains[name] = cube.delta_nll
            possible = float((cube.nll_reference - cube.nll_optimal).mean("seed"))
            ceilings[name] = possible, cube.ceiling.item()
            probes[name] = cube.probe_score.isel(latent=0) if "probe_score" in cube else None
        return cls(probes, gains, ceilings).plot(axes=axes)

    def plot(self, axes=None):
        """Plot.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        DecodingDisplay
            Itself, with `axes_` and `figure_`.
        """
        left, right = self.axes_ = np.asarray(new_axes(axes, (11.0, 4.2), n_columns=2))
        names = list(self.delta_nll)
        # An untrained core has the same states in both modes.
        modes = {m for scores in self.probe_score.values() if scores is not None
                 for m in scores.mode.values}  # fmt: skip
        untrained = "random" if "random" in modes else "readout"
        _bars(left, {name: self.probe_score[name] for name in names}, (untrained, "full"))
        left.set_ylabel("probe score (cross-validated R² or D²)")
        left.axhline(0, color="black", linewidth=0.8)
        left.spines[["top", "right"]].set_visible(False)
        if left.get_legend_handles_labels()[0]:
            left.legend(title="trained weights", frameon=False, fontsize=9, loc="upper right")
            left.set_ylim(top=1.25 * left.get_ylim()[1])
        _bars(right, self.delta_nll, ("readout", "full"))
        labelled = set()
        known = [(name, *of) for name, of in self.ceiling.items() if np.isfinite(of[0])]
        for name, gain, kind in known:
            mark_ceiling(right, names.index(name), gain, kind, labelled)
        shown = [gain.sel(mode=[m for m in gain.mode.values if m != "random"])
                 for gain in self.delta_nll.values()]  # fmt: skip
        highest = [float(gain.max()) for gain in shown] + [gain for _, gain, _ in known]
        finish(right, min(float(gain.min()) for gain in shown), max(highest))
        for ax in (left, right):
            ax.set_xticks(range(len(names)), [name.replace("-", "\n") for name in names])
            ax.set_xlabel("world and model")
            ax.set_xlim(-0.6, len(names) - 0.4)
        for place, name in enumerate(names):
            if self.probe_score[name] is None:
                left.annotate("no latent", (place, 0.02), ha="center", fontsize=9)
        self.figure_ = left.figure
        return self


def _bars(ax, values, modes):
    """Draw a group of bars for each name, one a mode, with the seeds as points."""
    width = 0.8 / len(modes)
    for m, mode in enumerate(modes):
        labelled = False
        for place, array in enumerate(values.values()):
            if array is None or mode not in array.mode.values:
                continue
            seeds = array.sel(mode=mode).values
            # Fits that have diverged are not shown.
            seeds = seeds[np.isfinite(seeds)]
            if len(seeds) < 2:
                continue
            x = place + (m - (len(modes) - 1) / 2) * width
            color = MODE_COLORS[mode]
            label = None if labelled else mode
            ax.bar(x, seeds.mean(), 0.92 * width, color=color, alpha=0.35, label=label)
            low, high = student_interval(seeds)
            error = [[seeds.mean() - low], [high - seeds.mean()]]
            ax.errorbar(x, seeds.mean(), error, ecolor=color, capsize=4, linewidth=1.8)
            ax.plot(x + np.linspace(-0.2, 0.2, len(seeds)) * width, seeds, "o", color=color, ms=3.5)
            labelled = True
