"""From claims to a verdict on what training added."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ..inference import outside_majority, smallest_p_value
from ._claims import (
    CLAIMS,
    DYNAMICS,
    FAILS,
    HOLDS,
    INAPPLICABLE,
    OPEN,
    REPRESENTATION,
    UNTESTED,
    Claim,
    claims_along,
    nulls_of_order,
    states_given,
)
from ._flow import NO_TARGET, targets_along
from ._labels import STRUCTURED, along_grid, grid_of
from ._words import baseline_in_words, loss_in_words

if TYPE_CHECKING:
    import pandas as pd

    from ._results import Results

UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """A verdict, and the claims that it follows from.

    Attributes
    ----------
    word : str
        The verdict.
    hold, fail : tuple of str
        Claims that must hold, and that must fail.
    settled : tuple of str
        Claims of which one must fail, unless none is open.
    """

    word: str
    hold: tuple[str, ...] = ()
    fail: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()

    def follows(self, states: Mapping[str, str]) -> bool:
        """Return whether it follows from the states of the claims."""
        settled = [states[claim] for claim in self.settled]
        return (
            all(states[claim] in (HOLDS, INAPPLICABLE) for claim in self.hold)
            and all(states[claim] == FAILS for claim in self.fail)
            and (FAILS in settled or OPEN not in settled)
        )

    def outlives(self, possible: Mapping[str, float], margin: float) -> bool:
        """Return whether it would follow, too, however long networks were trained.

        Parameters
        ----------
        possible : dict of str to float
            Effect that claims would have of the best possible predictor, as far as it is known.
        margin : float
            Margin of the claims.
        """
        return (
            not self.settled
            and set(self.hold) <= {"gain", "reservoir"}
            and all(possible.get(claim, np.inf) < margin for claim in self.fail)
        )


# The first that follows is the verdict; "undecided" if none does. Dynamics may be inapplicable.
VERDICTS = (
    Verdict("operator", hold=("prediction", "core", "order", "memory", DYNAMICS)),
    Verdict("prediction", hold=("prediction", "core"), settled=("order", "memory", DYNAMICS)),
    # Before what is learned: where the untrained core does as well, training added nothing.
    Verdict("reservoir", hold=("reservoir",), fail=("core",)),
    Verdict("learned, not beyond {best_baseline}", hold=("gain",), fail=("prediction",)),
    Verdict("none", fail=("gain", "reservoir")),
)
# They say what training built; a representation may be another thing that it built.
BUILT = ("operator", "prediction")
REMEDIES = {
    "gain": "add the mode 'full'",
    "prediction": "add the mode 'full'",
    "core": "add the mode 'readout'",
    "order": "add a null",
    "memory": "pass a model and sequences whose states can be exchanged",
    DYNAMICS: (
        "add the mode 'readout', a null and the baseline 'linear_filter', and pass sequences and a "
        "model that can go on by themselves"
    ),
    "reservoir": "add the mode 'readout'",
    REPRESENTATION: "pass latents, a probe and the mode 'readout'",
}


def remedy_of(claim: str, modes: Collection[str]) -> str:
    """Return what would have to be added to test a claim."""
    if claim != "reservoir" and "full" not in modes:
        return REMEDIES["gain"]
    if claim == REPRESENTATION and {"readout", "random"} & set(modes):
        return "assess a world that tells its latents, or pass those of your recordings"
    return REMEDIES[claim]


ONE_NETWORK = (
    "one network was given: effects are its own, and whether training again, from other initial "
    "weights, would give them, it cannot say; pass several networks"
)
UNDEFINED = "it is undefined (NaN) in some seeds, see status and the warnings"


def loss_fall(training_loss: xr.DataArray) -> xr.DataArray:
    """Return by how much the training loss falls from its last but one fifth to its last fifth.

    Training that went on for as long again as that would lower it by no more, if it falls ever
    more slowly.

    Parameters
    ----------
    training_loss : DataArray with a dimension block
        Mean loss of each twentieth of the updates.

    Returns
    -------
    DataArray
        NaN where nothing was trained, or where training was stopped early because its loss on
        held-out sequences did not fall any more.
    """
    n = training_loss.sizes["block"] // 5
    last = training_loss.isel(block=slice(-n, None)).mean("block", skipna=False)
    before = training_loss.isel(block=slice(-2 * n, -n)).mean("block", skipna=False)
    return before - last


def falls_of(cube: xr.Dataset) -> xr.DataArray:
    """Return by how much losses fall over the last fifth of the updates.

    With early stopping that is the fall of the lowest loss of held-out sequences, whose weights are
    kept: 0 where it was reached before, and where training had stopped, because such a network is
    the same however long the others go on. Otherwise it is the fall of the training loss, see
    `loss_fall`.

    Parameters
    ----------
    cube : xarray.Dataset
        With training_loss, of the whole training or of its first blocks.

    Returns
    -------
    DataArray
        NaN where nothing was trained.
    """
    falls = loss_fall(cube.training_loss)
    if "validation_loss" not in cube:
        return falls
    looked = cube.validation_loss
    n = looked.sizes["block"] // 5
    fall = looked.isel(block=slice(None, -n)).min("block") - looked.min("block")
    stopped = cube.stopped_at <= looked.block.values[-1]
    return fall.where(~stopped, 0.0).fillna(falls)


def looks_at_held_out(cube: xr.Dataset, condition: str, mode: str) -> bool:
    """Return whether there is a loss of held-out sequences."""
    if "validation_loss" not in cube:
        return False
    return bool(cube.validation_loss.sel(condition=condition, mode=mode).notnull().any())


def judge(
    cube: xr.Dataset,
    *,
    claims: Sequence[str],
    margin: float,
    alpha: float,
    correction: str | None,
    n_flips: int | None = None,
    units: tuple[int, int] | None = None,
    given: bool = False,
    own_baselines: bool = False,
) -> xr.Dataset:
    """Judge every configuration of a cube by its claims.

    Parameters
    ----------
    cube : xarray.Dataset
        With the variables of `decide_claims`.
    claims : sequence of str
        Claims that were to be tested.
    margin : float
        Fall of the loss, in nats per step, with which networks still learn, see `falls_of`.
    alpha, correction, n_flips, units
        As in `decide_claims`.
    given : bool, default=False
        Whether networks were given, and not trained here.
    own_baselines : bool, default=False
        Whether baselines are a user's own.

    Returns
    -------
    xarray.Dataset
        ``verdict`` and ``verdict_reason``.
    """
    grid = grid_of(cube)
    here = cube.sel(condition=STRUCTURED, drop=True)
    shape = tuple(cube.sizes[dim] for dim in grid)
    n_tests, n_seeds = int(np.prod(shape)), cube.sizes["seed"]
    smallest = smallest_p_value(n_seeds, n_tests, correction, n_flips)
    too_few = None
    if n_seeds == 1 or (units is None and smallest > alpha):
        too_few = (
            f"too few seeds or sign flips: no p-value can be below {smallest:.3g} (alpha={alpha:g})"
        )
        if given and n_seeds == 1:
            too_few = ONE_NETWORK
    modes, possible, held_out = cube.mode.values.tolist(), _possible(here), _held_out(cube)
    verdicts, reasons = [], []
    for i, (obstacle, falls, found, target, best, apart) in enumerate(
        zip(
            obstacles_along(cube),
            falls_along(cube, margin),
            claims_along(here),
            targets_along(here),
            along_grid(here.best_baseline, grid).tolist(),
            apart_along(here),
            strict=True,
        )
    ):
        words = baseline_in_words(best, own_baselines)
        told = _tell(modes, target, found, claims, words)
        why = too_few or obstacle
        if why is not None:
            verdicts.append(UNDECIDED)
            reasons.append("; ".join([why, *told]))
            continue
        states = states_given(target, found)
        word = word_of(states, claims).format(best_baseline=words)
        at_best = {name: effects[i] for name, effects in possible.items()}
        if falls and not _outlives(states, at_best, margin):
            word = UNDECIDED
        unfinished = _unfinished(falls, held_out[i], margin, word)
        verdicts.append(word)
        reasons.append("; ".join([*unfinished, *_stuck(apart), *told]))
    named = {"verdict": verdicts, "verdict_reason": reasons}
    return xr.Dataset({n: (grid, np.array(v, "O").reshape(shape)) for n, v in named.items()})


def obstacles_along(cube: xr.Dataset) -> list[str | None]:
    """Return of each configuration why nothing can be said of it, or None."""
    grid = grid_of(cube)

    def anywhere(status: str) -> NDArray[np.bool_]:
        return along_grid((cube.status == status).any(["condition", "mode", "seed"]), grid)

    obstacles = np.full(len(anywhere("diverged")), None, object)
    if "status_baseline" in cube:
        status = cube.status_baseline.sel(condition=STRUCTURED, drop=True)
        weaker = along_grid((status == "head not converged").any("seed"), grid, "baseline")
        for i in np.flatnonzero(weaker.any(axis=1)):
            # A weak alternative is easily beaten.
            names = ", ".join(cube.baseline.values[weaker[i]])
            obstacles[i] = (
                f"baselines have not converged ({names}), see status_baseline; fit more sequences, "
                "or leave them out"
            )
    obstacles[anywhere("head not converged")] = (
        "a head has not converged, see status; fit more sequences, or fewer units"
    )
    obstacles[anywhere("diverged")] = "training diverged, see status; lower lr"
    return obstacles.tolist()


def falls_along(cube: xr.Dataset, margin: float) -> list[dict[tuple[str, str], float]]:
    """Return of each configuration how much losses still fall where it matters.

    By condition and mode. Falls of no more than the margin are left out. In a null of
    `nulls_of_order` a fall matters where networks might come to gain something.
    """
    grid = grid_of(cube)
    found: list[dict[tuple[str, str], float]] = [
        {} for _ in range(prod(cube.sizes[dim] for dim in grid))
    ]
    if "training_loss" not in cube:
        return found
    falls = falls_of(cube).mean("seed")
    gain = (cube.nll_best_baseline - cube.nll).mean("seed")
    matters = (cube.condition == STRUCTURED) | (gain + falls > margin)
    falls = falls.where(matters & (falls > margin))
    conditions = [STRUCTURED, *nulls_of_order(cube.condition.values.tolist())]
    modes = cube.mode.values.tolist()
    each = along_grid(falls.sel(condition=conditions), grid, "condition", "mode")
    for i, c, m in np.argwhere(~np.isnan(each)):
        found[i][conditions[c], modes[m]] = each[i, c, m].item()
    return found


def _held_out(cube: xr.Dataset) -> list[set[tuple[str, str]]]:
    """Return of each configuration where there is a loss of held-out sequences."""
    grid = grid_of(cube)
    found: list[set[tuple[str, str]]] = [
        set() for _ in range(prod(cube.sizes[dim] for dim in grid))
    ]
    if "validation_loss" not in cube:
        return found
    looked = cube.validation_loss.notnull().any(["seed", "block"])
    conditions, modes = cube.condition.values.tolist(), cube.mode.values.tolist()
    for i, c, m in np.argwhere(along_grid(looked, grid, "condition", "mode")):
        found[i].add((conditions[c], modes[m]))
    return found


def _unfinished(
    falls: Mapping[tuple[str, str], float],
    looked: Collection[tuple[str, str]],
    margin: float,
    verdict: str,
) -> list[str]:
    """Return that training had not ended, if it had not."""
    if not falls:
        return []
    place = max(falls, key=lambda place: falls[place])
    condition, mode = place
    held_out, remedy = place in looked, "the verdict would be the same"
    if verdict == UNDECIDED:
        # What is learned by heart is not to be trained longer.
        either = "explain says whether to raise max_steps or to stop early"
        remedy = "raise max_steps" if held_out else either
    loss = loss_in_words(held_out)
    return [
        f"training had not ended: over the last fifth of the updates {loss} fell by "
        f"{falls[place]:.2g} nats per step ({condition}, {mode}), more than "
        f"margin={margin:g}; {remedy}"
    ]


def _first(states: Mapping[str, str]) -> Verdict | None:
    """Return the first verdict that follows, or None."""
    return next((each for each in VERDICTS if each.follows(states)), None)


def _represented(states: Mapping[str, str]) -> bool:
    """Return whether the representation of a latent holds."""
    return any(s == HOLDS for name, s in states.items() if name.startswith(REPRESENTATION))


def word_of(states: Mapping[str, str], claims: Sequence[str]) -> str:
    """Return the verdict that follows from the states of claims, as in `VERDICTS`."""
    first = _first(states)
    word = UNDECIDED if first is None else first.word
    if _represented(states):
        return f"{word}+{REPRESENTATION}" if word in BUILT else REPRESENTATION
    # Nobody asked for anything else.
    if tuple(claims) == (REPRESENTATION,):
        found = [s for name, s in states.items() if name.startswith(f"{REPRESENTATION} ")]
        return "none" if found and all(s == FAILS for s in found) else UNDECIDED
    return word


def awaited(states: dict[str, str], claims: Sequence[str]) -> list[str]:
    """Return the open claims that a verdict depends on, however the others come out."""
    of_loss = [name for name in CLAIMS if states[name] == OPEN]
    words = {
        outcome: word_of(states | dict(zip(of_loss, outcome, strict=True)), claims)
        for outcome in product((HOLDS, FAILS), repeat=len(of_loss))
    }
    depends = {
        name
        for outcome, word in words.items()
        for i, name in enumerate(of_loss)
        if words[(*outcome[:i], HOLDS, *outcome[i + 1 :])] != word
    }
    latents = () if _represented(states) else states
    return [
        name
        for name in states
        if name in depends or (name in latents and states[name] == OPEN and name not in CLAIMS)
    ]


def _possible(here: xr.Dataset) -> dict[str, NDArray[np.floating]]:
    """Return the effects that claims would have of the best possible predictor, where it is known.

    NaN where it is not. A value a configuration.
    """
    others = {"gain": here.nll_reference, "prediction": here.nll_best_baseline}
    others["reservoir"] = others["gain"]
    if "readout" in here.mode:
        others["core"] = here.nll.sel(mode="readout")
    grid, known = grid_of(here), here.ceiling == "exact"
    effects = {name: (other - here.nll_optimal).mean("seed") for name, other in others.items()}
    return {name: along_grid(effect.where(known), grid) for name, effect in effects.items()}


def _outlives(states: Mapping[str, str], possible: Mapping[str, float], margin: float) -> bool:
    """Return whether a verdict is the same however long training goes on."""
    first = _first(states)
    return not _represented(states) and first is not None and first.outlives(possible, margin)


def _tell(
    modes: Collection[str],
    target: str,
    found: Mapping[str, Claim],
    claims: Sequence[str],
    best: str,
) -> list[str]:
    """Return each claim in a few words, those that hold first."""
    told: dict[str, list[str]] = {HOLDS: [], FAILS: [], OPEN: [], UNTESTED: []}
    for name, each in found.items():
        shown = ""
        if not np.isnan(each.effect):
            shown = f" ({each.effect:+.2g}, {each.low:.2g} to {each.high:.2g})"
        over = f" over {best}" if name == "prediction" else ""
        why = f": {UNDEFINED}" if each.state == UNTESTED else ""
        told[each.state].append(f"{name}{over}{shown}{why}")
    asked = [name for name in claims if name != DYNAMICS or target != NO_TARGET]
    told[UNTESTED] += _missing(found, asked, modes)
    return [f"{state}: {', '.join(names)}" for state, names in told.items() if names]


def _missing(
    found: Mapping[str, Claim], claims: Sequence[str], modes: Collection[str]
) -> list[str]:
    """Return the claims that were to be tested and that there was no data for, with remedies."""
    known = {name.partition(" ")[0] for name in found}
    return [f"{name}: {remedy_of(name, modes)}" for name in claims if name not in known]


def _stuck(apart: NDArray[np.bool_]) -> list[str]:
    """Return that gains of some networks stand apart from the others, if they do."""
    n_apart = apart.sum()
    if not n_apart:
        return []
    return [f"{n_apart} of {len(apart)} networks stand apart, which means over seeds do not show"]


def apart_along(here: xr.Dataset) -> list[NDArray[np.bool_]]:
    """Return of each configuration which seeds have a trained network that stands apart."""
    grid, n_seeds = grid_of(here), here.sizes["seed"]
    if "full" not in here.mode:
        return [np.zeros(n_seeds, bool)] * prod(here.sizes[dim] for dim in grid)
    return [
        outside_majority(nll) if n_seeds > 1 and np.isfinite(nll).all() else np.zeros(n_seeds, bool)
        for nll in along_grid(here.nll.sel(mode="full"), grid, "seed")
    ]


def by_configuration(assessment: Results, name: str) -> str | pd.Series:
    """Return a variable of a fitted assessment as a str, or as a Series if there is a grid."""
    check_is_fitted(assessment, "cube_")
    values = assessment.cube_[name]
    return values.item() if values.ndim == 0 else values.to_series()
