"""How networks are trained: batches, losses, the skorch net, one replica or many at once."""

from contextlib import suppress

import numpy as np
import torch
from skorch import NeuralNet
from skorch.dataset import Dataset
from torch import nn

from ..recurrence import HeadLoss, ScanLoss, run_forward
from ._callbacks import ReplicaHistory, StopTraining, hold_out
from ._half_precision import products_in
from ._network import Replicas, rows_of_weights

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
    rngs : list of numpy.random.Generator
        What draws the order of each replica. With several, batches have an axis of replicas.
    max_steps : int
        Batches in all, over all epochs.
    """

    def __init__(self, dataset, batch_size, rngs, max_steps):
        self.dataset = dataset
        self.batch_size = batch_size
        self.rngs = rngs
        self.remaining = max_steps

    def __iter__(self):
        """Yield the batches of one epoch."""
        X, y = self.dataset.X, self.dataset.y
        order = np.stack([rng.permutation(len(X)) for rng in self.rngs])
        order = torch.from_numpy(order if len(order) > 1 else order[0]).to(X.device)
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
        self.ratio = np.asarray(scale / noise_std, dtype=np.float32)
        self.register_buffer("_ratio", torch.from_numpy(self.ratio))
        self.constant = float(np.sum(np.log(noise_std) + 0.5 * np.log(2 * np.pi)))

    def forward(self, output, target):
        """Return the mean over sequences and steps, summed over channels."""
        standardised = (output - target) * self._ratio
        return 0.5 * _per_step(standardised.square()) + self.constant

    def at_best_noise(self, losses):
        r"""Return what mean losses are under the noise that is best for them.

        .. math:: c + \frac{C}{2} (1 + \log m), \qquad \ell = c + \frac{C}{2} m,

        where m is the mean square error over the C channels in units of the noise of this loss.
        The best one is a multiple of that, the same for all channels, as a loss does not tell
        these apart: with several it is no less than if each had its own.

        Parameters
        ----------
        losses : ndarray
            Means of what `forward` returns.

        Returns
        -------
        ndarray of the same shape
        """
        half = len(self.ratio) / 2
        # What is less is lost in the rounding of the loss.
        least = np.finfo(np.float32).eps * (1 + abs(self.constant))
        square = np.maximum((losses - self.constant) / half, least)
        return self.constant + half * (1 + np.log(square))


class BernoulliLoss(nn.Module):
    """Negative log-likelihood per step of zeros and ones given log odds, in nats."""

    ratio, constant = None, 0.0

    def forward(self, output, target):
        """Return the mean over sequences and steps, summed over channels."""
        loss = nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none")
        return _per_step(loss)


class CategoricalLoss(nn.Module):
    """Negative log-likelihood per step of tokens given logits, in nats."""

    ratio, constant = None, 0.0

    def forward(self, output, target):
        """Return the mean over sequences and steps."""
        # In single precision, whatever that of the network.
        return -_per_step(target * nn.functional.log_softmax(output.float(), dim=-1))


def _per_step(loss):
    """Average over sequences and steps, sum over channels."""
    return loss.mean() * loss.shape[-1]


class Net(NeuralNet):
    """A skorch net that can be interrupted, and that can compute its loss by a compiled kernel.

    With a `compiled_loss` a batch is the rows of its sequences, and the kernel computes losses
    and gradients from preloaded data.

    skorch takes every KeyboardInterrupt for a wish to stop early and returns the half-trained
    net as if it were done. Here only those that a user's callbacks raise at the end of an epoch
    (as `skorch.callbacks.EarlyStopping` does) stop training; Ctrl-C interrupts the program.
    """

    compiled_loss = None
    # Whether there are callbacks that may ask to stop by a KeyboardInterrupt.
    stoppable = False
    _checkpoint = None
    # Precision of the products in training, "float32" or "bfloat16".
    precision = "float32"

    def infer(self, x, **fit_params):
        """Compute the output for a batch."""
        with products_in(self.precision, self.device):
            return super().infer(x, **fit_params)

    def train_step_single(self, batch, **fit_params):
        """Compute loss and gradients of a batch."""
        if self.compiled_loss is None:
            return super().train_step_single(batch, **fit_params)
        self._set_training(True)
        rows = np.atleast_2d(batch[0].numpy())
        losses = self.compiled_loss(rows_of_weights(self.module_), rows)
        self.replica_losses_ = losses.detach()
        loss = losses.sum()
        loss.backward()
        return {"loss": loss, "y_pred": None}

    def train_on(self, X, y, checkpoint=None):
        """Train from the present weights, or from a checkpoint, on preloaded tensors."""
        self._checkpoint = checkpoint
        if checkpoint is None or not checkpoint.restore(self):
            self.notify("on_train_begin", X=X, y=y)
        if checkpoint is None or not checkpoint.finished:
            with suppress(StopTraining):
                self.fit_loop(X, y, epochs=self.max_epochs - len(self.history))
            if checkpoint is not None:
                checkpoint.write(self, finished=True)
        self.notify("on_train_end", X=X, y=y)
        self._checkpoint = None

    def notify(self, method_name, **kwargs):
        """Call the callbacks, and keep the state after an epoch."""
        try:
            super().notify(method_name, **kwargs)
        except KeyboardInterrupt as stop:
            if self.stoppable and method_name == "on_epoch_end":
                raise StopTraining from stop
            raise
        if method_name == "on_epoch_end" and self._checkpoint is not None:
            self._checkpoint.keep(self)


def make_net(module, criterion, streams, n_sequences, *, callbacks=(), **options):
    """Return a skorch net, initialised.

    Parameters
    ----------
    module : torch.nn.Module
        What is trained.
    criterion : torch.nn.Module
        The loss.
    streams : list of SeedSequence
        Stream of the batches of each replica.
    n_sequences : int
        Training sequences.
    callbacks : sequence of skorch callbacks, default=()
        Callbacks.
    **options
        ``lr``, ``batch_size``, ``max_steps`` and ``device``; ``optimizer``, its parameters as
        ``optimizer__...``, ``precision`` and ``stoppable``, unless they are the usual ones.

    Returns
    -------
    Net
    """
    batch_size, max_steps = options["batch_size"], options["max_steps"]
    usual = {"optimizer": torch.optim.Adam, "optimizer__foreach": True}
    chosen = {name: value for name, value in options.items() if name.startswith("optimizer")}
    net = Net(
        module,
        criterion=criterion,
        **(usual | chosen),
        lr=options["lr"],
        batch_size=batch_size,
        max_epochs=-(-max_steps // -(-n_sequences // batch_size)),
        dataset=Dataset,
        iterator_train=ShuffledBatches,
        iterator_train__rngs=[np.random.default_rng(stream) for stream in streams],
        iterator_train__max_steps=max_steps,
        train_split=None,
        callbacks=list(callbacks),
        callbacks__print_log=None,
        device=options["device"],
        verbose=0,
    )
    net.precision = options.get("precision", "float32")
    net.stoppable = options.get("stoppable", False)
    return net.initialize()


def train_by_torch(
    network, criterion, stream, X, y, *, callbacks, early_stopping=None, checkpoint=None, **options
):
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
    callbacks : list of skorch callbacks
        Callbacks.
    early_stopping : dict, default=None
        Arguments of `hold_out`; None trains on all sequences to the end.
    checkpoint : Checkpoint, default=None
        Where the state of the training is kept, and what it goes on from.
    **options
        As in `make_net`.

    Returns
    -------
    Net
        The net that trained it.
    """
    if early_stopping is not None:
        X, y, stop = hold_out(X, y, stream, **early_stopping)
        # Before those that look at the end of training: they see the weights that are kept.
        callbacks = [stop, *callbacks]
    net = make_net(network, criterion, [stream], len(X), callbacks=callbacks, **options)
    net.train_on(X, y, checkpoint)
    return net


