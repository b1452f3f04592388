"""Likelihoods of the next step given its predicted mean: an object each, looked up by name.

All that differs between them is here, in one file each. What training minimises is in `_losses`,
and is imported where it is asked for: the rest does without torch.
"""

from ._base import Likelihood
from ._bernoulli import Bernoulli
from ._categorical import Categorical
from ._gaussian import Gaussian
from ._linear_counts import LinearCounts
from ._log_counts import LogCounts
from ._negative_binomial import NegativeBinomial
from ._outcomes import clip_probability
from ._poisson import Poisson
from ._student_t import StudentT

__all__ = ["LIKELIHOODS", "Likelihood", "LinearCounts", "LogCounts", "clip_probability"]

_ALL = Gaussian(), StudentT(), Bernoulli(), Poisson(), NegativeBinomial(), Categorical()
LIKELIHOODS: dict[str, Likelihood] = {each.name: each for each in _ALL}
