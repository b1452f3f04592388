"""Surrogates: sequences with the values and the spectra of others, and random phases."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from .._typing import Floats

# Numbers of which surrogates of several channels are made at once.
_NUMBERS = 2**22


def surrogates(X: Floats, rng: np.random.Generator, n_iterations: int) -> Floats:
    """Return iterative amplitude-adjusted surrogates, see `PhaseNull`.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences without gaps.
    rng : Generator
        Of the phases.
    n_iterations : int
        Rounds at most.

    Returns
    -------
    ndarray of the shape of X
    """
    if X.ndim == 3 and X.shape[2] > 1:
        # So many sequences at once that their spectra do not take much memory.
        size = max(1, _NUMBERS // X[0].size)
        parts = [X[start : start + size] for start in range(0, len(X), size)]
        return np.concatenate([_of_channels(part, rng, n_iterations) for part in parts])
    return _of_one_channel(X.reshape(X.shape[:2]), rng, n_iterations).reshape(X.shape)


def _of_one_channel(values: Floats, rng: np.random.Generator, n_iterations: int) -> Floats:
    n_steps = values.shape[1]
    amplitudes = np.abs(rfft(values))
    ordered = np.sort(values)
    surrogate = rng.permuted(values, axis=1)
    moving = np.arange(len(values))
    for _ in range(n_iterations):
        current = surrogate[moving]
        spectrum = rfft(current)
        size = np.abs(spectrum)
        spectrum *= np.divide(amplitudes[moving], size, out=np.ones_like(size), where=size > 0)
        order = irfft(spectrum, n=n_steps).argsort(axis=1)
        updated = np.empty_like(current)
        np.put_along_axis(updated, order, ordered[moving], axis=1)
        surrogate[moving] = updated
        moving = moving[(updated != current).any(axis=1)]
        if not moving.size:
            break
    return surrogate


def _of_channels(X: Floats, rng: np.random.Generator, n_iterations: int) -> Floats:
    """Return surrogates whose channels keep what they have in common."""
    n_steps = X.shape[1]
    spectrum, ordered = rfft(X, axis=1), np.sort(X, axis=1)
    directions = _directions(spectrum)
    turns = np.exp(2j * np.pi * rng.random(spectrum.shape[:2]))
    # The mean has no phase, and the fastest wave of an even number of steps but a sign.
    turns[:, 0] = 1.0
    if n_steps % 2 == 0:
        turns[:, -1] = np.where(turns[:, -1].real < 0, -1.0, 1.0)
    # Of what is in new memory some may be the first surrogates, which would then stay as they are.
    surrogate = np.full(X.shape, np.nan)
    moving = np.arange(len(X))
    for _ in range(n_iterations):
        turned = irfft(spectrum[moving] * turns[:, :, np.newaxis], n=n_steps, axis=1)
        updated = np.empty_like(turned)
        np.put_along_axis(updated, turned.argsort(axis=1), ordered[moving], axis=1)
        changed = (updated != surrogate[moving]).any(axis=(1, 2))
        surrogate[moving] = updated
        moving = moving[changed]
        if not moving.size:
            break
        angles = _directions(rfft(updated[changed], axis=1)) * directions[moving].conj()
        turns = _directions(angles.sum(axis=2))
    return surrogate


def _directions(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return complex numbers of size 1 with the same angles; 0 stays 0."""
    size = np.abs(numbers)
    return np.divide(numbers, size, out=np.zeros_like(numbers), where=size > 0)
