"""Where a network goes when it is left alone, beside its world, in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from sklearn.utils.validation import check_is_fitted

from .._typing import Floats, RandomState
from .._validation import check_integer
from ..operators._targets import world_of
from ..worlds import Sample
from ._delay_plane import of_delays
from ._latent_plane import no_latents, of_latents
from ._plane import as_long, limits_of
from ._rest_places import RestPlaces
from ._source import Display, known_option
from ._style import BLUE, GREY, finish_panels, literal, set_legend, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..predictors import BasePredictor

# Axes whose ranges differ by no larger factor have one scale.
_SIMILAR = 1.5
_COLORS: dict[str, str] = {"world": "black", "network": BLUE, "untrained twin": GREY}
_STYLES: dict[str, dict[str, Any]] = {
    "world": {"linewidth": 1.0, "linestyle": "--", "zorder": 4},
    "network": {"linewidth": 1.5, "zorder": 3},
    "untrained twin": {"linewidth": 1.0, "zorder": 2},
}


class PhasePortraitDisplay(Display):
    """Paths of a network that is left alone, and the flow of its world, in a plane.

    A panel is a prompt, of so many steps that were seen; dots are its end. The plane is that of two
    latents, which a linear map decodes from the hidden states that sequences drive a network to,
    fitted to other sequences than those that are shown; or that of what is predicted and what was
    some steps before. Filled squares are rest points that attract, open ones those that do not.
    Build it with `from_estimator`.

    Parameters
    ----------
    paths : dict of str to ndarray of shape (n_prompts, n_sequences, n_points, 2)
        Paths by the name to show: "world", "network", "untrained twin", or another.
    prompts : sequence of int
        The number of steps that were seen.
    labels : (str, str)
        What is along the axes.
    rest : dict of str to RestPlaces, default=None
        Rest points by name.
    arrows : (ndarray, ndarray) of shape (n_arrows, 2), default=None
        Points, and the flow of a step from there.
    title, footer : str, default=None
        Above and below.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_prompts,)
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    lines_ : dict of str to list of matplotlib.lines.Line2D
        The paths of each name, over all panels.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld, PhasePortraitDisplay
    >>> world = OscillatorWorld(n_steps=100)
    >>> sample = world.sample(60, random_state=0)
    >>> model = EchoStatePredictor(32, random_state=0).fit(sample.X)
    >>> display = PhasePortraitDisplay.from_estimator(model, sample, n_steps=60)
    >>> [ax.get_title(loc="left") for ax in display.axes_], display.axes_[0].get_xlabel()
    (['12 steps seen', '50 steps seen'], 'latent x')
    >>> len(display.lines_["network"])  # Three sequences behind each prompt.
    6
    """

    def __init__(
        self,
        paths: dict[str, Floats],
        prompts: Sequence[int],
        labels: tuple[str, str],
        rest: dict[str, RestPlaces] | None = None,
        arrows: tuple[Floats, Floats] | None = None,
        title: str | None = None,
        footer: str | None = None,
    ) -> None:
        self.paths = paths
        self.prompts = prompts
        self.labels = labels
        self.rest = rest
        self.arrows = arrows
        self.title = title
        self.footer = footer

    @classmethod
    def from_estimator(
        cls,
        estimator: BasePredictor,
        sample: Sample,
        *,
        twin: BasePredictor | None = None,
        plane: str = "auto",
        latents: tuple[int, int] = (0, 1),
        delay: int | None = None,
        prompts: Sequence[int] | None = None,
        n_steps: int | None = None,
        n_sequences: int = 3,
        clock: str | float | None = None,
        random_state: RandomState = 0,
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Plot where a fitted predictor goes when it is left alone.

        Parameters
        ----------
        estimator : predictor
            Fitted, of quantities.
        sample : Sample
            Sequences of a world, as `World.sample` returns them. The first half is what the map
            from hidden states to latents is fitted to, and paths begin in the other one.
        twin : predictor, default=None
            Its untrained twin, or another predictor, to show in grey.
        plane : {"auto", "latents", "delay"}, default="auto"
            The plane. "auto" is that of two latents if the world has as many quantities as latents
            and knows their flow, and the predictors have hidden states that go on by themselves;
            else what is predicted against what was some steps before.
        latents : (int, int), default=(0, 1)
            Which two latents.
        delay : int, default=None
            Steps before, in the plane of delays. None is a quarter of the world's period, or the
            first at which the autocorrelation of the sequences is below 1/e.
        prompts : sequence of int, default=None
            Numbers of steps that are seen before. None is an eighth and half of the sequences: the
            first is in the transient of most worlds.
        n_steps : int, default=None
            Steps to go on. None is those that the longest prompt leaves in the sequences.
        n_sequences : int, default=3
            How many paths to show in each panel.
        clock : "run", float or None, default=None
            What the clock does, see `rollout`. Rest points are those where it stands: without a
            number a network whose clock runs has none.
        random_state : int, SeedSequence, Generator, RandomState or None, default=0
            Stream of the search for rest points.
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one a prompt; None makes a figure.

        Returns
        -------
        PhasePortraitDisplay
            Plotted; the world as far as it knows its flow, and its rest points.

        Raises
        ------
        NotFittedError
            If a predictor is not fitted.
        ValueError
            If observations are no quantities, the plane needs what world or predictor do not have,
            an argument is out of range, or as in `rollout`.
        """
        both = {"network": estimator, **({} if twin is None else {"untrained twin": twin})}
        for each in both.values():
            check_is_fitted(each)
        world = _world_of_quantities(sample)
        known_option("plane", plane, ("auto", "latents", "delay"))
        check_integer(n_sequences, "n_sequences")
        prompts, n_steps = _steps(prompts, n_steps, sample.X.shape[1])
        why_not = no_latents(world, sample, both)
        if plane == "latents" and why_not:
            raise ValueError(f"plane='latents' is not possible: {why_not}; use plane='delay'.")
        if plane == "auto":
            plane = "delay" if why_not else "latents"
        build = of_latents if plane == "latents" else of_delays
        which: Any = latents if plane == "latents" else delay
        draw = build(both, sample, which, prompts, n_steps, n_sequences, clock, random_state)
        return cls(*draw).plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes, default=None
            Where to plot, one a prompt; None makes a figure, or takes the last one of its own if
            nothing else was drawn into it.

        Returns
        -------
        PhasePortraitDisplay
            Itself, with `axes_`, `figure_` and `lines_`.

        Raises
        ------
        ValueError
            If there are fewer or more axes than prompts.
        """
        size, is_own = (3.3 * len(self.prompts) + 2.4, 4.1), axes is None
        panels = self._axes_by_prompt(axes, self.prompts, size)
        self.lines_: dict[str, list[Any]] = {}
        limits = limits_of(self.paths)
        wide, high = limits[:, 1] - limits[:, 0]
        for i, (ax, prompt) in enumerate(zip(panels, self.prompts, strict=True)):
            self._draw(ax, i, limits)
            ax.set_xlim(*limits[0])
            ax.set_ylim(*limits[1])
            if 1 / _SIMILAR < wide / high < _SIMILAR:
                # A circle is to be one.
                ax.set_aspect("equal")
            ax.set_xlabel(self.labels[0])
            if i:
                ax.tick_params(labelleft=False)
            set_title(ax, f"{prompt} steps seen")
        panels[0].set_ylabel(self.labels[1])
        set_legend(panels[-1])
        finish_panels(panels, is_own, self.title, self.footer)
        self.axes_ = panels
        self._plotted(panels[0])
        return self

    def _draw(self, ax: Axes, i: int, limits: Floats) -> None:
        """Draw one panel."""
        if self.arrows is not None:
            points, moves = self.arrows
            options = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.004}
            moves = as_long(moves, limits)
            ax.quiver(*points.T, *moves.T, color="0.75", zorder=1, **options)
        for name, paths in self.paths.items():
            style = _STYLES.get(name, {"linewidth": 1.0}) | {"color": _COLORS.get(name, GREY)}
            for k, path in enumerate(paths[i]):
                label = literal(name) if k == 0 else None
                self.lines_.setdefault(name, []).extend(ax.plot(*path.T, label=label, **style))
            ax.plot(*paths[i, :, 0].T, "o", markersize=3.5, color=style["color"], zorder=5)
        for name, (points, stable) in (self.rest or {}).items():
            color = _COLORS.get(name, GREY)
            for kind, face in ((True, color), (False, "white")):
                here = points[stable == kind]
                if not len(here):
                    continue
                words = "attracting" if kind else "not attracting"
                ax.plot(
                    *here.T,
                    "s",
                    markersize=8 if name == "world" else 5.5,
                    markerfacecolor=face,
                    markeredgecolor=color,
                    linestyle="none",
                    label=f"rest point of the {literal(name)}, {words}",
                    zorder=6,
                )

    def _shown(self) -> str:
        said = [f"{name}: {len(points)}" for name, (points, _) in (self.rest or {}).items()]
        prompts = ", ".join(map(str, self.prompts))
        return (
            f"paths of {', '.join(self.paths)} left alone after {prompts} steps, along "
            f"{' and '.join(self.labels)}; rest points: {', '.join(said) or 'none known'}"
        )


def _world_of_quantities(sample: Any) -> Any:
    """Return the world of a sample whose observations are quantities, or raise a ValueError."""
    world = world_of(sample)
    if world.observation != "continuous":
        raise ValueError(
            f"{type(world).__name__} has observation={world.observation!r}, whose forecasts are "
            "probabilities and have no plane of quantities; draw rollout(X, n_steps, n_paths=40) "
            "against the step, or ForecastErrorDisplay."
        )
    return world


def _steps(prompts: Any, n_steps: int | None, n_all: int) -> tuple[list[int], int]:
    """Return the lengths of prompts and how many steps to go on, or raise a ValueError."""
    given = [max(1, n_all // 8), max(2, n_all // 2)] if prompts is None else list(prompts)
    for prompt in given:
        check_integer(prompt, "prompts")
    if not given or max(given) > n_all:
        raise ValueError(
            f"prompts={prompts!r} must be integers from 1 to {n_all}, the steps of the sequences."
        )
    n_steps = max(n_all - max(given), 1) if n_steps is None else n_steps
    check_integer(n_steps, "n_steps")
    return [int(prompt) for prompt in given], int(n_steps)
