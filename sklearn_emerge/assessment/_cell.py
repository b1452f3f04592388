"""The units of work: one configuration in one condition, as a network or as its baselines."""

import time

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.utils import Bunch

from .._random import integer_seed, substream
from .._threads import one_thread
from ..predictors._base import spread_known
from ..predictors._checkpoint import Checkpoints
from ..predictors._fit import fit_replicas
from ..predictors._neural import NeuralPredictor
from ..probes import control_states, score_probe
from ._progress import ProgressFile
from ._trajectory import Recorder, negative_log_likelihood

PROBE_SCORES = ("probe_score", "probe_score_shuffled", "probe_score_noise", "probe_accuracy")


def split_by_seed(world, n_seeds, n_train, n_eval, entropy, shared_data):
    """Return the training and evaluation sequences of each seed, one pair if all share them.

    A seed's sequences are the same in all modes, and those of the nulls are made from them.
    The evaluation sequences have those of training as ``train``, for measures that ask whether
    something is new.
    """
    parts = [()] if shared_data else [(seed,) for seed in range(n_seeds)]
    splits = [world.split(n_train, n_eval, substream(entropy, "data", *part)) for part in parts]
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
    record_at=(),
    measures=None,
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
    record_at : tuple of int, default=()
        Updates at which measures are taken.
    measures : dict of str to callable, default=None
        Measures to take there besides the negative log-likelihood.
    progress_file : path-like or None, default=None
        Where to report the number of updates done.
    checkpoint_folder : path-like or None, default=None
        Where to keep the state of the training, and to go on from.

    Returns
    -------
    Bunch
        One value a seed; probe scores have one a latent, too; ``trajectory``, see `Recorder`;
        and with a folder ``troubles``, see `Checkpoints`.
    """
    splits = split_by_seed(world, n_seeds, n_train, n_eval, entropy, shared_data)
    result = Bunch(nll=[], fit_seconds=[], status=[], n_parameters=[])
    probes = {name: [] for name in PROBE_SCORES}
    seeds = [integer_seed(substream(entropy, "model", seed)) for seed in range(n_seeds)]
    progress = [] if progress_file is None else [ProgressFile(progress_file)]
    recorder = None
    if record_at:
        recorder = Recorder(record_at, measures or {}, [each for _, each in splits], n_seeds)
    checkpoints = None if checkpoint_folder is None else Checkpoints(checkpoint_folder)
    start = time.perf_counter()
    samples = [train.X for train, _ in splits]
    with spread_known(world._spread):
        predictors = _fit_seeds(model, mode, samples, seeds, progress, recorder, checkpoints)
    seconds = time.perf_counter() - start + (0 if checkpoints is None else checkpoints.seconds)
    result.fit_seconds = [seconds / n_seeds] * n_seeds
    for seed, predictor in enumerate(predictors):
        evaluation = splits[min(seed, len(splits) - 1)][1]
        probing = probe is not None and evaluation.latents is not None
        # One thread: the last digits must not depend on how many there are.
        with one_thread():
            nll = negative_log_likelihood(predictor, evaluation)
            result.nll.append(nll)
            result.status.append("ok" if np.isfinite(nll) else "diverged")
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
    measured.trajectory = {} if recorder is None else recorder.result()
    if checkpoints is not None:
        measured.troubles = checkpoints.troubles
    return measured


def _fit_seeds(model, mode, samples, seeds, progress, recorder, checkpoints):
    """Fit the model once a seed; one without training modes is fitted as it is."""
    if isinstance(model, NeuralPredictor):
        model = clone(model).set_params(training=mode)
        return fit_replicas(model, samples, seeds, progress, recorder, checkpoints)
    if len(samples) == 1:
        # Without randomness of its own it is the same for all seeds.
        fitted = [clone(model).fit(samples[0])] * len(seeds)
    else:
        fitted = [clone(model).fit(X) for X in samples]
    if recorder is not None:
        for seed, predictor in enumerate(fitted):
            recorder(seed, recorder.at[0], predictor)
            recorder.repeat(seed)
    return fitted


def _probe_scores(predictor, evaluation, probe, n_probe, stream):
    """Score the probe of one network and its controls on the first sequences."""
    latents = evaluation.latents[:n_probe]
    hidden = predictor.transform(evaluation.X[:n_probe])
    # The same randomness for all of a seed's probes, in all modes, so that these pair.
    options = {"probe": probe, "random_state": substream(stream, "estimator")}
    trained = score_probe(hidden, latents, **options)
    scores = {"probe_score": trained.score, "probe_accuracy": np.full(len(trained.score), np.nan)}
    if trained.accuracy is not None:
        scores["probe_accuracy"] = trained.accuracy
    for name, kind in (("probe_score_shuffled", "other_sequence"), ("probe_score_noise", "noise")):
        control = control_states(hidden, kind, substream(stream, kind))
        scores[name] = score_probe(control, latents, **options).score
    return scores


def run_baselines(
    world,
    baselines,
    candidates,
    *,
    n_seeds,
    n_train,
    n_eval,
    shared_data,
    entropy,
    scoring,
):
    """Score the baselines of one configuration in one condition, and its optimal predictor.

    The reference, the best of the candidates, and the best of all baselines are chosen by
    cross-validation on the training sequences (of the first seed): what scores best on those
    that it has seen would favour the baseline with most parameters.

    Parameters
    ----------
    world : World
        The world of the condition.
    baselines : dict of str to predictor
        The baselines.
    candidates : list of str
        Names of those among which the reference is chosen.
    n_seeds, n_train, n_eval : int
        Numbers of seeds and sequences.
    shared_data : bool
        Whether all seeds have the same sequences.
    entropy : list of int
        Root of all random streams.
    scoring : dict
        ``likelihood`` and ``noise_std`` of the model, by which the optimal predictor is scored.

    Returns
    -------
    Bunch
        ``nll`` of each seed and baseline, ``nll_optimal`` of each seed (NaN if unknown),
        ``reference`` and ``best_baseline`` (names).
    """
    splits = split_by_seed(world, n_seeds, n_train, n_eval, entropy, shared_data)
    with one_thread(), spread_known(world._spread):
        nll = [
            [
                negative_log_likelihood(clone(baseline).fit(train.X), evaluation)
                for baseline in baselines.values()
            ]
            for train, evaluation in splits
        ]
        scores = {
            name: _cross_validate(baseline, splits[0][0]) for name, baseline in baselines.items()
        }
        optimal = world.optimal_predictor(**scoring)
        nll_optimal = [
            np.nan if optimal is None else negative_log_likelihood(optimal, evaluation)
            for _, evaluation in splits
        ]
    return Bunch(
        nll=np.broadcast_to(nll, (n_seeds, len(baselines))),
        nll_optimal=np.broadcast_to(nll_optimal, n_seeds),
        reference=max(candidates, key=scores.get),
        best_baseline=max(scores, key=scores.get),
        ceiling=world.ceiling or "unknown",
    )


def _cross_validate(baseline, sample):
    """Return the mean log-likelihood per step of held-out sequences, over at most five folds."""
    rows = {name: sample[name] for name in ("X", "counts") if name in sample}
    scores = []
    for fitted, held_out in KFold(min(5, len(sample.X) // 2)).split(sample.X):
        part = Bunch(**{name: values[held_out] for name, values in rows.items()})
        predictor = clone(baseline).fit(sample.X[fitted])
        scores.append(-negative_log_likelihood(predictor, part))
    return np.mean(scores)
