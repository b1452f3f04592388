"""What is read from the layers of a transformer: hidden states, and attention."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._evaluation import NetworkEvaluation

# Sequences whose attention is held at once.
_SEQUENCES = 64


class LayerEvaluation(NetworkEvaluation):
    """Hidden states and attention of all layers; part of `TransformerPredictor`."""

    @property
    def layers_(self):
        """Numbers of the layers whose hidden states there are: 0, the embedding, and all blocks."""
        check_is_fitted(self)
        return tuple(range(len(self.network_.core.blocks) + 1))

    @property
    def context_length_(self):
        """How many of the last steps the next one depends on."""
        check_is_fitted(self)
        return len(self.network_.core.positions)

    def attention_logits(self, X, step=-1):
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

        def read(network, inputs):
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

    def _states(self, X, layer, outputs):
        if layer == self.layers_[-1]:
            return super()._states(X, layer, outputs)

        def read(network, inputs):
            states = network.core.layers(inputs)[layer]
            return network.head(network.core.norm(states)) if outputs else states

        return self._forward(self.fill_missing(self.encode(X)), hidden=not outputs, read=read)
