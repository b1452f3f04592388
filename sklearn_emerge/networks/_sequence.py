"""The torch module behind a neural predictor: a core, a linear head, and their weights."""

from typing import Any

import numpy as np
import torch
from torch import nn

from ..recurrence import KINDS, Layout
from ._tokens import as_channels, run_layer


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
    n_tokens : int or None, default=None
        Size of the vocabulary if inputs are tokens: the token as a number, and behind it what else
        enters. A core with an attribute `takes_tokens` that is true receives them so; of others
        each token is a channel, and recurrent layers of torch look up what they make of it.
    """

    def __init__(
        self, core: nn.Module, n_hidden: int, n_outputs: int, n_tokens: int | None = None
    ) -> None:
        super().__init__()
        self.core, self.n_tokens = core, n_tokens
        self.head = nn.Linear(n_hidden, n_outputs)

    def hidden(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the hidden states after each step."""
        if self.n_tokens is not None and not getattr(self.core, "takes_tokens", False):
            if isinstance(self.core, nn.RNNBase):
                return run_layer(self.core, inputs, self.n_tokens)
            inputs = as_channels(inputs, self.n_tokens)
        return hidden_states(self.core(inputs))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the output for the step that follows each input."""
        return self.head(self.hidden(inputs))

    @property
    def layout(self) -> Layout:
        """Kind and sizes for the compiled scan."""
        core = self.core
        sizes = core.hidden_size, core.input_size, self.head.out_features
        return Layout(KINDS[type(core)], *sizes, self.n_tokens or 0)


def hidden_states(output: torch.Tensor | tuple[Any, ...]) -> torch.Tensor:
    """Return the hidden states from what a core returns."""
    return output[0] if isinstance(output, tuple) else output


def is_finite(network: nn.Module) -> bool:
    """Return whether no weight is infinite or NaN."""
    return all(bool(torch.isfinite(weight).all()) for weight in network.parameters())


def recurrent_weights(core: nn.Module) -> list[nn.Parameter]:
    """Return the matrices of recurrent weights, named `weight_hh...` as in torch."""
    return [parameter for name, parameter in core.named_parameters() if "weight_hh" in name]


def orthogonalise_recurrent_weights(core: nn.Module) -> None:
    """Make every matrix of recurrent weights orthogonal, gates stacked."""
    for weights in recurrent_weights(core):
        nn.init.orthogonal_(weights)


def scramble_recurrent_weights(core: nn.Module, rng: np.random.Generator) -> None:
    """Permute the entries of every matrix of recurrent weights in place."""
    for weights in recurrent_weights(core):
        order = torch.from_numpy(rng.permutation(weights.numel())).to(weights.device)
        with torch.no_grad():
            weights.copy_(weights.flatten()[order].view_as(weights))
