"""Experiments of *The geometric anatomy of capability emergence*: geometry while tasks are learned.

Its code is not public, and its sizes, visits and thresholds are not stated: all of these are ours.
"""

from functools import partial
from typing import Any

from ..measures import answer_dimensionality, answer_geometry, answer_scores
from ..predictors import TransformerPredictor
from ..worlds import AlgorithmicWorld
from ._declare import Experiment

# Rows that put the threshold of emergence, a tenth of the way from chance to all, more than three
# standard errors above chance.
_ROWS = {"CMP": 1100, "PAR": 1100} | dict.fromkeys(
    ("COPY", "REV", "ADD", "MOD", "SORT", "MUL"), 200
)
# States of so many rows can be compared between widths.
_ROWS_OF_LADDER = 1000
# Sizes: layers and width, with heads of 32 units.
_SIZES = {
    "1x64": (1, 64),
    "2x64": (2, 64),
    "2x128": (2, 128),
    "3x192": (3, 192),
    "4x192": (4, 192),
    "6x288": (6, 288),
    "8x480": (8, 480),
    "12x768": (12, 768),
}
# Steps enough for top eigenvalues up to 660 at the default localisation.
_COEFFICIENT = {"n_chains": 2, "rows_per_step": 64, "n_burn_in": 345, "n_draws": 600}


def visits(n_updates: int) -> list[int]:
    """Return updates to measure at: each tenth while states collapse, later ever fewer.

    Parameters
    ----------
    n_updates : int
        The last one.

    Returns
    -------
    list of int
    """
    steps = [*range(0, 100, 10), *range(100, 200, 20), 200]
    while steps[-1] < n_updates:
        steps.append(round(1.12 * steps[-1]))
    return [*(step for step in steps if step < n_updates), n_updates]


def _network(size: str, max_steps: int) -> TransformerPredictor:
    n_layers, width = _SIZES[size]
    return TransformerPredictor(
        width, n_layers, width // 32, head="sgd", max_steps=max_steps, weight_decay=0.01
    )


def _anatomy(
    size: str,
    n_seeds: int,
    n_updates: int = 10_000,
    *,
    levels: tuple[int, ...] = (1, 2, 3),
    nulls: tuple[str, ...] = (),
    n_rows: int = 200,
    slow: list[int] | None = None,
    protocols: tuple[str, ...] = (),
) -> Experiment:
    """Return an experiment that records answers and states, and at a few updates the loss."""
    recorded = visits(n_updates)
    measures: dict[str, Any] = {
        "answers": partial(answer_scores, n_rows=_ROWS),
        "states": partial(answer_dimensionality, n_rows=n_rows),
    }
    if slow is not None:
        # The nearest of the visits.
        at = sorted({min(recorded, key=lambda step: abs(step - wanted)) for wanted in slow})
        pooled = partial(answer_geometry, pooled=True)
        measures |= {
            "gradients": (answer_geometry, at),
            "curvature": (partial(pooled, of="hessian_top", n_rows=11), at),
            "trace": (partial(pooled, of="hessian_trace", n_rows=11), at),
            "coefficient": (
                partial(pooled, of="local_learning_coefficient", n_rows=11, **_COEFFICIENT),
                at,
            ),
        }
    options = {
        "n_seeds": n_seeds,
        "n_train": 100_000,
        "n_eval": 500,
        "probe": None,
        "reservoir_sizes": None,
        "baselines": ("mean",),
        "claims": ("gain",),
        "record_at": recorded,
        "measures": measures,
    }
    return Experiment(
        "algorithmic",
        "transformer",
        AlgorithmicWorld(levels=levels),
        _network(size, n_updates),
        None,
        nulls,
        ("full",),
        protocols,
        options,
        "corrected",
    )


_LAPTOP = ("1x64", "2x64", "2x128", "3x192")
_GPU = ("2x128", "3x192", "4x192", "6x288", "8x480", "12x768")
_SLOW_VISITS = [0, 60, 200, 700, 2500, 10_000]
EXPERIMENTS = {
    "anatomy": _anatomy(
        "2x128", 5, nulls=("permuted",), slow=_SLOW_VISITS, protocols=("corrected",)
    ),
    "anatomy-quick": _anatomy("2x64", 2, 2000, levels=(1, 2)),
}
EXPERIMENTS |= {
    f"anatomy-sizes-{size}": _anatomy(size, 3, n_rows=_ROWS_OF_LADDER, protocols=("corrected",))
    for size in _LAPTOP
}
EXPERIMENTS |= {
    f"anatomy-ladder-{size}": _anatomy(
        size, 5, 20_000, nulls=("permuted",), n_rows=_ROWS_OF_LADDER, slow=_SLOW_VISITS
    )
    for size in _GPU
}
