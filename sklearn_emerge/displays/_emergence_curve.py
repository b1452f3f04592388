"""Accuracy against capacity with the fitted curve, its band and its location."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._moved import renamed_argument, renamed_attribute
from .._typing import Floats, RandomState
from ._source import Display
from ._style import BLUE, SMALL, finish, log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..emergence import EmergenceCurve

# Capacities at which the curve is drawn.
_POINTS = 200
_LOCATION = "location"


class EmergenceCurveDisplay(Display):
    """Accuracy against capacity, with a fitted `EmergenceCurve`, its band and its location.

    Build it with `from_estimator`. The location is where the fitted curve is half way, which
    every rise has; whether it is a step says `EmergenceCurve.compare`. The legend gives it with its
    interval. In axes of its own a footer says what is drawn.

    Parameters
    ----------
    capacity, rate : ndarray of shape (n_points,)
        What the curve was fitted to.
    grid, mean, low, high : ndarray of shape (n_grid,)
        Capacities, the curve there, and its band.
    location : (float, float, float)
        The location and its interval.
    confidence : float, default=0.95
        Coverage of band and interval.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import EmergenceCurve, EmergenceCurveDisplay
    >>> capacity = np.logspace(2, 6, 12)[:, np.newaxis]
    >>> right = np.random.default_rng(0).binomial(50, 1 / (1 + (capacity[:, 0] / 1e4) ** -2))
    >>> curve = EmergenceCurve().fit(capacity, right / 50, n_trials=50)
    >>> EmergenceCurveDisplay.from_estimator(curve).ax_.get_ylabel()
    'accuracy (share)'
    """

    _options = {"label": None, "color": BLUE}

    @renamed_argument("threshold", "location")
    def __init__(
        self,
        capacity: Floats,
        rate: Floats,
        grid: Floats,
        mean: Floats,
        low: Floats,
        high: Floats,
        location: tuple[float, float, float],
        confidence: float = 0.95,
    ) -> None:
        self.capacity = capacity
        self.rate = rate
        self.grid = grid
        self.mean = mean
        self.low = low
        self.high = high
        self.location = location
        self.confidence = confidence

    threshold = renamed_attribute("threshold", "location")

    @classmethod
    def from_estimator(  # a curve has no cube, and options of its own
        cls,
        curve: EmergenceCurve,
        *,
        confidence: float = 0.95,
        random_state: RandomState = 0,
        ax: Axes | None = None,
        **options: Any,
    ) -> Self:
        """Plot a curve with what it was fitted to.

        Parameters
        ----------
        curve : EmergenceCurve
            Fitted.
        confidence : float, default=0.95
            Coverage of band and interval.
        random_state : int, Generator, SeedSequence or None, default=0
            The stream of the band, a bootstrap.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
        **options
            Of `plot`.

        Returns
        -------
        EmergenceCurveDisplay
            Plotted.

        Raises
        ------
        NotFittedError, ValueError
            If the curve is not fitted, or an argument is out of range.
        """
        check_is_fitted(curve)
        capacity = curve.X_train_.prod(axis=1)
        above = capacity[capacity > 0]
        grid = np.geomspace(above.min(), above.max(), _POINTS)
        # The product of the columns is what counts.
        X = np.column_stack([grid, *np.ones((curve.n_features_in_ - 1, _POINTS))])
        low, high = curve.band(X, confidence=confidence, random_state=random_state)
        location = curve.location_, *curve.interval("location", confidence=confidence)
        values = curve.y_train_, grid, curve.predict(X), low, high
        return cls(capacity, *values, location, confidence).plot(ax=ax, **options)

    def plot(
        self, ax: Axes | None = None, *, label: str | None = "same", color: str = "same"
    ) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.
        label : str or None, default="same"
            What the curve is; stands before its location in the legend. "same" is as plotted
            before, at first None.
        color : str, default="same"
            Colour of points, curve and band. "same" is as plotted before, at first "#0072B2".

        Returns
        -------
        EmergenceCurveDisplay
            Itself, with `ax_` and `figure_`.
        """
        label, color = self._as_before(label=label, color=color)
        alone = ax is None
        ax = self._new_axes(ax, (6.4, 4.0))
        # A capacity of zero has no place on a logarithmic axis: beside the smallest.
        least = self.grid[0] * (self.grid[0] / self.grid[-1]) ** 0.08
        zero = self.capacity == 0
        x = np.where(zero, least, self.capacity)
        ax.plot(x, self.rate, "o", color=color, markersize=4, alpha=0.7)
        told = self._told() if label is None else f"{label}: {self._told()}"
        ax.plot(self.grid, self.mean, color=color, linewidth=1.8, label=told)
        ax.fill_between(self.grid, self.low, self.high, color=color, alpha=0.15, linewidth=0)
        self._draw_location(ax, color)
        ax.set_xscale("log")
        if zero.any():
            _mark_zero(ax, least)
        log_ticks(ax)
        ax.set_xlabel("capacity")
        ax.set_ylabel("accuracy (share)")
        # Above the axes: curves and points are in all corners.
        ax.legend(
            frameon=False, fontsize=SMALL, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0
        )
        finish(ax, self._footer() if alone else None)
        self.ax_ = ax
        self._plotted(ax, label=label, color=color)
        return self

    def _draw_location(self, ax: Axes, color: str) -> None:
        """Draw the location and its interval, if it is among the capacities."""
        location, low, high = self.location
        if not self.grid[0] <= location <= self.grid[-1]:
            return
        ax.axvline(location, color=color, linewidth=1, linestyle="--")
        ends = np.clip([low, high], self.grid[0], self.grid[-1])
        ax.axvspan(*ends, color=color, alpha=0.07, linewidth=0)
        # The curve is above on its right; of several curves one stands over the other.
        row = sum(text.get_text() == _LOCATION for text in ax.texts)
        right = location**2 > self.grid[0] ** 0.4 * self.grid[-1] ** 1.6
        ax.annotate(
            _LOCATION,
            (location, 0.03 + 0.07 * row),
            (-3 if right else 3, 0),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if right else "left",
            fontsize=SMALL,
            color=color,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.5},
        )

    def _told(self) -> str:
        """Return the location and its interval in words."""
        location, *_ = self.location
        if not self.grid[0] <= location <= self.grid[-1]:
            return "location beyond the capacities"
        at, low, high = (f"{float(f'{x:.3g}'):,g}" for x in self.location)
        return f"location {at} ({100 * self.confidence:.3g}%: {low} to {high})"

    def _footer(self) -> str:
        """Return what points, curve, bands and the dashed line are."""
        share = f"{100 * self.confidence:.3g}%"
        return (
            f"{len(self.rate)} points. Curve and band: fitted, pointwise {share} (bootstrap). "
            f"Dashed and shaded: the location and its {share} interval (profile likelihood)."
        )

    def _shown(self) -> str:
        return f"{len(self.rate)} points, {self._told()}"


def _mark_zero(ax: Axes, x: float) -> None:
    """Draw where capacities of zero are."""
    ax.axvline(x, color="grey", linewidth=0.6, linestyle=":")
    ax.annotate(
        "0",
        (x, 0),
        xycoords=("data", "axes fraction"),
        xytext=(0, -4),
        textcoords="offset points",
        ha="center",
        va="top",
    )
