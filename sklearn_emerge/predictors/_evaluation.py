"""What a network makes of sequences, outside training: in chunks, whatever their size the same."""

from copy import deepcopy
from functools import partial

import numpy as np
import torch

from .._random import seed_sequence
from ..networks import SequenceNetwork, products_in
from ..recurrence import LANES, run_forward
from ..training import isolated_torch, rows_of_weights
from ._windows import last_of_windows

# Sequences that pass through the network at once.
_CHUNK = 1024
# Bytes that the compiled scan may take for the states of a chunk.
_CHUNK_BYTES = 2**28


class NetworkEvaluation:
    """Outputs and hidden states of a fitted network; part of `NeuralPredictor`."""

    def _forward(self, X, *, hidden=False, read=None, exact=True, window=None):
        """Return outputs or hidden states of the network, computed in chunks of sequences.

        With `window` they are those of the last step of each window of so many steps, the first
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
        n_hidden, n_outputs = self.network_.head.in_features, self.network_.head.out_features
        n_columns = n_hidden if hidden and head is None else n_outputs
        n_sequences, n_steps, _ = X.shape
        n_results = n_steps if window is None else n_steps - window
        result = np.empty((n_sequences, n_results, n_columns))
        if self.engine_ == "numba":
            needed = self.network_.layout.bytes_of(n_steps, np.float32)
            size, compute = min(_CHUNK, max(LANES, _CHUNK_BYTES // needed)), self._by_scan(hidden)
        else:
            size, compute = _CHUNK, self._by_torch(read, exact)
        if window is not None:
            # As many steps at once as otherwise.
            size = max(1, size * n_steps // (n_results * window))
        for start in range(0, n_sequences, size):
            chunk = slice(start, start + size)
            inputs = self._inputs(X[chunk])
            values = compute(inputs) if window is None else last_of_windows(compute, inputs, window)
            result[chunk] = values if head is None else head.output(values)
        return result

    @property
    def _n_threads(self):
        """Threads of torch."""
        return torch.get_num_threads() if self._many_threads else 1

    def _by_scan(self, hidden):
        """Return a function that computes outputs or hidden states by the compiled scan."""
        weights = rows_of_weights(self.network_).detach().numpy()
        layout, n_threads = self.network_.layout, torch.get_num_threads()

        def compute(inputs):
            inputs = inputs[np.newaxis].astype(np.float32)
            return run_forward(inputs, weights, layout, n_threads)[1 if hidden else 0][0]

        return compute

    def _by_torch(self, read, exact):
        """Return a function that computes by torch what is read from (network, inputs)."""
        dtype = torch.float64 if exact else torch.float32
        precision = "float32" if exact else getattr(self, "precision", "float32")
        isolated = partial(isolated_torch, seed_sequence(0), self.device, self._n_threads)
        with isolated():
            network = deepcopy(self.network_).to(dtype).eval()

        def compute(inputs):
            with isolated(), torch.no_grad(), products_in(precision, self.device):
                inputs = torch.as_tensor(inputs, dtype=dtype, device=self.device)
                return read(network, inputs).to("cpu", dtype).numpy()

        return compute
