"""Tokens at the input of a network: what a matrix makes of them is looked up.

Inputs of tokens have the token, as a number, and behind it what else enters (exogenous channels and
the clock). The product of a matrix with a channel a token, of which one is 1 and all others are 0,
is a column of it.
"""

import torch
from torch import nn
from torch.nn.functional import embedding, linear


def look_up(inputs: torch.Tensor, weight: torch.Tensor, n_tokens: int) -> torch.Tensor:
    """Return what a matrix makes of tokens and what is behind them.

    Parameters
    ----------
    inputs : torch.Tensor of shape (n_sequences, n_steps, 1 + n_others)
        Tokens first.
    weight : torch.Tensor of shape (n_units, n_tokens + n_others)
        The matrix, a column a token.
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    torch.Tensor of shape (n_sequences, n_steps, n_units)
    """
    columns, kind = weight[:, :n_tokens].T, inputs.device.type
    # Programs are exported in single precision, and torch 2.6 cannot ask while it exports.
    asked = not torch.compiler.is_compiling() and torch.amp.is_autocast_available(kind)
    if asked and torch.is_autocast_enabled(kind):
        # As a product would be.
        columns = columns.to(torch.get_autocast_dtype(kind))
    found = embedding(inputs[..., 0].long(), columns)
    if inputs.shape[-1] == 1:
        return found
    return found + linear(inputs[..., 1:], weight[:, n_tokens:])


def as_channels(inputs: torch.Tensor, n_tokens: int) -> torch.Tensor:
    """Return inputs with a channel a token, for modules that know of nothing else.

    Parameters
    ----------
    inputs : torch.Tensor of shape (..., 1 + n_others)
        Tokens first.
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    torch.Tensor of shape (..., n_tokens + n_others)
    """
    tokens = torch.arange(n_tokens, device=inputs.device)
    channels = (inputs[..., :1].long() == tokens).to(inputs.dtype)
    return torch.cat([channels, inputs[..., 1:]], dim=-1)


class TokenLinear(nn.Linear):
    """A linear map of tokens, and of what is behind them, by looking up.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    *args, **options
        Of `torch.nn.Linear`, whose inputs have a channel a token.
    """

    def __init__(self, n_tokens: int, *args: int, **options: bool) -> None:
        super().__init__(*args, **options)
        self.n_tokens = n_tokens

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return what the map makes of inputs of shape (n_sequences, n_steps, 1 + n_others)."""
        found = look_up(inputs, self.weight, self.n_tokens)
        return found if self.bias is None else found + self.bias


def run_layer(core: nn.RNNBase, inputs: torch.Tensor, n_tokens: int) -> torch.Tensor:
    """Return the hidden states of a recurrent layer of torch, or several, given tokens.

    Where the vocabulary is larger than the gates of the first layer, what it makes of inputs is
    looked up, and enters a layer whose matrix of inputs is the identity; a smaller one is quicker
    to multiply.

    Parameters
    ----------
    core : torch.nn.RNN, torch.nn.GRU or torch.nn.LSTM
        The layer.
    inputs : torch.Tensor of shape (n_sequences, n_steps, 1 + n_others)
        Tokens first.
    n_tokens : int
        Size of the vocabulary.

    Returns
    -------
    torch.Tensor of shape (n_sequences, n_steps, n_units)
    """
    weight: torch.Tensor = core.weight_ih_l0
    n_gates = len(weight)
    if n_tokens <= n_gates or core.bidirectional:
        return core(as_channels(inputs, n_tokens))[0]
    driven = look_up(inputs, weight, n_tokens)
    weights = dict(core.named_parameters())
    weights["weight_ih_l0"] = torch.eye(n_gates, dtype=weight.dtype, device=weight.device)
    options = {name: getattr(core, name) for name in ("num_layers", "bias", "dropout")}
    if isinstance(core, nn.RNN):
        options["nonlinearity"] = core.nonlinearity
    elif core.proj_size:
        options["proj_size"] = core.proj_size
    with torch.device("meta"):
        layer = type(core)(n_gates, core.hidden_size, batch_first=core.batch_first, **options)
    layer.train(core.training)
    return torch.func.functional_call(layer, weights, (driven,))[0]
