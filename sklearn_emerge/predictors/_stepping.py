"""How networks and random cores go on from a state, a step at a time."""

from typing import Any, NamedTuple

import numpy as np

from ..networks import Cell, cell_of
from ._rollout import Rollouts


class Running(NamedTuple):
    """A recurrent core that has seen some steps, in double precision.

    Attributes
    ----------
    cell : Cell
        What makes a step.
    coef, intercept : ndarray
        The head, (n_units, n_outputs) and (n_outputs,).
    first : ndarray of shape (n_sequences, 1, n_channels)
        The first step of the sequences, which inputs may be counted from.
    n_seen : int
        How many steps it has seen.
    state : ndarray of shape (n_sequences, n_state)
        The state after them.
    """

    cell: Cell
    coef: np.ndarray
    intercept: np.ndarray
    first: np.ndarray
    n_seen: int
    state: np.ndarray


class CellRollouts(Rollouts):
    """Rollouts from the state of a cell, where there is one.

    Subclasses implement `_cell_and_head`, ``_inputs(X, begin, first)`` of the steps of X, and
    `_mean` of outputs of the head.
    """

    def _cell_and_head(self) -> Any:
        """Return the cell, coefficients and intercept, or None if there is no cell."""
        raise NotImplementedError

    def _begin(self, X):
        found = self._cell_and_head()
        if found is None:
            return super()._begin(X)
        state = found[0].run(self._inputs(X))
        return self._read(Running(*found, X[:, :1], X.shape[1], state))

    def _closed_states(self, X, n_steps):
        """Yield the hidden states after the last step of X, and after each step of the rollout."""
        mean, running = self._begin(X)
        if not isinstance(running, Running):
            raise ValueError(
                f"{type(self).__name__} has no cell whose state goes on by itself; pass a network "
                "of one plain RNN, GRU or LSTM layer, or an EchoStatePredictor."
            )
        yield running.cell.hidden(running.state)
        for _ in range(n_steps):
            mean, running = self._advance(running, self._likelihood.clip(mean))
            yield running.cell.hidden(running.state)

    def _advance(self, state, x):
        if not isinstance(state, Running):
            return super()._advance(state, x)
        inputs = self._inputs(x[:, np.newaxis], state.n_seen, state.first)[:, 0]
        following = state.cell.step(state.state, inputs)
        return self._read(state._replace(n_seen=state.n_seen + 1, state=following))

    def _read(self, running):
        """Return the means and the state."""
        hidden = running.cell.hidden(running.state)
        return self._mean(hidden @ running.coef + running.intercept), running


def cell_and_head(network, head):
    """Return the cell of a network, and its head or another one, or None without a cell."""
    cell = cell_of(network.core)
    if cell is None:
        return None
    if head is not None:
        return cell, head.coef, head.intercept
    weights = (part.detach().cpu().double().numpy().T for part in network.head.parameters())
    return cell, *weights
