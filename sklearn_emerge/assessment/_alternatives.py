"""Units of work: all that the networks of one configuration are compared with."""

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

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
from ..measures._reservoir import nll_of_cores
from ..measures._sequences import negative_log_likelihood
from ..predictors import (
    AutoregressivePredictor,
    EchoStatePredictor,
    LinearFilterPredictor,
    MarkovPredictor,
    SeasonalPredictor,
)
from ..predictors._base import BasePredictor
from ..predictors._echo_state import N_TUNED
from ..predictors._last_inputs import windows_of
from ..predictors._neural import NeuralPredictor
from ..predictors._scale import spread_known
from ..probes import score_inputs
from ..worlds import Sample, World
from ..worlds._sample import rows_of
from ._design import Design, of_seed
from ._labels import STRUCTURED
from ._left_alone import TINY, LeftAlone, final_errors
from ._networks import answered, groups_of, probe_options, status_of
from ._notes import noted
from ._progress import ProgressFile

Splits: TypeAlias = Sequence[tuple[Sample, Sample]]
# What computes a function of many things: `map`, or the same in threads.
Compute: TypeAlias = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
# With so many training sequences a single fold tells which baseline is best; with fewer there is
# one of each seed, and so many at least.
MANY, N_FOLDS = 250, 5
# Seeds of the curve of random cores, and its training sequences: at least so many, or a tenth. Its
# heads need fewer than networks.
CORE_SEEDS, CORE_SEQUENCES = 3, 500
# Sequences in which large ones are left alone.
N_LEFT_ALONE = 100
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
class Baselines:
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

    design: Design
    worlds: dict[str, World]
    baselines: dict[str, dict[str, BasePredictor]]
    candidates: list[str]
    scoring: dict[str, dict[str, Any]]
    makers: dict[str, Callable[[], BasePredictor] | None]
    left_alone: LeftAlone | None = None

    def run(
        self, progress_file: PathLike | None = None, checkpoint_folder: PathLike | None = None
    ) -> Bunch:
        """Score them all.

        Parameters
        ----------
        progress_file : path-like or None, default=None
            Where to report how much is done.
        checkpoint_folder : path-like or None, default=None
            Not used: what takes so little time begins anew.

        Returns
        -------
        Bunch
            ``nll_baseline`` (and of a task of outcomes ``accuracy_baseline``; NaN if it is left
            out) and ``status_baseline`` of each condition, seed and baseline, ``nll_optimal`` of
            each condition and seed (NaN if unknown),
            ``reference``, ``best_baseline`` and ``ceiling`` of each condition, and ``flow``: by
            name the errors of those that were left alone, DataArrays of seeds.
        """
        progress, best = ProgressFile(progress_file), None
        found: list[dict[str, Any]] = []
        flow: dict[str, xr.DataArray] = {}
        n_seeds = 1 if self.design.shared_data else self.design.n_seeds
        for i, condition in enumerate(self.worlds):

            def follow(seed: int, n_before: int = 2 + i * n_seeds) -> None:
                # To choose takes as long as two seeds.
                progress.follow((n_before + seed) / (2 + len(self.worlds) * n_seeds))

            with noted(f"This happened in the condition {condition!r}."):
                found.append(self._score(condition, best, follow))
            flow |= found[-1].pop("flow")
            best = found[0]["best_baseline"]
        result = Bunch(**{name: np.array([each[name] for each in found]) for name in found[0]})
        result.flow = flow
        return result

    def _score(
        self, condition: str, best: str | None, follow: Callable[[int], None]
    ) -> dict[str, Any]:
        """Return what is measured in one condition, by name; the best is chosen if it is None."""
        world, baselines = self.worlds[condition], self.baselines[condition]
        splits, n_seeds = self.design.splits(world), self.design.n_seeds
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

        compute: Compute = computed_ahead if all(map(_is_ours, baselines.values())) else map
        with one_thread(), spread_known(world.recorded_spread), warnings.catch_warnings():
            # That is what the status is for.
            warnings.simplefilter("ignore", ConvergenceWarning)
            reference = _choose(self.candidates, splits, fitted, compute)
            best = _choose(baselines, splits, fitted, compute) if best is None else best
            scored: Collection[str] = (
                baselines if condition == STRUCTURED else {*self.candidates, best}
            )
            nll = np.full((len(splits), len(baselines)), np.nan)
            status, accuracy = np.full(nll.shape, "left out", object), np.full(nll.shape, np.nan)
            ones = [(s, name) for s in range(len(splits)) for name in baselines if name in scored]
            places = [(seed, list(baselines).index(name)) for seed, name in ones]
            reached: int | None = None
            left_alone: dict[str, dict[int, list[xr.DataArray]]] = {}
            for place, found in zip(places, compute(score, ones), strict=True):
                seed, _ = place
                if seed != reached:
                    reached = seed
                    follow(seed)
                nll[place], status[place], share, flow = found
                accuracy[place] = np.nan if share is None else share
                for role, errors in flow.items():
                    left_alone.setdefault(role, {}).setdefault(seed, []).append(errors)
            scoring, maker = self.scoring[condition], self.makers[condition]
            optimal = optimal_predictor(world, **scoring, maker=maker)
            if measure is not None and optimal is not None:
                left_alone["flow_error_optimal"] = {
                    seed: [measure(optimal, evaluation, self.design, seed)]
                    for seed, (_, evaluation) in enumerate(splits)
                }
            nll_optimal = [
                np.nan if optimal is None else negative_log_likelihood(optimal, evaluation)
                for _, evaluation in splits
            ]
        answers = {"accuracy_baseline": np.broadcast_to(accuracy, (n_seeds, len(baselines)))}
        return (answers if np.isfinite(accuracy).any() else {}) | {
            "flow": _of_the_best(left_alone, n_seeds),
            "nll_baseline": np.broadcast_to(nll, (n_seeds, len(baselines))),
            "status_baseline": np.broadcast_to(status, (n_seeds, len(baselines))),
            "nll_optimal": np.broadcast_to(nll_optimal, n_seeds),
            "reference": reference,
            "best_baseline": best,
            "ceiling": world.ceiling or "unknown",
        }


