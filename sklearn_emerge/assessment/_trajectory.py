"""What is measured while networks train."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from sklearn.base import clone

from .._threads import one_thread
from .._typing import Floats
from ..measures._sequences import negative_log_likelihood
from ..predictors import BasePredictor
from ..worlds import Sample, World
from ._labels import OF_MEASURES, RESERVED, check_label, join
from ._notes import noted

Measure = Callable[[Any, Any], Any]
_OWN = ("nll", "train_loss")
# Dimensions of a cube that a measure cannot have.
TAKEN = tuple(dim for dim in RESERVED if dim not in OF_MEASURES)
# Sequences of each part on which measures and probes are tried before training.
TRIED = 50


class Timed(NamedTuple):
    """A measure, and the updates at which it is taken."""

    measure: Measure
    at: tuple[int, ...]


def check_record(
    record_at: ArrayLike | None, measures: Mapping[str, Any] | None
) -> tuple[tuple[int, ...], dict[str, Timed]]:
    """Return the updates at which to measure, and the measures, after checking them."""
    measures = {} if measures is None else dict(measures)
    if record_at is None:
        if measures:
            raise ValueError(
                "measures are given, but record_at is None; say at which updates they are taken, "
                "for instance record_at=[0, 100, 1000]."
            )
        return (), {}
    steps = _updates(f"record_at={record_at!r}", record_at)
    timed = {}
    for name, given in measures.items():
        if not isinstance(name, str) or not name.isidentifier() or name in _OWN:
            raise ValueError(
                f"measures has the name {name!r}; pass names that are identifiers, and not "
                f"{' or '.join(map(repr, _OWN))}, which are always recorded."
            )
        pair = isinstance(given, tuple) and len(given) == 2
        measure, at = given if pair else (given, steps)
        if not callable(measure):
            raise ValueError(
                f"measures[{name!r}]={given!r} is not callable; pass a function of (predictor, "
                "evaluation), or, for some of record_at only, (function, [0, 1000])."
            )
        at = _updates(f"measures[{name!r}] at {at!r}", at)
        unknown = [step for step in at if step not in steps]
        if unknown:
            raise ValueError(
                f"measures[{name!r}] is to be taken at update {unknown[0]}, which is not in "
                f"record_at={record_at!r}; add it there, or choose from these."
            )
        timed[name] = Timed(measure, at)
    return steps, timed


def _updates(what: str, value: ArrayLike) -> tuple[int, ...]:
    """Return numbers of updates, or raise a ValueError unless they increase from 0 or later."""
    steps = np.asarray(value)
    whole = steps.ndim == 1 and steps.size and np.issubdtype(steps.dtype, np.integer)
    if not whole or steps[0] < 0 or (np.diff(steps) <= 0).any():
        raise ValueError(
            f"{what} must be increasing numbers of updates, for instance [0, 100, 1000]."
        )
    return tuple(steps.tolist())


def try_measures(
    measures: Mapping[str, Timed],
    world: World,
    model: BasePredictor,
    sizes: tuple[int, int],
    grid: Sequence[str],
) -> None:
    """Take each measure of an untrained network once, so that bad ones fail before training.

    Parameters
    ----------
    measures : dict of str to Timed
        The measures.
    world : World
        The world of a condition.
    model : predictor
        Its model.
    sizes : (int, int)
        Numbers of sequences for training and evaluation.
    grid : sequence of str
        Names of the dimensions of the grid.

    Raises
    ------
    ValueError
        If one cannot be taken there, or returns something else than it should.
    """
    train, evaluation = world.split(*sizes, 0)
    evaluation.train = train
    with one_thread():
        predictor = fit_untrained(model, train.X)
        for name, (measure, _) in measures.items():
            # A copy: a measure that keeps something is the same afterwards, and in the store.
            with noted(f"This happened in measures[{name!r}]."):
                labelled_value(name, deepcopy(measure)(predictor, evaluation), (*TAKEN, *grid))


def fit_untrained(model: BasePredictor, X: Floats) -> BasePredictor:
    """Return a clone of a model, fitted without training if it knows how to."""
    predictor = clone(model)
    if "training" in predictor.get_params():
        predictor.set_params(training="random")
    return predictor.fit(X)


class Recorder:
    """Takes measures of networks while they train.

    Parameters
    ----------
    at : tuple of int
        Updates.
    measures : dict of str to Timed
        Functions of (predictor, evaluation) that return a number, a mapping of names to
        numbers, or a DataArray with coordinates; and at which of these updates.
    evaluations : list of Sample
        Evaluation sequences of each seed.
    seeds : sequence of int
        The seeds; they are told by their places among these.
    """

    def __init__(
        self,
        at: tuple[int, ...],
        measures: Mapping[str, Timed],
        evaluations: Sequence[Sample],
        seeds: Sequence[int],
    ) -> None:
        self.at = at
        self.measures = measures
        self.evaluations = evaluations
        self.seeds = list(seeds)
        self.first_: dict[str, xr.DataArray] = {}
        self.values_: dict[str, xr.DataArray] = {}

    def __call__(
        self, place: int, step: int | None, predictor: BasePredictor, train_loss: float = np.nan
    ) -> None:
        """Measure one network after an update; None means all of them, if nothing is trained."""
        evaluation, seed = self.evaluations[place], self.seeds[place]
        with one_thread():
            found: dict[str, Any] = {"nll": negative_log_likelihood(predictor, evaluation)}
            found["train_loss"] = train_loss
            found = {name: labelled_value(name, value, TAKEN) for name, value in found.items()}
            for name, (measure, at) in self.measures.items():
                if step is not None and step not in at:
                    continue
                when = "" if step is None else f"update {step} of "
                with noted(f"This happened in measures[{name!r}], {when}seed {seed}."):
                    found[name] = labelled_value(name, measure(predictor, evaluation), TAKEN)
        for name, value in found.items():
            if name not in self.values_:
                dims = {"seed": self.seeds, "step": list(self.at)}
                self.first_[name] = value
                self.values_[name] = xr.full_like(value, np.nan).expand_dims(dims).copy()
            first = self.first_[name]
            numbered = {dim for dim in value.dims if value[dim].dtype.kind in "iuf"}
            others = [dim for dim in value.dims if dim not in numbered]
            if value.dims != first.dims or not all(value[d].equals(first[d]) for d in others):
                raise ValueError(
                    f"measures[{name!r}] returned other names than before: {value.coords} and "
                    f"{first.coords}; return the same every time."
                )
            # Numbers, as the depths that there are in a sample, may differ.
            known = self.values_[name]
            labels = {dim: join(known.indexes[dim], value.indexes[dim]) for dim in numbered}
            self.values_[name] = known.reindex(labels)
            steps = list(self._taken_at(name)) if step is None else step
            self.values_[name].loc[{"seed": seed, "step": steps}] = value.reindex(labels)

    def _taken_at(self, name: str) -> tuple[int, ...]:
        """Return the updates of a measure, or of what is always recorded."""
        return self.measures[name].at if name in self.measures else self.at

    def of(self, place: int) -> dict[str, xr.DataArray]:
        """Return the measures of a network by name, with the dimensions seed and step first."""
        return {name: values.isel(seed=[place]) for name, values in self.values_.items()}


def joined_records(found: Sequence[Mapping[str, xr.DataArray]]) -> dict[str, xr.DataArray]:
    """Return what was recorded of each seed along all of them, by name; see `Recorder.of`."""
    return {name: _joined([each[name] for each in found]) for name in found[0]}


def _joined(found: Sequence[xr.DataArray]) -> xr.DataArray:
    """Return a measure along seeds; where it has numbers as labels, these may differ."""
    labels: dict[Any, Any] = {}
    for values in found:
        for dim in values.dims[2:]:
            if values[dim].dtype.kind in "iuf":
                index = values.indexes[dim]
                labels[dim] = join(labels.get(dim, index), index)
    found = [values.reindex(labels) for values in found]
    return xr.concat(found, "seed", join="exact", coords="minimal", compat="override")


def labelled_value(name: str, value: Any, taken: Collection[str]) -> xr.DataArray:
    """Return what a measure has returned as a DataArray of floats with coordinates.

    Parameters
    ----------
    name : str
        Name of the measure.
    value : number, mapping or DataArray
        What it has returned.
    taken : sequence of str
        Dimensions that it must not have.

    Returns
    -------
    DataArray

    Raises
    ------
    ValueError
        If it is nothing of these, or its labels do not fit a cube.
    """
    if isinstance(value, Mapping):
        labels = list(map(str, value))
        for label in labels:
            check_label(f"measures[{name!r}]", label)
        value = xr.DataArray(list(value.values()), {f"{name}_item": labels})
    elif isinstance(value, Real):
        value = xr.DataArray(float(value))
    if not isinstance(value, xr.DataArray) or not _is_labelled(value):
        raise ValueError(
            f"measures[{name!r}] returned {value!r}; it must return a number, a mapping of names "
            "to numbers, or a DataArray with a coordinate for each dimension. Other coordinates "
            "must be numbers along one dimension."
        )
    if not all(value.indexes[dim].is_unique for dim in value.dims):
        raise ValueError(
            f"measures[{name!r}] returned a label twice: {value.coords}; give each value its own."
        )
    both = [dim for dim in value.dims if dim in taken]
    both += [name for name in value.coords if name in TAKEN and name not in value.dims]
    if both:
        raise ValueError(
            f"measures[{name!r}] returned the dimension {both[0]!r}, which the cube has already; "
            "call it something else."
        )
    return value.astype(np.float64)


def _is_labelled(value: xr.DataArray) -> bool:
    """Return whether each dimension has labels, and other coordinates are numbers along one."""
    others = [each for name, each in value.coords.items() if name not in value.dims]
    return set(value.dims) <= set(value.coords) and all(
        each.ndim == 1 and each.dtype.kind in "iuf" for each in others
    )
