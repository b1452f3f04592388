"""The emergence curve: accuracy against capacity, where it rises, and whether it is a step."""

import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.base import RegressorMixin
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Hidden, Interval, StrOptions, validate_params
from sklearn.utils.validation import check_is_fitted, validate_data

from .._moved import renamed_attribute, renamed_parameter
from .._names import Estimator
from .._typing import Floats, RandomState
from ..inference import Interval as Ends
from ..inference import check_alpha
from ._checks import check_points, check_rates, in_columns
from ._compare import compare_families, dispersion_p_value, draw
from ._fit import FAMILIES, Data, curve, fit, n_parameters

# Log odds beyond which a point is at an end of the curve.
_STEP = 7.0
# Places of the location, or steepnesses, at which a profile is computed.
_PROFILE = 201


class EmergenceCurve(RegressorMixin, Estimator):
    r"""Accuracy against capacity as a logistic curve.

    .. math:: A(C) = g + (u - g) \frac{1}{1 + \exp(-\alpha (\ln C - \ln C_c))}

    with the location :math:`C_c`, the capacity at which it is half way, the sharpness
    :math:`\alpha` (per factor e of capacity), the chance level g and the asymptote u. Fitted by
    maximum likelihood if `fit` is told the numbers of trials, by least squares otherwise.

    A good fit does not show that there is a step: `compare` sets the curve against smooth ones.

    Parameters
    ----------
    chance : float or "fit", default=0.0
        Accuracy without any capacity.
    asymptote : float or "fit", default=1.0
        Accuracy with unlimited capacity.
    ceiling : float, "fit" or "deprecated", default="deprecated"
        The old name of `asymptote`.

    Attributes
    ----------
    location_ : float
        :math:`C_c`, in units of the capacity.
    sharpness_ : float
        :math:`\alpha`.
    chance_, asymptote_ : float
        Ends of the curve.
    X_train_, y_train_ : ndarray
        What it was fitted to.
    n_features_in_ : int
        Columns of X.

    Notes
    -----
    The Emergence page gives the curve without a procedure to fit it, and takes the step for
    granted.

    Trials of one network are independent given the network; networks of one capacity differ. If
    accuracies of several networks vary more than binomial counts, which is tested, intervals are
    too short: pass rates without `n_trials` then.

    References
    ----------
    Why do neural networks suddenly learn? (Emergence.) Capacity thresholds.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import EmergenceCurve
    >>> capacity = np.logspace(2, 6, 12)
    >>> truth = 1 / (1 + (capacity / 2e4) ** -1.5)
    >>> right = np.random.default_rng(0).binomial(100, truth)
    >>> curve = EmergenceCurve().fit(capacity, right / 100, n_trials=100)
    >>> round(curve.location_, -2), round(curve.sharpness_, 2)
    (19100.0, 1.44)
    >>> low, high = curve.interval("location")
    >>> bool(low < 2e4 < high), curve.compare(random_state=0).steeper_than_smooth
    (True, True)
    """

    _parameter_constraints = {
        "chance": [Interval(Real, None, None, closed="neither"), StrOptions({"fit"})],
        "asymptote": [Interval(Real, None, None, closed="neither"), StrOptions({"fit"})],
        "ceiling": [
            Interval(Real, None, None, closed="neither"),
            StrOptions({"fit"}),
            Hidden(StrOptions({"deprecated"})),
        ],
    }

    def __init__(
        self,
        chance: float | Literal["fit"] = 0.0,
        asymptote: float | Literal["fit"] = 1.0,
        ceiling: float | Literal["fit", "deprecated"] = "deprecated",
    ) -> None:
        self.chance = chance
        self.asymptote = asymptote
        self.ceiling = ceiling

    X_train_: Floats
    y_train_: Floats
    threshold_ = renamed_attribute("threshold_", "location_")
    ceiling_ = renamed_attribute("ceiling_", "asymptote_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        # A curve that rises with the product of the columns fits few arbitrary data.
        tags.regressor_tags.poor_score = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, n_trials: ArrayLike | None = None) -> Self:
        """Fit the curve.

        Parameters
        ----------
        X : array-like of shape (n_points,) or (n_points, n_resources)
            Capacities, at least zero. Several columns are resources whose product is the
            capacity.
        y : array-like of shape (n_points,)
            Accuracies, as rates.
        n_trials : int or array-like of shape (n_points,), default=None
            Trials behind each rate. None fits by least squares.

        Returns
        -------
        self : EmergenceCurve
            Fitted.

        Raises
        ------
        ValueError
            If capacities are negative or all the same, there are too few points, rates lie
            outside of what the ends allow, or counts are not whole.

        Warns
        -----
        UserWarning
            If the location lies outside of the capacities, the step is sharper than they can
            tell, or counts vary more than binomial ones.
        """
        self._validate_params()
        ends = self.chance, renamed_parameter(self, "ceiling", "asymptote")
        fitted = ends.count("fit")
        X = in_columns(X)
        check_points(X, y, 4 + fitted)
        points, rates = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            y_numeric=True,
            ensure_min_samples=4 + fitted,
        )
        log_capacity = self._log_capacity(points)
        finite = np.isfinite(log_capacity)
        distinct = np.unique(log_capacity[finite])
        if len(distinct) < 2:
            raise ValueError(
                f"X has {len(distinct)} different capacities above zero; a curve needs at least "
                "two, better a dozen."
            )
        trials = check_rates(rates, n_trials, *ends)
        self.X_train_, self.y_train_ = points, np.asarray(rates, dtype=np.float64)
        self._center, self._scale = distinct.mean(), distinct.std()
        chance, asymptote = (None if end == "fit" else float(end) for end in ends)
        self._data = Data(
            (log_capacity - self._center) / self._scale,
            self.y_train_[np.newaxis],
            trials,
            chance,
            asymptote,
            self._scale,
        )
        self._theta, left = fit(self._data, "logistic")
        self._misfit = float(left[0])
        self.location_ = float(np.exp(self._center + self._scale * self._theta[0, 1]))
        self.sharpness_ = float(np.exp(self._theta[0, 0]) / self._scale)
        far = np.array([-1e9, 1e9])
        self.chance_, self.asymptote_ = curve(self._data, "logistic", self._theta, far)[0].tolist()
        self._warn(distinct)
        return self

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        said = super().__repr__(N_CHAR_MAX)
        if not hasattr(self, "sharpness_"):
            return said
        return (
            f"<{said} fitted to {len(self.y_train_)} points: location {self.location_:.3g}, "
            f"sharpness {self.sharpness_:.3g}>"
        )

    def predict(self, X: ArrayLike) -> Floats:
        """Return the accuracy at capacities.

        Parameters
        ----------
        X : array-like of shape (n_points,) or (n_points, n_resources)
            Capacities, as in `fit`.

        Returns
        -------
        ndarray of shape (n_points,)
            Accuracies.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or capacities are negative.
        """
        x = self._standardise(X)
        return curve(self._data, "logistic", self._theta, x)[0]

    @validate_params(
        {
            "parameter": [StrOptions({"location", "sharpness"}), Hidden(StrOptions({"threshold"}))],
            "method": [StrOptions({"profile", "bootstrap"})],
            "n_draws": [Interval(Integral, 20, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def interval(
        self,
        parameter: Literal["location", "sharpness"] = "location",
        *,
        confidence: float = 0.95,
        method: Literal["profile", "bootstrap"] = "profile",
        n_draws: int = 999,
        random_state: RandomState | None = None,
    ) -> Ends:
        """Return an interval of the location or the sharpness.

        Parameters
        ----------
        parameter : {"location", "sharpness"}, default="location"
            Which one.
        confidence : float, default=0.95
            Coverage.
        method : {"profile", "bootstrap"}, default="profile"
            "profile": values that a likelihood-ratio test (for rates an F test) does not reject.
            "bootstrap": quantiles over data drawn from the fitted curve; rates of several networks
            a capacity as in `compare`.
        n_draws : int, default=999
            Draws of the bootstrap.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the bootstrap.

        Returns
        -------
        Interval
            Named tuple (low, high); 0 or infinity where the data set no bound.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or an argument is out of range.
        """
        check_is_fitted(self)
        check_alpha(confidence, "confidence")
        asked: str = parameter  # "threshold" is not documented any more.
        if asked == "threshold":
            warnings.warn('"threshold" is "location" now; pass that.', FutureWarning, stacklevel=3)
            parameter = "location"
        place = 1 if parameter == "location" else 0
        if method == "bootstrap":
            drawn = draw(self._data, "logistic", self._theta, n_draws, random_state)
            values = fit(drawn, "logistic")[0][:, place]
            low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
            least, most = FAMILIES["logistic"].bounds[place]
            low = -np.inf if low <= least + 0.1 else low
            high = np.inf if high >= most - 0.1 or (self._step and place == 0) else high
        else:
            low, high = self._profile(place, confidence)
        if parameter == "location":
            return Ends(*(float(np.exp(self._center + self._scale * end)) for end in (low, high)))
        return Ends(*(float(np.exp(end) / self._scale) for end in (low, high)))

    @validate_params(
        {"n_draws": [Interval(Integral, 19, None, closed="left")]},
        prefer_skip_nested_validation=True,
    )
    def compare(
        self, *, alpha: float = 0.05, n_draws: int = 199, random_state: RandomState | None = None
    ) -> Bunch:
        r"""Compare with smooth curves, and say whether the rise is steeper than all of them.

        The alternatives, all smooth and with the same chance level and asymptote where they have
        them: accuracy grows as :math:`C^k` over the capacities at hand ("power law"); the error
        falls as :math:`(1 + C / C_0)^{-k}` ("saturation", for k = 1 a logistic curve of sharpness
        1) or as :math:`\exp(-(C / C_0)^k)` with k at most 1 ("Weibull"); accuracy grows as
        :math:`\exp(-(C / C_0)^{-k})` with k at most 1 ("Gompertz"; beyond 1 both are steps
        themselves, of another shape); it is linear in log C ("line"); or constant. Each is tested
        by a parametric bootstrap: data are drawn from the fitted alternative, and the p-value is
        the share in which the logistic curve is better by as much as it is.

        Rates of several networks a capacity (without `n_trials`) are drawn as such networks vary:
        by a beta distribution whose variance is largest half way between the ends, up to networks
        that are each at one of them, or by a normal one of the same spread everywhere, whichever
        makes the rates more likely. One more alternative is then that networks jump one by one,
        with a probability that follows a saturation ("single jumps").

        The logistic curve is steeper than smooth if all alternatives are rejected, it has the
        smallest AICc, its sharpness is above 1, so that it rises faster than a saturation, and the
        location lies among the capacities. That is a step in capacity, under this budget of
        training and this score; it is no proof of a phase transition. There is no decision if the
        different capacities are no more than the parameters of a curve, which then meets all
        their means.

        Parameters
        ----------
        alpha : float, default=0.05
            Level of the tests. Each must reject, so that the chance of a step where one of the
            alternatives is true is about this at most, as far as trials are independent: where
            counts vary more than binomial ones around all curves, there is no decision.
        n_draws : int, default=199
            Draws of each bootstrap; p-values are at least 1 / (n_draws + 1).
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the bootstrap.

        Returns
        -------
        sklearn.utils.Bunch
            ``table``, a DataFrame with a row a family of curves: its ``formula``,
            ``n_parameters``, ``log_likelihood`` (nats), ``aicc``, ``delta_aicc`` and ``p_value``
            (the likelihood of single jumps, which have no density around a curve, is missing);
            ``steeper_than_smooth``, whether the logistic curve is; ``best``, the family with the
            smallest AICc; and ``reason``, in words.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, an argument is out of range, or there are too few points for AICc.
        """
        check_is_fitted(self)
        check_alpha(alpha)
        return compare_families(
            self._data, self._theta, self._misfit, self.sharpness_, alpha, n_draws, random_state
        )

    @validate_params(
        {"n_draws": [Interval(Integral, 20, None, closed="left")]},
        prefer_skip_nested_validation=True,
    )
    def band(
        self,
        X: ArrayLike,
        *,
        confidence: float = 0.95,
        n_draws: int = 999,
        random_state: RandomState | None = None,
    ) -> tuple[Floats, Floats]:
        """Return a pointwise interval of the accuracy at capacities.

        Quantiles of the curves that are fitted to data drawn from the fitted curve (rates of
        several networks a capacity as in `compare`), widened by the
        best curves whose location is at an end of its profile interval: where accuracy jumps
        between two capacities, drawn data do so at the same place.

        Parameters
        ----------
        X : array-like of shape (n_points,) or (n_points, n_resources)
            Capacities, as in `fit`.
        confidence : float, default=0.95
            Coverage at each capacity, if the curve is right.
        n_draws : int, default=999
            Draws of the bootstrap.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the bootstrap.

        Returns
        -------
        low, high : ndarray of shape (n_points,)
            Accuracies.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, capacities are negative or an argument is out of range.
        """
        x = self._standardise(X)
        check_alpha(confidence, "confidence")
        drawn = draw(self._data, "logistic", self._theta, n_draws, random_state)
        curves = curve(self._data, "logistic", fit(drawn, "logistic")[0], x)
        low, high = np.quantile(curves, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
        for end in self._profile(1, confidence):
            if np.isfinite(end):
                theta, _ = fit(self._data, "logistic", {1: np.array([end])})
                moved = curve(self._data, "logistic", theta, x)[0]
                low, high = np.minimum(low, moved), np.maximum(high, moved)
        return low, high

    def _profile(self, place: int, confidence: float) -> list[float]:
        """Return the ends of a profile interval in standardised units."""
        data = self._data
        low, high = FAMILIES["logistic"].bounds[place]
        found = self._theta[0, place]
        n, k = data.rate.shape[1], n_parameters(data, "logistic") - (data.trials is None)
        if data.trials is not None:
            allowed = stats.chi2.ppf(confidence, 1)
        else:
            allowed = self._misfit / (n - k) * stats.f.ppf(confidence, 1, n - k)
        ends = []
        for end in (low, high):
            # Denser around what was found.
            values = found + (end - found) * np.linspace(0, 1, _PROFILE) ** 2
            many = replace(data, rate=np.repeat(data.rate, _PROFILE, axis=0))
            excess = fit(many, "logistic", {place: values})[1] - self._misfit
            beyond = np.flatnonzero(excess > allowed)
            if not len(beyond):
                ends.append(np.copysign(np.inf, end))
                continue
            i = beyond[0]
            ends.append(np.interp(allowed, excess[i - 1 : i + 1], values[i - 1 : i + 1]))
        return ends

    def _standardise(self, X: ArrayLike) -> Floats:
        """Return the log capacities of points in the units of the fit."""
        check_is_fitted(self)
        X = in_columns(X) if self.n_features_in_ == 1 else X
        points = validate_data(self, X, dtype=np.float64, reset=False)
        return (self._log_capacity(points) - self._center) / self._scale

    def _log_capacity(self, X: Floats) -> Floats:
        if (X < 0).any():
            row, column = (int(i) for i in np.argwhere(X < 0)[0])
            raise ValueError(
                f"Negative values in data: X[{row}, {column}] is {X[row, column]:g}, but a "
                "capacity is at least zero. If these are logarithms, pass np.exp(X)."
            )
        with np.errstate(divide="ignore"):
            return np.log(X).sum(axis=1)

    def _warn(self, distinct: Floats) -> None:
        """Warn of fits that mean little."""
        data = self._data
        place = self.sharpness_ * (distinct - np.log(self.location_))
        self._step = bool((np.abs(place) > _STEP).all())
        if self._step:
            above = distinct[distinct > np.log(self.location_)]
            below = distinct[distinct <= np.log(self.location_)]
            between = ""
            if len(above) and len(below):
                ends = np.exp(below[-1]), np.exp(above[0])
                between = f" between {ends[0]:.4g} and {ends[1]:.4g}"
            warnings.warn(
                "The accuracy jumps from one capacity to the next, so that the sharpness has no "
                f"upper bound; add capacities{between}.",
                stacklevel=3,
            )
        elif not distinct[0] <= np.log(self.location_) <= distinct[-1]:
            fixed = [n for n in ("chance", "asymptote") if getattr(data, n) is not None]
            remedy = "".join(f", or fit {name}='fit'" for name in fixed)
            warnings.warn(
                f"The location {self.location_:.4g} lies outside of the capacities "
                f"{np.exp(distinct[0]):.4g} to {np.exp(distinct[-1]):.4g}; add capacities around "
                f"it{remedy}.",
                stacklevel=3,
            )
        if dispersion_p_value(data, "logistic", self._theta) < 1e-3:
            warnings.warn(
                "The counts vary more around the curve than binomial ones, so that intervals are "
                "too short: pass rates without n_trials, or see with compare() whether another "
                "curve fits better.",
                stacklevel=3,
            )
