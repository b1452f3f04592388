"""Whether a world, a predictor or a measure of your own keeps to its contract."""

import pickle
from numbers import Integral

import numpy as np
from joblib.externals.loky.backend.reduction import dumps
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

__all__ = ["check_measure", "check_predictor", "check_world"]

# Sequences for training and evaluation, and those that ceilings are compared on.
_SIZES, _MANY = (20, 10), 200
_N_STEPS, _N_TOKENS = 24, 5


def check_world(world):
    """Raise an error if a world does not keep to its contract; the error says what to do.

    - It is a `World`; its parameters are those of ``__init__``, which keeps them as they are, so
      that it can be cloned and sent to other processes.
    - Its `facts` are valid and fit what it draws: observations, tokens, latents, their names.
    - `sample` and `split` return a `Sample` of finite numbers of the promised shapes, the same for
      the same `random_state` and others for another, and leave numpy's global state alone.
    - Training and evaluation are different sequences; the first of several `splits` are the same,
      however many there are.
    - Each of its `null_kinds` is a world of the same shape, in which something is destroyed (the
      null "phase" only of one channel).
    - If its `ceiling` is "exact", `optimal_predictor` predicts at least as well as the mean of each
      step and as persistence, up to what chance explains.

    Parameters
    ----------
    world : World
        The world. Some hundred sequences are drawn from it.

    Raises
    ------
    AssertionError
        With the part of the contract that does not hold, and what to do.
    ValueError
        If a fact or a parameter is not valid.

    Examples
    --------
    >>> from sklearn_emerge import OscillatorWorld
    >>> from sklearn_emerge.testing import check_world
    >>> check_world(OscillatorWorld(n_steps=20))
    """
    from .worlds import World

    name = type(world).__name__
    _require(isinstance(world, World), f"{name} is no World; inherit from worlds.World.")
    _check_estimator(world)
    facts = world.facts
    sizes = world.default_split(None, None)
    recorded = world.units_per_split(*sizes) is not None
    if not recorded:
        sizes = [min(pair) for pair in zip(sizes, _SIZES, strict=True)]
    sample = _drawn(world, facts, name, lambda world, seed: [world.sample(sizes[1], seed)])[0]
    _require(
        len(sample.X) == sizes[1],
        f"{name}.sample({sizes[1]}) returned {len(sample.X)} sequences; draw n_sequences.",
    )
    train, evaluation = _drawn(world, facts, name, lambda world, seed: world.split(*sizes, seed))
    _require(
        _is_constant(train) or not np.array_equal(train.X[: len(evaluation.X)], evaluation.X),
        f"{name}.split returned the same sequences for training and evaluation; draw each from the "
        "stream that _draw is given.",
    )
    _require(
        all(map(_equal, world.splits(1, *sizes, 0)[0], world.splits(2, *sizes, 0)[0])),
        f"{name}.splits(1, ...) differs from the first of splits(2, ...); derive each split from a "
        "stream of its own.",
    )
    one_channel = sample.X.ndim == 2 or sample.X.shape[2] == 1
    for kind in facts.null_kinds:
        if kind != "phase" or one_channel:
            _check_null(world, kind, sizes, train)
    _check_ceiling(world, facts)


def _drawn(world, facts, name, draw):
    """Return what is drawn from a world, after asking for its form, and for its stream."""
    before = _global_state()
    first, again, other = draw(world, 0), draw(clone(world), 0), draw(world, 1)
    for sample in first:
        _check_sample(sample, facts, name)
    _require(
        before == _global_state(),
        f"{name} uses numpy's global random state; use np.random.default_rng(stream).",
    )
    _require(
        all(map(_equal, first, again)),
        f"{name} returned other sequences for the same random_state; draw everything random from "
        "np.random.default_rng(stream), and keep nothing from call to call.",
    )
    _require(
        all(map(_is_constant, first)) or not all(map(_equal, first, other)),
        f"{name} returned the same sequences for another random_state; draw them from "
        "np.random.default_rng(stream).",
    )
    return first


