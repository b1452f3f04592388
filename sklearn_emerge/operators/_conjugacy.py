"""Whether the closed loop is the world's flow, seen through a linear map."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from .._docs import fill_doc
from .._typing import Floats
from .._validation import check_integer
from ..predictors import BasePredictor
from ..worlds import Sample
from ._decoder import driven_states, fit_map, halves, units_of
from ._exact import exact_world
from ._loops import closed_loop, closed_states


@fill_doc
def conjugacy_error(
    predictor: BasePredictor,
    sample: Sample,
    *,
    steps: Sequence[int] = (1, 4, 16, 64),
    prompts: Sequence[int] | None = None,
    fit_on: Sample | None = None,
    clock: str | float | None = None,
) -> xr.DataArray:
    r"""Return how far the closed loop of a network is from the world's flow, seen through a map.

    With the linear map D from driven states to latents, the world's flow f and the closed loop G,
    in which the network's own predictions enter,

    .. math::

        E(k) = \frac{\mathrm{rms}(D G^k(h_t) - f^k(D h_t))}{\mathrm{rms}(f^k(D h_t) - D h_t)},

    over sequences, latents, and the last steps t of the prompts. It is 0 where both commute, and
    1 for a network that stands still.

    Made for ``EmergenceAssessment(measures={"conjugacy": conjugacy_error})``, with other arguments
    by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        A fitted predictor that goes on from a state, see `recurrent_states`, and has `transform`.
    sample : Sample
        %(sample_of_flow)s
    steps : sequence of int, default=(1, 4, 16, 64)
        Numbers of steps k, increasing. Never take 1 alone, see the notes.
    prompts : sequence of int, default=None
        Numbers of steps that are seen before the loop is closed, increasing. None is an eighth, a
        quarter and half of the sequences.
    fit_on : Sample, default=None
        Other sequences of the world, which D is fitted to. None is the first half of `sample`
        (half of its groups, if it has some), and errors are those of the other half.
    clock : "run", float or None, default=None
        What the clock does in closed loop, of a network that has one, as in `rollout`.

    Returns
    -------
    xarray.DataArray of dimension (horizon,)
        E, without unit, at each k. NaN of a null, whose flow is not known, and where the flow of
        decoded latents does not move, or leaves the range of float64.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the world does not know its flow exactly or has no quantities as latents, the predictor
        has no hidden states or no closed loop of means, its clock would leave its range, or an
        argument is out of range.

    Notes
    -----
    D is a ridge regression of all steps but the first, with the penalty that predicts sequences
    left out best. It errs by about a step of the world, even where :math:`R^2` is .999, so that k =
    1 measures the decoder, and k of 16 and more the loop. Away from states that sequences drive the
    network to, D means nothing. Errors are larger behind prompts that end in a transient, so
    compare those of the same prompts. They are above 0 where states are behind the latents, even if
    the closed loop is the flow itself: .22 at k = 16 for an observer of the oscillator in 100
    steps. A random core that is large enough can have smaller ones than a trained network. The sum
    of squares is over latents in their own units.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import conjugacy_error
    >>> world = OscillatorWorld(n_steps=128)
    >>> model = EchoStatePredictor(64, random_state=0).fit(world.sample(200, random_state=0).X)
    >>> error = conjugacy_error(model, world.sample(100, random_state=1), steps=(1, 16))
    >>> error.horizon.values.tolist(), bool(error.sel(horizon=16) < 0.5)
    ([1, 16], True)
    """
    steps = _increasing(steps, "steps")
    world = exact_world(sample, "conjugacy_error")
    if world is None:
        return _labelled(np.full(len(steps), np.nan), steps)
    n_steps = sample.X.shape[1]
    given = sorted({max(1, n_steps // part) for part in (2, 4, 8)}) if prompts is None else prompts
    prompts = _increasing(given, "prompts", n_steps)
    X, latents, fit_on = _parts(sample, fit_on)
    states = driven_states(predictor, fit_on)
    fit, _, _ = fit_map(states, fit_on.latents, units_of(fit_on))
    squares = np.zeros((2, len(steps)))
    for n_seen in prompts:
        loop = closed_loop(predictor, X[:, :n_seen], steps[-1], clock)
        closed = enumerate(closed_states(*loop, steps[-1]))
        decoded = [state @ fit.coef + fit.intercept for k, state in closed if k in (0, *steps)]
        squares += _squares(world, latents[:, n_seen - 1], decoded, steps, n_seen - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(squares[0] / squares[1])
    return _labelled(np.where(squares[1] > 0, error, np.nan), steps)


def _squares(world: Any, latents: Floats, decoded: Any, steps: Any, start: int) -> Floats:
    """Return the sums of squares above and below the line, of shape (2, n_steps)."""
    # What is raised of true latents is of the arguments: the law is not known for so long.
    world.flow(latents, steps[-1], start)
    first, *later = decoded
    try:
        flown = world.flow(first, steps[-1], start)
    except ValueError:
        # Decoded latents are far from the true ones, and the flow explodes.
        return np.full((2, len(steps)), np.nan)
    flown = [flown[:, k - 1] for k in steps]
    apart = [((own - true) ** 2).sum() for own, true in zip(later, flown, strict=True)]
    return np.array([apart, [((true - first) ** 2).sum() for true in flown]])


def _parts(sample: Sample, fit_on: Sample | None) -> tuple[Floats, Floats, Sample]:
    """Return sequences and latents to measure, and the sample that the decoder is fitted to."""
    if fit_on is not None:
        if exact_world(fit_on, "fit_on") is None:
            raise ValueError("fit_on is of a null, which has no latents; pass one of the world.")
        return sample.X, sample.latents, fit_on
    first, half = halves(sample)
    return sample.X[~first], sample.latents[~first], half


def _increasing(values: ArrayLike, name: str, most: int | None = None) -> list[int]:
    """Return increasing integers from 1 on as a list."""
    numbers = list(values) if np.ndim(values) == 1 else [values]  # type: ignore[arg-type]
    for number in numbers:
        check_integer(number, name)
    top = "" if most is None else f" of at most {most}, the steps of the sequences"
    found = [int(number) for number in numbers]  # type: ignore[arg-type]
    rising = found and all(a < b for a, b in pairwise(found))
    if not rising or (most is not None and found[-1] > most):
        raise ValueError(f"{name}={values!r} must be increasing integers{top}.")
    return found


def _labelled(error: Floats, steps: list[int]) -> xr.DataArray:
    """Return errors with the steps that they belong to."""
    result = xr.DataArray(error, {"horizon": steps}, dims="horizon")
    result.horizon.attrs = {"long_name": "steps in closed loop", "units": "step"}
    return result.assign_attrs(long_name="conjugacy error of the closed loop", units="1")
