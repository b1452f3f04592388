"""What a world states of its dynamics."""

import numpy as np

from .._roles import targets_of
from .._typing import Floats
from ..worlds import Sample, World
from ..worlds._facts import WorldFacts
from ._common import require

# From how many steps it is asked how latents go on, and how far; sequences whose noise is seen.
_SOME_STEPS, _FAR, _MANY = 8, 6, 200
# Standard errors that a mean is never away from zero by chance.
_MANY_ERRORS = 6
# What adaptive integration leaves in a step, and differences over a small distance in a slope.
_TOLERANCE, _NEARBY, _SLOPE = 1e-5, 1e-5, 1e-3


def check_flow(world: World, facts: WorldFacts, sample: Sample) -> None:
    """Check that flow, emission and rest points fit the sequences, or are not there."""
    name = type(world).__name__
    if facts.flow_kind is None:
        for what, options in (("flow", {"n_steps": 1}), ("emission", {})):
            try:
                getattr(world, what)(np.zeros((1, len(facts.latent_names))), **options)
            except ValueError:
                continue
            raise AssertionError(
                f"{name}.{what} does not raise a ValueError, but flow_kind=None; declare 'exact' "
                "or 'noisy', or leave it as World has it."
            )
        return
    latents = sample.latents
    n_steps = min(_FAR, latents.shape[1] - 1)
    spread = np.ptp(latents, axis=(0, 1)) + 1e-9 * np.abs(latents).max(axis=(0, 1))
    last = latents.shape[1] - 1 - n_steps
    for t in sorted({round(step) for step in np.linspace(0, last, _SOME_STEPS)}):
        flow = world.flow(latents[:, t], n_steps, start=t)
        expected = (len(latents), n_steps, latents.shape[2])
        require(
            flow.shape == expected and flow.dtype == latents.dtype,
            f"{name}.flow returned {flow.dtype} of shape {flow.shape}; return latents from _move "
            f"as _draw does, so that it is {latents.dtype} of shape {expected}.",
        )
        again = world.flow(flow[:, 0], n_steps - 1, start=t + 1) if n_steps > 1 else flow[:, 1:]
        require(
            (np.abs(again - flow[:, 1:]) <= _TOLERANCE * spread).all(),
            f"{name}.flow is not the same in one go as in two; let _move depend on the latents and "
            "the step alone.",
        )
        off = latents[:, t + 1] - world.flow(latents[:, t], 1, start=t)[:, 0]
        away = np.abs(off)
        error = off.std(axis=0) / np.sqrt(len(off)) + _TOLERANCE * spread
        require(
            facts.flow_kind != "mean" or (np.abs(off.mean(axis=0)) <= _MANY_ERRORS * error).all(),
            f"{name}: flow_kind='mean', but after step {t} latents differ from flow in their mean, "
            f"by up to {np.abs(off.mean(axis=0)).max():.3g}; correct _move, or declare "
            "flow_kind='noisy' if it leaves something out.",
        )
        require(
            facts.flow_kind != "exact" or (away <= _TOLERANCE * spread).all(),
            f"{name}: flow_kind='exact', but after step {t} latents differ from flow by up to "
            f"{away.max():.3g}; correct _move, or declare flow_kind='noisy' if they are "
            "disturbed, or 'mean' if it is the mean.",
        )
    _check_emission(world, facts, name)
    _check_rest(world, spread, name)


def _check_emission(world: World, facts: WorldFacts, name: str) -> None:
    """Check that observations are what latents show, and noise."""
    sample = world.sample(_MANY, 0)
    X = targets_of(sample.X, facts.n_exogenous) if facts.n_exogenous else sample.X
    shown = world.emission(sample.latents)
    # A function is passed, a method written.
    hook = "emit" if "emit" in world.get_params() else "_emit"
    require(
        shown.shape == X.shape,
        f"{name}.emission returned shape {shown.shape} for latents of shape "
        f"{sample.latents.shape}, but what is predicted has shape {X.shape}; return this from "
        f"{hook}.",
    )
    n_sequences, n_steps = X.shape[:2]
    # What is missing tells nothing.
    noise = np.where(np.isnan(X), 0.0, X - shown).reshape(n_sequences, n_steps, -1)
    # Noise has nothing to do with latents one step before, nor with what they show: those of the
    # same step may come from what is seen, as bits from pulses.
    parts = (np.ones((n_sequences, n_steps, 1)), sample.latents, shown.reshape(noise.shape))
    known = np.concatenate(parts, axis=2)
    products = np.einsum("ntc,ntk->nkc", noise[:, 1:], known[:, :-1]) / (n_steps - 1)
    found = products.mean(axis=0)
    # Up to five standard errors, and rounding.
    size = np.abs(known).max(axis=(0, 1))[:, np.newaxis]
    allowed = 5 * products.std(axis=0) / np.sqrt(n_sequences) + 1e-9 * np.abs(shown).max() * size
    beyond = np.abs(found) > allowed
    require(
        not beyond[0].any(),
        f"{name}.emission differs from observations by {found[0].tolist()} on average, "
        f"more than noise explains; return from {hook} what latents show without noise.",
    )
    require(
        not beyond.any(),
        f"{name}: what observations have beside emission is correlated with latents or emission "
        f"one step before, in channel {beyond.any(axis=0).argmax()}, more than noise explains; "
        f"return from {hook} what latents show without noise.",
    )


def _check_rest(world: World, spread: Floats, name: str) -> None:
    """Check that rest points do not move, and how states beside them do."""
    rest = world.rest_points()
    if rest is None or not len(rest.points):
        return
    points, jacobians = rest

    def moved(states: Floats) -> Floats:
        return world.flow(states, 1)[:, 0]

    require(
        (np.abs(moved(points) - points) <= _TOLERANCE * spread).all(),
        f"{name}.rest_points has points that flow moves; return latents that stay.",
    )
    if jacobians is None:
        return
    # Latents that never change have no spread.
    for i, distance in enumerate(_NEARBY * np.where(spread > 0, spread, 1.0)):
        beside = np.zeros(len(spread))
        beside[i] = distance
        slope = (moved(points + beside) - moved(points - beside)) / (2 * distance)
        require(
            np.allclose(slope, jacobians[:, :, i], rtol=_SLOPE, atol=_SLOPE),
            f"{name}.rest_points has Jacobians of which column {i} differs from the flow of "
            "neighbouring states; return derivatives of the latents one step later.",
        )