def train_head_by_torch(network, criterion, stream, X, y, **options):
    """Train the head alone, on hidden states that are computed once.

    Parameters
    ----------
    network : SequenceNetwork
        The network; its core stays as it is, buffers included.
    criterion, stream, X, y, **options
        As in `train_by_torch`.

    Returns
    -------
    Net
        The net of the head.
    """
    network.core.eval()
    with torch.no_grad():
        hidden = torch.cat([network.hidden(chunk) for chunk in X.split(_CHUNK)])
    return train_by_torch(network.head, criterion, stream, hidden, y, **options)


def train_by_scan(networks, criteria, streams, X, y, *, n_threads, **options):
    """Train all weights of networks that differ in weights, data and batches only, at once.

    Parameters
    ----------
    networks : list of SequenceNetwork
        The replicas.
    criteria : list of torch.nn.Module
        Loss of each.
    streams : list of SeedSequence
        Stream of the batches of each.
    X, y : torch.Tensor of shape (n_replicas or 1, n_sequences, n_steps, n_inputs or n_outputs)
        Inputs and targets of each replica, or shared by all.
    n_threads : int
        Threads of the compiled scan.
    **options
        As in `train_by_torch`.

    Returns
    -------
    list of Net
        One a network, with the history of its replica.
    """
    likelihoods = _ratios_and_constants(criteria)
    loss = ScanLoss(networks[0].layout, X.numpy(), y.numpy(), *likelihoods, n_threads)
    return _train_compiled(networks, criteria, streams, loss, X.shape[1], **options)


