"""The plan of an assessment: configurations, and the cells that are run for each."""

from dataclasses import dataclass
from itertools import product

from sklearn.base import clone

from .._names import did_you_mean
from ..predictors._facts import with_facts
from ._cube import VARIABLES
from ._labels import check_values

STRUCTURED = "structured"
RESERVED = (
    "baseline", "block", "claim", "condition", "exchange", "latent", "mode", "n_units", "seed",
    "step", "window",
)  # fmt: skip
# Of these, the ones that measures of networks in training may have, too.
OF_MEASURES = ("exchange", "window")
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
    """

    index: tuple
    worlds: dict
    models: dict
    settings: dict


def expand(world, model, param_grid, nulls):
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
    grid, keys = {}, {}
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


def _parameter(key):
    """Return whose parameter a key of the grid names, and its name there."""
    owner, separator, name = key.partition("__")
    return (owner, name) if separator and owner in ("world", "model") else ("model", key)


def _set(world, model, key, value):
    """Set the parameter that a key of the grid names."""
    owner, name = _parameter(key)
    target = world if owner == "world" else model
    if target is model and name in _REPLACED:
        raise ValueError(f"param_grid key {key!r} is set by the assessment; {_REPLACED[name]}.")
    if name not in target.get_params():
        raise ValueError(
            f"param_grid key {key!r} is not a parameter of {type(target).__name__}; choose from "
            f"{', '.join(sorted(target.get_params(deep=False)))}, or write 'world__...' for a "
            f"parameter of the world: {', '.join(sorted(world.get_params(deep=False)))}."
            f"{did_you_mean(name, target.get_params(deep=False))}"
        )
    target.set_params(**{name: value})


def vocabulary_of(model):
    """Return the `n_tokens` of a predictor of tokens, None of one of quantities."""
    tokens = getattr(model, "likelihood", None) == "categorical"
    return model.n_tokens if tokens else None


def clock_of(model):
    """Return the `time_channel` of a predictor that sees the clock if the model does."""
    return "full_time" if getattr(model, "time_channel", None) == "full_time" else None
