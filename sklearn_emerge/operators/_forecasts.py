"""How far a predictor that goes on by itself is from what its world does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from sklearn.utils.validation import check_is_fitted

from .._names import did_you_mean
from .._typing import RandomState
from .._validation import check_integer
from ..predictors import BasePredictor
from ..worlds import Sample, World
from ._errors import errors_of, horizon_of, prompts_of
from ._targets import TARGETS, target_of, why_not, world_of


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
        How many of the sequences to use, the first ones. None is all. "auto" is 500, or, where
        paths are drawn, as many as have 16,384 steps, and 60 at least; of predictors that compute
        all features of a sequence anew for each step, as transformers and windows do, it is 16, or
        8.
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

    Where the flow is "noisy", pulses and switches do not happen in it. So the optimal predictor
    goes on from its means there, too, as networks do, to which their own means say that nothing
    happened: its forecast is of a future in which something may. That holds of pulses, which are
    seen. A mean does not say that a hidden regime stays: where two regimes of .99 and -.99 stay
    with a probability of .98, a filter that knows them is 2.3 from the flow over 50 steps, and a
    linear one 1.6.

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
    world = world_of(sample, ", so that what follows a prompt is not known")
    target = _check_target(target, world)
    check_integer(n_paths, "n_paths", 2)
    lengths, horizon = _check_steps(prompts, horizon, sample.X.shape[1])
    n_sequences = _check_sequences(n_sequences)
    optimal = world.optimal_predictor() if target == "forecast" else None
    return errors_of(
        predictor,
        sample,
        target,
        optimal,
        lengths=lengths,
        horizon=horizon,
        n_sequences=n_sequences,
        n_paths=n_paths,
        random_state=random_state,
    )


def _check_target(target: Any, world: World) -> str:
    """Return the target to take, or raise a ValueError."""
    if not isinstance(target, str) or target not in ("auto", *TARGETS):
        raise ValueError(
            f"target={target!r} must be one of {', '.join(map(repr, ('auto', *TARGETS)))}."
            f"{did_you_mean(target, TARGETS)}"
        )
    chosen = target_of(world) if target == "auto" else target
    reason = why_not(chosen or "continuation", world)
    if chosen is None or reason:
        others = [each for each in TARGETS if not why_not(each, world)]
        remedy = f"; pass target={' or '.join(map(repr, others))}" if others else ""
        raise ValueError(f"target={target!r} is not possible: {reason}{remedy}.")
    return chosen


def _check_steps(prompts: Any, horizon: Any, n_steps: int) -> tuple[list[int], int]:
    """Return the lengths of prompts and the horizon, or raise a ValueError."""
    if prompts is None:
        lengths = prompts_of(n_steps)
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
        return lengths, horizon_of(n_steps, lengths)
    check_integer(horizon, "horizon")
    if horizon > left:
        raise ValueError(
            f"horizon={horizon} after a prompt of {lengths[-1]} steps ends beyond the sequences, "
            f"which have {n_steps}; pass horizon={left} or less, or shorter prompts."
        )
    return lengths, int(horizon)


def _check_sequences(n_sequences: Any) -> int | str | None:
    """Return how many sequences to take, None for all, or raise a ValueError."""
    if n_sequences is not None and not (isinstance(n_sequences, str) and n_sequences == "auto"):
        try:
            check_integer(n_sequences, "n_sequences")
        except ValueError as error:
            raise ValueError(f"{str(error)[:-1]}, 'auto', or None for all.") from None
    return n_sequences
