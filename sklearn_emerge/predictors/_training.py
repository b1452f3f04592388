"""How networks are trained: batches, losses, the skorch net, one replica or many at once."""

from contextlib import contextmanager, suppress
from threading import RLock

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from skorch.history import History
from torch import nn

from ._network import Scanning, StackedNetworks

# Sequences that pass through a frozen core at once.
_CHUNK = 1024


class ShuffledBatches:
    """Batches of preloaded tensors in reshuffled epochs, `max_steps` of them in all.

    Parameters
    ----------
    dataset : skorch.dataset.Dataset
        Holds the tensors X and y.
    batch_size : int
        Sequences a batch; the last of an epoch may be smaller.
    streams : list of numpy.random.SeedSequence
        Stream of the order of each replica.
    stacked : bool
        Whether batches have an axis of replicas, or there is one replica without it.
    max_steps : int
        Batches in all, over all epochs.
    """

    def __init__(self, dataset, batch_size, streams, stacked, max_steps):
        self.dataset = dataset
        self.batch_size = batch_size
        self.rngs = [np.random.default_rng(stream) for stream in streams]
        self.stacked = stacked
        self.remaining = max_steps

    def __iter__(self):
        """Yield the batches of one epoch."""
        X, y = self.dataset.X, self.dataset.y
        order = np.stack([rng.permutation(len(X)) for rng in self.rngs])
        order = torch.from_numpy(order if self.stacked else order[0]).to(X.device)
        for rows in order.split(self.batch_size, dim=-1)[: self.remaining]:
            self.remaining -= 1
            # Several times faster than indexing with rows of two dimensions.
            yield tuple(
                data.index_select(0, rows.flatten()).view(*rows.shape, *data.shape[1:])
                for data in (X, y)
            )


class GaussianLoss(nn.Module):
    """Negative log-likelihood per step of scaled data, in nats on the raw scale.

    Parameters
    ----------
    noise_std : ndarray of shape (n_channels,)
        Standard deviation on the raw scale.
    scale : ndarray of shape (n_channels,)
        What the data were divided by.
    """

    def __init__(self, noise_std, scale):
        super().__init__()
        noise_std = np.broadcast_to(noise_std, np.shape(scale))
        self.register_buffer("ratio", torch.as_tensor(scale / noise_std, dtype=torch.float32))
        self.constant = float(np.sum(np.log(noise_std) + 0.5 * np.log(2 * np.pi)))

    def forward(self, output, target):
        """Return one loss a replica, or one if there is no axis of replicas."""
        standardised = (output - target) * self.ratio
        return 0.5 * _per_replica(standardised.square()) + self.constant


class BernoulliLoss(nn.Module):
    """Negative log-likelihood per step of zeros and ones given log odds, in nats."""

    def forward(self, output, target):
        """Return one loss a replica, or one if there is no axis of replicas."""
        loss = nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none")
        return _per_replica(loss)


def _per_replica(loss):
    """Average over sequences and steps, sum over channels."""
    return loss.mean(dim=(-3, -2, -1)) * loss.shape[-1]


class StopTraining(Exception):
    """A callback has asked to stop."""


class Net(NeuralNet):
    """A skorch net that can be interrupted.

    skorch takes every KeyboardInterrupt for a wish to stop early and returns the half-trained
    net as if it were done. Here only those that callbacks raise at the end of an epoch (as
    `skorch.callbacks.EarlyStopping` does) stop training; Ctrl-C interrupts the program.
    """

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss to minimise: replicas are independent, so that it is their sum."""
        losses = super().get_loss(y_pred, y_true, X=X, training=training)
        self.replica_losses_ = losses.detach()
        return losses.sum()

    def train_on(self, X, y):
        """Train from the present weights on preloaded tensors."""
        self.notify("on_train_begin", X=X, y=y)
        with suppress(StopTraining):
            self.fit_loop(X, y)
        self.notify("on_train_end", X=X, y=y)

    def notify(self, method_name, **kwargs):
        """Call the callbacks."""
        try:
            super().notify(method_name, **kwargs)
        except KeyboardInterrupt as stop:
            if method_name == "on_epoch_end":
                raise StopTraining from stop
            raise


class ReplicaHistory(Callback):
    """Keep the mean loss of each replica and epoch."""

    def on_train_begin(self, net, **kwargs):
        """Start."""
        self.epochs_ = []

    def on_epoch_begin(self, net, **kwargs):
        """Start an epoch."""
        self.total_, self.weight_, self.batches_ = 0.0, 0, 0

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Add the losses of a batch."""
        size = batch[1].shape[1]
        self.total_ = self.total_ + size * net.replica_losses_
        self.weight_ += size
        self.batches_ += 1

    def on_epoch_end(self, net, **kwargs):
        """Average."""
        losses = (self.total_ / self.weight_).tolist()
        self.epochs_.append((losses, self.batches_, net.history[-1, "dur"]))

    def of_replica(self, replica):
        """Return the history of one replica as skorch would have recorded it."""
        history = History()
        for epoch, (losses, n_batches, seconds) in enumerate(self.epochs_, start=1):
            history.new_epoch()
            history.record("epoch", epoch)
            history.record("train_batch_count", n_batches)
            history.record("train_loss", losses[replica])
            history.record("dur", seconds)
        return history


