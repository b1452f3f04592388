"""Heads in closed form: the best linear readout of features, wherever these come from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .._missing import is_observed
from .._moments import Moments, blocks
from .._ridge import RidgeFit, fit_ridge
from .._typing import Floats

_N_FOLDS = 5
# Bytes of features at once: more for a number of sequences with which products are quick.
_CHUNK_BYTES = 2**25
_MOST_BYTES = 2**26
_QUICK = 64
# Bytes up to which they are kept where they are needed again.
_KEPT_BYTES = 2**29


@dataclass(frozen=True)
class Head:
    """A fitted map from features to the mean of the next step, or to its logits.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_channels)
        Coefficients.
    intercept : ndarray of shape (n_channels,)
        Intercepts.
    converged : bool
        Whether the loss is at its minimum.
    """

    coef: np.ndarray
    intercept: np.ndarray
    converged: bool = True

    def output(self, features: Floats) -> Floats:
        """Return what is linear in the features."""
        flat = features.reshape(-1, len(self.coef))
        output = np.empty((len(flat), self.coef.shape[1]))
        # To turn all into float64 at once would take longer than to multiply.
        for rows, block in blocks(*flat.shape):
            block[...] = flat[rows]
            np.matmul(block, self.coef, out=output[rows])
        return (output + self.intercept).reshape(*features.shape[:-1], -1)

    def mean(self, features: Floats, likelihood: Any) -> Floats:
        """Return the means of the next steps."""
        return likelihood.mean(self.output(features))


def folds(n_sequences: int) -> list[slice]:
    """Return slices of sequences; neighbours, which may be alike, stay together."""
    edges = np.linspace(0, n_sequences, min(_N_FOLDS, n_sequences) + 1).astype(int)
    return [slice(start, stop) for start, stop in pairwise(edges)]


def parts(X: Floats, n_features: int) -> Iterator[Any]:
    """Yield sequences, one part after another, whose features do not take much memory."""
    return (X[rows] for rows in _rows_of_parts(X, n_features))


def _rows_of_parts(X: Floats, n_features: int) -> list[slice]:
    """Return the places of the same."""
    bytes_each = 8 * X.shape[1] * max(1, n_features)
    size = max(1, _CHUNK_BYTES // bytes_each, min(_QUICK, _MOST_BYTES // bytes_each))
    return [slice(start, min(start + size, len(X))) for start in range(0, len(X), size)]


def moments_of(
    features: Callable[..., Any],
    X: Floats,
    n_features: int,
    targets_of: Callable[..., Any] | None = None,
    *,
    again: bool,
    compute: Callable[..., Any] = map,
    n_tokens: int | None = None,
) -> tuple[Moments, Callable[[], Any]]:
    """Return the moments of features and next steps, and what yields them again.

    Parameters
    ----------
    features : callable
        Turns sequences (n_sequences, n_steps, n_channels) into features (n_sequences, n_steps,
        n_features).
    X : ndarray of shape (n_sequences, n_steps, n_channels)
        Sequences; the targets are their next steps, without those that are missing.
    n_features : int
        Number of features.
    targets_of : callable, default=None
        Returns the channels that are targets of sequences; None takes all.
    again : bool
        Whether they are asked for again, so that they are kept if there is room.
    compute : callable, default=map
        As `map`: what computes features and moments of one part after another.
    n_tokens : int, default=None
        Size of the vocabulary if targets are tokens.

    Returns
    -------
    moments : Moments
        By folds of sequences.
    chunks : callable
        Yields pairs of features (n_rows, n_features) and targets (n_rows, n_channels); tokens as
        they are.
    """
    n_targets = X.shape[2] if targets_of is None else targets_of(X).shape[2]

    by_fold, tokens = folds(len(X)), n_tokens is not None

    def chunks_of(part: slice) -> list[tuple[int, Floats, Floats]]:
        """Return folds, features and targets of the sequences of a part."""
        values = features(X[part, :-1])
        following = (X[part] if targets_of is None else targets_of(X[part]))[:, 1:]
        observed = is_observed(following)
        found = []
        for fold, of_fold in enumerate(by_fold):
            start, stop = max(of_fold.start, part.start), min(of_fold.stop, part.stop)
            if start >= stop:
                continue
            inside = slice(start - part.start, stop - part.start)
            rows = values[inside].reshape(-1, n_features)
            targets, known = following[inside].reshape(-1, n_targets), observed[inside].ravel()
            if not known.all():
                rows, targets = rows[known], targets[known]
            if len(rows):
                found.append((fold, rows, targets))
        return found

    others = iter(_rows_of_parts(X, n_features))
    moments = Moments(len(by_fold), n_features, n_tokens or n_targets, tokens=tokens)
    chunks = next(filter(None, map(chunks_of, others)))
    for chunk in chunks:
        # What products are about comes from the first rows.
        moments.add(*chunk)
    kept = again and X[:, 1:, 0].size * n_features * chunks[0][1].itemsize <= _KEPT_BYTES
    if not kept:
        chunks.clear()

    # Threads do not add up what takes more memory than what it is of.
    in_threads = moments.products[0].nbytes <= _CHUNK_BYTES

    def measured(part: slice) -> list[Any]:
        """Return folds of a part, their moments, and features and targets where these are used."""
        found = []
        for fold, *chunk in chunks_of(part):
            few = moments.of_fold(*chunk) if in_threads else None
            found.append((fold, few, chunk if kept or not in_threads else None))
        return found

    for part in compute(measured, others):
        for fold, few, chunk in part:
            if few is None:
                moments.add(fold, *chunk)
            else:
                moments.include(few, slice(fold, fold + 1))
            if kept:
                chunks.append((fold, *chunk))

    def yield_chunks() -> Iterator[tuple[Floats, Floats]]:
        found = [chunks] if kept else compute(chunks_of, _rows_of_parts(X, n_features))
        return ((rows, targets) for part in found for _, rows, targets in part)

    return moments, yield_chunks


def head_of(
    ridge: RidgeFit, chunks: Callable[[], Iterator[Any]], moments: Moments, likelihood: Any
) -> Head:
    """Return the head under a likelihood, given the ridge regression of the same features.

    Parameters
    ----------
    ridge : RidgeFit
        From `fit_ridge`.
    chunks : callable
        As in `fit_glm`.
    moments : Moments
        Those of the ridge regression.
    likelihood : Likelihood
        The likelihood.

    Returns
    -------
    Head
    """
    fit = likelihood.fit_head(ridge, chunks, moments)
    return Head(fit.coef, fit.intercept, fit.converged)


def fit_head(
    features: Callable[..., Any],
    X: Floats,
    n_features: int,
    likelihood: Any,
    targets_of: Callable[..., Any] | None = None,
    *,
    compute: Callable[..., Any] = map,
    n_tokens: int | None = None,
) -> tuple[Head, RidgeFit]:
    """Fit a head to features of sequences, with the penalty by cross-validation over these.

    Parameters
    ----------
    features, X, n_features
        As in `moments_of`.
    likelihood : Likelihood
        The likelihood.
    targets_of, compute, n_tokens
        As in `moments_of`.

    Returns
    -------
    head : Head
        The head.
    ridge : RidgeFit
        The ridge regression, whose errors are those of sequences left out.
    """
    again = not likelihood.closed_form
    moments, chunks = moments_of(
        features, X, n_features, targets_of, again=again, compute=compute, n_tokens=n_tokens
    )
    ridge = fit_ridge(moments)
    return head_of(ridge, chunks, moments, likelihood), ridge
