"""Claims about what training added: an effect, its bounds, a margin, and whether it holds."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..inference import (
    adjust_p_values,
    corrected_resampled_interval,
    corrected_resampled_test,
    sign_flip_bounds,
    sign_flip_test,
    student_interval,
)
from ._labels import check_names
from ._plan import RESERVED, STRUCTURED

HOLDS, FAILS, OPEN, UNTESTED = "holds", "fails", "open", "untested"
REPRESENTATION = "representation"
# What each claim says, in nats per step.
CLAIMS = {
    "gain": "the trained network predicts better than the trivial baselines",
    "prediction": "the trained network predicts better than the best of all baselines",
    "core": "the trained network predicts better than its untrained core",
    "order": "the trained network gains more over the best baseline than in the nulls",
    "memory": "the trained network predicts worse with the memory of another sequence or none",
    "reservoir": "the untrained core predicts better than the trivial baselines",
    REPRESENTATION: "its states have more of a latent than its untrained core and inputs have",
}


@dataclass(frozen=True)
class Claim:
    """What was found of one claim in one configuration.

    Attributes
    ----------
    effect, low, high : float
        Mean difference and its bounds.
    margin : float
        What the difference has to exceed.
    state : str
        Whether it holds.
    values : ndarray of shape (n_seeds,)
        The difference of each seed, without those that are undefined.
    """

    effect: float
    low: float
    high: float
    margin: float
    state: str
    values: np.ndarray


def claims_of(here):
    """Return the claims that were tested in one configuration, by name."""
    keys = ("effect", "low", "high", "margin", "state")
    columns = [here[f"claim_{key}"].values.tolist() for key in keys]
    rows = zip(*columns, here.claim_difference.transpose("claim", "seed").values, strict=True)
    return {
        name: Claim(*row, values[~np.isnan(values)])
        for name, (*row, values) in zip(here.claim.values.tolist(), rows, strict=True)
    }


def check_claims(claims):
    """Return the names of the claims to test, after checking them."""
    if isinstance(claims, str) and claims == "auto":
        return tuple(CLAIMS)
    return check_names("claims", claims, tuple(CLAIMS))


def differences(cube):
    """Return what each claim is about, one difference a seed.

    Parameters
    ----------
    cube : xarray.Dataset
        What was measured.

    Returns
    -------
    dict of str to DataArray
        By name of the claim; dimensions are those of the grid and ``seed``. The representation of
        each latent is a claim of its own. Claims that the cube has no data for are absent.
    """
    modes, conditions = cube.mode.values.tolist(), cube.condition.values.tolist()
    here = cube.sel(condition=STRUCTURED, drop=True)
    nll = {mode: here.nll.sel(mode=mode, drop=True) for mode in modes}
    found = {}
    if "full" in modes:
        found["gain"] = here.nll_reference - nll["full"]
        found["prediction"] = here.nll_best_baseline - nll["full"]
        if "readout" in modes:
            found["core"] = nll["readout"] - nll["full"]
        advance = (cube.nll_best_baseline - cube.nll.sel(mode="full", drop=True)).clip(min=0)
        in_nulls = [advance.sel(condition=c, drop=True) for c in conditions if c != STRUCTURED]
        if in_nulls:
            # More than in each of them.
            most = xr.concat(in_nulls, "condition").max("condition", skipna=False)
            found["order"] = advance.sel(condition=STRUCTURED, drop=True) - most
        if "nll_memory" in cube:
            found["memory"] = _memory(cube.sel(mode="full", drop=True))
    if "readout" in modes:
        found["reservoir"] = here.nll_reference - nll["readout"]
    if "probe_score" in cube and "full" in modes:
        excess = _representation(here, modes)
        for latent in cube.latent.values.tolist() if excess is not None else ():
            found[f"{REPRESENTATION} {latent}"] = excess.sel(latent=latent, drop=True)
    return found


def _memory(cube):
    """Return what a network loses without its memory, and with that of another sequence."""
    curve = cube.nll_memory
    # The longest window has all inputs in it; those of other configurations may be longer.
    longest = curve.window.where(curve.notnull()).max("window")
    whole = curve.where(curve.window == longest).max("window")
    without = curve.sel(window=1, drop=True) - whole if 1 in curve.window else whole * np.nan
    rise = cube.state_exchange.sel(exchange="rise", drop=True)
    # A reset alone can cost something where memory is worth nothing: the state of zero is one that
    # training has seen at the first step only.
    return xr.where(rise < without, rise, without).where(rise.notnull() & without.notnull())


def _representation(here, modes):
    """Return by how much each latent is decoded better than from anything that was not trained."""
    untrained = next((mode for mode in ("readout", "random") if mode in modes), None)
    if untrained is None:
        return None
    # A control below zero shows nothing: taken away, it would add.
    above = here.probe_score - here.probe_score_shuffled.clip(min=0)
    trained, others = above.sel(mode="full", drop=True), [above.sel(mode=untrained, drop=True)]
    if "probe_score_window" in here:
        others.append(here.probe_score_window - here.probe_score_window_shuffled.clip(min=0))
    # The clock is the same in every sequence: its score minus its control is zero.
    most = xr.concat(others, "other").max("other", skipna=False).clip(min=0)
    return trained - most


def decide_claims(cube, *, claims, margins, alpha, correction, n_flips=None, units=None):
    """Test every claim in every configuration.

    Parameters
    ----------
    cube : xarray.Dataset
        What was measured.
    claims : sequence of str
        Names out of `CLAIMS`; the others are not tested.
    margins : (float, float)
        What a difference in nats per step, and one between scores of probes, has to exceed.
    alpha : float
        Level of each side of a claim.
    correction : str or None
        Correction over the configurations, for each claim (and latent) on its own; and over the
        latents, for each configuration on its own.
    n_flips : int or None, default=None
        As in `p_values`.
    units : (int, int) or None, default=None
        Recordings that each seed trains on and holds out, for the corrected test; None if seeds
        are independent, for the sign-flip test.

    Returns
    -------
    xarray.Dataset
        Along ``claim``: ``claim_difference`` (a seed), ``claim_effect`` (mean), ``claim_low`` and
        ``claim_high`` (bounds, one-sided at 1 - alpha each), Student's interval beside them,
        ``claim_margin``, p-values of holding, and ``claim_state``.

    Notes
    -----
    A claim holds where its difference is significantly above the margin, and fails where it is
    significantly below it. What a seed lacks (a class too rare in its sequences to be decoded) is
    left out if the other seeds can reach alpha.
    """
    tested = {
        name: values
        for name, values in differences(cube).items()
        if name.partition(" ")[0] in claims
    }
    grid = [dim for dim in cube.nll.dims if dim not in RESERVED]
    shape = (len(tested), *(cube.sizes[dim] for dim in grid))
    n_seeds = cube.sizes["seed"]
    difference = np.full((*shape, n_seeds), np.nan)
    for i, values in enumerate(tested.values()):
        difference[i] = values.transpose(*grid, "seed").values
    margin = np.array([margins[name.startswith(REPRESENTATION)] for name in tested])
    statistics = np.full((7, *shape), np.nan)
    for index in np.ndindex(shape):
        values = difference[index]
        if tuple(tested)[index[0]].startswith(REPRESENTATION):
            values = values[~np.isnan(values)]
        statistics[(slice(None), *index)] = _test(values, margin[index[0]], alpha, n_flips, units)
    effect, low, high, student_low, student_high, above, below = statistics
    latents = np.array([name.startswith(REPRESENTATION) for name in tested], bool)
    adjusted = np.stack([_adjust(p_value, latents, correction) for p_value in (above, below)])
    state = np.select(
        [np.isnan(adjusted[0]), adjusted[0] <= alpha, adjusted[1] <= alpha],
        [UNTESTED, HOLDS, FAILS],
        OPEN,
    ).astype(object)
    dims = ("claim", *grid)
    return xr.Dataset(
        {
            "claim_difference": ((*dims, "seed"), difference),
            "claim_effect": (dims, effect),
            "claim_low": (dims, low),
            "claim_high": (dims, high),
            "claim_student_low": (dims, student_low),
            "claim_student_high": (dims, student_high),
            "claim_margin": ("claim", margin),
            "claim_p_value": (dims, above),
            "claim_p_value_adjusted": (dims, adjusted[0]),
            "claim_state": (dims, state),
        },
        coords={"claim": np.array(list(tested), "O")},
    )


def _adjust(p_values, latents, correction):
    """Return p-values of (claims, ...) adjusted over configurations, and latents over each other.

    That of a latent is the larger one: corrected over the configurations, or over the latents of
    its configuration.
    """
    adjusted = np.array([adjust_p_values(family, correction) for family in p_values])
    adjusted = adjusted.reshape(p_values.shape)
    for index in np.ndindex(p_values.shape[1:]):
        place = (latents, *index)
        over_latents = adjust_p_values(p_values[place], correction)
        adjusted[place] = np.maximum(adjusted[place], over_latents)
    return adjusted


def _test(values, margin, alpha, n_flips, units):
    """Return mean, bounds, Student's interval, and p-values above and below the margin."""
    if len(values) == 0 or not np.isfinite(values).all():
        return (np.nan,) * 7
    effect = values.mean()
    if len(values) == 1:
        return effect, -np.inf, np.inf, np.nan, np.nan, 1.0, 1.0
    if units is None:
        student = student_interval(values, confidence=1 - alpha)
        draws = {} if n_flips is None else {"n_draws": n_flips}
        bounds = sign_flip_bounds(values, confidence=1 - alpha, random_state=0, **draws)
    else:
        student = corrected_resampled_interval(values, *units, confidence=1 - alpha)
        # At a level of a half, both bounds are the mean.
        confidence = max(1 - 2 * alpha, np.finfo(float).eps)
        bounds = corrected_resampled_interval(values, *units, confidence=confidence)
    sides = np.stack([values - margin, margin - values])
    return effect, *bounds, *student, *p_values(sides, n_flips, units)


def p_values(values, n_flips=None, units=None):
    """Return the p-values of means above zero along the last axis; NaN without two finite values.

    Parameters
    ----------
    values : ndarray of shape (..., n_seeds)
        Differences.
    n_flips : int or None, default=None
        Patterns of signs that are drawn at random; None enumerates all where that is possible.
    units : (int, int) or None, default=None
        As in `decide_claims`.

    Returns
    -------
    ndarray of shape (...)
    """
    options = {} if n_flips is None else {"method": "monte-carlo", "n_draws": n_flips}
    result = np.full(values.shape[:-1], np.nan)
    for index in np.ndindex(result.shape):
        if not np.isfinite(values[index]).all() or values.shape[-1] == 1:
            continue
        if units is not None:
            result[index] = corrected_resampled_test(values[index], *units).pvalue
        else:
            # A fixed stream: the same cube gives the same verdict.
            result[index] = sign_flip_test(values[index], random_state=0, **options).pvalue
    return result
