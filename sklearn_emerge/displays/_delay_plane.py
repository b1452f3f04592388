"""The plane of what is predicted against what was some steps before."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import Floats, RandomState
from .._validation import check_integer
from ..worlds import Sample
from ._rest_places import RestPlaces, are_stable, rest_of


def of_delays(
    predictors: dict[str, Any],
    sample: Sample,
    delay: int | None,
    prompts: list[int],
    n_steps: int,
    n_sequences: int,
    clock: Any,
    stream: RandomState,
) -> tuple[Any, ...]:
    """Return what `PhasePortraitDisplay` takes, in the plane of two steps of the first channel."""
    world: Any = sample.world
    if delay is None:
        delay = min(_delay_of(world, sample.X), max(n_steps - 1, 1))
    check_integer(delay, "delay")
    if delay >= n_steps:
        raise ValueError(f"delay={delay} must be below the steps to go on, n_steps={n_steps}.")
    X = sample.X[:n_sequences]
    paths, rest = {}, {}

    def delayed(series: list[Any]) -> Floats:
        x = np.stack([np.asarray(each, np.float64).reshape(len(X), n_steps, -1) for each in series])
        return np.stack([x[:, :, delay:, 0], x[:, :, :-delay, 0]], axis=-1)

    flows = sample.latents is not None and world.flow_kind in ("exact", "mean")
    if flows:
        assert sample.latents is not None
        states = sample.latents[:n_sequences]
        true = [world.emission(world.flow(states[:, p - 1], n_steps, p - 1)) for p in prompts]
        paths["world"] = delayed(true)
        if (known := world.rest_points(prompts[-1] - 1)) is not None and len(known.points):
            shown = np.asarray(world.emission(known.points)).reshape(len(known.points), -1)[:, :1]
            rest["world"] = RestPlaces(np.repeat(shown, 2, axis=1), are_stable(known.jacobians))
    for name, predictor in predictors.items():
        paths[name] = delayed([predictor.rollout(X[:, :p], n_steps, clock=clock) for p in prompts])
        if name == "network" and (found := rest_of(predictor, sample.X, clock, stream)):
            rest[name] = RestPlaces(np.repeat(found.outputs[:, :1], 2, axis=1), found.stable)
    channel = "what is predicted" if X.ndim == 2 or X.shape[2] == 1 else "the first channel"
    labels = f"{channel} (unit of the data)", f"{delay} steps before (unit of the data)"
    footer = (
        f"Dots: the first {delay} steps after each is left alone; paths go on to step {n_steps}."
    )
    if not flows:
        footer += " What the world does without noise is not known."
    return paths, prompts, labels, rest, None, None, footer


def _delay_of(world: Any, X: NDArray[Any]) -> int:
    """Return a quarter of the period, or where sequences have forgotten most of themselves."""
    if (cycle := world.cycle()) is not None:
        return max(1, round(cycle.period / 4))
    x = np.asarray(X, np.float64).reshape(*X.shape[:2], -1)[:, :, 0]
    x = x - np.nanmean(x)
    lags = range(1, X.shape[1])
    power = np.nanmean(x**2)
    far = (lag for lag in lags if np.nanmean(x[:, lag:] * x[:, :-lag]) < power / np.e)
    return next(far, 1)
