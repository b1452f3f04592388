"""The estimates of a module, the loss of rows and rows, by name."""

from collections.abc import Callable
from dataclasses import fields

from ._estimate import Estimate
from ._fisher_rank import fisher_rank
from ._gradient_rank import gradient_rank
from ._hessian import HessianTop, HessianTrace, hessian_top, hessian_trace
from ._learning_coefficient import LearningCoefficient, local_learning_coefficient
from ._ranked import GradientRank

# Functions, and what they return.
ESTIMATES: dict[str, tuple[Callable[..., Estimate], type[Estimate]]] = {
    "gradient_rank": (gradient_rank, GradientRank),
    "fisher_rank": (fisher_rank, GradientRank),
    "hessian_top": (hessian_top, HessianTop),
    "hessian_trace": (hessian_trace, HessianTrace),
    "local_learning_coefficient": (local_learning_coefficient, LearningCoefficient),
}


def numbers_of(kind: type[Estimate]) -> list[str]:
    """Return the names of the numbers that an estimate has, but for what it took."""
    return [f.name for f in fields(kind) if f.type in (int, float) and f.name != "cost"]
