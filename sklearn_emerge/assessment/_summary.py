"""The main figures of a cube as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from .._docs import fill_doc
from .._names import did_you_mean
from ..inference._labelled import seeds_to_find
from ._assembly import NOTHING_TO_GAIN
from ._case import cases_of
from ._claims import REPRESENTATION, UNTESTED
from ._cube import check_claimed, cube_of
from ._labels import RESERVED, STRUCTURED
from ._shown import ShortTable, Table
from ._words import (
    SHORT_NAMES,
    arm_in_words,
    condition_in_words,
    in_digits,
    is_any_size,
    listed,
)

if TYPE_CHECKING:
    from ._case import Case
    from ._cube import CubeSource

# Letters that there is room for of the name of a baseline of one's own.
_LONGEST = 12
# What is given up where there is no room for all, after latents.
_GIVEN_UP = ("random units", "vs null", "vs readout")
# Of each claim, its column and what that is.
_COLUMNS = {
    "gain": ("gain", "over {rank}"),
    "prediction": ("vs best", "over the best of all baselines, which is named"),
    "core": ("vs readout", "over the untrained core, of which only the head is fitted"),
    "untrained": ("untrained", "of the untrained core over {rank}"),
    "order": ("vs null", "over the best of all baselines, more than in the null"),
}
_DETAILS = ("short", "full")
# What columns of the full table are.
_FULL = {
    "delta_nll": "mean gain over the reference",
    "p_value": "of a gain above zero",
    "efficiency": "share of what the best possible predictor gains",
    "equivalent_reservoir_size": "units of a random core that predicts as well",
    "required_seeds": "seeds that would find a gain of this size",
}


@fill_doc
def summarise(cube: CubeSource, detail: Literal["short", "full"] = "short") -> pd.DataFrame:
    """Return the main figures of a cube as a table.

    Parameters
    ----------
    cube : xarray.Dataset, path-like or EmergenceAssessment
        %(cube)s
    detail : {"short", "full"}, default="short"
        "short" is one row a configuration, which fits a terminal of 80 columns; "full" one row a
        configuration, condition and mode.

    Returns
    -------
    pandas.DataFrame
        "short": text. By how much the trained network predicts better than the best trivial
        baseline (``gain``, with bounds), the best of all baselines (``vs best``, with its name),
        its untrained core (``vs readout``) and more so than in the null (``vs null``), in nats per
        step; where nothing was trained but heads, the gain of the ``untrained`` core; the units of
        a random core that predicts as well (``random units``); the probe score of each latent from
        trained/untrained states; of a task the share of right answers of the trained network and of
        the best of all baselines (``accuracy``); whether fits have ``converged``; and the
        ``verdict``, in which "+" is a representation besides. All columns are there; printed, it
        fits 80 columns, with cells of several lines where need be, and says if columns are left out
        even so: latents of which
        training added least, then units, null and readout. What columns are is in
        ``attrs["caption"]``, and printed below the table.

        "full": numbers. Mean gain over seeds with interval and p-values, the gain over the best of
        all baselines, the units of the random core that predicts as well (0: fewer than all that
        were tried, inf: more), probe scores, and the names of reference and best baseline, in nats
        per step. Where a gain is positive but not significant, ``required_seeds`` says how many
        seeds would find it with power 0.8 if it were true (`required_seeds` of `inference`): few
        of them mean that the run was too small to decide, not that there is a gain. Printed, there
        are all columns, in blocks, with what conditions and modes are.

    Raises
    ------
    NotFittedError
        If it is an assessment that has not been fitted.
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a cube, or one that was written before verdicts followed from claims; or if
        `detail` is not known.

    See Also
    --------
    explain : The same in words.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, summarise
    >>> assessment = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=5, lr=0.001), n_train=20,
    ...     n_eval=10, nulls=(), baselines=("mean", "linear_filter"), reservoir_sizes=None,
    ...     random_state=0, progress=False,
    ... ).fit()
    >>> table = summarise(assessment)
    >>> table.columns.tolist()
    ['gain', 'vs best', 'vs readout', 'R2 x', 'R2 y', 'converged', 'verdict']
    >>> table.converged.item(), table.verdict.item()
    ('no', 'undecided')
    >>> table.attrs["caption"].rpartition("; ")[2]
    'converged: whether training had ended, and heads and baselines had converged.'
    """
    if detail not in _DETAILS:
        raise ValueError(
            f"detail={detail!r} is not known; choose 'short' or 'full'."
            f"{did_you_mean(detail, _DETAILS)}"
        )
    cube = check_claimed(cube_of(cube))
    if detail == "short":
        return short_frame(cube)
    run = json.loads(cube.attrs["configuration"])
    return full_table(cube, run["alpha"], run["correction"])


def short_frame(cube: xr.Dataset) -> ShortTable:
    """Return a row a configuration of a cube that has claims."""
    cases = cases_of(cube)
    rows = pd.DataFrame([_row(case) for case in cases])
    rows = rows.dropna(axis="columns", how="all").fillna("-")
    grid = list(cases[0].settings)
    rows.index = [""] * len(rows)
    if grid:
        rows.index = pd.MultiIndex.from_frame(pd.DataFrame([case.settings for case in cases]))
    if len(grid) == 1:
        rows.index = rows.index.get_level_values(0)
    table = ShortTable(rows)
    table._cube = cube
    table._least_first = (*_latents_least_first(cases), *_GIVEN_UP)
    table.attrs["caption"] = _caption(cases, rows)
    return table


def _row(case: Case) -> dict[str, Any]:
    """Return the cells of a configuration; NaN where nothing was measured."""
    cells: dict[str, Any] = {column: np.nan for column, _ in _COLUMNS.values()}
    for name, (column, _) in _COLUMNS.items():
        claim = case.claims.get(name)
        if name == "untrained" and "gain" not in case.claims:
            claim = case.claims.get("reservoir")
        if claim is None or claim.state == UNTESTED:
            continue
        numbers = claim.effect, claim.low, claim.high
        effect, low, high = map(_compact, in_digits(*numbers, most=3))
        cells[column] = effect
        if name == "gain":
            two = [_compact(f"{round(number, 2) + 0.0:.2f}") for number in numbers]
            # As few digits as tell the bounds apart.
            effect, low, high = two if two[1] != two[2] else (effect, low, high)
            # Of few seeds there are no bounds.
            bounded = np.isfinite(numbers).all()
            cells[column] = f"{effect} [{low},{high}]" if bounded else effect
        if name == "prediction":
            cells[column] += f" {_short_name(case)}"
    size = case.reservoir[0]
    if not np.isnan(size):
        sizes = case.together.cube.n_units.values
        tried = f"<{sizes[0]}" if size == 0 else f">{sizes[-1]}"
        cells["random units"] = tried if size in (0, np.inf) else f"{size:.0f}"
        if is_any_size(*case.reservoir[1:]):
            cells["random units"] = "?"
    if case.accuracy:
        *_, (_, best) = case.accuracy.items()
        own = case.accuracy.get("the trained network", np.nan)
        cells["accuracy"] = "/".join(_compact(f"{share:.3f}") for share in (own, best))
    for latent in case.latents:
        scores = case.scores(latent)
        cells[_column(case, latent)] = "/".join(
            _compact(f"{scores[f'{arm} states'][0]:.2f}") for arm in ("trained", "untrained")
        )
    cells["converged"] = {True: "yes", False: "no", None: np.nan}[case.converged]
    built, more, _ = case.verdict.partition(f"+{REPRESENTATION}")
    cells["verdict"] = f"{built.partition(',')[0]}{'+' if more else ''}"
    return cells


def _column(case: Case, latent: str) -> str:
    return f"{case.score_name(latent)} {latent}"


def _short_name(case: Case) -> str:
    """Return a name of the best baseline for which there is room."""
    name = case.best_baseline
    return SHORT_NAMES.get(name, name[:_LONGEST])


def _compact(number: str) -> str:
    """Return a number without the zero before its point."""
    return number.replace("0.", ".", 1) if number.removeprefix("-").startswith("0.") else number


def _latents_least_first(cases: Sequence[Case]) -> list[str]:
    """Return the columns of latents, that of which training added least first."""
    added: dict[str, float] = {}
    for case in cases:
        for latent in case.latents:
            effect = np.nan_to_num(case.claims[f"{REPRESENTATION} {latent}"].effect, nan=-np.inf)
            column = _column(case, latent)
            added[column] = max(effect, added.get(column, -np.inf))
    return sorted(added, key=added.__getitem__)


def _caption(cases: Sequence[Case], rows: pd.DataFrame) -> str:
    """Return what the columns are, in which units."""
    ranks = listed(sorted({case.rank for case in cases}), "or")
    said = [
        f"{column}: {line.format(rank=ranks)}"
        for column, line in _COLUMNS.values()
        if column in rows
    ]
    if "gain" in rows and rows.gain.str.contains("[", regex=False).any():
        level = f"{100 * (1 - cases[0].run['alpha']):g}%"
        said[0] += f" [bounds: one-sided, each at {level}, as in tests, not as in figures]"
    named = cases if "vs best" in rows else ()
    names = {_short_name(case): case.best for case in named}
    said += [f"{short}: {words}" for short, words in sorted(names.items()) if short != words]
    if "random units" in rows:
        said.append("random units: of a random core that predicts as well")
        said += ["?: cannot be told"] if (rows["random units"] == "?").any() else []
    if "accuracy" in rows:
        said.append("accuracy: right answers, of the trained network/the best of all baselines")
    scores = {name.partition(" ")[0] for name in set(rows) & set(_latents_least_first(cases))}
    said += [f"{score}: of decoding from trained/untrained states" for score in sorted(scores)]
    if rows.verdict.str.contains("+", regex=False).any():
        said.append("+: and representation")
    if "converged" in rows:
        said.append("converged: whether training had ended, and heads and baselines had converged")
    return f"By how much networks predict better, in nats per step. {'; '.join(said)}."


def full_table(cube: xr.Dataset, alpha: float, correction: str | None) -> Table:
    """Return the table of all conditions and modes.

    Parameters
    ----------
    cube : xarray.Dataset
        The cube.
    alpha : float
        Level of the tests.
    correction : str or None
        Correction over the configurations.

    Returns
    -------
    pandas.DataFrame
    """
    table = xr.Dataset(
        {
            "delta_nll": cube.delta_nll.mean("seed"),
            **{name: cube[name] for name in ("ci_low", "ci_high")},
            **{name: cube[name] for name in ("p_value", "p_value_adjusted")},
            # Of means: where a seed gains little, its own share is any number.
            "efficiency": _efficiency(cube),
            "gain_over_best_baseline": (cube.nll_best_baseline - cube.nll).mean("seed"),
        }
    )
    if "equivalent_reservoir_size" in cube:
        structured = cube.condition == STRUCTURED
        table["equivalent_reservoir_size"] = cube.equivalent_reservoir_size.where(structured)
    for latent in cube.latent.values if "latent" in cube.coords else ():
        score = cube.probe_score.sel(latent=latent, drop=True)
        table[f"probe_score {latent}"] = score.mean("seed")
    table["required_seeds"] = _required_seeds(cube, alpha, correction)
    for name in ("reference", "best_baseline"):
        table[name] = cube[name].broadcast_like(table.delta_nll)
    grid = [dim for dim in cube.delta_nll.dims if dim not in RESERVED]
    frame = table.to_dataframe(dim_order=[*grid, "condition", "mode"])
    full = Table(frame.dropna(axis="columns", how="all"))
    full._cube = cube
    full.attrs["caption"] = _full_caption(cube, full, grid)
    return full


def _full_caption(cube: xr.Dataset, frame: pd.DataFrame, grid: Sequence[str]) -> str:
    """Return what the rows and the columns of the full table are."""
    labels = {name: condition_in_words(name) for name in cube.condition.values.tolist()}
    labels |= {name: arm_in_words(name) for name in cube.mode.values.tolist()}
    said = [f"{label}: {words}" for label, words in labels.items() if label != words]
    run = json.loads(cube.attrs["configuration"])
    level = f"{100 * (1 - run['alpha']):g}%"
    said += [f"ci: two-sided interval of delta_nll, of {level}"]
    said += [f"{name}: {line}" for name, line in _FULL.items() if name in frame]
    rows = f"A row a {'configuration, ' if grid else ''}condition and mode, in nats per step."
    return f"{rows} {'; '.join(said)}."


def _efficiency(cube: xr.Dataset) -> xr.DataArray:
    """Return which share of the gain of the best possible predictor networks have on average."""
    possible = (cube.nll_reference - cube.nll_optimal).mean("seed")
    share = cube.delta_nll.mean("seed") / possible.where(possible > NOTHING_TO_GAIN)
    # Where it is not known, there is none.
    return share.where(cube.efficiency.notnull().any("seed"))


def _required_seeds(cube: xr.Dataset, alpha: float, correction: str | None) -> xr.DataArray:
    """Return the seeds that find gains of such a size; NaN where one was found or none is seen."""
    n_tests = int(np.prod([cube.sizes[dim] for dim in cube.p_value.dims if dim not in RESERVED]))
    needed = seeds_to_find(cube.delta_nll, alpha, n_tests, correction)
    return needed.where(~(cube.p_value_adjusted <= alpha))
