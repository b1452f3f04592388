"""The plane of two latents: paths decoded from hidden states, and the flow of the world."""

from typing import Any

import numpy as np

from .._typing import Floats, RandomState
from ..operators._decoder import driven_states, fit_map, halves, units_of
from ..operators._loops import closed_loop, closed_states
from ..predictors._stepping import CellRollouts
from ..worlds import Sample
from ._plane import grid_in, limits_of
from ._rest_places import RestPlaces, are_stable, rest_of
from ._style import literal


def no_latents(world: Any, sample: Sample, predictors: dict[str, Any]) -> str:
    """Return why there is no plane of latents, as text; "" if there is one."""
    name = type(world).__name__
    if sample.latents is None or world.latent_kind != "continuous" or world.flow_kind is None:
        return f"{name} knows no flow of latents that are quantities"
    if sample.latents.shape[2] < 2:
        return f"{name} has one latent"
    for each in predictors.values():
        if not isinstance(each, CellRollouts) or each._cell_and_head() is None:
            return f"{type(each).__name__} has no hidden states that go on by themselves"
    return ""


def of_latents(
    predictors: dict[str, Any],
    sample: Sample,
    which: Any,
    prompts: list[int],
    n_steps: int,
    n_sequences: int,
    clock: Any,
    stream: RandomState,
) -> tuple[Any, ...]:
    """Return what `PhasePortraitDisplay` takes, in the plane of two latents."""
    assert sample.latents is not None
    world: Any = sample.world
    names = sample.latent_names or world.latent_names
    which = _pair(which, len(names))
    first, fit_on = halves(sample)
    X, latents = sample.X[~first][:n_sequences], sample.latents[~first][:n_sequences]
    paths, rest = {}, {}
    true = [
        np.concatenate(
            [latents[:, p - 1 : p], world.flow(latents[:, p - 1], n_steps, p - 1)], axis=1
        )
        for p in prompts
    ]
    paths["world"] = np.stack(true)[..., which]
    start = prompts[-1] - 1
    if (known := world.rest_points(start)) is not None and len(known.points):
        rest["world"] = RestPlaces(known.points[:, which], are_stable(known.jacobians))
    for name, predictor in predictors.items():
        fit, _, _ = fit_map(driven_states(predictor, fit_on), fit_on.latents, units_of(fit_on))

        def decoded(states: Floats, fit: Any = fit) -> Floats:
            plane: Floats = (states @ fit.coef + fit.intercept)[..., which]
            return plane

        loops = (closed_loop(predictor, X[:, :p], n_steps, clock) for p in prompts)
        closed = [list(closed_states(*loop, n_steps)) for loop in loops]
        paths[name] = decoded(np.array(closed).swapaxes(1, 2))
        if name == "network" and (found := rest_of(predictor, sample.X, clock, stream)):
            hidden = predictor._cell_of_states()[0].hidden(found.states)
            rest[name] = RestPlaces(decoded(hidden), np.asarray(found.stable))
    # Arrows are those of the plane in which the other latents are as they are in the middle.
    center = np.median(latents.reshape(-1, latents.shape[2]), axis=0)
    grid = grid_in(limits_of(paths))
    points = np.tile(center, (len(grid), 1))
    points[:, which] = grid
    moves = (world.flow(points, 1, start)[:, 0] - points)[:, which]
    others = [literal(name) for i, name in enumerate(names) if i not in which]
    fixed = f", with the median of {', '.join(others)}" if others else ""
    footer = (
        f"Arrows: the flow of the world{fixed}, no longer than their spacing. Dots: where each is "
        f"left alone, for {n_steps} steps. Of networks: latents decoded from hidden states by a "
        "linear map fitted to other sequences; away from where sequences lead, it means little."
    )
    labels = tuple(f"latent {literal(names[i])}" for i in which)
    return paths, prompts, labels, rest, (grid, moves), None, footer


def _pair(which: Any, n_latents: int) -> list[int]:
    """Return the two latents, or raise a ValueError."""
    pair = list(which) if np.ndim(which) == 1 else []
    if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(range(n_latents)):
        raise ValueError(
            f"latents={which!r} must be two different numbers from 0 to {n_latents - 1}."
        )
    return [int(i) for i in pair]
