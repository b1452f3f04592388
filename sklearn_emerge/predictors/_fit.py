"""How neural predictors are fitted: one, or many that differ in seed and sequences only."""

from functools import partial

import numpy as np
import torch
from sklearn.base import clone

from .._random import substream
from ._callbacks import LossCurve, RecordTrajectory
from ._isolation import isolated_torch
from ._training import (
    make_net,
    train_by_scan,
    train_by_torch,
    train_head_by_torch,
    train_heads_by_scan,
)

# Bytes of hidden states of replicas whose heads train together.
_MAX_STATES = 2**31


def fit_replicas(
    model, samples, random_states, progress=(), recorder=None, checkpoints=None, trained=None
):
    """Fit a predictor once for each random state, all at once where that is faster.

    Torch has one thread, so that results do not depend on how many the process was given.

    Parameters
    ----------
    model : predictor
        What to fit; it is cloned.
    samples : list of array-like, each of shape (n_sequences, n_steps[, n_channels])
        Training sequences of each replica, as many for all; or of one, shared by all.
    random_states : sequence of int
        One a replica.
    progress : sequence of skorch callbacks, default=()
        Callbacks that count updates and change nothing; `announce_compilation` is called before
        kernels are compiled.
    recorder : callable, default=None
        Called with (replica, update, predictor, mean training loss since the last time) at the
        updates ``recorder.at``, with the predictor as if training ended there;
        ``recorder.repeat(replica)`` if nothing is trained.
    checkpoints : Checkpoints, default=None
        Where to keep the state of the training, and to go on from. Not used for a model with
        callbacks or a module of somebody's own, of whose state nothing is known.
    trained : list of dict, default=None
        Of networks that are trained already: the state of each, and its ``training_loss``. Only
        what follows the training is done.

    Returns
    -------
    list of predictor
        Fitted; each as `fit` alone, with one thread of torch, would give it.
    """
    predictors = [clone(model) for _ in random_states]
    if len(samples) == 1:
        samples = list(samples) * len(predictors)
    checked = {}
    for predictor, random_state, X in zip(predictors, random_states, samples, strict=True):
        predictor.set_params(random_state=random_state)
        # With more threads than cores they wait for each other: a hundred times as long for 32
        # units in two processes with two threads each on two cores.
        predictor._many_threads = False
        # Shared sequences stay one array.
        checked.setdefault(id(X), predictor._prepare(X))
    samples = [checked[id(X)] for X in samples]
    if trained is None:
        train(predictors, samples, progress, recorder, checkpoints)
    else:
        restore(predictors, samples, trained)
    for predictor, X in zip(predictors, samples, strict=True):
        predictor._finish(X)
    return predictors


def train(predictors, samples, progress=(), recorder=None, checkpoints=None):
    """Train predictors that differ in nothing but their random state and their sequences.

    Parameters
    ----------
    predictors : list of NeuralPredictor
        Prepared.
    samples : list of ndarray of shape (n_sequences, n_steps, n_channels)
        Their sequences.
    progress, recorder, checkpoints
        As in `fit_replicas`.
    """
    first = predictors[0]
    # Before it is set to one: the scan uses the threads that the user has given torch.
    n_threads = torch.get_num_threads()
    networks = [predictor._begin(X) for predictor, X in zip(predictors, samples, strict=True)]
    if first.engine_ == "numba" and not networks[0].layout.compiled:
        for callback in progress:
            callback.announce_compilation()
    nets = []
    for group in _groups(first, networks[0], samples):
        members, sequences, cores = (
            [each[i] for i in group] for each in (predictors, samples, networks)
        )
        visit = None
        if recorder is not None:
            visit = partial(_visit, recorder, group, members, sequences, cores)
        own = clone(first.callbacks, safe=False) or []
        curve = LossCurve()
        callbacks = [*first._net_callbacks(), curve, *own, *progress]
        as_it_is = first.training == "random" or first.max_steps == 0
        if as_it_is or (first.training == "readout" and first.head == "exact"):
            with isolated_torch(_stream(members[0], "training"), first.device):
                nets += _leave(members, sequences, cores, callbacks)
                if visit is not None:
                    visit(recorder.at[0])
            if recorder is not None:
                for i in group:
                    recorder.repeat(i)
            continue
        if recorder is not None:
            callbacks.append(RecordTrajectory(recorder.at, visit, first.max_steps))
        options = {"callbacks": callbacks, "stoppable": bool(own)} | _options(first)
        if checkpoints is not None and first._resumable and not own:
            options["checkpoint"] = checkpoints.of_next(recorder)
        nets += _train_group(members, sequences, cores, n_threads, options)
        for predictor, losses in zip(members, curve.of_parts(first.max_steps), strict=True):
            predictor._keep_losses(losses)
    for predictor, network, net, X in zip(predictors, networks, nets, samples, strict=True):
        predictor._end(network, net, X)


