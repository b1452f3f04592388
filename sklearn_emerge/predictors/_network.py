"""The torch side of a neural predictor: network, initial weights, batches, losses."""

from contextlib import contextmanager, suppress
from copy import deepcopy
from threading import RLock

import numpy as np
import torch
from skorch import NeuralNet
from torch import nn


class SequenceNetwork(nn.Module):
    """A recurrent (or any causal) core and a linear head.

    Parameters
    ----------
    core : torch.nn.Module
        Maps (n_sequences, n_steps, n_inputs) to hidden states (n_sequences, n_steps, n_hidden),
        or to a tuple that starts with them, as `torch.nn.GRU` with ``batch_first=True`` does.
    n_hidden : int
        Number of hidden units.
    n_outputs : int
        Number of outputs of the head.
    """

    def __init__(self, core, n_hidden, n_outputs):
        super().__init__()
        self.core_is_frozen = False
        self.core = core
        self.head = nn.Linear(n_hidden, n_outputs)

    def freeze_core(self):
        """Leave the core as it is from now on, buffers included."""
        self.core.requires_grad_(False)
        self.core_is_frozen = True
        self.core.eval()

    def train(self, mode=True):
        """Switch between training and evaluation; a frozen core stays in evaluation."""
        super().train(mode)
        if self.core_is_frozen:
            self.core.eval()
        return self

    def hidden(self, inputs):
        """Return the hidden states after each step."""
        return hidden_states(self.core(inputs))

    def forward(self, inputs):
        """Return the output for the step that follows each input."""
        return self.head(self.hidden(inputs))


def hidden_states(output):
    """Return the hidden states from what a core returns."""
    return output[0] if isinstance(output, tuple) else output


def recurrent_weights(core):
    """Return the matrices of recurrent weights, named `weight_hh...` as in torch."""
    return [parameter for name, parameter in core.named_parameters() if "weight_hh" in name]


def orthogonalise_recurrent_weights(core):
    """Make every matrix of recurrent weights orthogonal, gates stacked."""
    for weights in recurrent_weights(core):
        nn.init.orthogonal_(weights)


def scramble_recurrent_weights(core, rng):
    """Permute the entries of every matrix of recurrent weights in place."""
    for weights in recurrent_weights(core):
        order = torch.from_numpy(rng.permutation(weights.numel())).to(weights.device)
        with torch.no_grad():
            weights.copy_(weights.flatten()[order].view_as(weights))


def check_device(device):
    """Raise a ValueError unless torch can compute on the device."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device={device!r} cannot be used: {reason}. Use 'cpu', or install torch for it."
        ) from error


def check_core(core, n_inputs):
    """Return the number of hidden units after checking what a core must be."""
    # Double precision, as everywhere outside training.
    core = deepcopy(core).cpu().double().eval()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, 4, n_inputs, generator=generator, dtype=torch.float64)
    later, neighbour = inputs.clone(), inputs.clone()
    later[:, 2:] += 1.0
    neighbour[0] += 1.0
    try:
        with torch.no_grad():
            hidden, other, apart = (hidden_states(core(x)) for x in (inputs, later, neighbour))
    except RuntimeError as error:
        raise ValueError(
            f"module failed on inputs of shape {tuple(inputs.shape)} and dtype float64, in which "
            f"networks are evaluated: {error}. Create tensors with dtype=inputs.dtype in forward."
        ) from error
    if not isinstance(hidden, torch.Tensor) or hidden.ndim != 3 or hidden.shape[:2] != (2, 4):
        shape = getattr(hidden, "shape", type(hidden).__name__)
        raise ValueError(
            f"module returned hidden states of shape {tuple(shape)} for inputs of shape "
            f"{tuple(inputs.shape)}; expected (n_sequences, n_steps, n_hidden)."
        )
    if not torch.allclose(hidden[1], apart[1]):
        raise ValueError(
            "module mixes sequences: changing one changes the hidden states of another. Recurrent "
            "modules of torch need batch_first=True."
        )
    if not torch.allclose(hidden[:, :2], other[:, :2]):
        raise ValueError(
            "module is not causal: changing later steps changes earlier hidden states, so it "
            "could read the answer. Use a causal module (not bidirectional, masked attention)."
        )
    return hidden.shape[2]


class ShuffledBatches:
    """Batches of preloaded tensors in reshuffled epochs, `max_steps` of them in all.

    Parameters
    ----------
    dataset : skorch.dataset.Dataset
        Holds the tensors X and y.
    batch_size : int
        Sequences a batch; the last of an epoch may be smaller.
    stream : numpy.random.SeedSequence
        Stream of the order.
    max_steps : int
        Batches in all, over all epochs.
    """

    def __init__(self, dataset, batch_size, stream, max_steps):
        self.dataset = dataset
        self.batch_size = batch_size
        self.rng = np.random.default_rng(stream)
        self.remaining = max_steps

    def __iter__(self):
        """Yield the batches of one epoch."""
        X, y = self.dataset.X, self.dataset.y
        order = torch.from_numpy(self.rng.permutation(len(X))).to(X.device)
        for rows in order.split(self.batch_size)[: self.remaining]:
            self.remaining -= 1
            yield X[rows], y[rows]


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
        precision = torch.as_tensor((scale / noise_std) ** 2, dtype=torch.float32)
        self.register_buffer("precision", precision)
        self.constant = float(np.sum(np.log(noise_std) + 0.5 * np.log(2 * np.pi)))

    def forward(self, output, target):
        """Sum over channels, average over sequences and steps."""
        squares = (target - output) ** 2 * self.precision
        return 0.5 * squares.mean() * output.shape[-1] + self.constant


class BernoulliLoss(nn.Module):
    """Negative log-likelihood per step of zeros and ones given log odds, in nats."""

    def forward(self, output, target):
        """Sum over channels, average over sequences and steps."""
        loss = nn.functional.binary_cross_entropy_with_logits(output, target)
        return loss * output.shape[-1]


class StopTraining(Exception):
    """A callback has asked to stop."""


class Net(NeuralNet):
    """A skorch net that can be interrupted.

    skorch takes every KeyboardInterrupt for a wish to stop early and returns the half-trained
    net as if it were done. Here only those that callbacks raise at the end of an epoch (as
    `skorch.callbacks.EarlyStopping` does) stop training; Ctrl-C interrupts the program.
    """

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
