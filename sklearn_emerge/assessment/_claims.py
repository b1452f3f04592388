"""Claims about what training added: an effect, its bounds, a margin, and whether it holds."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._typing import Floats
from ..inference._labelled import adjust, bounds, complete, intervals, least_of, means, p_values
from ._flow import NO_TARGET, flow_ratios, leaves_room, target_in
from ._labels import STRUCTURED, along_grid, check_names, grid_of

HOLDS, FAILS, OPEN, UNTESTED = "holds", "fails", "open", "untested"
# Of dynamics where nothing can be left alone.
INAPPLICABLE = "inapplicable"
DYNAMICS = "dynamics"
REPRESENTATION = "representation"
# What each claim says, in nats per step, of errors in their logarithm.
CLAIMS = {
    "gain": "the trained network predicts better than the trivial baselines",
    "prediction": "the trained network predicts better than the best of all baselines",
    "core": "the trained network predicts better than its untrained core",
    "order": "the trained network gains more over the best baseline than in the nulls",
    "memory": "the trained network predicts worse with the memory of another sequence or none",
    DYNAMICS: "the trained network, left alone, goes on as its world does",
    "reservoir": "the untrained core predicts better than the trivial baselines",
    REPRESENTATION: "its states have more of a latent than its untrained core and inputs have",
}


@dataclass(frozen=True)
class Claim:
    """What was found of one claim in one configuration.

    Attributes
    ----------
    effect, low, high : float
        Mean difference and its bounds.
    margin : float
        What the difference has to exceed.
    state : str
        Whether it holds.
    seeds : ndarray of shape (n_seeds,)
        The difference of each seed, NaN where it is undefined.
    """

    effect: float
    low: float
    high: float
    margin: float
    state: str
    seeds: Floats

    @property
    def values(self) -> Floats:
        """The difference of each seed, without those that are undefined."""
        return self.seeds[~np.isnan(self.seeds)]


def claims_along(here: xr.Dataset) -> list[dict[str, Claim]]:
    """Return the claims that were tested in each configuration, by name."""
    grid, names = grid_of(here), here.claim.values.tolist()
    found = {key: here[f"claim_{key}"] for key in ("effect", "low", "high", "margin", "state")}
    found["margin"] = found["margin"].broadcast_like(found["effect"])
    columns = (along_grid(each, grid, "claim").tolist() for each in found.values())
    seeds = along_grid(here.claim_difference, grid, "claim", "seed")
    return [
        {name: Claim(*found) for name, *found in zip(names, *of_claims, strict=True)}
        for of_claims in zip(*columns, seeds, strict=True)
    ]


def nulls_of_order(conditions: Iterable[str]) -> list[str]:
    """Return the nulls that order is tested in.

    Phase surrogates keep much of the order, so that networks gain over filters there, too: they are
    for dynamics, unless there is no other null.
    """
    nulls = [condition for condition in conditions if condition != STRUCTURED]
    return [null for null in nulls if null != "phase"] or nulls


def states_of(here: xr.Dataset, claims: dict[str, Claim]) -> dict[str, str]:
    """Return the state of every claim in one configuration, given those that were tested."""
    return states_given(target_in(here), claims)


def states_given(target: str, claims: dict[str, Claim]) -> dict[str, str]:
    """Return the same, given what networks that are left alone were judged by."""
    states = dict.fromkeys(CLAIMS, UNTESTED)
    if target == NO_TARGET:
        states[DYNAMICS] = INAPPLICABLE
    return states | {name: each.state for name, each in claims.items()}


def check_claims(claims: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of the claims to test, after checking them."""
    if isinstance(claims, str) and claims == "auto":
        return tuple(CLAIMS)
    return check_names("claims", claims, tuple(CLAIMS))