def _roles(predictor: BasePredictor) -> list[str]:
    """Return the names under which the errors of a baseline that is left alone are kept."""
    return [name for name, kinds in _LEFT_ALONE.items() if isinstance(predictor, kinds)]


def _of_the_best(
    left_alone: Mapping[str, Mapping[int, Sequence[xr.DataArray]]], n_seeds: int
) -> dict[str, xr.DataArray]:
    """Return by name the errors of the predictor that is best when left alone, along seeds."""
    found = {}
    for name, by_seed in left_alone.items():
        best = [min(errors, key=final_errors) for errors in by_seed.values()]
        all_seeds = [of_seed(best, seed).assign_coords(seed=seed) for seed in range(n_seeds)]
        found[name] = xr.concat(all_seeds, "seed", join="exact")
    return found


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


@dataclass(frozen=True)
class Windows:
    """Probes of the last inputs in place of hidden states, in the structured world.

    Attributes
    ----------
    design : Design
        Seeds and their sequences.
    world : World
        The structured world.
    n_lags : int
        Inputs, as many as the network has units, as far as a probe can read so many.
    time_channel : {"full_time", None}
        "full_time" adds the clock to them.
    n_tokens : int, "auto" or None
        Size of the vocabulary if they are tokens; None if they are quantities.
    probe, n_probe
        As in `EmergenceAssessment`.
    """

    design: Design
    world: World
    n_lags: int
    time_channel: str | None
    n_tokens: int | str | None
    probe: Any
    n_probe: int

    def run(
        self, progress_file: PathLike | None = None, checkpoint_folder: PathLike | None = None
    ) -> Bunch:
        """Score them.

        Parameters
        ----------
        progress_file, checkpoint_folder
            As in `Baselines`.

        Returns
        -------
        Bunch
            ``probe_score_window`` and ``probe_score_window_shuffled``, from the inputs of other
            sequences, of each seed and latent.
        """
        progress = ProgressFile(progress_file)
        scores: dict[str, list[Floats]] = {
            "probe_score_window": [],
            "probe_score_window_shuffled": [],
        }
        splits, n_seeds = self.design.splits(self.world), self.design.n_seeds
        for seed in range(n_seeds):
            evaluation = of_seed(splits, seed)[1]
            X, latents = evaluation.X[: self.n_probe], evaluation.latents[: self.n_probe]
            roles = {name: getattr(self.world, name) for name in ("n_exogenous", "feedback")}
            windows = windows_of(X, self.n_lags, self.time_channel, self.n_tokens, **roles)
            stream = self.design.stream("probe", seed)
            options = probe_options(self.probe, evaluation, self.n_probe, stream)
            progress.follow(seed / n_seeds)
            with one_thread():
                found = score_inputs(windows, latents, stream, **options)
            for score, each in zip(found, scores.values(), strict=True):
                each.append(score)
        return Bunch(**{name: np.array(values) for name, values in scores.items()})


