"""From the results of the cells to a cube with gains, intervals and p-values."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._typing import Floats
from ..inference._labelled import adjust, complete, intervals, p_values
from ..measures import equivalent_reservoir_size, reservoir_interval
from ._flow import skills
from ._labels import RESERVED, STRUCTURED, grid_of, join
from ._left_alone import TINY, final_errors
from ._networks import PROBE_SCORES
from ._plan import Cell

# Nats per step below which a share of what is possible says nothing, as in a null.
NOTHING_TO_GAIN = 1e-3
Dims: TypeAlias = tuple[str, ...]
# Along what each variable varies, before the parameters of the grid and after them.
_DIMS: dict[str, tuple[Dims, Dims]] = {
    "nll_baseline": (("condition",), ("seed", "baseline")),
    "status_baseline": (("condition",), ("seed", "baseline")),
    "accuracy_baseline": (("condition",), ("seed", "baseline")),
    "nll_optimal": (("condition",), ("seed",)),
    **dict.fromkeys(("reference", "best_baseline", "ceiling"), (("condition",), ())),
    **dict.fromkeys(
        ("nll", "accuracy", "status", "fit_seconds"), (("condition", "mode"), ("seed",))
    ),
    "n_parameters": (("condition", "mode"), ()),
    **dict.fromkeys(
        ("training_loss", "validation_loss"), (("condition", "mode"), ("seed", "block"))
    ),
    "stopped_at": (("condition", "mode"), ("seed",)),
    **dict.fromkeys(PROBE_SCORES, (("condition", "mode"), ("seed", "latent"))),
    "probe_score_window": ((), ("seed", "latent")),
    "probe_score_window_shuffled": ((), ("seed", "latent")),
    "nll_reservoir": ((), ("seed", "n_units")),
}


def collect(
    cells: Sequence[Cell], results: Sequence[Mapping[str, Any]], coords: Mapping[str, Any]
) -> xr.Dataset:
    """Put what the cells have measured where it belongs.

    Parameters
    ----------
    cells : list of Cell
        The cells.
    results : list of Bunch
        What they returned.
    coords : dict of str to sequence
        Coordinates: condition, mode, the parameters of the grid, seed, baseline, and latent if
        there are probes.

    Returns
    -------
    xarray.Dataset
    """
    grid = [name for name in coords if name not in RESERVED]
    coords = {**coords, **_labels_of_measures(results)}
    arrays: dict[str, tuple[Dims, NDArray[Any]]] = {}
    attributes: dict[str, dict[str, Any]] = {}

    def put(cell: Cell, name: str, before: Dims, behind: Dims, value: Any) -> None:
        value, dims = np.asarray(value), (*before, *grid, *behind)
        if name not in arrays:
            shape = tuple(len(coords[dim]) for dim in dims)
            dtype: Any = {"f": np.float64, "i": np.int64}.get(value.dtype.kind, object)
            fill: Any = {np.float64: np.nan, np.int64: 0}.get(dtype, "")
            arrays[name] = (dims, np.full(shape, fill, dtype))
        labels = {"condition": cell.condition, "mode": cell.mode}
        # A cell of all conditions has them in its values.
        first = [
            slice(None) if labels[dim] is None else list(coords[dim]).index(labels[dim])
            for dim in before
        ]
        for index in cell.places:
            arrays[name][1][(*first, *index)] = value if value.ndim else value.item()

    for cell, result in zip(cells, results, strict=True):
        measured = dict(result)
        for name, values in measured.pop("memory", {}).items():
            values = values.reindex({dim: coords[dim] for dim in values.dims})
            put(cell, name, ("mode",), values.dims, values.values)
        for name, values in measured.pop("flow", {}).items():
            values = values.reindex({dim: coords[dim] for dim in values.dims})
            of_networks = () if cell.mode is None else ("condition", "mode")
            put(cell, name, of_networks, values.dims, values.values)
        for name, values in measured.pop("trajectory", {}).items():
            # Where a measure has no such label, as a layer that the network lacks: NaN.
            values = values.reindex({dim: coords[dim] for dim in values.dims[2:]})
            put(cell, f"{name}_trajectory", ("condition", "mode"), values.dims, values.values)
            attributes[f"{name}_trajectory"] = values.attrs
        # Only the structured world has latents.
        latents = "latent" in coords and cell.condition == STRUCTURED
        for name, value in measured.items():
            if latents or name not in PROBE_SCORES:
                put(cell, name, *_DIMS[name], value)
    for name in ("training_loss", "validation_loss", "probe_accuracy"):
        if name in arrays and np.isnan(arrays[name][1]).all():
            del arrays[name]
    if "validation_loss" not in arrays:
        del arrays["stopped_at"]
    labels = {
        name: values if isinstance(values, np.ndarray) else np.array(values, object)
        for name, values in coords.items()
    }
    cube = xr.Dataset(arrays, coords=labels)
    for name, known in attributes.items():
        cube[name].attrs.update(known)
    return cube.assign_coords(_along_labels(cells, results, coords, grid))


def _along_labels(
    cells: Sequence[Cell],
    results: Sequence[Mapping[str, Any]],
    coords: Mapping[str, Any],
    grid: Sequence[str],
) -> dict[str, xr.Variable]:
    """Return what measures know of their labels, such as the depths of layers.

    Where networks of the grid differ in it, it lies along the grid, too.
    """
    found: dict[str, xr.Variable] = {}
    for cell, result in zip(cells, results, strict=True):
        for values in result.get("trajectory", {}).values():
            for name, each in values.coords.items():
                if name in coords:
                    # A label itself, or one that has the name of a dimension: that comes first.
                    continue
                dims = (*grid, each.dims[0])
                shape = tuple(len(coords[dim]) for dim in dims)
                empty = xr.Variable(dims, np.full(shape, np.nan), each.attrs)
                whole = found.setdefault(name, empty)
                if whole.dims != dims:
                    continue
                here = each.reindex({dims[-1]: coords[dims[-1]]}).values
                for index in cell.places:
                    np.copyto(whole.values[index], here, where=~np.isnan(here))
    return {name: without_grid(whole) for name, whole in found.items()}


def without_grid(whole: xr.Variable) -> xr.Variable:
    """Return a coordinate along its last dimension alone, if it is the same in the whole grid."""
    rows = whole.values.reshape(-1, whole.shape[-1])
    low, high = np.fmin.reduce(rows), np.fmax.reduce(rows)
    same = np.array_equal(low, high, equal_nan=True)
    return xr.Variable(whole.dims[-1:], low, whole.attrs) if same else whole


def _labels_of_measures(results: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return the labels of each dimension of the measures, over all cells."""
    labels: dict[str, Any] = {}
    for result in results:
        kinds = "trajectory", "memory", "flow"
        for values in (each for kind in kinds for each in result.get(kind, {}).values()):
            for dim in set(values.dims) - {"seed", "step"}:
                found = values.indexes[dim]
                labels[dim] = join(labels.get(dim, found), found)
    return {dim: index.values for dim, index in labels.items()}


