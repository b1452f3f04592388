"""Baselines: what simple statistics of the data predict already."""

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Hidden, Interval, StrOptions

from .._docs import fill_doc
from .._missing import is_observed, observed_only
from .._moved import renamed_attribute, renamed_parameter
from .._tokens import as_indices, check_room, count_tokens
from .._typing import Floats
from ._base import BasePredictor
from ._roles import EXOGENOUS, ROLES

# Bytes of a table of transitions.
_MOST_BYTES = 2**30


@fill_doc
class MeanPredictor(BasePredictor):
    """Predict the mean of the training data.

    Of what has an edge it is moved off it: probabilities count one more of each outcome (Laplace's
    rule), means of counts half an event more.

    Parameters
    ----------
    per_step : bool, default=False
        Predict the training mean of each step instead of the mean over all steps: the best
        that is possible without a memory, where the distribution changes with time.
    mean : float or array-like, default=None
        The mean, if it is known: of shape (n_channels,), or (n_steps,) or (n_steps, n_channels)
        if `per_step`. None estimates it.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous_unused)s
    feedback : bool or "auto", default="auto"
        Without effect: a mean sees nothing.

    Attributes
    ----------
    mean_ : ndarray of shape (n_channels,) or (n_steps, n_channels)
        The predicted mean.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import MeanPredictor
    >>> MeanPredictor().fit([[1.0, 2.0], [3.0, 2.0]]).predict([[5.0, 5.0]])
    array([[2., 2.]])
    """

    knows_tokens = True
    takes_missing = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        **ROLES,
        "per_step": ["boolean"],
        "mean": [Interval(Real, None, None, closed="neither"), "array-like", None],
    }

    def __init__(
        self,
        per_step: bool = False,
        *,
        mean: ArrayLike | None = None,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
    ) -> None:
        self.per_step = per_step
        self.mean = mean
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.feedback = feedback

    def at_length(self, n_steps: int) -> Self:
        """Return a fitted copy for another length; see `BasePredictor.at_length`.

        Parameters
        ----------
        n_steps : int
            The length, at least 2; at most that of training if `per_step`.

        Returns
        -------
        predictor
            A copy that shares what was learned.

        Raises
        ------
        ValueError
            If the length is impossible.
        """
        other = super().at_length(n_steps)
        if self.per_step and n_steps > self.n_steps_:
            raise ValueError(
                f"n_steps={n_steps} is longer than the {self.n_steps_} steps of training, whose "
                "means are all that MeanPredictor(per_step=True) knows; use per_step=False."
            )
        return other

    def _fit(self, X: Floats) -> None:
        X, n_means = self._targets(X), self._n_means(X)
        if self.mean is not None:
            shape = (X.shape[1], n_means) if self.per_step else (n_means,)
            mean = np.asarray(self.mean, dtype=np.float64)
            if self.per_step and mean.ndim == 1:
                mean = mean[:, np.newaxis]
            if not np.isfinite(mean).all() or (mean.ndim and mean.shape != shape):
                raise ValueError(
                    f"mean must be finite and of shape {shape} for X of shape {X.shape}; got "
                    f"{self.mean!r}."
                )
            mean = np.broadcast_to(mean, shape)
            if not self._likelihood.is_mean(mean):
                raise ValueError(
                    f"mean={self.mean!r} is not made of {self._likelihood.means_in_words}, which "
                    f"the mean is under likelihood={self.likelihood_!r}; pass these."
                )
            self.mean_ = mean.copy()
            return
        observed = is_observed(X)
        of_steps: Any = None
        if self._has_tokens:
            of_steps = count_tokens(X, n_means)
            total = of_steps.sum(axis=0)
        else:
            total = observed_only(X).sum(axis=(0, 1))
        self.mean_ = self._likelihood.frequency(total, float(observed.sum()))
        if self.per_step:
            of_steps = np.nansum(X, axis=0) if of_steps is None else of_steps
            self.mean_ = self._mean_of_steps(of_steps, observed, self.mean_)

    def _mean_of_steps(self, total: Floats, observed: NDArray[np.bool_], overall: Floats) -> Floats:
        """Return the mean of each step; that of all where a step is missing in all sequences."""
        count = observed.sum(axis=0)[:, np.newaxis]
        mean = self._likelihood.frequency(total, np.maximum(count, 1))
        return np.where(count > 0, mean, overall)

    def _predict(self, X: Floats) -> Floats:
        mean, shape = self.mean_, (*X.shape[:2], self.mean_.shape[-1])
        if self.per_step:
            # What follows the last step of training is unknown; its own mean is the best guess.
            mean = mean[np.minimum(np.arange(1, X.shape[1] + 1), self.n_steps_ - 1)]
        return np.broadcast_to(mean, shape).copy()


