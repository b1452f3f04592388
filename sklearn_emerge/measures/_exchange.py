"""What a hidden state does: predictions from the state of another sequence."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import NearestNeighbors

from .._roles import exogenous_of, join
from .._typing import Floats
from .._validation import check_integer
from ..likelihoods import LIKELIHOODS
from ..predictors import BasePredictor
from ..predictors._scale import center_and_scale
from ..worlds import Sample
from ._sequences import sequences_of

# What is measured, in order.
EXCHANGE = ("loss", "rise", "correlation", "distance")
# Changes of predictions, in standard deviations of the data, that are rounding.
_ROUNDING = 1e-6


def exchange_states(
    predictor: BasePredictor,
    sample: Sample | ArrayLike,
    *,
    latent: str | int | None = None,
    n_steps: int = 16,
    n_sequences: int | None = None,
) -> xr.DataArray:
    """Exchange hidden states between sequences with the same last input.

    At some steps each sequence is paired with another one whose last input is the same, or the
    nearest where observations are continuous, and gets its state: the predictor sees the past of
    the other sequence and then its own last input. That needs no access to states, so that it
    works for every predictor. One without memory predicts as before; where the state carries what
    will follow, predictions move to the future of the other sequence.

    Made for ``EmergenceAssessment(measures={"exchange": exchange_states})``, with other arguments
    by `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Sample or array-like of shape (n_sequences, n_steps[, n_channels])
        Sequences, alone or as `World.sample` returns them. Where these say which steps count,
        those alone are predicted.
    latent : str, default=None
        Name of a latent of the sample, a quantity or one of two classes, that predictions should
        follow. None compares with the true next steps.
    n_steps : int, default=16
        At how many steps, evenly over the sequences, states are exchanged. Each costs a
        prediction of all sequences up to there.
    n_sequences : int, default=None
        How many of the sequences to use, the first ones. None is all.

    Returns
    -------
    xarray.DataArray of dimension (exchange,)
        - "loss": negative log-likelihood of the paired steps, in nats per step;
        - "rise": by how much it is larger with the state of the other sequence;
        - "correlation": of the change of a prediction with the difference between the true next
          values of the two sequences, averaged over channels. With `latent`, of the changes with
          what is best explained, linearly, by the difference between the latents at the last
          input, and by its products with this input: a latent may say that a value stays. NaN
          where no prediction changes;
        - "distance": mean distance between the two last inputs, in standard deviations of the
          data.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If X does not fit the predictor, an argument is out of range or no two sequences have the
        same last input.

    Notes
    -----
    With ``input_scaling="first"`` a network sees differences from the first step: those are
    paired, and exchanged.

    Examples
    --------
    >>> from sklearn_emerge import OscillatorWorld, PersistencePredictor
    >>> from sklearn_emerge.measures import exchange_states
    >>> sample = OscillatorWorld(n_steps=32).sample(200, random_state=0)
    >>> best = OscillatorWorld(n_steps=32).optimal_predictor()
    >>> exchange_states(best, sample).sel(exchange=["rise", "correlation"]).values.round(1).tolist()
    [0.8, 0.6]
    >>> persistence = PersistencePredictor().fit(sample.X)
    >>> exchange_states(persistence, sample).sel(exchange="rise").item()
    0.0
    """
    X, scored = sequences_of(predictor, sample, n_sequences)
    latents = None if latent is None else _latent(sample, latent)[: len(X)]
    values = _exchange(predictor, X, scored, latents, n_steps)
    if values is None:
        raise ValueError(
            f"No two of the {len(X)} sequences have the same last input at any step; pass more."
        )
    result = xr.DataArray(list(values.values()), {"exchange": list(values)}, dims="exchange")
    units = "1, and nat/step for loss and rise"
    return result.assign_attrs(long_name="exchange of hidden states", units=units)


def exchange_if_possible(predictor: Any, sample: Sample, n_sequences: int | None) -> list[float]:
    """Return the entries of `exchange_states` in order; NaN where there is nothing to exchange.

    Parameters
    ----------
    predictor : predictor
        Fitted.
    sample : Sample
        Sequences.
    n_sequences : int
        How many of them to use.

    Returns
    -------
    list of float
    """
    X, scored = sequences_of(predictor, sample, n_sequences)
    values = _exchange(predictor, X, scored, None, 16) if scored[:, 1:].any() else None
    return [np.nan] * len(EXCHANGE) if values is None else list(values.values())


def _exchange(
    predictor: Any, X: NDArray[Any], scored: Any, latents: Any, n_steps: int
) -> dict[str, Any] | None:
    """Return the entries of `exchange_states` by name; None if no two last inputs are the same."""
    first = getattr(predictor, "input_scaling_", None) == "first" and predictor._feedback
    start = np.zeros_like(X[:, :1])
    if first:
        predictor._targets(start)[...] = predictor._targets(X)[:, :1]
    targets, past_of = predictor._targets(X), X - start
    # Differences of tokens are those of columns, one a token.
    predicted, seen = predictor._columns(X), predictor._seen(past_of)
    if predictor._has_tokens and predictor._feedback:
        seen = join(predicted, exogenous_of(X, predictor._n_exogenous))
    scale_seen, scale = predictor._scaling(X)[1], center_and_scale(predicted)[1]
    likelihood, noise = LIKELIHOODS[predictor.likelihood_], (predictor.noise_std_, predictor.shape_)
    # Counts of many channels are never equal.
    exact = likelihood.discrete and not likelihood.counts and not predictor._n_exogenous
    if latents is not None:
        # Latents may be missing where steps are.
        scored = scored & ~np.isnan(latents[:, : scored.shape[1]])
    steps = _grid(scored, n_steps)
    own_means = _means(predictor, X[:, :-1])
    losses, changes, effects, distances = [], [], [], []
    for t in steps:
        known = np.flatnonzero(scored[:, t])
        rows, others = known[_pairs(seen[known, t] / scale_seen, exact=exact)]
        if not rows.size:
            continue
        past = past_of[others, :t] + start[rows]
        mean = _means(predictor, np.concatenate([past, X[rows, t : t + 1]], axis=1))[:, t]
        means = np.stack([own_means[rows, t], mean])
        losses.append(-likelihood.log_density(targets[rows, t + 1], means, *noise).sum(axis=2))
        changes.append(mean - own_means[rows, t])
        if latents is None:
            effects.append(predicted[others, t + 1] - predicted[rows, t + 1])
        else:
            inputs = np.insert(seen[rows, t] / scale_seen, 0, 1, axis=1)
            effects.append((latents[others, t] - latents[rows, t])[:, np.newaxis] * inputs)
        distances.append(np.linalg.norm((seen[others, t] - seen[rows, t]) / scale_seen, axis=1))
    if not losses:
        return None
    own, exchanged = np.concatenate(losses, axis=1).mean(axis=1)
    correlation = _correlation if latents is None else _multiple_correlation
    followed = correlation(np.concatenate(changes) / scale, np.concatenate(effects))
    values = own, exchanged - own, followed, np.concatenate(distances).mean()
    return dict(zip(EXCHANGE, values, strict=True))


def _means(predictor: Any, X: NDArray[Any]) -> Floats:
    """Return predictions of sequences that are as long as those of training, or shorter."""
    return predictor.at_length(X.shape[1]).predict(X)


def _latent(sample: Any, latent: Any) -> Floats:
    """Return a latent of shape (n_sequences, n_steps) as numbers."""
    names = list(sample.get("latent_names", ())) if isinstance(sample, Mapping) else []
    if latent not in names:
        raise ValueError(
            f"latent={latent!r} is not a latent of the sample, which has "
            f"{', '.join(map(repr, names)) or 'none'}; pass one of these, or None."
        )
    values = np.asarray(sample["latents"])[:, :, names.index(latent)]
    if values.dtype.kind != "f" and len(np.unique(values)) > 2:
        raise ValueError(
            f"latent={latent!r} has {len(np.unique(values))} classes, which have no difference; "
            "pass a quantity or one of two classes, or None."
        )
    return values.astype(np.float64)


def _grid(scored: NDArray[np.bool_], n_steps: int) -> NDArray[np.integer]:
    """Return steps, evenly over those that have a past and are followed by one that is scored."""
    check_integer(n_steps, "n_steps")
    possible = 1 + np.flatnonzero(scored[:, 1:].any(axis=0))
    if not possible.size:
        raise ValueError(
            f"Sequences of {scored.shape[1] + 1} steps have none with a past to exchange; pass "
            "sequences of at least 3 steps, of which some count."
        )
    places = np.linspace(0, len(possible) - 1, min(n_steps, len(possible)))
    return possible[places.round().astype(int)]


def _pairs(last: NDArray[Any], exact: bool) -> NDArray[np.integer]:
    """Return rows and the rows that they are paired with, of shape (2, n_pairs)."""
    if len(last) < 2:
        return np.empty((2, 0), dtype=int)
    if not exact:
        # Of its own training rows each finds another one.
        nearest = NearestNeighbors(n_neighbors=1).fit(last).kneighbors(return_distance=False)
        return np.stack([np.arange(len(last)), nearest[:, 0]])
    groups = np.unique(last, axis=0, return_inverse=True)[1].ravel()
    pairs = [np.empty((2, 0), dtype=int)]
    for group in range(groups.max() + 1):
        rows = np.flatnonzero(groups == group)
        if len(rows) > 1:
            pairs.append(np.stack([rows, np.roll(rows, 1)]))
    return np.concatenate(pairs, axis=1)


def _correlation(change: Floats, difference: Floats) -> float:
    """Return the mean correlation of channels, each with its own, of those that vary."""
    products = ((change - change.mean(axis=0)) * difference).mean(axis=0)
    spreads = change.std(axis=0), difference.std(axis=0)
    varying = (spreads[0] > _ROUNDING) & (spreads[1] > 0)
    if not varying.any():
        return np.nan
    return (products[varying] / np.prod(spreads, axis=0)[varying]).mean()


def _multiple_correlation(change: Floats, effects: Floats) -> float:
    """Return the root of the share of the squared changes that is linear in the effects."""
    total = (change**2).sum()
    if not total > len(change) * _ROUNDING**2:
        return np.nan
    fitted = effects @ np.linalg.lstsq(effects, change)[0]
    return np.sqrt((fitted**2).sum() / total)
