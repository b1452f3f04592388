"""The torch side of a neural predictor: network, initial weights, batches, losses."""

from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import torch
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
        self.core = core
        self.head = nn.Linear(n_hidden, n_outputs)

    def hidden(self, inputs):
        """Return the hidden states after each step."""
        return hidden_states(self.core(inputs))

    def forward(self, inputs):
        """Return the output for the step that follows each input."""
        return self.head(self.hidden(inputs))


def hidden_states(output):
    """Return the hidden states from what a core returns."""
    return output[0] if isinstance(output, tuple) else output


def orthogonalise_recurrent_weights(core):
    """Make every matrix of recurrent weights (`weight_hh*`) orthogonal, gates stacked."""
    for name, parameter in core.named_parameters():
        if "weight_hh" in name:
            nn.init.orthogonal_(parameter)


def scramble_recurrent_weights(core, rng):
    """Permute the entries of every matrix of recurrent weights (`weight_hh*`) in place."""
    scrambled = False
    for name, parameter in core.named_parameters():
        if "weight_hh" in name:
            order = torch.from_numpy(rng.permutation(parameter.numel()))
            with torch.no_grad():
                parameter.copy_(parameter.flatten()[order.to(parameter.device)].view_as(parameter))
            scrambled = True
    if not scrambled:
        raise ValueError(
            "training='scrambled' permutes the recurrent weights, but the module has no "
            "parameter named 'weight_hh...'; choose another training mode."
        )


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
    """Mean negative log-likelihood of scaled data under a Gaussian, in nats on the raw scale.

    Parameters
    ----------
    noise_std : ndarray of shape (n_channels,)
        Standard deviation on the raw scale.
    scale : ndarray of shape (n_channels,)
        What the data were divided by.
    """

    def __init__(self, noise_std, scale):
        super().__init__()
        precision = torch.as_tensor((scale / noise_std) ** 2, dtype=torch.float32)
        self.register_buffer("precision", precision)
        self.constant = float(np.mean(np.log(noise_std)) + 0.5 * np.log(2 * np.pi))

    def forward(self, output, target):
        """Average over sequences, steps and channels."""
        return 0.5 * ((target - output) ** 2 * self.precision).mean() + self.constant


@contextmanager
def isolated_torch(stream, device):
    """Run torch with its own random stream and one thread; both are restored afterwards.

    Networks of this size are slower with two threads than with one, and one thread makes the
    result independent of how many the process was given.
    """
    seed = int(stream.generate_state(1, np.uint64)[0] >> 1)
    device = torch.device(device)
    n_threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
