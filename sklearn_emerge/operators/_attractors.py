"""What a predictor ends on when it is left alone for long."""

import numpy as np
import xarray as xr

from .._docs import fill_doc
from .._random import substream
from .._typing import Floats, RandomState
from .._validation import check_integer
from ..predictors import BasePredictor
from ..worlds import Sample
from ..worlds._sample import rows_of
from ._energy import energy_distance
from ._exact import continuation, exact_world, with_channels

ATTRACTOR = ("period", "amplitude", "distance", "moving", "censored")
# Points of each sequence that the energy distance is taken of.
_N_POINTS = 32


@fill_doc
def attractor(
    predictor: BasePredictor,
    sample: Sample,
    *,
    n_transient: int = 1000,
    n_steps: int = 1000,
    delay: int | None = None,
    least_motion: float = 0.05,
    n_sequences: int | None = 64,
    clock: str | float | None = None,
    random_state: RandomState = 0,
) -> xr.DataArray:
    r"""Return what a predictor ends on in closed loop, and how far that is from the world's.

    Each sequence is the prompt of a rollout, whose last `n_steps` count. Period and amplitude are
    those of the first channel. The energy distance

    .. math:: 2 E|v - w| - E|v - v'| - E|w - w'|

    is that of the delay vectors :math:`v = (x_t, x_{t-d})` of the rollout from those, w, of the
    world's flow from the true latents, both with the world's noise added, and in units of the
    standard deviation of the latter.

    Made for ``EmergenceAssessment(measures={"attractor": attractor})`` of networks without a clock,
    with other arguments by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        %(predictor_with_rollout)s
    sample : Sample
        %(sample_of_flow)s
    n_transient : int, default=1000
        Steps of the rollout that are left out, at least 1.
    n_steps : int, default=1000
        Steps that count, at least 8.
    delay : int, default=None
        The delay d in steps, below `n_steps`. None is a quarter of the world's period as measured
        here, and 1 if there is none.
    least_motion : float, default=0.05
        A sequence moves if its standard deviation over time is larger than this share of that of
        the world, noise included.
    n_sequences : int, default=64
        How many of the sequences to use, the first ones, at least 2. None is all.
    clock : "run", float or None, default=None
        %(clock_of_rollout)s
    random_state : int, SeedSequence, Generator, RandomState or None, default=0
        Stream of the noise, and of the steps that the energy distance is taken of.

    Returns
    -------
    xarray.DataArray of dimension (attractor,)
        - "period": median over the sequences that move, in steps. NaN if none does a turn;
        - "amplitude": median over all sequences of half of the range, in units of the
          observation; 0 of those that do not move;
        - "distance": the energy distance. Its estimate has no bias, so that it can be below 0;
          infinite where the rollout leaves the range of float64;
        - "moving": share of sequences that move;
        - "censored": share of sequences that move without doing a turn, whose period is longer than
          can be seen.

        All are NaN of a null, whose flow is not known.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        %(raises_of_rollout)s

    Notes
    -----
    A turn is from one crossing of the mean over time, upwards, to the next, with steps between by
    linear interpolation; a period is the mean over the turns of a sequence. Rollouts of means have
    no noise that would cross twice, and unlike the phase of the analytic signal turns do not ask
    for a whole number of periods. The cycle of the world in closed form is ``world.cycle()``.

    A linear filter may have the period; amplitude and distance ask for the rest.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import attractor
    >>> world = OscillatorWorld(n_steps=128)
    >>> model = EchoStatePredictor(64, random_state=0).fit(world.sample(200, random_state=0).X)
    >>> found = attractor(model, world.sample(20, random_state=1), n_transient=300, n_steps=500)
    >>> found.sel(attractor=["moving", "censored"]).values.tolist()
    [1.0, 0.0]
    >>> bool(abs(found.sel(attractor="period") / world.cycle().period - 1) < 0.05)
    True
    """
    check_integer(n_transient, "n_transient")
    check_integer(n_steps, "n_steps", 8)
    if n_sequences is not None:
        check_integer(n_sequences, "n_sequences", 2)
    if delay is not None:
        check_integer(delay, "delay")
        if delay >= n_steps:
            raise ValueError(f"delay={delay} must be below n_steps={n_steps}.")
    if not 0 < least_motion < 1:
        raise ValueError(f"least_motion={least_motion!r} must be between 0 and 1.")
    world = exact_world(sample, "attractor")
    if world is None:
        return _labelled([np.nan] * len(ATTRACTOR))
    sample = rows_of(sample, slice(n_sequences))
    if len(sample.X) < 2:
        raise ValueError("sample has one sequence, and attractor compares pairs; pass at least 2.")
    n_prompt, n_all = sample.X.shape[1], n_transient + n_steps
    rollout = predictor.rollout(sample.X, n_all, feedback="mean", clock=clock)
    own = with_channels(rollout)[:, n_transient:]
    true = continuation(world, sample, n_prompt, n_all)[:, n_transient:]
    noise = (with_channels(sample.X) - with_channels(world.emission(sample.latents))).std((0, 1))
    random = np.random.default_rng(substream(random_state, "attractor"))
    own_seen, true_seen = (
        each + noise * random.standard_normal(each.shape) for each in (own, true)
    )
    scale = true_seen.std(axis=(0, 1))
    scale = np.where(scale > 0, scale, 1.0)
    if delay is None:
        turn = _median(_periods(true[:, :, 0]))
        # Slow worlds have a turn, and less than four delays in view.
        delay = int(np.clip(turn / 4 + 0.5, 1, n_steps - 1)) if np.isfinite(turn) else 1
    vectors = [_delay_vectors(each / scale, delay, random) for each in (own_seen, true_seen)]
    period, amplitude, moving, censored = _motion(own[:, :, 0], least_motion * scale[0])
    return _labelled([period, amplitude, energy_distance(*vectors), moving, censored])


