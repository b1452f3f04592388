"""Whether accuracy rises by a step: the logistic curve against smooth families."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import gammaln
from sklearn.utils import Bunch

from .._random import substream
from .._typing import Floats, RandomState
from ._fit import FAMILIES, Data, curve, fit, misfit, n_parameters
from ._networks import are_replicated, draw_jumps, draw_networks, jump_p_value

_ALTERNATIVES = ("power law", "saturation", "Weibull", "Gompertz", "line", "constant")
_JUMPS = "single jumps"


def compare_families(
    data: Data,
    theta: Floats,
    logistic: float,
    sharpness: float,
    alpha: float,
    n_draws: int,
    random_state: RandomState,
) -> Bunch:
    """Compare the logistic curve with the other families, see `EmergenceCurve.compare`.

    Parameters
    ----------
    data : Data
        One data set.
    theta : ndarray
        The fitted parameters of the logistic curve.
    logistic : float
        What it leaves, see `misfit`.
    sharpness : float
        Its sharpness.
    alpha, n_draws, random_state
        As in `EmergenceCurve.compare`.

    Returns
    -------
    Bunch
        As `EmergenceCurve.compare` returns it.
    """
    rows = {"logistic": _row(data, "logistic", logistic) | {"p_value": np.nan}}
    binomial = [dispersion_p_value(data, "logistic", theta)]
    for family in _ALTERNATIVES:
        fitted, left = fit(data, family)
        binomial.append(dispersion_p_value(data, family, fitted))
        drawn = draw(data, family, fitted, n_draws, substream(random_state, "compare", family))
        observed = float(_advantage(data, left[0], logistic))
        expected = _advantage(data, fit(drawn, family)[1], fit(drawn, "logistic")[1])
        p_value = (1 + np.count_nonzero(expected >= observed)) / (n_draws + 1)
        rows[family] = _row(data, family, float(left[0])) | {"p_value": p_value}
        if family == "saturation" and are_replicated(data):
            rows[_JUMPS] = _jumps(data, fitted, observed, n_draws, random_state)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("family")
    table.insert(4, "delta_aicc", table.aicc - table.aicc.min())
    best = str(table.aicc.idxmin())
    kept = [family for family in table.index[1:] if not table.p_value[family] <= alpha]
    finite = data.x[np.isfinite(data.x)]
    inside = finite.min() < theta[0, 1] < finite.max()
    n_levels = len(np.unique(data.x))
    most = max(n_parameters(data, family) - (data.trials is None) for family in FAMILIES)
    if n_levels <= most:
        reason = (
            f"no decision: curves of {most} parameters meet the means at any {n_levels} "
            "capacities; measure at more"
        )
    elif max(binomial) < 1e-2:
        reason = "no decision: counts vary more than binomial ones; pass rates without n_trials"
    elif kept:
        reason = f"no step shown: {' and '.join(kept)} cannot be rejected"
    elif best != "logistic":
        reason = f"no step shown: {best} has the smaller AICc"
    elif sharpness <= 1:
        reason = f"no step shown: a sharpness of {sharpness:.2g} is that of a slow rise"
    elif not inside:
        reason = "no step shown: its location would lie outside of the capacities"
    else:
        reason = "a logistic step in capacity fits better than every smooth curve"
    steeper = reason.startswith("a logistic step")
    return Bunch(table=table, steeper_than_smooth=steeper, best=best, reason=reason)


def _jumps(
    data: Data, theta: Floats, observed: float, n_draws: int, random_state: RandomState
) -> dict[str, Any]:
    """Return the row of networks that jump one by one, with a probability that saturates."""
    rng = np.random.default_rng(substream(random_state, "compare", _JUMPS))
    mean = curve(data, "saturation", theta)[0]
    drawn = replace(data, rate=draw_jumps(data, mean, n_draws, rng))
    expected = _advantage(data, fit(drawn, "saturation")[1], fit(drawn, "logistic")[1])
    steeper = (1 + np.count_nonzero(expected >= observed)) / (n_draws + 1)
    # Networks that agree half way do not jump, however smooth the curve. For those that do the
    # second p-value is about one, so that the smaller of both is no bias.
    between = jump_p_value(data, mean, _spread(data, "saturation", mean))
    return {
        "formula": "each network at an end, with a probability that saturates",
        "n_parameters": n_parameters(data, "saturation") - 1,
        "p_value": min(steeper, between),
    }


def _row(data: Data, family: str, left: float) -> dict[str, Any]:
    """Return what `compare` reports of a family."""
    n, k = data.rate.shape[1], n_parameters(data, family)
    if n - k - 1 <= 0:
        raise ValueError(
            f"{n} points are too few to compare curves of {k} parameters by AICc; measure at "
            f"least {k + 2}."
        )
    if data.trials is None:
        log_likelihood = -0.5 * n * (np.log(2 * np.pi * max(left, 1e-300) / n) + 1)
    else:
        right = data.rate[0] * data.trials
        ways = gammaln(data.trials + 1) - gammaln(right + 1) - gammaln(data.trials - right + 1)
        log_likelihood = -0.5 * left + ways.sum()
    aicc = -2 * log_likelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    return {
        "formula": FAMILIES[family].formula,
        "n_parameters": k,
        "log_likelihood": float(log_likelihood),
        "aicc": float(aicc),
    }


def dispersion_p_value(data: Data, family: str, theta: Floats) -> float:
    """Return the p-value of a chi-square test that counts are binomial around a curve."""
    freedom = data.rate.shape[1] - n_parameters(data, family)
    if data.trials is None or freedom < 1:
        return 1.0
    mean = np.clip(curve(data, family, theta)[0], 1e-9, 1 - 1e-9)
    pearson = (data.trials * (data.rate[0] - mean) ** 2 / (mean * (1 - mean))).sum()
    return stats.chi2.sf(pearson, freedom)


def draw(data: Data, family: str, theta: Floats, n_draws: int, random_state: RandomState) -> Data:
    """Draw data sets from a fitted curve."""
    rng = np.random.default_rng(substream(random_state, "draw"))
    mean = curve(data, family, theta)[0]
    if data.trials is None:
        spread = _spread(data, family, mean)
        if are_replicated(data):
            return replace(data, rate=draw_networks(data, mean, spread, n_draws, rng))
        return replace(data, rate=mean + spread * rng.standard_normal((n_draws, len(mean))))
    right = rng.binomial(data.trials.astype(int), np.clip(mean, 0, 1), (n_draws, len(mean)))
    return replace(data, rate=right / data.trials)


def _spread(data: Data, family: str, mean: Floats) -> float:
    """Return the standard deviation of rates around a fitted curve."""
    freedom = max(len(mean) - n_parameters(data, family) + 1, 1)
    return np.sqrt(misfit(data, mean[np.newaxis])[0] / freedom)


def _advantage(data: Data, alternative: float | Floats, logistic: float | Floats) -> float | Floats:
    """Return twice the log of the likelihood ratio of the logistic curve."""
    if data.trials is not None:
        return alternative - logistic
    return data.rate.shape[1] * np.log(
        np.maximum(alternative, 1e-300) / np.maximum(logistic, 1e-300)
    )