def _check_sample(sample, facts, name):
    """Check one Sample against the facts of its world."""
    X, latents = sample.X, sample.latents
    _require(
        isinstance(X, np.ndarray) and X.ndim in (2, 3) and X.shape[1] > 1 and X.dtype.kind in "iuf",
        f"{name}: X must be an array of numbers of shape (n_sequences, n_steps) or (n_sequences, "
        f"n_steps, n_channels), of at least 2 steps; got shape {np.shape(X)}.",
    )
    _require(np.isfinite(X).all(), f"{name}: X is not finite; draw finite numbers.")
    if facts.observation != "continuous":
        tokens = facts.observation == "token"
        n_values = facts.n_tokens if tokens else 2
        _require(
            isinstance(n_values, Integral),
            f"{name}: n_tokens={n_values!r}, but observation='token'; declare the size of the "
            "vocabulary, n_tokens.",
        )
        _require(
            (np.floor(X) == X).all() and X.min() >= 0 and X.max() < n_values,
            f"{name}: observation={facts.observation!r}, but X has values other than the integers "
            f"0 to {n_values - 1}; draw these, or declare another observation"
            f"{' or n_tokens' * tokens}.",
        )
    _require(
        (latents is None) == (facts.latent_kind is None),
        f"{name}: latent_kind={facts.latent_kind!r}, but latents are "
        f"{'None' if latents is None else 'there'}; declare latent_kind and latent_names and "
        "return Sample(X, latents), or none of these.",
    )
    if latents is not None:
        expected = (*X.shape[:2], len(facts.latent_names))
        _require(
            np.shape(latents) == expected,
            f"{name}: latents have shape {np.shape(latents)}; with latent_names="
            f"{tuple(facts.latent_names)!r} return shape {expected}.",
        )
        kinds = "iu" if facts.latent_kind == "discrete" else "f"
        _require(
            latents.dtype.kind in kinds and np.isfinite(latents).all(),
            f"{name}: latent_kind={facts.latent_kind!r}, but latents are {latents.dtype}, or not "
            "finite; return integers if they are classes, finite floats if they are quantities.",
        )
    scored = sample.scored
    _require(
        scored is None or (np.shape(scored) == X.shape[:2] and scored.dtype == bool),
        f"{name}: scored must be None, or booleans of shape {X.shape[:2]}.",
    )
    _require(
        sample.groups is None or np.shape(sample.groups) == (len(X),),
        f"{name}: groups must be None, or a number for each of the {len(X)} sequences.",
    )


def _check_null(world, kind, sizes, original):
    """Check that a null is a world, of the same shape, in which something is destroyed."""
    from .worlds import World

    name = f"{type(world).__name__}.null({kind!r})"
    null = world.null(kind)
    _require(
        isinstance(null, World), f"{name} is no World; return one, or drop it from null_kinds."
    )
    train, _ = _drawn(null, null.facts, name, lambda null, seed: null.split(*sizes, seed))
    _require(
        train.X.shape == original.X.shape,
        f"{name} has sequences of shape {train.X.shape}, and the world of {original.X.shape}; "
        "return a world of the same shape.",
    )
    _require(
        _is_constant(original) or not np.array_equal(train.X, original.X),
        f"{name} has the sequences of the world itself; destroy something, or drop it from "
        "null_kinds.",
    )


def _check_ceiling(world, facts):
    """Check that the optimal predictor is there, and is not beaten by what is trivial."""
    from .predictors import MeanPredictor, PersistencePredictor
    from .predictors._facts import with_facts

    name, optimal = type(world).__name__, world.optimal_predictor()
    _require(
        (optimal is None) == (facts.ceiling is None),
        f"{name}: ceiling={facts.ceiling!r}, but optimal_predictor() returned {optimal!r}; return "
        "the best predictor from _optimal and say what it is, or neither.",
    )
    if facts.ceiling != "exact":
        return
    train, evaluation = world.split(_MANY, _MANY, 0)
    score = optimal.score_samples(evaluation.X)
    for baseline in (MeanPredictor(per_step=True), PersistencePredictor()):
        baseline = with_facts(baseline, facts).fit(train.X)
        ahead = score - baseline.score_samples(evaluation.X)
        # Up to four standard errors, and rounding.
        least = -4 * ahead.std() / np.sqrt(len(ahead)) - 1e-9 * np.abs(score).mean()
        _require(
            ahead.mean() >= least,
            f"{name}: ceiling='exact', but {type(baseline).__name__} predicts better than the "
            f"optimal predictor, by {-ahead.mean():.3g} nats a sequence; correct _optimal, or "
            "declare ceiling='bound' or None.",
        )


def check_predictor(predictor):
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
      least 1.

    Parameters
    ----------
    predictor : BasePredictor
        The predictor, not fitted; one that takes a second to train. Clones are fitted to a few
        sequences of 24 steps, of tokens or zeros and ones if its `likelihood` is for those.

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
    from .predictors import BasePredictor

    name = type(predictor).__name__
    _require(
        isinstance(predictor, BasePredictor),
        f"{name} is no predictor of this package; inherit from predictors.BasePredictor.",
    )
    _check_estimator(predictor)
    predictor = clone(predictor)
    params = predictor.get_params()
    for needed in ("likelihood", "noise_std"):
        _require(needed in params, f"{name} has no parameter {needed}; add it to __init__.")
    if "random_state" in params:
        predictor.set_params(random_state=0)
    X = _sequences_for(params)
    fitted = _check_fit(predictor, X)
    _check_predictions(fitted, X)
    _check_scores(fitted, X)
    if "training" in params:
        for mode in predictor.training_modes:
            mean = clone(predictor).set_params(training=mode).fit(X).predict(X)
            _require(
                np.isfinite(mean).all(),
                f"{name}(training={mode!r}) predicts numbers that are not finite; mend it, or drop "
                "it from training_modes.",
            )
    _check_states(fitted, X)


