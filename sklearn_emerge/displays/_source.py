"""What displays are drawn from: a fitted estimator, its cube, or the file of the cube."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import numpy as np
import xarray as xr
from sklearn.utils.validation import check_is_fitted

from .._names import did_you_mean
from .._typing import PathLike
from ..assessment._cube import cube_of
from ..assessment._labels import RESERVED
from ._style import make_room, new_figure

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..assessment._cube import CubeSource
    from ..linear_systems import PredictionRiskSweep

# What an option of `plot` is by default.
SAME = "same"
SweepSource: TypeAlias = "xr.Dataset | PathLike | PredictionRiskSweep"
XarrayT = TypeVar("XarrayT", xr.Dataset, xr.DataArray)


def as_sweep(source: SweepSource) -> xr.Dataset:
    """Return the cube of a fitted `PredictionRiskSweep`, as it is, or that in a file."""
    found: Any = source
    if hasattr(found, "fit"):
        check_is_fitted(found, "cube_")
        found = found.cube_
    cube = found if isinstance(found, xr.Dataset) else xr.load_dataset(found)
    missing = {"total_risk", "critical_length"} - set(cube)
    if missing:
        raise ValueError(
            f"cube is not that of a PredictionRiskSweep: it has no variable {missing.pop()}. Pass "
            "its cube_, or a file written by cube_.to_netcdf."
        )
    return cube


def select(cube: XarrayT, selection: Mapping[str, Any]) -> XarrayT:
    """Select values of dimensions of a cube or of one of its variables."""
    unknown = [name for name in selection if name not in cube.dims]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is not a dimension of what is shown, which has "
            f"{', '.join(map(str, cube.dims))}.{did_you_mean(unknown[0], map(str, cube.dims))}"
        )
    for name, value in selection.items():
        known = f"its values are {cube[name].values.tolist()}"
        if np.size(value) == 0:
            raise ValueError(f"No {name} is selected; {known}.")
        try:
            cube = cube.sel({name: value})
        except KeyError as error:
            labels = [label for label in cube[name].values.tolist() if isinstance(label, str)]
            unknown = next(v for v in np.ravel(value).tolist() if v not in cube[name].values)
            raise ValueError(
                f"{name!r}: {value!r} is not in the cube; {known}.{did_you_mean(unknown, labels)}"
            ) from error
    return cube


def parameters(cube: xr.Dataset) -> list[str]:
    """Return the names of the dimensions that come from the parameter grid."""
    return [dim for dim in cube.delta_nll.dims if dim not in RESERVED]


def check_selected(cube: xr.Dataset | xr.DataArray, still_open: Sequence[str]) -> None:
    """Raise a ValueError if dimensions are left of which one value is to be selected."""
    if not still_open:
        return
    name = still_open[0]
    values = cube[name].values.tolist()
    raise ValueError(
        f"{' and '.join(map(repr, still_open))} left open: there are {len(values)} values of "
        f"{name!r}; select one, for instance {name}={values[0]!r}."
    )


def select_one(source: CubeSource, selection: Mapping[str, Any]) -> xr.Dataset:
    """Return one configuration of a cube; a parameter of the grid with one value needs no choice.

    Parameters
    ----------
    source : xarray.Dataset, path-like or EmergenceAssessment
        The cube, see `cube_of`.
    selection : dict of str to value
        Of each parameter of the grid.

    Returns
    -------
    xarray.Dataset
        Without dimensions of a grid.

    Raises
    ------
    ValueError
        If more than one configuration is left.
    """
    cube = select(cube_of(source), selection)
    cube = cube.squeeze([name for name in parameters(cube) if cube.sizes[name] == 1])
    check_selected(cube, parameters(cube))
    return cube


def known_option(name: str, value: object, choices: Sequence[str | None]) -> None:
    """Raise a ValueError unless the value of an option is one of some names."""
    if value not in choices:
        names = [choice for choice in choices if choice is not None]
        *first, last = map(repr, choices)
        few = f"choose {', '.join(first)} or {last}"
        listed = few if len(names) < 3 else f"choose from {', '.join(names)}"
        raise ValueError(f"{name}={value!r} is not known; {listed}.{did_you_mean(value, names)}")


class Display:
    """What displays share.

    What they have been plotted with, and a repr that says what is shown.
    """

    # Options of `plot` as they were given last, and the figure of its own with all that is in it.
    _options: dict[str, Any] = {}
    _own: tuple[Figure, list[Artist] | None] | None = None

    if TYPE_CHECKING:
        # Each display has its own.
        def _shown(self) -> str: ...

    def _as_before(self, **options: Any) -> list[Any]:
        """Return the values of options; what is the same is as it was plotted before."""
        return [
            self._options[name] if isinstance(value, str) and value == SAME else value
            for name, value in options.items()
        ]

    def _new_axes(
        self,
        ax: Any,
        figsize: tuple[float, float],
        n_columns: int = 1,
        *,
        n_rows: int = 1,
        **options: Any,
    ) -> Any:
        """Return the given axes, or those of a figure of its own.

        That is the one that it has made before, unless that was closed or others drew into it.
        """
        if ax is not None:
            make_room(np.ravel(ax)[0])
            return ax
        figure, drawn = self._own if self._own is not None else (None, None)
        if figure is not None and _is_open(figure) and _drawn(figure) == drawn:
            # Matplotlib before 3.10 warns of shared logarithmic axes that it clears.
            for each in figure.axes:
                figure.delaxes(each)
            figure.clear()
            figure.set_size_inches(figsize)
        else:
            figure = new_figure(figsize)
        self._own = figure, None
        return figure.subplots(n_rows, n_columns, **options)

    def _axes_by_prompt(
        self, axes: Any, prompts: Sequence[int], figsize: tuple[float, float]
    ) -> Any:
        """Return one of the given axes, or of a figure of its own, for each prompt.

        Raises
        ------
        ValueError
            If there are fewer or more axes than prompts.
        """
        if axes is not None and np.size(axes) != len(prompts):
            raise ValueError(
                f"axes has {np.size(axes)} axes for {len(prompts)} prompts, of "
                f"{', '.join(map(str, prompts))} steps; pass one each."
            )
        return np.ravel(self._new_axes(axes, figsize, n_columns=len(prompts)))

    def _plotted(self, ax: Axes, **options: Any) -> None:
        """Remember options and the figure, and what is in it if it is its own."""
        self.figure_, self._options = ax.figure, self._options | options
        is_own = self._own is not None and self._own[0] is ax.figure
        self._own = (ax.figure, _drawn(ax.figure)) if is_own else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._shown()}>"


class CubeDisplay(Display):
    """What displays of a cube share: the way from an estimator."""

    if TYPE_CHECKING:
        # Each display has its own.
        @classmethod
        def from_cube(cls, *args: Any, **options: Any) -> Self: ...

    @classmethod
    def from_estimator(cls, estimator: Any, *args: Any, **options: Any) -> Self:
        """Plot what a fitted estimator has in its cube.

        Parameters
        ----------
        estimator : estimator
            Fitted, with a `cube_`.
        *args, **options
            As in `from_cube`.

        Returns
        -------
        display
            Plotted.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            As `from_cube`.
        """
        return cls.from_cube(estimator, *args, **options)


def _is_open(figure: Figure) -> bool:
    """Return whether pyplot still has a figure: notebooks close those that they have shown."""
    return sys.modules["matplotlib.pyplot"].fignum_exists(figure.number)


def _drawn(figure: Figure) -> list[Artist]:
    """Return all that is in a figure and in its axes."""
    return [artist for each in (figure, *figure.axes) for artist in each.get_children()]
