"""What an assessment consists of: configurations, and the cells that are run for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sklearn.base import BaseEstimator, clone

from .._names import did_you_mean
from ..predictors._facts import with_facts
from ..predictors._trained import warned_before
from ..worlds import World
from ._grid import Grid, parameter_of
from ._labels import STRUCTURED
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
        The values of the grid, by key; after its number, if it was drawn.
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
    places : list of tuple of int
        The places in the grid of the configurations that it belongs to: what networks are compared
        with may be the same for many.
    condition, mode : str or None
        Its condition, None if it has all of them; and its mode, None if no network is trained.
    settings : dict of str to object
        The values of the grid, by key, that its configurations have in common.
    name : str
        What it is, in words.
    n_updates : int
        Updates of the optimiser, of all seeds.
    entry : Entry or None
        Where the store keeps its results.
    known : dict of int to Bunch
        Results of seeds that were computed before.
    n_left : int
        Seeds whose results are neither known nor in the store.
    """

    work: Any
    places: Sequence[tuple[int, ...]] = ((),)
    condition: str | None = None
    mode: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    n_updates: int = 0
    entry: Any = None
    known: Mapping[int, Any] = field(default_factory=dict)
    n_left: int = 1

    @property
    def stored(self) -> bool:
        """Whether nothing has to be computed."""
        return not self.n_left

    @property
    def remaining(self) -> "Cell":
        """The same of as many seeds as are left: what it takes."""
        design, n_seeds = self.work.design, len(self.work.seeds)
        if self.n_left in (0, n_seeds):
            return self
        work = replace(self.work, design=replace(design, n_seeds=self.n_left))
        return replace(self, work=work, n_updates=self.n_updates * self.n_left // n_seeds)

    def run(self, progress_file: str | Path | None = None) -> tuple[list[Any], dict[str, str]]:
        """Return the results of all seeds, and what there was trouble with, see `Store.tell`.

        They are known, or in the store, or else computed now and kept.
        """
        parts = {"condition": self.condition, **self.settings, "mode": self.mode}
        where = [f"{name}={value!r}" for name, value in parts.items() if value is not None]
        place = f"This happened in the cell {', '.join(where) or self.name}."
        with noted(place), warned_before():
            if self.entry is not None:
                return self.entry.look_up(self.work, self.known, progress_file)
            found, left = dict(self.known), self.work.left(self.known)
            if left:
                found |= zip(left, self.work.measure(left, found, progress_file), strict=True)
            return [found[seed] for seed in self.work.seeds], {}

    def take(self, found: Sequence[Any]) -> tuple[Any, dict[int, Any]]:
        """Return what was found of all seeds as one, and by seed what no store keeps."""
        kept = {} if self.entry is not None else dict(zip(self.work.seeds, found, strict=True))
        return self.work.join(found), kept


def expand(
    world: World,
    model: BaseEstimator,
    grid: Grid,
    nulls: Sequence[str],
) -> list[Configuration]:
    """Return the configurations of a grid.

    Parameters
    ----------
    world : World
        The world.
    model : predictor
        The model.
    grid : Grid
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
        If a parameter or a null is not known.
    """
    configurations = []
    # Configurations that differ in the model alone have the same worlds: recordings are large, and
    # what is found out of them takes long.
    made: dict[tuple[int, ...], dict[str, World]] = {}
    for index, parameters, settings in grid.points():
        each = zip(parameters, index * len(parameters) if grid.drawn else index, strict=True)
        place = tuple(i for key, i in each if parameter_of(key)[0] == "world")
        configured_world, configured_model = clone(world), clone(model)
        for key, value in parameters.items():
            _set(configured_world, configured_model, key, value)
        configured_world._validate_params()
        configured_model._validate_params()
        if place not in made:
            nulls_of_it = {kind: configured_world.null(kind) for kind in nulls}
            made[place] = {STRUCTURED: configured_world, **nulls_of_it}
        worlds = made[place]
        models = {name: with_facts(configured_model, other.facts) for name, other in worlds.items()}
        configurations.append(Configuration(index, worlds, models, settings))
    return configurations


def _set(world: World, model: BaseEstimator, key: str, value: object) -> None:
    """Set the parameter that a key of the grid names."""
    owner, name = parameter_of(key)
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
