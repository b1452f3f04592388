"""The two maps of a recurrent predictor: driven by sequences, and closed on its own predictions."""

from collections.abc import Iterator
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._dims import in_order
from .._typing import Floats
from .._validation import check_integer
from ..predictors import BasePredictor
from ..predictors._rollout import length_of


def driven_loop(model: BasePredictor, X: ArrayLike) -> tuple[Any, Floats]:
    """Return the core before the first step of sequences, and what enters.

    Parameters
    ----------
    model : predictor
        Fitted.
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences.

    Returns
    -------
    running : Running
        What `_after_step` and `_slopes` of the predictor go on from.
    steps : ndarray of shape (n_sequences, n_steps, n_channels)

    Raises
    ------
    NotFittedError, ValueError
        As in `recurrent_states`.
    """
    _check_predictor(model)
    model._check_states()
    steps: Floats = model.fill_missing(model.encode(X))
    return model._before(steps), steps


def closed_loop(
    model: BasePredictor, X: ArrayLike, n_steps: int, clock: str | float | None
) -> tuple[Any, Any]:
    """Return a predictor and its core behind prompts, from which it can be left alone.

    Parameters
    ----------
    model : predictor
        Fitted.
    X : array-like of shape (n_sequences, n_prompt) or (n_sequences, n_prompt, n_channels)
        Prompts.
    n_steps : int
        How many steps are to come.
    clock : "run", float or None
        What the clock does in these, see `rollout`.

    Returns
    -------
    model : predictor
        A copy, whose clock does so.
    running : Running
        What its `_closed_step` goes on from.

    Raises
    ------
    NotFittedError, ValueError
        As in `rollout` and in `jacobians` of the closed loop.
    """
    _check_predictor(model)
    model._check_closed()
    check_integer(n_steps, "n_steps")
    X = in_order(X, "X")
    model = model._from_prompt(length_of(X), n_steps, clock)
    running, steps = driven_loop(model, X)
    for x in steps.transpose(1, 0, 2):
        running = model._after_step(running, x)
    return model, running


def has_one_loop(model: Any, clock: str | float | None) -> bool:
    """Return whether the closed loop is a map of the state, the same at all steps.

    It is none where means never enter, as of outcomes, or not they alone, and changes with time
    where a clock runs.

    Parameters
    ----------
    model : predictor
        Fitted.
    clock : "run", float or None
        What its clock does.

    Raises
    ------
    NotFittedError, ValueError
        As in `recurrent_states`.
    """
    _check_predictor(model)
    model._check_states()
    means_enter = model._likelihood.identity_link and model._feedback and not model._n_exogenous
    return bool(means_enter and clock_stands(model, clock))


def clock_stands(model: Any, clock: str | float | None) -> bool:
    """Return whether a predictor has no clock that runs, or it stands once it is left alone."""
    runs = getattr(model, "time_channel", None) == "full_time"
    return not runs or not (clock is None or isinstance(clock, str))


def left_alone(model: Any, running: Any, n_steps: int) -> Iterator[Any]:
    """Yield the core behind prompts, and that after each step of the rollout.

    Parameters
    ----------
    model : predictor
        From `closed_loop`.
    running : Running
        The core behind the prompts.
    n_steps : int
        How many steps.
    """
    yield running
    for _ in range(n_steps):
        predicted, _ = model._read(running)
        running = model._after_step(running, predicted)
        yield running


def closed_states(model: Any, running: Any, n_steps: int) -> Iterator[Floats]:
    """Yield the hidden states of the cores of `left_alone`."""
    for each in left_alone(model, running, n_steps):
        yield each.cell.hidden(each.state)


def jacobians_along(
    model: Any, running: Any, steps: Floats | None, n_steps: int
) -> Iterator[Floats]:
    """Yield the Jacobians of steps that follow, (n_sequences, n_state, n_state).

    Parameters
    ----------
    model : predictor
        From `closed_loop`, or that of `driven_loop`.
    running : Running
        The core before these steps.
    steps : ndarray of shape (n_sequences, n_steps or more, n_channels) or None
        What is observed; None in closed loop.
    n_steps : int
        How many.
    """
    for t in range(n_steps):
        if steps is None:
            running, by_state = model._closed_step(running)
        else:
            by_state, _ = model._slopes(running, steps[:, t])
            running = model._after_step(running, steps[:, t])
        yield by_state


def _check_predictor(model: Any) -> None:
    if not isinstance(model, BasePredictor):
        raise ValueError(
            f"model={model!r} is no predictor; pass a fitted one, such as a GRUPredictor, or of a "
            "torch module ModulePredictor.from_trained(module).fit(X)."
        )
    check_is_fitted(model)
