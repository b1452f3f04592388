"""A unit of work: the networks of one configuration in one condition and mode."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from ..probes import control_states, score_probe
from ..training import N_PARTS, Checkpoints, TrainingContext
from ..worlds import Sample, World
from ._design import Design, of_seed
from ._left_alone import LeftAlone
from ._progress import ProgressFile
from ._trajectory import Recorder, Timed

# Evaluation sequences on which memory is measured, at most.
N_MEMORY = 100
_NO_TRAINING = np.full(N_PARTS, np.nan)
PROBE_SCORES = ("probe_score", "probe_score_shuffled", "probe_score_noise", "probe_accuracy")


@dataclass(frozen=True)
class Networks:
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
    trained : list of dict or None
        Networks that are trained already, see `fit_replicas`.
    own : list of dict or None
        Parameters of the model that each seed has of its own: those of given networks.
    """

    design: Design
    world: World
    model: BasePredictor
    mode: str
    probe: Any
    n_probe: int
    with_memory: bool = False
    left_alone: LeftAlone | None = None
    record_at: tuple[int, ...] = ()
    measures: dict[str, Timed] | None = None
    trained: Sequence[Mapping[str, Any]] | None = None
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

    def run(
        self, progress_file: PathLike | None = None, checkpoint_folder: PathLike | None = None
    ) -> Bunch:
        """Train and score the networks of all seeds.

        Parameters
        ----------
        progress_file : path-like or None, default=None
            Where to report how much is done.
        checkpoint_folder : path-like or None, default=None
            Where to keep the state of the training, and to go on from.

        Returns
        -------
        Bunch
            One value a seed; probe scores have one a latent, too, losses in training one a block
            of updates; ``memory`` and ``flow``, DataArrays of seeds by name; ``trajectory``, see
            `Recorder`; and
            with a folder ``troubles``, see `Checkpoints`, and ``weights``, if these are all that
            training has made.
        """
        n_seeds, splits = self.design.n_seeds, self.design.splits(self.world)
        progress = [] if progress_file is None else [ProgressFile(progress_file)]
        recorder = None
        if self.record_at:
            evaluations = [evaluation for _, evaluation in splits]
            recorder = Recorder(self.record_at, self.measures or {}, evaluations, n_seeds)
        checkpoints = None
        if checkpoint_folder is not None:
            checkpoints = Checkpoints(checkpoint_folder, recorder)
        context = TrainingContext(tuple(progress), recorder, checkpoints)
        start = time.perf_counter()
        predictors = self._fit([train for train, _ in splits], context)
        seconds = time.perf_counter() - start + (0 if checkpoints is None else checkpoints.seconds)
        found: list[dict[str, Any]] = []
        flow = self._flow(splits)
        for seed, predictor in enumerate(predictors):
            for file in progress:
                file.follow(seed / n_seeds)
            # One thread: the last digits must not depend on how many there are.
            with one_thread():
                evaluation = of_seed(splits, seed)[1]
                found.append(self._score(seed, predictor, evaluation))
                found[-1]["flow"] = flow(seed, predictor)
        memory, errors = (
            _joined([each.pop(name) for each in found]) for name in ("memory", "flow")
        )
        result = Bunch(**{name: np.array([each[name] for each in found]) for name in found[0]})
        # All seeds have as many weights.
        result.n_parameters = result.n_parameters[0]
        result.fit_seconds = np.full(n_seeds, seconds / n_seeds)
        result.memory, result.flow = memory, errors
        result.trajectory = {} if recorder is None else recorder.result()
        if checkpoints is not None:
            result.troubles = checkpoints.troubles
            if self._weights_are_all:
                result.weights = [state_of(predictor) for predictor in predictors]
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
        train, _ = self.splits(seed)
        trained = [weights] if weights is not None else self.trained and [self.trained[seed]]
        own = None if self.own is None else [self.own[seed]]
        alone = replace(self, trained=trained, own=own)
        return alone._fit([train], TrainingContext(), [seed])[0]

    def splits(self, seed: int) -> tuple[Sample, Sample]:
        """Return the training and evaluation sequences of a seed."""
        return of_seed(self.design.splits(self.world), seed)

    def _fit(
        self,
        samples: Sequence[Sample],
        context: TrainingContext,
        seeds: Sequence[int] | None = None,
    ) -> list[BasePredictor]:
        """Fit the model once a seed."""
        seeds = range(self.design.n_seeds) if seeds is None else seeds
        seeds = [integer_seed(self.design.stream("model", seed)) for seed in seeds]
        with spread_known(self.world.recorded_spread):
            model = self.model
            return _fit_seeds(model, self.mode, samples, seeds, context, self.trained, self.own)

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


def _joined(found: Sequence[Mapping[str, xr.DataArray]]) -> dict[str, xr.DataArray]:
    """Return what was measured in some seeds as one array a name, along seeds."""
    names = dict.fromkeys(name for each in found for name in each)
    return {
        name: xr.concat([each[name] for each in found if name in each], "seed", join="exact")
        for name in names
    }


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
    trained = score_probe(hidden, latents, **options)
    scores = {"probe_score": trained.score, "probe_accuracy": np.full(len(trained.score), np.nan)}
    if trained.accuracy is not None:
        scores["probe_accuracy"] = trained.accuracy
    for name, kind in (("probe_score_shuffled", "other_sequence"), ("probe_score_noise", "noise")):
        control = control_states(hidden, kind, substream(stream, kind))
        scores[name] = score_probe(control, latents, **options).score
    return scores