def differences(
    cube: xr.Dataset,
    margins: tuple[float, float] = (0.0, 0.0),
    operator_margin: float = 0.5,
    n_flips: int | None = None,
    units: tuple[int, int] | None = None,
) -> dict[str, xr.DataArray]:
    """Return what each claim is about, one difference a seed.

    Parameters
    ----------
    cube : xarray.Dataset
        What was measured.
    margins, operator_margin, n_flips, units
        As in `decide_claims`. Of several differences that all have to exceed the margin it is the
        one that is least certain to.

    Returns
    -------
    dict of str to DataArray
        By name of the claim; dimensions are those of the grid and ``seed``. The representation of
        each latent is a claim of its own. Claims that the cube has no data for are absent.
    """
    modes, conditions = cube.mode.values.tolist(), cube.condition.values.tolist()
    here = {"condition": STRUCTURED}
    nll = {mode: cube.nll.sel(here, drop=True).sel(mode=mode, drop=True) for mode in modes}
    reference, best = (
        cube[f"nll_{name}"].sel(here, drop=True) for name in ("reference", "best_baseline")
    )
    found = {}
    margin, probe_margin = margins
    tests: dict[str, Any] = {"n_flips": n_flips, "units": units}
    if "full" in modes:
        found["gain"] = reference - nll["full"]
        found["prediction"] = best - nll["full"]
        if "readout" in modes:
            found["core"] = nll["readout"] - nll["full"]
        advance = (cube.nll_best_baseline - cube.nll.sel(mode="full", drop=True)).clip(min=0)
        here_advance = advance.sel(here, drop=True)
        here_more = {
            null: here_advance - advance.sel(condition=null, drop=True)
            for null in nulls_of_order(conditions)
        }
        if here_more:
            found["order"] = least_of(here_more, margin, **tests)
        if "nll_memory" in cube:
            found["memory"] = least_of(_losses(cube), margin, **tests)
        if "flow_error" in cube and (ratios := flow_ratios(cube, operator_margin)):
            # That of dynamics is in what is asked.
            found[DYNAMICS] = least_of(ratios, **tests)
    if "readout" in modes:
        found["reservoir"] = reference - nll["readout"]
    if "probe_score" in cube and "full" in modes:
        above = _above_untrained(cube, modes)
        if above:
            excess = least_of(above, probe_margin, **tests)
            for latent in cube.latent.values.tolist():
                found[f"{REPRESENTATION} {latent}"] = excess.sel(latent=latent, drop=True)
    return found


