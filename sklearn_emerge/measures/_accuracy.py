"""The share of answers that a predictor gets right."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ..likelihoods import LIKELIHOODS, Likelihood
from ..predictors import BasePredictor
from ..worlds import Sample
from ._sequences import in_parts, scored_steps, sequences_of


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
    scored = scored_steps(evaluation)
    rows, steps = np.nonzero(scored)
    # The last step predicts nothing that is known.
    shorter, found = predictor.at_length(scored.shape[1]), []
    for part in in_parts(scored.shape, getattr(predictor, "n_tokens_", None)):
        probability = shorter.predict(evaluation.X[part, :-1])
        found.append(probability[scored[part]].argmax(axis=1))
    right = np.concatenate(found) == evaluation.X[rows, steps + 1]
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


def outcome_accuracy(predictor: BasePredictor, sample: Sample | ArrayLike) -> float:
    """Return the share of next steps whose most probable outcome is right.

    Of zeros and ones, and of tokens; steps that are missing or not scored do not count, and of
    several channels it is the mean. In a task these are the answers (`feedback` is False), of which
    an assessment has the accuracy in its cube.

    Parameters
    ----------
    predictor : predictor
        Fitted with ``likelihood="bernoulli"`` or ``likelihood="categorical"``.
    sample : Sample or array-like of shape (n_sequences, n_steps[, n_channels])
        Sequences, alone or as `World.sample` returns them.

    Returns
    -------
    float

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor was fitted with another likelihood, or X does not fit it.

    See Also
    --------
    token_accuracy : Told apart by what the sequences know of each row.

    Examples
    --------
    >>> from sklearn_emerge import FlipFlopWorld
    >>> from sklearn_emerge.measures import outcome_accuracy
    >>> world = FlipFlopWorld(feedback=False)
    >>> outcome_accuracy(world.optimal_predictor(), world.sample(20, random_state=0))
    1.0
    """
    X, scored = sequences_of(predictor, sample, None)
    likelihood = LIKELIHOODS[predictor.likelihood_]
    if not is_of_outcomes(likelihood):
        raise ValueError(
            f"{type(predictor).__name__} was fitted with likelihood={predictor.likelihood_!r}, but "
            "quantities and counts are not right or wrong; use its score, or fit it with "
            "likelihood='bernoulli' or 'categorical'."
        )
    found = []
    for part in in_parts(X.shape[:2], getattr(predictor, "n_tokens_", None)):
        mean = predictor.predict(X[part]).reshape(*X[part].shape[:2], -1)[:, :-1]
        targets = predictor._targets(X[part])[:, 1:]
        if likelihood.tokens:
            right = mean.argmax(axis=2) == targets[:, :, 0]
        else:
            right = ((mean > 0.5) == (targets > 0.5)).mean(axis=2)
        found.append(right[scored[part]])
    return float(np.concatenate(found).mean())


def is_of_outcomes(likelihood: Likelihood) -> bool:
    """Return whether what a likelihood is for can be right or wrong."""
    return likelihood.discrete and not likelihood.counts