@fill_doc
class PersistencePredictor(BasePredictor):
    """Predict that the next step equals the present one.

    Under the Bernoulli and the categorical likelihood the present state is repeated with the
    probability with which states stayed the same in training; all others share the rest. Under
    likelihoods of counts the present count is the mean of the next one; after a 0, which is no
    mean, it is what followed zeros in training on average (half an event more counted).

    Parameters
    ----------
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous_unused)s

    Attributes
    ----------
    stay_probability_ : ndarray of shape (n_channels,), or float for tokens
        Share of steps that equal the one before; not there for counts, and not used of quantities.
    after_zero_ : ndarray of shape (n_channels,)
        Mean of what follows a 0, of counts alone.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import PersistencePredictor
    >>> PersistencePredictor().fit([[1.0, 2.0], [3.0, 2.0]]).predict([[5.0, 6.0]])
    array([[5., 6.]])
    """

    knows_tokens = True
    takes_missing = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        **EXOGENOUS,
    }

    def __init__(
        self,
        *,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
    ) -> None:
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous

    def _fit(self, X: Floats) -> None:
        past, following = self._targets(self.fill_missing(X))[:, :-1], self._targets(X)[:, 1:]
        known = self._likelihood.staying(past, following)
        if self._likelihood.counts:
            self.after_zero_ = known
        else:
            self.stay_probability_ = known

    def _predict(self, X: Floats) -> Floats:
        known = self.after_zero_ if self._likelihood.counts else self.stay_probability_
        of_tokens = (self.n_tokens_,) if self._has_tokens else ()
        return self._likelihood.repeat(self._targets(X), known, *of_tokens)


@fill_doc
class MarkovPredictor(BasePredictor):
    r"""Predict the mean of the next step given whether the present one is high or low.

    For binary data this is the first-order Markov chain, :math:`P(s_{t+1} = 1 \mid s_t)`
    estimated from the training transitions; for tokens the table of all transitions, with one
    more of each. Continuous data and counts are split in two states.

    Parameters
    ----------
    split : float, default=None
        States above it are high. None takes the middle of the range of the training data, per
        channel; for zeros and ones that is 1/2.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous_unused)s
    threshold : float, None or "deprecated", default="deprecated"
        The old name of `split`.

    Attributes
    ----------
    split_ : ndarray of shape (n_channels,)
        The split in use.
    means_ : ndarray of shape (2, n_channels) or (n_tokens, n_tokens)
        Mean of the next step after a low and after a high one; for tokens the probability of
        each after each.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import MarkovPredictor
    >>> model = MarkovPredictor().fit([[0, 1, 0, 1], [1, 0, 1, 1]])
    >>> model.means_.ravel().round(3).tolist()
    [1.0, 0.333]
    """

    knows_tokens = True
    takes_missing = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        **EXOGENOUS,
        "split": [Interval(Real, None, None, closed="neither"), None],
        "threshold": [
            Interval(Real, None, None, closed="neither"),
            None,
            Hidden(StrOptions({"deprecated"})),
        ],
    }

    def __init__(
        self,
        split: float | None = None,
        *,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        threshold: float | str | None = "deprecated",
    ) -> None:
        self.split = split
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.threshold = threshold

    threshold_ = renamed_attribute("threshold_", "split_")

    def _check_vocabulary(self, n_tokens: int) -> None:
        what = "table of all transitions"
        check_room(8.0 * n_tokens**2, _MOST_BYTES, n_tokens, type(self).__name__, what)

    def _fit(self, X: Floats) -> None:
        split = renamed_parameter(self, "threshold", "split")
        past, X = self._targets(self.fill_missing(X))[:, :-1], self._targets(X)
        following, observed = X[:, 1:], is_observed(X)[:, 1:]
        if self._has_tokens:
            n = self.n_tokens_
            places = as_indices(past[observed]) * n + as_indices(following[observed])
            pairs: Any = np.bincount(places, minlength=n**2).reshape(n, n)
            self.means_ = self._likelihood.frequency(pairs, pairs.sum(axis=1, keepdims=True))
            return
        if not observed.all():
            following = np.where(observed[:, :, np.newaxis], following, 0.0)
        if split is None:
            known = observed_only(X)
            self.split_ = (known.min(axis=(0, 1)) + known.max(axis=(0, 1))) / 2
        else:
            self.split_ = np.full(X.shape[2], float(split))
        high = past > self.split_
        overall = observed_only(X[:, 1:]).mean(axis=(0, 1))
        means = []
        for state in (~high, high):
            count = (state & observed[:, :, np.newaxis]).sum(axis=(0, 1))
            total = np.where(state, following, 0.0).sum(axis=(0, 1))
            # A state that was never left tells nothing: fall back to the overall mean.
            mean = self._likelihood.frequency(total, np.maximum(count, 1))
            means.append(np.where(count > 0, mean, self._likelihood.possible(overall)))
        self.means_ = np.array(means)

    def _predict(self, X: Floats) -> Floats:
        X = self._targets(X)
        if self._has_tokens:
            return self.means_[as_indices(X)]
        return np.where(self.split_ < X, self.means_[1], self.means_[0])
