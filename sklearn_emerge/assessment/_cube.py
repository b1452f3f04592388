"""The result cube: a labelled data set, its file, and what makes a file a cube."""

from __future__ import annotations

import hashlib
import inspect
import json
import warnings
from datetime import UTC, datetime
from functools import partial
from math import prod
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import netCDF4
import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from xarray.backends import NetCDF4DataStore
from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK

from .. import __version__, _typing
from .._files import check_given, read_sealed, replacing, seal

if TYPE_CHECKING:
    from ._assessment import EmergenceAssessment

# What `cube_of` takes.
CubeSource: TypeAlias = "xr.Dataset | _typing.PathLike | EmergenceAssessment"

# name: (long name, units)
VARIABLES = {
    "nll": ("negative log-likelihood on the evaluation sequences", "nat/step"),
    "nll_baseline": ("negative log-likelihood of each baseline", "nat/step"),
    "accuracy": ("share of right answers in a task, on the evaluation sequences", "1"),
    "accuracy_baseline": ("share of right answers of each baseline", "1"),
    "nll_reference": ("negative log-likelihood of the reference baseline", "nat/step"),
    "nll_best_baseline": ("negative log-likelihood of the best of all baselines", "nat/step"),
    "nll_optimal": (
        "negative log-likelihood of the best predictor, see ceiling",
        "nat/step",
    ),
    "delta_nll": ("predictive gain over the reference baseline", "nat/step"),
    "delta_nll_baseline": ("gain of each baseline over the reference baseline", "nat/step"),
    "efficiency_beyond_baseline": (
        "gain over the best baseline as a share of that of the best predictor",
        "1",
    ),
    "efficiency": ("gain as a share of that of the best predictor (NaN if that is 0)", "1"),
    "probe_score": ("cross-validated R2 (D2 for classes) of decoding the latent", "1"),
    "probe_score_shuffled": ("probe score from hidden states of other sequences", "1"),
    "probe_score_noise": ("probe score from noise", "1"),
    "probe_score_window": ("probe score from the last inputs, one or as many as units", "1"),
    "probe_score_window_shuffled": ("probe score from the last inputs of other sequences", "1"),
    "probe_accuracy": ("cross-validated accuracy of decoding the latent", "1"),
    "p_value": ("p-value of a gain above zero, sign flips over seeds", "1"),
    "p_value_adjusted": ("p-value adjusted over the configurations", "1"),
    "ci_low": ("lower end of the interval of the mean gain over seeds", "nat/step"),
    "ci_high": ("upper end of the interval of the mean gain over seeds", "nat/step"),
    "reference": ("best trivial baseline, chosen on the data of the first seed", "1"),
    "best_baseline": (
        "best of all baselines, chosen on the data of the first seed",
        "1",
    ),
    "ceiling": ("what nll_optimal is: exact, a bound (the best known) or unknown", "1"),
    "claim_difference": (
        "what the claim is about, see claim",
        "nat/step, 1 for scores, nat for dynamics",
    ),
    "claim_effect": ("mean difference over seeds", "nat/step, 1 for scores, nat for dynamics"),
    "claim_low": ("lower bound of the difference", "nat/step, 1 for scores, nat for dynamics"),
    "claim_high": ("upper bound of the difference", "nat/step, 1 for scores, nat for dynamics"),
    "claim_student_low": (
        "lower end of Student's interval of the mean",
        "nat/step, 1 for scores, nat for dynamics",
    ),
    "claim_student_high": (
        "upper end of Student's interval of the mean",
        "nat/step, 1 for scores, nat for dynamics",
    ),
    "claim_margin": (
        "what the difference has to exceed",
        "nat/step, 1 for scores, nat for dynamics",
    ),
    "claim_p_value": ("p-value of a difference above the margin", "1"),
    "claim_p_value_adjusted": ("p-value of the claim adjusted over the configurations", "1"),
    "claim_state": ("holds, fails, open or untested", "1"),
    "verdict": ("what training added", "1"),
    "verdict_reason": ("the claims behind the verdict", "1"),
    "training_loss": ("mean training loss of each twentieth of the updates", "nat/step"),
    "validation_loss": (
        "mean loss of the sequences that early stopping held out, in each twentieth of the updates",
        "nat/step",
    ),
    "stopped_at": ("share of the updates after which training stopped early", "1"),
    "nll_memory": ("negative log-likelihood from the last inputs alone", "nat/step"),
    "state_exchange": (
        "predictions with the hidden states of another sequence",
        "nat/step for rise",
    ),
    "nll_reservoir": ("negative log-likelihood of random cores with exact heads", "nat/step"),
    "equivalent_reservoir_size": (
        "units of the smallest random core that predicts as well (inf: more than all tried)",
        "1",
    ),
    "equivalent_reservoir_size_low": ("lower end of its interval", "1"),
    "equivalent_reservoir_size_high": ("upper end of its interval", "1"),
    "flow_error": (
        "error of a network that is left alone over the first steps, see horizon",
        "unit of the data, or of several channels their standard deviation",
    ),
    **{
        f"flow_error_{name}": (
            f"the same of {words}",
            "unit of the data, or of several channels their standard deviation",
        )
        for name, words in (
            ("linear", "the best linear predictor"),
            ("reservoir", "an echo-state network"),
            ("optimal", "the best possible predictor"),
        )
    },
    "flow_target": ("what follows a prompt: flow, forecast, continuation or none", "1"),
    "operator_skill": (
        "share closed of the gap in squared error between linear and best possible forecasts",
        "1",
    ),
    "flow_error_cores": (
        "the same of random cores with exact heads",
        "unit of the data, or of several channels their standard deviation",
    ),
    "flow_reservoir_size": (
        "units of the smallest random core that goes on as well when it is left alone (inf: more "
        "than all tried)",
        "1",
    ),
    "flow_reservoir_size_low": ("lower end of its interval", "1"),
    "flow_reservoir_size_high": ("upper end of its interval", "1"),
    "status": ("how the fit ended", "1"),
    "status_baseline": ("how the fit of each baseline ended", "1"),
    "fit_seconds": ("wall time of the fit", "s"),
    "n_parameters": ("number of weights of the network", "1"),
    "nll_trajectory": ("negative log-likelihood in the course of training", "nat/step"),
    "train_loss_trajectory": (
        "mean loss of the updates since the step before, as it is minimised",
        "nat/step",
    ),
}
COORDINATES = {
    "condition": "the structured world or one of its nulls",
    "mode": "which weights were trained",
    "seed": "replicate: initial weights, order of batches and (unless shared) data",
    "baseline": "predictor to compare with",
    "latent": "latent variable of the world",
    "latent_units": "unit of each latent",
    "claim": "claim behind the verdict",
    "block": "share of the updates",
    "n_units": "units of a random core",
    "step": "updates of the optimiser",
    "task": "symbolic task",
    "score": "loss of the words that count (nat/word), and the columns of score_tasks",
    "reading": "how words are read: by a probe, or by the head of the network",
    "solving": "task that is solved meanwhile",
    "layer": "layer of the network, 0 is the embedding",
    "window": "last inputs that a network sees, in steps",
    "prompt": "steps that are seen before a network is left alone",
    "horizon": "steps that it is left alone",
    "exchange": "what changes with hidden states of other sequences (loss and rise: nat/step)",
}
# What is found of each claim.
CLAIM_VARIABLES = tuple(name for name in VARIABLES if name.startswith("claim_"))
_REQUIRED = ("nll", "delta_nll", "nll_reference", "nll_optimal", "p_value", "verdict")
# Dimensions of what every file has, besides those of the grid.
_DIMS = {
    "nll": {"condition", "mode", "seed"},
    "delta_nll": {"condition", "mode", "seed"},
    "nll_reference": {"condition", "seed"},
    "nll_optimal": {"condition", "seed"},
    "p_value": {"condition", "mode"},
    "ci_low": {"condition", "mode"},
    "ci_high": {"condition", "mode"},
    "verdict": set(),
}
# Of variables and coordinates; all others of `VARIABLES` are numbers.
_TEXT = (
    "reference",
    "best_baseline",
    "ceiling",
    "verdict",
    "verdict_reason",
    "status",
    "status_baseline",
    "condition",
    "mode",
    "claim_state",
    "flow_target",
    "latent_units",
)
# The papers that cubes are after: the protocol is that of the first.
_PROTOCOL = "Emergence Without Scale: How Tiny Recurrent Networks Learn Dynamical Operators"
ANATOMY = "The Geometric Anatomy of Capability Emergence in Transformers, arXiv 2602.15997"
_OF_WORLD = {
    "AlgorithmicWorld": ANATOMY,
    "TriangleWorld": "Scaling Down Transformers: triangle translation with tiny GPTs",
}
# What stands between them.
BETWEEN_PAPERS = "; "
# Smaller ones would grow.
_COMPRESSED_BYTES = 2**16
# Attribute of a file that says that it ends in a checksum.
_CHECKSUM = "checksum"
# About what a file has besides its values.
_OVERHEAD = 2**17
# The most that zlib can make of a byte.
_INFLATION = 1032


