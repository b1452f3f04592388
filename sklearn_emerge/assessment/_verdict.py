"""From tests to a verdict on what training added."""

import numpy as np
import xarray as xr

from ..inference import adjust_p_values, sign_flip_test, smallest_p_value
from ._plan import RESERVED, STRUCTURED

VERDICTS = ("none", "reservoir", "operator", "representation", "operator+representation")
UNDECIDED = "undecided"


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
        found["gain"] = gain["full"]
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


def judge(cube, *, alpha, correction, probe_margin):
    """Test and judge every configuration of a cube.

    Parameters
    ----------
    cube : xarray.Dataset
        With `delta_nll` and, if there are latents, the probe scores.
    alpha : float
        Level of the tests.
    correction : str or None
        Correction over the configurations, for each test on its own: the claims of one verdict
        need all their tests at once, which costs no further correction.
    probe_margin : float
        A decoding score must improve by more than this to count.

    Returns
    -------
    xarray.Dataset
        ``test_effect``, ``test_p_value`` and ``test_p_value_adjusted`` along ``test``, and
        ``verdict`` and ``verdict_reason``.
    """
    tests = differences(cube, probe_margin)
    grid = [dim for dim in cube.delta_nll.dims if dim not in RESERVED]
    shape = tuple(cube.sizes[dim] for dim in grid)
    effect, p_value = np.full((2, len(tests), *shape), np.nan)
    for i, difference in enumerate(tests.values()):
        values = difference.transpose(*grid, "seed").values
        effect[i] = values.mean(axis=-1)
        p_value[i] = p_values(values)
    adjusted = np.array([adjust_p_values(family, correction) for family in p_value])
    verdict, reason = np.empty(shape, "O"), np.empty(shape, "O")
    smallest = smallest_p_value(cube.sizes["seed"], int(np.prod(shape)), correction)
    can_probe = "probe_score" in cube
    for index in np.ndindex(shape):
        here = {name: adjusted[(i, *index)] for i, name in enumerate(tests)}
        verdict[index], reason[index] = _decide(here, alpha, smallest, can_probe)
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


def p_values(values):
    """Return the sign-flip p-values along the last axis; NaN where a value is not finite."""
    result = np.full(values.shape[:-1], np.nan)
    for index in np.ndindex(result.shape):
        if np.isfinite(values[index]).all():
            # A fixed stream: the same cube gives the same verdict.
            result[index] = sign_flip_test(values[index], random_state=0).pvalue
    return result


def _decide(p_values, alpha, smallest, can_probe):
    """Return (verdict, reason) from the adjusted p-values of one configuration."""
    if smallest > alpha:
        return UNDECIDED, f"too few seeds: no p-value can be below {smallest:.3g}, alpha={alpha:g}"
    failed = [name for name, p in p_values.items() if np.isnan(p)]
    if failed:
        return UNDECIDED, f"training diverged or a score is undefined: {', '.join(failed)}"
    nulls = [name for name in p_values if name.startswith("gain_over_null")]
    operator, operator_reason = _claim(
        "operator",
        p_values,
        ["gain", "gain_over_readout", *(nulls or ["gain_over_null"])],
        alpha,
    )
    if can_probe:
        names = ["decoding_gain"]
        representation, representation_reason = _claim("representation", p_values, names, alpha)
    else:
        representation, representation_reason = False, "representation not tested: no latents"
    reason = f"{operator_reason}; {representation_reason}"
    claimed = [
        name
        for name, claim in (("operator", operator), ("representation", representation))
        if claim
    ]
    if claimed:
        return "+".join(claimed), reason
    if operator is None or representation is None:
        return UNDECIDED, reason
    reservoir = [
        name for name in ("readout_gain", "untrained_decoding") if p_values.get(name, 1.0) <= alpha
    ]
    if reservoir:
        return "reservoir", f"{reason}; the untrained network already gives {', '.join(reservoir)}"
    return "none", reason


def _claim(claim, p_values, needed, alpha):
    """Return (True, False or None if a test is missing, reason) for a claim.

    A claim is the conjunction of its tests, so each may use the whole of alpha.
    """
    rejected = [name for name in needed if p_values.get(name, np.nan) <= alpha]
    not_rejected = [name for name in needed if p_values.get(name, np.nan) > alpha]
    missing = [name for name in needed if name not in p_values]
    if not_rejected:
        shown = ", ".join(f"{name} (p={p_values[name]:.3g})" for name in not_rejected)
        return False, f"no {claim}: {shown} not significant"
    if missing:
        return None, f"{claim} open: {', '.join(missing)} not tested, add its mode or null"
    shown = ", ".join(f"{name} (p={p_values[name]:.3g})" for name in rejected)
    return True, f"{claim}: {shown}"
