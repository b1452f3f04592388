"""Lyapunov exponents of networks, driven by sequences and left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats, RandomState
from .._validation import check_integer
from ..assessment._words import arm_in_words
from ..operators import lyapunov_spectrum
from ..operators._flow_exponents import flow_exponents
from ..operators._lyapunov import at_most, half_at_most
from ..worlds import Sample
from ..worlds._sample import check_sample, rows_of
from ._source import Display
from ._style import colors_of, finish_panels, frame, literal, set_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..predictors import BasePredictor

    Predictors: TypeAlias = BasePredictor | Sequence[BasePredictor]

# Steps that closed loops and flows settle in before, and over which is averaged.
_BURN_IN, _STEPS = 100, 400
# Share of the place of an exponent that its dots have.
_WIDTH = 0.6
_FOOTER = (
    "Memory: how fast differences between states fade while both see the same input, over -1 / "
    "(first exponent) steps; a property of the filter, and no evidence of the world's dynamics. "
    "Dynamics: how fast they grow or fade once each sees its own predictions; a first exponent of "
    "0 is a cycle, a positive one chaos. Exponents of the world below the first one of memory need "
    "not show."
)


class LyapunovDisplay(Display):
    """Lyapunov exponents of networks, driven beside those in closed loop.

    Dots are seeds, dashes their means. Lines are the exponents of the world's flow. Those of driven
    networks say how long they remember, and nothing of the world. Build it with `from_spectra` or
    `from_estimator`.

    Parameters
    ----------
    driven, closed : dict of str to ndarray of shape (n_seeds, n_exponents)
        Exponents in nats a step, the largest first, by the name to show or by training mode.
    world : ndarray of shape (n_exponents,), default=None
        Those of the world.
    title, footer : str, default=None
        Above and below.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (2,)
        The axes, memory and dynamics, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, LyapunovDisplay, OscillatorWorld
    >>> world = OscillatorWorld(n_steps=80)
    >>> sample = world.sample(40, random_state=0)
    >>> cores = [EchoStatePredictor(8, random_state=seed).fit(sample.X) for seed in (0, 1)]
    >>> display = LyapunovDisplay.from_estimator(
    ...     cores, sample, n_exponents=2, n_steps=20, n_sequences=4, random_state=0
    ... )
    >>> [ax.get_title(loc="left") for ax in display.axes_]
    ['Memory: driven by sequences', 'Dynamics: left alone']
    >>> display.axes_[0].get_ylabel()
    'Lyapunov exponent (nat/step)'
    """

    def __init__(
        self,
        driven: dict[str, Floats],
        closed: dict[str, Floats],
        world: Floats | None = None,
        title: str | None = None,
        footer: str | None = None,
    ) -> None:
        self.driven = driven
        self.closed = closed
        self.world = world
        self.title = title
        self.footer = footer

    @classmethod
    def from_spectra(
        cls,
        driven: ArrayLike | Mapping[str, ArrayLike],
        closed: ArrayLike | Mapping[str, ArrayLike],
        *,
        world: ArrayLike | None = None,
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Plot exponents that are known.

        Parameters
        ----------
        driven, closed : array-like of shape (n_seeds, n_exponents), or dict of str to these
            Exponents in nats a step, as of `lyapunov_spectrum`, averaged over sequences; several by
            the name to show, or by training mode.
        world : array-like of shape (n_exponents,), default=None
            Those of the world.
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        LyapunovDisplay
            Plotted.

        Raises
        ------
        ValueError
            If exponents have other shapes.
        """
        spectra = _by_name("driven", driven), _by_name("closed", closed)
        known = None if world is None else np.asarray(world, dtype=np.float64)
        if known is not None and known.ndim != 1:
            raise ValueError(
                f"world has shape {known.shape}; pass its exponents, of shape (n_exponents,)."
            )
        return cls(*spectra, known, None, _FOOTER).plot(axes)

    @classmethod
    def from_estimator(
        cls,
        estimator: Predictors | Mapping[str, Predictors],
        sample: Sample,
        *,
        n_exponents: int = 4,
        n_steps: int | None = None,
        n_sequences: int = 32,
        clock: str | float | None = None,
        random_state: RandomState = 0,
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Plot the exponents of fitted networks, and those of their world.

        Parameters
        ----------
        estimator : predictor, sequence of predictors, or dict of str to these
            Fitted predictors that go on from a state, one a seed; several kinds by the name to
            show, or by training mode.
        sample : Sample
            Sequences that drive them, and behind which they are left alone, as `World.sample`
            returns them.
        n_exponents : int, default=4
            How many to show, the largest; fewer if states have fewer numbers.
        n_steps : int, default=None
            Steps to leave them alone, behind 100 that do not count. None is 400.
        n_sequences : int, default=32
            How many of the sequences to use, the first ones; exponents are means over them.
        clock : "run", float or None, default=None
            What the clock does once they are left alone, see `rollout`.
        random_state : int, SeedSequence, Generator, RandomState or None, default=0
            Stream of the first directions.
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        LyapunovDisplay
            Plotted; with the exponents of the flow over as many steps, if the world knows one that
            moves quantities and is not disturbed, for so long.

        Raises
        ------
        NotFittedError, ValueError
            As in `lyapunov_spectrum`, or if there is no sample, or there are no predictors.
        """
        check_sample(sample)
        for name, number in (("n_exponents", n_exponents), ("n_sequences", n_sequences)):
            check_integer(number, name)
        n_steps = _STEPS if n_steps is None else n_steps
        check_integer(n_steps, "n_steps")
        groups = {
            name: list(some) if isinstance(some, Sequence) else [some]
            for name, some in (
                estimator if isinstance(estimator, Mapping) else {"network": estimator}
            ).items()
        }
        if not all(groups.values()) or not groups:
            raise ValueError("estimator is empty; pass a fitted predictor, or several.")
        first = rows_of(sample, slice(n_sequences))
        burn_in = half_at_most(first.X.shape[1])
        loops: dict[str, dict[str, Any]] = {
            "driven": {"n_burn_in": burn_in},
            "closed": {"n_burn_in": _BURN_IN, "n_steps": n_steps, "clock": clock},
        }
        found = [
            {
                name: _spectra(some, first.X, n_exponents, random_state, loop=loop, **options)
                for name, some in groups.items()
            }
            for loop, options in loops.items()
        ]
        steps = (
            f"Means over {len(first.X)} sequences and {first.X.shape[1] - burn_in} steps driven, "
            f"behind {burn_in}, and {n_steps} left alone, behind {_BURN_IN}."
        )
        world = None
        if _flows(first):
            try:
                exponents = flow_exponents(first, n_steps, _BURN_IN, random_state)
                world = exponents.mean("sequence").values
            except ValueError:
                # It changes with time.
                steps += " The law of the world is not known for so many steps."
        driven, closed = found
        return cls(driven, closed, world, None, f"{_FOOTER} {steps}").plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        LyapunovDisplay
            Itself, with `axes_` and `figure_`.

        Raises
        ------
        ValueError
            If there are not two axes.
        """
        if axes is not None and np.size(axes) != 2:
            raise ValueError(f"axes has {np.size(axes)} axes; pass two, for memory and dynamics.")
        is_own = axes is None
        panels = np.ravel(self._new_axes(axes, (7.6, 4.2), n_columns=2))
        titles = "Memory: driven by sequences", "Dynamics: left alone"
        for ax, title, spectra in zip(panels, titles, (self.driven, self.closed), strict=True):
            _draw(ax, spectra)
            ax.set_title(title, loc="left", fontsize=10)
            ax.set_xlabel("exponent, the largest first")
            ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        shown = [values for each in (self.driven, self.closed) for values in each.values()]
        n_shown = max(values.shape[1] for values in shown)
        if self.world is not None:
            for i, exponent in enumerate(self.world[:n_shown]):
                label = "world" if i == 0 else None
                panels[1].axhline(exponent, color="black", linewidth=1.0, zorder=1, label=label)
        known: Any = [] if self.world is None else self.world[:n_shown]
        finite = np.concatenate([values.ravel() for values in shown])
        finite = np.append(finite[np.isfinite(finite)], known)
        low, high = frame([0.0, *finite], finite)
        for ax in panels:
            ax.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
        panels[0].set_ylabel("Lyapunov exponent (nat/step)")
        panels[1].tick_params(labelleft=False)
        set_legend(panels[1])
        lost = sum(int((~np.isfinite(values)).sum()) for values in shown)
        note = f"Not shown: {lost} exponents that are not finite." if lost else ""
        finish_panels(panels, is_own, self.title, f"{self.footer or ''} {note}".strip())
        self.axes_ = panels
        self._plotted(panels[0])
        return self

    def _shown(self) -> str:
        said = [
            f"{arm_in_words(name)} {loop} {_in_digits(values[:, 0].mean())}"
            for loop, spectra in (("driven", self.driven), ("left alone", self.closed))
            for name, values in spectra.items()
        ]
        world = "" if self.world is None else f", world {_in_digits(self.world[0])}"
        return f"first Lyapunov exponent in nats per step: {', '.join(said)}{world}"


def _in_digits(exponent: float) -> str:
    # Zero has no sign.
    return f"{round(float(exponent), 3) + 0.0:.3f}"


def _by_name(loop: str, spectra: Any) -> dict[str, Floats]:
    """Return exponents (n_seeds, n_exponents) by name, or raise a ValueError."""
    given = spectra if isinstance(spectra, Mapping) else {"network": spectra}
    found = {name: np.asarray(values, dtype=np.float64) for name, values in given.items()}
    for name, values in found.items():
        if values.ndim != 2 or not values.size:
            raise ValueError(
                f"{loop}: the exponents {name!r} have shape {values.shape}; pass a row a seed, of "
                "shape (n_seeds, n_exponents)."
            )
    if not found:
        raise ValueError(f"{loop} is empty; pass exponents of shape (n_seeds, n_exponents).")
    return found


def _spectra(
    predictors: Sequence[Any],
    X: NDArray[Any],
    n_exponents: int,
    stream: RandomState,
    **options: Any,
) -> Floats:
    """Return the exponents of predictors, means over sequences."""
    rows = []
    for predictor in predictors:
        number = at_most(n_exponents, predictor, X)
        spectrum = lyapunov_spectrum(
            predictor, X, n_exponents=number, random_state=stream, **options
        )
        rows.append(spectrum.mean("sequence").values)
    return np.array(rows)


def _flows(sample: Sample) -> bool:
    """Return whether a world knows a flow of quantities that nothing disturbs."""
    world: Any = sample.world
    kinds = getattr(world, "flow_kind", None), getattr(world, "latent_kind", None)
    return kinds in (("exact", "continuous"), ("mean", "continuous")) and sample.latents is not None


def _draw(ax: Axes, spectra: Mapping[str, Floats]) -> None:
    """Draw the dots of each kind beside each other, and their means."""
    n_kinds, most = len(spectra), max(values.shape[1] for values in spectra.values())
    for i, (color, (name, values)) in enumerate(
        zip(colors_of(list(spectra)), spectra.items(), strict=True)
    ):
        room = _WIDTH / n_kinds
        center = np.arange(1, values.shape[1] + 1) + (i - (n_kinds - 1) / 2) * room
        n_seeds = len(values)
        apart = 0.6 * room * (np.arange(n_seeds) - (n_seeds - 1) / 2) / max(n_seeds - 1, 1)
        places = center + apart[:, np.newaxis]
        label = literal(arm_in_words(name))
        shown = np.where(np.isfinite(values), values, np.nan)
        ax.plot(
            places.ravel(),
            shown.ravel(),
            "o",
            color=color,
            markersize=4,
            alpha=0.6,
            markeredgewidth=0,
            label=label,
            zorder=3,
        )
        if n_seeds > 1:
            ax.hlines(
                shown.mean(axis=0),
                center - 0.4 * room,
                center + 0.4 * room,
                color=color,
                linewidth=2,
                zorder=4,
            )
    ax.set_xticks(range(1, most + 1))
    ax.set_xlim(0.4, most + 0.6)
