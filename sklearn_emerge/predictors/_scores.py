"""Scores of a predictor: the log-likelihood of what it predicts."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from .._names import Estimator
from .._typing import Floats
from .._validation import check_integer
from ._roles import Roles

# Bytes of the probabilities of all tokens that are there at once. A score takes about five times
# as many.
MOST_BYTES_OF_MEANS = 2**26


class Scores(Roles, Estimator):
    """What a predictor is scored by, given what it predicts and its likelihood."""

    def score_samples(self, X: ArrayLike) -> Floats:
        """Return the log-likelihood of each sequence given its first step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences,)
            Sum over the n_steps - 1 predicted steps (and the channels), in nats; missing steps
            are left out.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        return _total(*self._scored(X))

    def score_steps(self, X: ArrayLike) -> Floats:
        """Return the log-likelihood of each step given those before it.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps - 1)
            Of steps 1, 2, ..., summed over the channels, in nats; NaN where a step is missing.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        return self._scored(X)[0]

    def _scored(self, X: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the log-likelihood of each predicted step, and which of these are observed."""
        return self._score_by(self._predict, self.encode(X))

    def _score_by(
        self, predict: Callable[[Floats], Floats], X: Floats
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return as `_scored` does, given what returns the means of all steps of sequences."""
        observed, X = self._observed(X)[:, 1:], self.fill_missing(X)
        known, noise = self._targets(X)[:, 1:], (self.noise_std_, self.shape_)
        # Of tokens there are as many means as the vocabulary has, and few rows at once.
        size = len(X)
        if self._has_tokens:
            size = max(1, MOST_BYTES_OF_MEANS // (8 * X.shape[1] * self.n_tokens_))
        scores = []
        for start in range(0, len(X), max(1, size)):
            rows = slice(start, start + size)
            # What the last step predicts is not known.
            density = self._likelihood.log_density(known[rows], predict(X[rows, :-1]), *noise)
            scores.append(density.sum(axis=2))
        score = np.concatenate(scores)
        return score if observed.all() else np.where(observed, score, np.nan), observed

    @available_if(lambda self: hasattr(self, "_predict_from"))
    def score_from_last(self, X: ArrayLike, n_inputs: int) -> Floats:
        """Return the log-likelihood of each step given the last inputs before it alone.

        Only predictors whose state can be reset have it, as networks and reservoirs.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        n_inputs : int
            How many inputs are seen, at least 1; all where there are no more.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps - 1)
            As `score_steps` returns them.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            As in `predict`, or if `n_inputs` is out of range.

        Examples
        --------
        >>> from sklearn_emerge import GRUPredictor, OscillatorWorld
        >>> X = OscillatorWorld(n_steps=32).sample(100, random_state=0).X
        >>> model = GRUPredictor(8, max_steps=10, random_state=0).fit(X)
        >>> bool(model.score_from_last(X, 1).mean() < model.score_from_last(X, 32).mean())
        True
        """
        check_integer(n_inputs, "n_inputs")

        def predict(rows: Floats) -> Floats:
            return self._predict_from(rows, int(n_inputs))

        return self._score_by(predict, self.encode(X))[0]

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return the mean log-likelihood per predicted step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        y : None, default=None
            Ignored.

        Returns
        -------
        float
            Nats per step; higher is better. The negative log-likelihood is ``-score(X)``. Missing
            steps do not count.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`.
        """
        steps, observed = self._scored(X)
        total = _total(steps, observed)
        if observed.all():
            return float(total.mean() / observed.shape[1])
        return float(total.sum() / observed.sum())


def _total(steps: Floats, observed: NDArray[np.bool_]) -> Floats:
    """Return the sum over the observed steps of each sequence."""
    return steps.sum(axis=1) if observed.all() else np.where(observed, steps, 0.0).sum(axis=1)