def _motion(x: Floats, least: float) -> tuple[float, float, float, float]:
    """Return period, amplitude, and shares of sequences that move, and that do not do a turn."""
    with np.errstate(invalid="ignore", over="ignore"):
        spread = x.std(axis=1)
        half_range = np.ptp(x, axis=1) / 2
    # What has left the range of numbers has moved.
    moves = ~(spread <= least)
    half_range = np.where(np.isfinite(half_range), half_range, np.inf)
    periods = _periods(x[moves])
    amplitude = np.median(np.where(moves, half_range, 0.0))
    return _median(periods), float(amplitude), moves.mean(), np.isnan(periods).sum() / len(x)


def _periods(x: Floats) -> Floats:
    """Return the mean length of the turns of each sequence; NaN where there is none."""
    return np.array([_period(each) for each in x])


def _period(x: Floats) -> float:
    if not np.isfinite(x).all():
        return np.nan
    x = x - x.mean()
    before = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    if len(before) < 2:
        return np.nan
    crossings = before + x[before] / (x[before] - x[before + 1])
    return float((crossings[-1] - crossings[0]) / (len(before) - 1))


def _median(values: Floats) -> float:
    """Return the median of what is known; NaN if nothing is."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else np.nan


def _delay_vectors(x: Floats, delay: int, random: np.random.Generator) -> Floats:
    """Return delay vectors of each sequence at some of its steps, drawn at random."""
    n_sequences, n_steps, _ = x.shape
    rows = np.arange(n_sequences)[:, np.newaxis]
    at = random.integers(delay, n_steps, (n_sequences, _N_POINTS))
    return np.concatenate([x[rows, at], x[rows, at - delay]], axis=2)


def _labelled(values: list[float]) -> xr.DataArray:
    """Return values with their names."""
    result = xr.DataArray(values, {"attractor": list(ATTRACTOR)}, dims="attractor")
    units = "1, step for period, that of the observation for amplitude, its sd for distance"
    return result.assign_attrs(long_name="what the closed loop ends on", units=units)
