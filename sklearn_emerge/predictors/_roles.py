"""What a predictor predicts of its channels, and what it sees of them."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._missing import fill_missing, is_observed, observed_only, usual_step
from .._roles import exogenous_of, join, targets_of
from .._tokens import indicators
from .._typing import Floats
from ..likelihoods import Likelihood

# Constraints of the parameters of predictors that know of exogenous channels; those that see
# nothing but what they predict have the first alone.
EXOGENOUS: dict[str, Any] = {
    "n_exogenous": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
}
ROLES = EXOGENOUS | {"feedback": ["boolean", StrOptions({"auto"})]}


class Roles:
    """The channels of sequences as a predictor sees them; part of `BasePredictor`.

    Sequences have the targets, which are predicted, and behind them `n_exogenous` channels, which
    are not. A predictor with `feedback` sees both, one without sees the exogenous channels alone.
    """

    _n_exogenous, _feedback, _has_tokens = 0, True, False
    n_tokens_: int

    def _settle_roles(self) -> None:
        """Take the roles from the parameters, of which "auto" stands for a recording alone."""
        n_exogenous = getattr(self, "n_exogenous", "auto")
        feedback = getattr(self, "feedback", "auto")
        self._n_exogenous = 0 if isinstance(n_exogenous, str) else int(n_exogenous)
        self._feedback = isinstance(feedback, str) or bool(feedback)
        if not self._feedback and not self._n_exogenous:
            raise ValueError(
                f"feedback=False, but n_exogenous={n_exogenous!r}: without exogenous channels "
                f"{type(self).__name__} would see nothing; pass how many of the last channels of X "
                "are inputs, or feedback=True."
            )

    def _targets(self, X: Floats) -> Floats:
        """Return the channels that are predicted."""
        return targets_of(X, self._n_exogenous)

    def _seen(self, X: Floats) -> Floats:
        """Return the channels that predictions are made from."""
        return X if self._feedback else exogenous_of(X, self._n_exogenous)

    def _observed(self, X: Floats) -> NDArray[np.bool_]:
        """Return at which steps the targets are observed."""
        return is_observed(self._targets(X))

    def _columns(self, X: Floats) -> Floats:
        """Return the channels that are predicted as columns of a regression, one for each mean."""
        targets = self._targets(X)
        return indicators(targets, self.n_tokens_) if self._has_tokens else targets

    def _learn_usual_step(self, X: Floats, likelihood: Likelihood) -> None:
        """Keep what stands for steps before the first observed one."""
        self._usual_step = usual_step(self._targets(X), likelihood.discrete, likelihood.tokens)
        exogenous = observed_only(exogenous_of(X, self._n_exogenous))
        self._usual_exogenous = exogenous.mean(axis=(0, 1))

    def _fill_channels(self, X: Floats) -> Floats:
        """Return sequences with something in place of what is missing, of targets and inputs."""
        targets = self._targets(X)
        filled = fill_missing(targets, self._usual_step)
        if not self._n_exogenous:
            return filled
        exogenous = exogenous_of(X, self._n_exogenous)
        known = fill_missing(exogenous, self._usual_exogenous)
        return X if filled is targets and known is exogenous else join(filled, known)
