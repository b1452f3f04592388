"""The values of docs/templates/recurrent.md, on *Emergence Without Scale*."""

import pandas as pd
from page import draw, mean

from sklearn_emerge.datasets import load_published
from sklearn_emerge.reproduce import RECIPES, TABLES, compare_with_published

# What tells the rows of a published table apart.
_KEYS = ("world", "model", "hidden_size", "mode", "time_channel")


def comparisons(cubes):
    """Return the tables, and all comparisons in one frame."""
    tables, frames = [], []
    for name, recipe in RECIPES.items():
        if recipe.table is None or not name.startswith("recurrent"):
            continue
        found = compare_with_published(
            {e: cubes[e] for e in recipe.experiments if e in cubes}, recipe.table
        )
        frames.append(found)
        if len(found):
            tables.append(
                {"title": recipe.title, "name": name, "frame": found, "narrow": narrow(found)}
            )
    return tables, pd.concat(frames, ignore_index=True)


def narrow(frame):
    """Return what differs between the rows of a table, and how they agree."""
    keys = [name for name in _KEYS if frame[name].nunique() > 1]
    return frame[[*keys, "published", "ours", "spreads", "finding"]]


def overview(tables):
    """Return how many values of each table agree."""
    return pd.DataFrame(
        {
            "table": part["title"],
            "values": len(part["frame"]),
            "agree": int((part["frame"].finding == "agrees").sum()),
        }
        for part in tables
    )


def baseline(published):
    """Return what the gain in the regime world is measured against."""
    if "regime-time-gru" not in published:
        return None
    cube = published["regime-time-gru"].sel(time_channel="full_time")
    gains = cube.delta_nll_baseline.sel(condition="structured").mean("seed")
    rnn = published.get("regime-time-rnn")
    return {
        "markov": float(gains.sel(baseline="markov")),
        "difference": float(gains.sel(baseline="persistence") - gains.sel(baseline="mean")),
        "gain": mean(cube, "delta_nll", mode="full"),
        "efficiency": mean(cube, "efficiency", mode="full"),
        "readout": (
            mean(rnn.sel(time_channel="full_time"), "delta_nll", mode="readout") if rnn else None
        ),
    }


def clock(published, rows):
    """Return what the clock does in the regime world, and how many runs Table 6 has a network."""
    names = [name for name in ("regime-time-rnn", "regime-time-gru") if name in published]
    if not names:
        return None
    gains = [
        f"{name[-3:].upper()} "
        + ", ".join(
            f"{mean(published[name], 'delta_nll', mode='full', time_channel=c):.2f} ({c})"
            for c in published[name].time_channel.values
        )
        for name in names
    ]
    regime = rows[(rows.world == "regime") & (rows["mode"] == "full")]
    return {"gains": "; ".join(gains), "runs": int(regime.groupby("model").ours.nunique().max())}


def shuffled(published, corrected):
    """Return what can be predicted in the shuffled null of the paper, and in ours."""
    name = "oscillator-null-gru"
    if name not in published:
        return None
    cube = published[name]
    own = corrected.get(name)
    return {
        "gain": mean(cube, "delta_nll", mode="full"),
        "linear": float((cube.nll_reference - cube.nll_optimal).mean()),
        "resampled": (
            None if own is None else mean(own, "delta_nll", mode="full", condition="resample")
        ),
    }


def phase(corrected):
    """Return by how much networks are better than the best alternative in spectral surrogates."""
    over = {
        name: float(
            (cube.nll_best_baseline - cube.nll.sel(mode="full")).sel(condition="phase").mean()
        )
        for name, cube in corrected.items()
        if "phase" in cube.condition.values and "claim_state" in cube
    }
    if not over:
        return None
    gains = ", ".join(f"{gain:+.3f} ({name})" for name, gain in over.items())
    return {"gains": gains, "most": max(over.values())}


def probes(published):
    """Return R2 of x from noise, and from the states of untrained and trained networks."""
    if "oscillator-rnn" not in published:
        return None
    cube = published["oscillator-rnn"].sel(hidden_size=16, condition="structured").isel(latent=0)
    return {
        "noise": float(cube.probe_score_noise.sel(mode="full").mean()),
        "untrained": float(cube.probe_score.sel(mode="random").mean()),
        "trained": float(cube.probe_score.sel(mode="full").mean()),
    }


