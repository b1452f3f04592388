"""The main figures of a cube as a table."""

import numpy as np
import pandas as pd
import xarray as xr

from .._docs import fill_doc
from ..inference._labelled import seeds_to_find
from ._assembly import NOTHING_TO_GAIN
from ._case import cases_of
from ._claims import REPRESENTATION, UNTESTED
from ._cube import check_claimed, cube_of
from ._labels import RESERVED, STRUCTURED
from ._words import SHORT_NAMES, in_digits, is_any_size, listed

# What pandas prints in 80 columns without a break.
_WIDTH = 78
# Letters that there is room for of the name of a baseline of one's own.
_LONGEST = 12
# What is given up where there is no room for all, before and after the latents: the order follows
# from the gain over the best baseline, where nothing is gained in the null.
_GIVEN_UP = ("order",), ("units", "core")
_COLUMNS = {
    "gain": "over {rank}",
    "prediction": "over the best of all baselines, which is named",
    "core": "over the untrained core",
    "untrained": "of the untrained core over {rank}",
    "order": "over the best of all baselines, more than in the null",
    "units": "of a random core that predicts as well",
}


@fill_doc
def summarise(cube, detail="short"):
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
        baseline (``gain``, with bounds), the best of all baselines (``prediction``, with its
        name), its untrained core (``core``) and more so than in the null (``order``), in nats per
        step; where nothing was trained but heads, the gain of the ``untrained`` core; the ``units``
        of a random core that predicts as well; the probe score of each latent from trained and
        untrained states; and the ``verdict``, in which "+" is a representation besides, and "*"
        says that training had not ended. Where there is no room, order is left out, then latents
        of which training added least, units and core. What columns are, and which are left out, is
        in ``attrs["caption"]``.

        "full": numbers. Mean gain over seeds with interval and p-values, the gain over the best of
        all baselines, the units of the random core that predicts as well (0: fewer than all that
        were tried, inf: more), probe scores, and the names of reference and best baseline, in nats
        per step. Where a gain is positive but not significant, ``required_seeds`` says how many
        seeds would find it with power 0.8 if it were true (`required_seeds` of `inference`): few
        of them mean that the run was too small to decide, not that there is a gain.

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
    ...     OscillatorWorld(n_steps=40), GRUPredictor(4, max_steps=30, lr=0.001), n_train=60,
    ...     n_eval=30, nulls=(), reservoir_sizes=None, random_state=0, progress=False,
    ... ).fit()
    >>> table = summarise(assessment)
    >>> table.columns.tolist()
    ['gain', 'prediction', 'core', 'R2 x', 'R2 y', 'verdict']
    >>> table.verdict.item()
    'undecided*'
    >>> table.attrs["caption"].rpartition("; ")[2]
    '*: training had not ended.'
    """
    if detail not in ("short", "full"):
        raise ValueError(f"detail={detail!r} is not known; choose 'short' or 'full'.")
    cube = check_claimed(cube_of(cube))
    cases = cases_of(cube)
    if detail == "short":
        return short_frame(cases)
    return full_table(cube, cases[0].run["alpha"], cases[0].run["correction"])


def short_frame(cases, narrow=True):
    """Return a row a configuration, in 80 columns if it is to be narrow and settings leave room."""
    rows = pd.DataFrame([_row(case) for case in cases])
    rows = rows.dropna(axis="columns", how="all").fillna("-")
    grid = list(cases[0].settings)
    rows.index = [""] * len(rows)
    if grid:
        rows.index = pd.MultiIndex.from_frame(pd.DataFrame([case.settings for case in cases]))
    if len(grid) == 1:
        rows.index = rows.index.get_level_values(0)
    left_out = []
    first, last = _GIVEN_UP
    for name in (*first, *_latents_least_first(cases), *last) if narrow else ():
        if max(map(len, rows.to_string().splitlines())) <= _WIDTH:
            break
        if name in rows:
            rows = rows.drop(columns=name)
            left_out.append(name)
    rows.attrs["caption"] = _caption(cases, rows, left_out)
    return rows


def _row(case):
    """Return the cells of a configuration; NaN where nothing was measured."""
    cells = dict.fromkeys(_COLUMNS, np.nan)
    for name in cells:
        claim = case.claims.get(name)
        if name == "untrained" and "gain" not in case.claims:
            claim = case.claims.get("reservoir")
        if claim is None or claim.state == UNTESTED:
            continue
        numbers = claim.effect, claim.low, claim.high
        effect, low, high = map(_compact, in_digits(*numbers, most=3))
        cells[name] = effect
        if name == "gain":
            two = [_compact(f"{round(number, 2) + 0.0:.2f}") for number in numbers]
            # As few digits as tell the bounds apart.
            effect, low, high = two if two[1] != two[2] else (effect, low, high)
            # Of few seeds there are no bounds.
            bounded = np.isfinite(numbers).all()
            cells[name] = f"{effect} [{low},{high}]" if bounded else effect
        if name == "prediction":
            cells[name] += f" {_short_name(case)}"
    size = case.reservoir[0]
    if not np.isnan(size):
        sizes = case.here.n_units.values
        tried = f"<{sizes[0]}" if size == 0 else f">{sizes[-1]}"
        cells["units"] = tried if size in (0, np.inf) else f"{size:.0f}"
        if is_any_size(*case.reservoir[1:]):
            cells["units"] = "?"
    for latent in case.latents:
        scores = case.scores(latent)
        cells[_column(case, latent)] = "/".join(
            _compact(f"{scores[f'{arm} states'][0]:.2f}") for arm in ("trained", "untrained")
        )
    built, more, _ = case.verdict.partition(f"+{REPRESENTATION}")
    mark = "+" if more else ""
    cells["verdict"] = f"{built.partition(',')[0]}{mark}{'*' if case.falls else ''}"
    return cells


def _column(case, latent):
    return f"{case.score_name(latent)} {latent}"


def _short_name(case):
    """Return a name of the best baseline for which there is room."""
    name = case.here.best_baseline.item()
    return SHORT_NAMES.get(name, name[:_LONGEST])


def _compact(number):
    """Return a number without the zero before its point."""
    return number.replace("0.", ".", 1) if number.removeprefix("-").startswith("0.") else number


def _latents_least_first(cases):
    """Return the columns of latents, that of which training added least first."""
    added = {}
    for case in cases:
        for latent in case.latents:
            effect = np.nan_to_num(case.claims[f"{REPRESENTATION} {latent}"].effect, nan=-np.inf)
            column = _column(case, latent)
            added[column] = max(effect, added.get(column, -np.inf))
    return sorted(added, key=added.get)


def _caption(cases, rows, left_out):
    """Return what the columns are, in which units."""
    ranks = listed(sorted({case.rank for case in cases}), "or")
    said = [f"{name}: {_COLUMNS[name].format(rank=ranks)}" for name in rows if name in _COLUMNS]
    if "gain" in rows and rows.gain.str.contains("[", regex=False).any():
        said[0] += ", with bounds"
    named = cases if "prediction" in rows else ()
    names = {_short_name(case): case.best for case in named}
    said += [f"{short}: {words}" for short, words in sorted(names.items()) if short != words]
    scores = {name.partition(" ")[0] for name in set(rows) & set(_latents_least_first(cases))}
    said += [f"{score}: of decoding from trained/untrained states" for score in sorted(scores)]
    if "units" in rows and (rows.units == "?").any():
        said.append("?: cannot be told")
    if rows.verdict.str.contains("+", regex=False).any():
        said.append("+: and representation")
    if rows.verdict.str.contains("*", regex=False).any():
        said.append("*: training had not ended")
    if left_out:
        said.append(f"left out for want of room: {', '.join(left_out)}")
    return f"By how much networks predict better, in nats per step. {'; '.join(said)}."


def full_table(cube, alpha, correction):
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
    return frame.dropna(axis="columns", how="all")


def _efficiency(cube):
    """Return which share of the gain of the best possible predictor networks have on average."""
    possible = (cube.nll_reference - cube.nll_optimal).mean("seed")
    share = cube.delta_nll.mean("seed") / possible.where(possible > NOTHING_TO_GAIN)
    # Where it is not known, there is none.
    return share.where(cube.efficiency.notnull().any("seed"))


def _required_seeds(cube, alpha, correction):
    """Return the seeds that find gains of such a size; NaN where one was found or none is seen."""
    n_tests = int(np.prod([cube.sizes[dim] for dim in cube.p_value.dims if dim not in RESERVED]))
    needed = seeds_to_find(cube.delta_nll, alpha, n_tests, correction)
    return needed.where(~(cube.p_value_adjusted <= alpha))
