"""Errors of forecasts of many steps from a target that is known to be there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._missing import is_observed, observed_only
from .._random import seed_sequence, substream
from .._typing import Floats, RandomState
from ..predictors import BasePredictor
from ..predictors._stepping import steps_quickly
from ..worlds import Sample

# Sequences of "auto": where means enter, and steps of those where paths are drawn; and how many
# they are of predictors that compute all features of a sequence anew for each step.
_MEANS, _DRAWN_STEPS, _ANEW = 500, 2**14, (16, 8)


def prompts_of(n_steps: int) -> list[int]:
    """Return the lengths of prompts: an eighth, a quarter and half of the sequences."""
    return sorted({max(1, n_steps // part) for part in (8, 4, 2)})


def horizon_of(n_steps: int, lengths: Sequence[int]) -> int:
    """Return how far to go on: half of the sequences, or what the longest prompt leaves."""
    return min(max(1, n_steps // 2), n_steps - lengths[-1])


def errors_of(
    predictor: BasePredictor,
    sample: Sample,
    target: str,
    optimal: BasePredictor | None = None,
    *,
    lengths: Sequence[int] | None = None,
    horizon: int | None = None,
    n_sequences: int | str | None = "auto",
    n_paths: int = 40,
    random_state: RandomState = 0,
) -> xr.DataArray:
    """Return the errors of `flow_errors`, whose arguments these are, after they were checked.

    Parameters
    ----------
    predictor, sample, n_sequences, n_paths, random_state
        As in `flow_errors`.
    target : {"flow", "forecast", "continuation"}
        What the world has.
    optimal : predictor or None, default=None
        The optimal one, for the target "forecast". It is passed so that what is computed hangs on
        that of one world alone.
    lengths : sequence of int, default=None
        Lengths of prompts; None is those of `prompts_of`.
    horizon : int, default=None
        Steps to go on; None is that of `horizon_of`.

    Returns
    -------
    xarray.DataArray of dimensions (prompt, horizon)
    """
    world: Any = sample.world
    n_steps = sample.X.shape[1]
    lengths = prompts_of(n_steps) if lengths is None else list(lengths)
    horizon = horizon_of(n_steps, lengths) if horizon is None else horizon
    average = np.nanmean if predictor._likelihood.discrete else np.nanmedian
    if n_sequences == "auto":
        n_sequences = _count_sequences(predictor, n_steps)
    X = sample.X[:n_sequences]
    scale = _scale_of(sample.X, predictor)
    stream = seed_sequence(random_state)
    horizons = [*(2**i for i in range((horizon - 1).bit_length())), horizon]
    errors = np.full((len(lengths), len(horizons)), np.nan)
    for i, length in enumerate(lengths):
        paths = n_paths, substream(stream, "prompt", length)
        feedback = "auto"
        after = slice(length, length + horizon)
        observed = np.ones((len(X), horizon), dtype=bool)
        if target == "flow":
            # What disturbs a noisy flow is at its mean, and so it is for who sees means: a forecast
            # of what it may do is of another future.
            feedback = "mean" if world.flow_kind == "noisy" else "auto"
            state = sample.latents[: len(X), length - 1]
            known = world.emission(world.flow(state, horizon, length - 1))
            known = known.reshape(1, len(X), horizon, -1)
        elif target == "forecast":
            known = _forecasts(optimal, X[:, :length], horizon, *paths)
        else:
            observed = is_observed(X[:, after])
            known = X[:, after].reshape(1, len(X), horizon, -1)
        forecasts = _forecasts(predictor, X[:, :length], horizon, *paths, feedback)
        square = _squared_errors(forecasts, known, scale)
        means = _over_steps(square, observed)[:, np.array(horizons) - 1]
        some = ~np.isnan(means).all(axis=0)
        errors[i, some] = np.sqrt(average(means[:, some], axis=0).clip(0))
    result = xr.DataArray(errors, {"prompt": lengths, "horizon": horizons}, ("prompt", "horizon"))
    result.prompt.attrs = {"long_name": "steps that are seen", "units": "step"}
    result.horizon.attrs = {"long_name": "steps ahead", "units": "step"}
    several = scale.size > 1
    return result.assign_attrs(
        long_name="error of forecasts that go on by themselves",
        units="standard deviation of the channel" if several else "unit of the data",
        target=target,
    )


def _count_sequences(predictor: Any, n_steps: int) -> int:
    """Return how many sequences are enough, and not too many."""
    sampled = predictor._what_enters("auto", 1) == "sample"
    if not steps_quickly(predictor):
        return _ANEW[sampled]
    return max(60, _DRAWN_STEPS // n_steps) if sampled else _MEANS


def _scale_of(X: NDArray[Any], predictor: Any) -> Floats:
    """Return what errors of each channel are divided by: 1 if there is one, or of tokens."""
    if X.ndim == 2 or X.shape[2] == 1 or predictor._likelihood.tokens:
        return np.ones(1)
    spread: Floats = observed_only(X).std(axis=(0, 1))
    # A constant one is in its own unit.
    return np.where(spread > 0, spread, 1.0)


def _forecasts(
    predictor: Any,
    prompt: NDArray[Any],
    n_steps: int,
    n_paths: int,
    stream: RandomState,
    feedback: str = "auto",
) -> Floats:
    """Return forecasts (n_paths, n_sequences, n_steps, n_channels), or one where none is drawn."""
    if predictor._what_enters(feedback, 1) != "sample":
        mean: Floats = predictor.rollout(prompt, n_steps, feedback=feedback)
        return mean.reshape(1, len(prompt), n_steps, -1)
    model = predictor._from_prompt(prompt.shape[1], n_steps, None)
    seen = model.fill_missing(model.encode(prompt))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate(list(model._paths(seen, n_steps, n_paths, stream)))


def _squared_errors(forecasts: Floats, known: Floats, scale: Floats) -> Floats:
    """Return squares of errors (n_sequences, n_steps), without the variance of drawn paths."""
    if forecasts.shape[3] != known.shape[3]:
        raise ValueError(
            f"The predictor forecasts {forecasts.shape[3]} channels, but the target has "
            f"{known.shape[3]}; pass a predictor that was fitted to sequences of this world."
        )
    # Forecasts that have left the range of float64 are infinitely far away.
    with np.errstate(over="ignore", invalid="ignore"):
        apart = (forecasts - known) / scale
        square = apart.mean(axis=0) ** 2
        if len(apart) > 1:
            square -= apart.var(axis=0, ddof=1) / len(apart)
        lost = ~np.isfinite(square).all(axis=2)
        mean: Floats = np.where(lost, np.inf, square.mean(axis=2))
    return mean


def _over_steps(square: Floats, observed: NDArray[np.bool_]) -> Floats:
    """Return the mean over the first 1, 2, ... steps of each sequence, NaN if none is observed."""
    n_observed = observed.cumsum(axis=1)
    total = np.where(observed, square, 0.0).cumsum(axis=1)
    mean: Floats = np.where(n_observed > 0, total / np.maximum(n_observed, 1), np.nan)
    return mean
