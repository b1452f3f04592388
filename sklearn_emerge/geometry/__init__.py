"""Geometry: how many directions hidden states, gradients and the loss of a network have."""

from ._estimate import Estimate
from ._fisher_rank import exact_fisher_rank, fisher_rank
from ._gradient_rank import gradient_rank
from ._gram import GradientGram, gradient_gram
from ._participation import participation_ratio
from ._ranked import GradientRank
from ._rankme import rankme, rankme_of_noise

__all__ = [
    "Estimate",
    "GradientGram",
    "GradientRank",
    "exact_fisher_rank",
    "fisher_rank",
    "gradient_gram",
    "gradient_rank",
    "participation_ratio",
    "rankme",
    "rankme_of_noise",
]
