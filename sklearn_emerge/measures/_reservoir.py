"""What a trained network is worth, in units of a random core that is not trained."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import xarray as xr
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._random import seed_sequence, substream
from .._typing import Floats, RandomState
from .._validation import as_numbers
from ..inference import Interval as Ends
from ..predictors import EchoStatePredictor
from ..predictors._echo_state import N_TUNED, RANGES
from ..predictors._facts import with_facts
from ..predictors._scale import spread_known
from ..worlds import Sample, World
from ..worlds._sample import rows_of
from ._sequences import negative_log_likelihood

_SIZES = (16, 32, 64, 128, 256, 512)
# Evaluation sequences that large cores are scored on. What these gain varies so little from one
# sequence to the next that its standard error is less than .001 nats a step.
_N_LARGE = 500


@validate_params(
    {
        "world": [World],
        "n_seeds": [Interval(Integral, 1, None, closed="left")],
        "time_channel": [StrOptions({"full_time"}), None],
        "random_state": ["random_state", np.random.Generator, np.random.SeedSequence],
    },
    prefer_skip_nested_validation=True,
)
def reservoir_curve(
    world: World,
    *,
    sizes: Sequence[int] = _SIZES,
    n_seeds: int = 3,
    n_train: int | None = None,
    n_eval: int | None = None,
    time_channel: Literal["full_time"] | None = None,
    random_state: RandomState = None,
) -> xr.DataArray:
    """Return how well random cores of growing size predict a world.

    A core is an `EchoStatePredictor`, tuned by cross-validation, with a head in closed form. Those
    of more than 128 units are scored on the first 500 evaluation sequences, by their difference
    from one of 128, which is scored on all of them.

    Parameters
    ----------
    world : World
        The world; of recordings an `ArrayWorld`.
    sizes : sequence of int, default=(16, 32, 64, 128, 256, 512)
        Numbers of units, increasing.
    n_seeds : int, default=3
        Number of seeds, each with sequences and weights of its own. They run under
        `joblib.parallel_config`.
    n_train, n_eval : int, default=None
        Numbers of sequences for training and evaluation; None takes those of the world.
    time_channel : {"full_time", None}, default=None
        "full_time" adds the clock to the inputs. Take what the network has.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of all draws. With the `random_state` and `n_eval` of an
        `EmergenceAssessment`, a seed is evaluated on the sequences that it has there.

    Returns
    -------
    xarray.DataArray of dimensions (seed, n_units)
        Negative log-likelihood on the evaluation sequences, in nats a step.

    Raises
    ------
    ValueError
        If the sizes do not increase, or a parameter is out of range.

    See Also
    --------
    equivalent_reservoir_size : The size at which the curve has the value of a network.

    Examples
    --------
    >>> from sklearn_emerge import OscillatorWorld
    >>> from sklearn_emerge.measures import reservoir_curve
    >>> world = OscillatorWorld(n_steps=32)
    >>> curve = reservoir_curve(world, sizes=(2, 8), n_train=100, n_eval=100, random_state=0)
    >>> curve.dims, curve.n_units.values.tolist(), curve.units
    (('seed', 'n_units'), [2, 8], 'nat/step')
    """
    counts = check_sizes(sizes)
    entropy = seed_sequence(random_state).generate_state(4).tolist()
    n_train, n_eval = world.default_split(n_train, n_eval)
    splits = world.splits(n_seeds, n_train, n_eval, substream(entropy, "data"))
    values = Parallel()(
        delayed(nll_of_cores)(
            world, train.X, evaluation, counts, time_channel, substream(entropy, "core", seed)
        )
        for seed, (train, evaluation) in enumerate(splits)
    )
    return xr.DataArray(
        np.array(values),
        dims=("seed", "n_units"),
        coords={
            "seed": np.arange(n_seeds),
            "n_units": ("n_units", counts, {"long_name": "units of a random core", "units": "1"}),
        },
        name="nll_reservoir",
        attrs={
            "long_name": "negative log-likelihood of random cores on the evaluation sequences",
            "units": "nat/step",
        },
    )


def equivalent_reservoir_size(
    nll: ArrayLike | xr.DataArray, curve: xr.DataArray
) -> float | Floats | xr.DataArray:
    """Return the size of the smallest random core that predicts as well as a network.

    It says what training was worth, in units that are not trained. The logarithm of the size is
    interpolated on the mean of the curve over its seeds.

    Parameters
    ----------
    nll : float, array-like or xarray.DataArray
        Negative log-likelihoods in nats a step, for instance ``cube.nll.sel(mode="full")``.
    curve : xarray.DataArray
        From `reservoir_curve` of the same world.

    Returns
    -------
    float, ndarray or xarray.DataArray
        Numbers of units, one for each value. 0 if the smallest core predicts better, so that
        fewer units than those of the curve would do; infinity if no core predicts as well; NaN
        for NaN. A mean over seeds is best taken before: ``nll.mean("seed")``.

    Raises
    ------
    ValueError
        If values are no numbers, or the curve is none.

    See Also
    --------
    reservoir_interval : With an interval over seeds.
    equivalent_filter_length : In steps of memory of a linear filter.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_emerge.measures import equivalent_reservoir_size
    >>> sizes = {"n_units": [16, 64, 256]}
    >>> curve = xr.DataArray([[0.6, 0.5, 0.4]], coords=sizes, dims=("seed", "n_units"))
    >>> equivalent_reservoir_size([0.7, 0.5, 0.45, 0.3], curve).round(6).tolist()
    [0.0, 64.0, 128.0, inf]
    """
    sizes, heights = _check_curve(curve)
    if isinstance(nll, xr.DataArray):
        found = _smallest_size(as_numbers(nll.values, "nll"), sizes, heights.mean(axis=0))
        return _labelled(nll, found)
    found = _smallest_size(as_numbers(nll, "nll"), sizes, heights.mean(axis=0))
    return found if found.ndim else float(found)


@validate_params(
    {"confidence": [Interval(Real, 0, 1, closed="neither")]}, prefer_skip_nested_validation=True
)
def reservoir_interval(
    nll: ArrayLike | xr.DataArray, curve: xr.DataArray, *, confidence: float = 0.95
) -> Ends:
    r"""Return an interval of the size at which random cores predict as well as networks on average.

    It holds the sizes at which Welch's t interval of the difference between the mean over networks
    and that over random cores has zero in it,

    .. math:: |\bar \ell - \bar r(n)| \le t_\nu \sqrt{s_\ell^2 / k_\ell + s_{r(n)}^2 / k_r},

    so that the seeds of both count. Inverting a test is right where the curve is flat, too, and
    where an end lies beyond all sizes; and with a handful of seeds a t interval has a coverage
    that is far closer to nominal than that of a bootstrap. If seeds share sequences with the
    networks', it is wider than it need be.

    Parameters
    ----------
    nll : array-like of shape (..., n_seeds) or xarray.DataArray with a dimension seed
        Negative log-likelihoods of networks in nats a step, of at least two seeds.
    curve : xarray.DataArray
        From `reservoir_curve` of the same world, with at least two seeds.
    confidence : float, default=0.95
        Coverage.

    Returns
    -------
    Interval
        Named tuple (low, high) of what `equivalent_reservoir_size` returns, without the seed.

    Raises
    ------
    ValueError
        If values are no numbers, the curve is none, or there are fewer than two seeds of either.

    Examples
    --------
    >>> import xarray as xr
    >>> from sklearn_emerge.measures import reservoir_interval
    >>> values = [[0.61, 0.50, 0.41], [0.60, 0.51, 0.40], [0.60, 0.50, 0.40]]
    >>> sizes = {"n_units": [16, 64, 256]}
    >>> curve = xr.DataArray(values, coords=sizes, dims=("seed", "n_units"))
    >>> low, high = reservoir_interval([0.46, 0.45, 0.45], curve)
    >>> round(low), round(high)
    (107, 153)
    """
    sizes, heights = _check_curve(curve)
    if isinstance(nll, xr.DataArray):
        if "seed" not in nll.dims:
            raise ValueError(
                f"nll has the dimensions {', '.join(nll.dims) or '(none)'}; an interval needs "
                "'seed' among them. Do not take the mean before."
            )
        found = reservoir_interval(nll.transpose(..., "seed").values, curve, confidence=confidence)
        mean = nll.isel(seed=0, drop=True)
        return Ends(*(_labelled(mean, end) for end in found))
    nll = as_numbers(nll, "nll")
    n_networks, n_cores = nll.shape[-1] if nll.ndim else 1, len(heights)
    if min(n_networks, n_cores) < 2:
        raise ValueError(
            f"nll has {n_networks} and the curve {n_cores} seeds; an interval needs at least 2 of "
            "each."
        )
    of_networks = nll.var(axis=-1, ddof=1, keepdims=True) / n_networks
    of_cores = heights.var(axis=0, ddof=1) / n_cores
    square = of_networks + of_cores
    with np.errstate(invalid="ignore"):
        freedom = square**2 / (of_networks**2 / (n_networks - 1) + of_cores**2 / (n_cores - 1))
    # Where no seeds differ there is nothing to multiply.
    freedom = np.where(square > 0, freedom, 1.0)
    half = special.stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(square)
    mean, middle = nll.mean(axis=-1), heights.mean(axis=0)
    # Numbers, or arrays of them.
    ends: list[Any] = []
    for shifted in (middle - half, middle + half):
        rows = zip(mean.ravel(), shifted.reshape(-1, len(sizes)), strict=True)
        found = np.reshape([_smallest_size(value, sizes, row) for value, row in rows], mean.shape)
        ends.append(found if found.ndim else float(found))
    return Ends(*ends)


def nll_of_cores(
    world: World,
    X: NDArray[Any],
    evaluation: Sample,
    sizes: Iterable[int],
    time_channel: Literal["full_time"] | None,
    stream: np.random.SeedSequence,
    watch: Callable[[EchoStatePredictor], object] | None = None,
) -> Floats:
    """Return the negative log-likelihood of random cores of one seed.

    Parameters
    ----------
    world : World
        Its facts are those of the cores.
    X : ndarray of shape (n_sequences, n_steps[, n_channels])
        Training sequences.
    evaluation : Sample
        Evaluation sequences.
    sizes : iterable of int
        Numbers of units.
    time_channel : {"full_time", None}
        Whether they see the clock.
    stream : SeedSequence
        Stream of their weights.
    watch : callable or None, default=None
        Receives each of them, fitted.

    Returns
    -------
    ndarray of shape (n_sizes,)
        In nats a step.
    """
    losses: dict[int, float] = {}
    of_tuned = np.nan
    options: dict[str, Any] = {"time_channel": time_channel, "random_state": stream}
    some, counts = rows_of(evaluation, slice(_N_LARGE)), {int(n) for n in sizes}
    # The large ones are compared with this one, whatever else is asked.
    needed = {N_TUNED} if max(counts) > N_TUNED else set()
    for n_units in sorted(counts | needed):
        core = EchoStatePredictor(n_units, **options)
        with spread_known(world.recorded_spread):
            core = with_facts(core, world.facts)
            with warnings.catch_warnings():
                # What is left to gain there does not matter for a size.
                warnings.simplefilter("ignore", ConvergenceWarning)
                core.fit(X)
        if watch is not None:
            watch(core)
        if n_units <= N_TUNED:
            losses[n_units] = negative_log_likelihood(core, evaluation)
        elif len(some.X) == len(evaluation.X):
            losses[n_units] = negative_log_likelihood(core, some)
        else:
            losses[n_units] = losses[N_TUNED] + negative_log_likelihood(core, some) - of_tuned
        if n_units == N_TUNED:
            # From here on all sizes would choose the same.
            options |= {name: getattr(core, f"{name}_") for name in RANGES}
            of_tuned = negative_log_likelihood(core, some)
    return np.array([losses[int(n)] for n in sizes])


def _smallest_size(nll: Floats, sizes: NDArray[np.integer], heights: Floats) -> Floats:
    """Return the size at which a curve first falls to each value."""
    # Without its ties: where it rises again, a smaller core was as good.
    falling = np.minimum.accumulate(heights)
    distinct = np.concatenate([[True], np.diff(falling) < 0])
    logarithm = np.interp(-nll, -falling[distinct], np.log(sizes[distinct]))
    found = np.where(nll > falling[0], 0.0, np.where(nll < falling[-1], np.inf, np.exp(logarithm)))
    return np.where(np.isnan(nll), np.nan, found)


def _labelled(like: xr.DataArray, sizes: float | Floats) -> xr.DataArray:
    """Return sizes with the labels of the values they belong to."""
    attributes = {"long_name": "equivalent reservoir size", "units": "units of a random core"}
    return like.copy(data=sizes).rename("equivalent_reservoir_size").assign_attrs(attributes)


def check_sizes(sizes: ArrayLike, name: str = "sizes") -> NDArray[np.int64]:
    """Return sizes as an array; raise a ValueError unless they are counts that increase."""
    array = np.asarray(sizes)
    whole = array.ndim == 1 and array.size and array.dtype.kind in "iu"
    if not whole or array[0] < 1 or (np.diff(array) <= 0).any():
        raise ValueError(
            f"{name}={sizes!r} must be numbers of units that increase; pass for instance "
            f"{name}=(16, 32, 64)."
        )
    return array.astype(np.int64)


def _check_curve(curve: xr.DataArray) -> tuple[NDArray[np.int64], Floats]:
    """Return sizes and values (n_seeds, n_sizes) of a curve; raise a ValueError if it is none."""
    if not isinstance(curve, xr.DataArray) or set(curve.dims) != {"seed", "n_units"}:
        raise ValueError(
            "curve must be a DataArray of the dimensions seed and n_units; pass what "
            "reservoir_curve(world) returns."
        )
    heights = as_numbers(curve.transpose("seed", "n_units").values, "curve")
    if not np.isfinite(heights).all() or "n_units" not in curve.coords:
        raise ValueError(
            "curve must be finite and have n_units as a coordinate; pass what "
            "reservoir_curve(world) returns."
        )
    return check_sizes(curve.n_units.values), heights
