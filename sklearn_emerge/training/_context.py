"""What happens beside a training and changes nothing in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skorch.callbacks import Callback

from ._checkpoint import Checkpoints


@dataclass(frozen=True)
class TrainingContext:
    """Who is told of a training, and where its state is kept; by default nobody and nowhere.

    Attributes
    ----------
    progress : tuple of skorch callbacks
        They count updates; `announce_compilation` is called before kernels are compiled.
    recorder : callable or None
        Called with (replica, update, network or predictor, mean loss since the last time) at the
        updates ``recorder.at``, as if training ended there; ``recorder.repeat(replica)`` if
        nothing is trained.
    checkpoints : Checkpoints or None
        Where to keep the state of the training, and to go on from. Not used with callbacks or
        modules of somebody's own, of whose state nothing is known.
    """

    progress: tuple[Callback, ...] = ()
    recorder: Callable[..., Any] | None = None
    checkpoints: Checkpoints | None = None


ALONE = TrainingContext()
