"""Lyapunov exponents as a measure: driven, and left alone."""

from typing import Any

import numpy as np
import xarray as xr

from .._random import seed_sequence, substream
from .._typing import RandomState
from .._validation import check_integer
from ..predictors import BasePredictor
from ..worlds import Sample
from ..worlds._sample import check_sample
from ._loops import has_one_loop
from ._lyapunov import at_most, half_at_most, lyapunov_spectrum

LOOPS = ("driven", "closed")


def lyapunov(
    predictor: BasePredictor,
    sample: Sample,
    *,
    n_exponents: int = 4,
    n_steps: int = 400,
    n_burn_in: int = 100,
    n_sequences: int | None = 32,
    clock: float | None = None,
    random_state: RandomState = 0,
) -> xr.DataArray:
    r"""Return the leading Lyapunov exponents of a predictor, driven and left alone.

    They are those of `lyapunov_spectrum`,

    .. math:: \lambda_i = \frac{1}{n} \sum_t \ln |R_t|_{ii}, \qquad Q_t R_t = J_t Q_{t-1},

    as means over sequences. Driven, :math:`-1 / \lambda_1` is for how many steps what is observed
    is remembered. In closed loop, behind the sequences, they are those of the operator that the
    predictor is when it is left alone.

    Made for ``EmergenceAssessment(measures={"lyapunov": lyapunov}, record_at=[...])``, with other
    arguments by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        A fitted predictor that goes on from a state, see `recurrent_states`.
    sample : Sample
        Sequences, of any length.
    n_exponents : int, default=4
        How many, the largest; NaN where states have fewer numbers.
    n_steps : int, default=400
        Steps in closed loop that are averaged over. Driven, they are those of the sequences, but
        for the first 50, or half of shorter ones.
    n_burn_in : int, default=100
        Steps in closed loop before these, which do not count.
    n_sequences : int, default=32
        How many of the sequences to use, the first ones. None is all.
    clock : float or None, default=None
        Where the clock stands in closed loop, from 0 to 1, of a predictor whose clock runs
        (``time_channel="full_time"``).
    random_state : int, SeedSequence, Generator, RandomState or None, default=0
        Stream of the first directions.

    Returns
    -------
    xarray.DataArray of dimensions (loop, exponent)
        In nats a step, the largest first. Minus infinity where a direction is lost. Those of the
        "closed" loop are NaN where it is no map of the state that is the same at all steps: where a
        clock runs, where outcomes or counts are predicted, whose means never enter, and where there
        are exogenous channels; and where no sequence stays in the range of float64.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor has no state, sequences have a single step, or an argument is out of range.

    See Also
    --------
    lyapunov_spectrum : Of each sequence.

    Notes
    -----
    Driven exponents do not tell a network that follows a world from a random core; those of the
    closed loop describe it, and decide nothing, see `lyapunov_spectrum`.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import lyapunov
    >>> world = OscillatorWorld(n_steps=100)
    >>> model = EchoStatePredictor(32, random_state=0).fit(world.sample(200, random_state=0).X)
    >>> exponents = lyapunov(model, world.sample(10, random_state=1), n_burn_in=400)
    >>> exponents.dims, exponents.shape
    (('loop', 'exponent'), (2, 4))
    >>> bool(exponents.sel(loop="driven", exponent=1) < 0)  # The past is forgotten.
    True
    >>> bool(abs(exponents.sel(loop="closed", exponent=1)) < 0.01)  # A cycle.
    True
    """
    for name, number, least in (
        ("n_exponents", n_exponents, 1),
        ("n_steps", n_steps, 1),
        ("n_burn_in", n_burn_in, 0),
    ):
        check_integer(number, name, least)
    if n_sequences is not None:
        check_integer(n_sequences, "n_sequences")
    check_sample(sample)
    one_loop = has_one_loop(predictor, clock)
    X = sample.X[:n_sequences]
    stream = substream(seed_sequence(random_state), "lyapunov")
    predictor = predictor.at_length(X.shape[1])
    n_known = at_most(n_exponents, predictor, X)
    options: dict[str, dict[str, Any]] = {
        "driven": {"n_burn_in": half_at_most(X.shape[1])},
        "closed": {"n_burn_in": n_burn_in, "n_steps": n_steps, "clock": clock},
    }
    found = np.full((len(LOOPS), n_exponents), np.nan)
    for row, loop in zip(found, LOOPS, strict=True):
        if loop == "closed" and not one_loop:
            continue
        spectrum = lyapunov_spectrum(
            predictor, X, loop=loop, n_exponents=n_known, random_state=stream, **options[loop]
        ).values
        stay = ~np.isnan(spectrum).any(axis=1)
        if stay.any():
            row[:n_known] = spectrum[stay].mean(axis=0)
    coords = {"loop": list(LOOPS), "exponent": np.arange(1, n_exponents + 1)}
    result = xr.DataArray(found, coords, dims=list(coords))
    result.loop.attrs = {"long_name": "driven by sequences, or left alone behind them"}
    result.exponent.attrs = {"long_name": "number of the exponent, the largest first", "units": "1"}
    return result.assign_attrs(long_name="Lyapunov exponent", units="nat/step")
