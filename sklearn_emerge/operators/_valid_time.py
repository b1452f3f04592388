"""For how long a rollout stays near what the world does."""

from numbers import Real

import numpy as np
import xarray as xr

from .._docs import fill_doc
from .._typing import Floats
from .._validation import check_integer
from ..predictors import BasePredictor
from ..worlds import Sample
from ..worlds._sample import rows_of
from ._exact import continuation, exact_world, with_channels

VALID_TIME = ("median", "censored")


@fill_doc
def valid_time(
    predictor: BasePredictor,
    sample: Sample,
    *,
    threshold: float = 0.4,
    n_prompt: int | None = None,
    n_steps: int = 1024,
    n_sequences: int | None = None,
    clock: str | float | None = None,
) -> xr.DataArray:
    r"""Return for how many steps the rollout of a predictor stays near the world's flow.

    The valid prediction time of a sequence is the first step k at which

    .. math:: |r_k - g(f^k(z))| > \theta s,

    with the rollout r behind a prompt, the true latents z at its end, the world's flow f and
    emission g without noise, and the standard deviation s of the sequences of the sample, over
    all their steps; of several channels the root of the mean of the squares, each in units of its
    s. A time is censored if there is no such step in `n_steps`, and then counts as `n_steps`.

    Made for ``EmergenceAssessment(measures={"valid_time": valid_time})`` of networks without a
    clock, with other arguments by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        %(predictor_with_rollout)s
    sample : Sample
        %(sample_of_flow)s
    threshold : float, default=0.4
        Error :math:`\theta` in standard deviations. Others use .5: name it.
    n_prompt : int, default=None
        Steps of each sequence that are seen. None is all.
    n_steps : int, default=1024
        Steps of the rollout.
    n_sequences : int, default=None
        How many of the sequences to use, the first ones. None is all.
    clock : "run", float or None, default=None
        %(clock_of_rollout)s

    Returns
    -------
    xarray.DataArray of dimension (valid_time,)
        - "median": of the valid prediction time, in steps. If it is `n_steps`, it is censored;
        - "censored": share of sequences that are valid at all steps.

        Both are NaN of a null, whose flow is not known.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        %(raises_of_rollout)s

    Notes
    -----
    On a cycle it says little more than how exact the period is: that of an oscillator that turns
    faster by 1% is 542 steps in the median over phases.

    Examples
    --------
    >>> from sklearn_emerge import AutoregressivePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import valid_time
    >>> world = OscillatorWorld(n_steps=128)
    >>> model = AutoregressivePredictor(lags=16).fit(world.sample(200, random_state=0).X)
    >>> valid_time(model, world.sample(50, random_state=1)).sel(valid_time="censored").item()
    0.0
    """
    real = isinstance(threshold, Real) and not isinstance(threshold, bool)
    if not real or not 0 < threshold < np.inf:
        raise ValueError(f"threshold={threshold!r} must be a positive number, as 0.4.")
    check_integer(n_steps, "n_steps")
    if n_sequences is not None:
        check_integer(n_sequences, "n_sequences")
    world = exact_world(sample, "valid_time")
    if world is None:
        return _labelled([np.nan, np.nan])
    most = sample.X.shape[1]
    n_prompt = most if n_prompt is None else n_prompt
    check_integer(n_prompt, "n_prompt")
    if n_prompt > most:
        raise ValueError(f"n_prompt={n_prompt} is more than the {most} steps of the sequences.")
    sample = rows_of(sample, slice(n_sequences))
    rollout = predictor.rollout(sample.X[:, :n_prompt], n_steps, feedback="mean", clock=clock)
    true = continuation(world, sample, n_prompt, n_steps)
    scale = with_channels(sample.X).std(axis=(0, 1))
    valid = _errors(with_channels(rollout), true, scale) <= threshold
    # The step before which all are valid; the first step is number 1.
    n_valid = np.logical_and.accumulate(valid, axis=1).sum(axis=1)
    times = np.minimum(n_valid + 1, n_steps)
    return _labelled([float(np.median(times)), float((n_valid == n_steps).mean())])


def _errors(rollout: Floats, true: Floats, scale: Floats) -> Floats:
    """Return the error at each step in standard deviations, of shape (n_sequences, n_steps)."""
    with np.errstate(over="ignore", invalid="ignore"):
        # What is constant has no spread.
        apart = (rollout - true) / np.where(scale > 0, scale, 1.0)
        errors: Floats = np.sqrt((apart**2).mean(axis=2))
    return errors


def _labelled(values: list[float]) -> xr.DataArray:
    """Return values with their names."""
    result = xr.DataArray(values, {"valid_time": list(VALID_TIME)}, dims="valid_time")
    return result.assign_attrs(
        long_name="valid prediction time", units="step, and 1 for the censored share"
    )
