"""Training that goes on where it was cut off: the state of a net, kept in files."""

from __future__ import annotations

import time
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .._files import read_sealed, seal, write_atomically
from .._typing import PathLike
from ._history import QuickHistory

if TYPE_CHECKING:
    from ._net import Net

# Seconds between two states that are kept: writing one of 4.5 million weights takes .3 seconds.
_INTERVAL = 60.0


class Checkpoints:
    """A folder with the state of nets that are trained one after the other.

    Parameters
    ----------
    folder : path-like
        Made when the first state is written. It belongs to one training: the same model,
        sequences and random states.
    recorder : object, default=None
        What is recorded in training, to be kept, too: its attributes that end with an
        underscore.

    Attributes
    ----------
    seconds : float
        Time that was spent on the states that training went on from.
    troubles : dict of str to str
        What went wrong, by kind, for whoever can tell it: this may run in another process.
    """

    def __init__(self, folder: PathLike, recorder: object = None) -> None:
        self.folder = Path(folder)
        self.recorder = recorder
        self.seconds = 0.0
        self.troubles: dict[str, str] = {}
        self.n_nets = 0

    def of_next(self) -> Checkpoint:
        """Return the `Checkpoint` of the next net."""
        self.n_nets += 1
        return Checkpoint(self, self.folder / f"net-{self.n_nets}.pt", self.recorder)


class Checkpoint:
    """All that the training of a net consists of, in a file.

    That is weights, optimiser, history, random numbers (of batches and of torch), and what the
    callbacks and the recorder keep in attributes that end with an underscore. A training that
    goes on gives the same numbers as one that was not cut off.

    Parameters
    ----------
    owner : Checkpoints
        Told how much time had been spent.
    path : path-like
        The file.
    recorder : object or None
        See `Checkpoints`.

    Attributes
    ----------
    finished : bool
        Whether the training in the file had come to its end.
    """

    def __init__(self, owner: Checkpoints, path: Path, recorder: object) -> None:
        self.owner = owner
        self.path = path
        self.recorder = recorder
        self.finished = False

    def restore(self, net: Net) -> bool:
        """Bring a net to the state in the file, and return whether there is one.

        Parameters
        ----------
        net : Net
            As it begins.

        Returns
        -------
        bool
            False, too, if the file cannot be read, is damaged or is something else; then its owner
            is told, and the training begins anew.
        """
        self._began = self._written = time.monotonic()
        if not self.path.exists():
            return False
        self._max_steps = net.iterator_train__max_steps
        beginning = deepcopy(self._state(net, finished=False))
        try:
            # Not of weights only: recorders keep DataArrays. A checksum is no signature: whoever
            # can write to the folder can run programs here, as the guide says.
            content = BytesIO(read_sealed(self.path))
            state = torch.load(content, map_location="cpu", weights_only=False)
            if not isinstance(state, dict):
                raise ValueError("it is something else")
            self._assign(net, state)
            seconds, finished = state["seconds"], state["finished"]
        except Exception as error:
            self._assign(net, beginning)
            self.owner.troubles[str(self.path)] = (
                f"The state of an interrupted training in {str(self.path)!r} cannot be read "
                f"({error}); the training begins anew. Nothing has to be done."
            )
            return False
        self._began -= seconds
        self.owner.seconds += seconds
        self.finished = finished
        return True

    def keep(self, net: Net) -> None:
        """Write the file if some time has passed since the last time; called after each epoch."""
        if time.monotonic() - self._written >= _INTERVAL:
            self.write(net, finished=False)

    def write(self, net: Net, *, finished: bool) -> None:
        """Write the file; if it cannot be written, its owner is told, and the training goes on.

        Parameters
        ----------
        net : Net
            At the end of an epoch, or of its training.
        finished : bool
            Whether the training has come to its end.
        """
        content = BytesIO()
        torch.save(self._state(net, finished), content)
        try:
            write_atomically(self.path, *seal(content.getvalue()))
        except OSError as error:
            self.owner.troubles["unkept training"] = (
                f"The state of a training could not be kept: {error} It went on, but a training "
                "that is cut off will begin anew; make room in the folder of memory."
            )
        self._written = time.monotonic()

    def _state(self, net: Net, finished: bool) -> dict[str, Any]:
        """Return all that is kept of a net."""
        on_cuda = torch.device(net.device).type == "cuda"
        return {
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": net.history,
            "precision": net.precision,
            "batches": [rng.bit_generator.state for rng in net.iterator_train__rngs],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(net.device) if on_cuda else None,
            "parts": {
                name: {key: value for key, value in vars(part).items() if key.endswith("_")}
                for name, part in self._parts(net).items()
            },
            "seconds": time.monotonic() - self._began,
            "finished": finished,
        }

    def _assign(self, net: Net, state: dict[str, Any]) -> None:
        """Bring a net to a state."""
        net.module_.load_state_dict(state["module"])
        net.optimizer_.load_state_dict(state["optimizer"])
        net.history_ = QuickHistory(state["history"])
        net.precision = state["precision"]
        done = 0 if state["finished"] else sum(row["train_batch_count"] for row in state["history"])
        net.iterator_train__max_steps = self._max_steps - done
        for rng, kept in zip(net.iterator_train__rngs, state["batches"], strict=True):
            rng.bit_generator.state = kept
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"], net.device)
        for name, part in self._parts(net).items():
            # Progress may be shown now and not have been before.
            vars(part).update(state["parts"].get(name, {}))

    def _parts(self, net: Net) -> dict[str, object]:
        """Return what changes in training besides the net, by name."""
        parts = dict(net.callbacks_)
        return parts if self.recorder is None else parts | {"recorder": self.recorder}
