"""Torch modules that turn inputs into hidden states and outputs, and what they must be."""

from ._cells import Cell, GRUCell, LeakyCell, LSTMCell, RNNCell, cell_of
from ._checks import check_core, check_device
from ._half_precision import products_in
from ._module_cell import ModuleCell
from ._sequence import (
    SequenceNetwork,
    hidden_states,
    is_finite,
    orthogonalise_recurrent_weights,
    recurrent_weights,
    scramble_recurrent_weights,
)
from ._transformer import TransformerCore, by_kernel, initialise, quick_by_kernel

__all__ = [
    "Cell",
    "GRUCell",
    "LSTMCell",
    "LeakyCell",
    "ModuleCell",
    "RNNCell",
    "SequenceNetwork",
    "TransformerCore",
    "by_kernel",
    "cell_of",
    "check_core",
    "check_device",
    "hidden_states",
    "initialise",
    "is_finite",
    "orthogonalise_recurrent_weights",
    "products_in",
    "quick_by_kernel",
    "recurrent_weights",
    "scramble_recurrent_weights",
]
