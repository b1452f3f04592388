"""The share of answers that a network gets right."""

import numpy as np
import xarray as xr

from ..predictors import BasePredictor
from ..worlds import Sample
from ._sequences import scored_steps


def token_accuracy(
    predictor: BasePredictor, evaluation: Sample, *, by: str | None = None
) -> float | xr.DataArray:
    """Return the share of tokens that count whose most probable token is right.

    Made for ``EmergenceAssessment(measures={"accuracy": token_accuracy})`` in worlds of tokens,
    with other arguments by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        Fitted on tokens.
    evaluation : Sample
        Sequences with ``scored``, which tokens count.
    by : str, default=None
        What to tell apart: an entry of the Sample with a value for each row, such as the "depth"
        of a `NestedConditionalWorld`.

    Returns
    -------
    float, or xarray.DataArray of dimension (`by`)
        The share, or one for each value that there is.

    Raises
    ------
    ValueError
        If the sequences do not say which tokens count, or have no entry `by` of their length.

    Examples
    --------
    >>> from sklearn_emerge import MarkovPredictor, NestedConditionalWorld
    >>> from sklearn_emerge.measures import token_accuracy
    >>> world = NestedConditionalWorld(depth=2, n_keys=2, n_tokens=20, row_length=28)
    >>> sample = world.sample(200, random_state=0)
    >>> model = MarkovPredictor(likelihood="categorical", n_tokens=20).fit(sample.X)
    >>> round(token_accuracy(model, sample), 2), round(world.chance, 2)
    (0.17, 0.11)
    """
    if evaluation.scored is None:
        raise ValueError(
            "These sequences do not say which tokens count; use those of a world of tokens."
        )
    rows, steps = np.nonzero(scored_steps(evaluation))
    # The last step predicts nothing that is known.
    probability = predictor.at_length(evaluation.X.shape[1] - 1).predict(evaluation.X[:, :-1])
    right = probability[rows, steps].argmax(axis=1) == evaluation.X[rows, steps + 1]
    if by is None:
        return float(right.mean())
    values = np.asarray(evaluation.get(by))
    if values.shape != (len(evaluation.X),):
        raise ValueError(
            f"by={by!r} is not an entry of the sequences with a value for each of the "
            f"{len(evaluation.X)} rows; they have {', '.join(evaluation)}."
        )
    levels = np.unique(values[rows])
    shares = [right[values[rows] == level].mean() for level in levels]
    return xr.DataArray(shares, {by: levels}, dims=by)
