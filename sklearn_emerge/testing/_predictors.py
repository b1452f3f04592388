"""The contract of a predictor."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from .._typing import Floats
from ..likelihoods import LIKELIHOODS
from ..predictors import BasePredictor
from ._common import check_estimator, global_state, require

_N_STEPS, _N_TOKENS, _N_INPUTS = 24, 5, 3
# Steps ahead, and what may be left between single and double precision, in standard deviations.
_AHEAD, _SINGLE = 4, 1e-3


def check_predictor(predictor: BasePredictor) -> None:
    """Raise an error if a predictor does not keep to its contract; the error says what to do.

    A predictor inherits from `predictors.BasePredictor`, has the parameters `likelihood` and
    `noise_std` among others, and implements ``_fit(X)`` and ``_predict(X)``, see there.

    - Its parameters are those of ``__init__``, which keeps them as they are, and `fit` does not
      change them, nor X, nor numpy's global random state. It can be sent to other processes.
    - `fit` returns the predictor, and learns the same from the same sequences and `random_state`.
      Before it, `predict` raises `NotFittedError`.
    - `predict` returns float64 of the shape of X, of tokens a probability each. Entry t depends on
      the steps up to t of its own sequence, on no later one and on no other sequence; that of
      shorter sequences, by `at_length`, is the same.
    - `score_samples` returns a number a sequence, and `score` their mean per predicted step.
    - Each of its `training_modes` can be fitted, if it has the parameter `training`.
    - Where it has a `transform`, or `hidden_states` of its `layers_`, states have a row a sequence,
      a step a step, and do not depend on later steps. If it has a `context_length_`, that is at
      least 1, or None.
    - Where it has `score_from_last`, that of all inputs is `score_steps`, and that of the last ones
      depends on no step before, but the first one of a sequence, which may be subtracted.
    - `rollout` begins with what `predict` has for the first step that was not seen. Of quantities
      it is predicted again when its means are seen; else it is the same for the same
      `random_state`.

    Parameters
    ----------
    predictor : BasePredictor
        The predictor, not fitted; one that takes a second to train. Clones are fitted to a few
        sequences of 24 steps, of tokens, counts or zeros and ones if its `likelihood` is for those.

    Raises
    ------
    AssertionError
        With the part of the contract that does not hold, and what to do.

    Examples
    --------
    A predictor that repeats the step before the last one:

    >>> import numpy as np
    >>> from sklearn_emerge.predictors import BasePredictor
    >>> from sklearn_emerge.testing import check_predictor
    >>> class Lagged(BasePredictor):
    ...     def __init__(self, lag=2, likelihood="auto", noise_std="auto"):
    ...         self.lag = lag
    ...         self.likelihood = likelihood
    ...         self.noise_std = noise_std
    ...
    ...     def _fit(self, X):
    ...         self.mean_ = X.mean(axis=(0, 1))
    ...
    ...     def _predict(self, X):
    ...         mean = np.broadcast_to(self.mean_, X.shape).copy()
    ...         mean[:, self.lag - 1 :] = X[:, : X.shape[1] - self.lag + 1]
    ...         return mean
    >>> check_predictor(Lagged())
    """
    from ..predictors import BasePredictor

    name = type(predictor).__name__
    require(
        isinstance(predictor, BasePredictor),
        f"{name} is no predictor of this package; inherit from predictors.BasePredictor.",
    )
    check_estimator(predictor)
    predictor = clone(predictor)
    params = predictor.get_params()
    for needed in ("likelihood", "noise_std"):
        require(needed in params, f"{name} has no parameter {needed}; add it to __init__.")
    if "random_state" in params:
        predictor.set_params(random_state=0)
    X = _sequences_for(params)
    fitted = _check_fit(predictor, X)
    _check_predictions(fitted, X)
    _check_scores(fitted, X)
    if "training" in params:
        for mode in predictor.training_modes:
            mean = clone(predictor).set_params(training=mode).fit(X).predict(X)
            require(
                np.isfinite(mean).all(),
                f"{name}(training={mode!r}) predicts numbers that are not finite; mend it, or drop "
                "it from training_modes.",
            )
    _check_states(fitted, X)
    _check_last_inputs(fitted, X)
    _check_rollout(fitted, X)


def _sequences_for(params: dict[str, Any]) -> NDArray[Any]:
    """Return sequences that a predictor can learn, by its likelihood."""
    rng = np.random.default_rng(0)
    shape = 30, _N_STEPS
    if params["likelihood"] == "categorical":
        n_tokens = params.get("n_tokens", "auto")
        return rng.integers(_N_TOKENS if n_tokens == "auto" else n_tokens, size=shape)
    if params["likelihood"] in ("poisson", "negative_binomial"):
        return rng.poisson(2.0, size=shape).astype(np.float64)
    if params["likelihood"] == "bernoulli":
        return (rng.random(shape) < 0.5).astype(np.float64)
    return rng.normal(size=shape).cumsum(axis=1)


def _check_fit(predictor: BasePredictor, X: Floats) -> BasePredictor:
    """Check what `fit` does and leaves alone, and return a fitted predictor."""
    name, given, before = type(predictor).__name__, X.copy(), global_state()
    try:
        predictor.predict(X)
    except NotFittedError:
        pass
    else:
        raise AssertionError(
            f"{name} predicts before it is fitted; leave predict to BasePredictor, and learn in "
            "_fit what has a name that ends in _."
        )
    params = {key: repr(value) for key, value in predictor.get_params().items()}
    fitted = predictor.fit(X)
    require(fitted is predictor, f"{name}.fit returned {fitted!r}; return self.")
    changed = [key for key, value in fitted.get_params().items() if repr(value) != params[key]]
    require(
        not changed,
        f"{name}.fit has changed its parameter {', '.join(changed)}; keep what is found under a "
        "name that ends in _.",
    )
    require(np.array_equal(X, given), f"{name}.fit has changed X; work on a copy.")
    require(
        before == global_state(),
        f"{name}.fit uses numpy's global random state; use a parameter random_state.",
    )
    require(
        np.array_equal(clone(fitted).fit(X).predict(X), fitted.predict(X)),
        f"{name} learned something else from the same sequences and random_state; draw everything "
        "random from a parameter random_state.",
    )
    return fitted


def _check_predictions(fitted: BasePredictor, X: Floats) -> None:
    """Check shapes of predictions, and what they may depend on."""
    name, given, mean = type(fitted).__name__, X.copy(), fitted.predict(X)
    tokens = LIKELIHOODS[fitted.likelihood_].tokens
    expected = (*X.shape, fitted.n_tokens_) if tokens else X.shape
    require(
        mean.shape == expected and mean.dtype == np.float64 and np.isfinite(mean).all(),
        f"{name}.predict returned {mean.dtype} of shape {mean.shape}; return finite float64 of "
        f"shape {expected}: for each step the mean of the next one.",
    )
    require(
        not tokens or np.allclose(mean.sum(axis=2), 1),
        f"{name}.predict returned probabilities of tokens that do not add up to 1; normalise them.",
    )
    require(np.array_equal(X, given), f"{name}.predict has changed X; work on a copy.")
    _check_past(name, "predict", fitted.predict, X)
    require(
        np.allclose(fitted.at_length(_N_STEPS - 1).predict(X[:, :-1]), mean[:, :-1]),
        f"{name} predicts shorter sequences in another way, but scores are those of all steps but "
        "the last; let entry t be the same whatever follows.",
    )


def _check_past(name: str, what: str, read: Callable[[Floats], Floats], X: Floats) -> None:
    """Check that entries of what is read depend on their own sequence and its past alone."""
    values, later = read(X), X.copy()
    require(
        np.allclose(read(X), values),
        f"{name}.{what}(X) is something else a second time; keep nothing from call to call.",
    )
    require(
        np.allclose(read(X[::-1])[::-1], values) and np.allclose(read(X[:1]), values[:1]),
        f"{name}.{what}(X) depends on the other sequences of X; use what was learned in fit.",
    )
    half = X.shape[1] // 2
    # What is changed comes from other sequences, so that it is possible.
    later[:, half:] = X[::-1, half:]
    require(
        np.allclose(read(later)[:, :half], values[:, :half]),
        f"{name}.{what}(X)[:, t] depends on steps after t; use X[:, : t + 1] alone.",
    )


def _check_scores(fitted: BasePredictor, X: Floats) -> None:
    """Check that scores are what they are called."""
    name, of_rows, score = type(fitted).__name__, fitted.score_samples(X), fitted.score(X)
    require(
        np.shape(of_rows) == (len(X),) and np.isfinite(of_rows).all(),
        f"{name}.score_samples returned shape {np.shape(of_rows)}; return a finite log-likelihood "
        f"for each of {len(X)} sequences.",
    )
    require(
        isinstance(score, float) and np.isclose(score, of_rows.mean() / (X.shape[1] - 1)),
        f"{name}.score(X) is {score!r}, but score_samples(X).mean() / (n_steps - 1) is "
        f"{of_rows.mean() / (X.shape[1] - 1)!r}; return the mean per predicted step.",
    )


def _check_states(fitted: BasePredictor, X: Floats) -> None:
    """Check hidden states and the context, where a predictor has them."""
    name = type(fitted).__name__
    readings = {}
    if hasattr(fitted, "transform"):
        readings["transform"] = fitted.transform
    if hasattr(fitted, "hidden_states"):
        for layer in fitted.layers_:
            readings[f"hidden_states[{layer}]"] = lambda X, layer=layer: fitted.hidden_states(
                X, layer
            )
    for what, read in readings.items():
        states = read(X)
        require(
            states.ndim == 3 and states.shape[:2] == X.shape,
            f"{name}.{what} returned shape {states.shape}; return (n_sequences, n_steps, n_units), "
            f"here ({X.shape[0]}, {X.shape[1]}, ...).",
        )
        _check_past(name, what, read, X)
    context = getattr(fitted, "context_length_", None)
    require(
        context is None or context >= 1,
        f"{name}.context_length_ is {context!r}; it is a number of steps, or None if all count.",
    )


def _check_last_inputs(fitted: BasePredictor, X: Floats) -> None:
    """Check scores given the last inputs alone, where the state of a predictor can be reset."""
    if not hasattr(fitted, "score_from_last"):
        return
    name, n_steps = type(fitted).__name__, X.shape[1]
    whole, last = (fitted.score_from_last(X, n) for n in (n_steps, _N_INPUTS))
    require(
        whole.shape == (len(X), n_steps - 1) and np.allclose(whole, fitted.score_steps(X)),
        f"{name}.score_from_last(X, {n_steps}), of all inputs, is not score_steps(X); let "
        "_predict_from(X, n_inputs) be _predict(X) where there are no more inputs.",
    )
    earlier, half = X.copy(), n_steps // 2
    earlier[:, 1:half] = X[::-1, 1:half]
    unseen = slice(half + _N_INPUTS - 1, None)
    require(
        np.allclose(fitted.score_from_last(earlier, _N_INPUTS)[:, unseen], last[:, unseen]),
        f"{name}.score_from_last(X, {_N_INPUTS}) depends on steps before the last {_N_INPUTS} "
        "inputs; let _predict_from(X, n_inputs) begin anew there.",
    )


def _check_rollout(fitted: BasePredictor, X: Floats) -> None:
    """Check that a predictor goes on from its own predictions as from what it sees."""
    name, discrete = type(fitted).__name__, LIKELIHOODS[fitted.likelihood_].discrete
    prompt = X[:, : _N_STEPS // 2]
    options: dict[str, Any] = {"feedback": "mean"}
    if discrete:
        options = {"feedback": "sample", "n_paths": 2, "random_state": 0}
    first = fitted.at_length(prompt.shape[1]).predict(prompt)[:, -1]
    allowed = _SINGLE * max(1.0, float(X.std()))
    for chosen in ({**options, "feedback": "auto"} if discrete else {}, options):
        before = global_state()
        forecast = fitted.rollout(prompt, _AHEAD, **chosen)
        require(
            forecast.shape == (len(X), _AHEAD, *first.shape[1:])
            and forecast.dtype == np.float64
            and np.allclose(forecast[:, 0], first, rtol=_SINGLE, atol=allowed),
            f"{name}.rollout(X, {_AHEAD})[:, 0] is not predict(X)[:, -1]; let _begin(X) return "
            "what _predict(X) has for the last step, and _forecast(X, n_steps) begin with it.",
        )
        require(
            np.array_equal(fitted.rollout(prompt, _AHEAD, **chosen), forecast)
            and before == global_state(),
            f"{name}.rollout is something else a second time, or uses numpy's global random state; "
            "let _begin and _advance draw nothing, and return new states.",
        )
    if discrete:
        return
    whole = np.concatenate([prompt, forecast], axis=1)
    again = fitted.at_length(whole.shape[1]).predict(whole)[:, prompt.shape[1] - 1 : -1]
    require(
        np.allclose(again, forecast, rtol=_SINGLE, atol=allowed),
        f"{name}.rollout is not predicted again when it is seen; let _advance(state, x) return "
        "what _predict has for the last step if x is seen after the others.",
    )