def annotate(cube: xr.Dataset, configuration: dict[str, Any]) -> xr.Dataset:
    """Return the cube with long names, units and the global attributes of CF and ACDD."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    world, model = configuration["world"]["type"], configuration["model"]["type"]
    # Measures of a paper are of sequences of its world.
    papers = [_PROTOCOL, _OF_WORLD[world]] if world in _OF_WORLD else [_PROTOCOL]
    return name_variables(cube).assign_attrs(
        Conventions="CF-1.11, ACDD-1.3",
        title=f"Emergence assessment of {model} on {world}",
        summary=(
            "Predictive gain and decodability of hidden states of sequence models, by training "
            "mode, in a world and in its nulls."
        ),
        source=f"sklearn_emerge {__version__}",
        history=f"{now} created by sklearn_emerge {__version__}",
        references=BETWEEN_PAPERS.join(papers),
        date_created=now,
        configuration=json.dumps(configuration, sort_keys=True),
    )


def name_variables(cube: xr.Dataset) -> xr.Dataset:
    """Give all variables and coordinates of a cube their long names and units; return it."""
    for name, variable in cube.data_vars.items():
        # Measures of the user's own may bring theirs.
        long_name = f"{name.removesuffix('_trajectory')} in the course of training"
        of_user = (variable.attrs.get("long_name", long_name), variable.attrs.get("units", "1"))
        variable.attrs["long_name"], variable.attrs["units"] = VARIABLES.get(name, of_user)
    for name, coordinate in cube.coords.items():
        item = f"part of {name.removesuffix('_item')}"
        default = item if name.endswith("_item") else f"parameter {name}"
        words = coordinate.attrs.get("long_name", default)
        coordinate.attrs["long_name"] = COORDINATES.get(name, words)
    return cube


def label(cube: xr.Dataset, world: object) -> xr.Dataset:
    """Return the cube with the names, units and times that recordings brought with them."""
    axes = getattr(world, "axes", None)
    if axes is None:
        return cube
    known = {
        "recorded_quantity": axes.quantity,
        "recorded_units": axes.units,
        "recorded_channels": list(axes.channels),
        "time_step": axes.time_step or "",
        "time_units": axes.time_units,
    }
    if any(axes.latent_units) and "latent" in cube.dims:
        units = np.array(axes.latent_units, object)
        cube = cube.assign_coords(latent_units=("latent", units))
        cube.latent_units.attrs["long_name"] = COORDINATES["latent_units"]
    return cube.assign_attrs({key: value for key, value in known.items() if value})


def describe(value: object) -> Any:
    """Return a parameter as plain data for JSON: estimators by type and parameters."""
    if isinstance(value, BaseEstimator):
        params = value.get_params(deep=False)
        return {"type": type(value).__name__} | {k: describe(v) for k, v in params.items()}
    if isinstance(value, dict):
        return {str(k): describe(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        few = len(value) <= 100
        return [describe(v) for v in value] if few else {"type": "list", "length": len(value)}
    if isinstance(value, str | bool | int | float | None):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, partial):
        arguments = {"args": value.args, "keywords": value.keywords}
        return {"type": "partial", "function": describe(value.func)} | describe(arguments)
    if inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "data_vars"):
        return {"type": "Dataset", **{str(k): describe(v) for k, v in value.data_vars.items()}}
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        # Tells arrays of the same shape apart, such as recordings of two animals.
        digest = {"sha256": hashlib.sha256(content).hexdigest()[:16]}
        return {"type": "array", "shape": list(array.shape), "dtype": str(array.dtype)} | digest
    return repr(value)


def save_cube(cube: xr.Dataset, path: _typing.PathLike) -> None:
    """Write a cube to NetCDF, atomically, with its SHA-256 at the end."""
    encoding = {
        name: {"zlib": True, "fletcher32": True}
        for name, variable in cube.variables.items()
        if variable.dtype.kind in "fiu" and variable.nbytes >= _COMPRESSED_BYTES
    }
    # Not in memory: such files have no order of their variables, and nothing can be added to them.
    with replacing(path) as temporary:
        # What the library says of a full disk is wrong, or nothing, and it keeps the file open.
        temporary.write_bytes(bytes(cube.nbytes + _OVERHEAD))
        try:
            marked = cube.assign_attrs({_CHECKSUM: "SHA-256 at the end of the file"})
            marked.to_netcdf(temporary, engine="netcdf4", encoding=encoding)
            content = temporary.read_bytes()
            read_dataset(content)
        except Exception as error:
            raise OSError(
                f"it cannot be written as NetCDF, or not be read back ({error})"
            ) from error
        with temporary.open("ab") as file:
            file.write(seal(content)[1])


def load_cube(path: _typing.PathLike) -> xr.Dataset:
    """Read a result cube that an assessment has written.

    Parameters
    ----------
    path : path-like
        A NetCDF file written by `EmergenceAssessment.to_netcdf`. Files of before, or of other
        programs, need not have a checksum.

    Returns
    -------
    xarray.Dataset
        The cube, in memory.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not NetCDF or not a cube, or is damaged.

    Warns
    -----
    UserWarning
        If the checksum that it was written with is gone.

    Examples
    --------
    >>> from sklearn_emerge import load_cube
    >>> load_cube("missing.nc")
    Traceback (most recent call last):
        ...
    FileNotFoundError: path='missing.nc' does not exist; pass a file written by to_netcdf.
    """
    found, name = check_given(path, "to_netcdf"), f"path={str(path)!r}"
    # What netCDF4 and xarray raise for files that are damaged or foreign is not documented, and
    # varies.
    try:
        content = read_sealed(found, required=False)
        cube = read_dataset(content)
    except Exception as error:
        # Of those with a file name it is not that of the file, but of its copy in memory.
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"{name} cannot be read as a cube ({reason}); pass a file written by to_netcdf."
        ) from error
    if cube.attrs.pop(_CHECKSUM, None) and len(content) == found.stat().st_size:
        warnings.warn(
            f"{name} was written with a checksum at its end and has none: it has been cut, or "
            "written anew by another program, and whether it is damaged cannot be told. Write it "
            "by to_netcdf again, or take another copy.",
            UserWarning,
            stacklevel=2,
        )
    cube = check_cube(cube, name)
    wrong = _find_wrong(cube)
    if wrong is not None:
        raise ValueError(_NOT_A_CUBE.format(name=name, reason=wrong))
    return cube


def read_dataset(content: bytes) -> xr.Dataset:
    """Return the data set in the bytes of a file."""
    with NETCDF4_PYTHON_LOCK, netCDF4.Dataset("cube.nc", memory=content) as file:
        _check_size(file, len(content))
        store = NetCDF4DataStore(file, lock=False)
        return xr.open_dataset(store, decode_timedelta=False).load()


def _check_size(file: netCDF4.Dataset, n_bytes: int) -> None:
    """Raise a ValueError if a file declares more than there can be in it."""
    declared = sum(
        prod(variable.shape) * getattr(variable.dtype, "itemsize", 1)
        for variable in file.variables.values()
    )
    if declared > _INFLATION * n_bytes:
        raise ValueError(f"it declares {declared:.0e} bytes of data and has {n_bytes:.0e} in all")


def _find_wrong(cube: xr.Dataset) -> str | None:
    """Return what is not as in a cube that an assessment has written, or None."""
    for dim in ("condition", "mode", "seed"):
        if dim not in cube.indexes or not cube.sizes[dim]:
            return f"it has no coordinate {dim}"
    if cube.seed.dtype.kind not in "iu":
        return "its coordinate seed is not of integers"
    for name, variable in cube.variables.items():
        if name in _TEXT:
            if not all(isinstance(value, str) for value in variable.values.flat):
                return f"{name} is not of text"
        elif name in VARIABLES and variable.dtype.kind not in "fiu":
            return f"{name} is not of numbers"
    grid = set(cube.nll.dims) - _DIMS["nll"]
    for name, dims in _DIMS.items():
        if name not in cube:
            return f"it has no variable {name}"
        if set(cube[name].dims) != dims | grid:
            return f"{name} has the dimensions ({', '.join(map(str, cube[name].dims))})"
    return None


_NOT_A_CUBE = (
    "{name} is not a cube of an EmergenceAssessment: {reason}. Pass cube_ or a file written by "
    "to_netcdf."
)


def check_cube(cube: xr.Dataset, name: str = "cube") -> xr.Dataset:
    """Raise a ValueError unless a data set has what every cube has; return it."""
    missing = [variable for variable in _REQUIRED if variable not in cube]
    if missing:
        reason = f"it has no variable {', '.join(missing)}"
        raise ValueError(_NOT_A_CUBE.format(name=name, reason=reason))
    return cube


def cube_of(cube: CubeSource) -> xr.Dataset:
    """Return the cube of a fitted assessment, a cube as it is, or that in a file."""
    if isinstance(cube, BaseEstimator):
        check_is_fitted(cube, "cube_")
        cube = cube.cube_
    if isinstance(cube, xr.Dataset):
        return check_joined(check_cube(cube))
    if not isinstance(cube, str | PathLike):
        raise TypeError(
            f"cube={type(cube).__name__} is no cube; pass a fitted EmergenceAssessment, its cube_, "
            "or the file that it was written to."
        )
    return check_joined(load_cube(cube))


def check_joined(cube: xr.Dataset) -> xr.Dataset:
    """Raise a ValueError if cubes were joined without their statistics; return the cube.

    Then it has more seeds, or more configurations, than its statistics are about.
    """
    run = json.loads(cube.attrs.get("configuration", "{}"))
    grid = [dim for dim in cube.nll.dims if dim not in _DIMS["nll"]]
    numbers = {
        "seeds": (cube.sizes.get("seed", 1), run.get("n_seeds")),
        "configurations": (prod(cube.sizes[dim] for dim in grid), run.get("n_configurations")),
    }
    for what, (found, known) in numbers.items():
        if known is not None and found > known:
            raise ValueError(
                f"The cube has {found} {what}, and its statistics are about {known}: cubes were "
                "joined without computing these anew. Join them by concat_cubes."
            )
    return cube


def check_configured(cube: xr.Dataset) -> xr.Dataset:
    """Raise a ValueError unless a cube has all dimensions, and says how it was made; return it."""
    for dim in _DIMS["nll"]:
        if dim not in cube.dims:
            raise ValueError(
                f"The cube has no dimension {dim}, which its claims are about; select values of "
                f"the parameters of the grid only, or keep the dimension: sel({dim}=[...])."
            )
    if "configuration" not in cube.attrs:
        raise ValueError(
            "The cube has lost its attribute configuration, which says how claims were tested; "
            "copy it from the cube that it comes from: cube.assign_attrs(original.attrs)."
        )
    return cube


def check_claimed(cube: xr.Dataset) -> xr.Dataset:
    """Raise a ValueError unless a cube has claims, and says how they were tested; return it."""
    if "claim_state" not in cube:
        raise ValueError(
            "The cube has no claims: it was written before verdicts followed from claims, so that "
            "nothing can be said of it in words. It still has its gains: cube.delta_nll are the "
            "numbers, AssessmentDisplay.from_cube and DecodingDisplay.from_cube plot them. Run the "
            "assessment again to have claims; of a published cube docs/reproduction.md has every "
            "number, and sklearn_emerge.reproduce.run_experiment('drift-gru', 'published') runs "
            "one again."
        )
    check_configured(cube)
    n_seeds, left = json.loads(cube.attrs["configuration"])["n_seeds"], cube.sizes["seed"]
    if left != n_seeds:
        raise ValueError(
            f"The cube has {left} seeds, but its claims are about {n_seeds}; pass the cube with "
            "all of them, or judge_cube(cube), which tests the claims of these."
        )
    return cube
