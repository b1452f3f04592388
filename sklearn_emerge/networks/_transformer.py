"""A causal transformer as a torch module, from inputs to hidden states."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from ._attention import attend, is_quick
from ._tokens import TokenLinear


class Attention(nn.Module):
    """Causal self-attention of several heads.

    Parameters
    ----------
    width : int
        Size of the hidden states.
    n_heads : int
        Number of heads, a divisor of `width`.
    scale : float
        What the products of queries and keys are multiplied by.
    dropout : float
        Probability with which an attention weight is left out in training.

    Attributes
    ----------
    compiled : bool
        Whether a kernel computes it now, see `by_kernel`.
    """

    compiled = False

    def __init__(self, width: int, n_heads: int, scale: float, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.scale, self.dropout = n_heads, scale, dropout
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)

    def _by_head(self, part: nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        split = (*hidden.shape[:2], self.n_heads, hidden.shape[2] // self.n_heads)
        return part(hidden).view(split).transpose(1, 2)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the scaled products of each query and key, (n_sequences, n_heads, query, key)."""
        queries, keys = (self._by_head(part, hidden) for part in (self.query, self.key))
        return self.scale * queries @ keys.transpose(2, 3)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return what the heads read from each step and those before it."""
        read_by = self.query, self.key, self.value
        if self.compiled:
            queries, keys, values = (part(hidden).float() for part in read_by)
            return self.output(attend(queries, keys, values, self.n_heads, self.scale))
        parts = [self._by_head(part, hidden) for part in read_by]
        precision = nullcontext()
        if hidden.device.type == "cpu" and parts[0].dtype == torch.bfloat16:
            # On a CPU its gradient takes ten times as long in half precision.
            parts = [part.float() for part in parts]
            precision = torch.autocast("cpu", enabled=False)
        with precision:
            read = scaled_dot_product_attention(
                *parts,
                dropout_p=self.dropout if self.training else 0.0,
                is_causal=True,
                scale=self.scale,
            )
        return self.output(read.transpose(1, 2).flatten(2))


@contextmanager
def by_kernel(attentions: Sequence[Attention]) -> Iterator[None]:
    """Let compiled kernels compute some attentions, which can be differentiated once then."""
    for attention in attentions:
        attention.compiled = True
    try:
        yield
    finally:
        for attention in attentions:
            attention.compiled = False


def quick_by_kernel(network: nn.Module, n_steps: int, n_sequences: int) -> list[Attention]:
    """Return the attentions of a network that are quicker by compiled kernels.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    n_steps : int
        Steps of a sequence.
    n_sequences : int
        Sequences that it is trained on, in all updates together. The choice depends on the network
        and on the size of its fit alone: the two ways round differently.

    Returns
    -------
    list of Attention
    """
    found = [part for part in network.modules() if isinstance(part, Attention)]
    n_heads = sum(part.n_heads for part in found)
    n_passed = n_heads * n_sequences
    return [
        part
        for part in found
        if not part.dropout and is_quick(part.query.weight, part.n_heads, n_steps, n_passed)
    ]


class Block(nn.Module):
    """Attention and a feed-forward network, each added to what it reads.

    Parameters
    ----------
    width, n_heads, scale, dropout
        As in `Attention`.
    feedforward_size : int
        Units between the two layers of the feed-forward network.
    norm : {"pre", "post"}
        Whether each part reads normalised states, or the sum is normalised.
    activate_output : bool
        Whether the activation follows both layers of the feed-forward network.
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        scale: float,
        dropout: float,
        feedforward_size: int,
        norm: str,
        activate_output: bool,
    ) -> None:
        super().__init__()
        self.pre = norm == "pre"
        self.attention = Attention(width, n_heads, scale, dropout)
        layers = [nn.Linear(width, feedforward_size), nn.GELU(), nn.Linear(feedforward_size, width)]
        self.feedforward = nn.Sequential(*layers, *([nn.GELU()] if activate_output else []))
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def attention_logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits of the attention, see `Attention.logits`."""
        return self.attention.logits(self.attention_norm(hidden) if self.pre else hidden)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the hidden states after the block."""
        parts = (self.attention, self.attention_norm), (self.feedforward, self.feedforward_norm)
        for part, norm in parts:
            if self.pre:
                hidden = hidden + self.dropout(part(norm(hidden)))
            else:
                hidden = norm(hidden + self.dropout(part(hidden)))
        return hidden


