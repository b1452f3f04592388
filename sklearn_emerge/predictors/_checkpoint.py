"""Training that goes on where it was cut off: the state of a net, kept in files."""

import time
from pathlib import Path

import torch
from skorch.callbacks import Callback

from .._files import write_atomically

# Seconds between two states that are kept: writing one of 4.5 million weights takes .3 seconds.
_INTERVAL = 60.0


class Checkpoints:
    """A folder with the state of nets that are trained one after the other.

    Parameters
    ----------
    folder : path-like
        Made when the first state is written. It belongs to one training: the same model,
        sequences and random states.

    Attributes
    ----------
    seconds : float
        Time that was spent on the states that training went on from.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.seconds = 0.0
        self.n_nets = 0

    def of_next(self, recorder=None):
        """Return the callback for the next net.

        Parameters
        ----------
        recorder : object, default=None
            What is recorded in training, to be kept, too: its attributes that end with an
            underscore.

        Returns
        -------
        Checkpoint
        """
        self.n_nets += 1
        return Checkpoint(self, self.folder / f"net-{self.n_nets}.pt", recorder)


class Checkpoint(Callback):
    """Keep all that a training consists of at the ends of epochs, and go on from there.

    That is weights, optimiser, history, random numbers (of batches and of torch), and what the
    callbacks before this one and the recorder keep in attributes that end with an underscore. A
    training that goes on gives the same numbers as one that was not cut off.

    Parameters
    ----------
    owner : Checkpoints
        Told how much time had been spent.
    path : path-like
        The file.
    recorder : object or None
        See `Checkpoints.of_next`.
    """

    def __init__(self, owner, path, recorder):
        self.owner = owner
        self.path = path
        self.recorder = recorder

    def on_train_begin(self, net, **kwargs):
        """Go on from the file, if there is one."""
        self._began = self._written = time.monotonic()
        if not self.path.exists():
            return
        try:
            # Written by this class, like all else in the store, and not received from elsewhere.
            state = torch.load(self.path, map_location=net.device, weights_only=False)
        except Exception as error:
            raise ValueError(
                f"The state of an interrupted training in {str(self.path)!r} cannot be read "
                f"({error}); delete the file to train from the beginning."
            ) from error
        net.module_.load_state_dict(state["module"])
        net.optimizer_.load_state_dict(state["optimizer"])
        net.history_ = state["history"]
        net.precision = state["precision"]
        net.iterator_train__max_steps -= sum(net.history[:, "train_batch_count"])
        for rng, kept in zip(net.iterator_train__rngs, state["batches"], strict=True):
            rng.bit_generator.state = kept
        torch.set_rng_state(state["torch"].cpu())
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"].cpu(), net.device)
        for part, kept in zip(self._parts(net), state["parts"], strict=True):
            vars(part).update(kept)
        self._began -= state["seconds"]
        self.owner.seconds += state["seconds"]

    def on_epoch_end(self, net, **kwargs):
        """Write the file after the last epoch, or if some time has passed."""
        now = time.monotonic()
        if len(net.history) < net.max_epochs and now - self._written < _INTERVAL:
            return
        on_cuda = torch.device(net.device).type == "cuda"
        state = {
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "history": net.history,
            "precision": net.precision,
            "batches": [rng.bit_generator.state for rng in net.iterator_train__rngs],
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(net.device) if on_cuda else None,
            "parts": [
                {name: value for name, value in vars(part).items() if name.endswith("_")}
                for part in self._parts(net)
            ],
            "seconds": now - self._began,
        }
        write_atomically(self.path, lambda path: torch.save(state, path))
        self._written = time.monotonic()

    def _parts(self, net):
        """Return what changes in training besides the net."""
        callbacks = [callback for callback in net.callbacks if callback is not self]
        return callbacks if self.recorder is None else [*callbacks, self.recorder]
