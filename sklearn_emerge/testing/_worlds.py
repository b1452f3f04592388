"""The contract of a world."""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .._roles import targets_of
from ..worlds import Sample, World
from ..worlds._facts import WorldFacts
from ._common import check_estimator, global_state, require
from ._flow import check_flow

# Sequences for training and evaluation, and those that ceilings are compared on.
_SIZES, _MANY = (20, 10), 200


def check_world(world: World) -> None:
    """Raise an error if a world does not keep to its contract; the error says what to do.

    - It is a `World`; its parameters are those of ``__init__``, which keeps them as they are, so
      that it can be cloned and sent to other processes.
    - Its `facts` are valid and fit what it draws: observations, tokens, latents, their names.
    - `sample` and `split` return a `Sample` of finite numbers of the promised shapes, the same for
      the same `random_state` and others for another, and leave numpy's global state alone.
    - Training and evaluation are different sequences; the first of several `splits` are the same,
      however many there are.
    - Each of its `null_kinds` is a world of the same shape, in which something is destroyed.
    - If its `flow_kind` is not None, `flow` returns latents of the promised shape, the same in one
      go as in two, which do not move at its `rest_points`; their Jacobians are the differences of
      neighbouring states, and `emission` differs from observations by noise whose mean is 0, and
      which is correlated neither with latents one step before nor with what they show. If it is
      "exact", latents go on as `flow` says. If it is None, `flow` and `emission` raise a
      ValueError.
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
    name = type(world).__name__
    require(isinstance(world, World), f"{name} is no World; inherit from worlds.World.")
    check_estimator(world)
    facts = world.facts
    sizes = world.default_split(None, None)
    recorded = world.units_per_split(*sizes) is not None
    if not recorded:
        sizes = min(sizes[0], _SIZES[0]), min(sizes[1], _SIZES[1])
    sample = _drawn(world, facts, name, lambda world, seed: [world.sample(sizes[1], seed)])[0]
    require(
        len(sample.X) == sizes[1],
        f"{name}.sample({sizes[1]}) returned {len(sample.X)} sequences; draw n_sequences.",
    )
    train, evaluation = _drawn(world, facts, name, lambda world, seed: world.split(*sizes, seed))
    require(
        _is_constant(train) or not _same(train.X[: len(evaluation.X)], evaluation.X),
        f"{name}.split returned the same sequences for training and evaluation; draw each from the "
        "stream that _draw is given.",
    )
    require(
        all(map(_equal, world.splits(1, *sizes, 0)[0], world.splits(2, *sizes, 0)[0])),
        f"{name}.splits(1, ...) differs from the first of splits(2, ...); derive each split from a "
        "stream of its own.",
    )
    for kind in facts.null_kinds:
        _check_null(world, kind, sizes, train)
    check_flow(world, facts, train)
    _check_ceiling(world, facts)


def _drawn(
    world: World,
    facts: WorldFacts,
    name: str,
    draw: Callable[[World, int], Sequence[Sample]],
) -> Sequence[Sample]:
    """Return what is drawn from a world, after asking for its form, and for its stream."""
    before = global_state()
    first, again, other = draw(world, 0), draw(clone(world), 0), draw(world, 1)
    for sample in first:
        _check_sample(sample, facts, name)
    require(
        before == global_state(),
        f"{name} uses numpy's global random state; use np.random.default_rng(stream).",
    )
    require(
        all(map(_equal, first, again)),
        f"{name} returned other sequences for the same random_state; draw everything random from "
        "np.random.default_rng(stream), and keep nothing from call to call.",
    )
    require(
        all(map(_is_constant, first)) or not all(map(_equal, first, other)),
        f"{name} returned the same sequences for another random_state; draw them from "
        "np.random.default_rng(stream).",
    )
    return first


def _check_sample(sample: Sample, facts: WorldFacts, name: str) -> None:
    """Check one Sample against the facts of its world."""
    X = sample.X
    require(
        isinstance(X, np.ndarray) and X.ndim in (2, 3) and X.shape[1] > 1 and X.dtype.kind in "iuf",
        f"{name}: X must be an array of numbers of shape (n_sequences, n_steps) or (n_sequences, "
        f"n_steps, n_channels), of at least 2 steps; got shape {np.shape(X)}.",
    )
    observed = sample.observed
    require(
        observed is None or (np.shape(observed) == X.shape[:2] and observed.dtype == bool),
        f"{name}: observed must be None, or booleans of shape {X.shape[:2]}.",
    )
    there = X if observed is None else X[observed]
    require(
        np.isfinite(there).all(),
        f"{name}: X is not finite; draw finite numbers, or say in observed which steps are.",
    )
    n_exogenous = facts.n_exogenous
    require(
        not n_exogenous or (X.ndim == 3 and n_exogenous < X.shape[2]),
        f"{name}: n_exogenous={n_exogenous}, but X has shape {X.shape}; draw what is predicted "
        "and, behind it, so many exogenous channels.",
    )
    if n_exogenous:
        X = targets_of(X, n_exogenous)
    if facts.observation != "continuous":
        tokens = facts.observation == "token"
        n_values: Any = facts.n_tokens if tokens else 2
        require(
            isinstance(n_values, Integral),
            f"{name}: n_tokens={n_values!r}, but observation='token'; declare the size of the "
            "vocabulary, n_tokens.",
        )
        there = X if observed is None else X[observed]
        require(
            (np.floor(there) == there).all() and there.min() >= 0 and there.max() < n_values,
            f"{name}: observation={facts.observation!r}, but X has values other than the integers "
            f"0 to {n_values - 1}; draw these, or declare another observation"
            f"{' or n_tokens' * tokens}.",
        )
    _check_latents(sample, facts, name)
    scored = sample.scored
    require(
        scored is None or (np.shape(scored) == X.shape[:2] and scored.dtype == bool),
        f"{name}: scored must be None, or booleans of shape {X.shape[:2]}.",
    )
    require(
        sample.groups is None or np.shape(sample.groups) == (len(X),),
        f"{name}: groups must be None, or a number for each of the {len(X)} sequences.",
    )


def _check_latents(sample: Sample, facts: WorldFacts, name: str) -> None:
    """Check the latents of one Sample against the facts of its world."""
    latents = sample.latents
    require(
        (latents is None) == (facts.latent_kind is None),
        f"{name}: latent_kind={facts.latent_kind!r}, but latents are "
        f"{'None' if latents is None else 'there'}; declare latent_kind and latent_names and "
        "return Sample(X, latents), or none of these.",
    )
    if latents is not None:
        expected = (*sample.X.shape[:2], len(facts.latent_names))
        require(
            np.shape(latents) == expected,
            f"{name}: latents have shape {np.shape(latents)}; with latent_names="
            f"{tuple(facts.latent_names)!r} return shape {expected}.",
        )
        kinds = "iu" if facts.latent_kind == "discrete" else "f"
        require(
            latents.dtype.kind in kinds and np.isfinite(latents).all(),
            f"{name}: latent_kind={facts.latent_kind!r}, but latents are {latents.dtype}, or not "
            "finite; return integers if they are classes, finite floats if they are quantities.",
        )


def _check_null(world: World, kind: str, sizes: tuple[int, int], original: Sample) -> None:
    """Check that a null is a world, of the same shape, in which something is destroyed."""
    name = f"{type(world).__name__}.null({kind!r})"
    null = world.null(kind)
    require(isinstance(null, World), f"{name} is no World; return one, or drop it from null_kinds.")
    train, _ = _drawn(null, null.facts, name, lambda null, seed: null.split(*sizes, seed))
    require(
        train.X.shape == original.X.shape,
        f"{name} has sequences of shape {train.X.shape}, and the world of {original.X.shape}; "
        "return a world of the same shape.",
    )
    require(
        _is_constant(original) or not _same(train.X, original.X),
        f"{name} has the sequences of the world itself; destroy something, or drop it from "
        "null_kinds.",
    )


def _check_ceiling(world: World, facts: WorldFacts) -> None:
    """Check that the optimal predictor is there, and is not beaten by what is trivial."""
    from ..predictors import MeanPredictor, PersistencePredictor
    from ..predictors._facts import with_facts

    name = type(world).__name__
    optimal: Any = world.optimal_predictor()
    require(
        (optimal is None) == (facts.ceiling is None),
        f"{name}: ceiling={facts.ceiling!r}, but optimal_predictor() returned {optimal!r}; return "
        "the best predictor from _optimal and say what it is, or neither.",
    )
    if facts.ceiling != "exact":
        return
    train, evaluation = world.split(_MANY, _MANY, 0)
    score = optimal.score_samples(evaluation.X)
    baselines = [MeanPredictor(per_step=True), PersistencePredictor()]
    # Who is not to see what is predicted cannot repeat it.
    for baseline in baselines if facts.feedback else baselines[:1]:
        baseline = with_facts(baseline, facts).fit(train.X)
        ahead = score - baseline.score_samples(evaluation.X)
        # Up to four standard errors, and rounding.
        least = -4 * ahead.std() / np.sqrt(len(ahead)) - 1e-9 * np.abs(score).mean()
        require(
            ahead.mean() >= least,
            f"{name}: ceiling='exact', but {type(baseline).__name__} predicts better than the "
            f"optimal predictor, by {-ahead.mean():.3g} nats a sequence; correct _optimal, or "
            "declare ceiling='bound' or None.",
        )


def _equal(sample: Sample, other: Sample) -> bool:
    """Return whether two samples have the same sequences, latents and scored steps."""
    parts = ((sample[key], other[key]) for key in ("X", "latents", "scored"))
    return all(_same(a, b) if a is not None else b is None for a, b in parts)


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return np.array_equal(a, b, equal_nan=True)


def _is_constant(sample: Sample) -> bool:
    return bool((sample.X.flat[0] == sample.X).all())
