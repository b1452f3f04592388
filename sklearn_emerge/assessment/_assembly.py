"""From the results of the cells to a cube with gains, intervals and p-values."""

import numpy as np
import xarray as xr

from ..inference import adjust_p_values, bootstrap_interval, student_interval
from ._cell import PROBE_SCORES
from ._plan import RESERVED
from ._trajectory import join
from ._verdict import p_values

INTERVALS = {"student": student_interval, "bootstrap": bootstrap_interval}
# Nats per step below which a share of what is possible says nothing, as in a null.
_NOTHING_TO_GAIN = 1e-3
_PER_SEED = ("nll", "status", "fit_seconds")
_PER_CONDITION = ("reference", "best_baseline", "ceiling")


def collect(places, results, coords):
    """Put what the cells have measured where it belongs.

    Parameters
    ----------
    places : list of (int, int or None, tuple of int)
        Condition, mode (None for baselines) and place in the grid of each cell.
    results : list of Bunch
        What `run_networks` and `run_baselines` returned.
    coords : dict of str to sequence
        Coordinates: condition, mode, the parameters of the grid, seed, baseline, and latent if
        there are probes.

    Returns
    -------
    xarray.Dataset
    """
    coords = dict(coords)
    grid = [name for name in coords if name not in RESERVED]
    coords |= _labels_of_measures(results)
    by_condition, by_mode = ("condition", *grid), ("condition", "mode", *grid)
    arrays, attributes = {}, {}

    def put(name, dims, place, value):
        value = np.asarray(value)
        if name not in arrays:
            shape = tuple(len(coords[dim]) for dim in dims)
            dtype = {"f": np.float64, "i": np.int64}.get(value.dtype.kind, object)
            fill = {np.float64: np.nan, np.int64: 0}.get(dtype, "")
            arrays[name] = (dims, np.full(shape, fill, dtype))
        arrays[name][1][place] = value if value.ndim else value.item()

    for (condition, mode, index), result in zip(places, results, strict=True):
        if mode is None:
            place = (condition, *index)
            put("nll_baseline", (*by_condition, "seed", "baseline"), place, result.nll)
            put("nll_optimal", (*by_condition, "seed"), place, result.nll_optimal)
            for name in _PER_CONDITION:
                put(name, by_condition, place, result[name])
            continue
        place = (condition, mode, *index)
        for name in _PER_SEED:
            put(name, (*by_mode, "seed"), place, result[name])
        put("n_parameters", by_mode, place, result.n_parameters[0])
        for name, values in result.trajectory.items():
            # Where a measure has no such label, as a layer that the network lacks: NaN.
            values = values.reindex({dim: coords[dim] for dim in values.dims[2:]})
            put(f"{name}_trajectory", (*by_mode, *values.dims), place, values.values)
            attributes[f"{name}_trajectory"] = values.attrs
        # Only the structured world, the first condition, has latents.
        for name in PROBE_SCORES if "latent" in coords and condition == 0 else ():
            put(name, (*by_mode, "seed", "latent"), place, result[name])
    if "probe_accuracy" in arrays and np.isnan(arrays["probe_accuracy"][1]).all():
        del arrays["probe_accuracy"]
    labels = {
        name: values if isinstance(values, np.ndarray) else np.array(values, object)
        for name, values in coords.items()
    }
    cube = xr.Dataset(arrays, coords=labels)
    for name, known in attributes.items():
        cube[name].attrs.update(known)
    return cube


def _labels_of_measures(results):
    """Return the labels of each dimension of the measures, over all cells."""
    labels = {}
    for result in results:
        for values in result.get("trajectory", {}).values():
            for dim in values.dims[2:]:
                found = values.indexes[dim]
                labels[dim] = join(labels.get(dim, found), found)
    return {dim: index.values for dim, index in labels.items()}


def compare(cube, interval, alpha, correction, n_flips=None):
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
    n_flips : int or None, default=None
        As in `p_values`.

    Returns
    -------
    xarray.Dataset
        The same cube.
    """
    reference = _nll_of(cube, cube.reference)
    cube["nll_reference"] = reference
    cube["nll_best_baseline"] = _nll_of(cube, cube.best_baseline)
    cube["delta_nll"] = (reference - cube.nll).transpose(*cube.nll.dims)
    cube["delta_nll_baseline"] = reference - cube.nll_baseline
    possible = reference - cube.nll_optimal
    efficiency = cube.delta_nll / possible.where(possible > _NOTHING_TO_GAIN)
    cube["efficiency"] = efficiency.transpose(*cube.nll.dims)
    gains, dims = cube.delta_nll.values, cube.delta_nll.dims[:-1]
    low, high = np.full((2, *gains.shape[:-1]), np.nan)
    options = {"random_state": 0} if interval == "bootstrap" else {}
    for index in np.ndindex(low.shape):
        if np.isfinite(gains[index]).all() and gains.shape[-1] > 1:
            ends = INTERVALS[interval](gains[index], confidence=1 - alpha, **options)
            low[index], high[index] = ends
    p_value = p_values(gains, n_flips)
    adjusted = np.empty_like(p_value)
    for index in np.ndindex(p_value.shape[:2]):
        adjusted[index] = adjust_p_values(p_value[index], correction)
    cube["ci_low"], cube["ci_high"] = (dims, low), (dims, high)
    cube["p_value"], cube["p_value_adjusted"] = (dims, p_value), (dims, adjusted)
    return cube


def _nll_of(cube, names):
    """Return the negative log-likelihood of the baseline named in each condition."""
    position = cube.baseline.to_index().get_indexer(names.values.ravel())
    position = xr.DataArray(position.reshape(names.shape), dims=names.dims)
    chosen = cube.nll_baseline.isel(baseline=position).drop_vars("baseline")
    return chosen.transpose(*names.dims, "seed")
