"""Places of a network by name: what is computed there, and what if it came from elsewhere."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .._names import did_you_mean
from .._random import substream
from .._typing import Floats
from ..networks import SequenceNetwork, hidden_states
from ..training import isolated_torch
from ._host import Host

# What the head reads, in every network.
HIDDEN = "hidden"


class PlaceEvaluation(Host):
    """States at named places, and patches of them; part of `NeuralPredictor`."""

    @property
    def places_(self) -> tuple[str, ...]:
        """Names of the places that `states` and `patch` know, in the order of the computation.

        "hidden", which is the last, are the hidden states that the head reads: all that recurrent
        networks have. A `TransformerPredictor` has before it "embedding" (of inputs and
        positions), and of each block i = 1, 2, ... "layer i attention" and "layer i mlp", what its
        attention and its feed-forward network add to the hidden states, and "layer i output",
        these states after the block. A `ModulePredictor` has the names of all parts of its module
        (as `torch.nn.Module.named_modules` gives them) that are called once, and return (or return
        first in a tuple) a tensor of shape (n_sequences, n_steps, n_units). A part that is itself
        called "hidden" is "core.hidden".
        """
        check_is_fitted(self)
        return tuple(self._places)

    @property
    def _places(self) -> dict[str, tuple[str, bool]]:
        """What to hook by the name of a place: path of a module, and whether its input is meant."""
        return {HIDDEN: ("core", False)}

    def _place_of_layer(self, layer: int) -> str:
        """Return the name of the place at which a layer has its hidden states."""
        return HIDDEN

    def _depth_of_place(self, place: str) -> float:
        """Return the layer of a place as a share of all layers; NaN where it is in none."""
        return 1.0 if place == HIDDEN else np.nan

    def states(self, X: ArrayLike, at: str | Sequence[str] = HIDDEN) -> Floats | dict[str, Floats]:
        """Return what a network computes at a place, or at several in one pass.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        at : str or sequence of str, default="hidden"
            One of `places_`, or several.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_units), or dict of str to these
            A copy, in float64; of several places by name. Steps beyond the context of a
            transformer are those of a window of the last steps, each of its own.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`, or if there is no such place.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import TransformerPredictor
        >>> X = np.arange(300).reshape(30, 10) % 3
        >>> model = TransformerPredictor(
        ...     16, n_layers=1, likelihood="categorical", max_steps=1, random_state=0
        ... ).fit(X)
        >>> model.places_
        ('embedding', 'layer 1 attention', 'layer 1 mlp', 'layer 1 output', 'hidden')
        >>> found = model.states(X, at=["embedding", "layer 1 attention", "layer 1 mlp"])
        >>> bool(np.allclose(sum(found.values()), model.states(X, at="layer 1 output")))
        True
        """
        check_is_fitted(self)
        places, names = self._chosen_places(at)
        X = self.fill_missing(self.encode(X))
        if set(names) == {HIDDEN}:
            found = {HIDDEN: self._forward(X, hidden=True)}
            return found[HIDDEN] if isinstance(at, str) else found
        sizes: list[int] = []

        def read(network: SequenceNetwork, inputs: torch.Tensor) -> torch.Tensor:
            calls: dict[str, list[Any]] = {name: [] for name in names}
            with ExitStack() as stack:
                for name in names:
                    keep = _keep_last(calls[name])
                    stack.enter_context(hooked(network, places[name], keep))
                network.hidden(inputs)
            values = [torch.cat(each, dim=1) for each in calls.values()]
            sizes[:] = [each.shape[2] for each in values]
            return torch.cat(values, dim=2)

        together = self._forward(X, hidden=True, read=read)
        parts = np.split(together, np.cumsum(sizes)[:-1], axis=2)
        found = {name: part.copy() for name, part in zip(names, parts, strict=True)}
        return found[at] if isinstance(at, str) else found

    def patch(
        self,
        X: ArrayLike,
        source: ArrayLike,
        at: str | Sequence[str] = HIDDEN,
        step: int | Sequence[int] | None = None,
    ) -> Floats:
        """Predict sequences while what is computed at a place comes from other sequences.

        The network computes `source`, and then X, with what it has computed of `source` at the
        place and the steps in place of its own; all that follows is computed from that
        ("activation patching").

        At "hidden" of a recurrent network (one layer or several of torch's RNN, GRU or LSTM as the
        core) it is the whole state, with the cells of an LSTM, that is set after each of the steps,
        and the network runs on from there. Elsewhere it is what later parts read: a recurrent part
        of a module of your own goes on from its own state.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences to predict.
        source : array-like of the shape of X
            The sequences that states come from: of row i those of its row i.
        at : str, default="hidden"
            One of `places_`.
        step : int or sequence of int, default=None
            At which steps, negative from the end; None is all.

        Returns
        -------
        ndarray
            What `predict` returns, of the patched network. Predictions before the first of the
            steps are those of X. With X as `source` all are, to the last bit (unless torch computes
            a module of your own in another way once it is looked at, as its fast path of
            `torch.nn.TransformerEncoder`). At "hidden" and all steps they are those of `source`.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`, or if there is no such place or step, or `source` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import GRUPredictor, OscillatorWorld
        >>> X = OscillatorWorld(n_steps=20).sample(40, random_state=0).X
        >>> model = GRUPredictor(4, max_steps=20, random_state=0).fit(X)
        >>> patched = model.patch(X, X[::-1], step=9)
        >>> np.flatnonzero((patched != model.predict(X)).any(axis=0)).tolist()
        [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
        """
        check_is_fitted(self)
        if not isinstance(at, str):
            raise ValueError(f"at={at!r} must be the name of one place; patch one after another.")
        self._chosen_places(at)
        several = np.asarray(X).ndim == 3 or self._likelihood.tokens
        X, source = self._paired(X, source)
        mean = self._likelihood.clip(self._patched(X, source, at, check_steps(step, X.shape[1])))
        return mean if several else mean[:, :, 0]

    def _paired(self, X: ArrayLike, source: ArrayLike) -> tuple[Floats, Floats]:
        """Return sequences and those that states come from, encoded and filled."""
        X, source = self.fill_missing(self.encode(X)), self.fill_missing(self.encode(source))
        if X.shape != source.shape:
            raise ValueError(
                f"source has {len(source)} sequences, but X has {len(X)}; pass one for each, for "
                "instance X[::-1]."
            )
        return X, source

    def _patched(self, X: Floats, source: Floats, at: str, steps: list[int]) -> Floats:
        """Return the means of patched predictions, given encoded sequences and sorted steps."""
        if isinstance(self.network_.core, nn.RNNBase) and at == HIDDEN:
            return self._spliced(X, source, steps)
        place, head = self._places[at], self.head_

        def both(chunk: slice) -> Floats:
            return np.concatenate([self._inputs(X[chunk]), self._inputs(source[chunk])], axis=2)

        def read(network: SequenceNetwork, inputs: torch.Tensor) -> torch.Tensor:
            own, other = (part.contiguous() for part in inputs.chunk(2, dim=2))
            kept: list[torch.Tensor] = []

            def take(values: torch.Tensor) -> None:
                at = _in_window(steps, len(kept), values)
                kept.append((at, values[:, at].clone()))

            with hooked(network, place, take):
                network.hidden(other)
            calls = iter(kept)

            def replace(values: torch.Tensor) -> torch.Tensor:
                at, new = next(calls)
                values = values.clone()
                values[:, at] = new
                return values

            with hooked(network, place, replace):
                hidden = network.hidden(own)
            return network.head(hidden) if head is None else hidden

        values = self._forward(X, hidden=head is not None, read=read, inputs_of=both)
        return self._mean(values if head is None else head.output(values))

    def _spliced(self, X: Floats, source: Floats, steps: list[int]) -> Floats:
        """Return the means of a recurrent network whose state is that of others after some steps.

        Whoever has seen their inputs has their state, so that no state has to be set.
        """
        mean, other = self._predict(X), self._predict(source)
        mean[:, steps] = other[:, steps]
        for last in (step for step in steps if step + 1 not in steps and step + 1 < X.shape[1]):
            after = last + 1

            def spliced(chunk: slice, after: int = after) -> Floats:
                past, future = self._inputs(source[chunk]), self._inputs(X[chunk])
                return np.concatenate([past[:, :after], future[:, after:]], axis=1)

            later = [t for t in range(after, X.shape[1]) if t not in steps]
            mean[:, later] = self._mean(self._forward(X, inputs_of=spliced))[:, later]
        return mean

    def _chosen_places(self, at: Any) -> tuple[dict[str, tuple[str, bool]], list[str]]:
        """Return all places by name, and the names of those that were chosen, each once."""
        places, names = self._places, [at] if isinstance(at, str) else at
        if not np.iterable(names) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"at={at!r} must be the name of a place, or several.")
        for name in names:
            if name not in places:
                raise ValueError(
                    f"at={name!r} is no place of this {type(self).__name__}; choose from "
                    f"{_listed(places)}.{did_you_mean(name, list(places))}"
                )
        names = list(dict.fromkeys(names))
        if not names:
            raise ValueError(f"at={at!r} names no place; choose from {_listed(places)}.")
        return places, names

    def _untrained(self) -> Self:
        """Return a copy with the initial core, from the same weights that training began with.

        Its head is the initial one, too: only its states are of use.
        """
        twin = copy(self)
        twin.training, twin.head_ = "random", None
        with isolated_torch(substream(self.seed_sequence_, "torch"), self.device):
            twin.network_ = twin._initial_network(len(self.output_center_))
        return twin


def check_steps(step: Any, n_steps: int, name: str = "step") -> list[int]:
    """Return steps as a sorted list from 0 on after checking them; None is all.

    Parameters
    ----------
    step : int, sequence of int or None
        The steps.
    n_steps : int
        How many there are.
    name : str, default="step"
        What the argument is called.

    Returns
    -------
    list of int
    """
    if step is None:
        return list(range(n_steps))
    steps = np.atleast_1d(np.asarray(step))
    whole = steps.ndim == 1 and steps.size and np.issubdtype(steps.dtype, np.integer)
    if not whole or not ((steps >= -n_steps) & (steps < n_steps)).all():
        raise ValueError(
            f"{name}={step!r} must be one integer or several, from {-n_steps} to {n_steps - 1}: "
            f"sequences have {n_steps} steps. None is all."
        )
    return sorted({int(each) for each in steps % n_steps})


@contextmanager
def hooked(
    network: SequenceNetwork,
    place: tuple[str, bool],
    act: Callable[[torch.Tensor], torch.Tensor | None],
) -> Iterator[None]:
    """Let a function see what is computed at a place, and replace it unless it returns None.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    place : (str, bool)
        Path of a module, and whether its input is meant rather than its output.
    act : callable
        Receives a tensor (n_sequences, n_steps, n_units).
    """
    path, of_input = place
    module = network.get_submodule(path)

    def before(module: nn.Module, args: tuple[Any, ...]) -> Any:
        new = act(args[0])
        return None if new is None else (new, *args[1:])

    def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        new = act(hidden_states(output))
        if new is None:
            return None
        if not isinstance(output, tuple):
            return new
        # Of a tuple with names what is behind it may ask for a name.
        return getattr(output, "_make", tuple)((new, *output[1:]))

    register = module.register_forward_pre_hook if of_input else module.register_forward_hook
    handle = register(before if of_input else after)
    try:
        yield
    finally:
        handle.remove()


def parts_called_once(network: Any, n_inputs: int) -> dict[str, str]:
    """Return names and paths of the parts of a core that are called once, and return states.

    Parameters
    ----------
    network : SequenceNetwork
        In double precision.
    n_inputs : int
        Numbers that enter at a step.

    Returns
    -------
    dict of str to str
        In the order in which they are called.
    """
    # As many steps as cores are checked with; other numbers tell steps from as many channels.
    once, again = (_called_once(network, sizes, n_inputs) for sizes in ((2, 4), (3, 3)))
    paths = [path for path in once if path in again]
    return {f"core.{path}" if path == HIDDEN else path: f"core.{path}" for path in paths}


def _called_once(network: Any, sizes: Sequence[int], n_inputs: int) -> list[str]:
    """Return paths of the parts that are called once, and return states of so many steps."""
    called = []

    def note(path: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            values: Any = (
                None if isinstance(output, tuple) and not output else hidden_states(output)
            )
            fits = isinstance(values, torch.Tensor) and values.ndim == 3
            called.append((path, fits and values.shape[:2] == sizes))

        return hook

    parts = {path: part for path, part in network.core.named_modules() if path}
    handles = [part.register_forward_hook(note(path)) for path, part in parts.items()]
    network.hidden(torch.zeros(*sizes, n_inputs, dtype=torch.float64, device=_device_of(network)))
    for handle in handles:
        handle.remove()
    paths = [path for path, _ in called]
    return [path for path, fits in called if fits and paths.count(path) == 1]


def _device_of(network: SequenceNetwork) -> torch.device:
    return network.head.weight.device


def _keep_last(calls: list[Any]) -> Callable[[torch.Tensor], None]:
    """Return what keeps the first tensor as it is and of others the last step, as windows have."""

    def keep(values: torch.Tensor) -> None:
        calls.append((values[:, -1:] if calls else values).clone())

    return keep


def _in_window(steps: list[int], first: int, values: torch.Tensor) -> list[int]:
    """Return which of some steps are in the window that starts at one, counted from there."""
    return [step - first for step in steps if first <= step < first + values.shape[1]]


def _listed(places: Iterable[str]) -> str:
    return ", ".join(map(repr, places))
