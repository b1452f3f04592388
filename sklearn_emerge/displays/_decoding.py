"""What can be decoded against what is predicted, over several worlds or models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np

from .._axes import with_units
from ..assessment._labels import STRUCTURED
from ..assessment._words import arm_in_words
from ._arms import Arm, Group, Groups, width_of
from ._assessment import gain_arms, gain_levels
from ._bands import band_of
from ._captions import arms_in_words, interval_in_words, scores_in_words, seeds_in_words
from ._source import CubeDisplay, select, select_one
from ._style import ARM_COLORS, GREEN, finish, literal, set_legend

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..assessment._cube import CubeSource

# A score of 1 is perfect; 0 is that of the mean, and where the axis begins: differences that mean
# nothing would fill it.
_POSSIBLE = (-np.inf, 1.0)
_INPUTS = GREEN
_NAMES = {ARM_COLORS[mode]: arm_in_words(mode) for mode in ("full", "readout", "random")}
_NAMES[_INPUTS] = "the last inputs alone"


class DecodingDisplay(CubeDisplay):
    """Decodability of latents from the trained and the untrained core, beside predictive gains.

    Points are seeds, beside them their mean with its interval. Scores are those of the trained and
    of the untrained core, and of the last inputs. Build it with `from_cube`
    or `from_estimator`.

    Parameters
    ----------
    cubes : dict of str to xarray.Dataset
        One configuration of each cube by the name to show.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (2,)
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.

    Examples
    --------
    >>> from sklearn_emerge import DecodingDisplay, EmergenceAssessment, GRUPredictor, DriftWorld
    >>> assessment = EmergenceAssessment(
    ...     DriftWorld(n_steps=20), GRUPredictor(hidden_size=2, max_steps=2), nulls=(),
    ...     n_train=20, n_eval=10, baselines=("mean", "persistence"), reservoir_sizes=None,
    ...     random_state=0, progress=False,
    ... ).fit()
    >>> display = DecodingDisplay.from_cube(assessment)
    >>> display.axes_[1].get_ylabel()
    'gain over the reference (nats per step)'
    >>> display.axes_[0].get_ylabel()
    'score of decoding (cross-validated R²)'
    """

    def __init__(self, cubes: dict[str, xr.Dataset]) -> None:
        self.cubes = cubes

    @classmethod
    def from_cube(
        cls,
        cube: CubeSource | dict[str, CubeSource],
        *,
        axes: Sequence[Axes] | None = None,
        **selection: object,
    ) -> Self:
        """Plot one configuration of a cube, or of each of several.

        Parameters
        ----------
        cube : xarray.Dataset, path-like, EmergenceAssessment, or dict of str to these
            `EmergenceAssessment.cube_`, the file it was written to, or the fitted assessment; or
            several by the name to show.
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.
        **selection
            A value for each parameter of the grid, for instance ``hidden_size=16``.

        Returns
        -------
        DecodingDisplay
            Plotted.

        Raises
        ------
        ValueError
            If one is not a cube, more than one configuration of it is left, or no latents were
            decoded in any.
        """
        sources = cube if isinstance(cube, dict) else {None: cube}
        cubes = {}
        for name, source in sources.items():
            try:
                one = select_one(source, selection)
            except ValueError as error:
                raise error if name is None else ValueError(f"{name!r}: {error}") from error
            cubes[_world(one) if name is None else name] = one
        if not any("probe_score" in one for one in cubes.values()):
            raise ValueError(
                "No latents were decoded; assess a world with latents, and with a probe."
            )
        return cls(cubes).plot(axes=axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Plot.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.

        Returns
        -------
        DecodingDisplay
            Itself, with `axes_` and `figure_`.
        """
        here = {n: select(cube, {"condition": STRUCTURED}) for n, cube in self.cubes.items()}
        decoded = [Group(name, _decoded(cube)) for name, cube in here.items()]
        gains = [
            Group(name, gain_arms(cube, _modes(cube), _no_label), gain_levels(cube))
            for name, cube in here.items()
        ]
        widths = [width_of(groups, 0.45) + 1.2 for groups in (decoded, gains)]
        size = sum(widths) + 1.8, 4.2
        axes = self._new_axes(axes, size, n_columns=2, width_ratios=widths)
        left, right = self.axes_ = np.asarray(axes)
        names = sorted({name for cube in here.values() for name in _score_names(cube)})[::-1]
        left.set_ylabel(f"score of decoding (cross-validated {' or '.join(names)})")
        right.set_ylabel("gain over the reference (nats per step)")
        left.set_title("What can be decoded", loc="left", fontsize=10)
        right.set_title("What is predicted", loc="left", fontsize=10)
        colors = [arm.color for group in [*decoded, *gains] for arm in group.arms]
        for color, name in _NAMES.items():
            if color in colors:
                right.plot([], [], "D", color=color, label=name)
        set_legend(right)
        heights = [height for group in gains for *_, height in group.levels]
        trained = [gain for group in gains for gain in group.arms[0].seeds]
        scores = Groups(left, decoded, needed=[0.0, 1.0], bounds=_POSSIBLE)
        predicted = Groups(right, gains, needed=[0.0, *heights, *trained])
        cubes = list(here.values())
        said = seeds_in_words(cubes, "Points: ", "diamonds and bars")
        finish(left, f"{said} {scores.notes}".strip())
        # Cubes of one figure mostly have intervals of one kind.
        kinds = {interval_in_words(cube) for cube in cubes}
        interval = kinds.pop() if len(kinds) == 1 else "its interval"
        said = seeds_in_words(cubes, "Points: ", "diamonds and bars", interval)
        finish(right, f"{said} {predicted.notes}".strip())
        scores.draw()
        predicted.draw()
        self._plotted(left)
        return self

    def _shown(self) -> str:
        said = []
        for name, cube in self.cubes.items():
            here = select(cube, {"condition": STRUCTURED})
            latents = scores_in_words(here) if "probe_score" in here else "no latents"
            said.append(f"{name} ({latents}; gains: {arms_in_words(here)})")
        return f"decoding of {', '.join(said)}"


