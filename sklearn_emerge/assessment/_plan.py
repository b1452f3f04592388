"""The plan of an assessment: configurations, and the cells that are run for each."""

from dataclasses import dataclass
from itertools import product

from sklearn.base import clone

from ..predictors import (
    AutoregressivePredictor,
    MarkovPredictor,
    MeanPredictor,
    PersistencePredictor,
)
from ..predictors._base import BasePredictor
from ._cube import VARIABLES
from ._labels import check_label, check_values

STRUCTURED = "structured"
RESERVED = ("baseline", "condition", "latent", "mode", "seed", "step", "test")
# Facts of a world that a predictor takes over where its own parameter is "auto".
_FACTS = ("likelihood", "noise_std", "n_tokens", "input_scaling", "output_scaling")

_BASELINES = {
    "mean": lambda: MeanPredictor(),
    "step_mean": lambda: MeanPredictor(per_step=True),
    "persistence": lambda: PersistencePredictor(),
    "markov": lambda: MarkovPredictor(),
    "autoregressive": lambda: AutoregressivePredictor(),
}
# Parameters of the model that the assessment sets itself.
_REPLACED = {"training": "choose modes=... instead", "random_state": "choose n_seeds=... instead"}
# The references of the source. A linear filter is reported beside them, not subtracted.
_REFERENCES = ("mean", "step_mean", "persistence", "markov")


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
        models = {name: with_facts(configured_model, other) for name, other in worlds.items()}
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
        )
    target.set_params(**{name: value})


def with_facts(predictor, source):
    """Return a clone whose "auto" parameters are those that the world (or model) states."""
    predictor = clone(predictor)
    params = predictor.get_params(deep=False)
    unset = [
        name for name in _FACTS if isinstance(params.get(name), str) and params[name] == "auto"
    ]
    facts = {name: getattr(source, name, "auto") for name in unset}
    return predictor.set_params(**facts)


def make_baselines(baselines, model, observation):
    """Return the baselines by name, scored by the likelihood of the model if theirs is "auto".

    Parameters
    ----------
    baselines : "auto", sequence of str, or dict of str to predictor
        "auto" is the mean, the mean of each step, persistence and a linear filter; for binary
        worlds also the Markov chain, and for tokens that in place of the filter.
    model : predictor
        Its likelihood and noise are those of the baselines.
    observation : {"continuous", "binary", "token"}
        Kind of observation of the world.

    Returns
    -------
    dict of str to predictor
    """
    if isinstance(baselines, str) and baselines == "auto":
        if getattr(model, "likelihood", "auto") == "categorical":
            observation = "token"
        left_out = {"continuous": ["markov"], "token": ["autoregressive"]}.get(observation, [])
        names = [name for name in _BASELINES if name not in left_out]
        chosen = {name: _BASELINES[name]() for name in names}
    elif isinstance(baselines, dict):
        chosen = dict(baselines)
        for name, baseline in chosen.items():
            check_label("baselines", name)
            if not name:
                raise ValueError("baselines has an empty name; pass one that can be read.")
            if not isinstance(baseline, BasePredictor):
                raise ValueError(
                    f"baselines[{name!r}]={baseline!r} is not a predictor of this package, which "
                    "predicts next steps; pass one, for instance AutoregressivePredictor(lags=2)."
                )
    else:
        names = [baselines] if isinstance(baselines, str) else list(baselines)
        unknown = [name for name in names if name not in tuple(_BASELINES)]
        if unknown:
            raise ValueError(
                f"baselines={baselines!r}: {unknown[0]!r} is not known; choose from "
                f"{', '.join(_BASELINES)}, or pass a dict of names to predictors."
            )
        chosen = {name: _BASELINES[name]() for name in names}
    if not chosen:
        raise ValueError("baselines is empty; pass at least one, for instance ['mean'].")
    return {name: with_facts(baseline, model) for name, baseline in chosen.items()}


def reference_names(reference, baselines):
    """Return the names of the baselines among which the reference is chosen."""
    if isinstance(reference, str) and reference == "all":
        return list(baselines)
    if isinstance(reference, str) and reference == "auto":
        return [name for name in baselines if name in _REFERENCES] or list(baselines)
    names = [reference] if isinstance(reference, str) else list(reference)
    unknown = [name for name in names if name not in tuple(baselines)]
    if unknown or not names:
        raise ValueError(
            f"reference={reference!r} must be 'auto', 'all' or names out of the baselines "
            f"{', '.join(baselines)}."
        )
    return names
