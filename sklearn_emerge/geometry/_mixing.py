"""Whether chains have forgotten where they started: they agree, and no longer rise or fall."""

import numpy as np
from scipy import stats

from .._typing import Floats
from ._reasons import Reason

# Chance that sound chains are found not to agree, or to move.
_FALSE_ALARMS = 0.01
# With chains so long that sound ones come nowhere near, more than this is too much all the same.
_LEAST_R_HAT = 1.05
# Parts of a chain, over which its trend is looked for.
_PARTS = 8
# Rises this small beside the values that they come from are rounding.
_TIE = 1e-12


def split_r_hat(draws: Floats) -> float:
    """Return how much the halves of chains differ, 1 if they do not (Gelman et al., 2013).

    Parameters
    ----------
    draws : ndarray of shape (n_chains, n_draws)
        Of a quantity, in order; of an odd number the one in the middle is left out.

    Returns
    -------
    float
        Root of the total variance over that within halves.
    """
    n_half = draws.shape[1] // 2
    halves = np.concatenate([draws[:, :n_half], draws[:, -n_half:]])
    within = halves.var(axis=1, ddof=1).mean()
    between = halves.mean(axis=1).var(ddof=1)
    if not within > 0:
        return 1.0 if within == between == 0 else float("inf")
    return float(np.sqrt((n_half - 1) / n_half + between / within))


def most_r_hat(n_chains: int, n_relaxations: float) -> float:
    r"""Return what the split R-hat of sound chains exceeds in one of hundred cases, or 1.05.

    The loss of a flat quadratic direction has the autocorrelation :math:`e^{-2 t}` after t
    relaxation times, and no direction has more. The mean of half a chain, T relaxation times long,
    then varies by the share

    .. math:: f = (2 T - 1 + e^{-2 T}) / (2 T^2)

    of the variance of the loss, and the variance of the means of the 2 n halves of n chains is
    that, times a chi-square number of 2 n - 1 degrees of freedom over these.

    Parameters
    ----------
    n_chains : int
        How many.
    n_relaxations : float
        Length of a chain, in relaxation times of flat directions.
    """
    of_half = n_relaxations / 2
    share = (2 * of_half - 1 + np.exp(-2 * of_half)) / (2 * of_half**2)
    dof = 2 * n_chains - 1
    ratio = share / (1 - share) * stats.chi2.isf(_FALSE_ALARMS, dof) / dof
    return max(_LEAST_R_HAT, float(np.sqrt(1 + ratio)))


def trend(draws: Floats) -> tuple[float, float]:
    """Return by how much draws rise along chains, and the p-value of no trend.

    A line is laid through the means of eighths of chains. Its error is that of what neither
    differences of chains nor those of eighths explain, so that draws that depend on the few before
    them do not make it too small.

    Parameters
    ----------
    draws : ndarray of shape (n_chains, n_draws)
        Of a quantity, in order; two chains and four draws or more.
    """
    n_chains, n_draws = draws.shape
    n_parts = min(_PARTS, n_draws)
    n_each = n_draws // n_parts
    last = draws[:, n_draws - n_parts * n_each :]
    means = last.reshape(n_chains, n_parts, n_each).mean(axis=2)
    of_part = means.mean(axis=0)
    residuals = means - of_part - means.mean(axis=1, keepdims=True) + means.mean()
    dof = (n_chains - 1) * (n_parts - 1)
    error = np.sqrt((residuals**2).sum() / dof / n_chains)
    line = np.linspace(-1, 1, n_parts)
    rise = float(2 * line @ of_part / (line @ line))
    if abs(rise) <= _TIE * abs(draws).max():
        return 0.0, 1.0
    if not error > 0:
        return rise, 0.0
    score = line @ of_part / np.sqrt(line @ line) / error
    return rise, float(2 * stats.t.sf(abs(score), dof))


def unsettled(draws: Floats, r_hat: float, n_relaxations: float) -> list[Reason]:
    """Return why chains are not to be trusted: they do not agree, or still rise or fall.

    Parameters
    ----------
    draws : ndarray of shape (n_chains, n_draws)
        Of the loss, in order.
    r_hat : float
        Their split R-hat.
    n_relaxations : float
        Length of a chain, in relaxation times of flat directions.
    """
    reasons = []
    most = most_r_hat(len(draws), n_relaxations)
    if r_hat > most:
        reasons.append(
            Reason(
                "chains_disagree",
                f"Chains do not agree with each other: the split R-hat is {r_hat:.3f}, above "
                f"{most:.3f}, which sound ones of this length exceed in one of hundred cases "
                "at most.",
            )
        )
    rise, p_value = trend(draws)
    if p_value < _FALSE_ALARMS:
        change = "rises" if rise > 0 else "falls"
        reasons.append(
            Reason(
                "chains_move",
                f"The loss still {change} along chains, by {abs(rise):.3g} from the first to the "
                f"last eighth (p = {p_value:.2g}).",
            )
        )
    return reasons
