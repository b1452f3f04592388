"""How networks and random cores go on from a state, a step at a time, and its derivatives."""

from typing import Any, NamedTuple

import numpy as np

from .._typing import Floats
from ..networks import Cell, cell_of
from ._rollout import Rollouts
from ._window import WindowPredictor


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
    """Rollouts, states and Jacobians by the steps of a cell, where there is one.

    Subclasses implement `_cell_and_head`, ``_inputs(X, begin, first)`` of the steps of X, `_mean`
    of outputs of the head, and `_units`.
    """

    def _cell_and_head(self) -> Any:
        """Return the cell, coefficients and intercept, or None if there is no cell."""
        raise NotImplementedError

    def _cell_of_states(self) -> Any:
        """Return the same as `_cell_and_head`, also of a cell that rollouts do without."""
        return self._cell_and_head()

    def _units(self) -> Any:
        """Return what one unit of inputs and of outputs is in units of the data."""
        raise NotImplementedError

    def _begin(self, X: Floats) -> tuple[Floats, Any]:
        found = self._cell_and_head()
        if found is None:
            return super()._begin(X)
        cell, coef, intercept = found
        state = cell.run(self._inputs(X))
        return self._read(Running(cell, coef, intercept, X[:, :1], X.shape[1], state))

    def _advance(self, state: Any, x: Floats) -> tuple[Floats, Any]:
        if not isinstance(state, Running):
            return super()._advance(state, x)
        return self._read(self._after_step(state, x))

    def _read(self, running: Running) -> tuple[Floats, Running]:
        """Return the means and the state."""
        hidden = running.cell.hidden(running.state)
        return self._mean(hidden @ running.coef + running.intercept), running

    def _check_states(self) -> None:
        if self._cell_of_states() is None:
            super()._check_states()

    def _before(self, X: Floats) -> Running:
        cell, coef, intercept = self._cell_of_states()
        state = np.zeros((len(X), cell.n_state))
        return Running(cell, coef, intercept, X[:, :1], 0, state)

    def _after_step(self, running: Running, x: Floats) -> Running:
        following = running.cell.step(running.state, self._enters(running, x))
        return running._replace(n_seen=running.n_seen + 1, state=following)

    def _slopes(self, running: Running, x: Floats) -> tuple[Floats, Floats]:
        by_state, by_inputs = running.cell.jacobian(running.state, self._enters(running, x))
        units = self._units()[0]
        return by_state, by_inputs[:, :, : len(units)] / units

    def _closed_step(self, running: Running) -> tuple[Running, Floats]:
        predicted, _ = self._read(running)
        by_state, by_x = self._slopes(running, predicted)
        # What the hidden states change in what is predicted, and so in what enters.
        by_state[:, :, running.cell.hidden_at] += by_x @ (running.coef * self._units()[1]).T
        return self._after_step(running, predicted), by_state

    def _enters(self, running: Running, x: Floats) -> Floats:
        """Return the inputs of the next step, at which x is observed."""
        return self._inputs(x[:, np.newaxis], running.n_seen, running.first)[:, 0]


def cell_and_head(network: Any, head: Any) -> Any:
    """Return the cell of a network, and its head or another one, or None without a cell."""
    cell = cell_of(network.core, network.n_tokens)
    return None if cell is None else (cell, *weights_of_head(network, head))


def weights_of_head(network: Any, head: Any) -> Any:
    """Return coefficients and intercept of the head of a network, or of another one."""
    if head is not None:
        return head.coef, head.intercept
    return [part.detach().cpu().double().numpy().T for part in network.head.parameters()]


def steps_quickly(predictor: Any, network: Any = None) -> bool:
    """Return whether a step of a rollout costs little: one from a state, or of no features.

    Parameters
    ----------
    predictor : predictor
        Fitted, or as it is before.
    network : torch.nn.Module or None, default=None
        Its network. None is that which it was fitted with, if it has one.
    """
    network = getattr(predictor, "network_", None) if network is None else network
    if network is not None:
        return cell_of(network.core) is not None
    return not isinstance(predictor, WindowPredictor)