def _sequences_for(params):
    """Return sequences that a predictor can learn, by its likelihood."""
    rng = np.random.default_rng(0)
    shape = 30, _N_STEPS
    if params["likelihood"] == "categorical":
        n_tokens = params.get("n_tokens", "auto")
        return rng.integers(_N_TOKENS if n_tokens == "auto" else n_tokens, size=shape)
    if params["likelihood"] == "bernoulli":
        return (rng.random(shape) < 0.5).astype(np.float64)
    return rng.normal(size=shape).cumsum(axis=1)


def _check_fit(predictor, X):
    """Check what `fit` does and leaves alone, and return a fitted predictor."""
    name, given, before = type(predictor).__name__, X.copy(), _global_state()
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
    _require(fitted is predictor, f"{name}.fit returned {fitted!r}; return self.")
    changed = [key for key, value in fitted.get_params().items() if repr(value) != params[key]]
    _require(
        not changed,
        f"{name}.fit has changed its parameter {', '.join(changed)}; keep what is found under a "
        "name that ends in _.",
    )
    _require(np.array_equal(X, given), f"{name}.fit has changed X; work on a copy.")
    _require(
        before == _global_state(),
        f"{name}.fit uses numpy's global random state; use a parameter random_state.",
    )
    _require(
        np.array_equal(clone(fitted).fit(X).predict(X), fitted.predict(X)),
        f"{name} learned something else from the same sequences and random_state; draw everything "
        "random from a parameter random_state.",
    )
    return fitted


def _check_predictions(fitted, X):
    """Check shapes of predictions, and what they may depend on."""
    name, given, mean = type(fitted).__name__, X.copy(), fitted.predict(X)
    tokens = fitted.likelihood_ == "categorical"
    expected = (*X.shape, fitted.n_tokens_) if tokens else X.shape
    _require(
        mean.shape == expected and mean.dtype == np.float64 and np.isfinite(mean).all(),
        f"{name}.predict returned {mean.dtype} of shape {mean.shape}; return finite float64 of "
        f"shape {expected}: for each step the mean of the next one.",
    )
    _require(
        not tokens or np.allclose(mean.sum(axis=2), 1),
        f"{name}.predict returned probabilities of tokens that do not add up to 1; normalise them.",
    )
    _require(np.array_equal(X, given), f"{name}.predict has changed X; work on a copy.")
    _check_past(name, "predict", fitted.predict, X)
    _require(
        np.allclose(fitted.at_length(_N_STEPS - 1).predict(X[:, :-1]), mean[:, :-1]),
        f"{name} predicts shorter sequences in another way, but scores are those of all steps but "
        "the last; let entry t be the same whatever follows.",
    )


def _check_past(name, what, read, X):
    """Check that entries of what is read depend on their own sequence and its past alone."""
    values, later = read(X), X.copy()
    _require(
        np.allclose(read(X), values),
        f"{name}.{what}(X) is something else a second time; keep nothing from call to call.",
    )
    _require(
        np.allclose(read(X[::-1])[::-1], values) and np.allclose(read(X[:1]), values[:1]),
        f"{name}.{what}(X) depends on the other sequences of X; use what was learned in fit.",
    )
    half = X.shape[1] // 2
    # What is changed comes from other sequences, so that it is possible.
    later[:, half:] = X[::-1, half:]
    _require(
        np.allclose(read(later)[:, :half], values[:, :half]),
        f"{name}.{what}(X)[:, t] depends on steps after t; use X[:, : t + 1] alone.",
    )


def _check_scores(fitted, X):
    """Check that scores are what they are called."""
    name, of_rows, score = type(fitted).__name__, fitted.score_samples(X), fitted.score(X)
    _require(
        np.shape(of_rows) == (len(X),) and np.isfinite(of_rows).all(),
        f"{name}.score_samples returned shape {np.shape(of_rows)}; return a finite log-likelihood "
        f"for each of {len(X)} sequences.",
    )
    _require(
        isinstance(score, float) and np.isclose(score, of_rows.mean() / (X.shape[1] - 1)),
        f"{name}.score(X) is {score!r}, but score_samples(X).mean() / (n_steps - 1) is "
        f"{of_rows.mean() / (X.shape[1] - 1)!r}; return the mean per predicted step.",
    )


