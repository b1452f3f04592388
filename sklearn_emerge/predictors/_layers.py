"""What is read from the layers of a transformer: hidden states, and attention."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._typing import Floats
from ..networks import SequenceNetwork
from ._evaluation import NetworkEvaluation
from ._places import check_steps

# Sequences whose attention is held at once.
_SEQUENCES = 64
# Bytes of attention that are returned, at most, and that are computed at once.
_MOST_BYTES, _CHUNK_BYTES = 2**31, 2**27


class LayerEvaluation(NetworkEvaluation):
    """Hidden states and attention of all layers; part of `TransformerPredictor`."""

    @property
    def layers_(self) -> tuple[int, ...]:
        """Numbers of the layers whose hidden states there are: 0, the embedding, and all blocks."""
        check_is_fitted(self)
        return tuple(range(len(self.network_.core.blocks) + 1))

    @property
    def context_length_(self) -> int:
        """How many of the last steps the next one depends on."""
        check_is_fitted(self)
        return len(self.network_.core.positions)

    @property
    def _places(self) -> dict[str, tuple[str, bool]]:
        places = {"embedding": ("core.blocks.0", True)}
        for i in range(len(self.network_.core.blocks)):
            parts = {"attention": ".attention", "mlp": ".feedforward", "output": ""}
            for name, part in parts.items():
                places[f"layer {i + 1} {name}"] = (f"core.blocks.{i}{part}", False)
        return places | super()._places

    def _place_of_layer(self, layer: int) -> str:
        if layer == self.layers_[-1]:
            return super()._place_of_layer(layer)
        return f"layer {layer} output" if layer else "embedding"

    def _depth_of_place(self, place: str) -> float:
        if place == "embedding":
            return 0.0
        if place.startswith("layer "):
            # All places of a block are in its layer.
            return int(place.split()[1]) / self.layers_[-1]
        return super()._depth_of_place(place)

    def attention_logits(self, X: ArrayLike, step: int = -1) -> Floats:
        r"""Return what the heads make of the steps before one, before the softmax.

        .. math:: g_{l,h,t} = s \, q_{l,h} \cdot k_{l,h,t}

        for layer l, head h and key t, where the query is that of `step`.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        step : int or array-like of int of shape (n_sequences,), default=-1
            The step that attends, the same for all sequences or one each; within the context,
            negative from the end of it.

        Returns
        -------
        ndarray of shape (n_sequences, n_layers, n_heads, n_keys)
            Minus infinity for keys after `step`. There are as many keys as steps, or as the
            context has if that is less.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`, or if a step is not in the context.
        """
        X = self.fill_missing(self.encode(X))[:, : self.context_length_]
        n_keys = X.shape[1]
        steps = np.broadcast_to(step, len(X)) if np.ndim(step) == 0 else np.asarray(step)
        whole = steps.shape == (len(X),) and np.issubdtype(steps.dtype, np.integer)
        if not whole or not ((steps >= -n_keys) & (steps < n_keys)).all():
            raise ValueError(
                f"step={step!r} must be one integer, or one a sequence, from {-n_keys} to "
                f"{n_keys - 1}: the network sees {n_keys} steps at once."
            )
        steps = steps % n_keys

        def read(network: SequenceNetwork, inputs: torch.Tensor) -> torch.Tensor:
            return network.core.attention_logits(inputs)

        compute = self._by_torch(read, exact=True)
        parts = []
        # A pair of all steps for each head is much for many sequences at once.
        for start in range(0, len(X), _SEQUENCES):
            chunk = slice(start, start + _SEQUENCES)
            logits = compute(self._inputs(X[chunk]))
            parts.append(logits[np.arange(len(logits)), :, :, steps[chunk]])
        later = np.arange(n_keys) > steps[:, np.newaxis]
        return np.where(later[:, np.newaxis, np.newaxis], -np.inf, np.concatenate(parts))

    def attention_pattern(
        self, X: ArrayLike, layer: int | None = None, steps: Any = None
    ) -> Floats:
        r"""Return how much of their attention steps give to each step up to them.

        .. math:: a_{l,h,i,t} = \operatorname{softmax}_{t \le i}(s \, q_{l,h,i} \cdot k_{l,h,t})

        for layer l, head h, query i and key t. Each row adds up to 1.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences, which are seen as far as the context reaches.
        layer : int or sequence of int, default=None
            One of the blocks or several, numbered from 1; None is all.
        steps : int or sequence of int, default=None
            Which steps attend, negative from the end of the context; None is all.

        Returns
        -------
        ndarray of shape (n_sequences, n_layers, n_heads, n_queries, n_keys)
            In the order of layers and steps; 0 for keys after the query. There are as many keys as
            steps, or as the context has if that is less.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`, if there is no such layer or step, or the result had more than 2 GiB.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import TransformerPredictor
        >>> X = np.arange(300).reshape(30, 10) % 3
        >>> model = TransformerPredictor(
        ...     16, n_layers=2, likelihood="categorical", max_steps=1, random_state=0
        ... ).fit(X)
        >>> pattern = model.attention_pattern(X, layer=2)
        >>> pattern.shape
        (30, 1, 4, 9, 9)
        >>> pattern[0, 0, 0, 1].round(1).tolist()
        [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        """
        check_is_fitted(self)
        X = self.fill_missing(self.encode(X))[:, : self.context_length_]
        n_keys, blocks = X.shape[1], self.network_.core.blocks
        known = range(1, len(blocks) + 1)
        layers = np.atleast_1d(known if layer is None else layer).tolist()
        if not layers or not all(isinstance(each, int) and each in known for each in layers):
            raise ValueError(
                f"layer={layer!r} must be one integer or several, from 1 to {len(blocks)}: the "
                "layers with attention. None is all."
            )
        chosen = [each - 1 for each in sorted(set(layers))]
        queries = check_steps(steps, n_keys, "steps")
        n_heads = blocks[0].attention.n_heads
        shape = (len(X), len(chosen), n_heads, len(queries), n_keys)
        needed = 8 * math.prod(shape)
        if needed > _MOST_BYTES:
            raise ValueError(
                f"The attention of {len(X)} sequences of {n_keys} steps, {len(chosen)} layers and "
                f"{n_heads} heads at {len(queries)} steps takes {needed / 2**30:.3g} GiB, more "
                f"than {_MOST_BYTES / 2**30:.3g}; pass fewer sequences, or choose by layer=... or "
                "steps=...."
            )

        def read(network: SequenceNetwork, inputs: torch.Tensor) -> torch.Tensor:
            return network.core.attention(inputs, chosen, queries)

        compute, result = self._by_torch(read, exact=True), np.empty(shape)
        # One layer with all of its queries is computed at once, beside what is kept.
        size = max(1, _CHUNK_BYTES // (8 * n_heads * n_keys * (n_keys + len(queries))))
        for start in range(0, len(X), size):
            chunk = slice(start, start + size)
            result[chunk] = compute(self._inputs(X[chunk]))
        return result

    def _states(self, X: ArrayLike, layer: int, outputs: bool) -> Floats:
        if layer == self.layers_[-1]:
            return super()._states(X, layer, outputs)

        def read(network: SequenceNetwork, inputs: torch.Tensor) -> torch.Tensor:
            states = network.core.layers(inputs)[layer]
            return network.head(network.core.norm(states)) if outputs else states

        return self._forward(self.fill_missing(self.encode(X)), hidden=not outputs, read=read)