def compare(
    cube: xr.Dataset,
    interval: str,
    alpha: float,
    correction: str | None,
    n_flips: int | None = None,
    units: tuple[int, int] | None = None,
) -> xr.Dataset:
    """Add gains over the reference, their intervals and their p-values.

    Parameters
    ----------
    cube : xarray.Dataset
        From `collect`.
    interval : {"student", "bootstrap"}
        Interval of the mean over seeds, of coverage 1 - alpha.
    alpha : float
        Level.
    correction : str or None
        Correction over the configurations, for each condition and mode on its own.
    n_flips, units
        As in `p_values`. For splits of the same recordings the interval is the corrected one.

    Returns
    -------
    xarray.Dataset
        The cube with them.
    """
    reference, best = _nll_of(cube, cube.reference), _nll_of(cube, cube.best_baseline)
    dims, nll, optimal = cube.nll.dims, cube.nll, cube.nll_optimal
    delta = (reference - nll).transpose(*dims)
    possible, beyond = reference - optimal, best - optimal
    # Of a bound it would say nothing.
    beyond = beyond.where((beyond > NOTHING_TO_GAIN) & (cube.ceiling == "exact"))
    found = {
        "nll_reference": reference,
        "nll_best_baseline": best,
        "delta_nll": delta,
        "delta_nll_baseline": reference - cube.nll_baseline,
        "efficiency": (delta / possible.where(possible > NOTHING_TO_GAIN)).transpose(*dims),
        "efficiency_beyond_baseline": ((best - nll) / beyond).transpose(*dims),
    }
    if "nll_reservoir" in cube:
        found |= _reservoirs(cube, alpha)
    if (skill := skills(cube)) is not None:
        found["operator_skill"] = skill
    gains = complete(delta)
    found["ci_low"], found["ci_high"] = intervals(gains, 1 - alpha, interval, units)
    found["p_value"] = p_values(gains, n_flips, units)
    found["p_value_adjusted"] = adjust(found["p_value"], correction, grid_of(cube))
    # All at once: each on its own would be aligned with the whole cube.
    return cube.assign(found)


def _reservoirs(cube: xr.Dataset, alpha: float) -> dict[str, xr.DataArray]:
    """Return what each network is worth in units of a random core, with its interval.

    Units of a core that predicts the next step as well, and of one that goes on as well alone.
    """
    sizes, here = cube.n_units, {"condition": STRUCTURED}
    losses = {"equivalent_reservoir_size": (cube.nll.sel(here, drop=True), cube.nll_reservoir)}
    if "flow_error_cores" in cube:
        both = cube.flow_error.sel(here, drop=True), cube.flow_error_cores
        # One of 0 is too small to be seen, and one that has left the range of numbers infinite.
        seen = (final_errors(each).clip(TINY, 1 / TINY) for each in both)
        losses["flow_reservoir_size"] = tuple(map(np.log, seen))

    def worth(loss: Floats, curves: Floats) -> tuple[float, float, float]:
        curve = xr.DataArray(curves, {"n_units": sizes}, ("seed", "n_units")).dropna("seed")
        if not curve.sizes["seed"]:
            return (np.nan,) * 3
        size: Any = equivalent_reservoir_size(loss.mean(), curve)
        if min(len(loss), curve.sizes["seed"]) == 1 or not np.isfinite(loss).all():
            return size, np.nan, np.nan
        return size, *reservoir_interval(loss, curve, confidence=1 - alpha)

    results = {}
    for name, measured in losses.items():
        found = xr.apply_ufunc(
            worth,
            *measured,
            input_core_dims=[["seed"], ["seed", "n_units"]],
            output_core_dims=[[]] * 3,
            vectorize=True,
            output_dtypes=[np.float64] * 3,
        )
        for end, values in zip(("", "_low", "_high"), found, strict=True):
            results[f"{name}{end}"] = values
    return results


def _nll_of(cube: xr.Dataset, names: xr.DataArray) -> xr.DataArray:
    """Return the negative log-likelihood of the baseline named in each condition."""
    position = cube.baseline.to_index().get_indexer(names.values.ravel())
    position = xr.DataArray(position.reshape(names.shape), dims=names.dims)
    chosen = cube.nll_baseline.isel(baseline=position).drop_vars("baseline")
    return chosen.transpose(*names.dims, "seed")
