"""The untrained twin that a measure compares a network with."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from ..predictors._neural import NeuralPredictor

_REMEDY = "clone(predictor).set_params(training='readout').fit(X_train)"


def check_twin(twin: Any, predictor: Any) -> None:
    """Raise unless a twin is fitted, not trained, and of the architecture of a network.

    Parameters
    ----------
    twin : object
        What was passed as one.
    predictor : NeuralPredictor
        The network, fitted.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If it is no network, a trained one, or one of other sizes.
    """
    if not isinstance(twin, NeuralPredictor):
        raise ValueError(f"twin={twin!r} is no network; pass {_REMEDY}, or None.")
    check_is_fitted(twin)
    if twin._trained() == "all":
        raise ValueError(
            f"twin was trained itself, in max_steps={twin.max_steps} updates, and would show no "
            f"untrained network; pass {_REMEDY}."
        )
    own, other = (
        [tuple(weights.shape) for weights in each.network_.core.parameters()]
        for each in (predictor, twin)
    )
    if own != other:
        raise ValueError(
            "twin has weights of other shapes than the network, so that it is no twin of it; pass "
            f"{_REMEDY}."
        )
