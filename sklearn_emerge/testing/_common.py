"""What the contracts share."""

import pickle
from typing import Any

import numpy as np
from joblib.externals.loky.backend.reduction import dumps
from sklearn.base import BaseEstimator, clone


def check_estimator(estimator: BaseEstimator) -> None:
    """Check that parameters are all that a constructor keeps, and that it can be sent."""
    name = type(estimator).__name__
    try:
        copy = clone(estimator)
    except Exception as error:
        raise AssertionError(
            f"{name} cannot be cloned ({error}); let __init__ keep each parameter as it is, under "
            "its name."
        ) from error
    classes = [cls for cls in type(copy).__mro__ if hasattr(cls, "_get_param_names")]
    known = {param for cls in classes for param in cls._get_param_names()}
    more = sorted(set(vars(copy)) - known)
    require(
        not more,
        f"{name}.__init__ sets {', '.join(more)}, which is no parameter and would be out of date "
        "after set_params; compute it where it is needed.",
    )
    check_sendable(estimator, name)


def check_sendable(thing: object, name: str) -> None:
    """Check that other processes can have something."""
    try:
        pickle.loads(dumps(thing))
    except Exception as error:
        raise AssertionError(
            f"{name} cannot be sent to other processes ({error}); open files, locks and generators "
            "where they are needed."
        ) from error


def global_state() -> tuple[list[int], list[Any]]:
    """Return the state of numpy's global generator, in a form that can be compared."""
    state: Any = np.random.get_state()  # noqa: NPY002
    _, key, *place = state
    return key.tolist(), place


def require(condition: object, message: str) -> None:
    """Raise an AssertionError with a message unless a part of a contract holds."""
    if not condition:
        raise AssertionError(message)