def _losses(cube: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return what a network loses without its memory, and with that of another sequence.

    A reset alone can cost something where memory is worth nothing: the state of zero is one that
    training has seen at the first step only.
    """
    curve, exchange = (
        cube[name].sel(mode="full", drop=True) for name in ("nll_memory", "state_exchange")
    )
    # The longest window has all inputs in it; those of other configurations may be longer.
    longest = curve.window.where(curve.notnull()).max("window")
    whole = curve.where(curve.window == longest).max("window")
    without = curve.sel(window=1, drop=True) - whole if 1 in curve.window else whole * np.nan
    return {"none": without, "other": exchange.sel(exchange="rise", drop=True)}


def _above_untrained(cube: xr.Dataset, modes: Collection[str]) -> dict[str, xr.DataArray]:
    """Return by how much each latent is decoded better than from each that was not trained."""
    untrained = next((mode for mode in ("readout", "random") if mode in modes), None)
    if untrained is None:
        return {}

    def above_control(name: str) -> xr.DataArray:
        # A control below zero shows nothing: taken away, it would add.
        return cube[name] - cube[f"{name}_shuffled"].clip(min=0)

    above = above_control("probe_score").sel(condition=STRUCTURED, drop=True)
    others = {"core": above.sel(mode=untrained, drop=True)}
    if "probe_score_window" in cube:
        others["window"] = above_control("probe_score_window")
    # The clock is the same in every sequence: its score minus its control is zero.
    trained = above.sel(mode="full", drop=True)
    return {name: trained - other.clip(min=0) for name, other in others.items()}


def decide_claims(
    cube: xr.Dataset,
    *,
    claims: Collection[str],
    margins: tuple[float, float],
    alpha: float,
    correction: str | None,
    n_flips: int | None = None,
    units: tuple[int, int] | None = None,
    operator_margin: float = 0.5,
) -> xr.Dataset:
    """Test every claim in every configuration.

    Parameters
    ----------
    cube : xarray.Dataset
        What was measured.
    claims : sequence of str
        Names out of `CLAIMS`; the others are not tested.
    margins : (float, float)
        What a difference in nats per step, and one between scores of probes, has to exceed.
    alpha : float
        Level of each side of a claim.
    correction : str or None
        Correction over the configurations, for each claim (and latent) on its own; and over the
        latents, for each configuration on its own.
    n_flips : int or None, default=None
        As in `p_values`.
    units : (int, int) or None, default=None
        Recordings that each seed trains on and holds out, for the corrected test; None if seeds
        are independent, for the sign-flip test.

    operator_margin : float, default=0.5
        Share of the gap in squared error between linear filters and the best possible forecast that
        networks have to close when they are left alone.

    Returns
    -------
    xarray.Dataset
        Along ``claim``: ``claim_difference`` (a seed), ``claim_effect`` (mean), ``claim_low`` and
        ``claim_high`` (bounds, one-sided at 1 - alpha each), Student's interval beside them,
        ``claim_margin``, p-values of holding, and ``claim_state``.

    Notes
    -----
    A claim holds where its difference is significantly above the margin, and fails where it is
    significantly below it. What a seed lacks (a class too rare in its sequences to be decoded) is
    left out if the other seeds can reach alpha.

    Of several differences that all have to exceed the margin the least certain one is tested, at
    alpha. That they hold is as rare as alpha says. That the claim fails is, too, where one of them
    is at the margin; where several that are independent are all exactly there it is more frequent,
    with seven seeds .10 of two and .19 of five (1,000 simulations each).
    """
    found = differences(cube, margins, operator_margin, n_flips, units)
    names = [name for name in found if name.partition(" ")[0] in claims]
    grid = grid_of(cube)
    dims = ("claim", *grid)
    shape = (len(names), *(cube.sizes[dim] for dim in (*grid, "seed")))
    difference = np.full(shape, np.nan)
    for i, name in enumerate(names):
        difference[i] = found[name].transpose(*grid, "seed").values
    difference = xr.DataArray(difference, {"claim": np.array(names, "O")}, (*dims, "seed"))
    latents = np.array([name.startswith(REPRESENTATION) for name in names], bool)
    by_name = {DYNAMICS: 0.0} | dict.fromkeys(np.array(names)[latents], margins[1])
    margin = xr.DataArray([by_name.get(name, margins[0]) for name in names], dims="claim")
    # Of a latent, seeds that cannot score it are left out.
    values = difference.where(xr.DataArray(latents, dims="claim"), complete(difference))
    found = _test(values, margin, alpha, n_flips, units)
    above, below = (
        _adjust(p_value, grid, latents, correction)
        for p_value in (found["claim_p_value"], found.pop("below"))
    )
    state = np.select(
        [np.isnan(above), above <= alpha, below <= alpha], [UNTESTED, HOLDS, FAILS], OPEN
    )
    state = xr.DataArray(state.astype(object), dims=dims)
    if DYNAMICS in names:
        # Nobody can show more than what a linear filter does already.
        at = {"claim": names.index(DYNAMICS)}
        state[at] = state[at].where((state[at] == UNTESTED) | leaves_room(cube), FAILS)
    found |= {"claim_difference": difference, "claim_margin": margin}
    found |= {"claim_p_value_adjusted": above, "claim_state": state}
    return xr.Dataset(found)


def _test(
    values: xr.DataArray,
    margin: xr.DataArray,
    alpha: float,
    n_flips: int | None,
    units: tuple[int, int] | None,
) -> dict[str, Any]:
    """Return means, bounds, Student's intervals, and p-values above and below the margin."""
    effect = means(values)

    def of_one(result: xr.DataArray, value: float) -> xr.DataArray:
        # Of one seed there is an effect, of which nothing is certain.
        return result.copy(data=np.where(np.isnan(result) & ~np.isnan(effect), value, result))

    low, high = bounds(values, 1 - alpha, n_flips, units)
    student_low, student_high = intervals(values, 1 - alpha, units=units)
    return {
        "claim_effect": effect,
        "claim_low": of_one(low, -np.inf),
        "claim_high": of_one(high, np.inf),
        "claim_student_low": student_low,
        "claim_student_high": student_high,
        "claim_p_value": of_one(p_values(values - margin, n_flips, units), 1.0),
        "below": of_one(p_values(margin - values, n_flips, units), 1.0),
    }


def _adjust(
    p_values: xr.DataArray, grid: Sequence[str], latents: NDArray[np.bool_], correction: str | None
) -> xr.DataArray:
    """Return p-values adjusted over configurations, and latents over each other.

    That of a latent is the larger one: corrected over the configurations, or over the latents of
    its configuration.
    """
    adjusted = adjust(p_values, correction, grid)
    if not latents.any():
        return adjusted
    over_latents = adjust(p_values.isel(claim=latents), correction, ["claim"])
    adjusted[{"claim": latents}] = np.maximum(adjusted.isel(claim=latents), over_latents)
    return adjusted
