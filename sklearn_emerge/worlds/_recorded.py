"""What recordings tell of themselves, which other worlds declare."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from itertools import chain
from operator import is_
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .._axes import Axes, axes_of
from .._latents import encode_latents
from .._tables import check_names, names_of
from .._typing import Floats
from ._base import World
from ._facts import WorldFacts
from ._finite import FiniteWorld
from ._rows import Rows


class RecordedWorld(FiniteWorld):
    """A world whose facts are those of its recordings; how these are read is of subclasses."""

    X: Any
    inputs: Any
    input_delay: int
    latent_names: Any
    output_scaling = "standard"
    _recorded = True

    # The parameters, and what was found out of recordings with these.
    _found_of: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    @abstractmethod
    def _rows(self) -> Rows:
        """Return the sequences, without a copy of an array."""

    @abstractmethod
    def _labelled(self) -> tuple[Any, Any]:
        """Return X and latents as they were passed, those of xarray with sequences first."""

    @abstractmethod
    def _inputs(self) -> Floats:
        """Return the inputs as an array of three dimensions."""

    def _found(self) -> dict[str, Any]:
        """Return what was found out of recordings with these parameters, by name.

        Of data that are changed in place it is `check` that forgets it.
        """
        marks = self._marks()
        found = self._found_of
        if found is None or not all(map(is_, found[0], marks)):
            self._found_of = found = marks, {}
        return found[1]

    def _marks(self) -> tuple[Any, ...]:
        return tuple(self.get_params(deep=False).values())

    def _once(self, name: str, find_out: Callable[[], Any]) -> Any:
        """Return what takes long to find out, as it passes over all recordings."""
        found = self._found()
        if name not in found:
            found[name] = find_out()
        return found[name]

    def __sklearn_clone__(self) -> Self:
        # Recordings are large and never changed: clones share them.
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self) -> dict[str, Any]:
        # Workers receive that recordings are checked. What else was asked is not in the key of a
        # cell, which here and in a worker, which maps the same file, is the same.
        state = {
            name: np.asarray(value) if isinstance(value, np.memmap) else value
            for name, value in super().__getstate__().items()
        }
        found = self._found()
        state.pop("_found_of", None)
        return state | {"_found": {name: found[name] for name in ("observed",) if name in found}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        found = state.pop("_found", {})
        super().__setstate__(state)
        self._found_of = self._marks(), found

    def _known(self) -> Iterator[Floats]:
        """Yield what is known of the first sequence, and then of all."""
        rows = self._rows()
        # Of most recordings the first sequence tells what they are not.
        for X in chain([rows.take(slice(1))], rows.parts()):
            yield X[~np.isnan(X)]

    @property
    def observation(self) -> str:
        """Binary if every value is 0 or 1, else continuous."""
        return "binary" if self._once("binary", self._is_binary) else "continuous"

    def _is_binary(self) -> bool:
        return all(((part == 0) | (part == 1)).all() for part in self._known())

    @property
    def facts(self) -> WorldFacts:
        """The facts of the recordings, with the names of their latents."""
        latents = self.recorded().latents
        names = () if latents is None else self._names(latents)
        return WorldFacts.of(self, latent_names=names)

    @property
    def axes(self) -> Axes:
        """Names, units and coordinates that recordings and latents bring with them, `Axes`."""
        X, latents = self._labelled()
        return axes_of(X, latents, 0 if latents is None else len(self.facts.latent_names))

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """All nulls for continuous recordings; no phase surrogates of binary ones, nor of gaps.

        None that shuffles steps if each sequence of a task is asked for one alone.
        """
        ordered = self._once("ordered", self._has_order)
        kinds = ("shuffle", "resample") if ordered else ("resample",)
        if self.observation != "binary" and not self._once("gaps", self._has_gaps):
            kinds = (*kinds, "phase")
        return kinds if self.inputs is None else (*kinds, "exchange")

    def null(self, kind: str) -> World:
        """Return the matched world in which the structure in time is destroyed.

        Parameters
        ----------
        kind : str
            One of `null_kinds`, see `World.null`. Missing steps stay where they are.

        Returns
        -------
        World

        Raises
        ------
        ValueError
            If these recordings have no null of that kind, as "phase" where steps before the end
            of a sequence are missing: what has gaps has no spectrum.
        """
        if kind == "phase" and self.observation != "binary" and self._once("gaps", self._has_gaps):
            raise ValueError(
                "null='phase' keeps the spectrum of each sequence, but X has sequences with "
                "missing steps before their last one, which have none; take 'shuffle' or "
                "'resample', or leave out sequences with gaps. Missing ends do no harm."
            )
        return super().null(kind)

    def _has_order(self) -> bool:
        """Return whether several steps of a sequence are observed, as all have but in a task."""
        if self.feedback:
            return True
        observed = self._rows().observed()
        return observed is None or bool((observed.sum(axis=1) > 1).any())

    def _has_gaps(self) -> bool:
        """Return whether steps are missing before the last observed one of a sequence."""
        observed = self._rows().observed()
        return observed is not None and bool((~observed[:, :-1] & observed[:, 1:]).any())

    @property
    def likelihood(self) -> str:
        """As of every world, but "auto" for integers: they may be counts, tokens or quantities."""
        integers = self._rows().values.dtype.kind in "iu" and self.observation == "continuous"
        return "auto" if integers else super().likelihood

    @property
    def n_tokens(self) -> int | str:
        """One more than the largest of all tokens; "auto" if the recordings are none."""
        return self._once("tokens", self._count_tokens)

    def _count_tokens(self) -> int | str:
        largest = -1.0
        for part in self._known():
            if not part.size or part.min() < 0 or (part != np.floor(part)).any():
                return "auto"
            largest = max(largest, part.max())
        return int(largest) + 1

    @property
    def latent_kind(self) -> str | None:
        """Discrete if latents are classes, continuous if they are quantities."""
        if self.latents is None:
            return None
        return "discrete" if self._once("classes", self._are_classes) else "continuous"

    def _are_classes(self) -> bool:
        return encode_latents(self._labelled()[1], self._rows().shape[1]).dtype.kind == "i"

    @property
    def n_exogenous(self) -> int:
        """Number of channels of the inputs."""
        return 0 if self.inputs is None else self._once("inputs", lambda: self._inputs().shape[2])

    @property
    def n_steps(self) -> int:
        """Length of a sequence."""
        more = self.inputs is not None and not self.feedback and self.input_delay == 0
        return self._once("n_steps", lambda: self._rows().shape[1]) + more

    def _names_given(self, n_steps: int) -> Any:
        """Return the names that latents bring with them, or None."""
        return names_of(self._labelled()[1], n_steps)

    def _names(self, latents: NDArray[Any]) -> tuple[str, ...]:
        """Return the names of the latents, as text."""
        names, n_latents = self.latent_names, latents.shape[2]
        if names is None:
            names = self._names_given(latents.shape[1])
        if names is None:
            return tuple(f"latent {i}" for i in range(n_latents))
        return check_names(names, n_latents)
