"""Recordings in an assessment: how they become a world, and what is asked before training."""

import warnings

import numpy as np

from .._dims import labelled
from .._latents import check_latents
from .._missing import is_observed
from .._padding import even, is_uneven
from .._tables import check_labels, names_of
from .._tokens import encode_tokens
from .._validation import check_sequences
from ..likelihoods import LIKELIHOODS
from ..worlds import ArrayWorld
from ..worlds._rows import check_rows
from ._labels import STRUCTURED

# Steps at which something was counted, without which nothing is known of how counts vary.
_LEAST_EVENTS = 2


def world_of(estimator, X, y):
    """Return the world of sequences and latents that were passed to `fit`.

    Parameters
    ----------
    estimator : EmergenceAssessment
        Receives `n_features_in_`.
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences.
    y : array-like or None
        Their latents, see `ArrayWorld`.

    Returns
    -------
    ArrayWorld

    Raises
    ------
    ValueError
        If X or y is not as described, or their labels disagree.
    """
    X, y = labelled(X, y, "y")
    check_labels(X, y, "y")
    sequences = check_sequences(estimator, X, reset=True)
    observed = is_observed(sequences)
    known = None if observed.all() else observed
    latents = None if y is None else check_latents(y, sequences, "y", known)
    names = names_of(y, sequences.shape[1])
    if is_uneven(X):
        # As integers, if they are.
        sequences, observed = even(X)[0], known
        return ArrayWorld(sequences, latents, names, observed=observed)
    if np.asarray(X).dtype.kind in "iu":
        # Whether these are tokens is still to be asked.
        sequences = sequences.astype(np.int64)
    if hasattr(X, "dims"):
        # With names, units and coordinates.
        sequences = X.copy(data=sequences.reshape(X.shape))
        latents = y if hasattr(y, "dims") else latents
    return ArrayWorld(sequences, latents, names)


def check_likelihoods(configurations, baselines, nulls, n_train, n_eval):
    """Raise a ValueError if recordings, likelihood, baselines and nulls do not suit each other.

    Parameters
    ----------
    configurations : list of Configuration
        The configurations; those of worlds that are not recordings are left alone.
    baselines : dict of str to predictor
        The baselines of the first of them.
    nulls : sequence of str
        Kinds of nulls.
    n_train, n_eval : int or None
        Numbers of sequences that were asked for.

    Warns
    -----
    UserWarning
        If a channel varies in so few sequences that those of training may have none of them.
    """
    seen = []
    for configuration in configurations:
        world, model = configuration.worlds[STRUCTURED], configuration.models[STRUCTURED]
        likelihood = getattr(model, "likelihood", "gaussian")
        counts = likelihood in LIKELIHOODS and LIKELIHOODS[likelihood].counts
        if counts and "phase" in nulls:
            raise ValueError(
                f"nulls has 'phase', but counts (likelihood={likelihood!r}) are no sum of waves: "
                "with their values imposed, few of the surrogates' spectra would be those of the "
                "data; choose from 'shuffle' and 'resample'."
            )
        if not isinstance(world, ArrayWorld) or any(
            world.X is X and likelihood == other for X, other in seen
        ):
            continue
        seen.append((world.X, likelihood))
        rows = world.recorded().rows
        if likelihood == "auto":
            low, high = rows.ends()[0, :, 0]
            raise ValueError(
                f"X holds integers, {low:.0f} to {high:.0f}, and the likelihood "
                f"of the model is 'auto'. Are they counts? Then pass {type(model).__name__}("
                "likelihood='poisson'), or 'negative_binomial' if they vary more than their mean. "
                "Are they tokens? Then pass likelihood='categorical'. Are they quantities? Then "
                "pass X.astype(float)."
            )
        if likelihood == "categorical":
            _check_tokens(rows.take(slice(None)), baselines, nulls)
        elif world.likelihood == "auto":
            # The world could not know that these are no tokens.
            check_rows(rows, tokens=False)
        if counts:
            _check_counts(rows.take(slice(None)), likelihood)
        if counts or likelihood in ("gaussian", "student_t"):
            _warn_if_rare(rows, *world.default_split(n_train, n_eval))


def _check_tokens(X, baselines, nulls):
    encode_tokens(X.reshape(*X.shape[:2], -1))
    unable = [name for name, baseline in baselines.items() if not baseline.knows_tokens]
    if unable:
        raise ValueError(
            f"baselines has {', '.join(map(repr, unable))}, which cannot predict tokens, and the "
            "likelihood of the model is 'categorical'; choose from 'mean', 'step_mean', "
            "'persistence' and 'markov'."
        )
    if "phase" in nulls:
        raise ValueError(
            "nulls has 'phase', but tokens (likelihood='categorical') have no spectrum; choose "
            "from 'shuffle' and 'resample'."
        )


def _check_counts(X, likelihood):
    LIKELIHOODS[likelihood].check(X)
    events = (X.reshape(*X.shape[:2], -1) > 0).sum(axis=(0, 1))
    few = np.flatnonzero(events < _LEAST_EVENTS).tolist()
    if likelihood == "negative_binomial" and few:
        raise ValueError(
            f"X[:, :, {few[0]}] is above 0 at {events[few[0]]} steps only, so that no dispersion "
            f"(likelihood={likelihood!r}) can be estimated for it; "
            f"pass likelihood='poisson', or leave such channels out, np.delete(X, {few}, axis=2)."
        )


def _warn_if_rare(rows, n_train, n_eval):
    """Warn of channels that may be constant in a training part."""
    # The value that a channel has where nothing happens.
    # Copies: views would keep all parts.
    first = np.concatenate([part[:, 0].reshape(len(part), -1).copy() for part in rows.parts()])
    usual = np.nanmedian(first, axis=0)
    channels = (part.reshape(*part.shape[:2], -1) for part in rows.parts())
    varied = np.concatenate([((usual != X) & ~np.isnan(X)).any(axis=1) for X in channels])
    left_out = len(varied) - n_train
    for channel in np.flatnonzero(varied.sum(axis=0) <= left_out):
        where = np.flatnonzero(varied[:, channel])
        if (left_out / len(varied)) ** len(where) < 1e-3:
            continue
        warnings.warn(
            f"X[:, :, {channel}] varies in {len(where)} of {len(varied)} sequences only, "
            f"{where.tolist()}, so that it may be constant in all training sequences of a seed. "
            "There nothing is learned of it (of quantities, every predictor takes the spread over "
            "all recordings for the noise); leave the channel out, "
            f"np.delete(X, {channel}, axis=2), if it does not matter.",
            UserWarning,
            stacklevel=5,
        )
