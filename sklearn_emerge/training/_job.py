"""What there is to train, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from torch import nn

from .._typing import Floats
from ..networks import SequenceNetwork
from ._adam import Adam
from ._early_stopping import EarlyStopping
from ._net import Net


@dataclass(frozen=True)
class Optimisation:
    """How networks are trained.

    Attributes
    ----------
    max_steps, batch_size : int
        Updates, and sequences an update.
    lr : float
        Step size.
    device : str
        Device of torch.
    optimizer : type
        A torch.optim.Optimizer.
    optimizer_options : dict
        Its other arguments.
    precision : {"float32", "bfloat16"}
        Of products in training.
    early_stopping : EarlyStopping or None
        When to stop; None trains on all sequences to the end.
    """

    max_steps: int
    batch_size: int
    lr: float
    device: str = "cpu"
    optimizer: type[torch.optim.Optimizer] = Adam
    optimizer_options: Mapping[str, Any] = field(default_factory=lambda: {"foreach": True})
    precision: str = "float32"
    early_stopping: EarlyStopping | None = None


@dataclass(frozen=True)
class TrainingJob:
    """A network to be trained.

    Attributes
    ----------
    network : SequenceNetwork
        With its initial weights.
    trained : {"all", "head", "nothing"}
        Which of its weights are trained.
    loss : torch.nn.Module
        What is minimised.
    sequences : ndarray of shape (n_sequences, n_steps, n_channels)
        Training sequences. Jobs of the same array share its tensors.
    to_tensors : callable
        Turns `sequences` into inputs and targets.
    stream : SeedSequence
        Root of the streams of its batches, and of what torch draws.
    optimisation : Optimisation
        How it is trained.
    engine : {"numba", "torch"}
        What computes.
    callbacks : list of skorch callbacks
        That belong to the training.
    own_callbacks : list of skorch callbacks
        Of the user, who may stop it by them.
    resumable : bool
        Whether all that training changes is known, so that it can go on from a file.
    groups : ndarray of shape (n_sequences,) or None
        Labels of units, which early stopping holds out as a whole; None takes each sequence for
        one.
    """

    network: SequenceNetwork
    trained: str
    loss: nn.Module
    sequences: Floats
    to_tensors: Callable[[Floats], tuple[torch.Tensor, torch.Tensor]]
    stream: np.random.SeedSequence
    optimisation: Optimisation
    engine: str = "torch"
    callbacks: list[Callback] = field(default_factory=list)
    own_callbacks: list[Callback] = field(default_factory=list)
    resumable: bool = True
    groups: NDArray[Any] | None = None


@dataclass(frozen=True)
class TrainingResult:
    """What came of a job, whose network has its weights.

    Attributes
    ----------
    net : Net
        The skorch net of the network, or of its head.
    losses : ndarray of shape (N_PARTS,) or None
        Mean losses of parts of the training; None where nothing was trained.
    held_out : ndarray of shape (N_PARTS,) or None
        Mean losses of held-out sequences; None without early stopping.
    stopped_at : float
        Share of the updates after which it has stopped early; NaN if it has not.
    """

    net: Net
    losses: Floats | None = None
    held_out: Floats | None = None
    stopped_at: float = np.nan
