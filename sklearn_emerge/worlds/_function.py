"""A world made of one function."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._missing import is_observed, without_partly
from .._random import substream
from .._roles import exogenous_of, join, targets_of
from .._typing import Floats
from ._base import World
from ._sample import Sample

# Sequences that are not all the same by chance.
_MANY = 64
# From how many steps it is tried whether latents go on as is said.
_SOME_STEPS = 8


class FunctionWorld(World):
    """Sequences that a function of your own draws, as a world.

    Parameters
    ----------
    function : callable
        ``function(n_sequences, rng)`` returns X of shape (n_sequences, n_steps) or (n_sequences,
        n_steps, n_channels), or a tuple of X and latents of shape (n_sequences, n_steps) or
        (n_sequences, n_steps, n_latents), or of X, latents (or None) and which steps are scored, a
        bool array of shape (n_sequences, n_steps), as the answers of a task; the others are learned
        all the same. All of its randomness
        comes from `rng`, a `numpy.random.Generator`: the same generator gives the same sequences,
        and others give others.
    latent_names : sequence of str, default=()
        One name a latent; none if the function returns X alone.
    latent_kind : {"continuous", "discrete"}, default=None
        Whether latents are quantities or classes, which are integers; None if there are none.
    observation : {"continuous", "binary", "token"}, default="continuous"
        The kind of observations: quantities, zeros and ones, or integers from 0 on that are names.
        Of integers that are "continuous" an assessment asks for the likelihood of the model: they
        may be counts, tokens or quantities.
    n_tokens : int, default="auto"
        Size of the vocabulary if observations are tokens, which must be given then.
    n_exogenous : int, default=0
        How many of the last channels of X drive the others: they are seen, but never predicted, and
        may be any numbers. Those of row t are known when row t + 1 is predicted; `with_inputs`
        makes such rows. With them, what is predicted may be NaN at some steps: there it neither
        counts nor teaches, as where a task asks for nothing.
    feedback : bool, default=True
        Whether what is predicted is seen, too. False is a task: the first channels are its targets,
        predicted from the exogenous channels alone.
    flow_kind : {"exact", "mean", "noisy"}, default=None
        Whether latents go on as `move` says, or are disturbed besides; None if it is not known.
    move : callable, default=None
        ``move(latents, step)`` returns latents, of shape (n_sequences, n_latents), one step after
        `step`, without noise; `flow` repeats it. Given if `flow_kind` is.
    emit : callable, default=None
        ``emit(latents)`` returns what latents, of shape (..., n_latents), show without noise: what
        is predicted, of shape (...) or (..., n_channels) as X. Given if `flow_kind` is.

    Raises
    ------
    ValueError
        When sequences are drawn: if the function returns something else than described, values
        that are not finite, other sequences for the same generator, or the same for others; if
        `move` and `emit` return other shapes than described, or latents do not go on as an exact
        flow says. When a flow is asked for: of what these two return.

    Notes
    -----
    It has no ceiling; for that, and for parameters of its own in a grid, write a `World`.
    `rest_points` and `cycle` return None, also where `move` has some: a class that inherits from
    this one or from `World` states them by methods of these names, which return `RestPoints` and
    `Cycle`.

    Of a noisy flow nothing but shapes is checked when sequences are drawn: whether `move` is right
    on average, only who wrote it knows. Whether `emit` is what is observed without noise,
    `sklearn_emerge.testing.check_world` finds out.

    Examples
    --------
    >>> from sklearn_emerge import FunctionWorld
    >>> def waves(n_sequences, rng):
    ...     phase = rng.uniform(0, 6, (n_sequences, 1)) + 0.3 * np.arange(30)
    ...     return np.sin(phase) + rng.normal(scale=0.1, size=phase.shape), phase
    >>> import numpy as np
    >>> world = FunctionWorld(waves, latent_names=["phase"], latent_kind="continuous")
    >>> sample = world.sample(5, random_state=0)
    >>> sample.X.shape, sample.latents.shape, sample.latent_names
    ((5, 30), (5, 30, 1), ('phase',))
    >>> world.null("shuffle").sample(5, random_state=0).X.shape
    (5, 30)

    How the phase goes on is known:

    >>> world = world.set_params(
    ...     flow_kind="exact",
    ...     move=lambda latents, step: latents + 0.3,
    ...     emit=lambda latents: np.sin(latents[..., 0]),
    ... )
    >>> world.flow(sample.latents[:, 4], 10, start=4).shape
    (5, 10, 1)
    """

    _parameter_constraints = {
        "function": [callable],
        "latent_names": ["array-like"],
        "latent_kind": [StrOptions({"continuous", "discrete"}), None],
        "observation": [StrOptions({"continuous", "binary", "token"})],
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_exogenous": [Interval(Integral, 0, None, closed="left")],
        "feedback": ["boolean"],
        "flow_kind": [StrOptions({"exact", "mean", "noisy"}), None],
        "move": [callable, None],
        "emit": [callable, None],
    }

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        latent_names: Sequence[str] = (),
        latent_kind: str | None = None,
        observation: str = "continuous",
        n_tokens: int | str = "auto",
        n_exogenous: int = 0,
        feedback: bool = True,
        flow_kind: str | None = None,
        move: Callable[..., Any] | None = None,
        emit: Callable[..., Any] | None = None,
    ) -> None:
        self.function = function
        # As it was passed, for clone.
        self.latent_names = latent_names  # type: ignore[assignment]
        self.latent_kind = latent_kind
        self.observation = observation
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.feedback = feedback
        self.flow_kind = flow_kind
        self.move = move
        self.emit = emit

    @property
    def input_scaling(self) -> str | None:
        """How sequences enter a network: quantities of unknown units standardised."""
        # Exogenous channels are quantities, whatever they drive.
        return "standard" if self.observation == "continuous" or self.n_exogenous else None

    @property
    def output_scaling(self) -> str | None:
        """How sequences leave a network: quantities in units of their spread."""
        return "standard" if self.observation == "continuous" else None

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """All nulls for quantities; no phase surrogates of zeros and ones, tokens or gaps."""
        kinds: tuple[str, ...] = ("shuffle", "resample")
        if self.n_exogenous:
            drawn = self._call(2, np.random.default_rng(0)).observed
            if drawn is not None:
                # A step alone has no order, and what has gaps no spectrum.
                several = (drawn[:, 1:].sum(axis=1) > 1).any()
                return (*kinds, "exchange") if several else ("resample", "exchange")
        kinds = (*kinds, "phase") if self.observation == "continuous" else kinds
        return (*kinds, "exchange") if self.n_exogenous else kinds

    def draws_integers(self) -> bool:
        """Return whether X comes as integers that were not declared to be tokens or binary.

        Returns
        -------
        bool
        """
        if self.observation != "continuous":
            return False
        returned = self._returned(2, np.random.default_rng(0))
        X = returned[0] if isinstance(returned, tuple) else returned
        return np.asarray(X).dtype.kind in "biu"

    def _check_request(self, n_sequences: int) -> None:
        super()._check_request(n_sequences)
        if self.observation == "token" and self.n_tokens == "auto":
            raise ValueError(
                "n_tokens='auto', but observation='token': a sample need not have all tokens; pass "
                "the size of the vocabulary, n_tokens=...."
            )
        # They must fit together.
        _ = self.facts

    def _check_flow(self, what: str) -> None:
        super()._check_flow(what)
        for name in ("move", "emit"):
            if getattr(self, name) is None:
                raise ValueError(
                    f"flow_kind={self.flow_kind!r}, but {name}=None; pass both functions, move and "
                    "emit, or flow_kind=None."
                )

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        assert self.move is not None
        both = {"latents": latents, "step": step}
        self._check_takes("move", both, "let it take both, even if all steps are alike")
        moved = np.asarray(self.move(latents.copy(), step))
        kinds = "biu" if self.latent_kind == "discrete" else "biuf"
        if moved.shape != latents.shape or moved.dtype.kind not in kinds:
            raise ValueError(
                f"move={self.move!r} returned an array of shape {moved.shape} and the type "
                f"{moved.dtype} for latents of shape {latents.shape} and the type {latents.dtype}; "
                "return the latents one step later, of the same shape and kind."
            )
        if np.isnan(moved[np.isfinite(latents).all(axis=1)]).any():
            raise ValueError(
                f"move={self.move!r} returned NaN for finite latents at step {step}; return the "
                "latents one step later, as finite numbers."
            )
        return moved.astype(latents.dtype)

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        assert self.emit is not None
        self._check_takes("emit", {"latents": latents}, "let it take latents alone")
        shown = np.asarray(self.emit(latents.copy()))
        lead = latents.shape[:-1]
        if (
            shown.shape[: len(lead)] != lead
            or shown.ndim > len(lead) + 1
            or shown.dtype.kind not in "biuf"
            or not np.isfinite(shown).all()
        ):
            raise ValueError(
                f"emit={self.emit!r} returned an array of shape {shown.shape} and the type "
                f"{shown.dtype} for latents of shape {latents.shape}; return observations as "
                f"finite numbers, of shape {lead} or {lead} and channels."
            )
        return shown.astype(np.float64)

    def _check_stated(self, sample: Sample) -> None:
        """Raise a ValueError unless sequences are as the flow says."""
        if self.flow_kind is None:
            for name in ("move", "emit"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{name} is given, but flow_kind=None; pass flow_kind='exact' or 'noisy', "
                        "or no functions."
                    )
            return
        latents, X = sample.latents, sample.X
        expected = targets_of(X, self.n_exogenous).shape if self.n_exogenous else X.shape
        shown = self.emission(latents)
        if shown.shape != expected:
            raise ValueError(
                f"emit={self.emit!r} returned shape {shown.shape} for latents of shape "
                f"{latents.shape}, but what is predicted has shape {expected}; return that."
            )
        spread = np.ptp(latents, axis=(0, 1))
        for t in np.linspace(0, latents.shape[1] - 2, _SOME_STEPS).astype(int).tolist():
            moved = self.flow(latents[:, t], 1, t)[:, 0]
            following = latents[:, t + 1]
            # Up to rounding, also of latents that do not change.
            allowed = 1e-6 * spread + 1e-9 * np.abs(following)
            away = (np.abs(moved - following) > allowed).any(axis=1)
            if self.flow_kind == "exact" and away.any():
                row = away.argmax()
                raise ValueError(
                    f"flow_kind='exact', but move={self.move!r} returned {moved[row].tolist()} "
                    f"for the latents {latents[row, t].tolist()} of step {t}, after which come "
                    f"{following[row].tolist()}; return these, or pass flow_kind='noisy' if "
                    "latents are disturbed."
                )

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        once, again = (
            self._call(2, np.random.default_rng(substream(stream, "again"))) for _ in range(2)
        )
        if not np.array_equal(once.X, again.X, equal_nan=True):
            raise ValueError(
                f"{self._says} other sequences for the same generator; draw "
                "everything random from rng, and keep nothing from call to call."
            )
        self._check_stated(once)
        # Two sequences may be the same by chance.
        if all(self._repeats(n, stream) for n in (2, _MANY)):
            raise ValueError(
                f"{self._says} the same {_MANY} sequences for two generators, so that it does not "
                "draw from rng: what is evaluated would be what was trained on; draw everything "
                "random from rng."
            )
        return self._call(n_sequences, np.random.default_rng(stream))

    def _repeats(self, n_sequences: int, stream: np.random.SeedSequence) -> bool:
        """Return whether sequences are the same for two generators, and not because all are.

        Rare events may be in none of them, for a generator that was drawn from.
        """
        one, two = (np.random.default_rng(substream(stream, name)) for name in ("one", "two"))
        before = one.bit_generator.state
        first, second = (self._call(n_sequences, rng).X for rng in (one, two))
        ignored = one.bit_generator.state == before
        all_the_same = np.array_equal(first, np.repeat(first[:1], len(first), 0), equal_nan=True)
        return np.array_equal(first, second, equal_nan=True) and (ignored or not all_the_same)

    def _returned(self, n_sequences: int, rng: np.random.Generator) -> Any:
        """Return what the function returns, if it takes the two arguments."""
        self._check_takes(
            "function",
            {"n_sequences": n_sequences, "rng": rng},
            "let it take both, and draw everything random from rng, a numpy.random.Generator",
        )
        return self.function(n_sequences, rng)

    def _check_takes(self, name: str, arguments: Mapping[str, Any], remedy: str) -> None:
        """Raise a ValueError unless a function of this name takes these arguments."""
        function = getattr(self, name)
        try:
            signature(function).bind(*arguments.values())
        except TypeError as error:
            raise ValueError(
                f"{name}={function!r} cannot be called as {name}({', '.join(arguments)}) "
                f"({error}); {remedy}."
            ) from None
        except ValueError:
            # Of some that are compiled nobody knows what they take.
            pass

    def _call(self, n_sequences: int, rng: np.random.Generator) -> Sample:
        """Return what the function draws, checked."""
        returned = self._returned(n_sequences, rng)
        parts = returned if isinstance(returned, tuple) else (returned,)
        if not 1 <= len(parts) <= 3:
            raise ValueError(
                f"{self._says} a tuple of {len(parts)}; return X, (X, latents), or (X, latents, "
                "scored)."
            )
        X, latents, scored = (*parts, None, None)[:3]
        # Exogenous channels may be any numbers.
        anything = self.observation == "continuous" or self.n_exogenous > 0
        X = self._numbers(X, "X", anything, missing=self.n_exogenous > 0)
        if X.ndim not in (2, 3) or len(X) != n_sequences or X.shape[1] < 2 or not X.size:
            raise ValueError(
                f"{self._says} X of shape {X.shape}; for n_sequences={n_sequences} return shape "
                f"({n_sequences}, n_steps) or ({n_sequences}, n_steps, n_channels), of at least 2 "
                "steps."
            )
        targets = X
        if self.n_exogenous:
            if X.ndim != 3 or X.shape[2] <= self.n_exogenous:
                raise ValueError(
                    f"{self._says} X of shape {X.shape}, but n_exogenous={self.n_exogenous}; "
                    "return what is predicted and, behind it, so many exogenous channels, of shape "
                    "(n_sequences, n_steps, n_channels)."
                )
            targets = targets_of(X, self.n_exogenous)
            self._numbers(targets, "X", self.observation == "continuous", missing=True)
            exogenous = self._numbers(exogenous_of(X, self.n_exogenous), "inputs", True)
            targets = self._without_partly(targets)
            X = join(targets, exogenous)
        n_values = {"binary": 2, "token": self.n_tokens}.get(self.observation, np.inf)
        low, high = np.nanmin(targets), np.nanmax(targets)
        if self.observation != "continuous" and (low < 0 or high >= n_values):
            raise ValueError(
                f"{self._says} X from {low} to {high}, but with observation="
                f"{self.observation!r} there are {n_values} values from 0 on; return these, or "
                "pass more n_tokens, or observation='continuous'."
            )
        if self.observation == "binary":
            X = X.astype(np.float64)
        latents, scored = self._latents(latents, X), self._scored(scored, X)
        observed = is_observed(targets)
        known = None if latents is None or self.feedback else np.ones(X.shape[:2], dtype=bool)
        missing: dict[str, Any] = {} if observed.all() else {"observed": observed, "known": known}
        return Sample(X, latents, tuple(self.latent_names), scored=scored, **missing)

    def _without_partly(self, targets: Floats) -> Floats:
        """Return targets that are NaN in all channels of a step or in none, enough of them not."""
        targets = without_partly(targets)
        observed = is_observed(targets)
        least = 2 if self.feedback else 1
        if (observed.sum(axis=1) < least).any() or not observed[:, 1:].any(axis=1).all():
            raise ValueError(
                f"{self._says} a sequence of X in which nothing is to be predicted: its targets "
                "are NaN at all steps but the first, or at all; let some later ones be numbers."
            )
        return targets

    def _scored(self, scored: Any, X: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return which steps are scored, checked."""
        if scored is None:
            return None
        scored = np.asarray(scored)
        if scored.shape != X.shape[:2] or scored.dtype != bool:
            raise ValueError(
                f"{self._says} scored of shape {scored.shape} and the type {scored.dtype}, but X "
                f"has shape {X.shape}; return a bool array of shape {X.shape[:2]}, or None if all "
                "steps are scored."
            )
        if not scored[:, 1:].any():
            raise ValueError(
                f"{self._says} scored without a step after the first, which nothing predicts; "
                "score some later steps, or return None if all are scored."
            )
        return scored

    def _latents(self, latents: Any, X: NDArray[Any]) -> NDArray[Any] | None:
        if (latents is None) != (self.latent_kind is None):
            given = "X alone" if latents is None else "X and latents"
            raise ValueError(
                f"{self._says} {given}, but latent_kind={self.latent_kind!r}; return a tuple (X, "
                "latents) and pass latent_kind and latent_names, or none of these."
            )
        if latents is None:
            return None
        latents = self._numbers(latents, "latents", self.latent_kind == "continuous")
        if latents.ndim == 2:
            latents = latents[:, :, np.newaxis]
        expected = (*X.shape[:2], len(self.latent_names))
        if latents.shape != expected:
            raise ValueError(
                f"{self._says} latents of shape {latents.shape}, but X has shape {X.shape} and "
                f"there are {expected[2]} latent_names; return shape {expected}, or pass one name "
                "a latent."
            )
        return latents

    def _numbers(
        self, values: Any, name: str, quantities: bool, missing: bool = False
    ) -> NDArray[Any]:
        """Return as an array what should be finite numbers, or integers if no quantities."""
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise ValueError(
                f"{self._says} {name} of the type {array.dtype}; return numbers, as X or as a "
                "tuple (X, latents)."
            )
        usable = np.isfinite(array) & (quantities | (array == np.floor(array)))
        if missing:
            usable |= np.isnan(array)
        if not usable.all():
            where = tuple(int(i) for i in np.argwhere(~usable)[0])
            remedy = "integers, or declare quantities by latent_kind and observation"
            if quantities:
                remedy = "finite numbers, for instance by a smaller time step or fewer steps"
            raise ValueError(
                f"{self._says} {array[where]} in {name}{list(where)}, one of "
                f"{int((~usable).sum())} such values; return {remedy}."
            )
        return array.astype(np.float64 if quantities or missing else np.int64)

    @property
    def _says(self) -> str:
        return f"function={self.function!r} returned"