def _check_states(fitted, X):
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
        _require(
            states.ndim == 3 and states.shape[:2] == X.shape,
            f"{name}.{what} returned shape {states.shape}; return (n_sequences, n_steps, n_units), "
            f"here ({X.shape[0]}, {X.shape[1]}, ...).",
        )
        _check_past(name, what, read, X)
    context = getattr(fitted, "context_length_", 1)
    _require(context >= 1, f"{name}.context_length_ is {context!r}; it is a number of steps.")


def check_measure(measure, predictor=None, sample=None):
    """Raise an error if a measure does not keep to its contract; the error says what to do.

    A measure is a function of (predictor, sample), as `EmergenceAssessment` takes it in `measures`.

    - It can be sent to other processes: a function of a module, or `functools.partial` of one.
    - It returns a number, a mapping of names to numbers, or an `xarray.DataArray` that has a
      coordinate for each of its dimensions, none of which is one of the cube.
    - It reads, and changes neither the predictor nor the sample, and gives the same a second time.

    Parameters
    ----------
    measure : callable
        The measure.
    predictor : predictor, default=None
        A fitted predictor that it can be taken of; None is a small GRU.
    sample : Sample, default=None
        Sequences of the same length; None are oscillations, as the GRU has learned. In an
        assessment they are those of evaluation, and ``sample.train`` those of training.

    Raises
    ------
    AssertionError, ValueError
        With the part of the contract that does not hold, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.testing import check_measure
    >>> def error(predictor, sample):
    ...     missed = sample.X[:, 1:] - predictor.predict(sample.X)[:, :-1]
    ...     return {"first": np.abs(missed[:, 0]).mean(), "last": np.abs(missed[:, -1]).mean()}
    >>> check_measure(error)
    """
    from .assessment._trajectory import _TAKEN, _labelled

    _require(callable(measure), f"{measure!r} is not callable; pass a function.")
    _check_sendable(measure, "measure")
    if (predictor is None) != (sample is None):
        raise ValueError("predictor and sample belong together; pass both, or neither.")
    if predictor is None:
        predictor, sample = _oscillations()
    params, fitted = repr(predictor.get_params()), set(vars(predictor))
    X, mean = sample.X.copy(), predictor.predict(sample.X)
    found = [_labelled("measure", measure(predictor, sample), _TAKEN) for _ in range(2)]
    _require(
        repr(predictor.get_params()) == params
        and set(vars(predictor)) == fitted
        and np.array_equal(predictor.predict(X), mean),
        "The measure has changed the predictor, which is trained further afterwards; read from it, "
        "or from copy.deepcopy(predictor).",
    )
    _require(
        np.array_equal(sample.X, X),
        "The measure has changed sample.X, which others read; work on a copy.",
    )
    _require(
        found[0].equals(found[1]),
        "The measure gives something else a second time, so that seeds and steps do not pair; draw "
        "what is random from a seed of its own, and keep nothing from call to call.",
    )


def _oscillations():
    """Return a fitted network and sequences, as a measure gets them in an assessment."""
    from .predictors import GRUPredictor
    from .worlds import OscillatorWorld

    train, evaluation = OscillatorWorld(n_steps=_N_STEPS).split(*_SIZES, 0)
    evaluation.train = train
    return GRUPredictor(4, max_steps=2, random_state=0).fit(train.X), evaluation


def _check_estimator(estimator):
    """Check that parameters are all that a constructor keeps, and that it can be sent."""
    name = type(estimator).__name__
    try:
        copy = clone(estimator)
    except Exception as error:
        raise AssertionError(
            f"{name} cannot be cloned ({error}); let __init__ keep each parameter as it is, under "
            "its name."
        ) from error
    classes = [cls for cls in type(copy).__mro__ if hasattr(cls, "_get_param_names")]
    known = {param for cls in classes for param in cls._get_param_names()}
    more = sorted(set(vars(copy)) - known)
    _require(
        not more,
        f"{name}.__init__ sets {', '.join(more)}, which is no parameter and would be out of date "
        "after set_params; compute it where it is needed.",
    )
    _check_sendable(estimator, name)


def _check_sendable(thing, name):
    """Check that other processes can have something."""
    try:
        pickle.loads(dumps(thing))
    except Exception as error:
        raise AssertionError(
            f"{name} cannot be sent to other processes ({error}); open files, locks and generators "
            "where they are needed."
        ) from error


def _global_state():
    """Return the state of numpy's global generator, in a form that can be compared."""
    _, key, *place = np.random.get_state()  # noqa: NPY002
    return key.tolist(), place


def _equal(sample, other):
    """Return whether two samples have the same sequences, latents and scored steps."""
    parts = ((sample[key], other[key]) for key in ("X", "latents", "scored"))
    return all(np.array_equal(a, b) if a is not None else b is None for a, b in parts)


def _is_constant(sample):
    return bool((sample.X.flat[0] == sample.X).all())


def _require(condition, message):
    if not condition:
        raise AssertionError(message)
