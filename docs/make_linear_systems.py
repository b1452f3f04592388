"""Write docs/linear-systems.md, and draw its figures.

    python docs/make_linear_systems.py [--page-only]

Numbers of filters are computed on the spot; those of networks come from the cubes that
docs/make_reproduction.py keeps in datasets/cubes. The text is in docs/templates, and a sentence that
concludes something is not written if the numbers say otherwise.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from page import CUBES, write
from scipy.linalg import block_diag

from sklearn_emerge import (
    CriticalLengthDisplay,
    LinearSystemWorld,
    PredictionRiskDisplay,
    RestrictedLinearPredictor,
    TruncatedKalmanPredictor,
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
    orbit_dimension,
    shortest_stable_length,
)

DOCS = Path(__file__).parent
FIGURES = DOCS / "figures"
# Variances of a step of the random walks of networks, from little noise to much; that of noise is 1.
RATIOS = (1.0, 0.1, 0.01)
# Lengths between which the critical one lies at the horizons of `slopes`.
_LENGTHS = {1.0: range(3, 11), 0.1: range(12, 25), 0.01: range(34, 68)}


def risk_figure():
    """Total risk against the length, and the critical length against the horizon."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    walk = LinearSystemWorld.random_walk(0.1)
    sweep = PredictionRiskSweep(walk, None, range(1, 21), [100, 1000, 10_000, 100_000]).fit()
    PredictionRiskDisplay.from_estimator(sweep, ax=left)
    left.set_title("noisy random walk, q/r = 0.1", loc="left", fontsize=11)
    for ratio in RATIOS:
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


def source_sweep(radius):
    """Figure 1 of the paper, ours: the block that a learner fits, over 10 and 70 predictions."""
    A = block_diag(radius * np.eye(4) + np.eye(4, k=1), 0.4 * np.eye(3))
    world = LinearSystemWorld(A, 1.0, 1.0, 0.0, initial=1.0)
    return PredictionRiskSweep(
        world, RestrictedLinearPredictor("block"), range(1, 8), [11, 71]
    ).fit()


