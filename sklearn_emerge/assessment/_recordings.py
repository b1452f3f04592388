"""Recordings in an assessment: how they become a world, and what is asked before training."""

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._dims import labelled
from .._latents import check_latents
from .._missing import is_observed
from .._padding import even, is_uneven, lengths_of
from .._tables import check_labels, cut_call, names_of, recording_call
from .._tokens import vocabulary_size
from .._validation import check_sequences
from ..likelihoods import LIKELIHOODS
from ..predictors._base import BasePredictor
from ..worlds import ArrayWorld, FunctionWorld
from ..worlds._rows import Rows, check_rows
from ._labels import STRUCTURED
from ._plan import Configuration

if TYPE_CHECKING:
    from ._assessment import EmergenceAssessment

# Steps at which something was counted, without which nothing is known of how counts vary.
_LEAST_EVENTS = 2
# Sequences that show what the values of a world are.
_SHOWN = 64
# Fewer steps, of so many times as many sequences, may be the channels of one recording.
_SHORT, _MANY = 10, 100


def world_of(estimator: "EmergenceAssessment", X: Any, y: Any) -> ArrayWorld:
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
    latents = None if y is None else check_latents(y, sequences, "y", known, lengths_of(X))
    names = names_of(y, sequences.shape[1])
    if is_uneven(X):
        # As integers, if they are.
        return ArrayWorld(even(X)[0], latents, names, observed=known)
    if np.asarray(X).dtype.kind in "iu":
        # Whether these are tokens is still to be asked.
        sequences = sequences.astype(np.int64)
    if hasattr(X, "dims"):
        # With names, units and coordinates.
        sequences = X.copy(data=sequences.reshape(X.shape))
        latents = y if hasattr(y, "dims") else latents
    return ArrayWorld(sequences, latents, names)


def warn_if_one_recording(X: Any) -> None:
    """Warn of an array of many rows and few columns, which may be steps and channels.

    Parameters
    ----------
    X : object
        Sequences, as they were passed. Names of dimensions, or three of them, leave no doubt.
    """
    shape: tuple[int, ...] = () if hasattr(X, "dims") or is_uneven(X) else np.shape(X)
    if len(shape) != 2 or shape[1] >= _SHORT or shape[0] < _MANY * shape[1]:
        return
    n_rows, n_columns = shape
    call = f"{cut_call('X', n_rows)}{recording_call('X', n_rows)}"
    warnings.warn(
        f"X has shape {shape}, and is read as {n_rows} sequences of {n_columns} steps. If it is "
        f"one recording of {n_rows} steps with {n_columns} channels, cut it, {call} (and so the "
        "latents); if rows are sequences, say so by an axis of channels, "
        "np.asarray(X)[:, :, np.newaxis].",
        UserWarning,
        stacklevel=4,
    )


def check_values(configurations: Iterable[Configuration]) -> None:
    """Raise a ValueError if recordings have values that the likelihood of the model is not for.

    Predictors would name places in the sequences that they are fitted to, which were shuffled.

    Parameters
    ----------
    configurations : list of Configuration
        The configurations.
    """
    for configuration in configurations:
        world, model = configuration.worlds[STRUCTURED], configuration.models[STRUCTURED]
        likelihood = LIKELIHOODS.get(getattr(model, "likelihood", "auto"))
        if not isinstance(world, ArrayWorld) or likelihood is None or not likelihood.discrete:
            continue
        rows = world.recorded().rows
        if likelihood.tokens:
            n_tokens = getattr(model, "n_tokens", "auto")
            _check_parts(rows, vocabulary_size, None if n_tokens == "auto" else int(n_tokens))
        else:
            _check_parts(rows, likelihood.check)


def _check_parts(rows: Rows, check: Callable[..., object], *arguments: Any) -> None:
    """Check all sequences part by part, and together if one part is refused: errors name places."""
    try:
        for X in rows.parts():
            check(X.reshape(*X.shape[:2], -1), *arguments)
    except ValueError:
        X = rows.take(slice(None))
        check(X.reshape(*X.shape[:2], -1), *arguments)


def check_likelihoods(
    configurations: Iterable[Configuration],
    baselines: Mapping[str, BasePredictor],
    nulls: Collection[str],
    n_train: int | None,
    n_eval: int | None,
    *,
    given: bool = True,
) -> None:
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
    given : bool, default=True
        Whether the likelihood was, and does not come from the world.

    Warns
    -----
    UserWarning
        If a channel varies in so few sequences that those of training may have none of them.
    """
    seen: list[tuple[Any, str]] = []
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
        if isinstance(world, FunctionWorld) and not given and world.draws_integers():
            X = world.sample(_SHOWN, 0).X[..., : -world.n_exogenous or None]
            told, largest = _of_counts(model), int(np.nanmax(X))
            raise ValueError(
                f"the function of the world returned integers, {np.nanmin(X):.0f} to {largest}, "
                f"and the likelihood of the model is 'auto'. Are they counts? {told} Are they "
                "tokens (or zeros and ones)? Then pass FunctionWorld(..., observation='token', "
                f"n_tokens={largest + 1}) (or observation='binary'). Are they quantities? Then "
                "return X.astype(float)."
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
                f"of the model is 'auto'. Are they counts? {_of_counts(model)} "
                "Are they tokens? Then pass likelihood='categorical'. Are they quantities? Then "
                "pass X.astype(float)."
            )
        if likelihood == "categorical":
            _check_tokens(baselines, nulls)
        elif world.likelihood == "auto":
            # The world could not know that these are no tokens.
            check_rows(rows, tokens=False)
        if counts:
            _check_counts(rows, likelihood)
        if counts or likelihood in ("gaussian", "student_t"):
            _warn_if_rare(rows, *world.default_split(n_train, n_eval))


def _of_counts(model: BasePredictor) -> str:
    return (
        f"Then pass {type(model).__name__}(likelihood='poisson'), or 'negative_binomial' if they "
        "vary more than their mean."
    )


def _check_tokens(baselines: Mapping[str, BasePredictor], nulls: Collection[str]) -> None:
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


def _check_counts(rows: Rows, likelihood: str) -> None:
    factors = (np.gcd.reduce(X[~np.isnan(X)].astype(np.int64)) for X in rows.parts())
    factor = int(np.gcd.reduce(list(factors)))
    if factor > 1:
        warnings.warn(
            f"all values of X are multiples of {factor}, as of counts that were scaled, as to "
            f"rates, and likelihood={likelihood!r} is for counts as they were: it takes scaled "
            f"ones for many events that come together. Pass X / {factor}, or use "
            "likelihood='gaussian' for quantities.",
            UserWarning,
            stacklevel=4,
        )
    parts = (X.reshape(*X.shape[:2], -1) for X in rows.parts())
    events = np.sum([(X > 0).sum(axis=(0, 1)) for X in parts], axis=0)
    few = np.flatnonzero(events < _LEAST_EVENTS).tolist()
    if likelihood == "negative_binomial" and few:
        raise ValueError(
            f"X[:, :, {few[0]}] is above 0 at {events[few[0]]} steps only, so that no dispersion "
            f"(likelihood={likelihood!r}) can be estimated for it; "
            f"pass likelihood='poisson', or leave such channels out, np.delete(X, {few}, axis=2)."
        )


def _warn_if_rare(rows: Rows, n_train: int, n_eval: int) -> None:
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
