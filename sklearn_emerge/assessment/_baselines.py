"""Units of work: the predictors that networks of one configuration are compared with."""

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils import Bunch

from .._random import integer_seed
from .._threads import computed_ahead, one_thread
from .._typing import Floats, PathLike
from ..ceilings._of_world import optimal_predictor
from ..measures._sequences import negative_log_likelihood
from ..predictors import (
    AutoregressivePredictor,
    EchoStatePredictor,
    LinearFilterPredictor,
    MarkovPredictor,
    SeasonalPredictor,
)
from ..predictors._base import BasePredictor
from ..predictors._neural import NeuralPredictor
from ..predictors._scale import spread_known
from ..worlds import Sample, World
from ..worlds._sample import rows_of
from ._design import of_seed
from ._labels import STRUCTURED
from ._left_alone import LeftAlone, final_errors
from ._networks import answered, groups_of, status_of
from ._notes import noted
from ._progress import ProgressFile
from ._work import Work, along_seeds

Splits: TypeAlias = Sequence[tuple[Sample, Sample]]
# What computes a function of many things: `map`, or the same in threads.
Compute: TypeAlias = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
# With so many training sequences a single fold tells which baseline is best; with fewer there is
# one of each seed, and so many at least.
MANY, N_FOLDS = 250, 5
# What a network that is left alone is compared with: what a linear law can do, and a random core.
_LEFT_ALONE = {
    "flow_error_linear": (
        LinearFilterPredictor,
        AutoregressivePredictor,
        MarkovPredictor,
        SeasonalPredictor,
    ),
    "flow_error_reservoir": (EchoStatePredictor,),
}


