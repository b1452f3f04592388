"""The part of docs/reproduction.md on *Emergence Without Scale*."""

from pathlib import Path

import pandas as pd
from page import draw, mean, table
from page_verdicts import verdict_part

from sklearn_emerge.datasets import load_published
from sklearn_emerge.reproduce import RECIPES, TABLES, compare_with_published

CALIBRATION = Path(__file__).parent.parent / "datasets" / "calibration"


def comparisons(cubes):
    """Return the sections of the tables, and all comparisons in one frame."""
    sections, frames = [], []
    for name, recipe in RECIPES.items():
        if recipe.table is None or not name.startswith("recurrent"):
            continue
        found = compare_with_published(
            {e: cubes[e] for e in recipe.experiments if e in cubes}, recipe.table
        )
        frames.append(found)
        if not len(found):
            continue
        sections.append(f"### {recipe.title} (`{name}`)\n\n{table(found)}\n")
    return sections, pd.concat(frames, ignore_index=True)


def once(rows):
    """Return a sentence that counts rows of one and the same run once."""
    runs = rows.groupby(["world", "model", "hidden_size", "mode", "ours"])
    agree = runs.finding.apply(lambda findings: (findings == "agrees").all())
    return (
        f"Several tables show the same run: they are {len(agree)} runs, of which {agree.sum()} agree "
        "wherever they stand."
    )


def corrections(published, corrected):
    """Return what the source gets wrong, with our evidence, as far as the cubes are there."""
    lines = []
    if "regime-time-gru" in published:
        cube = published["regime-time-gru"].sel(time_channel="full_time")
        rnn = published.get("regime-time-rnn")
        markov = float(
            cube.delta_nll_baseline.sel(condition="structured", baseline="markov").mean("seed")
        )
        gain = mean(cube, "delta_nll", mode="full")
        text = (
            f"**The gain in the regime world is measured against a baseline that knows nothing.** Persistence and the "
            f"mean are equally bad on a fair binary chain. A first-order Markov chain gains "
            f"{markov:.2f} nats per step over them in the source's units, the GRU {gain:.2f}: "
            f"{gain - markov:.2f} beyond the Markov chain that the paper names as its baseline, and "
            f"{mean(cube, 'efficiency', mode='full'):.1%} of what the exact filter reaches."
        )
        if rnn is not None:
            readout = mean(rnn.sel(time_channel="full_time"), "delta_nll", mode="readout")
            text += (
                f" The RNN of which only the readout was trained gains {readout:.2f}, to be "
                "compared with the Markov chain's."
            )
        lines.append(text)
    times = [name for name in ("regime-time-rnn", "regime-time-gru") if name in published]
    if times:
        values = "; ".join(
            f"{name[-3:].upper()} "
            + ", ".join(
                f"{mean(published[name], 'delta_nll', mode='full', time_channel=c):.2f} ({c})"
                for c in published[name].time_channel.values
            )
            for name in times
        )
        lines.append(
            "**The time ablation in the regime world was never made.** The source's program gives "
            "these networks the clock whatever its tables say, so that the rows of Table 6 are one "
            f"experiment. Ours without the clock: {values}."
        )
    if "oscillator-null-gru" in published:
        cube = published["oscillator-null-gru"]
        leak = mean(cube, "delta_nll", mode="full")
        linear = float((cube.nll_reference - cube.nll_optimal).mean())
        text = (
            f"**The shuffled null keeps something to predict.** On shuffled sequences the GRU gains {leak:.2f} nats per "
            "step: a shuffled sequence is exchangeable, not independent, and what has been seen "
            f"will not be seen again. The best linear use of that gains {linear:.2f}."
        )
        if "oscillator-null-gru" in corrected:
            own = mean(
                corrected["oscillator-null-gru"], "delta_nll", mode="full", condition="resample"
            )
            text += f" Where values are permuted across sequences instead, it gains {own:.4f}."
        lines.append(text)
    phase = {
        name: cube
        for name, cube in corrected.items()
        if "phase" in cube.condition.values and "claim_state" in cube
    }
    if phase:
        over = {
            name: float(
                (cube.nll_best_baseline - cube.nll.sel(mode="full")).sel(condition="phase").mean()
            )
            for name, cube in phase.items()
        }
        values = ", ".join(f"{gain:+.3f} ({name})" for name, gain in over.items())
        lines.append(
            "**It is not spectrally matched either.** Shuffling whitens the spectrum. In surrogates "
            "with the spectrum of each sequence the networks are better than the best alternative of "
            f"the world by {values} nats per step."
            + (" None of them gains anything there." if max(over.values()) < 0.01 else "")
        )
    if "oscillator-rnn" in published:
        cube = published["oscillator-rnn"].sel(hidden_size=16)
        noise, untrained, trained = (
            float(cube[variable].sel(condition="structured", mode=mode).isel(latent=0).mean())
            for variable, mode in (
                ("probe_score_noise", "full"), ("probe_score", "random"), ("probe_score", "full"),
            )
        )  # fmt: skip
        lines.append(
            "**The control of the probes was noise.** What the source calls a random network is "
            f"random numbers (R2 {noise:.3f}). The untrained network itself decodes x with "
            f"R2 {untrained:.3f}, the trained one with {trained:.3f}."
        )
    return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, start=1))


