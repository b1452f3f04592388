"""What displays are drawn from: a fitted estimator, its cube, or the file of the cube."""

import numpy as np
import xarray as xr
from sklearn.utils.validation import check_is_fitted

from ..assessment._cube import cube_of
from ..assessment._labels import RESERVED


def as_sweep(source):
    """Return the cube of a fitted `PredictionRiskSweep`, as it is, or that in a file."""
    if hasattr(source, "fit"):
        check_is_fitted(source, "cube_")
        source = source.cube_
    cube = source if isinstance(source, xr.Dataset) else xr.load_dataset(source)
    missing = {"total_risk", "critical_length"} - set(cube)
    if missing:
        raise ValueError(
            f"cube is not that of a PredictionRiskSweep: it has no variable {missing.pop()}. Pass "
            "its cube_, or a file written by cube_.to_netcdf."
        )
    return cube


def select(cube, selection):
    """Select values of dimensions of a cube or of one of its variables."""
    unknown = [name for name in selection if name not in cube.dims]
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is not a dimension of what is shown, which has "
            f"{', '.join(map(str, cube.dims))}."
        )
    for name, value in selection.items():
        known = f"its values are {cube[name].values.tolist()}"
        if np.size(value) == 0:
            raise ValueError(f"No {name} is selected; {known}.")
        try:
            cube = cube.sel({name: value})
        except KeyError as error:
            raise ValueError(f"{name!r}: {value!r} is not in the cube; {known}.") from error
    return cube


def parameters(cube):
    """Return the names of the dimensions that come from the parameter grid."""
    return [dim for dim in cube.delta_nll.dims if dim not in RESERVED]


def check_selected(cube, still_open):
    """Raise a ValueError if dimensions are left of which one value is to be selected."""
    if not still_open:
        return
    name = still_open[0]
    values = cube[name].values.tolist()
    raise ValueError(
        f"{' and '.join(map(repr, still_open))} left open: there are {len(values)} values of "
        f"{name!r}; select one, for instance {name}={values[0]!r}."
    )


def select_one(source, selection):
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


class Display:
    """What displays share: the way from an estimator, and a repr that says what is shown."""

    @classmethod
    def from_estimator(cls, estimator, *args, **options):
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

    def __repr__(self):
        return f"<{type(self).__name__}: {self._shown()}>"
