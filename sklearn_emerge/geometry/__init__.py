"""Geometry: how many directions states, gradients and losses have, and what comes of them."""

from ._concordance import concordance
from ._estimate import Estimate
from ._events import departure_step
from ._fisher_rank import exact_fisher_rank, fisher_rank
from ._floors import collapse_floor, scale_invariance
from ._gradient_rank import gradient_rank
from ._gram import GradientGram, gradient_gram
from ._hessian import HessianTop, HessianTrace, hessian_top, hessian_trace
from ._layers import layer_order
from ._leads import count_leads, leads
from ._learning_coefficient import LearningCoefficient, local_learning_coefficient
from ._participation import participation_ratio
from ._precursor import precursor_test
from ._prediction import prediction_beyond_loss
from ._ranked import GradientRank
from ._rankme import rankme, rankme_of_noise
from ._sizes import join_sizes, last_block
from ._swap import swap_test

__all__ = [
    "Estimate",
    "GradientGram",
    "GradientRank",
    "HessianTop",
    "HessianTrace",
    "LearningCoefficient",
    "collapse_floor",
    "concordance",
    "count_leads",
    "departure_step",
    "exact_fisher_rank",
    "fisher_rank",
    "gradient_gram",
    "gradient_rank",
    "hessian_top",
    "hessian_trace",
    "join_sizes",
    "last_block",
    "layer_order",
    "leads",
    "local_learning_coefficient",
    "participation_ratio",
    "precursor_test",
    "prediction_beyond_loss",
    "rankme",
    "rankme_of_noise",
    "scale_invariance",
    "swap_test",
]
