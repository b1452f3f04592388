"""Draw the figures of docs/linear-systems.md.

    python docs/make_linear_systems.py

Those of filters are computed on the spot; that of networks needs the cubes that
docs/make_reproduction.py keeps in datasets/cubes.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.linalg import block_diag

from sklearn_emerge import (
    CriticalLengthDisplay,
    LinearSystemWorld,
    PredictionRiskDisplay,
    RestrictedLinearPredictor,
    load_cube,
)
from sklearn_emerge.assessment._words import arm_in_words
from sklearn_emerge.datasets import load_published
from sklearn_emerge.displays._style import ARM_COLORS, PALETTE
from sklearn_emerge.linear_systems import (
    PredictionRiskSweep,
    critical_filter_length,
    equivalent_filter_length,
    excess_risk,
)

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "figures"
CUBES = ROOT / "datasets" / "cubes"


def risk_figure():
    """Total risk against the length, and the critical length against the horizon."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    walk = LinearSystemWorld.random_walk(0.1)
    sweep = PredictionRiskSweep(walk, None, range(1, 21), [100, 1000, 10_000, 100_000]).fit()
    PredictionRiskDisplay.from_estimator(sweep, ax=left)
    left.set_title("noisy random walk, q/r = 0.1", loc="left", fontsize=11)
    for ratio in (1.0, 0.1, 0.01):
        sweep = PredictionRiskSweep(
            LinearSystemWorld.random_walk(ratio), None, range(1, 80), [10**k for k in range(2, 7)]
        ).fit()
        CriticalLengthDisplay.from_estimator(sweep, label=f"q/r = {ratio:g}", ax=right)
    right.set_title("total excess risk of one innovation variance", loc="left", fontsize=11)
    return figure


def stability_figure():
    """Risk per step against the horizon, for lengths around the shortest stable length."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    systems = {
        "local linear trend": LinearSystemWorld.local_linear_trend(),
        "Jordan block of 3": LinearSystemWorld.jordan_block(3),
    }
    for ax, (title, world) in zip(figure.subplots(1, 2), systems.items(), strict=True):
        horizons = [10**k for k in range(2, 7)]
        cube = PredictionRiskSweep(world, None, range(1, 5), horizons).fit().cube_
        for length, color in zip(cube.length.values, PALETTE, strict=False):
            risk = cube.risk.sel(length=length)
            ax.loglog(horizons, risk, "o-", markersize=4, color=color, label=length)
        ax.set_title(
            f"{title}: shortest stable length {int(cube.shortest_stable_length)}",
            loc="left",
            fontsize=11,
        )
        ax.set_xlabel("horizon (steps)")
        ax.set_ylabel("excess risk per step (squared units of the data)")
        ax.legend(title="filter length", frameon=False, fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def source_figure():
    """Figure 1 of the paper, with the published values."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    published = load_published("linear-systems-figure1")
    for ax, radius in zip(figure.subplots(1, 2), (1.0, 1.1), strict=True):
        A = block_diag(radius * np.eye(4) + np.eye(4, k=1), 0.4 * np.eye(3))
        sweep = PredictionRiskSweep(
            LinearSystemWorld(A, 1.0, 1.0, 0.0, initial=1.0),
            RestrictedLinearPredictor("block"),
            range(1, 8),
            [11, 71],
        ).fit()
        PredictionRiskDisplay.from_estimator(sweep, quantity="log1p", ax=ax)
        rows = published[published.spectral_radius == radius]
        ax.plot(rows.k, rows.log1p_risk, "x", color="black", markersize=8, label="published")
        ax.set_title(
            f"Jordan block of 4 at {radius:g}, and three modes at 0.4", loc="left", fontsize=11
        )
        ax.legend(frameon=False, fontsize=9)
    return figure


def network_figure():
    """What filter length trained networks are worth: seeds and their median, which may be infinite."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    for ax, name in zip(figure.subplots(1, 2, sharey=True), ("rnn", "gru"), strict=True):
        cube = load_cube(CUBES / f"random-walk-{name}-corrected.nc")
        for shift, mode in ((-0.08, "full"), (0.08, "readout")):
            color = ARM_COLORS[mode]
            for i, q in enumerate(cube.world__Q.values):
                world = LinearSystemWorld.random_walk(q)
                risk = excess_risk(cube.sel(world__Q=q), world).sel(mode=mode)
                lengths = equivalent_filter_length(risk, world).values
                ax.plot(
                    np.full(lengths.size, i + shift),
                    lengths,
                    "o",
                    color=color,
                    alpha=0.4,
                    markersize=4,
                )
                ax.plot(
                    i + shift,
                    np.median(lengths),
                    "_",
                    color=color,
                    markersize=18,
                    markeredgewidth=2,
                    label=arm_in_words(mode) if i == 0 else None,
                )
        critical = [critical_filter_length(q, 1.0, world.n_steps) for q in cube.world__Q.values]
        ax.plot(
            range(len(critical)),
            critical,
            "D",
            color="black",
            markersize=5,
            label="critical length",
        )
        ax.set_xticks(range(cube.sizes["world__Q"]), [f"{q:g}" for q in cube.world__Q.values])
        ax.set_xlabel("signal-to-noise ratio q/r")
        ax.set_ylabel("equivalent filter length (steps)")
        ax.set_title(f"{name.upper()} of 16 units, 100 steps", loc="left", fontsize=11)
        ax.legend(frameon=False, fontsize=9, loc="upper left")
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def main():
    """Draw all of them."""
    figures = {"risk": risk_figure, "stability": stability_figure, "figure-1": source_figure}
    if all((CUBES / f"random-walk-{name}-corrected.nc").exists() for name in ("rnn", "gru")):
        figures["networks"] = network_figure
    for name, draw in figures.items():
        draw().savefig(FIGURES / f"linear-systems-{name}.png", dpi=110)


if __name__ == "__main__":
    main()
