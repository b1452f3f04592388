"""What forecasts of many steps are compared with."""

from typing import Any

from ..worlds import Sample, World

TARGETS = "flow", "forecast", "continuation"


def target_of(world: World) -> str | None:
    """Return what forecasts of many steps are compared with in a world.

    Parameters
    ----------
    world : World
        The world.

    Returns
    -------
    {"flow", "forecast", "continuation"} or None
        "flow" of quantities if it is known, else "forecast" if the best possible predictor is
        known, else "continuation", as of recordings. That of a null is
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
    return next((target for target in TARGETS if not why_not(target, world, auto=True)), None)


def why_not(target: str, world: World, auto: bool = False) -> str:
    """Return why a world does not have a target, as text; "" if it has it.

    With `auto` also what is no first choice.
    """
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
        return ""
    if target == "forecast":
        # The best predictor of a null knows no dynamics.
        if world.ceiling is None or (auto and world._depth):
            return f"no optimal predictor of {name} is known (ceiling={world.ceiling!r})"
        return ""
    return (
        f"{name} is made of tokens, which have no distance" if world.observation == "token" else ""
    )


def world_of(sample: Any, so_that: str = "") -> World:
    """Return the world of a sample, or raise a ValueError that says what comes of its lack."""
    world = sample.world if isinstance(sample, Sample) else None
    if isinstance(world, World):
        return world
    given = "has no world" if isinstance(sample, Sample) else f"is a {type(sample).__name__}"
    raise ValueError(
        f"sample {given}{so_that}; pass what World.sample returns, of arrays that of "
        "ArrayWorld(X).sample(len(X))."
    )
