"""Sequences of a world beside those of its nulls."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._random import seed_sequence
from .._typing import RandomState
from .._validation import check_integer
from ..assessment._labels import STRUCTURED
from ..assessment._words import condition_in_words, in_digits
from ..measures._sequences import negative_log_likelihood
from ..worlds import World
from ..worlds._picture import draw_sequences
from ._source import Display
from ._style import CEILINGS, finish_panels, literal, set_title, settle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Sequences of tokens that have room, and sequences of which the loss is the mean.
_N_ROWS, _N_SCORED = 10, 500
_LOSS = (
    "Best possible, best known: loss of the predictor that knows the law, with the noise of the "
    "world, as assessments score it."
)


class NullsDisplay(Display):
    r"""Sequences of a world and of each of its nulls, side by side on one scale.

    Quantities are lines: sequences of one channel, or the channels of one sequence. Outcomes and
    tokens are cells, with a row for each sequence. Above each is the loss of the best possible
    predictor, where it is known. Build it with `from_world`.

    Parameters
    ----------
    worlds : dict of str to World
        The world and its nulls, by condition: "structured", or the kind of the null.
    losses : dict of str to float, default=None
        Loss of the best possible predictor in each, in nats per step, where it is known.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_conditions,)
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> from sklearn_emerge import NullsDisplay, OscillatorWorld
    >>> display = NullsDisplay.from_world(OscillatorWorld(n_steps=60), kinds=["resample"])
    >>> [ax.get_title(loc="left").split("\n")[0] for ax in display.axes_]
    ['the world', 'order destroyed']
    >>> display.losses["structured"] < display.losses["resample"]
    True
    """

    _options = {"n_sequences": None, "random_state": 0}

    def __init__(self, worlds: dict[str, World], losses: dict[str, float] | None = None) -> None:
        self.worlds = worlds
        self.losses = losses

    @classmethod
    def from_world(
        cls,
        world: World,
        *,
        kinds: Sequence[str] | None = None,
        n_sequences: int | None = None,
        random_state: RandomState = 0,
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Plot sequences of a world and of its nulls.

        Parameters
        ----------
        world : World
            The world.
        kinds : sequence of str, default=None
            Kinds of nulls, see `World.null`; None is all that the world has.
        n_sequences, random_state
            As in `plot`.
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one for the world and one for each null; None makes a figure.

        Returns
        -------
        NullsDisplay
            Plotted.

        Raises
        ------
        ValueError
            If it is no world, there is no such null, or there are fewer or more axes.
        """
        if not isinstance(world, World):
            raise ValueError(
                f"world is a {type(world).__name__}; pass a World, of arrays ArrayWorld(X)."
            )
        kinds = world.null_kinds if kinds is None else [kinds] if isinstance(kinds, str) else kinds
        worlds = {STRUCTURED: world, **{kind: world.null(kind) for kind in kinds}}
        display = cls(worlds, None)
        display._check(axes, n_sequences)
        display.losses = {name: _loss_of(each) for name, each in worlds.items() if each.ceiling}
        return display.plot(axes, n_sequences=n_sequences, random_state=random_state)

    def plot(
        self,
        axes: Sequence[Axes] | None = None,
        *,
        n_sequences: int | str | None = "same",
        random_state: RandomState | str = "same",
    ) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one for each world; None makes a figure, or takes the last one of its own
            if nothing else was drawn into it.
        n_sequences : int or None, default="same"
            How many sequences, or channels of one; None is 4 lines, or 10 rows of cells. "same" is
            as plotted before, at first None.
        random_state : int, SeedSequence, Generator, RandomState or None, default="same"
            Stream of the sequences. "same" is as plotted before, at first 0.

        Returns
        -------
        NullsDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are fewer or more axes than worlds.
        """
        given, stream = self._as_before(n_sequences=n_sequences, random_state=random_state)
        # Of one draw for all panels: a Generator would give other sequences to each.
        stream = seed_sequence(stream)
        self._check(axes, given)
        is_own, size = axes is None, (2.5 * len(self.worlds) + 1.0, 3.0)
        panels = np.ravel(self._new_axes(axes, size, n_columns=len(self.worlds)))
        for ax, world in zip(panels, self.worlds.values(), strict=True):
            _draw(ax, world, given, stream)
        # Beside each other they have one scale; that of cells has its ends reversed.
        ends = np.array([ax.get_ylim() for ax in panels])
        low, high = ends.min(axis=0)[0], ends.max(axis=0)[1]
        for ax in panels:
            ax.set_title("", loc="left")
            ax.set_ylim(low, high)
        for ax in panels[1:]:
            ax.tick_params(labelleft=False)
            ax.set_ylabel("")
        settle(panels[0])
        for ax, name in zip(panels, self.worlds, strict=True):
            set_title(ax, "\n".join([literal(condition_in_words(name)), *self._loss(name)]))
        said = f"{literal(type(self.worlds[STRUCTURED]).__name__)} and its nulls"
        finish_panels(panels, is_own, said, _LOSS if self.losses else None)
        self.axes_ = panels
        self._plotted(panels[0], n_sequences=given, random_state=stream)
        return self

    def _check(self, axes: Any, n_sequences: Any) -> None:
        """Raise a ValueError unless there is one of the axes for each world."""
        if n_sequences is not None:
            check_integer(n_sequences, "n_sequences")
        if axes is not None and np.size(axes) != len(self.worlds):
            raise ValueError(
                f"axes has {np.size(axes)} axes for {len(self.worlds)} worlds, "
                f"{', '.join(map(condition_in_words, self.worlds))}; pass one each."
            )

    def _loss(self, name: str) -> list[str]:
        """Return the line of a title that says the loss in a world, if it is known."""
        loss = (self.losses or {}).get(name)
        if loss is None:
            return []
        known, _ = CEILINGS[str(self.worlds[name].ceiling)]
        return [f"{known}: {in_digits(loss)[0]} nats per step"]

    def _shown(self) -> str:
        name = type(self.worlds[STRUCTURED]).__name__
        said = [", ".join([condition_in_words(each), *self._loss(each)]) for each in self.worlds]
        return f"sequences of {name}: {'; '.join(said)}"


def _loss_of(world: World) -> float:
    """Return the loss of the best possible predictor, as assessments score it."""
    best: Any = world.optimal_predictor()
    evaluation = world.evaluation_world().sample(_N_SCORED, random_state=0)
    # Where all is certain it is not less than 0.
    return negative_log_likelihood(best, evaluation) + 0.0


def _draw(ax: Axes, world: World, n_sequences: int | None, stream: Any) -> None:
    """Draw sequences of one world; of tokens as cells, which have room where texts have none."""
    if world.observation != "token":
        draw_sequences(world, ax, n_sequences, stream)
        if ax.get_ylabel() == "observation":
            ax.set_ylabel("observation (unit of the data)")
        return
    X = world.sample(n_sequences or _N_ROWS, random_state=stream).X
    rows = np.asarray(X, dtype=float).reshape(len(X), -1)
    most = int(world.n_tokens) - 1 if isinstance(world.n_tokens, Integral) else rows.max()
    options: dict[str, Any] = {"vmin": 0, "vmax": most, "interpolation": "nearest"}
    ax.imshow(rows, cmap="viridis", aspect="auto", **options)
    ax.set_xlabel("step")
    ax.set_ylabel("sequence, a colour for each token")
    ax.set_yticks([])
