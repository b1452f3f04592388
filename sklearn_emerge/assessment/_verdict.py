"""From tests to a verdict on what training added."""

import numpy as np
import xarray as xr

from ..inference import adjust_p_values, sign_flip_test, smallest_p_value
from ._plan import RESERVED, STRUCTURED

UNDECIDED = "undecided"
# Tests for which a seed may have no score: where a class is too rare among its sequences.
_OF_PROBES = ("decoding_gain", "untrained_decoding")


def differences(cube, probe_margin):
    """Return what each test of the verdict is about, one difference a seed.

    Parameters
    ----------
    cube : xarray.Dataset
        With `delta_nll` and, if there are latents, the probe scores.
    probe_margin : float
        A decoding score must improve by more than this to count.

    Returns
    -------
    dict of str to DataArray
        By name of the test; dimensions are those of the grid and ``seed``. Tests that the
        cube has no data for are absent.
    """
    modes, conditions = cube.mode.values.tolist(), cube.condition.values.tolist()
    gain = {mode: cube.delta_nll.sel(condition=STRUCTURED, mode=mode, drop=True) for mode in modes}
    found = {}
    if "full" in modes:
        advance = (cube.nll_best_baseline - cube.nll_reference).sel(condition=STRUCTURED, drop=True)
        found["gain_over_baselines"] = gain["full"] + advance
        if "readout" in modes:
            found["gain_over_readout"] = gain["full"] - gain["readout"]
        for kind in conditions:
            if kind != STRUCTURED:
                null_gain = cube.delta_nll.sel(condition=kind, mode="full", drop=True)
                found[f"gain_over_null_{kind}"] = gain["full"] - null_gain
    if "readout" in modes:
        found["readout_gain"] = gain["readout"]
    if "probe_score" in cube and "random" in modes:
        scores = cube[["probe_score", "probe_score_shuffled"]].sel(condition=STRUCTURED)
        scores = scores.drop_vars("condition").mean("latent", skipna=True)
        untrained = scores.sel(mode="random", drop=True)
        if "full" in modes:
            trained = scores.probe_score.sel(mode="full", drop=True)
            found["decoding_gain"] = trained - untrained.probe_score - probe_margin
        excess = untrained.probe_score - untrained.probe_score_shuffled
        found["untrained_decoding"] = excess - probe_margin
    return found


def judge(cube, *, alpha, correction, probe_margin, n_flips=None):
    """Test and judge every configuration of a cube.

    Parameters
    ----------
    cube : xarray.Dataset
        With `delta_nll` and, if there are latents, the probe scores.
    alpha : float
        Level of the tests.
    correction : str or None
        Correction over the configurations, for each test on its own. A claim needs all its
        tests at once, which costs no further correction; each of the two claims of a verdict is
        made at level alpha, and so is each of the two signs of a reservoir, one of which is
        enough.
    probe_margin : float
        A decoding score must improve by more than this to count.
    n_flips : int or None, default=None
        As in `p_values`.

    Returns
    -------
    xarray.Dataset
        ``test_effect``, ``test_p_value`` and ``test_p_value_adjusted`` along ``test``, and
        ``verdict`` and ``verdict_reason``.

    Notes
    -----
    Tests of decoding are of the seeds that have probe scores, if these can reach alpha; the
    others need all seeds.
    """
    tests = differences(cube, probe_margin)
    grid = [dim for dim in cube.delta_nll.dims if dim not in RESERVED]
    shape = tuple(cube.sizes[dim] for dim in grid)
    n_tests, n_seeds = int(np.prod(shape)), cube.sizes["seed"]
    diverged = (cube.status == "diverged").any(["condition", "mode", "seed"])
    diverged = diverged.transpose(*grid).values
    effect, p_value, n_scored = _test(tests, grid, diverged, n_flips)
    adjusted = np.empty_like(p_value)
    for i, family in enumerate(p_value):
        adjusted[i] = adjust_p_values(family, correction)
    verdict, reason = np.empty(shape, "O"), np.empty(shape, "O")
    # The smallest p-value that a number of seeds can reach.
    smallest = {
        n: smallest_p_value(n, n_tests, correction, n_flips) if n > 0 else 1.0
        for n in {n_seeds, *n_scored.ravel().tolist()}
    }
    needed = {
        "operator": ["gain_over_baselines", "gain_over_readout", *_null_tests(tests)],
        "representation": ["decoding_gain"] if "probe_score" in cube else [],
    }
    for index in np.ndindex(shape):
        here, seeds = {}, {}
        for i, name in enumerate(tests):
            n = n_scored[(i, *index)]
            here[name] = adjusted[(i, *index)] if smallest[n] <= alpha else np.nan
            seeds[name] = f"{n} of {n_seeds} seeds" if n < n_seeds else ""
        if smallest[n_seeds] > alpha:
            verdict[index] = UNDECIDED
            reason[index] = (
                f"too few seeds or sign flips: no p-value can be below {smallest[n_seeds]:.3g} "
                f"(alpha={alpha:g})"
            )
        elif diverged[index]:
            verdict[index], reason[index] = UNDECIDED, "training diverged, see status; lower lr"
        else:
            verdict[index], reason[index] = _decide(here, seeds, needed, alpha)
    dims = ("test", *grid)
    return xr.Dataset(
        {
            "test_effect": (dims, effect),
            "test_p_value": (dims, p_value),
            "test_p_value_adjusted": (dims, adjusted),
            "verdict": (grid, verdict),
            "verdict_reason": (grid, reason),
        },
        coords={"test": np.array(list(tests), "O")},
    )


