"""Recurrent cells in numpy and double precision: one step of a core from a state."""

from abc import ABC, abstractmethod

import numpy as np
from torch import nn

from .._tokens import as_indices
from .._typing import Floats
from ..recurrence import is_plain

Pair = tuple[Floats, Floats]


class Cell(ABC):
    """One step of a recurrent core, whose weights are as those of torch, transposed.

    Parameters
    ----------
    input_weights : ndarray of shape (n_inputs, n_gates * n_units)
        Gates in the order of torch.
    recurrent_weights : ndarray of shape (n_units, n_gates * n_units)
        Those of the hidden states.
    input_bias, recurrent_bias : ndarray of shape (n_gates * n_units,) or float
        What is added to the products with inputs, and with hidden states.

    Inputs of tokens, where `n_tokens` is set, are the token as a number, and behind it what else
    enters.

    Attributes
    ----------
    n_units : int
        Units of the hidden states.
    n_state : int
        Numbers of a state, which may have more than the hidden states.
    n_tokens : int or None
        Size of the vocabulary, None if inputs are channels.
    """

    n_tokens: int | None = None

    def __init__(
        self,
        input_weights: Floats,
        recurrent_weights: Floats,
        input_bias: Floats | float = 0.0,
        recurrent_bias: Floats | float = 0.0,
    ) -> None:
        # Small matrices are quicker to multiply row by row.
        self.input_weights = np.ascontiguousarray(input_weights)
        self.recurrent_weights = np.ascontiguousarray(recurrent_weights)
        self.input_bias, self.recurrent_bias = input_bias, recurrent_bias
        self.n_units = self.n_state = len(recurrent_weights)

    def run(self, inputs: Floats) -> Floats:
        """Return the state after inputs of shape (n_sequences, n_steps, n_inputs), from zero."""
        state = np.zeros((len(inputs), self.n_state))
        for t in range(inputs.shape[1]):
            state = self.step(state, inputs[:, t])
        return state

    @abstractmethod
    def step(self, state: Floats, inputs: Floats) -> Floats:
        """Return the state after one more step.

        Parameters
        ----------
        state : ndarray of shape (n_sequences, n_state)
            The state before.
        inputs : ndarray of shape (n_sequences, n_inputs)
            What enters.

        Returns
        -------
        ndarray of shape (n_sequences, n_state)
        """

    @abstractmethod
    def jacobian(self, state: Floats, inputs: Floats) -> Pair:
        """Return the derivatives of the state after one more step.

        Parameters
        ----------
        state : ndarray of shape (n_sequences, n_state)
            The state before.
        inputs : ndarray of shape (n_sequences, n_inputs)
            What enters.

        Returns
        -------
        ndarray of shape (n_sequences, n_state, n_state)
            By the state before: entry (s, i, j) is that of number i by number j.
        ndarray of shape (n_sequences, n_state, n_inputs)
            By the inputs, a token of the vocabulary each if they are tokens.
        """

    @property
    def hidden_at(self) -> slice:
        """Where in a state the hidden states are, which the head reads."""
        return slice(self.n_units)

    def hidden(self, state: Floats) -> Floats:
        """Return the hidden states, which the head reads."""
        return state[:, self.hidden_at]

    def _drives(self, hidden: Floats, inputs: Floats) -> Pair:
        """Return what inputs and hidden states give to the gates."""
        n = self.n_tokens
        if n is None:
            driven = inputs @ self.input_weights
        else:
            driven = self.input_weights[as_indices(inputs)]
            driven += inputs[:, 1:] @ self.input_weights[n:]
        driven += self.input_bias
        kept = hidden @ self.recurrent_weights
        kept += self.recurrent_bias
        return driven, kept

    def _through(self, by_kept: list[Floats], by_driven: list[Floats] | None = None) -> Pair:
        """Return derivatives of what the gates make, by hidden states and by inputs.

        `by_kept` has, gate by gate, the derivative by what the hidden states give to it, of shape
        (n_sequences, n_units), and `by_driven` that by what inputs do, the same if None. Later
        gates may be left out.
        """
        by_inputs = _weighted(by_driven or by_kept, self.input_weights)
        return _weighted(by_kept, self.recurrent_weights), by_inputs


class RNNCell(Cell):
    """The cell of `torch.nn.RNN`, with tanh."""

    def step(self, state: Floats, inputs: Floats) -> Floats:
        """Return the state after one more step, see `Cell.step`."""
        driven, kept = self._drives(state, inputs)
        return np.tanh(driven + kept)

    def jacobian(self, state: Floats, inputs: Floats) -> Pair:
        """Return the derivatives of one more step, see `Cell.jacobian`."""
        return self._through([1 - self.step(state, inputs) ** 2])


class LeakyCell(Cell):
    """The cell of an echo-state network.

    Parameters
    ----------
    *weights : ndarray
        As of `Cell`.
    leak : float
        The share of a state that is new.
    """

    def __init__(self, *weights: Floats, leak: float) -> None:
        super().__init__(*weights)
        self.leak = leak

    def step(self, state: Floats, inputs: Floats) -> Floats:
        """Return the state after one more step, see `Cell.step`."""
        driven, kept = self._drives(state, inputs)
        return (1 - self.leak) * state + self.leak * np.tanh(driven + kept)

    def jacobian(self, state: Floats, inputs: Floats) -> Pair:
        """Return the derivatives of one more step, see `Cell.jacobian`."""
        driven, kept = self._drives(state, inputs)
        by_state, by_inputs = self._through([self.leak * (1 - np.tanh(driven + kept) ** 2)])
        _diagonal(by_state)[...] += 1 - self.leak
        return by_state, by_inputs


