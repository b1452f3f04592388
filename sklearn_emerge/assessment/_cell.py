"""A unit of work: the networks of one configuration in one condition and mode."""

import time

import numpy as np
import xarray as xr
from sklearn.base import clone
from sklearn.utils import Bunch

from .._random import integer_seed, substream
from .._threads import one_thread
from ..measures import memory_curve
from ..measures._exchange import EXCHANGE, exchange_if_possible
from ..measures._sequences import negative_log_likelihood
from ..predictors._base import spread_known
from ..predictors._fit import fit_replicas
from ..predictors._neural import NeuralPredictor
from ..probes import control_states, score_probe
from ..training import N_PARTS, Checkpoints, TrainingContext
from ._progress import ProgressFile
from ._trajectory import Recorder

# Evaluation sequences on which memory is measured, at most.
N_MEMORY = 100
_NO_TRAINING = np.full(N_PARTS, np.nan)
PROBE_SCORES = ("probe_score", "probe_score_shuffled", "probe_score_noise", "probe_accuracy")


def split_by_seed(world, n_seeds, n_train, n_eval, entropy, shared_data):
    """Return the training and evaluation sequences of each seed, one pair if all share them.

    A seed's sequences are the same in all modes, and those of the nulls are made from them.
    The evaluation sequences have those of training as ``train``, for measures that ask whether
    something is new.
    """
    stream = substream(entropy, "data")
    if shared_data:
        splits = [world.split(n_train, n_eval, stream)]
    else:
        splits = world.splits(n_seeds, n_train, n_eval, stream)
    for train, evaluation in splits:
        evaluation.train = train
    return splits


def run_networks(
    world,
    model,
    mode,
    *,
    n_seeds,
    n_train,
    n_eval,
    shared_data,
    probe,
    n_probe,
    entropy,
    with_memory=False,
    record_at=(),
    measures=None,
    trained=None,
    progress_file=None,
    checkpoint_folder=None,
):
    """Train and score all seeds of one configuration in one condition and mode.

    Parameters
    ----------
    world : World
        The world of the condition.
    model : predictor
        The model, with the facts of the world filled in.
    mode : str
        Its training mode.
    n_seeds, n_train, n_eval, n_probe : int
        Numbers of seeds, and of sequences for training, evaluation and probing.
    shared_data : bool
        Whether all seeds train and are evaluated on the same sequences.
    probe : "auto", estimator or None
        As in `cross_validate_probe`; None leaves the probes out.
    entropy : list of int
        Root of all random streams. A seed's data and stream are the same in all conditions and
        modes, so that these pair.
    with_memory : bool, default=False
        Whether to measure what networks owe to their memory.
    record_at : tuple of int, default=()
        Updates at which measures are taken.
    measures : dict of str to callable, default=None
        Measures to take there besides the negative log-likelihood.
    trained : list of dict, default=None
        Networks that are trained already, see `fit_replicas`.
    progress_file : path-like or None, default=None
        Where to report how much is done.
    checkpoint_folder : path-like or None, default=None
        Where to keep the state of the training, and to go on from.

    Returns
    -------
    Bunch
        One value a seed; probe scores have one a latent, too, and ``training_loss`` one a block of
        updates; ``memory``, DataArrays of seeds by name; ``trajectory``, see `Recorder`; and with a
        folder ``troubles``, see `Checkpoints`.
    """
    splits = split_by_seed(world, n_seeds, n_train, n_eval, entropy, shared_data)
    result = Bunch(nll=[], fit_seconds=[], status=[], n_parameters=[], training_loss=[])
    memory = {"nll_memory": [], "state_exchange": []}
    probes = {name: [] for name in PROBE_SCORES}
    seeds = [integer_seed(substream(entropy, "model", seed)) for seed in range(n_seeds)]
    progress = [] if progress_file is None else [ProgressFile(progress_file)]
    recorder = None
    if record_at:
        recorder = Recorder(record_at, measures or {}, [each for _, each in splits], n_seeds)
    checkpoints = None if checkpoint_folder is None else Checkpoints(checkpoint_folder, recorder)
    context = TrainingContext(tuple(progress), recorder, checkpoints)
    start = time.perf_counter()
    samples = [train.X for train, _ in splits]
    with spread_known(world._spread):
        predictors = _fit_seeds(model, mode, samples, seeds, context, trained)
    seconds = time.perf_counter() - start + (0 if checkpoints is None else checkpoints.seconds)
    result.fit_seconds = [seconds / n_seeds] * n_seeds
    for seed, predictor in enumerate(predictors):
        for file in progress:
            file.follow(seed / n_seeds)
        evaluation = splits[min(seed, len(splits) - 1)][1]
        probing = probe is not None and evaluation.latents is not None
        # One thread: the last digits must not depend on how many there are.
        with one_thread():
            nll = negative_log_likelihood(predictor, evaluation)
            result.nll.append(nll)
            result.status.append(status_of(predictor, nll))
            result.training_loss.append(getattr(predictor, "training_loss_", _NO_TRAINING))
            if with_memory and np.isfinite(nll):
                for name, values in _measure_memory(predictor, evaluation).items():
                    memory[name].append(values.assign_coords(seed=seed))
            result.n_parameters.append(getattr(predictor, "n_parameters_", 0))
            if probing and hasattr(predictor, "transform") and np.isfinite(nll):
                stream = substream(entropy, "probe", seed)
                scores = _probe_scores(predictor, evaluation, probe, n_probe, stream)
            else:
                n_latents = len(evaluation.latent_names)
                scores = dict.fromkeys(probes, np.full(n_latents, np.nan))
        for name, score in scores.items():
            probes[name].append(score)
    result.update(probes)
    measured = Bunch(**{name: np.asarray(values) for name, values in result.items()})
    measured.memory = {
        name: xr.concat(values, "seed", join="exact") for name, values in memory.items() if values
    }
    measured.trajectory = {} if recorder is None else recorder.result()
    if checkpoints is not None:
        measured.troubles = checkpoints.troubles
    return measured