def restore(predictors, samples, trained):
    """Give predictors the weights that training had given them.

    Parameters
    ----------
    predictors, samples
        As in `train`.
    trained : list of dict
        As in `fit_replicas`.
    """
    for predictor, X, state in zip(predictors, samples, trained, strict=True):
        network = predictor._begin(X)
        weights = {name: torch.from_numpy(w) for name, w in state.items()}
        predictor.training_loss_ = weights.pop("training_loss").numpy()
        network.load_state_dict(weights)
        (net,) = _leave([predictor], [X], [network], [])
        predictor._end(network, net, X)


def _groups(first, network, samples):
    """Return which replicas train together."""
    n_replicas = together = len(samples)
    if first.engine_ == "torch" or first.callbacks:
        # Callbacks, and torch's own random numbers, belong to one replica.
        together = 1
    elif first.training == "readout":
        n_sequences, n_steps, _ = samples[0].shape
        size = 4 * n_sequences * (n_steps - 1) * network.layout.n_hidden
        together = max(1, _MAX_STATES // size)
    replicas = range(n_replicas)
    return [replicas[start : start + together] for start in range(0, n_replicas, together)]


def _visit(recorder, group, members, sequences, networks, step, losses=None):
    """Let the recorder see the members of a group as if training ended here."""
    for place, i in enumerate(group):
        predictor = members[place]
        predictor.network_ = networks[place]
        predictor._fit_head(sequences[place])
        predictor._finish(sequences[place])
        recorder(i, step, predictor, np.nan if losses is None else losses[place])


def _options(predictor):
    """Return the options of a net."""
    names = ("lr", "batch_size", "max_steps", "device")
    return {name: getattr(predictor, name) for name in names} | predictor._net_options()


def _stream(predictor, name="batches"):
    """Return one of the streams of a predictor."""
    return substream(predictor.seed_sequence_, name)


def _leave(members, sequences, networks, callbacks):
    """Return the nets of networks that stay as they are."""
    options = {"callbacks": callbacks} | _options(members[0])
    return [
        make_net(network, member._make_criterion(), [_stream(member)], len(X), **options)
        for member, X, network in zip(members, sequences, networks, strict=True)
    ]


def _train_group(members, sequences, networks, n_threads, options):
    """Train replicas together, and return their nets."""
    first = members[0]
    streams = [_stream(member) for member in members]
    full = first.training in ("full", "scrambled")
    dropout = _stream(first, "training")
    with isolated_torch(dropout, first.device, n_threads if first._many_threads else 1):
        criteria = [member._make_criterion() for member in members]
        if all(X is sequences[0] for X in sequences):
            data = [first._tensors(sequences[0])]
        else:
            data = [member._tensors(X) for member, X in zip(members, sequences, strict=True)]
        X, y = (torch.stack(tensors) for tensors in zip(*data, strict=True))
        del data
        if first.engine_ == "numba":
            by_scan = train_by_scan if full else train_heads_by_scan
            return by_scan(networks, criteria, streams, X, y, n_threads=n_threads, **options)
        by_torch = train_by_torch if full else train_head_by_torch
        return [by_torch(*networks, *criteria, *streams, X[0], y[0], **options)]