def train_heads_by_scan(networks, criteria, streams, X, y, *, n_threads, **options):
    """Train the heads of networks alone, on hidden states that are computed once.

    Parameters
    ----------
    networks, criteria, streams, X, y, n_threads, **options
        As in `train_by_scan`.

    Returns
    -------
    list of Net
        The nets of the heads.
    """
    n_data, n_sequences, n_steps, _ = X.shape
    layout = networks[0].layout
    states = np.empty((len(networks), n_sequences, layout.n_hidden, n_steps), np.float32)
    for i, (network, target) in enumerate(zip(networks, states, strict=True)):
        weights = rows_of_weights(network).detach().numpy()
        inputs = X[i if n_data > 1 else 0]
        for first in range(0, n_sequences, _CHUNK):
            chunk = inputs[None, first : first + _CHUNK].numpy()
            _, hidden = run_forward(chunk, weights, layout, n_threads)
            target[first : first + _CHUNK] = hidden[0].swapaxes(1, 2)
    loss = HeadLoss(states, y.numpy(), *_ratios_and_constants(criteria), n_threads)
    heads = [network.head for network in networks]
    return _train_compiled(heads, criteria, streams, loss, n_sequences, **options)


def _ratios_and_constants(criteria):
    """Return what the compiled losses need to know of the losses of replicas."""
    constants = np.array([criterion.constant for criterion in criteria])
    if criteria[0].ratio is None:
        return None, constants
    return np.stack([criterion.ratio for criterion in criteria]), constants


def _train_compiled(
    modules, criteria, streams, loss, n_sequences, *, callbacks, checkpoint=None, **options
):
    """Train replicas by a compiled loss; a single one as it is, so that callbacks can see it."""
    rows = torch.arange(n_sequences)
    if len(modules) == 1:
        net = make_net(*modules, *criteria, streams, n_sequences, callbacks=callbacks, **options)
        net.compiled_loss = loss
        net.train_on(rows, rows, checkpoint)
        net.compiled_loss = None
        return [net]
    replicas, history = Replicas(modules), ReplicaHistory()
    joint = make_net(
        replicas, criteria[0], streams, n_sequences, callbacks=[history, *callbacks], **options
    )
    joint.compiled_loss = loss
    joint.train_on(rows, rows, checkpoint)
    replicas.distribute()
    nets = []
    for replica, each in enumerate(zip(modules, criteria, streams, strict=True)):
        module, criterion, stream = each
        net = make_net(module, criterion, [stream], n_sequences, **options)
        net.history_ = history.of_replica(replica)
        nets.append(net)
    return nets
