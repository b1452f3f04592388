"""A unit of work: the networks of one configuration in one condition and mode."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import Bunch

from .._random import integer_seed, substream
from .._threads import one_thread
from .._typing import Floats, PathLike
from ..likelihoods import LIKELIHOODS
from ..measures import memory_curve, outcome_accuracy
from ..measures._accuracy import is_of_outcomes
from ..measures._exchange import EXCHANGE, exchange_if_possible
from ..measures._sequences import negative_log_likelihood
from ..predictors._base import BasePredictor
from ..predictors._fit import KEPT, fit_replicas
from ..predictors._neural import NeuralPredictor
from ..predictors._scale import spread_known
from ..probes import control_states, score_probes
from ..training import N_PARTS, Checkpoints, TrainingContext
from ..worlds import Sample, World
from ._design import of_seed
from ._left_alone import LeftAlone
from ._progress import ProgressFile
from ._trajectory import Recorder, Timed, joined_records
from ._work import Work, along_seeds

# Evaluation sequences on which memory is measured, at most.
N_MEMORY = 100
_NO_TRAINING = np.full(N_PARTS, np.nan)
PROBE_SCORES = ("probe_score", "probe_score_shuffled", "probe_score_noise", "probe_accuracy")


@dataclass(frozen=True)
class Networks(Work):
    """The networks of one configuration in one condition and mode.

    Attributes
    ----------
    design : Design
        Seeds and their sequences.
    world : World
        The world of the condition.
    model : predictor
        The model, with the facts of the world filled in.
    mode : str
        Its training mode.
    probe : "auto", estimator or None
        As in `cross_validate_probe`; None leaves the probes out.
    n_probe : int
        Evaluation sequences for probing.
    with_memory : bool
        Whether to measure what networks owe to their memory.
    left_alone : LeftAlone or None
        What they are compared with when they are left alone in the structured world, those of a
        null, too; None leaves that out.
    record_at : tuple of int
        Updates at which measures are taken.
    measures : dict of str to Timed or None
        Measures to take there besides the negative log-likelihood.
    trained : list of dict (or by seed) or None
        Networks that are trained already, see `fit_replicas`.
    own : list of dict or None
        Parameters of the model that each seed has of its own: those of given networks.
    """

    world: World
    model: BasePredictor
    mode: str
    probe: Any
    n_probe: int
    with_memory: bool = False
    left_alone: LeftAlone | None = None
    record_at: tuple[int, ...] = ()
    measures: dict[str, Timed] | None = None
    trained: Sequence[Mapping[str, Any]] | Mapping[int, Mapping[str, Any]] | None = None
    own: list[dict[str, Any]] | None = None

    @property
    def n_updates(self) -> int:
        """Updates of the optimiser, of all seeds."""
        # An exact head takes none.
        in_closed_form = self.mode == "readout" and getattr(self.model, "head", None) == "exact"
        given = self.own is not None and self.own[0]["trained"].known
        given = (given and self.mode != "readout") or self.trained is not None
        at_rest = self.mode == "random" or in_closed_form or given
        return 0 if at_rest else getattr(self.model, "max_steps", 0) * self.design.n_seeds

    def of_any_seed(self) -> Self:
        """Return what all seeds have in common, by which their results are kept."""
        alike = super().of_any_seed()
        if self.trained is not None:
            alike = replace(alike, trained=[])
        return alike if self.own is None else replace(alike, own=[])

    def own_of(self, seed: int) -> Any:
        """Return the weights and parameters that a network has of its own, None if it has none."""
        found = [None if each is None else each[seed] for each in (self.trained, self.own)]
        return None if found == [None, None] else found

    def measure(
        self,
        seeds: Sequence[int],
        known: Mapping[int, Bunch],
        progress_file: PathLike | None = None,
        checkpoint_folder: PathLike | None = None,
    ) -> list[Bunch]:
        """Train and score the networks of some seeds, all at once where that is faster.

        Probe scores have one value a latent, losses in training one a block of updates; ``memory``
        and ``flow`` are DataArrays by name, ``trajectory``, see `Recorder`, too; and with a folder
        there are ``weights``, if these are all that training has made, and, of the first,
        ``troubles``, see `Checkpoints`.
        """
        splits = self.design.splits(self.world)
        progress = [] if progress_file is None else [ProgressFile(progress_file)]
        recorder = None
        if self.record_at:
            evaluations = [of_seed(splits, seed)[1] for seed in seeds]
            recorder = Recorder(self.record_at, self.measures or {}, evaluations, seeds)
        checkpoints = None
        if checkpoint_folder is not None:
            checkpoints = Checkpoints(checkpoint_folder, recorder)
        context = TrainingContext(tuple(progress), recorder, checkpoints)
        start = time.perf_counter()
        predictors = self._fit(splits, seeds, context)
        seconds = time.perf_counter() - start + (0 if checkpoints is None else checkpoints.seconds)
        found: list[Bunch] = []
        flow = self._flow(splits)
        for place, (seed, predictor) in enumerate(zip(seeds, predictors, strict=True)):
            for file in progress:
                file.follow(place / len(seeds))
            # One thread: the last digits must not depend on how many there are.
            with one_thread():
                evaluation = of_seed(splits, seed)[1]
                one = Bunch(**self._score(seed, predictor, evaluation))
                one.flow = flow(seed, predictor)
            one.fit_seconds = seconds / len(seeds)
            one.trajectory = {} if recorder is None else recorder.of(place)
            if checkpoints is not None and self._weights_are_all:
                one.weights = state_of(predictor)
            found.append(one)
        if checkpoints is not None:
            found[0].troubles = checkpoints.troubles
        return found

    def join(self, found: Sequence[Bunch]) -> Bunch:
        """Return one value a seed; what is a DataArray has seeds as its first dimension."""
        by_name = "memory", "flow", "trajectory"
        result = along_seeds(
            [{name: value for name, value in each.items() if name not in by_name} for each in found]
        )
        # All seeds have as many weights.
        result.n_parameters = result.n_parameters[0]
        for name in ("memory", "flow"):
            result[name] = along_seeds([each[name] for each in found])
        result.trajectory = joined_records([each.trajectory for each in found])
        return result

    @property
    def _weights_are_all(self) -> bool:
        """Whether networks can be made of their weights again, and take time to be trained."""
        model = self.model
        known = isinstance(model, NeuralPredictor) and model._resumable and not model.callbacks
        return known and self.mode == "full"

    def refit(self, seed: int, weights: Mapping[str, Any] | None = None) -> BasePredictor:
        """Return the network of one seed, as `run` has it.

        Parameters
        ----------
        seed : int
            The seed.
        weights : dict or None, default=None
            Its state, see `state_of`, if it need not be trained.

        Returns
        -------
        predictor
        """
        # Weights from the store stand where those of a reproduction do.
        known = self if weights is None else replace(self, trained={seed: weights})
        splits = self.design.splits(self.world)
        return known._fit(splits, [seed], TrainingContext())[0]

    def splits(self, seed: int) -> tuple[Sample, Sample]:
        """Return the training and evaluation sequences of a seed."""
        return of_seed(self.design.splits(self.world), seed)

    def _fit(
        self,
        splits: Sequence[tuple[Sample, Sample]],
        seeds: Sequence[int],
        context: TrainingContext,
    ) -> list[BasePredictor]:
        """Fit the model once for each of some seeds."""
        shared = len(splits) == 1
        samples = [train for train, _ in (splits if shared else [splits[s] for s in seeds])]
        trained, own = (
            None if each is None else [each[seed] for seed in seeds]
            for each in (self.trained, self.own)
        )
        streams = [integer_seed(self.design.stream("model", seed)) for seed in seeds]
        with spread_known(self.world.recorded_spread):
            model = self.model
            return _fit_seeds(model, self.mode, samples, streams, context, trained, own)

    def _flow(
        self, splits: Sequence[tuple[Sample, Sample]]
    ) -> Callable[[int, BasePredictor], dict[str, xr.DataArray]]:
        """Return a function of a seed and its network that measures it when it is left alone."""
        alone = self.left_alone
        if alone is None:
            return lambda seed, predictor: {}
        splits = splits if alone.world is self.world else self.design.splits(alone.world)
        measure = alone.ready()

        def flow(seed: int, predictor: BasePredictor) -> dict[str, xr.DataArray]:
            evaluation = of_seed(splits, seed)[1]
            return {"flow_error": measure(predictor, evaluation, self.design, seed)}

        return flow

    def _score(self, seed: int, predictor: BasePredictor, evaluation: Sample) -> dict[str, Any]:
        """Return what is measured of the network of one seed, by name."""
        nll = negative_log_likelihood(predictor, evaluation)
        found: dict[str, Any] = {
            "nll": nll,
            "status": status_of(predictor, nll),
            "n_parameters": getattr(predictor, "n_parameters_", 0),
            "training_loss": getattr(predictor, "training_loss_", _NO_TRAINING),
            "validation_loss": getattr(predictor, "validation_loss_", _NO_TRAINING),
            "stopped_at": getattr(predictor, "stopped_at_", np.nan),
            "memory": {},
            **answered(predictor, evaluation, nll),
        }
        if self.with_memory and np.isfinite(nll):
            for name, values in _measure_memory(predictor, evaluation).items():
                found["memory"][name] = values.assign_coords(seed=seed)
        probing = self.probe is not None and evaluation.latents is not None
        if probing and hasattr(predictor, "transform") and np.isfinite(nll):
            stream = self.design.stream("probe", seed)
            return found | _probe_scores(predictor, evaluation, self.probe, self.n_probe, stream)
        return found | dict.fromkeys(PROBE_SCORES, np.full(len(evaluation.latent_names), np.nan))


def _fit_seeds(
    model: BasePredictor,
    mode: str,
    samples: Sequence[Sample],
    seeds: Sequence[int],
    context: TrainingContext,
    trained: Sequence[Mapping[str, Any]] | None,
    own: Sequence[Mapping[str, Any]] | None,
) -> list[BasePredictor]:
    """Fit the model once a seed, in a training mode if it has any."""
    if isinstance(model, NeuralPredictor):
        model = clone(model).set_params(training=mode)
        groups = [sample.groups for sample in samples]
        return fit_replicas(
            model, [sample.X for sample in samples], seeds, context, trained, own, groups
        )
    samples = [sample.X for sample in samples]
    model, known = clone(model), model.get_params(deep=False)
    if "training" in known:
        model.set_params(training=mode)
    if "random_state" in known:
        of_seeds = samples * len(seeds) if len(samples) == 1 else samples
        fitted = [
            clone(model).set_params(random_state=seed).fit(X)
            for seed, X in zip(seeds, of_seeds, strict=True)
        ]
    elif len(samples) == 1:
        # Without randomness of its own it is the same for all seeds.
        fitted = [model.fit(samples[0])] * len(seeds)
    else:
        fitted = [clone(model).fit(X) for X in samples]
    # That of an assessment is a `Recorder`.
    recorder: Any = context.recorder
    if recorder is not None:
        for seed, predictor in enumerate(fitted):
            recorder(seed, None, predictor)
    return fitted


def state_of(predictor: NeuralPredictor) -> dict[str, Any]:
    """Return what is kept of a network, as `fit_replicas` takes it."""
    state = {name: w.cpu().numpy().copy() for name, w in predictor.network_.state_dict().items()}
    return state | {name: getattr(predictor, f"{name}_") for name in KEPT}


def groups_of(sample: Sample, n_sequences: int) -> NDArray[Any] | None:
    """Return the groups of the first sequences, None if they have none."""
    return None if sample.groups is None else sample.groups[:n_sequences]


def answered(predictor: BasePredictor, evaluation: Sample, nll: float) -> dict[str, float]:
    """Return the accuracy of a predictor of a task whose answers are outcomes, by name."""
    if evaluation.world.feedback or not is_of_outcomes(LIKELIHOODS[predictor.likelihood_]):
        return {}
    return {"accuracy": outcome_accuracy(predictor, evaluation) if np.isfinite(nll) else np.nan}


def status_of(predictor: BasePredictor, nll: float) -> str:
    """Return how a fit has ended."""
    if not np.isfinite(nll):
        return "diverged"
    return "ok" if getattr(predictor, "converged_", True) else "head not converged"


def _measure_memory(predictor: BasePredictor, evaluation: Sample) -> dict[str, xr.DataArray]:
    """Return what a predictor owes to its memory: the curve, if there is a state; the exchange."""
    entries = exchange_if_possible(predictor, evaluation, N_MEMORY)
    curve = xr.DataArray([np.nan], {"window": [evaluation.X.shape[1]]})
    if hasattr(predictor, "score_from_last"):
        curve = memory_curve(predictor, evaluation, n_sequences=N_MEMORY)
    exchange = xr.DataArray(entries, {"exchange": list(EXCHANGE)})
    return {"nll_memory": curve, "state_exchange": exchange}


def probe_options(
    probe: Any, evaluation: Sample, n_probe: int, stream: np.random.SeedSequence
) -> dict[str, Any]:
    """Return the arguments of `score_probe` that all probes of a seed share, so that these pair."""
    return {
        "probe": probe,
        "groups": groups_of(evaluation, n_probe),
        "observed": evaluation.probed(n_probe),
        "random_state": substream(stream, "estimator"),
    }


def _probe_scores(
    predictor: Any,
    evaluation: Sample,
    probe: Any,
    n_probe: int,
    stream: np.random.SeedSequence,
) -> dict[str, Floats]:
    """Score the probe of one network and its controls on the first sequences."""
    latents = evaluation.latents[:n_probe]
    hidden = predictor.transform(evaluation.X[:n_probe])
    options = probe_options(probe, evaluation, n_probe, stream)
    names = {"probe_score_shuffled": "other_sequence", "probe_score_noise": "noise"}
    controls = [control_states(hidden, kind, substream(stream, kind)) for kind in names.values()]
    trained, *others = score_probes([hidden, *controls], latents, **options)
    scores = {"probe_score": trained.score, "probe_accuracy": np.full(len(trained.score), np.nan)}
    if trained.accuracy is not None:
        scores["probe_accuracy"] = trained.accuracy
    return scores | {name: each.score for name, each in zip(names, others, strict=True)}