def updates(published):
    """Return how networks of the regime world do after fewer updates, beside the published ones."""
    if not {"regime-updates-rnn", "regime-updates-gru"} <= set(published):
        return None
    rows, with_all, without_lowest = [], 0.0, 0.0
    for model in ("rnn", "gru"):
        end = published[f"regime-time-{model}"].sel(time_channel="full_time")
        cube = published[f"regime-updates-{model}"].sel(condition="structured", mode="full")
        last = end.sel(condition="structured", mode="full").expand_dims(max_steps=[20_000])
        for part in (cube, last):
            for steps in part.max_steps.values.tolist():
                at = part.sel(max_steps=steps)
                probe = float(at.probe_score.mean())
                spread = float(at.delta_nll.std())
                rows.append((model, steps, float(at.delta_nll.mean()), spread, probe))
                if model == "gru" and spread > with_all:
                    with_all = spread
                    without_lowest = float(at.delta_nll.sortby(at.delta_nll)[1:].std())
        told = load_published(TABLES)
        told = told[(told.world == "regime") & (told.model == model)]
        spread = told.delta_nll_seed_std.mean()
        rows.append((model, "published", told.delta_nll.mean(), spread, told.probe_r2.mean()))
    columns = ["model", "updates", "gain", "standard deviation over seeds", "probe R2"]
    frame = pd.DataFrame(rows, columns=columns)
    nearest, surplus, spreads, decoded, last_probes = {}, {}, {}, {}, {}
    for model, part in frame.groupby("model"):
        *ours, told = part.itertuples(index=False, name=None)
        near = min(ours, key=lambda row: abs(row[2] - told[2]))
        nearest[model] = near[1]
        surplus[model] = ours[-1][2] - told[2]
        spreads[model], decoded[model] = (near[3], told[3]), (near[4], told[4])
        last_probes[model] = (ours[-1][4], told[4])
    return {
        "frame": frame,
        "nearest": nearest,
        "surplus": surplus,
        "fewer": max(nearest.values()) < 20_000 and min(surplus.values()) > 0,
        "spreads": spreads,
        "spreads_fit": all(0.8 < ours / told < 1.25 for ours, told in spreads.values()),
        "probes": decoded,
        "probes_fit": all(abs(ours - told) < 0.03 for ours, told in decoded.values()),
        "last_probes": last_probes,
        "decoded_better": all(ours > told for ours, told in last_probes.values()),
        "widest_with": with_all,
        "widest_without": without_lowest,
    }


def claimed(rows):
    """Return the published gains of what the paper claims, and ours, from the lowest to the highest."""
    full = rows["mode"] == "full"
    chosen = {
        "oscillator": rows[(rows.world == "oscillator") & full],
        "regime": rows[(rows.world == "regime") & full & (rows.model == "gru")],
        "shuffled": rows[(rows.world == "oscillator-null") & (rows.model == "gru")],
    }
    return {
        name: {
            "published": _from_to(part.published),
            "ours": _from_to(part.ours),
            "findings": sorted(set(part.finding)),
        }
        for name, part in chosen.items()
    }


def _from_to(values):
    """Return the lowest and the highest of some numbers, in words."""
    ends = dict.fromkeys(f"{end:.2f}" for end in (values.min(), values.max()))
    return " to ".join(ends)


def recurrent_values(published, corrected, figures):
    """Return the named values."""
    tables, rows = comparisons(published)
    runs = rows.groupby(["world", "model", "hidden_size", "mode", "ours"])
    runs_agree = runs.finding.apply(lambda findings: (findings == "agrees").all())
    names = [name for name in RECIPES if name.startswith("recurrent-figure")]
    return {
        "tables": tables,
        "overview": overview(tables),
        "rows": rows,
        "agree": int((rows.finding == "agrees").sum()),
        "n_published": len(load_published(TABLES)),
        "claimed": claimed(rows),
        "n_runs": len(runs_agree),
        "n_runs_agree": int(runs_agree.sum()),
        "apart": narrow(rows[rows.finding != "agrees"]),
        "updates": updates(published),
        "figures": [line for name in names if (line := draw(name, published, figures))],
        "corrections": {
            "baseline": baseline(published),
            "clock": clock(published, rows),
            "shuffled": shuffled(published, corrected),
            "phase": phase(corrected),
            "probes": probes(published),
        },
    }