class TransformerCore(nn.Module):
    """A stack of blocks over embedded inputs and positions.

    Parameters
    ----------
    n_inputs : int
        Columns of the embedding: channels of the input, and one for each token.
    context : int
        Number of positions: how many steps are seen at once.
    width : int
        Size of the hidden states.
    n_layers : int
        Number of blocks.
    bias : bool
        Whether the embedding of the inputs has a bias. That of tokens needs none.
    norm : {"pre", "post"}
        As in `Block`; "pre" has a further normalisation at the end.
    n_tokens : int or None, default=None
        Size of the vocabulary if inputs are tokens, as numbers, and what is behind them.
    **options
        Of `Block`.
    """

    def __init__(
        self,
        n_inputs: int,
        context: int,
        width: int,
        n_layers: int,
        *,
        bias: bool,
        norm: str,
        n_tokens: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.takes_tokens = n_tokens is not None
        if n_tokens is None:
            self.embedding = nn.Linear(n_inputs, width, bias=bias)
        else:
            self.embedding = TokenLinear(n_tokens, n_inputs, width, bias=bias)
        self.positions = nn.Parameter(torch.empty(context, width))
        self.blocks = nn.ModuleList(Block(width, norm=norm, **options) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width) if norm == "pre" else nn.Identity()

    def layers(self, inputs: torch.Tensor, memory: int | None = None) -> list[torch.Tensor]:
        """Return the hidden states of all layers, the embedding first.

        Steps beyond the context see a window of the last steps, each of its own. With `memory`
        all steps see no more than so many, at the positions that these have without it.
        """
        n_steps, context = inputs.shape[1], len(self.positions)
        memory = min(memory or context, context)
        states = self.window(inputs[:, :memory])
        for end in range(memory + 1, n_steps + 1):
            first = min(end, context) - memory
            window = self.window(inputs[:, end - memory : end], first)
            states = [torch.cat([s, w[:, -1:]], dim=1) for s, w in zip(states, window, strict=True)]
        return states

    def window(self, inputs: torch.Tensor, first: int = 0) -> list[torch.Tensor]:
        """Return the hidden states of all layers for no more steps than the context.

        `first` is the position of the first step.
        """
        positions = self.positions[first : first + inputs.shape[1]]
        states = [self.embedding(inputs) + positions]
        for block in self.blocks:
            states.append(block(states[-1]))
        states[-1] = self.norm(states[-1])
        return states

    def attention_logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of all blocks, (n_sequences, n_blocks, n_heads, query, key)."""
        states = self.window(inputs)
        pairs = zip(self.blocks, states, strict=False)
        return torch.stack([block.attention_logits(hidden) for block, hidden in pairs], dim=1)

    def attention(
        self, inputs: torch.Tensor, layers: Sequence[int], steps: ArrayLike
    ) -> torch.Tensor:
        """Return the attention weights of some blocks, numbered from 0, where some steps attend.

        Their shape is (n_sequences, n_blocks, n_heads, query, key).
        """
        states, attending = self.window(inputs), torch.as_tensor(steps, device=inputs.device)
        later = torch.arange(inputs.shape[1], device=inputs.device) > attending[:, None]
        weights = []
        for layer in layers:
            logits = self.blocks[layer].attention_logits(states[layer])[:, :, attending]
            weights.append(logits.masked_fill(later, -torch.inf).softmax(dim=-1))
        return torch.stack(weights, dim=1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the hidden states that the head reads."""
        return self.layers(inputs)[-1]


@torch.no_grad()
def initialise(core: TransformerCore, kind: str) -> None:
    """Set the initial weights.

    Parameters
    ----------
    core : TransformerCore
        The module.
    kind : {"normal", "glorot"}
        "normal": standard deviation .02, and for what is added to the hidden states divided by
        the root of twice the number of blocks, as in GPT-2. "glorot": uniform by Glorot's rule,
        with embeddings uniform in +-.05, as in Keras.
    """
    for name, weights in core.named_parameters():
        embedding = name in ("positions", "embedding.weight")
        if "norm" in name:
            continue
        if name.endswith("bias"):
            nn.init.zeros_(weights)
        elif kind == "normal":
            added = name.endswith(("attention.output.weight", "feedforward.2.weight"))
            nn.init.normal_(weights, std=0.02 / (2 * len(core.blocks)) ** 0.5 if added else 0.02)
        elif embedding:
            nn.init.uniform_(weights, -0.05, 0.05)
        else:
            nn.init.xavier_uniform_(weights)