def source_figure():
    """Figure 1 of the paper, with the points that follow in closed form."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    derived = load_published("linear-systems-figure1")
    for ax, radius in zip(figure.subplots(1, 2), (1.0, 1.1), strict=True):
        PredictionRiskDisplay.from_estimator(source_sweep(radius), quantity="log1p", ax=ax)
        rows = derived[derived.spectral_radius == radius]
        ax.plot(rows.k, rows.log1p_risk, "x", color="black", markersize=8, label="derived")
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
                if np.isinf(lengths).any():
                    # Beyond every length: at the upper edge.
                    ax.plot(
                        i + shift,
                        1.0,
                        "^",
                        color=color,
                        markersize=8,
                        transform=ax.get_xaxis_transform(),
                        clip_on=False,
                        label=f"infinite ({np.isinf(lengths).sum()} of {lengths.size} seeds)",
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


def growth(world, learner, sizes, horizons):
    """Return with which power of the horizon the risk per step of each size grows."""
    return PredictionRiskSweep(world, learner, sizes, horizons).fit().cube_.growth_exponent.values


def slopes(q):
    """Return by how many steps the critical length grows as the horizon grows by a factor e.

    As the sweep has it, as the rate says at which the filter forgets, and as Theorem 4.1 says.
    """
    world = LinearSystemWorld.random_walk(q)
    sweep = PredictionRiskSweep(world, None, _LENGTHS[q], [10_000 * 2**k for k in range(8)]).fit()
    rate = np.exp(-1 / (2 * sweep.reference_slope_))
    return {
        "found": sweep.slope_,
        "theory": sweep.reference_slope_,
        "error": abs(sweep.slope_ / sweep.reference_slope_ - 1),
        "printed": 1 / abs(np.log(1 - rate)),
    }


def filter_values():
    """Return what filters of a random walk in noise are worth, in squared units of the data."""
    walk = LinearSystemWorld.random_walk(0.1)
    horizons = [100, 10_000, 1_000_000]
    one_step = PredictionRiskSweep(walk, None, [1], horizons).fit().cube_
    truncated = growth(walk, TruncatedKalmanPredictor(), [1, 4], [10**5, 10**6])
    return {
        "horizons": horizons,
        "one_step": one_step.risk.values[0],
        "fitted_growth": growth(walk, None, [1, 4], [10**5, 10**6]),
        "truncated_growth": truncated,
        "slopes": [slopes(q) for q in RATIOS],
        "critical": [critical_filter_length(q, 1.0, 100) for q in RATIOS],
        "stable": {
            "shortest": shortest_stable_length([[0.8]], [1.0]),
            "growth": growth(LinearSystemWorld(0.8), None, [1], [10**4, 10**5]),
        },
    }


def parameter_values():
    """Return what is known of families with few parameters, where states are observed."""
    signs, horizons = np.diag([1.0, -1.0]), [10**3, 10**4, 10**5]
    families = [RestrictedLinearPredictor("affine", random_state=seed) for seed in range(5)]
    diagonal = RestrictedLinearPredictor("affine", basis=[np.diag([1.0, 0]), np.diag([0, 1.0])])
    of_random = np.array(
        [
            growth(LinearSystemWorld(signs, 1.0, 1.0, 0.0), family, range(signs.size + 1), horizons)
            for family in families
        ]
    )
    near = signs + 0.001 * np.eye(2, k=1)
    found = load_published("linear-systems-figure1")
    apart = []
    for radius, rows in found.groupby("spectral_radius"):
        cube = source_sweep(radius).cube_
        ours = np.log1p(cube.total_risk / (cube.horizon - 1))
        derived = rows.pivot(index="k", columns="horizon", values="log1p_risk").values
        apart.append(np.abs(ours.transpose("size", "horizon").values - derived).max())
    return {
        "random": {
            "families": len(families),
            "few": of_random[:, : signs.size].ravel(),
            "enough": of_random[:, signs.size],
        },
        "diagonal": growth(LinearSystemWorld(signs, 1.0, 1.0, 0.0), diagonal, [2], horizons)[0],
        "near": growth(
            LinearSystemWorld(near, 1.0, 1.0, 0.0), diagonal, [2], [10**6, 10**7, 10**8]
        )[0],
        "orbits": {
            "block": orbit_dimension(np.eye(4) + np.eye(4, k=1)),
            "identity": orbit_dimension(np.eye(4)),
            "distinct": orbit_dimension(np.diag([1.0, 1.1])),
        },
        "derived": len(found),
        "apart": max(apart),
    }


def network_values(name):
    """Return what trained and untrained networks of one kind are worth, from little noise to much."""
    cube = load_cube(CUBES / f"random-walk-{name}-corrected.nc")
    here = cube.sel(condition="structured")
    lengths = {mode: [] for mode in ("full", "readout")}
    ranges, infinite = [], []
    for q in RATIOS:
        walk = LinearSystemWorld.random_walk(q)
        found = equivalent_filter_length(excess_risk(cube.sel(world__Q=q), walk), walk)
        for mode, each in lengths.items():
            each.append(found.sel(mode=mode).median("seed").item())
        trained = found.sel(mode="full").values
        finite = trained[np.isfinite(trained)]
        ranges.append({"low": finite.min(), "high": finite.max()})
        infinite.append(trained.size - finite.size)
    claims = here.claim_effect.sel(world__Q=list(RATIOS))
    low, high = (here[f"claim_{end}"].sel(world__Q=list(RATIOS)) for end in ("low", "high"))
    states = here.claim_state.sel(world__Q=list(RATIOS))
    decoded = here.probe_score.sel(world__Q=0.01).mean(["seed", "latent"])
    return {
        "lengths": lengths,
        "ranges": ranges,
        "infinite": infinite,
        "tenfold": np.divide(lengths["full"][1:], lengths["full"][:-1]),
        "share": np.divide(lengths["readout"], lengths["full"]),
        "verdicts": cube.verdict.sel(world__Q=list(RATIOS)).values.tolist(),
        "core": claims.sel(claim="core").values,
        "core_low": low.sel(claim="core").values,
        "core_high": high.sel(claim="core").values,
        "gain": claims.sel(claim="gain").values,
        "reservoir": claims.sel(claim="reservoir").values,
        "reservoir_low": low.sel(claim="reservoir").values,
        "reservoir_high": high.sel(claim="reservoir").values,
        "reservoir_state": states.sel(claim="reservoir").values.tolist(),
        "margin": cube.claim_margin.sel(claim="core").max().item(),
        "representation": claims.sel(claim="representation x").max().item(),
        "filter": (here.nll_best_baseline - here.nll_optimal).max().item(),
        "decoded": {mode: decoded.sel(mode=mode).item() for mode in lengths},
        "n_units": json.loads(cube.attrs["configuration"])["model"]["hidden_size"],
        "n_seeds": cube.sizes["seed"],
    }


def write_page(page=DOCS / "linear-systems.md"):
    """Write the page."""
    write(
        page,
        "linear-systems.md",
        filters=filter_values(),
        parameters=parameter_values(),
        networks={name: network_values(name) for name in ("rnn", "gru")},
    )


def draw(folder=FIGURES):
    """Draw all figures."""
    figures = {
        "risk": risk_figure,
        "stability": stability_figure,
        "figure-1": source_figure,
        "networks": network_figure,
    }
    for name, figure in figures.items():
        figure().savefig(folder / f"linear-systems-{name}.png", dpi=110)


def main():
    """Write the page, and draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--page-only", action="store_true")
    options = parser.parse_args()
    write_page()
    if not options.page_only:
        draw()


if __name__ == "__main__":
    main()