def _fit_seeds(model, mode, samples, seeds, context, trained):
    """Fit the model once a seed; one without training modes is fitted as it is."""
    if isinstance(model, NeuralPredictor):
        model = clone(model).set_params(training=mode)
        return fit_replicas(model, samples, seeds, context, trained)
    if len(samples) == 1:
        # Without randomness of its own it is the same for all seeds.
        fitted = [clone(model).fit(samples[0])] * len(seeds)
    else:
        fitted = [clone(model).fit(X) for X in samples]
    recorder = context.recorder
    if recorder is not None:
        for seed, predictor in enumerate(fitted):
            recorder(seed, recorder.at[0], predictor)
            recorder.repeat(seed)
    return fitted


def groups_of(sample, n_sequences):
    """Return the groups of the first sequences, None if they have none."""
    return None if sample.groups is None else sample.groups[:n_sequences]


def status_of(predictor, nll):
    """Return how a fit has ended."""
    if not np.isfinite(nll):
        return "diverged"
    return "ok" if getattr(predictor, "converged_", True) else "head not converged"


def _measure_memory(predictor, evaluation):
    """Return what a predictor owes to its memory: the curve, if there is a state; the exchange."""
    entries = exchange_if_possible(predictor, evaluation, N_MEMORY)
    curve = xr.DataArray([np.nan], {"window": [evaluation.X.shape[1]]})
    if hasattr(predictor, "_predict_from"):
        curve = memory_curve(predictor, evaluation, n_sequences=N_MEMORY)
    exchange = xr.DataArray(entries, {"exchange": list(EXCHANGE)})
    return {"nll_memory": curve, "state_exchange": exchange}


def _probe_scores(predictor, evaluation, probe, n_probe, stream):
    """Score the probe of one network and its controls on the first sequences."""
    latents = evaluation.latents[:n_probe]
    hidden = predictor.transform(evaluation.X[:n_probe])
    # The same randomness for all of a seed's probes, in all modes, so that these pair.
    options = {
        "probe": probe,
        "groups": groups_of(evaluation, n_probe),
        "random_state": substream(stream, "estimator"),
    }
    trained = score_probe(hidden, latents, **options)
    scores = {"probe_score": trained.score, "probe_accuracy": np.full(len(trained.score), np.nan)}
    if trained.accuracy is not None:
        scores["probe_accuracy"] = trained.accuracy
    for name, kind in (("probe_score_shuffled", "other_sequence"), ("probe_score_noise", "noise")):
        control = control_states(hidden, kind, substream(stream, kind))
        scores[name] = score_probe(control, latents, **options).score
    return scores
