"""How far a predictor that goes on by itself is from what its world does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._missing import is_observed, observed_only
from .._names import did_you_mean
from .._random import seed_sequence, substream
from .._typing import Floats, RandomState
from .._validation import check_integer
from ..predictors import BasePredictor, WindowPredictor
from ..predictors._stepping import CellRollouts
from ..worlds import Sample, World

TARGETS = "flow", "forecast", "continuation"
# Sequences of "auto", where means enter and where paths are drawn, and how many they are of
# predictors that compute all features of a sequence anew for each step.
_QUICK, _ANEW = (500, 60), (16, 8)


def flow_errors(
    predictor: BasePredictor,
    sample: Sample,
    *,
    target: str = "auto",
    prompts: Sequence[int] | None = None,
    horizon: int | None = None,
    n_sequences: int | str | None = "auto",
    n_paths: int = 40,
    random_state: RandomState = 0,
) -> xr.DataArray:
    r"""Return how far forecasts of many steps are from what the world does.

    The predictor sees a prompt of P steps, then goes on by itself, see `BasePredictor.rollout`.
    Its error over the first h steps is

    .. math::

        e_P(h)^2 = \operatorname{median}_i \frac{1}{h C} \sum_{k=0}^{h-1} \sum_{c=1}^{C}
        \frac{(r_{ikc} - g_{ikc})^2}{s_c^2},

    where r are its forecasts of sequence i and g is the target. One channel is in units of the
    data, :math:`s = 1`; of several each is divided by its standard deviation in the sample. It is
    the median over sequences, because a few that slip by a phase would rule the mean; of outcomes
    and counts it is the mean, see the notes.

    Made for ``EmergenceAssessment(measures={"flow": flow_errors}, record_at=[...])``, with other
    arguments by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Sample
        Sequences with their world, as `World.sample` returns them.
    target : {"auto", "flow", "forecast", "continuation"}, default="auto"
        What g is. "flow" is how the true state goes on without noise,
        ``world.emission(world.flow(latents[:, P - 1], h, P - 1))``. "forecast" is the forecast of
        the optimal predictor after the same prompt. "continuation" are the sequences themselves,
        without their missing steps. "auto" is that of `target_of`.
    prompts : sequence of int, default=None
        Numbers of steps P, increasing. None is an eighth, a quarter and half of the sequences: the
        first is in the transient of most worlds, which asks for more than a linear filter knows.
    horizon : int, default=None
        Steps to go on, so many that they end within the sequences. None is half of the sequences,
        or what the longest prompt leaves.
    n_sequences : int, None or "auto", default="auto"
        How many of the sequences to use, the first ones. None is all. "auto" is 500, or 60
        where paths are drawn; of predictors that compute all features of a sequence anew for each
        step, as transformers and windows do, it is 16, or 8.
    n_paths : int, default=40
        Paths to average over where observations are drawn, at least 2; see the notes.
    random_state : int, SeedSequence, Generator, RandomState or None, default=0
        Stream of the draws. With the same integer two predictors have the same uniform numbers.

    Returns
    -------
    xarray.DataArray of dimensions (prompt, horizon)
        Errors e, at horizons 1, 2, 4, ... and the last. Infinite where forecasts have left the
        range of float64, of most sequences where it is the median; NaN where no step of the target
        is observed.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the sample has no world, the world has no such target, prompts and horizon do not lie
        within the sequences, or the predictor cannot go on by itself.

    Notes
    -----
    The optimal predictor has an error of exactly 0 from the target "forecast", by construction.
    From the others its error is what a prompt cannot tell.

    Of outcomes and counts, paths are drawn, and r is the mean of the predictive means along them,
    whose variance :math:`v = \sum_j (r_j - r)^2 / (n (n - 1))` over the n paths is part of the
    squared error. So it is subtracted, which makes squared errors unbiased. Single ones may be
    below 0, and have to be, lest those above 0 remain alone; their mean over steps and sequences is
    not let below 0, which no error can be. Their median would be too small, as they are skewed: a
    chain that stays with a probability of .88 in place of .9 has an error of .0130, of which it
    finds .0054, and the mean .0138 (40 paths of 60 sequences). An error of 0 says that it is too
    small to be seen with so many paths; twice as many make its square twice as fine, twice as many
    sequences by a factor of 1.4.

    In an assessment, nulls are compared with their own continuation, noise and all, so that
    conditions are not to be compared with each other, and the attribute `target` of a cube is that
    of one of them.

    The clock of a predictor runs as in training, because all steps are within the sequences.

    Examples
    --------
    A linear filter knows the cycle of the oscillator, but not how it is reached:

    >>> from sklearn_emerge import LinearFilterPredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import flow_errors
    >>> train, evaluation = OscillatorWorld(n_steps=128).split(300, 100, random_state=0)
    >>> model = LinearFilterPredictor(lags=16).fit(train.X)
    >>> errors = flow_errors(model, evaluation)
    >>> errors.prompt.values.tolist(), errors.horizon.values.tolist()
    ([16, 32, 64], [1, 2, 4, 8, 16, 32, 64])
    >>> errors.target, bool(errors[0, -1] > 2 * errors[2, -1])
    ('flow', True)
    """
    check_is_fitted(predictor)
    world = _world_of(sample)
    target = _check_target(target, world)
    check_integer(n_paths, "n_paths", 2)
    n_steps = sample.X.shape[1]
    lengths, horizon = _check_steps(prompts, horizon, n_steps)
    sampled = predictor._what_enters("auto", 1) == "sample"
    average = np.nanmean if predictor._likelihood.discrete else np.nanmedian
    X = sample.X[: _check_sequences(n_sequences, predictor, sampled)]
    scale = _scale_of(sample.X, predictor)
    optimal: Any = world.optimal_predictor() if target == "forecast" else None
    stream = seed_sequence(random_state)
    horizons = [*(2**i for i in range((horizon - 1).bit_length())), horizon]
    errors = np.full((len(lengths), len(horizons)), np.nan)
    for i, length in enumerate(lengths):
        paths = n_paths, substream(stream, "prompt", length)
        after = slice(length, length + horizon)
        observed = np.ones((len(X), horizon), dtype=bool)
        if target == "flow":
            state = sample.latents[: len(X), length - 1]
            known = world.emission(world.flow(state, horizon, length - 1))
            known = known.reshape(1, len(X), horizon, -1)
        elif target == "forecast":
            known = _forecasts(optimal, X[:, :length], horizon, *paths)
        else:
            observed = is_observed(X[:, after])
            known = X[:, after].reshape(1, len(X), horizon, -1)
        forecasts = _forecasts(predictor, X[:, :length], horizon, *paths)
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


def target_of(world: World) -> str | None:
    """Return what forecasts of many steps are compared with in a world.

    Parameters
    ----------
    world : World
        The world.

    Returns
    -------
    {"flow", "forecast", "continuation"} or None
        "flow" of quantities if the flow is what follows or its mean, else "forecast" if the best
        possible predictor is known, else "continuation", as of recordings. That of a null is
        "continuation", too: it has no dynamics of its own. None if nothing can go on by itself,
        because there are exogenous channels, whose steps to come nobody knows, as in all tasks;
        and of tokens, unless there is a forecast.

    Examples
    --------
    >>> from sklearn_emerge import DriftWorld, OscillatorWorld, RegimeWorld
    >>> from sklearn_emerge.operators import target_of
    >>> [target_of(world) for world in (OscillatorWorld(), DriftWorld(), RegimeWorld())]
    ['flow', 'flow', 'forecast']
    >>> target_of(OscillatorWorld().null("phase"))
    'continuation'
    """
    return next((target for target in TARGETS if not _why_not(target, world, auto=True)), None)


def _why_not(target: str, world: World, auto: bool = False) -> str:
    """Return why a world does not have a target, as text; "" if it has it."""
    name = type(world).__name__
    if world.n_exogenous or not world.feedback:
        return (
            f"{name} has exogenous channels, n_exogenous={world.n_exogenous}, whose steps to come "
            "are not known, so that no predictor can go on by itself; leave flow_errors out"
        )
    continuous = world.observation == "continuous"
    if target == "flow":
        if world.flow_kind is None or not continuous:
            return f"{name} has no flow of quantities (flow_kind={world.flow_kind!r})"
        # What disturbs it is not in it, so that it is no first choice.
        return f"the flow of {name} is noisy" if auto and world.flow_kind == "noisy" else ""
    if target == "forecast":
        # The best predictor of a null knows no dynamics.
        if world.ceiling is None or (auto and world._depth):
            return f"no optimal predictor of {name} is known (ceiling={world.ceiling!r})"
        return ""
    return (
        f"{name} is made of tokens, which have no distance" if world.observation == "token" else ""
    )


def _world_of(sample: Any) -> World:
    """Return the world of a sample, or raise a ValueError."""
    world = sample.world if isinstance(sample, Sample) else None
    if isinstance(world, World):
        return world
    given = "has no world" if isinstance(sample, Sample) else f"is a {type(sample).__name__}"
    raise ValueError(
        f"sample {given}, so that what follows a prompt is not known; pass what World.sample "
        "returns, of arrays that of ArrayWorld(X).sample(len(X))."
    )


def _check_target(target: Any, world: World) -> str:
    """Return the target to take, or raise a ValueError."""
    if not isinstance(target, str) or target not in ("auto", *TARGETS):
        raise ValueError(
            f"target={target!r} must be one of {', '.join(map(repr, ('auto', *TARGETS)))}."
            f"{did_you_mean(target, TARGETS)}"
        )
    chosen = target_of(world) if target == "auto" else target
    why_not = _why_not(chosen or "continuation", world)
    if chosen is None or why_not:
        others = [each for each in TARGETS if not _why_not(each, world)]
        remedy = f"; pass target={' or '.join(map(repr, others))}" if others else ""
        raise ValueError(f"target={target!r} is not possible: {why_not}{remedy}.")
    return chosen


def _check_steps(prompts: Any, horizon: Any, n_steps: int) -> tuple[list[int], int]:
    """Return the lengths of prompts and the horizon, or raise a ValueError."""
    if prompts is None:
        lengths = sorted({max(1, n_steps // part) for part in (8, 4, 2)})
    else:
        array = np.asarray(prompts)
        whole = array.ndim == 1 and array.size and np.issubdtype(array.dtype, np.integer)
        if not whole or array[0] < 1 or array[-1] >= n_steps or (np.diff(array) <= 0).any():
            raise ValueError(
                f"prompts={prompts!r} must be increasing integers from 1 to {n_steps - 1}, one "
                f"step less than the sequences, which have {n_steps}."
            )
        lengths = array.tolist()
    left = n_steps - lengths[-1]
    if horizon is None:
        return lengths, min(max(1, n_steps // 2), left)
    check_integer(horizon, "horizon")
    if horizon > left:
        raise ValueError(
            f"horizon={horizon} after a prompt of {lengths[-1]} steps ends beyond the sequences, "
            f"which have {n_steps}; pass horizon={left} or less, or shorter prompts."
        )
    return lengths, int(horizon)


def _check_sequences(n_sequences: Any, predictor: Any, sampled: bool) -> int | None:
    """Return how many sequences to take, None for all, or raise a ValueError."""
    if isinstance(n_sequences, str) and n_sequences == "auto":
        return (_QUICK if _steps_quickly(predictor) else _ANEW)[sampled]
    if n_sequences is not None:
        try:
            check_integer(n_sequences, "n_sequences")
        except ValueError as error:
            raise ValueError(f"{str(error)[:-1]}, 'auto', or None for all.") from None
    return n_sequences


def _steps_quickly(predictor: Any) -> bool:
    """Return whether a step costs little: one from a state, or of no features."""
    if isinstance(predictor, CellRollouts):
        return predictor._cell_and_head() is not None
    return not isinstance(predictor, WindowPredictor)


def _scale_of(X: NDArray[Any], predictor: Any) -> Floats:
    """Return what errors of each channel are divided by: 1 if there is one, or of tokens."""
    if X.ndim == 2 or X.shape[2] == 1 or predictor._likelihood.tokens:
        return np.ones(1)
    spread: Floats = observed_only(X).std(axis=(0, 1))
    # A constant one is in its own unit.
    return np.where(spread > 0, spread, 1.0)


def _forecasts(
    predictor: Any, prompt: NDArray[Any], n_steps: int, n_paths: int, stream: RandomState
) -> Floats:
    """Return forecasts (n_paths, n_sequences, n_steps, n_channels), or one where none is drawn."""
    if predictor._what_enters("auto", 1) != "sample":
        mean: Floats = predictor.rollout(prompt, n_steps)
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
