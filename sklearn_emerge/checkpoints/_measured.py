"""What measures find of one checkpoint, and of all of them, as a labelled data set."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from .._random import substream
from ..geometry import participation_ratio, rankme, rankme_of_noise
from ..geometry._estimates import ESTIMATES, WORDS, estimate_of, numbers_of, unit_of
from ._model import draw_next_tokens, layer_names, next_token_loss, states_and_losses
from ._requests import Request, Tokens

_WORDS = {
    "rankme": "effective rank of hidden states",
    "rankme_of_noise": "effective rank of noise of as many rows and units",
    "participation_ratio": "participation ratio of hidden states, without the bias of few rows",
    "nll": "negative log-likelihood of next tokens",
}
_UNITS = {"nll": "nats per token"}
_COORDINATES = {
    "step": "step of training",
    "probe_set": "rows of tokens",
    "layer": "place of the model",
    "depth": "share of all blocks that lie before",
    "n_rows": "number of rows",
    "row_length": "tokens of a row",
    "stored_dtype": "precision in which weights are stored",
}
_NOT_FINITE = "The loss is not finite: the model has diverged."


def measure(
    model: Any,
    n_layers: int,
    probe_sets: Mapping[str, Tokens],
    measures: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    position: int,
    stream: np.random.SeedSequence,
    batch_size: int,
) -> xr.Dataset:
    """Return what measures find of a model, of dimensions (probe_set[, layer])."""
    layers = layer_names(n_layers)
    found: dict[str, list[Any]] = {}
    of_states = "rankme" in measures or "participation_ratio" in measures
    of_gradients = [each for each in measures if each in ESTIMATES]
    for name, tokens in probe_sets.items():
        states, losses = states_and_losses(
            model,
            tokens,
            layers=of_states,
            losses="nll" in measures or bool(of_gradients),
            position=position,
            batch_size=batch_size,
        )
        own: dict[str, Any] = {}
        if "rankme" in measures:
            own["rankme"] = [_or_nan(rankme, Z) for Z in states]
            own["rankme_of_noise"] = [rankme_of_noise(*Z.shape) for Z in states]
        if "participation_ratio" in measures:
            own["participation_ratio"] = [_or_nan(participation_ratio, Z) for Z in states]
        if "nll" in measures:
            own["nll"] = losses.mean() / (tokens.shape[1] - 1)
        finite = bool(np.isfinite(losses).all())
        for of in of_gradients:
            given = options.get(of, {})
            own |= _estimated(model, of, tokens, given, substream(stream, of, name), finite)
        for key, value in own.items():
            found.setdefault(key, []).append(value)
    words, units = dict(_WORDS), dict(_UNITS)
    for of in of_gradients:
        words |= {_key(of, name): _in_words(of, name) for name in (*_numbers(of), "reasons")}
        units |= {_key(of, name): unit_of(of, name) for name in _numbers(of)}
    result = xr.Dataset(coords={"probe_set": list(probe_sets), "layer": layers})
    for key, values in found.items():
        array = np.array(values, object if key.endswith("_reasons") else np.float64)
        dims = ("probe_set", "layer")[: array.ndim]
        attrs = {"long_name": words[key]}
        if array.dtype != object:
            attrs["units"] = units.get(key, "1")
        result[key] = xr.Variable(dims, array, attrs)
    return result


def _or_nan(count: Any, Z: NDArray[Any]) -> float:
    """Return a number of directions, NaN where the model has diverged."""
    return float(count(Z)) if np.isfinite(Z).all() else np.nan


def _numbers(of: str) -> list[str]:
    """Return the names of the numbers of an estimate that are kept."""
    return [name for name in numbers_of(ESTIMATES[of][1]) if name != "n"]


def _key(of: str, name: str) -> str:
    """Return the name of a variable."""
    return of if name == "value" else f"{of}_{name}"


def _in_words(of: str, name: str) -> str:
    """Return what a variable is."""
    return WORDS[of] if name == "value" else f"{WORDS[of]}, {name.replace('_', ' ')}"


def _estimated(
    model: Any,
    of: str,
    tokens: Tokens,
    options: Mapping[str, Any],
    stream: np.random.SeedSequence,
    finite: bool,
) -> dict[str, Any]:
    """Return the numbers of an estimate, and why it is not to be trusted, by names of their own."""
    keys = {_key(of, name): name for name in _numbers(of)}
    if not finite:
        return dict.fromkeys(keys, np.nan) | {f"{of}_reasons": _NOT_FINITE}
    own = {"random_state": stream, "draw": draw_next_tokens}
    rows = torch.from_numpy(tokens).to(next(model.parameters()).device)
    result = estimate_of(of, model, next_token_loss, (rows, rows[:, 1:]), own, options)
    found = {key: getattr(result, name) for key, name in keys.items()}
    return found | {f"{of}_reasons": " ".join(result.reasons)}


def join(
    parts: Mapping[int, xr.Dataset | None], request: Request, stored: Mapping[int, str]
) -> xr.Dataset:
    """Return what was found of all steps as one data set."""
    found = [part.expand_dims(step=[step]) for step, part in parts.items() if part is not None]
    whole = xr.concat(
        found, "step", data_vars="all", coords="minimal", compat="equals", join="exact"
    )
    order = [name for of in request.measures for name in whole if _is_of(str(name), of)]
    whole = whole[order]
    for name in order:
        whole[name].attrs = next(part[name].attrs for part in found if name in part)
        if name.endswith("_reasons"):
            # Nothing was asked for.
            whole[name] = whole[name].fillna("")
    if "rankme_of_noise" in whole:
        whole["rankme_of_noise"] = whole.rankme_of_noise.max("step", keep_attrs=True)
    sets = request.probe_sets.values()
    whole = whole.assign_coords(
        n_rows=("probe_set", [len(rows) for rows in sets]),
        row_length=("probe_set", [rows.shape[1] for rows in sets]),
        stored_dtype=("step", [stored[step] for step in parts]),
    )
    if "layer" in whole.dims:
        n_layers = whole.sizes["layer"] - 2
        depth = [*(i / n_layers for i in range(n_layers + 1)), 1.0]
        whole = whole.assign_coords(depth=("layer", depth))
    for name in whole.coords:
        whole[name].attrs["long_name"] = _COORDINATES[str(name)]
    return whole


def _is_of(name: str, measure: str) -> bool:
    """Return whether a variable is what a measure found, or belongs to it."""
    return name == measure or name.startswith(f"{measure}_")
