"""What four answers make of a measure, in a word."""

from math import factorial
from typing import NamedTuple

import numpy as np
import pandas as pd

from .._typing import Floats
from ..inference import adjust_p_values
from ..inference._power import find_seeds
from ._shown import WholeTable, table_of

ANSWERS = ("order", "null world", "coupling", "specificity")
# Of these a precursor needs all.
_NEEDED = ("order", "null world", "coupling")
# More seeds than that are not looked for.
_MOST_SEEDS = 100
# Runs that differ by no more than this share are equal.
_TIE = 1e-12


class Events(NamedTuple):
    """Events of all measures and behaviours at their visits, and what tells them apart.

    Each array has the shape (n_sizes, n_tasks, n_levels, n_seeds), infinite where never.
    """

    departure: dict[str, Floats]
    null: dict[str, Floats]
    emergence: dict[str, Floats]
    steps: Floats


def verdicts_on(
    answers: pd.DataFrame,
    events: Events,
    orders: dict[tuple[str, str], Floats],
    margins: dict[tuple[str, str], float],
    alpha: float,
    correction: str | None,
) -> WholeTable:
    """Return the verdict on each measure, as `precursor_test` describes it.

    Parameters
    ----------
    answers : pandas.DataFrame
        By measure, behaviour and answer.
    events : Events
        What they come from.
    orders : dict of (str, str) to ndarray of shape (n_runs,)
        Mean log lead of each run, by measure and behaviour.
    margins : dict of (str, str) to float
        What one interval between visits is on average, as a logarithm.
    alpha : float
        Level of a verdict.
    correction : str or None
        Over measures.
    """
    measures, behaviours = list(events.departure), list(events.emergence)
    shape = (len(measures), len(behaviours), len(ANSWERS))
    p = answers.p_value.to_numpy().reshape(shape)
    effect, low, high = (answers[c].to_numpy().reshape(shape) for c in ("effect", "low", "high"))
    order = ANSWERS.index("order")
    sign = np.sign(effect[:, :, order])
    # One that points elsewhere, or cannot be had, does not show anything.
    of_order = np.where(np.isnan(p[:, :, order]), 1.0, p[:, :, order])
    early = np.where(sign > 0, of_order, 1.0).max(axis=1)
    late = np.where(sign < 0, of_order, 1.0).max(axis=1)
    others = [ANSWERS.index(answer) for answer in _NEEDED[1:]]
    needed = np.maximum(early, np.where(np.isnan(p), 1.0, p)[:, :, others].max(axis=(1, 2)))
    adjusted, early, late = (adjust_p_values(each, correction) for each in (needed, early, late))
    margin = np.array([[margins[m, b] for b in behaviours] for m in measures])
    inside = (low[:, :, order] >= -margin) & (high[:, :, order] <= margin)
    synchronous = inside.all(axis=1)
    n_sizes, n_seeds = next(iter(events.emergence.values())).shape[::3]
    fewest = _fewest_seeds(n_sizes, len(measures), alpha, correction)
    rows = {}
    for i, measure in enumerate(measures):
        seeds_needed = np.nan
        if not np.isfinite(events.departure[measure]).any():
            word, reason = "undecided", "the measure never departs"
        elif adjusted[i] <= alpha:
            word, reason = "precursor", "order, null world and coupling are all significant"
        elif early[i] <= alpha:
            word = "early"
            reason = _missing(p[i], behaviours, events, fewest, n_seeds, alpha)
        elif late[i] <= alpha:
            word, reason = "late", "emergences come before departures"
        elif synchronous[i]:
            word, reason = "synchronous", "departures are within an interval between visits"
        else:
            word, reason = "undecided", "the order of events is not clear"
            found = [
                _seeds_for(orders[measure, b], alpha, len(measures), correction, n_sizes)
                for b in behaviours
            ]
            seeds_needed = max(fewest, *found)
        rows[measure] = {
            "verdict": word,
            "p_value": needed[i],
            "p_adjusted": adjusted[i],
            "seeds_needed": seeds_needed,
            "reason": reason,
        }
    return table_of(rows, "measure")


def _missing(
    p: Floats, behaviours: list[str], events: Events, fewest: int, n_seeds: int, alpha: float
) -> str:
    """Return which answer keeps an early measure from being a precursor, in words."""
    if not events.null:
        return "without a null world a precursor cannot be tested"
    if n_seeds < fewest:
        return f"{n_seeds} seeds cannot show a precursor, {fewest} can"
    worst = {answer: p[:, ANSWERS.index(answer)].max() for answer in _NEEDED}
    answer = max(worst, key=worst.__getitem__)
    if worst[answer] <= alpha:
        return f"{answer} is not significant over all measures (p = {worst[answer]:.2g} alone)"
    return f"{answer} is not shown (p = {worst[answer]:.2g})"


def _fewest_seeds(n_sizes: int, n_measures: int, alpha: float, correction: str | None) -> int:
    """Return the fewest seeds a size with which all three answers can reach the level."""
    for n in range(2, _MOST_SEEDS):
        smallest = max(0.5 ** (n * n_sizes), float(factorial(n)) ** -n_sizes)
        if adjust_p_values(np.full(n_measures, smallest), correction).max() <= alpha:
            return n
    return _MOST_SEEDS


def all_equal(values: Floats) -> bool:
    """Return whether values of runs are the same, but for rounding."""
    return bool(np.ptp(values) <= _TIE * np.abs(values).max())


def _seeds_for(
    values: Floats, alpha: float, n_measures: int, correction: str | None, n_sizes: int
) -> float:
    """Return how many seeds a size find a mean lead of the size seen; infinity if none."""
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    size = abs(values.mean()) if len(values) else 0.0
    if len(values) < 2 or size == 0:
        return np.inf
    if all_equal(values):
        # Of signs that are all the same, 2^(1 - runs).
        level = alpha / n_measures if correction else alpha
        return float(np.ceil((1 + np.ceil(-np.log2(level))) / n_sizes))
    runs = find_seeds(np.array([size / spread]), alpha / 2, n_measures, correction).item()
    return float(np.ceil(runs / n_sizes))
