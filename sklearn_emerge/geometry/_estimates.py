"""The estimates of a module, the loss of rows and rows, by name."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import signature
from typing import Any

import torch

from ._estimate import Estimate
from ._fisher_rank import fisher_rank
from ._gradient_rank import gradient_rank
from ._hessian import (
    HessianTop,
    HessianTrace,
    check_top,
    check_trace,
    hessian_top,
    hessian_trace,
)
from ._learning_coefficient import (
    LearningCoefficient,
    check_coefficient,
    local_learning_coefficient,
)
from ._ranked import GradientRank, check_limits
from ._rows import Loss

# Functions, and what they return.
ESTIMATES: dict[str, tuple[Callable[..., Estimate], type[Estimate]]] = {
    "gradient_rank": (gradient_rank, GradientRank),
    "fisher_rank": (fisher_rank, GradientRank),
    "hessian_top": (hessian_top, HessianTop),
    "hessian_trace": (hessian_trace, HessianTrace),
    "local_learning_coefficient": (local_learning_coefficient, LearningCoefficient),
}
# What checks their arguments, by the same names.
_CHECKS: dict[str, Callable[..., None]] = {
    "gradient_rank": check_limits,
    "fisher_rank": check_limits,
    "hessian_top": check_top,
    "hessian_trace": check_trace,
    "local_learning_coefficient": check_coefficient,
}
# What they are of, in words.
WORDS = {
    "gradient_rank": "effective rank of the covariance of gradients",
    "fisher_rank": "effective rank of the Fisher information",
    "hessian_top": "extreme eigenvalue of the Hessian",
    "hessian_trace": "trace of the Hessian",
    "local_learning_coefficient": "local learning coefficient",
}
# Units of numbers, of a loss in nats and of parameters without a unit.
_UNITS = {
    "trace": "nats^2",
    "residual": "nats",
    "top": "nats",
    "rise": "nats",
    "relaxation": "steps",
    "n_burn_in": "steps",
}


def estimate_of(
    of: str,
    module: torch.nn.Module,
    loss: Loss,
    batch: Any,
    own: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Estimate:
    """Return an estimate by its name.

    Parameters
    ----------
    of : str
        One of `ESTIMATES`.
    module, loss, batch
        Of which it is.
    own : mapping of str to object
        Arguments that some estimates take, such as ``random_state``.
    options : mapping of str to object
        Arguments that this one takes; they come before `own`.
    """
    function, _ = ESTIMATES[of]
    known = signature(function).parameters
    given = {name: value for name, value in own.items() if name in known}
    return function(module, loss, batch, **given | dict(options))


def check_options(of: str, options: Mapping[str, Any]) -> None:
    """Raise a ValueError if arguments of an estimate are out of range, whatever the module is.

    Parameters
    ----------
    of : str
        One of `ESTIMATES`.
    options : mapping of str to object
        Arguments, by names that it has.
    """
    usual = signature(ESTIMATES[of][0]).parameters
    names = signature(_CHECKS[of]).parameters
    _CHECKS[of](**{name: options.get(name, usual[name].default) for name in names})


def unit_of(of: str, number: str) -> str:
    """Return the unit of a number of an estimate, of a loss in nats."""
    if of.startswith("hessian") and number in ("value", "standard_error"):
        return "nats"
    return _UNITS.get(number, "1")


def numbers_of(kind: type[Estimate]) -> list[str]:
    """Return the names of the numbers that an estimate has, but for what it took."""
    return [f.name for f in fields(kind) if f.type in (int, float) and f.name != "cost"]
