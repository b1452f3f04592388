"""The values of docs/templates/verdicts.md: what training added, and what an earlier rule said."""

import json

import numpy as np
import pandas as pd
from page import CUBES, mean

from sklearn_emerge.assessment._words import baseline_in_words, is_any_size

# Verdicts on the same networks before claims had margins and the panel its filters, windows and
# reservoirs.
EARLIER = CUBES / "earlier-verdicts.csv"
# What an operator and a representation have to be better than, in the order of the reasons.
_DECIDING = ("prediction", "core", "order", "memory", "dynamics")
# What fits a screen.
_NARROW = ["experiment", "setting", "over the best alternative", "verdict"]


def distinct(cubes):
    """Return (name, setting, cube of one configuration), each run once."""
    found, seen = [], set()
    for name, cube in cubes.items():
        for index in np.ndindex(cube.verdict.shape):
            place = dict(zip(cube.verdict.dims, index, strict=True))
            part = cube.isel(place)
            setting = ", ".join(f"{dim} {part[dim].item()}" for dim in place)
            losses = part.nll.sel(mode="full").values.tobytes()
            if losses not in seen:
                seen.add(losses)
                found.append((name, setting, part))
    return found


def units(cube, name="equivalent_reservoir_size"):
    """Return how many units of a random core the trained networks are worth, in words."""
    if name not in cube:
        return ""
    size, low, high = (
        cube[f"{name}{end}"].sel(mode="full").item() for end in ("", "_low", "_high")
    )
    most = int(cube.n_units.max())

    def shown(value):
        return f"> {most}" if np.isinf(value) else f"{value:.0f}" if value else "< 16"

    if is_any_size(low, high):
        return "cannot be told"
    return f"{shown(size)} ({shown(low)} to {shown(high)})"


def alone(cube):
    """Return the skill of networks that are left alone, in each seed, and what becomes of it."""
    if "dynamics" not in cube.claim.values:
        return ""
    state = cube.claim_state.sel(claim="dynamics").item()
    skills = cube.operator_skill.sel(condition="structured", mode="full")
    if skills.isnull().all():
        return f"{state}: a linear filter is as good as the best"
    return f"{state}: {skills.median():.2f} ({skills.min():.2f} to {skills.max():.2f})"


def claim(cube, name, digits=3):
    """Return effect and bounds of a claim."""
    part = cube.sel(claim=name)
    effect, low, high = (part[f"claim_{end}"].item() for end in ("effect", "low", "high"))
    return f"{effect:+.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def verdicts(runs):
    """Return the table of all verdicts, without columns in which nothing stands."""
    table = pd.DataFrame(
        [
            {
                "experiment": name,
                "setting": setting,
                "gain": f"{mean(cube, 'delta_nll', mode='full'):.3f}",
                "over the best alternative": claim(cube, "prediction"),
                "which is": baseline_in_words(cube.best_baseline.values.ravel()[0]),
                "random units of equal worth": units(cube),
                "left alone": alone(cube),
                "random units that do so alone": units(cube, "flow_reservoir_size"),
                "verdict": cube.verdict.item(),
            }
            for name, setting, cube in runs
        ]
    )
    return table.loc[:, (table != "").any()]


def reason(cube):
    """Return what keeps a verdict from being an operator and a representation."""
    states = dict(zip(cube.claim.values.tolist(), cube.claim_state.values.tolist(), strict=True))
    # Cubes whose networks were not left alone have no claim about it.
    lacking = [name for name in _DECIDING if states.get(name, "holds") != "holds"]
    best = baseline_in_words(cube.best_baseline.values.ravel()[0])
    words = {
        "prediction": f"over {best}",
        "core": "over its untrained core",
        "order": "more than in the null",
        "memory": "with its memory",
        "dynamics": "in log error, left alone",
    }
    parts = [f"{claim(cube, name)} {words[name]}" for name in lacking[:1]]
    parts += [
        f"{name.partition(' ')[2]}: {claim(cube, name, 2)} over untrained core and inputs"
        for name, state in states.items()
        if name.startswith("representation") and state != "holds"
    ]
    return "; ".join(parts)


def changes(runs):
    """Return the table of verdicts that are not what they were."""
    earlier = pd.read_csv(EARLIER, keep_default_na=False)
    earlier = earlier.set_index(["experiment", "setting"]).verdict
    rows = [
        (name, setting, earlier[name, setting], cube.verdict.item(), reason(cube))
        for name, setting, cube in runs
        if earlier[name, setting] != cube.verdict.item()
    ]
    return pd.DataFrame(rows, columns=["experiment", "setting", "before", "now", "because"])


def survivors(runs):
    """Return how many configurations of each world and network are operators."""
    worlds = {
        "oscillator": ("oscillator", "oscillator-time"),
        "oscillator with a changing frequency": ("oscillator-nonstationary",),
        "regime world": ("regime-time",),
        "drift": ("drift",),
    }
    rows = []
    for words, names in worlds.items():
        for model in ("rnn", "gru"):
            these = [c for name, _, c in runs if name in [f"{n}-{model}" for n in names]]
            if not these:
                continue
            over = [cube.claim_effect.sel(claim="prediction").item() for cube in these]
            rows.append(
                {
                    "world": words,
                    "network": model.upper(),
                    "operators": sum("operator" in cube.verdict.item() for cube in these),
                    "undecided": sum("undecided" in cube.verdict.item() for cube in these),
                    "runs": len(these),
                    "low": min(over),
                    "high": max(over),
                }
            )
    return rows


def worth(cubes):
    """Return what training is worth in units of a random core, in two worlds."""
    if not {"oscillator-gru", "regime-time-gru"} <= set(cubes):
        return None
    oscillator = cubes["oscillator-gru"].sel(hidden_size=16)
    regime = cubes["regime-time-gru"].sel(time_channel="full_time")
    sizes = [c.equivalent_reservoir_size.sel(mode="full").item() for c in (oscillator, regime)]
    reference = regime.nll_reference.sel(condition="structured").mean()
    return {
        "oscillator": {"units": units(oscillator), "size": sizes[0]},
        "regime": {"units": units(regime), "size": sizes[1]},
        "of_two_kinds": bool(np.isfinite(sizes[0]) and np.isinf(sizes[1])),
        "most_units": int(regime.n_units.max()),
        "largest_gain": float((reference - regime.nll_reservoir).mean("seed")[-1]),
        "gain": mean(regime, "delta_nll", mode="full"),
    }


def verdict_values(corrected):
    """Return the named values; None without a cube of the corrected protocol."""
    own = {
        name: cube
        for name, cube in corrected.items()
        if not name.startswith(("triangle", "random-walk", "emergence"))
    }
    if not own:
        return None
    judged = {name: cube for name, cube in own.items() if "claim_state" in cube}
    runs = distinct(judged)
    settings = [json.loads(cube.attrs["configuration"]) for _, _, cube in runs]
    table = verdicts(runs) if runs else None
    return {
        "waiting": [name for name in own if name not in judged],
        "table": table,
        "narrow": None if table is None else table.filter(_NARROW),
        "seeds": sorted({cube.sizes["seed"] for _, _, cube in runs}),
        "alphas": sorted({setting["alpha"] for setting in settings}),
        "survivors": survivors(runs),
        "by_loss_alone": sorted({name for name, _, cube in runs if "flow_target" not in cube}),
        "worth": worth(judged),
        "changed": changes(runs),
    }