class GRUCell(Cell):
    """The cell of `torch.nn.GRU`: reset gate, update gate, candidate."""

    def step(self, state: Floats, inputs: Floats) -> Floats:
        """Return the state after one more step, see `Cell.step`."""
        driven, kept = self._drives(state, inputs)
        n = 2 * self.n_units
        gates = _sigmoid(driven[:, :n] + kept[:, :n])
        reset, update = gates[:, : self.n_units], gates[:, self.n_units :]
        candidate = reset * kept[:, n:]
        candidate += driven[:, n:]
        np.tanh(candidate, out=candidate)
        return candidate + update * (state - candidate)

    def jacobian(self, state: Floats, inputs: Floats) -> Pair:
        """Return the derivatives of one more step, see `Cell.jacobian`."""
        driven, kept = self._drives(state, inputs)
        n = 2 * self.n_units
        gates = _sigmoid(driven[:, :n] + kept[:, :n])
        reset, update = gates[:, : self.n_units], gates[:, self.n_units :]
        candidate = np.tanh(driven[:, n:] + reset * kept[:, n:])
        by_candidate = (1 - update) * (1 - candidate**2)
        by_reset = by_candidate * kept[:, n:] * reset * (1 - reset)
        by_update = (state - candidate) * update * (1 - update)
        by_state, by_inputs = self._through(
            [by_reset, by_update, by_candidate * reset], [by_reset, by_update, by_candidate]
        )
        _diagonal(by_state)[...] += update
        return by_state, by_inputs


class LSTMCell(Cell):
    """The cell of `torch.nn.LSTM`: input gate, forget gate, candidate, output gate.

    A state has the hidden states and, behind them, the cells of the memory.
    """

    def __init__(self, *weights: Floats) -> None:
        super().__init__(*weights)
        self.n_state = 2 * self.n_units

    def step(self, state: Floats, inputs: Floats) -> Floats:
        """Return the state after one more step, see `Cell.step`."""
        n = self.n_units
        driven, kept = self._drives(state[:, :n], inputs)
        driven += kept
        candidate = np.tanh(driven[:, 2 * n : 3 * n])
        gates = _sigmoid(driven)
        memory = gates[:, n : 2 * n] * state[:, n:]
        memory += gates[:, :n] * candidate
        return np.concatenate([gates[:, 3 * n :] * np.tanh(memory), memory], axis=1)

    def jacobian(self, state: Floats, inputs: Floats) -> Pair:
        """Return the derivatives of one more step, see `Cell.jacobian`."""
        n = self.n_units
        driven, kept = self._drives(state[:, :n], inputs)
        driven += kept
        candidate = np.tanh(driven[:, 2 * n : 3 * n])
        enter, forget, _, output = np.split(_sigmoid(driven), 4, axis=1)
        before = state[:, n:]
        shown = np.tanh(forget * before + enter * candidate)
        by_memory = output * (1 - shown**2)
        of_memory = [
            candidate * enter * (1 - enter),
            before * forget * (1 - forget),
            enter * (1 - candidate**2),
        ]
        of_hidden = [by_memory * each for each in of_memory]
        of_hidden.append(shown * output * (1 - output))
        by_state = np.zeros((len(state), 2 * n, 2 * n))
        by_inputs = np.empty((len(state), 2 * n, len(self.input_weights)))
        by_state[:, :n, :n], by_inputs[:, :n] = self._through(of_hidden)
        by_state[:, n:, :n], by_inputs[:, n:] = self._through(of_memory)
        _diagonal(by_state[:, :n, n:])[...] = by_memory * forget
        _diagonal(by_state[:, n:, n:])[...] = forget
        return by_state, by_inputs


def _weighted(factors: list[Floats], weights: Floats) -> Floats:
    """Return the sum over gates of diag(factor) times their weights, a matrix a sequence."""
    n_units = factors[0].shape[1]
    weights = weights[:, : len(factors) * n_units]
    # Of a unit it is a product of matrices, over gates.
    stacked = np.stack(factors, axis=2).transpose(1, 0, 2)
    gates = weights.reshape(len(weights), len(factors), n_units).transpose(2, 1, 0)
    return np.ascontiguousarray((stacked @ gates).transpose(1, 0, 2))


def _diagonal(matrices: Floats) -> Floats:
    """Return the diagonals of matrices, to be written to."""
    return np.einsum("...ii->...i", matrices)


def _sigmoid(x: Floats) -> Floats:
    """Return the logistic function of an array, in its place: that of scipy takes twice as long."""
    x *= 0.5
    np.tanh(x, out=x)
    x += 1.0
    x *= 0.5
    return x


_CELLS: dict[type[nn.Module], type[Cell]] = {nn.RNN: RNNCell, nn.GRU: GRUCell, nn.LSTM: LSTMCell}


def cell_of(core: nn.Module, n_tokens: int | None = None) -> Cell | None:
    """Return the cell of a core, or None if it is not one plain layer of torch's RNN, GRU or LSTM.

    Parameters
    ----------
    core : torch.nn.Module
        The core.
    n_tokens : int or None, default=None
        Size of the vocabulary if inputs are tokens.

    Returns
    -------
    Cell or None
    """
    if not is_plain(core):
        return None
    names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
    weights = (getattr(core, name).detach().cpu().double().numpy().T for name in names)
    cell = _CELLS[type(core)](*weights)
    cell.n_tokens = n_tokens
    return cell