def updates(published):
    """Return the section on networks of the regime world after fewer updates."""
    rows = []
    for model in ("rnn", "gru"):
        end = published[f"regime-time-{model}"].sel(time_channel="full_time")
        cube = published[f"regime-updates-{model}"].sel(condition="structured", mode="full")
        last = end.sel(condition="structured", mode="full").expand_dims(max_steps=[20_000])
        for part in (cube, last):
            for steps in part.max_steps.values.tolist():
                at = part.sel(max_steps=steps)
                probe = float(at.probe_score.mean())
                rows.append(
                    (model, steps, float(at.delta_nll.mean()), float(at.delta_nll.std()), probe)
                )
        told = load_published(TABLES)
        told = told[(told.world == "regime") & (told.model == model)]
        spread = told.delta_nll_seed_std.mean()
        rows.append((model, "published", told.delta_nll.mean(), spread, told.probe_r2.mean()))
    columns = ["model", "updates", "gain", "standard deviation over seeds", "probe R2"]
    frame = pd.DataFrame(rows, columns=columns)
    nearest, surplus = {}, {}
    for model, part in frame.groupby("model"):
        *ours, told = part.itertuples()
        nearest[model] = min(ours, key=lambda row: abs(row.gain - told.gain)).updates
        surplus[model] = ours[-1].gain - told.gain
    return (
        "### The regime world after fewer updates\n\n"
        "Why are our gains in the regime world higher? After fewer updates they are not. The gain "
        f"of the published networks is that of ours after {nearest['gru']:,} updates (GRU) and "
        f"{nearest['rnn']:,} (RNN), and their spread over seeds and the decoding of the regime fit "
        f"there, too. After 20,000 ours gain {surplus['gru']:.2f} and {surplus['rnn']:.2f} nats more, "
        "and the regime is decoded better. The networks of the paper may have been trained for "
        "fewer updates than its text says; nothing in the text decides it. A large spread of the GRU "
        "is one seed that has fallen back for some updates. The published line is the mean of the "
        f"published rows.\n\n{table(frame)}"
    )


def calibration():
    """Return the table of what the slow tests measured where the truth is known."""
    frames = [pd.read_csv(path) for path in sorted(CALIBRATION.glob("*.csv"))]
    return table(pd.concat(frames, ignore_index=True))


def recurrent_part(published, corrected, figures):
    """Return the paragraphs, and a line of what agrees."""
    sections, rows = comparisons(published)
    agree = int((rows.finding == "agrees").sum())
    apart = rows[rows.finding != "agrees"]
    names = [name for name in RECIPES if name.startswith("recurrent-figure")]
    drawn = [line for name in names if (line := draw(name, published, figures))]
    found = f"{agree} of {len(rows)} values agree"
    parts = [
        "# *Emergence Without Scale*, row by row",
        "A value agrees within two of the published standard deviations over seeds (a row without one "
        "takes the largest published for the same network and world), or within 0.02 (oscillator), "
        "0.4 (regime) or 0.15 (nulls) nats per step. `spreads` is the difference in units of the "
        "published standard deviation, where it is known.",
        f"**{found}** under the published protocol; {len(load_published(TABLES))} were published. "
        + once(rows),
        *sections,
    ]
    if len(apart):
        parts += ["### What does not agree", table(apart)]
    if {"regime-updates-rnn", "regime-updates-gru"} <= set(published):
        parts += [updates(published)]
    parts += ["## Figures", *drawn] if drawn else []
    parts += ["## What the source gets wrong", corrections(published, corrected)]
    parts += verdict_part(corrected)
    if CALIBRATION.exists():
        parts += [
            "## What the tests do where the truth is known",
            "Share of simulated assessments in which a test was significant at .05, or a verdict "
            "was given; `make test-slow` measures them. With five seeds an exact test attains "
            ".031. In the first blocks nothing is there; *stickiness* is the probability that a "
            "binary chain stays as it is (.5 is a fair coin) and *noise* the standard deviation "
            "of the oscillator's observation.",
            calibration(),
        ]
    return parts, found
