"""Excess risk of learners of growing size, over growing horizons."""

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm.auto import tqdm

from .._docs import fill_doc
from .._moved import renamed_attribute
from .._names import Estimator, did_you_mean
from .._random import integer_seed, seed_sequence, substream
from .._typing import Floats, RandomState
from ..dynamics import check_system, memory_radius, steady_filter
from ..predictors import FiniteFilterPredictor, RestrictedLinearPredictor
from ..predictors._base import BasePredictor
from ..worlds import LinearSystemWorld, World
from ._exact import exact_risk
from ._growth import crossing, growth_exponents
from ._stability import shortest_stable_length

# Total risks below this share of the variance of the innovations count as none.
_NEGLIGIBLE = 1e-20


@fill_doc
class PredictionRiskSweep(Estimator):
    r"""Excess risk of a learner against its size and the horizon, and which sizes suffice.

    The risk is the distance of the learner's predictions from those of the optimal predictor,

    .. math:: \ell_T = \sum_{t=1}^{T} E \| \hat y_t - E[y_t \mid y_1 \ldots y_{t-1}] \|^2 .

    Two sizes can be read from it, and they are different things: that from which the risk *per
    step*, :math:`\ell_T / T`, stays bounded as the horizon grows (`shortest_stable_length_`, a
    property of the modes that do not decay), and that at which the *total* falls below a
    tolerance (`critical_length_`, which grows with log T).

    Parameters
    ----------
    world : World, default=None
        The world; None is a random walk in noise, ``LinearSystemWorld()``. Its length is set to
        each horizon in turn.
    learner : predictor, default=None
        The learner; None is ``FiniteFilterPredictor()``.
    param_range : sequence of int, default=(1, 2, 4, 8)
        Values of the parameter, increasing.
    horizons : sequence of int, default=(100, 1000, 10000)
        Numbers of steps T, increasing.
    method : {"exact", "monte_carlo"}, default="exact"
        "exact": the risk of the learner in the limit of infinitely many training sequences, by
        linear algebra, for filters and restricted linear predictors in linear systems.
        "monte_carlo": train and evaluate on samples, for every learner and every world whose
        optimal predictor is known.
    refit : {"per_horizon", "frozen"}, default="per_horizon"
        "per_horizon": the learner is fitted at each horizon. "frozen": it is fitted at the
        first, and meets the longer ones in the test only.
    param_name : str, default="auto"
        Parameter of the learner that is varied. "auto": its ``length``, ``size`` or
        ``hidden_size``, the first that it has.
    tol : float, default=1.0
        Tolerated total risk, in units of the variance of the innovations, summed over channels
        (of the process noise if states are observed).
    exponent_cut : float, default=0.5
        A risk per step that grows like a smaller power of the horizon counts as bounded.
    n_train, n_eval : int, default=1000
        Numbers of sequences of the Monte Carlo method.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of all draws.
    progress : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    cube_ : xarray.Dataset of dimensions (parameter, horizon)
        ``total_risk`` and ``risk`` (per step) in squared units of the data; their standard
        errors for Monte Carlo (``total_risk_se``, given the fitted learner);
        ``growth_exponent`` of the risk per step over the last decade of horizons;
        ``shortest_stable_length`` and ``critical_length``.
    shortest_stable_length_ : float
        First value of the parameter whose risk per step does not grow; NaN if there is none.
    critical_length_ : ndarray of shape (n_horizons,)
        Value of the parameter at which the total risk equals the tolerance, by interpolation of
        its logarithm (`critical_filter_length` is the next integer); NaN where it lies outside
        `param_range`.
    slope_ : float
        Slope of the critical length against the natural logarithm of the horizon.
    reference_slope_ : float
        What it should be for a filter that is fitted at each horizon in a linear system,
        :math:`1 / (2 \log(1/\rho))` with the rate at which the Kalman filter forgets; NaN for
        other learners and worlds.

    References
    ----------
    %(state_space_models)s

    Examples
    --------
    >>> from sklearn_emerge import LinearSystemWorld
    >>> from sklearn_emerge.linear_systems import PredictionRiskSweep
    >>> trend = LinearSystemWorld.local_linear_trend()
    >>> sweep = PredictionRiskSweep(trend, param_range=range(1, 16)).fit()
    >>> sweep.shortest_stable_length_
    2.0
    >>> sweep.cube_.growth_exponent.values[:3].round(2).tolist()
    [1.0, 0.05, 0.02]
    >>> sweep.critical_length_.round(1).tolist()
    [6.7, 8.3, 12.3]
    """

    _parameter_constraints = {
        "world": [World, None],
        "learner": [BasePredictor, None],
        "param_range": ["array-like", range],
        "horizons": ["array-like", range],
        "method": [StrOptions({"exact", "monte_carlo"})],
        "refit": [StrOptions({"per_horizon", "frozen"})],
        "param_name": [str],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "exponent_cut": [Interval(Real, 0, None, closed="neither")],
        "n_train": [Interval(Integral, 2, None, closed="left")],
        "n_eval": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state", np.random.SeedSequence],
        "progress": ["boolean"],
    }

    def __init__(
        self,
        world: World | None = None,
        learner: BasePredictor | None = None,
        param_range: Sequence[int] = (1, 2, 4, 8),
        horizons: Sequence[int] = (100, 1000, 10000),
        method: Literal["exact", "monte_carlo"] = "exact",
        refit: Literal["per_horizon", "frozen"] = "per_horizon",
        *,
        param_name: str = "auto",
        tol: float = 1.0,
        exponent_cut: float = 0.5,
        n_train: int = 1000,
        n_eval: int = 1000,
        random_state: RandomState = None,
        progress: bool = False,
    ) -> None:
        self.world = world
        self.learner = learner
        self.param_range = param_range
        self.horizons = horizons
        self.method = method
        self.refit = refit
        self.param_name = param_name
        self.tol = tol
        self.exponent_cut = exponent_cut
        self.n_train = n_train
        self.n_eval = n_eval
        self.random_state = random_state
        self.progress = progress

    stability_threshold_ = renamed_attribute("stability_threshold_", "shortest_stable_length_")

    def fit(self) -> Self:
        """Compute all risks.

        Returns
        -------
        PredictionRiskSweep
            Itself, with `cube_` and what is read from it.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the method cannot do what is asked.
        """
        self._validate_params()
        world = LinearSystemWorld() if self.world is None else clone(self.world)
        learner = FiniteFilterPredictor() if self.learner is None else clone(self.learner)
        if world.n_exogenous:
            raise ValueError(
                f"world has n_exogenous={world.n_exogenous}, but risks are of prediction from what "
                "is predicted alone; pass a world without inputs."
            )
        sizes = _increasing(self.param_range, "param_range", at_least=0)
        horizons = _increasing(self.horizons, "horizons", at_least=2)
        name = _param_name(learner, self.param_name)
        self._stream = seed_sequence(self.random_state)
        learners = self._make_learners(learner, name, sizes)
        self._variance = _innovation_variance(world, learner, self._stream)
        if self.method == "exact":
            total, error = self._exact(world, learners, horizons), None
        else:
            total, error = self._monte_carlo(world, learners, horizons)
        exponents = self._find_lengths(sizes, horizons, total)
        self._find_slopes(world, learner, sizes, horizons)
        coords = {
            name: (name, sizes, {"long_name": f"{name} of the learner", "units": "1"}),
            "horizon": ("horizon", horizons, {"long_name": "horizon", "units": "steps"}),
        }
        variables = self._variables(name, total, total / horizons, error, exponents)
        attributes = {
            "title": f"Excess risk of {type(learner).__name__} in {type(world).__name__}",
            "method": self.method,
            "refit": self.refit,
            "tolerated_total_risk": self.tol * self._variance,
            "slope": self.slope_,
            "reference_slope": self.reference_slope_,
        }
        self.cube_ = xr.Dataset(variables, coords, attributes)
        return self

    def _make_learners(
        self, learner: BasePredictor, name: str, sizes: NDArray[np.integer]
    ) -> list[BasePredictor]:
        """Return a learner of each size, with a random stream of its own if it needs one."""
        learners = []
        for size in sizes.tolist():
            sized = clone(learner).set_params(**{name: size})
            if "random_state" in sized.get_params() and sized.random_state is None:
                stream = substream(self._stream, "learner", size)
                sized.set_params(random_state=integer_seed(stream))
            sized._validate_params()
            learners.append(sized)
        return learners

    def _exact(
        self, world: World, learners: Sequence[BasePredictor], horizons: NDArray[np.integer]
    ) -> Floats:
        """Return the risks by linear algebra, of shape (n_sizes, n_horizons)."""
        risk = exact_risk(world, learners[0])
        total = np.empty((len(learners), len(horizons)))
        bar = tqdm(total=total.size, disable=not self.progress, unit="risk")
        for i, j in np.ndindex(total.shape):
            trained = horizons[j if self.refit == "per_horizon" else 0]
            total[i, j] = risk(learners[i], int(trained), int(horizons[j]))
            bar.update()
        bar.close()
        return total

    def _monte_carlo(
        self, world: World, learners: Sequence[BasePredictor], horizons: NDArray[np.integer]
    ) -> Floats:
        """Return mean and standard error over sequences of the measured risks."""
        if world.ceiling is None or "n_steps" not in world.get_params():
            raise ValueError(
                f"method='monte_carlo' measures the distance to the optimal predictor at several "
                f"horizons, which {type(world).__name__} does not offer; use a world with "
                "n_steps and a ceiling."
            )
        total = np.empty((2, len(learners), len(horizons)))
        bar = tqdm(total=total[0].size, disable=not self.progress, unit="fit")
        fitted = None
        for j, horizon in enumerate(horizons):
            horizon = int(horizon)
            world = clone(world).set_params(n_steps=horizon)
            stream = substream(self._stream, "horizon", horizon)
            train, evaluation = world.split(self.n_train, self.n_eval, stream)
            if fitted is None or self.refit == "per_horizon":
                fitted = [clone(learner).fit(train.X) for learner in learners]
            # There is one, as there is a ceiling.
            optimal: Any = world.optimal_predictor()
            best = optimal.predict(evaluation.X)
            for i, learner in enumerate(fitted):
                apart = (learner.at_length(horizon).predict(evaluation.X) - best)[:, :-1] ** 2
                if getattr(learner, "padding", "zero") == "drop":
                    apart = apart[:, learner.length - 1 :]
                sums = apart.reshape(len(apart), -1).sum(axis=1)
                total[:, i, j] = sums.mean(), sums.std(ddof=1) / np.sqrt(len(sums))
                bar.update()
        bar.close()
        return total

    def _find_lengths(
        self, sizes: NDArray[np.integer], horizons: NDArray[np.integer], total: Floats
    ) -> Floats:
        """Set both lengths, and return the growth exponents that the first one is read from."""
        # Smaller risks are rounding, whose growth means nothing.
        risk = np.where(total > _NEGLIGIBLE * self._variance, total / horizons, 0.0)
        exponents = growth_exponents(risk, horizons, self.exponent_cut)
        bounded = np.flatnonzero(exponents < self.exponent_cut)
        self.shortest_stable_length_ = float(sizes[bounded[0]]) if len(bounded) else np.nan
        tolerated = self.tol * self._variance
        self.critical_length_ = np.array([crossing(sizes, column, tolerated) for column in total.T])
        return exponents

    def _find_slopes(
        self,
        world: World,
        learner: BasePredictor,
        sizes: NDArray[np.integer],
        horizons: NDArray[np.integer],
    ) -> None:
        """Set the slope of the critical length, and what it should be."""
        known = np.isfinite(self.critical_length_)
        self.slope_ = np.nan
        if known.sum() > 1:
            log_horizons = np.log(horizons[known])
            self.slope_ = float(np.polyfit(log_horizons, self.critical_length_[known], 1)[0])
        self.reference_slope_ = np.nan
        if (
            isinstance(world, LinearSystemWorld)
            and isinstance(learner, FiniteFilterPredictor)
            and self.refit == "per_horizon"
        ):
            self._compare_with_theory(world, sizes)

    def _variables(
        self, name: str, total: Floats, risk: Floats, error: Floats | None, exponents: Floats
    ) -> dict[str, Any]:
        """Return the variables of the cube; `name` is the parameter that is varied."""
        per = (name, "horizon")
        data = {"units": "squared units of the data"}
        stable = (
            (),
            self.shortest_stable_length_,
            {"long_name": f"first {name} whose risk per step does not grow", "units": "1"},
        )
        variables = {
            "total_risk": (per, total, {"long_name": "total excess risk"} | data),
            "risk": (per, risk, {"long_name": "excess risk per step"} | data),
            "growth_exponent": (
                name,
                exponents,
                {"long_name": "growth exponent of the risk per step", "units": "1"},
            ),
            "shortest_stable_length": stable,
            # Its old name, for those who read cubes by it.
            "stability_threshold": stable,
            "critical_length": (
                "horizon",
                self.critical_length_,
                {"long_name": f"{name} at which the total risk is tolerated", "units": "1"},
            ),
        }
        if error is not None:
            named = {"long_name": "standard error of the total risk"} | data
            variables["total_risk_se"] = (per, error, named)
        return variables

    def _compare_with_theory(self, world: LinearSystemWorld, sizes: NDArray[np.integer]) -> None:
        """Set the slope that theory gives, and warn if the measured length is another."""
        A, C, Q, R = check_system(world.A, world.C, world.Q, world.R)
        expected = sizes[sizes >= shortest_stable_length(A, C)]
        expected = float(expected[0]) if len(expected) else np.nan
        if len(self.horizons) > 1 and not np.array_equal(
            self.shortest_stable_length_, expected, equal_nan=True
        ):
            warnings.warn(
                f"From the growth of the risk the shortest stable length is "
                f"{self.shortest_stable_length_:g}, but by algebra it is {expected:g}: up to "
                f"{max(self.horizons)} steps the growth has not settled. Add longer horizons.",
                stacklevel=4,
            )
        try:
            radius = memory_radius(A, C, steady_filter(A, C, Q, R).gain)
        except ValueError:
            return  # there is no steady filter
        if 0 < radius < 1:
            self.reference_slope_ = float(-0.5 / np.log(radius))


