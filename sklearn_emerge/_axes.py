"""Names, units and coordinates of recordings, kept from pandas and xarray onto axes and cubes."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._dims import SEQUENCE
from ._tables import labels

# Times may differ by so much of a step: the rounding of single precision.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Axes:
    """What is known of the axes of recordings; each is empty where nothing is.

    Attributes
    ----------
    quantity, units : str
        What was recorded, and in which unit.
    time_step : float or None
        Time from a step to the next one.
    time_units : str
        Its unit.
    channels : tuple of str
        Names of the channels.
    latent_units : tuple of str
        The unit of each latent.
    """

    quantity: str = ""
    units: str = ""
    time_step: float | None = None
    time_units: str = ""
    channels: tuple[str, ...] = ()
    latent_units: tuple[str, ...] = ()

    def time_label(self) -> str:
        """Return the label of an axis of time, or of steps where time is not known."""
        if self.time_step is None:
            return "step"
        return with_units("time", self.time_units)

    def value_label(self) -> str:
        """Return the label of an axis of what was recorded, or an empty text."""
        return with_units(self.quantity, self.units)


def with_units(name: str, units: str) -> str:
    """Return a name with its unit, as on an axis."""
    return f"{name} ({units})" if units and units != "1" else name


def axes_of(X: Any, latents: Any, n_latents: int, time_axis: int = 1) -> Axes:
    """Return what labels say of the axes of recordings.

    Parameters
    ----------
    X, latents : object
        Sequences, or one recording, and latents, with their dimensions in order.
    n_latents : int
        How many latents there are.
    time_axis : int, default=1
        The axis of steps of X: 0 of one recording.

    Returns
    -------
    Axes
    """
    attrs = getattr(X, "attrs", {}) if hasattr(X, "dims") else {}
    name = attrs.get("long_name", getattr(X, "name", None))
    step, time_units = _time_of(X, time_axis)
    channels = labels(X, time_axis + 1)
    return Axes(
        quantity="" if name is None or callable(name) else str(name),
        units=str(attrs.get("units", "")),
        time_step=step,
        time_units=time_units,
        channels=() if channels is None else tuple(map(str, channels)),
        latent_units=_units_of(latents, n_latents),
    )


def _units_of(latents: Any, n_latents: int) -> tuple[str, ...]:
    if not hasattr(latents, "dims"):
        return ()
    each = getattr(latents, "coords", {}).get("channel_units")
    if each is not None and each.size == n_latents:
        return tuple(map(str, each.values))
    units = latents.attrs.get("units", "")
    return (str(units),) * n_latents if units else ()


def _time_of(X: Any, axis: int) -> tuple[float | None, str]:
    """Return the time of a step and its unit, where all steps are as long."""
    times = labels(X, axis)
    if times is None or len(times) < 2 or times.nlevels > 1:
        return None, ""
    kind = times.dtype.kind
    if kind not in "iufmM":
        return None, ""
    units = "s"
    if kind in "iuf":
        units = ""
        if hasattr(X, "coords"):
            units = str(X.coords[X.dims[axis]].attrs.get("units", ""))
        if not units and np.array_equal(times, np.arange(len(times))):
            # Numbers of steps, as pandas makes them.
            return None, ""
    steps = np.diff(seconds_or_numbers(times))
    if not is_even(steps):
        return None, ""
    # Without the rounding of differences.
    return float(f"{np.median(steps):.9g}"), units


def seconds_or_numbers(times: Any) -> NDArray[np.float64]:
    """Return times as floats: seconds since the first one, if they are dates or durations."""
    if getattr(times.dtype, "tz", None) is not None:
        times = times.tz_convert("UTC").tz_localize(None)
    values = np.asarray(times)
    if values.dtype.kind in "mM":
        # Whole seconds apart from the rest: nanoseconds cannot count more than 292 years.
        whole, second = values.astype(f"{values.dtype.kind}8[s]"), np.timedelta64(1, "s")
        rest = (values - whole) / second
        return (whole - whole[0]) / second + (rest - rest[0])
    return values.astype(np.float64)


def is_even(steps: NDArray[np.float64]) -> bool:
    """Return whether all steps of time are equal, up to rounding, and go forward."""
    step = np.median(steps)
    return bool(step > 0 and (np.abs(steps - step) <= _ROUNDING * step).all())


def check_even(times: Any, name: str) -> None:
    """Raise a ValueError unless times of a recording go forward in equal steps, or as months do."""
    if times is None or times.nlevels > 1 or times.dtype.kind not in "iufmM" or len(times) < 3:
        return
    steps = np.diff(seconds_or_numbers(times))
    if is_even(steps) or _by_calendar(times):
        return
    step = np.median(steps)
    if (steps < 0).all():
        raise ValueError(
            f"{name} has times that go back, from {times[0]} to {times[-1]}, so that its last step "
            f"comes first; turn it round, {name}[::-1]."
        )
    where = int((np.abs(steps - step) > _ROUNDING * abs(step)).argmax())
    raise ValueError(
        f"{name} has times that are not equally spaced: most steps take {step:g}, but from "
        f"{times[where]} to {times[where + 1]} it is {steps[where]:g}. Sort it, bring it to equal "
        f"steps, where something is missing NaN ({name}.reindex(times) for pandas, or "
        f"{name}.reindex(time=times) for xarray), or pass {name}.to_numpy() if they do not matter."
    )


def _by_calendar(times: Any) -> bool:
    """Return whether dates follow a calendar: each month, quarter or working day."""
    if times.dtype.kind != "M":
        return False
    with warnings.catch_warnings():
        # Of what it returns in later versions of pandas; here only whether it is None matters.
        warnings.simplefilter("ignore")
        return times.inferred_freq is not None and bool(times[1] > times[0])


def cut_axes(recording: Any, pieces: NDArray[Any], period: int) -> Any:
    """Return pieces of a labelled recording as a DataArray that keeps its labels.

    Parameters
    ----------
    recording : DataArray, Series or DataFrame
        The recording, steps first.
    pieces : ndarray of shape (n_pieces, length, ...)
        What it was cut into.
    period : int
        Steps from the start of a piece to that of the next.
    """
    import xarray as xr

    of_xarray = hasattr(recording, "dims")
    times, channels = labels(recording, 0), labels(recording, 1)
    check_even(times, "series")
    time = str(recording.dims[0]) if of_xarray else "time"
    dims = [SEQUENCE, time, "channel"][: pieces.ndim]
    if of_xarray and pieces.ndim > 2:
        dims[2] = str(recording.dims[1])
    name = getattr(recording, "name", None)
    attrs = dict(recording.attrs) if of_xarray else {}
    cut = xr.DataArray(pieces, dims=dims, name=name, attrs=attrs)
    if channels is not None and pieces.ndim > 2:
        cut = cut.assign_coords({dims[2]: [str(each) for each in channels]})
    if times is None or times.nlevels > 1 or times.dtype.kind not in "iufmM":
        return cut
    since = seconds_or_numbers(times[: pieces.shape[1]])
    # Months and the like are not of equal length in each piece.
    if len(times) < 3 or is_even(np.diff(seconds_or_numbers(times))):
        cut = cut.assign_coords({time: since - since[0]})
        cut[time].attrs["units"] = "s"
        if times.dtype.kind in "iuf":
            known = recording[time].attrs if of_xarray else {}
            cut[time].attrs = dict(known)
    starts = times[: period * len(pieces) : period][: len(pieces)]
    return cut.assign_coords(start=(SEQUENCE, starts))
