"""Loss against how many of the last inputs a network sees."""

import numpy as np

from ..inference import student_interval
from ._style import MODE_COLORS, PALETTE, as_cube, new_axes, parameters

_LEVEL_STYLES = ("--", "-.", (0, (1, 3)), (0, (5, 1, 1, 1, 1, 1)))


class MemoryDisplay:
    """Loss of networks against the number of last inputs that they see.

    Lines are means over seeds, bands their 95% intervals (Student's; none for one seed), dotted
    lines the loss with the longest window, which is the ordinary loss unless windows stop before.
    Build it with `from_curve` or `from_cube`.

    Parameters
    ----------
    curves : dict of str to xarray.DataArray of dimensions (seed, window)
        Losses in nats per step by the name to show.
    baselines : dict of str to float
        Losses of predictors that are compared, by the name to show.

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
    >>> from sklearn_emerge import GRUPredictor, MemoryDisplay, OscillatorWorld
    >>> from sklearn_emerge.measures import memory_curve
    >>> X = OscillatorWorld(n_steps=20).sample(40, random_state=0).X
    >>> model = GRUPredictor(2, max_steps=20, random_state=0).fit(X)
    >>> display = MemoryDisplay.from_curve(memory_curve(model, X), baselines={"best": -1.5})
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('last inputs that are seen (steps)', 'negative log-likelihood (nat/step)')
    """

    def __init__(self, curves, baselines):
        self.curves = curves
        self.baselines = baselines

    @classmethod
    def from_curve(cls, curve, *, baselines=None, ax=None):
        """Plot memory curves.

        Parameters
        ----------
        curve : xarray.DataArray or dict of str to xarray.DataArray
            What `memory_curve` has returned, or several by the name to show; of several seeds
            with a dimension ``seed``.
        baselines : dict of str to float, default=None
            Losses of other predictors, in nats per step, by the name to show.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        MemoryDisplay
            Plotted.

        Raises
        ------
        ValueError
            If a curve has other dimensions.
        """
        curves = curve if isinstance(curve, dict) else {"network": curve}
        for name, each in curves.items():
            if set(each.dims) not in ({"window"}, {"seed", "window"}):
                raise ValueError(
                    f"The curve {name!r} has the dimensions {', '.join(map(str, each.dims))}; "
                    "pass curves over window, and seed if there are several."
                )
        by_seed = {
            name: (each if "seed" in each.dims else each.expand_dims("seed"))
            for name, each in curves.items()
        }
        return cls(by_seed, dict(baselines or {})).plot(ax=ax)

    @classmethod
    def from_cube(
        cls, cube, measure=None, *, condition="structured", modes=None, step=None, ax=None
    ):
        """Plot what an assessment has recorded, one line a training mode.

        Parameters
        ----------
        cube : xarray.Dataset or path-like
            A cube of one configuration.
        measure : str, default=None
            The name that `memory_curve` has in the `measures` of the assessment, to show it in the
            course of training. None shows what is measured at its end, in the structured world.
        condition : str, default="structured"
            The condition to show.
        modes : sequence of str, default=None
            The training modes to show. None is all but "random", whose loss is far above.
        step : int, default=None
            The update to show; None is the last one that was recorded.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        MemoryDisplay
            Plotted, with the mean losses of the best baseline and, if it is known, of the best
            predictor.

        Raises
        ------
        ValueError
            If there are no such curves in the cube, or it still has a grid.
        """
        cube = as_cube(cube)
        if parameters(cube):
            raise ValueError(
                f"The cube varies {parameters(cube)[0]!r}; select one value of it with cube.sel."
            )
        if modes is None:
            modes = [mode for mode in cube.mode.values.tolist() if mode != "random"]
        chosen = [("condition", condition), *(("mode", mode) for mode in modes)]
        if measure is None:
            shown, has_it = cube.get("nll_memory"), "claims that have 'memory' among them"
        else:
            shown = cube.get(f"{measure}_trajectory")
            has_it = "record_at=[...] and measures={'memory': memory_curve}"
        if shown is None or "window" not in shown.dims:
            raise ValueError(
                f"measure={measure!r} is no memory curve of this cube; assess with {has_it}."
            )
        if measure is not None:
            step = shown.step.values[-1] if step is None else step
            chosen.append(("step", step))
        for name, value in chosen:
            if value not in cube[name].values:
                raise ValueError(
                    f"{name}={value!r} is not in the cube, which has {cube[name].values.tolist()}."
                )
        if measure is None and condition != "structured":
            raise ValueError(
                f"condition={condition!r}: memory is measured in the structured world alone; "
                "record it with measures={'memory': memory_curve}."
            )
        if measure is not None:
            shown = shown.sel(condition=condition, step=step)
        curves = {mode: shown.sel(mode=mode) for mode in modes}
        losses = cube[["nll_best_baseline", "nll_optimal"]].sel(condition=condition).mean("seed")
        levels = {
            f"best baseline ({cube.best_baseline.sel(condition=condition).item()})": (
                losses.nll_best_baseline.item()
            ),
            "best possible": losses.nll_optimal.item(),
        }
        return cls(curves, {n: v for n, v in levels.items() if np.isfinite(v)}).plot(ax=ax)

    def plot(self, ax=None):
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        MemoryDisplay
            Itself, with `ax_`, `figure_` and `lines_`.
        """
        ax = new_axes(ax, (7.2, 4.0))
        self.lines_ = {}
        for i, (name, curve) in enumerate(self.curves.items()):
            color = MODE_COLORS.get(name, PALETTE[i % len(PALETTE)])
            curve = curve.transpose("seed", "window").dropna("seed", how="all")
            windows, seeds = curve.window.values, curve.values
            mean = seeds.mean(axis=0)
            (line,) = ax.plot(windows, mean, "o-", color=color, markersize=4, label=name)
            self.lines_[name] = line
            ax.axhline(mean[-1], color=color, linewidth=0.8, linestyle=":")
            if len(seeds) > 1:
                ends = np.array([student_interval(values) for values in seeds.T])
                ax.fill_between(windows, *ends.T, color=color, alpha=0.15, linewidth=0)
        for i, (name, loss) in enumerate(self.baselines.items()):
            style = _LEVEL_STYLES[i % len(_LEVEL_STYLES)]
            ax.axhline(loss, color="black", linewidth=1.0, linestyle=style, label=name)
        ax.set_xscale("log", base=2)
        ticks = np.unique(np.concatenate([curve.window for curve in self.curves.values()]))
        # One label where windows are too near to each other for several.
        crowded = [*(ticks[:-1] * 1.2 > ticks[1:]), False]
        ax.set_xticks(ticks, ["" if c else str(k) for k, c in zip(ticks, crowded, strict=True)])
        ax.minorticks_off()
        ax.set_xlabel("last inputs that are seen (steps)")
        ax.set_ylabel("negative log-likelihood (nat/step)")
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
