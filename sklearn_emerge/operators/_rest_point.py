"""The rest point of a predictor as a measure: how it leaves where the world rests."""

from typing import Any

import numpy as np
import xarray as xr

from .._typing import Floats, RandomState
from .._validation import check_integer
from ..predictors import BasePredictor
from ..worlds import Sample
from ..worlds._sample import check_sample
from ._exact import with_channels
from ._fixed_points import FixedPoints, fixed_points
from ._loops import has_one_loop

REST_POINT = ("growth", "angle", "distance", "number")


def rest_point(
    predictor: BasePredictor,
    sample: Sample,
    *,
    rest: int = 0,
    n_steps: int = 256,
    n_starts: int = 64,
    n_sequences: int | None = 64,
    clock: float | None = None,
    random_state: RandomState = 0,
) -> xr.DataArray:
    r"""Return how a predictor that is left alone leaves the state where its world rests.

    Of the `fixed_points` h of the closed loop G it is the one whose output is nearest to
    :math:`g(z)`, what the world emits where it rests, each channel in units of its standard
    deviation. With the eigenvalue :math:`\mu` of :math:`DG(h)` with the largest modulus, growth is
    :math:`\ln |\mu|` and the angle :math:`|\arg \mu|`. Those of the world follow from the Jacobians
    of ``world.rest_points()`` in the same way.

    Made for ``EmergenceAssessment(measures={"rest": rest_point}, record_at=[...])`` of networks
    without a clock, with other arguments by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        A fitted predictor that goes on from a state, see `recurrent_states`.
    sample : Sample
        Sequences, of any length, with their world, as `World.sample` returns them. If that does not
        know its rest points, as recordings and nulls do not, it is the fixed point that is nearest
        to the mean of the visited states.
    rest : int, default=0
        Which of the rest points of the world, in their order.
    n_steps : int, default=256
        Steps in closed loop behind each sequence, see `fixed_points`.
    n_starts : int, default=64
        States of either kind to start from, see `fixed_points`.
    n_sequences : int, default=64
        How many of the sequences to use, the first ones. None is all.
    clock : float or None, default=None
        Where the clock stands, from 0 to 1, of a predictor whose clock runs
        (``time_channel="full_time"``).
    random_state : int, SeedSequence, Generator, RandomState or None, default=0
        Stream of the starts.

    Returns
    -------
    xarray.DataArray of dimension (rest_point,)
        - "growth": in nats a step; below 0 states near it end there. Minus infinity where they are
          there after one step;
        - "angle": by which states near it turn, in radians a step, from 0 to pi. NaN where nothing
          is left to turn;
        - "distance": how far its output is from what the world emits at rest, the root of the mean
          square over channels in units of their standard deviations. A large one says that the
          predictor does not rest there at all. NaN if nobody knows where the world rests;
        - "number": how many fixed points there are. At 0 the others are NaN.

        All are NaN where the closed loop is no map of the state that is the same at all steps and
        for all sequences: where a clock runs, where outcomes or counts are predicted, whose means
        never enter, where there are exogenous channels, and with ``input_scaling="first"``.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor has no state, the world has no such rest point, or an argument is out of
        range.

    See Also
    --------
    fixed_points : All of them, and where the closed loop is slow.

    Examples
    --------
    The oscillator leaves rest by .0499 nats a step, at an angle of .0476:

    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import rest_point
    >>> world = OscillatorWorld(n_steps=128)
    >>> model = EchoStatePredictor(64, random_state=0).fit(world.sample(400, random_state=0).X)
    >>> found = rest_point(model, world.sample(20, random_state=1), n_starts=16)
    >>> growth, angle = found.sel(rest_point=["growth", "angle"]).values
    >>> bool(abs(growth - 0.0499) < 0.03), bool(abs(angle - 0.0476) < 0.03)
    (True, True)
    """
    check_integer(rest, "rest", 0)
    check_integer(n_steps, "n_steps")
    check_integer(n_starts, "n_starts")
    if n_sequences is not None:
        check_integer(n_sequences, "n_sequences")
    check_sample(sample)
    emitted = _emitted_at_rest(sample, rest)
    one_loop = has_one_loop(predictor, clock)
    if not one_loop or getattr(predictor, "input_scaling_", None) == "first":
        return _labelled(np.nan, np.nan, np.nan, np.nan)
    options: dict[str, Any] = {"clock": clock, "n_steps": n_steps, "n_starts": n_starts}
    found = fixed_points(predictor, sample.X[:n_sequences], random_state=random_state, **options)
    if not len(found.states):
        return _labelled(np.nan, np.nan, np.nan, 0)
    chosen, distance = (0, np.nan) if emitted is None else _nearest(found, emitted, sample)
    growth = found.growth[chosen]
    angle = found.angle[chosen] if np.isfinite(growth) else np.nan
    return _labelled(growth, angle, distance, len(found.states))


def _emitted_at_rest(sample: Sample, rest: int) -> Floats | None:
    """Return what the world of a sample emits where it rests, (n_channels,), if that is known."""
    world: Any = sample.world
    known = None if world is None else world.rest_points()
    if known is None:
        return None
    if rest >= len(known.points):
        raise ValueError(
            f"rest={rest}, but {type(world).__name__} has {len(known.points)} rest points, which "
            "are counted from 0; pass a smaller number."
        )
    emitted: Floats = with_channels(world.emission(known.points[[rest]][:, np.newaxis]))[0, 0]
    return emitted


def _nearest(found: FixedPoints, emitted: Floats, sample: Sample) -> tuple[int, float]:
    """Return the number of the fixed point whose output is nearest to what is emitted, and how."""
    spread = np.nanstd(with_channels(sample.X), axis=(0, 1))
    apart = (found.outputs - emitted) / np.where(spread > 0, spread, 1.0)
    distances = np.sqrt((apart**2).mean(axis=1))
    nearest = int(distances.argmin())
    return nearest, float(distances[nearest])


def _labelled(growth: float, angle: float, distance: float, number: float) -> xr.DataArray:
    """Return values with their names."""
    values = [growth, angle, distance, number]
    result = xr.DataArray(values, {"rest_point": list(REST_POINT)}, dims="rest_point")
    units = "1, nat/step for growth, rad/step for angle, standard deviation for distance"
    return result.assign_attrs(long_name="how the closed loop leaves its rest point", units=units)