@dataclass(frozen=True)
class Baselines(Work):
    """The baselines of one configuration in all conditions, and its optimal predictors.

    The reference, the best of the candidates, and the best of all baselines are chosen on training
    sequences that they were not fitted to: what scores best on those that it has seen would favour
    the baseline with most parameters. They are those of the first seed, and where these are few
    those of all. The best of all is that of the structured world in every condition; in a null the
    others, but for the candidates, are left out.

    Attributes
    ----------
    design : Design
        Seeds and their sequences.
    worlds : dict of str to World
        The structured world and its nulls, by condition.
    baselines : dict of str to dict of str to predictor
        The baselines by name, by condition.
    candidates : list of str
        Names of those among which the reference is chosen.
    scoring : dict of str to dict
        ``likelihood`` and ``noise_std`` of the model, by which the optimal predictor is scored, by
        condition.
    makers : dict of str to callable or None
        What makes the optimal predictor of each world, None if it is not known, by condition.
    left_alone : LeftAlone or None
        What those are compared with that are left alone in the structured world; None leaves that
        out.
    """

    worlds: dict[str, World]
    baselines: dict[str, dict[str, BasePredictor]]
    candidates: list[str]
    scoring: dict[str, dict[str, Any]]
    makers: dict[str, Callable[[], BasePredictor] | None]
    left_alone: LeftAlone | None = None

    @property
    def seeds(self) -> range:
        """The seeds that are scored: the first, if all share their sequences."""
        return range(1) if self.design.shared_data else range(self.design.n_seeds)

    @property
    def depends_on_all(self) -> bool:
        """Whether the sequences of all seeds tell which baseline is best, as few of them do."""
        return not self.design.shared_data and self.design.n_train < MANY

    def measure(
        self,
        seeds: Sequence[int],
        known: Mapping[int, Bunch],
        progress_file: PathLike | None = None,
        checkpoint_folder: PathLike | None = None,
    ) -> list[Bunch]:
        """Score them in some seeds; for seeds that are known the best have been chosen.

        There are ``nll_baseline``, ``accuracy_baseline`` (NaN if it is left out) and
        ``status_baseline`` of each condition and baseline, ``nll_optimal`` of each condition (NaN
        if unknown), ``reference``, ``best_baseline`` and ``ceiling`` of each condition, and
        ``flow``: by name the errors of those that were left alone. What takes so little time
        begins anew, and needs no folder.
        """
        progress = ProgressFile(progress_file)
        chosen = next(iter(known.values()), None)
        found: list[list[dict[str, Any]]] = []
        best = None if chosen is None else str(chosen.best_baseline[0])
        for i, condition in enumerate(self.worlds):
            reference = None if chosen is None else str(chosen.reference[i])

            def follow(place: int, n_before: int = 2 + i * len(seeds)) -> None:
                # To choose takes as long as two seeds.
                progress.follow((n_before + place) / (2 + len(self.worlds) * len(seeds)))

            with noted(f"This happened in the condition {condition!r}."):
                found.append(self._score(condition, seeds, reference, best, follow))
            best = found[0][0]["best_baseline"]
        # Only the first condition, which is the world itself, has errors of what is left alone.
        flows = [one.pop("flow") for one in found[0]]
        return [
            Bunch(flow=flow, **{name: np.array([one[name] for one in each]) for name in each[0]})
            for flow, each in zip(flows, zip(*found, strict=True), strict=True)
        ]

    def join(self, found: Sequence[Bunch]) -> Bunch:
        """Return what was found of all seeds, in arrays of conditions and seeds.

        Only tasks of outcomes have ``accuracy_baseline``; ``flow`` has DataArrays of seeds.
        """
        first = found[0]
        each = [of_seed(found, seed) for seed in range(self.design.n_seeds)]
        by_seed = ["nll_baseline", "status_baseline", "nll_optimal"]
        if np.isfinite([one.accuracy_baseline[0] for one in found]).any():
            by_seed.append("accuracy_baseline")
        result = Bunch(**{name: first[name] for name in ("reference", "best_baseline", "ceiling")})
        for name in by_seed:
            result[name] = np.stack([one[name] for one in each], axis=1)
        result.flow = along_seeds(
            [
                {name: errors.assign_coords(seed=seed) for name, errors in one.flow.items()}
                for seed, one in enumerate(each)
            ]
        )
        return result

    def _score(
        self,
        condition: str,
        seeds: Sequence[int],
        reference: str | None,
        best: str | None,
        follow: Callable[[int], None],
    ) -> list[dict[str, Any]]:
        """Return what is measured of each seed in one condition, by name.

        The reference, and the best of all, are chosen if they are None.
        """
        world, baselines = self.worlds[condition], self.baselines[condition]
        splits = self.design.splits(world)
        alone = self.left_alone if condition == STRUCTURED else None
        measure = None if alone is None else alone.ready()

        def fitted(name: str, seed: int, X: Floats) -> BasePredictor:
            baseline = _seeded(baselines[name], self.design.stream("baseline", name, seed))
            with spread_known(world.recorded_spread):
                return baseline.fit(X)

        def score(
            one: tuple[int, str],
        ) -> tuple[float, str, float | None, dict[str, xr.DataArray]]:
            """Return loss, status, accuracy (None where none is given), and errors by role."""
            seed, name = one
            train, evaluation = splits[seed]
            predictor = fitted(name, seed, train.X)
            loss = negative_log_likelihood(predictor, evaluation)
            share = answered(predictor, evaluation, loss).get("accuracy")
            errors = {}
            if measure is not None:
                for role in _roles(predictor):
                    errors[role] = measure(predictor, evaluation, self.design, seed)
            return loss, status_of(predictor, loss), share, errors

        # Their results are numbers: none is waited for.
        ahead: Compute = partial(computed_ahead, n_waiting=len(baselines) * len(seeds))
        compute = ahead if all(map(_is_ours, baselines.values())) else map
        with one_thread(), spread_known(world.recorded_spread), warnings.catch_warnings():
            # That is what the status is for.
            warnings.simplefilter("ignore", ConvergenceWarning)
            if reference is None:
                reference = _choose(self.candidates, splits, fitted, compute)
            best = _choose(baselines, splits, fitted, compute) if best is None else best
            scored: Collection[str] = (
                baselines if condition == STRUCTURED else {*self.candidates, best}
            )
            nll = np.full((len(seeds), len(baselines)), np.nan)
            status, accuracy = np.full(nll.shape, "left out", object), np.full(nll.shape, np.nan)
            names = [(i, name) for i, name in enumerate(baselines) if name in scored]
            places = [(place, i) for place in range(len(seeds)) for i, _ in names]
            ones = [(seed, name) for seed in seeds for _, name in names]
            reached: int | None = None
            left_alone: list[dict[str, list[xr.DataArray]]] = [{} for _ in seeds]
            for where, found in zip(places, compute(score, ones), strict=True):
                if where[0] != reached:
                    reached = where[0]
                    follow(reached)
                nll[where], status[where], share, flow = found
                accuracy[where] = np.nan if share is None else share
                for role, errors in flow.items():
                    left_alone[where[0]].setdefault(role, []).append(errors)
            scoring, maker = self.scoring[condition], self.makers[condition]
            optimal = optimal_predictor(world, **scoring, maker=maker)
            nll_optimal = np.full(len(seeds), np.nan)
            for place, seed in enumerate(seeds):
                if optimal is None:
                    break
                evaluation = splits[seed][1]
                if measure is not None:
                    errors = measure(optimal, evaluation, self.design, seed)
                    left_alone[place]["flow_error_optimal"] = [errors]
                nll_optimal[place] = negative_log_likelihood(optimal, evaluation)
        of_all = {"reference": reference, "best_baseline": best}
        of_all["ceiling"] = world.ceiling or "unknown"
        return [
            of_all
            | {
                "flow": _of_the_best(left_alone[place]),
                "nll_baseline": nll[place],
                "status_baseline": status[place],
                "accuracy_baseline": accuracy[place],
                "nll_optimal": nll_optimal[place],
            }
            for place in range(len(seeds))
        ]