def _increasing(values: ArrayLike, name: str, at_least: int) -> NDArray[np.integer]:
    """Return a parameter as an array of increasing integers."""
    array = np.asarray(values)
    fits = array.ndim == 1 and array.size and np.issubdtype(array.dtype, np.integer)
    if not fits or (np.diff(array) <= 0).any() or array[0] < at_least:
        raise ValueError(
            f"{name}={values!r} must be increasing integers from {at_least} on, for instance "
            "[2, 4, 8]."
        )
    return array


def _param_name(learner: BasePredictor, name: str) -> str:
    """Return the parameter that is varied."""
    known = learner.get_params(deep=False)
    candidates = ("length", "size", "hidden_size") if name == "auto" else (name,)
    for candidate in candidates:
        if candidate in known:
            return candidate
    if name == "auto":
        raise ValueError(
            f"{type(learner).__name__} has no parameter length, size or hidden_size; say which one "
            f"is varied: param_name=... out of {', '.join(sorted(known))}."
        )
    raise ValueError(
        f"param_name={name!r} is not a parameter of {type(learner).__name__}; choose from "
        f"{', '.join(sorted(known))}.{did_you_mean(name, known)}"
    )


def _innovation_variance(
    world: World, learner: BasePredictor, stream: np.random.SeedSequence
) -> float:
    """Return the total variance of the innovations over channels, the unit of the tolerance."""
    if isinstance(world, LinearSystemWorld):
        A, C, Q, R = check_system(world.A, world.C, world.Q, world.R)
        if isinstance(learner, RestrictedLinearPredictor):
            return float(np.trace(Q))
        if isinstance(world.initial, str) and world.initial == "steady":
            return float(np.trace(steady_filter(A, C, Q, R).innovation_covariance))
    if world.ceiling is None:
        return np.nan  # such worlds are refused
    X = world.sample(1000, substream(stream, "innovations")).X
    # There is one, as there is a ceiling.
    optimal: Any = world.optimal_predictor()
    apart = X[:, 1:] - optimal.predict(X)[:, :-1]
    return float((apart**2).mean(axis=(0, 1)).sum())
