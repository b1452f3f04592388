"""How neural predictors are fitted: one, or many that differ in seed and sequences only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from sklearn.base import clone

from .._typing import RandomState
from ..training import DEFAULT_CONTEXT, TrainingContext, TrainingResult, run, untrained_net

if TYPE_CHECKING:
    from ._neural import NeuralPredictor

# What is kept of a training beside the weights: attributes of a predictor, without the underscore.
KEPT = ("training_loss", "validation_loss", "stopped_at")


def fit_replicas(
    model: NeuralPredictor,
    samples: Sequence[Any],
    random_states: Sequence[RandomState],
    context: TrainingContext = DEFAULT_CONTEXT,
    trained: Any = None,
    own: Any = None,
    groups: Any = None,
) -> list[Any]:
    """Fit a predictor once for each random state, all at once where that is faster.

    By default torch has one thread, so that results do not depend on how many the process was
    given.

    Parameters
    ----------
    model : predictor
        What to fit; it is cloned.
    samples : list of array-like, each of shape (n_sequences, n_steps[, n_channels])
        Training sequences of each replica, as many for all; or of one, shared by all.
    random_states : sequence of int
        One a replica.
    context : TrainingContext, default=TrainingContext()
        Who is told, where the state is kept, and threads. Its recorder is called with predictors in
        place of networks.
    trained : list of dict, default=None
        Of networks that are trained already: the state of each, and what is kept of its training,
        see `KEPT`. Only what follows the training is done.
    own : list of dict, default=None
        Parameters of each replica that the others do not share.
    groups : list of array-like, each of shape (n_sequences,), default=None
        The unit of each sequence, for each of `samples`: early stopping holds out whole units.
        None takes sequences for units.

    Returns
    -------
    list of predictor
        Fitted; each as `fit` alone, with one thread of torch, would give it.
    """
    predictors = [clone(model).set_params(**each) for each in own or [{}] * len(random_states)]
    groups = [None] * len(samples) if groups is None else groups
    if len(samples) == 1:
        samples, groups = list(samples) * len(predictors), list(groups) * len(predictors)
    checked: dict[int, Any] = {}
    for predictor, random_state, X in zip(predictors, random_states, samples, strict=True):
        predictor.set_params(random_state=random_state)
        # With more threads than cores they wait for each other: a hundred times as long for 32
        # units in two processes with two threads each on two cores.
        predictor._many_threads = False
        # Shared sequences stay one array.
        checked.setdefault(id(X), predictor.prepare(X))
    samples = [checked[id(X)] for X in samples]
    if trained is None:
        train(predictors, samples, context, groups)
    else:
        restore(predictors, samples, trained)
    for predictor, X in zip(predictors, samples, strict=True):
        predictor._finish(X)
    return predictors


def train(
    predictors: Sequence[Any],
    samples: Sequence[Any],
    context: TrainingContext = DEFAULT_CONTEXT,
    groups: Any = None,
) -> None:
    """Train predictors that differ in nothing but their random state and their sequences.

    Parameters
    ----------
    predictors : list of NeuralPredictor
        Prepared.
    samples : list of ndarray of shape (n_sequences, n_steps, n_channels)
        Their sequences.
    context : TrainingContext, default=TrainingContext()
        As in `fit_replicas`.
    groups : list, default=None
        As in `fit_replicas`, one of each predictor.
    """
    groups = [None] * len(samples) if groups is None else groups
    each = zip(predictors, samples, groups, strict=True)
    jobs = [predictor.training_job(X, units) for predictor, X, units in each]
    if context.recorder is not None:
        visits = _Visits(context.recorder, predictors, samples)
        context = replace(context, recorder=visits)
    results = run(jobs, context)
    for predictor, job, result in zip(predictors, jobs, results, strict=True):
        predictor._end(job, result)


def restore(predictors: Sequence[Any], samples: Sequence[Any], trained: Any) -> None:
    """Give predictors the weights that training had given them.

    Parameters
    ----------
    predictors, samples
        As in `train`.
    trained : list of dict
        As in `fit_replicas`.
    """
    for predictor, X, state in zip(predictors, samples, trained, strict=True):
        job = predictor.training_job(X)
        weights = {name: torch.from_numpy(w) for name, w in state.items() if name not in KEPT}
        job.network.load_state_dict(weights)
        predictor._end(job, TrainingResult(untrained_net(job)))
        for name in KEPT:
            if name in state:
                setattr(predictor, f"{name}_", state[name])


class _Visits:
    """Shows a recorder of predictors the networks that train, as if training ended there."""

    def __init__(self, recorder: Any, predictors: Sequence[Any], samples: Sequence[Any]) -> None:
        self.at = recorder.at
        self.recorder = recorder
        self.predictors = predictors
        self.samples = samples

    def __call__(self, replica: int, step: int | None, network: Any, loss: float) -> None:
        predictor, X = self.predictors[replica], self.samples[replica]
        predictor.network_ = network
        predictor._fit_head(X)
        predictor._finish(X)
        self.recorder(replica, step, predictor, loss)
