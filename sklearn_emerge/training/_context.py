"""What happens beside a training and changes nothing in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skorch.callbacks import Callback

from ._checkpoint import Checkpoints


@dataclass(frozen=True)
class TrainingContext:
    """Who is told of a training, where its state is kept, and how many threads it has.

    By default nobody, nowhere and one.

    Attributes
    ----------
    progress : tuple of skorch callbacks
        They count updates; `announce_compilation` is called before kernels are compiled.
    recorder : callable or None
        Called with (replica, update, network, mean loss since the last time) at the updates
        ``recorder.at``, as if training ended there; once, with None as the update, if nothing is
        trained.
    checkpoints : Checkpoints or None
        Where to keep the state of the training, and to go on from. Not used with callbacks or
        modules of somebody's own, of whose state nothing is known.
    n_threads : int
        Threads of torch. Another number rounds differently; compiled scans, which do not, take as
        many as torch has outside.
    """

    progress: tuple[Callback, ...] = ()
    recorder: Callable[..., Any] | None = None
    checkpoints: Checkpoints | None = None
    n_threads: int = 1


DEFAULT_CONTEXT = TrainingContext()