def _test(tests, grid, diverged, n_flips):
    """Return effects, p-values, and the number of seeds that they are of, by test and grid."""
    effect, p_value = np.full((2, len(tests), *diverged.shape), np.nan)
    n_scored = np.zeros(effect.shape, int)
    for i, (name, difference) in enumerate(tests.items()):
        values = difference.transpose(*grid, "seed").values
        effect[i] = values.mean(axis=-1)
        p_value[i] = p_values(values, n_flips)
        n_scored[i] = values.shape[-1]
        partial = np.isnan(effect[i]) & ~diverged & (name in _OF_PROBES)
        for place in map(tuple, np.argwhere(partial)):
            scored = values[place][~np.isnan(values[place])]
            n_scored[(i, *place)] = len(scored)
            effect[(i, *place)] = scored.mean() if len(scored) else np.nan
            p_value[(i, *place)] = p_values(scored, n_flips)
    return effect, p_value, n_scored


def p_values(values, n_flips=None):
    """Return the sign-flip p-values along the last axis; NaN for one seed or a value not finite.

    `n_flips` patterns of signs are drawn at random; None enumerates all where that is possible.
    """
    options = {} if n_flips is None else {"method": "monte-carlo", "n_draws": n_flips}
    result = np.full(values.shape[:-1], np.nan)
    for index in np.ndindex(result.shape):
        if np.isfinite(values[index]).all() and values.shape[-1] > 1:
            # A fixed stream: the same cube gives the same verdict.
            result[index] = sign_flip_test(values[index], random_state=0, **options).pvalue
    return result


def _null_tests(tests):
    """Return the names of the tests against nulls; one that is missing if there are none."""
    return [name for name in tests if name.startswith("gain_over_null")] or ["gain_over_null"]


def _decide(p_values, seeds, needed, alpha):
    """Return (verdict, reason) from the adjusted p-values of one configuration.

    `seeds` says of each test how many seeds it is of, if it is not of all.
    """
    claims, reasons = {}, []
    for claim, names in needed.items():
        claims[claim], reason = _claim(claim, p_values, seeds, names, alpha)
        reasons.append(reason)
    made = [claim for claim, holds in claims.items() if holds]
    if made:
        return "+".join(made), "; ".join(reasons)
    if None in claims.values():
        return UNDECIDED, "; ".join(reasons)
    signs = {name: p_values.get(name, np.nan) for name in ("readout_gain", "untrained_decoding")}
    reservoir = [_shown(name, p, seeds) for name, p in signs.items() if p <= alpha]
    if reservoir:
        reasons.append(f"the untrained core gives {', '.join(reservoir)}")
        return "reservoir", "; ".join(reasons)
    return "none", "; ".join(reasons)


def _claim(claim, p_values, seeds, needed, alpha):
    """Return (True, False, or None if a test is missing; reason) for a claim."""
    if not needed:
        return False, f"{claim} not tested: the world has no latents, or probe is None"
    known = {name: p_values[name] for name in needed if not np.isnan(p_values.get(name, np.nan))}
    missing = [name for name in needed if name not in known]
    rejected = [_shown(name, p, seeds) for name, p in known.items() if p <= alpha]
    others = [_shown(name, p, seeds) for name, p in known.items() if p > alpha]
    if others:
        return False, f"no {claim}: {', '.join(others)} not significant"
    if missing:
        few = [f" (scores in {seeds[name]} are too few)" for name in missing if seeds.get(name)]
        return None, (
            f"{claim} open: {', '.join(missing)} not available{''.join(few)}, add its mode, null "
            "or data"
        )
    return True, f"{claim}: {', '.join(rejected)}"


def _shown(name, p, seeds):
    """Return a test with its p-value as text."""
    return f"{name} (p={p:.3g}{', ' * bool(seeds[name])}{seeds[name]})"
