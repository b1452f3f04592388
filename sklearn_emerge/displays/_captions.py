"""What stands above and below figures of cubes: verdicts, conditions, seeds and intervals."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..assessment._case import innermost, observation_of
from ..assessment._labels import STRUCTURED
from ..assessment._words import (
    ARM_STATES,
    arm_in_words,
    baseline_in_words,
    condition_in_words,
    has_own_baselines,
    in_digits,
)
from ..likelihoods import LIKELIHOODS
from ._style import ALTERNATIVE_STYLE, CEILINGS, literal

if TYPE_CHECKING:
    import xarray as xr

    from ._style import LineStyle


def verdict_title(cube: xr.Dataset) -> str:
    """Return the verdict of a configuration; before there were claims, rules were others."""
    rules = "" if "claim_state" in cube else " by earlier rules"
    return f"Verdict{rules}: {literal(cube.verdict.item().replace('+', ' and '))}"


def assessed(cube: xr.Dataset) -> str:
    """Return which model was assessed in which world, as far as the cube says."""
    return cube.attrs.get("title", "").removeprefix("Emergence assessment of ")


def gains_in_words(cube: xr.Dataset) -> str:
    """Return the mean gain of each arm, where its head is trained, in each condition, in words."""
    return "; ".join(
        f"{condition_in_words(condition)}: {arms_in_words(cube.sel(condition=condition))}"
        for condition in cube.condition.values.tolist()
    )


def arms_in_words(here: xr.Dataset) -> str:
    """Return the mean gain of each arm in one condition, where its head is trained, in words."""
    gains = here.delta_nll.mean("seed")
    return ", ".join(
        f"{arm_in_words(mode)} {in_digits(gains.sel(mode=mode).item())[0]} nats per step"
        for mode in here.mode.values.tolist()
        if mode != "random"
    )


def scores_in_words(here: xr.Dataset) -> str:
    """Return from what each latent is decoded in one condition, and how well, in words."""
    states = {ARM_STATES[mode]: mode for mode in ("random", "readout", "full") if mode in here.mode}
    said = []
    for latent in here.latent.values.tolist():
        one = here.sel(latent=latent)
        found = {words: one.probe_score.sel(mode=mode) for words, mode in states.items()}
        if "probe_score_window" in one:
            found["the last inputs"] = one.probe_score_window
        scores = (f"{in_digits(x.mean().item())[0]} from {words}" for words, x in found.items())
        said.append(f"{latent}: {', '.join(scores)}")
    return "; ".join(said)


def panel_title(cube: xr.Dataset, shown: xr.Dataset | xr.DataArray | None = None) -> str:
    """Return what was assessed, and the place of what is shown in it, in words.

    Parameters
    ----------
    cube : xarray.Dataset
        The cube.
    shown : xarray.Dataset or xarray.DataArray, default=None
        With what was selected as coordinates without dimensions, but for the structured world
        named; None names the condition of the cube alone.
    """
    words = {"condition": condition_in_words, "mode": arm_in_words}
    coords = {"condition": cube.condition} if shown is None else shown.coords
    said = [assessed(cube)]
    for name, value in coords.items():
        if value.ndim or value.item() == STRUCTURED:
            continue
        if name in words:
            said.append(words[name](value.item()))
        else:
            said.append(f"{readable(name)} {value.item()}")
    return literal(", ".join(filter(None, said)))


def readable(name: object) -> str:
    """Return the name of a dimension or of a parameter of the grid in words."""
    name = str(name).removesuffix("_item").removeprefix("world__").removeprefix("model__")
    return literal(name.replace("__", " ").replace("_", " "))


def footer(cube: xr.Dataset, modes: Container[str], note: str = "") -> str:
    """Return what arms, points and bars are in a figure of gains of some modes, and a note."""
    shown = seeds_in_words([cube], "Points: ", "diamonds and bars", interval_in_words(cube))
    untrained = ""
    if "random" in modes:
        untrained = f'"{arm_in_words("random")}": the head as well is as it was drawn at first.'
    elif "random" in cube.mode:
        untrained = "Not shown: networks of which nothing was trained."
    said = f"Arms: which weights were trained. {shown} {untrained} {note}"
    return " ".join(said.split())


def seeds_in_words(
    cubes: Sequence[xr.Dataset], points: str, means: str, interval: str | None = None
) -> str:
    """Return what is drawn of seeds, and of their mean if there are several.

    Parameters
    ----------
    cubes : sequence of xarray.Dataset
        What is shown.
    points, means : str
        What seeds and means are drawn as.
    interval : str, default=None
        The interval of the mean; None is Student's, which displays draw themselves.
    """
    numbers = sorted({cube.sizes["seed"] for cube in cubes})
    said = f"{points}{' to '.join(map(str, {numbers[0]: 0, numbers[-1]: 0}))} seeds"
    if numbers[-1] == 1:
        return "1 seed."
    if interval is None:
        narrow = ", too narrow: seeds share recordings" if any(map(of_splits, cubes)) else ""
        interval = f"its 95% interval (Student's{narrow})"
    return f"{said}; {means}: mean and {interval}."


def test_in_words(cube: xr.Dataset) -> str:
    """Return which test the p-values of gains of a cube are of."""
    return "the corrected resampled t-test" if of_splits(cube) else "sign flips over seeds"


def interval_in_words(cube: xr.Dataset) -> str:
    """Return what the interval of the mean gain of a cube is."""
    configuration = _configuration(cube)
    kind = {"student": "Student's", "bootstrap": "bootstrap"}.get(configuration.get("interval", ""))
    if of_splits(cube):
        kind = "corrected: seeds share recordings"
    if "alpha" not in configuration or kind is None:
        return "its interval"
    return f"its {100 * (1 - configuration['alpha']):.3g}% interval ({kind})"


def of_splits(cube: xr.Dataset) -> bool:
    """Return whether seeds are splits of the same recordings."""
    configuration = _configuration(cube)
    if "units" in configuration:
        return configuration["units"] is not None
    # Of cubes that do not say it.
    own_data = not configuration.get("shared_data", True)
    return own_data and innermost(configuration) in ("ArrayWorld", "RecordingWorld")


def loss_bounds(cube: xr.Dataset) -> tuple[float | None, float | None]:
    """Return the least and largest loss that is possible: of discrete data none is below zero."""
    configuration = _configuration(cube)
    likelihood = configuration.get("model", {}).get("likelihood")
    observation = observation_of(configuration)
    discrete = (likelihood in LIKELIHOODS and LIKELIHOODS[likelihood].discrete) or (
        likelihood == "auto" and observation in ("binary", "token")
    )
    return (0.0 if discrete else None), None


def levels(cube: xr.Dataset) -> list[tuple[str, LineStyle, xr.DataArray]]:
    """Return the losses that a network is compared with in one condition.

    Parameters
    ----------
    cube : xarray.Dataset
        One condition of a configuration, or several configurations.

    Returns
    -------
    list of (str, line style, xarray.DataArray)
        Name, line style and loss, the mean over seeds: of the best predictor, if it is known, and
        of the best of all baselines.
    """
    found: list[tuple[str, LineStyle, xr.DataArray]] = []
    kinds = np.unique(cube.ceiling.values).tolist()
    if kinds[0] in CEILINGS:
        found.append((*CEILINGS[kinds[0]], cube.nll_optimal.mean("seed")))
    if "nll_best_baseline" in cube:
        names = _in_words(cube, cube.best_baseline)
        name = literal(names.pop()) if len(names) == 1 else "best alternative"
        found.append((name, ALTERNATIVE_STYLE, cube.nll_best_baseline.mean("seed")))
    return found


def reference_name(cube: xr.Dataset) -> str:
    """Return the name of the reference, whose gain is 0."""
    names = _in_words(cube, cube.reference)
    return literal(names.pop()) if len(names) == 1 else "best trivial baseline"


def _in_words(cube: xr.Dataset, names: xr.DataArray) -> set[str]:
    """Return what baselines of some names are, in words."""
    own = has_own_baselines(_configuration(cube))
    return {baseline_in_words(name, own) for name in np.unique(names.values)}


def _configuration(cube: xr.Dataset) -> dict[str, Any]:
    return json.loads(cube.attrs.get("configuration", "{}"))
