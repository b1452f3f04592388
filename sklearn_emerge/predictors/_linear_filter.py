"""Linear filters with lags and penalties by cross-validation, the same at every step or not."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._moments import Moments
from .._ridge import AMOUNTS, RidgeFit, first_ridges, fit_ridge, shrink_ridge
from .._roles import exogenous_of, join
from .._typing import Floats
from ..likelihoods import LIKELIHOODS, LinearCounts, LogCounts
from ..training import Head, folds, head_of
from ._alternative import AlternativePredictor, enough
from ._lagged import LaggedMoments
from ._roles import ROLES

_MOST_LAGS = 128
_MOST_FEATURES = 512
# The least mean of counts, in shares of that of their channel.
_LEAST_MEAN = 0.05
# Penalties of logarithms of means, at least; those of square errors do not know exponentials.
_LEAST_PENALTIES = 0.0, 0.1, 1.0, 10.0, 1000.0
# Nats a count, of sequences left out, for which a penalty is raised.
_MATTERS = 1e-2
# Groups of filters of like length.
_MOST_GROUPS = 8


@fill_doc
class LinearFilterPredictor(AlternativePredictor):
    r"""Predict the next step by a linear filter of the last ones, chosen by cross-validation.

    .. math:: \hat y_{t+1} = c + \sum_{k=1}^{p} A_k y_{t+1-k},

    by ridge regression; under the Bernoulli and the categorical likelihood the right hand side
    is the logit, by logistic regression, and of counts it may be the logarithm of the mean. While
    fewer than `lags` steps have been seen, each step has a filter of its own, of the steps there
    are, as an optimal filter has. A ridge regression is shrunk towards the filter of that length
    that is best for all steps with such a past. All penalties are chosen by cross-validation over
    sequences.

    Parameters
    ----------
    lags : int or "auto", default="auto"
        Length p of the filter. "auto" chooses out of 1, 2, 4, ... up to min(128, n_steps // 2),
        with no more than 512 coefficients for a channel, by the square error of sequences left
        out; where the longest is best, and of a ridge regression, also a half and three quarters of
        the steps.
    time_channel : {"full_time", None}, default=None
        "full_time" adds the clock :math:`t / (T - 1)` to what is regressed on.
    link : {"auto", "identity", "log"}, default="auto"
        What of the mean of counts is linear: itself, or its logarithm. "auto" takes what predicts
        the sequences better that are left out. A mean whose logarithm is linear is never larger
        than the largest count of its channel, and what is left out also says how large its penalty
        is at least. Other likelihoods have one link, "auto".
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_held_out)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s

    Attributes
    ----------
    lags_ : int
        Length of the filter.
    coef_ : ndarray of shape (``lags_``, n_channels, n_channels)
        Coefficients of the filter of all steps that have a full past, most recent step first;
        ``coef_[k, i, j]`` weights channel i, of those that are seen, of the step k back for
        channel j, of those that are predicted.
    intercept_ : ndarray of shape (n_channels,)
        Its intercept.
    link_ : {"identity", "log", "logit"}
        What of the mean is linear: itself, its logarithm, or (of classes) its logit.
    cv_error_ : ndarray of shape (n_channels,)
        %(cv_error_)s
    converged_ : bool
        %(regressions_converged_)s
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    See Also
    --------
    AutoregressivePredictor : By least squares, with given lags, the published baseline.
    TimeVaryingFilterPredictor : With coefficients for each step.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import LinearFilterPredictor
    >>> X = np.outer([1.0, 2.0, 3.0, 4.0], 0.5 ** np.arange(8))
    >>> model = LinearFilterPredictor().fit(X)
    >>> model.lags_, model.predict([[8.0] * 8])[0, 0].round(6).item()
    (1, 4.0)
    """

    _parameter_constraints = {
        **AlternativePredictor._parameter_constraints,
        **ROLES,
        "lags": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "link": [StrOptions({"auto", "identity", "log"})],
    }

    def __init__(
        self,
        lags: int | str = "auto",
        *,
        time_channel: str | None = None,
        link: str = "auto",
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
    ) -> None:
        self.lags = lags
        self.time_channel = time_channel
        self.link = link
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.feedback = feedback

    def _learn(self, X: Floats) -> None:
        self._head_likelihood = self._likelihood
        if self._likelihood.counts:
            self._head_likelihood = self._choose_link(X)
        elif self.link != "auto":
            raise ValueError(
                f"link={self.link!r} is for counts, but the likelihood is {self.likelihood_!r}, "
                "which has one link; leave link='auto', or pass likelihood='poisson'."
            )
        self.link_ = "log" if self._likelihood.counts else "logit"
        if self._head_likelihood.identity_link:
            self.link_ = "identity"
        self._fit_heads(X)

    def _choose_link(self, X: Floats) -> Any:
        """Return the likelihood of counts whose heads predict sequences left out better."""
        targets = self._targets(X)
        linear = LinearCounts(_LEAST_MEAN * np.nanmean(targets, axis=(0, 1)))
        most = np.maximum(np.nanmax(targets, axis=(0, 1)), 1.0)
        likelihood: Any = self._likelihood
        logs = [LogCounts(likelihood, most, penalty) for penalty in _LEAST_PENALTIES]
        if self.link == "identity":
            return linear
        if len(X) < 2:
            return logs[0]
        *_, last = folds(len(X))
        kept, left_out = np.delete(X, last, axis=0), self.fill_missing(X[last])
        following = targets[-len(left_out) :, 1:]
        # One head of all steps that have a full past tells enough.
        moments = self._choose_lags(kept, self._candidates(*self._seen(X).shape[1:]))
        if moments is None:
            return logs[0]
        steps, kept = range(self.lags_ - 1, X.shape[1] - 1), self.fill_missing(kept)
        rows = np.stack([self._rows(left_out, t, self.lags_) for t in steps], axis=1)

        poisson: Any = LIKELIHOODS["poisson"]

        def score(likelihood: Any) -> float:
            self._head_likelihood = likelihood
            [head], _ = LinearFilterPredictor._steady(self, kept, *moments)
            mean = head.mean(rows, likelihood)
            # As Poisson counts: it is means that are compared.
            known = following[:, self.lags_ - 1 :]
            return float(np.nansum(poisson.log_density(known, mean)))

        best, best_score = logs[0], score(logs[0])
        matters = _MATTERS * np.isfinite(following[:, self.lags_ - 1 :]).sum()
        # With the largest one next to nothing is left but the mean.
        for stronger in logs[1:]:
            found = score(stronger)
            if found > best_score + matters:
                best, best_score = stronger, found
        return linear if self.link == "auto" and score(linear) > best_score else best

    def _fit_heads(self, X: Floats) -> None:
        n_steps, n_channels = self._seen(X).shape[1:]
        candidates = self._candidates(n_steps, n_channels)
        if not self._fit_lags(X, candidates):
            raise ValueError(
                f"lags={self.lags} is longer than the past of any observed step of all but a "
                "few sequences; use less, or pass longer ones."
            )
        is_longest = self.lags == "auto" and self.lags_ == candidates[-1]
        if not (is_longest and self._head_likelihood.closed_form):
            return
        # Of a mean that each sequence has of its own all that has been seen tells.
        for longer in (n_steps // 2, 3 * n_steps // 4):
            if longer > min(_MOST_LAGS, _MOST_FEATURES // n_channels):
                break
            if longer > candidates[-1]:
                shorter, error = dict(vars(self)), self._relative_error()
                if not self._fit_lags(X, [longer]) or self._relative_error() >= error:
                    self.__dict__.update(shorter)
            if self.lags_ < longer:
                break

    def _relative_error(self) -> float:
        """Return the held-out square error of all steps, in variances, over channels."""
        return (self.cv_error_ / self.target_scale_**2).sum()

    def _fit_lags(self, X: Floats, candidates: list[int]) -> bool:
        """Fit filters of the best of some lengths; return False if no sequence is so long."""
        moments = self._choose_lags(X, candidates)
        if moments is None:
            return False
        X = self.fill_missing(X)
        heads, error = self._steady(X, *moments)
        first, squares, weight = self._first(X, *moments)
        self.heads_ = first + heads
        self.converged_ = all(head.converged for head in self.heads_)
        later = self._share[self.lags_ - 1 :].sum()
        self.cv_error_ = (squares + error * later) / (weight + later)
        return True

    def _choose_lags(self, X: Floats, candidates: list[int]) -> Any:
        """Settle the length; return moments of lagged steps, of those together, and their fit.

        None if no sequence is as long as the shortest candidate.
        """
        n_steps, n_channels = self._seen(X).shape[1:]
        observed, X = self._observed(X), self.fill_missing(X)
        columns = join(self._columns(X), exogenous_of(X, self._n_exogenous))
        # How much of each step there is to learn from.
        self._share = observed[:, 1:].mean(axis=0)
        while True:
            longest = candidates[-1]
            lagged = LaggedMoments(
                columns, self._clock(n_steps), longest, observed, self._roles(columns)
            )
            pooled = self._pooled(lagged, range(longest - 1, n_steps - 1), longest)
            if is_enough(pooled):
                break
            # Hardly any sequence is so long.
            candidates.pop()
            if not candidates:
                return None
        self.lags_ = longest
        if len(candidates) > 1:
            errors = {}
            for lags in candidates:
                fit = fit_ridge(pooled.part(np.arange(self._size(lags, n_channels))))
                errors[lags] = (fit.error / self.target_scale_**2).sum()
            self.lags_ = min(errors, key=errors.__getitem__)
            pooled = pooled.part(np.arange(self._size(self.lags_, n_channels)))
        for t in range(self.lags_ - 1, longest - 1):
            pooled.include(lagged.at(t, self.lags_, pooled.origin))
        return lagged, pooled, fit_ridge(pooled)

    def _pooled(self, lagged: LaggedMoments, steps: Iterable[int], lags: int) -> Moments:
        """Return the moments of several steps together."""
        origin = lagged.mean(lags - 1, lags)
        n_folds = len(folds(len(lagged.X)))
        size = self._size(lags, len(self.center_))
        pooled = Moments(n_folds, size, len(self.target_scale_), origin)
        for t in steps:
            pooled.include(lagged.at(t, lags, origin))
        return pooled

    def _candidates(self, n_steps: int, n_channels: int) -> list[int]:
        """Return the lags to choose from, in order."""
        if not isinstance(self.lags, str):
            if self.lags >= n_steps:
                raise ValueError(
                    f"lags={self.lags} is longer than the past of any step of sequences of "
                    f"{n_steps} steps; use at most lags={n_steps - 1}, or lags='auto'."
                )
            return [int(self.lags)]
        longest = max(1, min(_MOST_LAGS, n_steps // 2, _MOST_FEATURES // n_channels))
        return [2**k for k in range(longest.bit_length())]

    def _size(self, lags: int, n_channels: int) -> int:
        return self._clock(1).size + lags * n_channels

    def _rows(self, X: Floats, t: int, lags: int) -> Floats:
        """Return the features of step t: the clock and the last steps, most recent first."""
        past = self._seen(X[:, t - lags + 1 : t + 1])[:, ::-1].reshape(len(X), -1)
        clock = self._clock(t + 1)[-1]
        return np.hstack([np.broadcast_to(clock, (len(X), clock.size)), past])

    def _first(
        self, X: Floats, lagged: LaggedMoments, pooled: Moments, ridge: RidgeFit
    ) -> tuple[list[Head], Any, Any]:
        """Return the heads of the steps with a shorter past, their square errors and weights."""
        if not self._head_likelihood.closed_form:
            return self._first_iterated(X, lagged)
        heads: list[Head] = []
        squares: Any = 0.0
        weight = 0.0
        done = self.lags_ - 1
        # One amount for lengths 1, 2 and 3, 4 to 7, ...: of one step it would be chance.
        octaves = [
            list(octave) for _, octave in groupby(range(done), lambda t: (t + 1).bit_length())
        ]
        for octave in reversed(octaves):
            fits: list[Any] = []
            errors: Any = []
            for group in reversed(np.array_split(octave, min(_MOST_GROUPS, len(octave)))):
                # Of the steps that have a past as long as the longest of the group has.
                last, sizes = group[-1], [self._size(t + 1, len(self.center_)) for t in group]
                pooled = pooled.part(np.arange(sizes[-1]))
                for t in range(last, done):
                    pooled.include(lagged.at(t, last + 1, pooled.origin))
                done = last
                known = first_ridges(pooled, ridge, sizes)
                of_last = lagged.at(last, last + 1, pooled.origin)
                if is_enough(of_last):
                    errors.append(shrink_ridge(of_last, known[-1]).error)
                of_features, of_targets = np.split(pooled.origin, [sizes[-1]])
                origins = [np.append(of_features[:size], of_targets) for size in sizes]
                fits = [*zip(group, origins, known, strict=True), *fits]
            # Of what is hardly observed nothing is known but the filter of all.
            best = np.full(len(self.target_scale_), len(AMOUNTS) - 1)
            if errors:
                errors, of_octave = np.mean(errors, axis=0), self._share[octave].sum()
                squares = squares + errors.min(axis=0) * of_octave
                weight += of_octave
                best = errors.argmin(axis=0)
            heads = [
                *(shrunk_head(lagged.at(t, t + 1, origin), fit, best) for t, origin, fit in fits),
                *heads,
            ]
        return heads, squares, weight

    def _first_iterated(self, X: Floats, lagged: LaggedMoments) -> tuple[list[Head], Any, Any]:
        heads: list[Head] = []
        squares: Any = 0.0
        weights = self._share[: self.lags_ - 1]
        for t, weight in enumerate(weights):
            steps: Iterable[int] = [t]
            of_step = lagged.at(t, t + 1, lagged.mean(t, t + 1))
            if not is_enough(of_step):
                # Hardly observed: that of all steps with such a past.
                steps = range(t, X.shape[1] - 1)
                of_step = self._pooled(lagged, steps, t + 1)
            ridge = fit_ridge(of_step)
            chunks = self._kept(X, lagged.observed, steps, t + 1)
            heads.append(head_of(ridge, chunks, of_step, self._head_likelihood))
            squares = squares + ridge.error * weight
        return heads, squares, weights.sum()

    def _chunks(
        self, X: Floats, observed: Any, steps: Iterable[int], lags: int
    ) -> Callable[[], Iterator[Any]]:
        """Return what yields rows and next steps of some steps, where these are observed."""

        def chunks() -> Iterator[Any]:
            for t in steps:
                seen = observed[:, t + 1]
                part = X if seen.all() else X[seen]
                if len(part):
                    yield self._rows(part, t, lags), self._targets(part)[:, t + 1]

        return chunks

    def _kept(self, *arguments: Any) -> Callable[[], Any]:
        """Return the same as `_chunks`, of so few rows that they are kept."""
        kept = list(self._chunks(*arguments)())
        return lambda: kept

    def _steady(
        self, X: Floats, lagged: LaggedMoments, pooled: Moments, ridge: RidgeFit
    ) -> tuple[list[Head], Any]:
        """Return the heads of the steps that have a full past, and their mean square error."""
        steps = range(self.lags_ - 1, X.shape[1] - 1)

        some = enough(X, pooled.n_features)
        observed = enough(lagged.observed, pooled.n_features)
        chunks = self._chunks(some, observed, steps, self.lags_)
        head = head_of(ridge, chunks, pooled, self._head_likelihood)
        self.coef_, self.intercept_ = self._weights(head), head.intercept
        return [head], ridge.error

    def _weights(self, head: Head) -> Floats:
        """Return the coefficients of the last steps, most recent first."""
        shape = len(self.center_), len(head.intercept)
        return head.coef[self._clock(1).size :].reshape(-1, *shape)

    def _roles(self, X: Floats) -> Any:
        """Return which channels are seen, and which are targets; None if all are both."""
        channels: Any = np.arange(X.shape[2])
        n_targets = len(channels) - self._n_exogenous
        roles = channels[0 if self._feedback else n_targets :], channels[:n_targets]
        return roles if self._n_exogenous else None

    def _predict(self, X: Floats) -> Floats:
        mean = np.empty((*X.shape[:2], self._n_means(X)))
        for t in range(X.shape[1]):
            mean[:, t] = self._after(X, t)
        return mean

    def _last(self, X: Floats) -> Floats:
        return self._after(X, X.shape[1] - 1)

    def _after(self, X: Floats, t: int) -> Floats:
        """Return the means after step t."""
        head = self.heads_[min(t, len(self.heads_) - 1)]
        return head.mean(self._rows(X, t, min(t + 1, self.lags_)), self._head_likelihood)


def is_enough(moments: Moments) -> bool:
    """Return whether two folds have rows, so that one can be left out."""
    return bool(np.count_nonzero(moments.counts) > 1)


def shrunk_head(moments: Moments, known: Any, best: Any) -> Head:
    """Return the head of some rows, shrunk towards that of all by an amount for each channel."""
    if not moments.counts.any():
        best = np.full_like(best, len(AMOUNTS) - 1)
    amounts, of_channel = np.unique(AMOUNTS[best], return_inverse=True)
    path = shrink_ridge(moments, known, amounts, held_out=False)
    return Head(*path.at(of_channel)[:2])
