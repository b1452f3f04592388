"""The cell of a torch module that takes and returns its state, by automatic differentiation."""

from copy import deepcopy
from typing import Any

import torch
from torch import nn

from .._typing import Floats
from ._cells import Cell, Pair
from ._tokens import as_channels

_CONTRACT = "forward(inputs, state=None) -> (hidden states, state), as torch.nn.GRU has"


class ModuleCell(Cell):
    """One step of a module that takes and returns its state.

    A state has the numbers of all tensors that the module returns, one after the other.

    Parameters
    ----------
    core : torch.nn.Module
        ``forward(inputs, state=None)`` returns hidden states and the state after the last step: a
        tensor, or a tuple of them, with an axis of the sequences.
    n_inputs : int
        Channels that the module takes at a step.
    n_tokens : int or None, default=None
        Size of the vocabulary if inputs are tokens, each of which is a channel of the module.

    Raises
    ------
    ValueError
        If the module is none, does not go on from its state, or does not start from zero.
    """

    def __init__(self, core: nn.Module, n_inputs: int, n_tokens: int | None = None) -> None:
        self.n_tokens = n_tokens
        # Its weights are its own.
        self.core = deepcopy(core).cpu().double().eval()
        self._name = type(core).__name__
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(3, 4, n_inputs, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            fewer, parts = self._state_after(inputs[:2]), self._state_after(inputs)
            self._axes = [self._axis_of_sequences(*pair) for pair in zip(fewer, parts, strict=True)]
            moved = [part.movedim(axis, 0) for part, axis in zip(parts, self._axes, strict=True)]
            self._shapes = [part.shape[1:] for part in moved]
            self._tuple = isinstance(self.core(inputs)[1], tuple)
            self.n_state = sum(part[0].numel() for part in moved)
            self._check_going_on(inputs)
            self._find_hidden(inputs)

    def step(self, state: Floats, inputs: Floats) -> Floats:
        """Return the state after one more step, see `Cell.step`."""
        with torch.no_grad():
            following: Floats = self._step(torch.tensor(state), self._channels(inputs)).numpy()
        return following

    def jacobian(self, state: Floats, inputs: Floats) -> Pair:
        """Return the derivatives of one more step, see `Cell.jacobian`."""
        given = torch.tensor(state).requires_grad_(), self._channels(inputs).requires_grad_()
        following = self._step(*given)
        # Sequences do not mix, so that one pass has the row of all of them.
        rows = [
            torch.autograd.grad(row, given, retain_graph=True, materialize_grads=True)
            for row in following.sum(dim=0)
        ]
        stacked = (torch.stack(each, dim=1) for each in zip(*rows, strict=True))
        # In torch 2.6 those of what is linear require a gradient themselves.
        by_state, by_inputs = (each.detach().numpy() for each in stacked)
        return by_state, by_inputs

    def _channels(self, inputs: Floats) -> torch.Tensor:
        """Return inputs as the module takes them."""
        given = torch.tensor(inputs)
        return given if self.n_tokens is None else as_channels(given, self.n_tokens)

    @property
    def hidden_at(self) -> slice:
        """Where in a state the hidden states are, which the head reads."""
        if self._hidden_at is None:
            raise ValueError(
                f"The hidden states of {self._name} are not among the numbers of its state, so "
                "that its closed loop is no map of the state; return a state that has them. "
                "The driven loop does not need it."
            )
        return self._hidden_at

    def _step(self, state: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return self._joined(self.core(inputs[:, None], self._split(state))[1])

    def _joined(self, state: Any) -> torch.Tensor:
        """Return states of the module as rows."""
        pairs = zip(_parts_of(state), self._axes, strict=True)
        return torch.cat([part.movedim(axis, 0).flatten(1) for part, axis in pairs], dim=1)

    def _split(self, rows: torch.Tensor) -> Any:
        """Return rows as states of the module."""
        parts = rows.split([shape.numel() for shape in self._shapes], dim=1)
        triples = zip(parts, self._shapes, self._axes, strict=True)
        states = tuple(
            part.reshape(len(rows), *shape).movedim(0, axis).contiguous()
            for part, shape, axis in triples
        )
        return states if self._tuple else states[0]

    def _state_after(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the tensors of the state after inputs."""
        output = self.core(inputs)
        parts = _parts_of(output[1]) if isinstance(output, tuple) and len(output) == 2 else ()
        if not parts or not all(isinstance(part, torch.Tensor) for part in parts):
            raise ValueError(
                f"{self._name} returns hidden states without a state behind them, from which it "
                f"could go on; it needs {_CONTRACT}."
            )
        return parts

    def _axis_of_sequences(self, fewer: torch.Tensor, more: torch.Tensor) -> int:
        """Return the axis of a state that is longer for more sequences."""
        if fewer.ndim == more.ndim:
            pairs = zip(fewer.shape, more.shape, strict=True)
            axes = [i for i, (few, many) in enumerate(pairs) if few != many]
            if len(axes) == 1 and more.shape[axes[0]] == 3:
                return axes[0]
        raise ValueError(
            f"{self._name} returns a state of shape {tuple(more.shape)} for 3 sequences; it must "
            "have one axis of the sequences, and others that do not depend on them or on steps."
        )

    def _check_going_on(self, inputs: torch.Tensor) -> None:
        """Raise a ValueError unless the module goes on from its state, and starts from zero."""
        whole, last = self.core(inputs)
        try:
            later, again = self.core(inputs[:, 2:], self.core(inputs[:, :2])[1])
        except (TypeError, RuntimeError) as error:
            raise ValueError(
                f"{self._name} does not take the state that it returns: {error}. It needs "
                f"{_CONTRACT}."
            ) from error
        pairs = (whole[:, 2:], later), (self._joined(last), self._joined(again))
        if not all(torch.allclose(*pair) for pair in pairs):
            raise ValueError(
                f"{self._name} does not go on from the state that it returns: steps in two parts "
                f"are others than at once. It needs {_CONTRACT}, with all that it remembers."
            )
        zero = torch.zeros(len(inputs), self.n_state, dtype=inputs.dtype)
        if not torch.allclose(
            self._step(zero, inputs[:, 0]), self._joined(self.core(inputs[:, :1])[1])
        ):
            raise ValueError(
                f"{self._name} does not start from a state of zeros, as torch's layers do; keep "
                "what it starts from apart, and add it to the state in forward."
            )

    def _find_hidden(self, inputs: torch.Tensor) -> None:
        """Find where in a state the hidden states are."""
        output, last = self.core(inputs)
        hidden, state = output[:, -1], self._joined(last)
        self.n_units = hidden.shape[1]
        starts = range(self.n_state - self.n_units, -1, -1)
        found = [s for s in starts if torch.equal(state[:, s : s + self.n_units], hidden)]
        self._hidden_at = slice(found[0], found[0] + self.n_units) if found else None


def _parts_of(state: Any) -> tuple[Any, ...]:
    return state if isinstance(state, tuple) else (state,)