def count_core_sequences(n_train: int) -> int:
    """Return how many training sequences the curve of random cores takes."""
    return min(n_train, max(CORE_SEQUENCES, n_train // 10))


@dataclass(frozen=True)
class Cores:
    """Random cores of growing size, with heads in closed form, in the structured world.

    Attributes
    ----------
    design : Design
        Seeds and their sequences. The first seeds are enough, and a part of their training
        sequences.
    world : World
        The structured world.
    sizes : tuple of int
        Numbers of units.
    time_channel : {"full_time", None}
        Whether they see the clock.
    left_alone : LeftAlone or None
        What they are compared with when they are left alone; None leaves that out.
    """

    design: Design
    world: World
    sizes: tuple[int, ...]
    time_channel: Literal["full_time"] | None
    left_alone: LeftAlone | None = None

    def run(
        self, progress_file: PathLike | None = None, checkpoint_folder: PathLike | None = None
    ) -> Bunch:
        """Score them.

        Parameters
        ----------
        progress_file, checkpoint_folder
            As in `Baselines`.

        Returns
        -------
        Bunch
            ``nll_reservoir`` of each seed and size; NaN for the other seeds. And ``flow``, their
            errors when they are left alone, DataArrays of seeds and sizes.
        """
        progress, n_seeds = ProgressFile(progress_file), self.design.n_seeds
        splits = self.design.splits(self.world)
        nll, n_done = np.full((n_seeds, len(self.sizes)), np.nan), min(CORE_SEEDS, n_seeds)
        measure = None if self.left_alone is None else self.left_alone.ready()
        flow: list[xr.DataArray] = []
        for seed in range(n_done):
            progress.follow(seed / n_done)
            train, evaluation = of_seed(splits, seed)
            stream, clock = self.design.stream("core", seed), self.time_channel
            watch = None if measure is None else self._watch(measure, evaluation, seed, flow)
            with one_thread():
                X = train.X[: count_core_sequences(self.design.n_train)]
                sizes = self.sizes
                nll[seed] = nll_of_cores(self.world, X, evaluation, sizes, clock, stream, watch)
        if not flow:
            return Bunch(nll_reservoir=nll)
        places = [errors.expand_dims(("seed", "n_units")) for errors in flow]
        return Bunch(nll_reservoir=nll, flow={"flow_error_cores": xr.combine_by_coords(places)})

    def _watch(
        self,
        measure: Callable[..., xr.DataArray],
        evaluation: Sample,
        seed: int,
        flow: list[xr.DataArray],
    ) -> Callable[[EchoStatePredictor], None]:
        """Return a function that leaves cores of growing size alone, and notes their errors."""
        place = evaluation, self.design, seed
        medium: list[Any] = []

        def watch(core: EchoStatePredictor) -> None:
            if core.n_units <= N_TUNED:
                errors = measure(core, *place)
                medium[:] = errors, core
            else:
                # Large ones take long: in fewer sequences, by the ratio to one of medium size.
                errors, other = medium
                few = [measure(each, *place, N_LEFT_ALONE) for each in (core, other)]
                errors = errors * few[0] / few[1].clip(min=TINY)
            if core.n_units in self.sizes:
                flow.append(errors.assign_coords(n_units=core.n_units))

        return watch