def make_net(module, criterion, streams, n_sequences, *, stacked=False, callbacks=(), **options):
    """Return a skorch net, initialised.

    Parameters
    ----------
    module : torch.nn.Module
        What is trained.
    criterion : torch.nn.Module
        The loss.
    streams : list of SeedSequence
        Streams of the batches.
    n_sequences : int
        Training sequences.
    stacked : bool, default=False
        Whether the module has an axis of replicas.
    callbacks : sequence of skorch callbacks, default=()
        Callbacks.
    **options
        ``lr``, ``batch_size``, ``max_steps`` and ``device``.

    Returns
    -------
    Net
    """
    batch_size, max_steps = options["batch_size"], options["max_steps"]
    net = Net(
        module,
        criterion=criterion,
        optimizer=torch.optim.Adam,
        lr=options["lr"],
        batch_size=batch_size,
        max_epochs=-(-max_steps // -(-n_sequences // batch_size)),
        dataset=Dataset,
        iterator_train=ShuffledBatches,
        iterator_train__streams=streams,
        iterator_train__stacked=stacked,
        iterator_train__max_steps=max_steps,
        train_split=None,
        callbacks=list(callbacks),
        callbacks__print_log=None,
        device=options["device"],
        verbose=0,
    )
    return net.initialize()


def train_alone(network, criterion, stream, X, y, *, n_threads, callbacks, **options):
    """Train all weights of one network.

    Parameters
    ----------
    network : SequenceNetwork
        The network.
    criterion : torch.nn.Module
        The loss.
    stream : SeedSequence
        Stream of the batches.
    X, y : torch.Tensor of shape (n_sequences, n_steps, n_inputs or n_outputs)
        Inputs and targets.
    n_threads : int or None
        Threads of the compiled scan; None uses torch.
    callbacks : list of skorch callbacks
        Callbacks.
    **options
        As in `make_net`.

    Returns
    -------
    Net
        The net that trained it.
    """
    if n_threads is not None:
        network.scan_with(Scanning(network, n_threads))
    net = make_net(network, criterion, [stream], len(X), callbacks=callbacks, **options)
    net.train_on(X, y)
    network.scan_with(None)
    return net


def train_together(networks, criterion, streams, X, y, *, n_threads, callbacks, **options):
    """Train all weights of networks that differ in their weights and batches only, at once.

    Parameters
    ----------
    networks : list of SequenceNetwork
        The replicas.
    streams : list of SeedSequence
        Stream of the batches of each.
    criterion, X, y, n_threads, **options
        As in `train_alone`.
    callbacks : list of skorch callbacks
        Callbacks, which see the replicas as one.

    Returns
    -------
    list of Net
        One a network, with the history of its replica.
    """
    stack = StackedNetworks(networks, Scanning(networks[0], n_threads))
    history = ReplicaHistory()
    callbacks = [history, *callbacks]
    joint = make_net(
        stack, criterion, streams, len(X), stacked=True, callbacks=callbacks, **options
    )
    joint.train_on(X, y)
    stack.distribute(networks)
    nets = []
    for replica, (network, stream) in enumerate(zip(networks, streams, strict=True)):
        net = make_net(network, criterion, [stream], len(X), **options)
        net.history_ = history.of_replica(replica)
        nets.append(net)
    return nets


def train_readout(network, criterion, stream, X, y, *, callbacks, **options):
    """Train the head alone, on hidden states that are computed once.

    Parameters
    ----------
    network : SequenceNetwork
        The network; its core stays as it is, buffers included.
    criterion, stream, X, y, callbacks, **options
        As in `train_alone`.

    Returns
    -------
    Net
        The net of the head.
    """
    network.core.eval()
    with torch.no_grad():
        hidden = torch.cat([network.hidden(chunk) for chunk in X.split(_CHUNK)])
    net = make_net(network.head, criterion, [stream], len(X), callbacks=callbacks, **options)
    net.train_on(hidden, y)
    return net


# The state of torch that `isolated_torch` sets belongs to the process: one fit at a time.
_TORCH_LOCK = RLock()


@contextmanager
def isolated_torch(stream, device):
    """Run torch with its own random stream and one thread; both are restored afterwards.

    Networks of this size are slower with two threads than with one, and one thread makes the
    result independent of how many the process was given.
    """
    seed = int(stream.generate_state(1, np.uint64)[0] >> 1)
    device = torch.device(device)
    cuda = [device] if device.type == "cuda" else []
    with _TORCH_LOCK, torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
