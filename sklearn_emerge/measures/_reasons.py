"""Why estimates in a cube are not to be trusted: bits of a number, and words for them."""

import numpy as np
import pandas as pd
import xarray as xr

from ..geometry import Estimate
from ..geometry._reasons import REASONS, Reason

# The bit of each kind of reason.
MASKS = {kind: 1 << i for i, kind in enumerate(REASONS)}


def flags_of(estimate: Estimate) -> int:
    """Return the reasons of an estimate as bits."""
    return sum({MASKS[each.kind] for each in estimate.reasons if isinstance(each, Reason)})


def explained(values: xr.DataArray) -> xr.DataArray:
    """Return values, of which the entry "reasons" is bits, with what these mean (CF, 3.5)."""
    return values.assign_attrs(
        flag_masks=np.array(list(MASKS.values()), np.int32), flag_meanings=" ".join(MASKS)
    )


def reasons_of(values: xr.DataArray) -> pd.DataFrame:
    """Return why estimates are not to be trusted, a row for each reason and each estimate.

    Parameters
    ----------
    values : xarray.DataArray
        What `answer_geometry` returns, or the variable of a cube that it has become, with all or
        some of its labels.

    Returns
    -------
    pandas.DataFrame
        The labels of the estimate, such as ``seed``, ``step`` and ``task``, a column each;
        ``kind``, the name of the reason; and ``reason``, in words. It is empty if all that was
        estimated is to be trusted.

    Raises
    ------
    ValueError
        If there is no entry "reasons" in a dimension ``estimate``, or nothing says what its bits
        mean.

    See Also
    --------
    answer_geometry : The measure.

    Notes
    -----
    The entry "reasons" is the sum of the ``flag_masks`` among the attributes of those reasons that
    hold, in the order of ``flag_meanings``, as the conventions for climate and forecast (CF) name
    them. The numbers of a reason, such as how short a chain was, are not kept.

    Examples
    --------
    >>> from sklearn_emerge import AlgorithmicWorld, TransformerPredictor
    >>> from sklearn_emerge.measures import answer_geometry, reasons_of
    >>> world = AlgorithmicWorld(["COPY", "SORT"], [1], row_length=10)
    >>> train, evaluation = world.split(500, 100, random_state=0)
    >>> model = TransformerPredictor(
    ...     16, n_layers=1, likelihood="categorical", n_tokens=27, max_steps=20, random_state=0
    ... ).fit(train.X)
    >>> reasons_of(answer_geometry(model, evaluation, n_rows=10))[["task", "kind"]]
       task            kind
    0  COPY  rank_near_rows
    1  SORT  rank_near_rows
    """
    if "estimate" not in values.dims or "reasons" not in values["estimate"].values:
        raise ValueError(
            "values have no entry 'reasons' in a dimension 'estimate'. Pass what answer_geometry "
            "returns, before one of its estimates is selected."
        )
    if "flag_masks" not in values.attrs or "flag_meanings" not in values.attrs:
        raise ValueError(
            "values do not say what the bits of 'reasons' mean: their attributes flag_masks and "
            "flag_meanings are missing. Keep them, as with xarray.set_options(keep_attrs=True)."
        )
    bits = values.sel(estimate="reasons", drop=True)
    found = []
    for place, number in np.ndenumerate(bits.values):
        labels = {
            dim: bits[dim].values[i] if dim in bits.coords else i
            for dim, i in zip(bits.dims, place, strict=True)
        }
        # Where nothing was estimated there is no number.
        held = 0 if np.isnan(number) else int(number)
        for mask, kind in zip(
            np.atleast_1d(values.attrs["flag_masks"]),
            values.attrs["flag_meanings"].split(),
            strict=True,
        ):
            if held & int(mask):
                found.append({**labels, "kind": kind, "reason": REASONS.get(kind, kind)})
    return pd.DataFrame(found, columns=[*bits.dims, "kind", "reason"])
