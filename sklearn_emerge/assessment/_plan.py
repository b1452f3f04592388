"""What an assessment consists of: configurations, and the cells that are run for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

from sklearn.base import BaseEstimator, clone

from .._names import did_you_mean
from ..predictors._facts import with_facts
from ..predictors._trained import warned_before
from ..worlds import World
from ._cube import VARIABLES
from ._labels import RESERVED, STRUCTURED, check_values
from ._notes import noted

# Parameters of the model that the assessment sets itself.
_REPLACED = {"training": "choose modes=... instead", "random_state": "choose n_seeds=... instead"}


@dataclass(frozen=True)
class Configuration:
    """One point of the parameter grid.

    Attributes
    ----------
    index : tuple of int
        Its place in the grid.
    worlds : dict of str to World
        The structured world and its nulls, by condition.
    models : dict of str to predictor
        The model with all facts of the world filled in, by condition.
    settings : dict of str to object
        The values of the grid, by key.
    n_units : int or None
        Hidden units of its network, None if the model is none, or before it was tried.
    steps_quickly : bool
        Whether a step costs little when it is left alone.
    """

    index: tuple[int, ...]
    worlds: dict[str, World]
    models: dict[str, BaseEstimator]
    settings: dict[str, Any]
    n_units: int | None = None
    steps_quickly: bool = True


@dataclass(frozen=True)
class Cell:
    """A unit of work, and where its result belongs.

    Attributes
    ----------
    work : Networks, Baselines, Windows or Cores
        What is computed, and all that it is computed from.
    index : tuple of int
        The place of its configuration in the grid.
    condition, mode : str or None
        Its condition, None if it has all of them; and its mode, None if no network is trained.
    settings : dict of str to object
        The values of the grid, by key.
    name : str
        What it is, in words.
    n_updates : int
        Updates of the optimiser, of all seeds.
    entry : Entry or None
        Where the store keeps its result.
    stored : bool
        Whether the store has it.
    """

    work: Any
    index: tuple[int, ...] = ()
    condition: str | None = None
    mode: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    n_updates: int = 0
    entry: Any = None
    stored: bool = False

    def run(self, progress_file: str | Path | None = None) -> Any:
        """Return the result: that in the store, or else what is computed now, which is kept."""
        parts = {"condition": self.condition, **self.settings, "mode": self.mode}
        where = [f"{name}={value!r}" for name, value in parts.items() if value is not None]
        place = f"This happened in the cell {', '.join(where) or self.name}."
        with noted(place), warned_before():
            if self.entry is None:
                return self.work.run(progress_file)
            return self.entry.look_up(self.work, progress_file)


def expand(
    world: World,
    model: BaseEstimator,
    param_grid: Mapping[str, Sequence[Any]] | None,
    nulls: Sequence[str],
) -> list[Configuration]:
    """Return the configurations of a grid.

    Parameters
    ----------
    world : World
        The world.
    model : predictor
        The model.
    param_grid : dict of str to sequence, or None
        ``world__...`` sets a parameter of the world, ``model__...`` or a bare name one of the
        model.
    nulls : sequence of str
        Kinds of nulls.

    Returns
    -------
    list of Configuration

    Raises
    ------
    ValueError
        If a parameter, a value or a null is not known.
    """
    grid: dict[str, list[Any]] = {}
    keys: dict[tuple[str, str], str] = {}
    for key, values in (param_grid or {}).items():
        if not isinstance(key, str):
            raise ValueError(f"param_grid key {key!r} must be text, the name of a parameter.")
        if key in RESERVED or key in VARIABLES:
            kind = "dimension" if key in RESERVED else "variable"
            raise ValueError(
                f"param_grid key {key!r} is the name of a {kind} of the cube; write "
                f"'model__{key}' or 'world__{key}'."
            )
        grid[key] = check_values(key, values)
        other = keys.setdefault(_parameter(key), key)
        if other != key:
            raise ValueError(
                f"param_grid keys {other!r} and {key!r} are the same parameter; drop one."
            )
    configurations = []
    for index in product(*(range(len(values)) for values in grid.values())):
        settings = {key: grid[key][i] for key, i in zip(grid, index, strict=True)}
        configured_world, configured_model = clone(world), clone(model)
        for key, value in settings.items():
            _set(configured_world, configured_model, key, value)
        configured_world._validate_params()
        configured_model._validate_params()
        worlds = {STRUCTURED: configured_world}
        worlds.update({kind: configured_world.null(kind) for kind in nulls})
        models = {name: with_facts(configured_model, other.facts) for name, other in worlds.items()}
        configurations.append(Configuration(index, worlds, models, settings))
    return configurations


def _parameter(key: str) -> tuple[str, str]:
    """Return whose parameter a key of the grid names, and its name there."""
    owner, separator, name = key.partition("__")
    return (owner, name) if separator and owner in ("world", "model") else ("model", key)


def _set(world: World, model: BaseEstimator, key: str, value: object) -> None:
    """Set the parameter that a key of the grid names."""
    owner, name = _parameter(key)
    target = world if owner == "world" else model
    if target is model and name in _REPLACED:
        raise ValueError(f"param_grid key {key!r} is set by the assessment; {_REPLACED[name]}.")
    if name not in target.get_params():
        raise ValueError(
            f"param_grid key {key!r} is not a parameter of {type(target).__name__}."
            f"{did_you_mean(name, target.get_params(deep=False))} Choose from "
            f"{', '.join(sorted(target.get_params(deep=False)))}, or write 'world__...' for a "
            f"parameter of the world: {', '.join(sorted(world.get_params(deep=False)))}."
        )
    target.set_params(**{name: value})


def vocabulary_of(model: BaseEstimator) -> int | str | None:
    """Return the `n_tokens` of a predictor of tokens, None of one of quantities."""
    tokens = getattr(model, "likelihood", None) == "categorical"
    return model.n_tokens if tokens else None


def clock_of(model: BaseEstimator) -> Literal["full_time"] | None:
    """Return the `time_channel` of a predictor that sees the clock if the model does."""
    return "full_time" if getattr(model, "time_channel", None) == "full_time" else None
