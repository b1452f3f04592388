"""The contract of a measure."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..predictors import BasePredictor
from ..worlds import Sample
from ._common import check_sendable, require


def check_measure(
    measure: Callable[[Any, Any], Any],
    predictor: BasePredictor | None = None,
    sample: Sample | None = None,
) -> None:
    """Raise an error if a measure does not keep to its contract; the error says what to do.

    A measure is a function of (predictor, sample), as `EmergenceAssessment` takes it in `measures`.

    - It can be sent to other processes: a function of a module, or `functools.partial` of one.
    - It returns a number, a mapping of names to numbers, or an `xarray.DataArray` that has a
      coordinate for each of its dimensions, none of which is one of the cube.
    - It reads, and changes neither the predictor nor the sample, and gives the same a second time.

    Parameters
    ----------
    measure : callable
        The measure.
    predictor : predictor, default=None
        A fitted predictor that it can be taken of; None is a small GRU.
    sample : Sample, default=None
        Sequences of the same length; None are oscillations, as the GRU has learned. In an
        assessment they are those of evaluation, and ``sample.train`` those of training.

    Raises
    ------
    AssertionError, ValueError
        With the part of the contract that does not hold, and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.testing import check_measure
    >>> def error(predictor, sample):
    ...     missed = sample.X[:, 1:] - predictor.predict(sample.X)[:, :-1]
    ...     return {"first": np.abs(missed[:, 0]).mean(), "last": np.abs(missed[:, -1]).mean()}
    >>> check_measure(error)
    """
    from ..assessment._trajectory import TAKEN, labelled_value

    require(callable(measure), f"{measure!r} is not callable; pass a function.")
    check_sendable(measure, "measure")
    if (predictor is None) != (sample is None):
        raise ValueError("predictor and sample belong together; pass both, or neither.")
    if predictor is None or sample is None:
        predictor, sample = _oscillations()
    params, fitted = repr(predictor.get_params()), set(vars(predictor))
    X, mean = sample.X.copy(), predictor.predict(sample.X)
    found = [labelled_value("measure", measure(predictor, sample), TAKEN) for _ in range(2)]
    require(
        repr(predictor.get_params()) == params
        and set(vars(predictor)) == fitted
        and np.array_equal(predictor.predict(X), mean),
        "The measure has changed the predictor, which is trained further afterwards; read from it, "
        "or from copy.deepcopy(predictor).",
    )
    require(
        np.array_equal(sample.X, X),
        "The measure has changed sample.X, which others read; work on a copy.",
    )
    require(
        found[0].equals(found[1]),
        "The measure gives something else a second time, so that seeds and steps do not pair; draw "
        "what is random from a seed of its own, and keep nothing from call to call.",
    )


def _oscillations() -> tuple[BasePredictor, Sample]:
    """Return a fitted network and sequences, as a measure gets them in an assessment."""
    from ..predictors import GRUPredictor
    from ..worlds import OscillatorWorld

    train, evaluation = OscillatorWorld(n_steps=24).split(20, 10, 0)
    evaluation.train = train
    return GRUPredictor(4, max_steps=2, random_state=0).fit(train.X), evaluation
