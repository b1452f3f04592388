"""Surrogates keep values and spectra, and nothing else."""

import numpy as np
import pytest

from sklearn_emerge import (
    ArrayWorld,
    FlipFlopWorld,
    LinearSystemWorld,
    LorenzWorld,
    OscillatorWorld,
)
from sklearn_emerge.worlds import PhaseNull, Sample, _surrogates
from sklearn_emerge.worlds._surrogates import surrogates


def test_phase_keeps_values_and_spectrum():
    world = OscillatorWorld()
    original, surrogate = world.sample(50, 0).X, world.null("phase").sample(50, 0).X
    assert np.array_equal(np.sort(original), np.sort(surrogate))
    amplitude, other = np.abs(np.fft.rfft(original)), np.abs(np.fft.rfft(surrogate))
    distance = np.sqrt(((amplitude - other) ** 2).sum() / (amplitude**2).sum())
    assert distance < 0.05
    shuffled = np.abs(np.fft.rfft(world.null("shuffle").sample(50, 0).X))
    assert np.sqrt(((amplitude - shuffled) ** 2).sum() / (amplitude**2).sum()) > 1
    first = PhaseNull(world, n_iterations=1).sample(50, 0).X
    rough = np.abs(np.fft.rfft(first))
    assert np.sqrt(((amplitude - rough) ** 2).sum() / (amplitude**2).sum()) > distance


def cross_spectra(X):
    """Return the products of the waves of all pairs of channels, averaged over sequences."""
    waves = np.fft.rfft(X - X.mean(axis=1, keepdims=True), axis=1)
    return np.einsum("ntc,ntd->tcd", waves, waves.conj()) / len(X)


def mixed(n_channels, n_sequences=200, n_steps=100):
    """Return a process of order one whose channels turn into each other, and one that squares."""
    rng = np.random.default_rng(0)
    turn = 0.9 * np.linalg.qr(rng.normal(size=(n_channels, n_channels)))[0]
    noise = rng.normal(size=(n_steps + 50, n_sequences, n_channels))
    X = np.zeros_like(noise)
    for t in range(1, len(X)):
        X[t] = X[t - 1] @ turn + noise[t]
    return X[50:].swapaxes(0, 1)


@pytest.mark.parametrize(
    ("X", "tolerance"),
    [
        (mixed(3), 0.03),
        (np.exp(0.3 * mixed(3)), 0.15),
        (LorenzWorld(channels="xyz").sample(100, 0).X, 0.03),
        (mixed(3, n_steps=101), 0.03),
        # With 60 values a channel and one phase for all, values and spectra suit each other less.
        (mixed(100, 40, 60), 0.2),
    ],
    ids=["linear", "skewed", "lorenz", "odd", "100 channels"],
)
def test_phase_keeps_values_and_cross_spectra_of_several_channels(X, tolerance):
    surrogate = ArrayWorld(X).null("phase")._destroy(X, np.random.default_rng(1))
    assert np.array_equal(np.sort(X, axis=1), np.sort(surrogate, axis=1))
    spectra, others = cross_spectra(X), cross_spectra(surrogate)
    own = np.eye(X.shape[2], dtype=bool)
    for pairs in (own, ~own):
        apart = np.linalg.norm((spectra - others)[:, pairs])
        assert apart < tolerance * np.linalg.norm(spectra[:, pairs])
    # Channels that are replaced each alone lose all that they share.
    rng = np.random.default_rng(2)
    alone = [ArrayWorld(x).null("phase")._destroy(x, rng) for x in np.moveaxis(X[..., :3], 2, 0)]
    apart = cross_spectra(X[..., :3]) - cross_spectra(np.stack(alone, axis=2))
    pairs = ~np.eye(3, dtype=bool)
    assert np.linalg.norm(apart[:, pairs]) > 0.8 * np.linalg.norm(spectra[:, :3, :3][:, pairs])


def test_phases_of_surrogates_differ_between_sequences_and_not_between_channels():
    X = np.tile(mixed(3, 1, 64), (400, 1, 1))
    null = PhaseNull(ArrayWorld(X), n_iterations=50)
    waves = np.fft.rfft(null._destroy(X, np.random.default_rng(0)), axis=1)
    turns = waves / np.fft.rfft(X, axis=1)
    turns = (turns / np.abs(turns))[:, 1:-1]
    # All angles are alike often: their mean over sequences is that of chance.
    assert np.abs(turns.mean(axis=0)).max() < 5 / np.sqrt(len(X))
    together = np.abs(turns.mean(axis=2))
    assert np.median(together) > 0.99


def test_steps_of_surrogates_keep_whether_they_are_scored():
    scored = np.zeros((5, 20), dtype=bool)
    scored[:, 10:] = True
    X = mixed(2, 5, 20)
    sample = PhaseNull(ArrayWorld(X))._destroyed(
        Sample(X, scored=scored), np.random.SeedSequence(0)
    )
    assert np.array_equal(sample.scored, scored)


@pytest.mark.parametrize(
    "world",
    [
        FlipFlopWorld(n_steps=20),
        LorenzWorld(channels="xz", n_steps=20),
        LinearSystemWorld(A=np.eye(2) / 2, C=np.eye(2), n_steps=20),
    ],
    ids=lambda world: type(world).__name__,
)
def test_worlds_of_several_channels_have_phase_surrogates(world):
    assert "phase" in world.null_kinds
    X, null = world.sample(6, 0).X, world.null("phase").sample(6, 0).X
    assert np.array_equal(np.sort(X, axis=1), np.sort(null, axis=1))
    assert not np.array_equal(X, null)


def test_surrogates_do_not_depend_on_what_is_in_memory(monkeypatch):
    """New memory may hold anything, the surrogates of a first round among it."""
    X = np.random.default_rng(0).normal(size=(5, 16, 2)).cumsum(axis=1)
    once, expected = (surrogates(X, np.random.default_rng(1), n) for n in (1, 50))
    assert not np.array_equal(once, expected)

    class Numpy:
        def __getattr__(self, name):
            return getattr(np, name)

        def empty(self, shape):
            return once.copy()

    monkeypatch.setattr(_surrogates, "np", Numpy())
    assert np.array_equal(surrogates(X, np.random.default_rng(1), 50), expected)
