"""What a network makes of sequences, outside training: in chunks, whatever their size the same."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from .._random import seed_sequence
from .._tokens import as_indices, vocabulary_size
from .._typing import Floats
from .._validation import check_integer
from ..networks import SequenceNetwork, products_in
from ..recurrence import run_forward
from ..training import isolated_torch, rows_of_weights
from ._host import Host
from ._last_inputs import last_of_windows
from ._scores import MOST_BYTES_OF_MEANS

# Sequences that pass through the network at once.
_CHUNK = 1024


class NetworkEvaluation(Host):
    """Outputs and hidden states of a fitted network; part of `NeuralPredictor`."""

    def transform(self, X: ArrayLike) -> Floats:
        """Return the hidden states.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_hidden)
            Entry t is the state after the steps up to t.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        return self.hidden_states(X)

    @property
    def layers_(self) -> tuple[int, ...]:
        """Numbers of the layers whose hidden states there are, the last of which the head reads."""
        check_is_fitted(self)
        return (1,)

    @property
    def context_length_(self) -> int | None:
        """How many of the last steps the next one depends on; None if on all."""
        check_is_fitted(self)
        return None

    def hidden_states(self, X: ArrayLike, layer: int | None = None) -> Floats:
        """Return the hidden states of a layer.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        layer : int, default=None
            One of `layers_`; None is the last, which the head reads.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_hidden)
            Entry t is the state after the steps up to t.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`, or if there is no such layer.
        """
        return self._read_layer(X, layer, outputs=False)

    def layer_outputs(self, X: ArrayLike, layer: int | None = None) -> Floats:
        """Return what the head makes of the hidden states of a layer.

        Of the last layer these are the predictions before they are scaled or become probabilities;
        of others, what the network would predict if it ended there ("logit lens").

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        layer : int, default=None
            One of `layers_`; None is the last, which the head reads.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_outputs)

        Raises
        ------
        NotFittedError, ValueError
            As in `hidden_states`.
        """
        return self._read_layer(X, layer, outputs=True)

    def _read_layer(self, X: ArrayLike, layer: int | None, outputs: bool) -> Floats:
        layers = self.layers_
        if layer is not None and (not isinstance(layer, Integral) or layer not in layers):
            raise ValueError(
                f"layer={layer!r} is not a layer of {type(self).__name__}; choose from "
                f"{', '.join(map(str, layers))}, or None for the last."
            )
        return self._states(X, layers[-1] if layer is None else layer, outputs)

    def _states(self, X: ArrayLike, layer: int, outputs: bool) -> Floats:
        """Return the hidden states of a layer, or what the head makes of them."""
        return self._forward(self.fill_missing(self.encode(X)), hidden=not outputs)

    def generate(self, X: ArrayLike, n_steps: int) -> NDArray[np.integer]:
        """Continue sequences of tokens by the most probable token, again and again.

        Parameters
        ----------
        X : array-like of int of shape (n_sequences, n_prompt)
            The beginnings, of any length from 1 on.
        n_steps : int
            How many tokens to add.

        Returns
        -------
        ndarray of int of shape (n_sequences, n_steps)
            The tokens that were added.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If the predictor was not trained on tokens alone, or X is not made of tokens.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import GRUPredictor
        >>> X = np.arange(300).reshape(30, 10) % 3  # 0 1 2 0 1 2 ...
        >>> model = GRUPredictor(
        ...     8, likelihood="categorical", max_steps=200, lr=0.02, random_state=0
        ... ).fit(X)
        >>> model.generate([[0, 1], [2, 0]], 5)
        array([[2, 0, 1, 2, 0],
               [1, 2, 0, 1, 2]])
        """
        check_is_fitted(self)
        if not self._likelihood.tokens:
            raise ValueError(
                f"generate continues tokens, and this {type(self).__name__} was trained with "
                f"likelihood={self.likelihood_!r}; fit it with likelihood='categorical'."
            )
        if self._n_exogenous:
            raise ValueError(
                f"generate would need the {self._n_exogenous} exogenous channels of the steps that "
                "it adds, which nobody knows; use predict, one step at a time."
            )
        check_integer(n_steps, "n_steps", 0)
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] < 1:
            raise ValueError(
                f"X has shape {X.shape}; beginnings are the rows of an array of shape "
                "(n_sequences, n_prompt) with at least one token each."
            )
        length = self.context_length_ or 0
        tokens: Floats = X[:, :, np.newaxis].astype(np.float64)
        vocabulary_size(tokens, self.n_tokens_)
        tokens = self.fill_missing(tokens)
        for _ in range(n_steps):
            # What is most probable does not hang on the last digits: the precision of training.
            output = self._forward(tokens[:, -length:], exact=False)
            following = output[:, -1, : self.n_tokens_].argmax(axis=1)
            tokens = np.concatenate([tokens, following[:, np.newaxis, np.newaxis]], axis=1)
        return as_indices(tokens[:, X.shape[1] :])

    def _forward(
        self,
        X: Floats,
        *,
        hidden: bool = False,
        read: Callable[..., torch.Tensor] | None = None,
        exact: bool = True,
        window: int | None = None,
        inputs_of: Callable[[slice], Floats] | None = None,
    ) -> Floats:
        """Return outputs or hidden states of the network, computed in chunks of sequences.

        `inputs_of` says what enters for a chunk, given as a slice, in place of the scaled X. With
        `window` they are those of the last step of each window of so many steps, the first
        left out, see `last_of_windows`.

        Whatever the chunk, a sequence gives the same numbers: the compiled scan computes every
        lane alike, and torch computes in double precision, so that rounding hides in the last
        digits (unless `exact` is False, which takes the precision of training).
        """
        # A head in closed form has more digits than that of the network.
        head = self.head_ if read is None and not hidden else None
        hidden = hidden or head is not None
        if read is None:
            read = SequenceNetwork.hidden if hidden else SequenceNetwork.__call__
        n_sequences, n_steps, _ = X.shape
        n_results = n_steps if window is None else n_steps - window
        result: Any = None
        by_scan, size = self.engine_ == "numba", _CHUNK
        last = window is not None
        compute = self._by_scan(hidden, last) if by_scan else self._by_torch(read, exact)
        if self._has_tokens and not hidden:
            # Logits of many tokens are few sequences at once.
            n_bytes = 8 * n_steps * self.network_.head.out_features
            size = min(size, max(1, MOST_BYTES_OF_MEANS // n_bytes))
        if last:
            # As many steps at once as otherwise.
            size = max(1, size * n_steps // (n_results * window))
        for start in range(0, n_sequences, size):
            chunk = slice(start, start + size)
            inputs = self._inputs(X[chunk]) if inputs_of is None else inputs_of(chunk)
            values = compute(inputs) if window is None else last_of_windows(compute, inputs, window)
            values = values if head is None else head.output(values)
            if result is None:
                result = np.empty((n_sequences, n_results, values.shape[2]))
            result[chunk] = values
        return result

    @property
    def _n_threads(self) -> int:
        """Threads of torch."""
        return torch.get_num_threads() if self._many_threads else 1

    def _by_scan(self, hidden: bool, last: bool) -> Callable[[Floats], NDArray[Any]]:
        """Return a function that computes outputs or hidden states by the compiled scan.

        With `last`, of the last step alone.
        """
        weights = rows_of_weights(self.network_).detach().numpy()
        layout, n_threads = self.network_.layout, torch.get_num_threads()
        if hidden:
            layout = replace(layout, n_outputs=0)

        def compute(inputs: Floats) -> NDArray[Any]:
            inputs = inputs[np.newaxis].astype(np.float32)
            return run_forward(inputs, weights, layout, n_threads, last)[1 if hidden else 0][0]

        return compute

    def _by_torch(
        self, read: Callable[..., torch.Tensor], exact: bool
    ) -> Callable[[Floats], NDArray[Any]]:
        """Return a function that computes by torch what is read from (network, inputs)."""
        dtype = torch.float64 if exact else torch.float32
        precision = "float32" if exact else getattr(self, "precision", "float32")
        isolated = partial(isolated_torch, seed_sequence(0), self.device, self._n_threads)
        with isolated():
            network = deepcopy(self.network_).to(dtype).eval()

        def compute(inputs: Any) -> NDArray[Any]:
            with isolated(), torch.no_grad(), products_in(precision, self.device):
                inputs = torch.as_tensor(inputs, dtype=dtype, device=self.device)
                return read(network, inputs).to("cpu", dtype).numpy()

        return compute