def _world(cube: xr.Dataset) -> str:
    return cube.attrs.get("title", "world").rpartition(" on ")[2]


def _no_label(mode: str) -> str:
    """Return no label: colours are named in a legend."""
    return ""


def _modes(cube: xr.Dataset) -> list[str]:
    """Return the trained arm and one with an untrained core, those that there are."""
    known = cube.mode.values.tolist()
    # An untrained core has the same states whether its head is trained or not.
    untrained = [mode for mode in ("readout", "random") if mode in known][:1]
    return [*(mode for mode in ("full",) if mode in known), *untrained]


def _score_names(cube: xr.Dataset) -> set[str]:
    """Return what the scores of a cube are called: of classes D², else R²."""
    if "probe_score" not in cube:
        return set()
    if "probe_accuracy" not in cube:
        return {"R²"}
    classes = cube.probe_accuracy.notnull().any(
        [d for d in cube.probe_accuracy.dims if d != "latent"]
    )
    return {"D²" if each else "R²" for each in classes.values}


def _decoded(cube: xr.Dataset) -> list[Arm]:
    """Return the arms of each latent, and what the last inputs alone show."""
    if "probe_score" not in cube:
        # Room for the words.
        return 2 * [Arm("no latents", "none", np.array([np.nan]), np.nan, np.nan)]
    arms = []
    for latent in cube.latent.values.tolist():
        units = cube.latent_units.sel(latent=latent).item() if "latent_units" in cube else ""
        scores = {ARM_COLORS[mode]: cube.probe_score.sel(mode=mode) for mode in _modes(cube)}
        if "probe_score_window" in cube:
            scores[_INPUTS] = cube.probe_score_window
        for color, score in scores.items():
            seeds = score.sel(latent=latent)
            arms.append(
                Arm(literal(with_units(latent, units)), color, seeds.values, *band_of(seeds))
            )
    return arms
