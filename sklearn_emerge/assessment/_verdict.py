"""From claims to a verdict on what training added."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..inference import outside_majority, smallest_p_value
from ._claims import CLAIMS, FAILS, HOLDS, OPEN, REPRESENTATION, UNTESTED
from ._plan import RESERVED, STRUCTURED
from ._words import baseline_in_words

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
    hold: tuple = ()
    fail: tuple = ()
    settled: tuple = ()

    def follows(self, states):
        """Return whether it follows from the states of the claims."""
        settled = [states[claim] for claim in self.settled]
        return (
            all(states[claim] == HOLDS for claim in self.hold)
            and all(states[claim] == FAILS for claim in self.fail)
            and (FAILS in settled or OPEN not in settled)
        )

    def outlives(self, highest, fall, margin):
        """Return whether it would follow, too, if losses of networks fell further.

        Parameters
        ----------
        highest : dict of str to float
            Upper bound of the effect of each claim.
        fall : float
            By how much losses might fall, in nats per step.
        margin : float
            Margin of the claims.
        """
        return (
            not self.settled
            and set(self.hold) <= {"gain", "reservoir"}
            and all(highest[claim] + fall < margin for claim in self.fail)
        )


# The first that follows is the verdict; "undecided" if none does. That the flow of the world is
# followed (a claim "dynamics") will be asked of an operator, too.
VERDICTS = (
    Verdict("operator", hold=("prediction", "core", "order", "memory")),
    Verdict("prediction", hold=("prediction", "core"), settled=("order", "memory")),
    Verdict("learned, not beyond {best_baseline}", hold=("gain",), fail=("prediction",)),
    Verdict("reservoir", hold=("reservoir",), fail=("core",)),
    Verdict("none", fail=("gain", "reservoir")),
)
# They say what training built; a representation may be another thing that it built.
_BUILT = ("operator", "prediction")
_REMEDIES = {
    "gain": "add the mode 'full'",
    "prediction": "add the mode 'full'",
    "core": "add the mode 'readout'",
    "order": "add a null",
    "memory": "pass a model and sequences whose states can be exchanged",
    "reservoir": "add the mode 'readout'",
    REPRESENTATION: "pass latents, a probe and the mode 'readout'",
}
_UNDEFINED = "it is undefined (NaN) in some seeds, see status and the warnings"


def loss_fall(training_loss):
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


def judge(cube, *, claims, margin, alpha, correction, n_flips=None, units=None):
    """Judge every configuration of a cube by its claims.

    Parameters
    ----------
    cube : xarray.Dataset
        With the variables of `decide_claims`.
    claims : sequence of str
        Claims that were to be tested.
    margin : float
        Fall of the training loss, in nats per step, with which networks still learn.
    alpha, correction, n_flips, units
        As in `decide_claims`.

    Returns
    -------
    xarray.Dataset
        ``verdict`` and ``verdict_reason``.
    """
    grid = [dim for dim in cube.nll.dims if dim not in RESERVED]
    here = cube.sel(condition=STRUCTURED, drop=True)
    shape = tuple(cube.sizes[dim] for dim in grid)
    n_tests, n_seeds = int(np.prod(shape)), cube.sizes["seed"]
    smallest = smallest_p_value(n_seeds, n_tests, correction, n_flips)
    verdict, reason = np.empty(shape, "O"), np.empty(shape, "O")
    for index in np.ndindex(shape):
        place = dict(zip(grid, index, strict=True))
        part = here.isel(place)
        obstacle = _obstacle(cube.isel(place), part)
        fall, where = _unfinished(cube.isel(place), margin)
        if n_seeds == 1 or (units is None and smallest > alpha):
            obstacle = (
                f"too few seeds or sign flips: no p-value can be below {smallest:.3g} "
                f"(alpha={alpha:g})"
            )
        told = _tell(part, claims)
        if obstacle is not None:
            verdict[index], reason[index] = UNDECIDED, "; ".join([obstacle, *told])
        else:
            verdict[index] = _decide(part, claims, fall, margin)
            reason[index] = "; ".join([*where, *_stuck(part), *told])
    return xr.Dataset({"verdict": (grid, verdict), "verdict_reason": (grid, reason)})


def _obstacle(cube, here):
    """Return why nothing can be said of a configuration, or None."""
    status = cube.status.values
    if (status == "diverged").any():
        return "training diverged, see status; lower lr"
    if (status == "head not converged").any():
        return "a head has not converged, see status; fit more sequences, or fewer units"
    if "status_baseline" in here:
        weaker = (here.status_baseline == "head not converged").any("seed")
        if weaker.any():
            # A weak alternative is easily beaten.
            names = ", ".join(here.baseline.values[weaker.values])
            return (
                f"baselines have not converged ({names}), see status_baseline; fit more sequences, "
                "or leave them out"
            )
    return None


def _unfinished(cube, margin):
    """Return by how much losses still fall, 0 if by no more than the margin; and a note of it.

    In a null that matters where networks might come to gain something.
    """
    if "training_loss" not in cube:
        return 0.0, []
    falls = loss_fall(cube.training_loss).mean("seed")
    gain = (cube.nll_best_baseline - cube.nll).mean("seed")
    matters = (cube.condition == STRUCTURED) | (gain + falls > margin)
    falls = falls.where(matters & (falls > margin)).stack(cell=["condition", "mode"])
    if falls.isnull().all():
        return 0.0, []
    largest = falls.isel(cell=falls.argmax("cell"))
    condition, mode = largest.cell.item()
    return largest.item(), [
        f"training had not ended: over the last fifth of the updates the loss fell by "
        f"{largest.item():.2g} nats per step ({condition}, {mode}), more than margin={margin:g}; "
        "raise max_steps"
    ]


def _decide(here, claims, fall, margin):
    """Return the verdict of one configuration, if it is the same when losses fall further."""
    states = dict.fromkeys(CLAIMS, UNTESTED)
    states |= dict(zip(here.claim.values.tolist(), here.claim_state.values.tolist(), strict=True))
    names = {"best_baseline": baseline_in_words(here.best_baseline.item())}
    follows = [each for each in VERDICTS if each.follows(states)]
    represented = any(s == HOLDS for name, s in states.items() if name.startswith(REPRESENTATION))
    if fall:
        highest = dict(zip(here.claim.values.tolist(), here.claim_high.values, strict=True))
        if represented or not follows or not follows[0].outlives(highest, fall, margin):
            return UNDECIDED
    word = follows[0].word.format(**names) if follows else UNDECIDED
    if represented:
        return f"{word}+{REPRESENTATION}" if word in _BUILT else REPRESENTATION
    # Nobody asked for anything else.
    if tuple(claims) == (REPRESENTATION,):
        found = [s for name, s in states.items() if name.startswith(f"{REPRESENTATION} ")]
        return "none" if found and all(s == FAILS for s in found) else UNDECIDED
    return word


def _tell(here, claims):
    """Return each claim in a few words, those that hold first."""
    told = {HOLDS: [], FAILS: [], OPEN: [], UNTESTED: []}
    for name in here.claim.values.tolist():
        part = here.sel(claim=name)
        effect, low, high = (part[f"claim_{end}"].item() for end in ("effect", "low", "high"))
        state = part.claim_state.item()
        shown = "" if np.isnan(effect) else f" ({effect:+.2g}, {low:.2g} to {high:.2g})"
        best = baseline_in_words(here.best_baseline.item())
        over = f" over {best}" if name == "prediction" else ""
        why = f": {_UNDEFINED}" if state == UNTESTED else ""
        told[state].append(f"{name}{over}{shown}{why}")
    known = {name.partition(" ")[0] for name in here.claim.values.tolist()}
    told[UNTESTED] += [f"{name}: {_REMEDIES[name]}" for name in claims if name not in known]
    return [f"{state}: {', '.join(names)}" for state, names in told.items() if names]


def _stuck(here):
    """Return that gains of some networks stand apart from the others, if they do."""
    if "full" not in here.mode or here.sizes["seed"] < 2:
        return []
    apart = outside_majority(here.nll.sel(mode="full").values).sum()
    if not apart:
        return []
    n_seeds = here.sizes["seed"]
    return [f"{apart} of {n_seeds} networks stand apart, so that a mean describes none of them"]
