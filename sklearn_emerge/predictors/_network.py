"""The torch module behind a neural predictor, its initial weights, and checks of both."""

from copy import deepcopy

import torch
from skorch.callbacks import Callback
from torch import nn

from ..recurrence import KINDS, Layout


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

    @property
    def layout(self):
        """Kind and sizes for the compiled scan."""
        core = self.core
        return Layout(KINDS[type(core)], core.hidden_size, core.input_size, self.head.out_features)


class Replicas(nn.Module):
    """Modules that train together, one row of weights each.

    Parameters
    ----------
    modules : list of torch.nn.Module
        Modules of the same kind; they keep their weights until `distribute` is called.
    """

    def __init__(self, modules):
        super().__init__()
        self.members = list(modules)
        rows = [nn.utils.parameters_to_vector(module.parameters()) for module in modules]
        self.weights = nn.Parameter(torch.stack(rows).detach())

    def distribute(self):
        """Write the weights into the modules."""
        for module, row in zip(self.members, self.weights.detach(), strict=True):
            nn.utils.vector_to_parameters(row.clone(), module.parameters())


def rows_of_weights(module):
    """Return all weights of replicas, or of one module, as rows in the order of a `Layout`."""
    if isinstance(module, Replicas):
        return module.weights
    return nn.utils.parameters_to_vector(module.parameters())[None]


def hidden_states(output):
    """Return the hidden states from what a core returns."""
    return output[0] if isinstance(output, tuple) else output


def is_finite(network):
    """Return whether no weight is infinite or NaN."""
    return all(bool(torch.isfinite(weight).all()) for weight in network.parameters())


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


def check_callbacks(callbacks):
    """Raise a ValueError unless skorch can call all callbacks."""
    for callback in callbacks or ():
        named = isinstance(callback, tuple | list) and len(callback) == 2
        each = callback[1] if named else callback
        if isinstance(each, type):
            known = issubclass(each, Callback)
        else:
            known = each is None or isinstance(each, Callback)
        if not known:
            raise ValueError(
                f"callbacks has {callback!r}, which is no callback; pass objects of classes that "
                "derive from skorch.callbacks.Callback."
            )


def check_device(device):
    """Raise a ValueError unless torch can compute on the device, also in double precision."""
    try:
        # Networks are evaluated in it. The number is read: some devices hold none.
        torch.zeros(1, dtype=torch.float64, device=device).item()
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).partition("\n")[0]
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
