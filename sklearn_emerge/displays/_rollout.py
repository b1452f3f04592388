"""A forecast of many steps beside what comes, and its error by how far ahead it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._axes import Axes as Units
from .._typing import Floats
from .._validation import check_integer
from ..operators import flow_errors
from ..operators._targets import target_of, why_not, world_of
from ..predictors import BasePredictor
from ..worlds import Sample
from ._forecast_error import EITHER, errors_in_words
from ._source import Display
from ._style import (
    CEILINGS,
    PALETTE,
    finish_panels,
    literal,
    plain_ticks,
    set_legend,
    set_title,
    settle,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

# Colour and style of what forecasts are compared with.
_STYLES: dict[str, dict[str, Any]] = {
    "observed": {"color": "0.75", "linewidth": 1.2, "zorder": 1},
    "without noise": {"color": "black", "linewidth": 1.2, "linestyle": "--", "zorder": 2},
    "best": {"color": "black", "linewidth": 1.2, "linestyle": ":", "zorder": 2},
}
# What errors are from, by the target of `flow_errors`.
_TARGETS = {
    "flow": "what the world does without noise",
    "forecast": "the forecast of the best possible predictor",
    "continuation": "what is observed",
}


class RolloutDisplay(Display):
    """Forecasts of predictors that are left alone, beside what comes, and their error by horizon.

    A panel is a predictor: what it forecasts in one sequence after a prompt, what is observed, what
    the world does without noise and the forecast of the best possible predictor, as far as they are
    known. The last panel has the error over the first steps ahead, over many sequences, see
    `flow_errors`. Build it with `from_estimator`.

    Parameters
    ----------
    forecasts : dict of str to ndarray of shape (n_steps,)
        Forecasts of one sequence by the name of the predictor.
    observed : ndarray of shape (n_prompt + n_steps,)
        The sequence.
    compared : dict of str to ndarray of shape (n_steps,)
        What else is known of the steps ahead, by the name to show.
    errors : dict of str to xarray.DataArray of dimensions (prompt, horizon)
        Errors as of `flow_errors`, by name.
    label : str, default="observation (unit of the data)"
        Of the vertical axis.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_predictors + 1,)
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> from sklearn_emerge import LinearFilterPredictor, OscillatorWorld, RolloutDisplay
    >>> train, unseen = OscillatorWorld(n_steps=80).split(100, 20, random_state=0)
    >>> model = LinearFilterPredictor(16).fit(train.X)
    >>> display = RolloutDisplay.from_estimator(model, unseen, prompt=30)
    >>> [ax.get_title(loc="left") for ax in display.axes_]
    ['LinearFilterPredictor', 'Error by horizon']
    >>> list(display.compared)
    ['without noise', 'best possible forecast']
    """

    def __init__(
        self,
        forecasts: dict[str, Floats],
        observed: Floats,
        compared: dict[str, Floats],
        errors: dict[str, xr.DataArray],
        label: str = "observation (unit of the data)",
    ) -> None:
        self.forecasts = forecasts
        self.observed = observed
        self.compared = compared
        self.errors = errors
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: BasePredictor | Mapping[str, BasePredictor],
        sample: Sample,
        *,
        prompt: int | None = None,
        n_steps: int | None = None,
        sequence: int = 0,
        channel: int = 0,
        n_paths: int = 40,
        random_state: int = 0,
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Plot the forecasts of fitted predictors in one sequence.

        Parameters
        ----------
        estimator : predictor, or dict of str to predictor
            Fitted; several by the name to show.
        sample : Sample
            Sequences with their world, as `World.sample` returns them, that were not trained on.
        prompt : int, default=None
            Number of steps that are seen; None is a quarter of the sequences.
        n_steps : int, default=None
            Steps to go on; None is all that the prompt leaves.
        sequence : int, default=0
            Which of the sequences to show.
        channel : int, default=0
            Which of its channels to show; errors are of all.
        n_paths : int, default=40
            Paths to average over where observations are drawn, as of outcomes and counts.
        random_state : int, default=0
            Stream of the draws.
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one a predictor and one for the errors; None makes a figure.

        Returns
        -------
        RolloutDisplay
            Plotted.

        Raises
        ------
        NotFittedError
            If a predictor is not fitted.
        ValueError
            If a predictor is none, the world has exogenous channels or is made of tokens, or an
            argument is out of range.
        """
        models: dict[str, BasePredictor] = (
            dict(estimator)
            if isinstance(estimator, Mapping)
            else {type(estimator).__name__: estimator}
        )
        if not models:
            raise ValueError("estimator is empty; pass fitted predictors by the name to show.")
        for name, model in models.items():
            if not isinstance(model, BasePredictor):
                raise ValueError(
                    f"estimator {name!r} is a {type(model).__name__}; pass a fitted predictor, or "
                    "several in a dict, by the name to show."
                )
            check_is_fitted(model)
        check_integer(n_paths, "n_paths")
        world = world_of(sample, ", so that what follows a prompt is not known")
        reason = why_not("continuation", world)
        if reason:
            raise ValueError(f"No forecast can be drawn: {reason}.")
        n_all = sample.X.shape[1]
        prompt = max(n_all // 4, 1) if prompt is None else prompt
        _check_range("prompt", prompt, 1, n_all - 1)
        n_steps = n_all - prompt if n_steps is None else n_steps
        _check_range("n_steps", n_steps, 1, n_all - prompt)
        _check_range("sequence", sequence, 0, len(sample.X) - 1)
        X = np.asarray(sample.X, float)[sequence : sequence + 1, : prompt + n_steps]
        n_channels = X.shape[2] if X.ndim == 3 else 1
        _check_range("channel", channel, 0, n_channels - 1)
        if axes is not None and np.size(axes) != len(models) + 1:
            raise ValueError(
                f"axes has {np.size(axes)} axes; pass {len(models) + 1}, one a predictor and one "
                "for the errors."
            )

        def shown(values: Any) -> Floats:
            return np.asarray(values, float).reshape(-1, n_channels)[:, channel]

        def forecast(model: Any) -> Floats:
            drawn = model._what_enters("auto", 1) == "sample"
            paths = {"n_paths": n_paths, "random_state": random_state} if drawn else {}
            return shown(model.rollout(X[:, :prompt], n_steps, **paths))

        compared = {}
        if target_of(world) == "flow":
            states = np.asarray(sample.latents)[sequence : sequence + 1, prompt - 1]
            moved = world.flow(states, n_steps, prompt - 1)
            compared["without noise"] = shown(world.emission(moved))
        best = world.optimal_predictor() if world.ceiling else None
        if best is not None:
            compared[f"{CEILINGS[str(world.ceiling)][0]} forecast"] = forecast(best)
        errors = {
            name: flow_errors(
                model,
                sample,
                prompts=[prompt],
                horizon=n_steps,
                n_paths=max(n_paths, 2),
                random_state=random_state,
            )
            for name, model in models.items()
        }
        if world.observation == "binary":
            errors = {name: each.assign_attrs(units="probability") for name, each in errors.items()}
        forecasts = {name: forecast(model) for name, model in models.items()}
        label = _label(world, n_channels, channel)
        return cls(forecasts, shown(X), compared, errors, label).plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one a predictor and one for the errors; None makes a figure, or takes the
            last one of its own if nothing else was drawn into it.

        Returns
        -------
        RolloutDisplay
            Itself, with `axes_` and `figure_`.
        """
        n_panels, is_own = len(self.forecasts) + 1, axes is None
        size = (8.4, 1.55 * n_panels + 1.3)
        panels = np.ravel(self._new_axes(axes, size, n_rows=n_panels, sharex=True))
        n_all = len(self.observed)
        n_ahead = len(next(iter(self.forecasts.values())))
        ahead = np.arange(n_all - n_ahead, n_all)
        known = np.concatenate([self.observed, *self.compared.values()])
        low, high = np.nanmin(known), np.nanmax(known)
        room = 0.15 * (high - low) or 0.5
        *paths, last = panels
        colors = dict(zip(self.forecasts, PALETTE * n_panels, strict=False))
        # A single step is no line.
        dot = "o" if n_ahead == 1 else None
        for ax, (name, forecast) in zip(paths, self.forecasts.items(), strict=True):
            ax.plot(self.observed, label="observed", **_STYLES["observed"])
            for words, values in self.compared.items():
                style = _STYLES["without noise" if words == "without noise" else "best"]
                ax.plot(ahead, values, marker=dot, label=literal(words), **style)
            style = {"color": colors[name], "linewidth": 2.0, "zorder": 3}
            ax.plot(ahead, forecast, marker=dot, label="forecast", **style)
            # A forecast that runs away would flatten all others.
            ax.set_ylim(low - room, high + room)
        paths[len(paths) // 2].set_ylabel(self.label)
        self._draw_errors(last, int(ahead[0]), colors)
        for ax in panels:
            ax.axvline(ahead[0] - 0.5, color="0.5", linewidth=0.8, zorder=0)
            ax.set_xlim(-0.5, n_all - 0.5)
            if is_own and ax is not last:
                ax.tick_params(labelbottom=False)
        last.set_xlabel("step")
        set_legend(paths[0])
        if len(self.errors) > 1:
            set_legend(last)
        footer = (
            f"Grey vertical line: the end of the prompt of {ahead[0]} steps. {self._of_errors()}"
        )
        finish_panels(panels, is_own, None, footer)
        for ax, name in zip(panels, [*self.forecasts, "Error by horizon"], strict=True):
            set_title(ax, literal(name))
        settle(panels[0])
        self.axes_ = panels
        self._plotted(panels[0])
        return self

    def _of_errors(self) -> str:
        """Return what errors are, from what, and which of them have no place."""
        errors = self.errors.values()
        targets = {each.attrs.get("target") for each in errors} & _TARGETS.keys()
        said = [EITHER, *(f"It is from {_TARGETS[target]}." for target in sorted(targets))]
        if any(((each == 0) | np.isinf(each)).any() for each in errors):
            said.append("Errors of 0, or beyond all numbers, are not shown.")
        return " ".join(said)

    def _draw_errors(self, ax: Axes, n_seen: int, colors: Mapping[str, Any]) -> None:
        """Draw the error over the first steps ahead at the last of these."""
        for name, each in self.errors.items():
            error = each.isel(prompt=0).where(lambda e: np.isfinite(e) & (e > 0))
            steps = n_seen - 1 + error.horizon.values
            ax.plot(steps, error, "o-", color=colors[name], markersize=3.5, label=literal(name))
        units = str(next(iter(self.errors.values())).attrs.get("units", "unit of the data"))
        ax.set_yscale("log")
        plain_ticks(ax)
        ax.set_ylabel(f"error ({literal(units)})")

    def _shown(self) -> str:
        n_ahead = len(next(iter(self.forecasts.values())))
        n_seen = len(self.observed) - n_ahead
        beside = f", beside {', '.join(self.compared)}" if self.compared else ""
        seen = f"forecasts of {n_ahead} steps after {n_seen}{beside}"
        return (
            f"{seen}; {errors_in_words({n: e.expand_dims('seed') for n, e in self.errors.items()})}"
        )


def _label(world: Any, n_channels: int, channel: int) -> str:
    """Return the label of what is observed, with its unit."""
    if world.observation == "binary":
        said = "outcome, probability"
    else:
        known = getattr(world, "axes", Units()).value_label()
        said = known or "observation (unit of the data)"
    return f"channel {channel}: {said}" if n_channels > 1 else said


def _check_range(name: str, value: Any, least: int, most: int) -> None:
    """Raise a ValueError unless a value is an integer from one number to another."""
    check_integer(value, name, least)
    if value > most:
        raise ValueError(f"{name}={value} is out of range; pass an integer from {least} to {most}.")
