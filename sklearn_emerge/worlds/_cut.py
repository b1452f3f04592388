"""One long recording: how it is cut, and after how many steps its values are independent."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._dims import TIME, in_order, roles_of
from .._tables import text_error
from .._typing import Floats
from .._validation import as_array, check_integer

# Numbers, and at least so many steps, of which the autocorrelation is computed.
_NUMBERS, _LEAST = 2**20, 2**14
# An autocorrelation that matters, and after how many correlation times none is left.
_LEFT, _TIMES = 0.1, 3


def cut(series: Any, length: int, gap: int = 0) -> Any:
    """Cut one long recording into pieces of equal length.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_channels)
        The recording; of xarray the dimension of time may be any.
    length : int
        Steps of a piece, at least 2.
    gap : int, default=0
        Steps that are dropped between a piece and the next one.

    Returns
    -------
    ndarray of shape (n_pieces, length) or (n_pieces, length, n_channels), or DataArray
        Of an array or a memory map a view, without a copy. Of what has labels a DataArray with
        the dimensions sequence, time and channel, which keeps names, units, the time since the
        start of each piece and the time of that start. What is left at the end is dropped.

    Raises
    ------
    ValueError
        If the recording has another shape or is too short, or its times differ in spacing.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.worlds import cut
    >>> cut(np.arange(10), 3)
    array([[0, 1, 2],
           [3, 4, 5],
           [6, 7, 8]])
    >>> cut(np.arange(10), 3, gap=1)
    array([[0, 1, 2],
           [4, 5, 6]])
    """
    check_integer(length, "length", 2)
    check_integer(gap, "gap", 0)
    recording = as_recording(series)
    values = values_of(recording)
    if len(values) < length:
        raise ValueError(
            f"length={length}, but series has {len(values)} steps; pass length={len(values)} or "
            "less."
        )
    pieces = pieces_of(values, length, gap)
    if not (hasattr(recording, "dims") or hasattr(recording, "iloc")):
        return pieces
    from .._axes import cut_axes

    return cut_axes(recording, pieces, length + gap)


def as_recording(series: Any, name: str = "series") -> Any:
    """Return a recording with its steps first; raise a ValueError if it is more than one."""
    series = in_order(series, name, recording=True)
    roles = roles_of(getattr(series, "dims", ()))
    if roles[1:] == (TIME,) and roles[0] != TIME:
        series = series.transpose()
    shape = np.shape(series if hasattr(series, "shape") else as_array(series, name))
    if len(shape) not in (1, 2) or 0 in shape:
        raise ValueError(
            f"{name} has shape {shape}, but one recording has the shape (n_steps,) or (n_steps, "
            "n_channels). Several are sequences already, or cut each, np.concatenate([cut(each, "
            f"length) for each in {name}]), and pass which is whose as groups of ArrayWorld."
        )
    if shape[0] < (shape[1] if len(shape) == 2 else 0):
        raise ValueError(
            f"{name} has shape {shape}, {shape[0]} steps of {shape[1]} channels, but steps come "
            f"first, and there are more of them; pass np.transpose({name})."
        )
    return series


def values_of(recording: Any, name: str = "series") -> NDArray[Any]:
    """Return the values of a recording; an array or a memory map without a copy."""
    values = as_array(recording, name)
    values = values if isinstance(values, np.ndarray) else np.asarray(values)
    if values.dtype.kind in "biuf":
        return values
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        if hasattr(recording, "dtypes") or values.dtype.kind in "OUST":
            raise text_error(recording, error, name) from None
        raise


def pieces_of(values: NDArray[Any], length: int, gap: int) -> NDArray[Any]:
    """Return pieces of an array along its first axis, a view."""
    windows = np.lib.stride_tricks.sliding_window_view(
        values, length, axis=0, subok=True, writeable=values.flags.writeable
    )
    return np.moveaxis(windows[:: length + gap], -1, 1)


def steps_until_independent(series: Floats) -> int:
    r"""Return how many steps apart values of a recording are no longer correlated.

    The smallest lag m after which no autocorrelation of any channel differs from zero, up to lag
    4 m + 5 (what repeats comes again by then): none exceeds
    :math:`2 \sqrt{\log_{10}(n) (1 + 2 \sum_{j \le m} r_j^2) / n}` [1]_, with the standard error of
    Bartlett for what is correlated up to m steps. Where that bound is above .1, as of recordings
    that are short for how slow they are, what is not significant may still be large: then at least
    :math:`6 \sum_{j \le m} r_j^2`, three correlation times, after which the autocorrelation of a
    slow AR(1) process is .05.

    Parameters
    ----------
    series : ndarray of shape (n_steps,) or (n_steps, n_channels)
        The recording; of a long one, its first million steps or so.

    Returns
    -------
    int
        0 if neighbours are not correlated; at most a quarter of the steps.

    References
    ----------
    .. [1] D. N. Politis and H. White (2004). Automatic block-length selection for the dependent
       bootstrap. Econometric Reviews 23, 53-70.
    """
    values = series.reshape(len(series), -1)
    values = values[: max(_LEAST, _NUMBERS // values.shape[1])]
    return max(_correlated_lags(channel) for channel in values.T)


def _correlated_lags(channel: NDArray[Any]) -> int:
    x = np.asarray(channel, dtype=np.float64)
    n, n_lags = len(x), len(x) // 4
    observed = np.isfinite(x)
    if not n_lags or not observed.any() or np.ptp(x[observed]) == 0:
        return 0
    x = np.where(observed, x - x[observed].mean(), 0.0)
    n_fft = 2 ** int(np.ceil(np.log2(2 * n)))
    products, pairs = (
        np.fft.irfft(np.abs(np.fft.rfft(each, n_fft)) ** 2, n_fft)[:n]
        for each in (x, observed.astype(np.float64))
    )
    # Of complete recordings the usual estimate, which shrinks with the lag.
    r = products / np.maximum(pairs, 1) / (products[0] / pairs[0]) * (1 - np.arange(n) / n)
    squares = 2 * np.cumsum(np.append(0, r[1:] ** 2))
    bound = 2 * np.sqrt(np.log10(n) * (1 + squares) / n)
    size = np.abs(r)
    none_left = (m for m in range(n_lags) if (size[m + 1 : 4 * m + 6] < bound[m]).all())
    lag = next(none_left, n_lags)
    if bound[lag] > _LEFT:
        lag = min(n_lags, max(lag, int(np.ceil(_TIMES * squares[lag]))))
    return lag