def _roles(predictor: BasePredictor) -> list[str]:
    """Return the names under which the errors of a baseline that is left alone are kept."""
    return [name for name, kinds in _LEFT_ALONE.items() if isinstance(predictor, kinds)]


def _of_the_best(left_alone: Mapping[str, Sequence[xr.DataArray]]) -> dict[str, xr.DataArray]:
    """Return by name the errors of the predictor that is best when left alone."""
    return {name: min(errors, key=final_errors) for name, errors in left_alone.items()}


def _seeded(baseline: BasePredictor, stream: np.random.SeedSequence) -> BasePredictor:
    """Return a clone whose `random_state` is set from a stream if it is None."""
    baseline = clone(baseline)
    if baseline.get_params(deep=False).get("random_state", 0) is None:
        baseline.set_params(random_state=integer_seed(stream))
    return baseline


def _is_ours(baseline: BasePredictor) -> bool:
    """Return whether several of a kind can be fitted at once, in threads, as those here can.

    Not networks, for which torch has one stream of random numbers.
    """
    ours = type(baseline).__module__.startswith(BasePredictor.__module__.rpartition(".")[0])
    return ours and not isinstance(baseline, NeuralPredictor)


def _choose(
    names: Iterable[str],
    splits: Splits,
    fitted: Callable[[str, int, Floats], BasePredictor],
    compute: Compute = map,
) -> str:
    """Return the baseline that is best on training sequences that it was not fitted to."""
    losses = dict.fromkeys(names, 0.0)
    by_seed = [(train, _folds(train)) for train, _ in splits]
    n_folds = len(by_seed[0][1])
    n_sequences = len(splits[0][0].X)
    for i in range(1 if n_sequences >= MANY else max(n_folds, len(splits))):
        sample, folds = by_seed[i % len(splits)]
        used, left_out = folds[-1 - i % len(folds)]
        part, kept = rows_of(sample, left_out), sample.X[used]

        def score(name: str, kept: Floats = kept, part: Sample = part) -> float:
            return negative_log_likelihood(fitted(name, 0, kept), part)

        for name, loss in zip(names, compute(score, names), strict=True):
            losses[name] += loss
    return min(losses, key=lambda name: np.nan_to_num(losses[name], nan=np.inf))


def _folds(sample: Sample) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the folds of a sample by which baselines are chosen, over its units."""
    groups = groups_of(sample, len(sample.X))
    if groups is None:
        return list(KFold(min(N_FOLDS, len(sample.X) // 2)).split(sample.X))
    splitter = GroupKFold(min(N_FOLDS, len(np.unique(groups))))
    return list(splitter.split(sample.X, groups=groups))
