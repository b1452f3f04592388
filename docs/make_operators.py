"""Assess two worlds, draw figures, and write docs/operators.md from the cubes.

    python docs/make_operators.py [--page-only] [NAME ...]

The page shows the code of the functions below, as it is run. Cubes go to datasets/cubes, one
NetCDF file a world: some minutes each on one core. `--page-only` trains nothing, and leaves the
figure of phase portraits as it is, which takes half a minute.
"""

import argparse
import inspect
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from page import CUBES, write
from sklearn.base import clone

from sklearn_emerge import (
    FlipFlopWorld,
    ForecastErrorDisplay,
    GRUPredictor,
    LorenzWorld,
    OscillatorWorld,
    PhasePortraitDisplay,
    explain,
    load_cube,
)
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._flow import flow_ratios
from sklearn_emerge.assessment._left_alone import final_errors
from sklearn_emerge.assessment._verdict import loss_fall
from sklearn_emerge.operators import fixed_points, flow_errors, lyapunov_spectrum

DOCS = Path(__file__).parent
FIGURES = DOCS / "figures"


def exponents(network, sample):
    """The three largest Lyapunov exponents, in nats a step."""
    found = {
        loop: lyapunov_spectrum(network, sample.X[:16], loop=loop, n_exponents=3, random_state=0)
        for loop in ("driven", "closed")
    }
    loops = pd.Index(list(found), name="loop")
    return xr.concat([each.mean("sequence") for each in found.values()], loops)


def bits_at_rest(network, sample):
    """How many combinations of three bits rest and attract when the network is left alone."""
    found = fixed_points(network, sample.X[:50], random_state=0)
    bits = found.outputs[found.stable, 3:]
    clear = bits[(np.abs(bits) > 0.5).all(axis=1)]
    return {"combinations": len(np.unique(clear > 0, axis=0)), "rest_points": len(found.outputs)}


def from_the_forecast(network, sample):
    """How far it is from the best possible forecast, in which pulses may come."""
    unseen = FlipFlopWorld().sample(200, random_state=1)
    errors = flow_errors(network, unseen, target="forecast")
    return float(np.sqrt((errors[:, -1] ** 2).mean()))


def middles_at_rest(network, sample):
    """The rest points whose outputs are within 1 of those of the world."""
    world = LorenzWorld()
    shown = world.emission(world.rest_points().points)
    found = fixed_points(network, sample.X[:50], random_state=0)
    table = np.full((3, 3), np.nan)
    for row, x in zip(table, shown, strict=True):
        apart = np.abs(found.outputs[:, 0] - x)
        if apart.size and apart.min() < 1:
            i = apart.argmin()
            row[:] = found.outputs[i, 0], found.growth[i], found.angle[i]
    points = pd.Index(["origin", "left", "right"], name="point")
    return xr.DataArray(table, {"point": points, "of": ["output", "growth", "angle"]})


def flip_flop():
    from sklearn_emerge import EmergenceAssessment, FlipFlopWorld, GRUPredictor

    model = GRUPredictor(hidden_size=16, max_steps=2000, time_channel=None)
    assessment = EmergenceAssessment(
        FlipFlopWorld(n_bits=3),
        model,
        probe=None,
        reservoir_sizes=(16, 32, 64, 128, 256),
        record_at=[2000],
        measures={
            "exponents": exponents,
            "bits_at_rest": bits_at_rest,
            "from_the_forecast": from_the_forecast,
        },
        n_seeds=5,
        n_train=1000,
        n_eval=300,
        random_state=0,
    ).fit()
    return assessment


def lorenz():
    from sklearn_emerge import EmergenceAssessment, GRUPredictor, LorenzWorld

    model = GRUPredictor(hidden_size=16, max_steps=6000, time_channel=None)
    assessment = EmergenceAssessment(
        LorenzWorld(n_steps=100),
        model,
        probe=None,
        reservoir_sizes=(16, 32, 64, 128, 256),
        record_at=[6000],
        measures={"exponents": exponents, "middles_at_rest": middles_at_rest},
        n_seeds=5,
        n_train=1000,
        n_eval=300,
        random_state=0,
    ).fit()
    return assessment


# Of the flow of Lorenz, in nats a unit of time (Sprott 2003).
LORENZ_EXPONENTS = 0.9056, 0.0, -14.572

# Worlds by name, with the function that assesses and the measures that it names.
EXAMPLES = {
    "flip-flop": (flip_flop, (exponents, bits_at_rest, from_the_forecast)),
    "lorenz": (lorenz, (exponents, middles_at_rest)),
}


def path_of(name):
    """Return the file of a cube."""
    return CUBES / f"operators-{name}.nc"


def code_of(function):
    """Return what a reader types: the body of a function without what it returns."""
    body = inspect.getsource(function).partition(":\n")[2]
    return textwrap.dedent(body).removesuffix("return assessment\n").strip()


def errors_of(cube):
    """Return how far what is left alone is from its target, over the longest horizon, by seed."""
    errors = final_errors(cube.flow_error)
    trained = errors.sel(mode="full", drop=True)
    found = {
        "network": trained.sel(condition="structured", drop=True),
        "untrained": errors.sel(condition="structured", mode="readout", drop=True),
        "phase": trained.sel(condition="phase", drop=True),
    }
    for other in ("linear", "reservoir", "optimal"):
        if f"flow_error_{other}" in cube:
            found[other] = final_errors(cube[f"flow_error_{other}"])
    return {who: each.values for who, each in found.items()}


def draw(name, folder):
    """Draw how far predictors of a world are from it."""
    display = ForecastErrorDisplay.from_cube(path_of(name))
    display.figure_.savefig(folder / f"operators-{name}.png", dpi=100, bbox_inches="tight")


def exponents_of(networks):
    """Return exponents (3, n_seeds) by loop."""
    found = networks.exponents_trajectory.transpose("loop", "exponent", "seed")
    return dict(zip(found.loop.values.tolist(), found.values, strict=True))


def at_horizon(cube):
    """Return errors by steps ahead, means over prompts and seeds."""
    own = cube.flow_error.sel(condition="structured", mode="full")
    found = {
        "network": own,
        "linear": cube.flow_error_linear,
        "reservoir": cube.flow_error_reservoir,
    }
    return {who: each.mean(["prompt", "seed"]).to_series().to_dict() for who, each in found.items()}


def values_of(name):
    """Return the named values of one world."""
    cube = load_cube(path_of(name))
    here = cube.sel(condition="structured")
    by_seed = errors_of(cube)
    skill = here.get("operator_skill")
    states = cube.claim_state.to_series()
    trained, untrained = (here.sel(mode=mode).isel(step=-1) for mode in ("full", "readout"))
    return {
        "code": code_of(EXAMPLES[name][0]),
        "found": explain(cube).partition("\n\nWhat it is worth")[0].partition("\n\n")[2],
        "verdict": cube.verdict.item(),
        "target": cube.flow_target.item(),
        "ended": not cases_of(cube)[0].falls,
        "fall": loss_fall(here.training_loss.sel(mode="full")).mean("seed").item(),
        "n_seeds": cube.sizes["seed"],
        "lacking": states.index[states != "holds"].tolist(),
        "ratios": {who: each.values for who, each in flow_ratios(cube, 0.5).items()},
        "by_seed": by_seed,
        "errors": {who: each.mean().item() for who, each in by_seed.items()},
        "size": cube.equivalent_reservoir_size.sel(mode="full").item(),
        "efficiency": here.efficiency.sel(mode="full").mean("seed").item(),
        "flow_size": cube.flow_reservoir_size.sel(mode="full").item(),
        "skill": skill.sel(mode="full").mean("seed").item() if skill is not None else None,
        "exponents": exponents_of(trained),
        "at_horizon": at_horizon(cube),
        "exponents_untrained": exponents_of(untrained),
        "cores": final_errors(cube.flow_error_cores).mean("seed").to_series().to_dict(),
        "trained": trained,
        "untrained": untrained,
        "figure": f"figures/operators-{name}.png",
    }


def spectra(trained, untrained):
    """Return the table of exponents in the world of Lorenz, of networks and of the world."""

    def spread(seeds):
        return f"{seeds.mean():.4f} ± {seeds.std(ddof=1):.4f}"

    step = LorenzWorld().time_step
    rows = [
        {
            "exponent": i + 1,
            "driven": spread(trained["driven"][i]),
            "left alone": spread(trained["closed"][i]),
            "untrained, left alone": spread(untrained["closed"][i]),
            "world": f"{step * LORENZ_EXPONENTS[i]:.4f}",
        }
        for i in range(3)
    ]
    return pd.DataFrame(rows)


def middles_of(networks, points):
    """Return what was found of some rest points, in all seeds together, without those missing."""
    found = networks.middles_at_rest_trajectory.sel(point=points)
    values = {name: found.sel(of=name).values.ravel() for name in found.of.values.tolist()}
    return {name: each[~np.isnan(each)] for name, each in values.items()}


def overview(values):
    """Return the table of both worlds."""
    names = {
        "network": "network",
        "untrained": "untrained core",
        "reservoir": "echo-state network",
        "linear": "linear filter",
        "phase": "trained in phase surrogates",
        "optimal": "best possible",
    }
    rows = [
        {"world": name, "against": each["target"]}
        | {
            word: f"{each['errors'][who]:.3f}" if who in each["errors"] else "not known"
            for who, word in names.items()
        }
        | {"verdict": each["verdict"]}
        for name, each in values.items()
    ]
    return pd.DataFrame(rows)


def phase_figure():
    """Paths of a trained network and of its untrained twin when they are left alone."""
    train, evaluation = OscillatorWorld(n_steps=128).split(1000, 300, random_state=0)
    network = GRUPredictor(16, max_steps=1500, lr=0.01, time_channel=None, random_state=0)
    network.fit(train.X)
    twin = clone(network).set_params(training="readout").fit(train.X)
    return PhasePortraitDisplay.from_estimator(network, evaluation, twin=twin, n_steps=200).figure_


def write_page(page=DOCS / "operators.md", figures=FIGURES):
    """Write the page and the figures of the cubes."""
    values = {name: values_of(name) for name in EXAMPLES}
    lorenz = values["lorenz"]
    lorenz["spectra"] = spectra(lorenz["exponents"], lorenz["exponents_untrained"])
    lorenz["middles"] = middles_of(lorenz["trained"], ["left", "right"])
    lorenz["origin"] = middles_of(lorenz["trained"], ["origin"])
    # By what factor errors are smaller than those of a linear filter, at least.
    lorenz["nearer"] = float(np.exp(lorenz["ratios"]["linear"].min()))
    named = {name.replace("-", "_"): each for name, each in values.items()}
    write(page, "operators.md", overview=overview(values), **named)
    figures.mkdir(exist_ok=True)
    for name in EXAMPLES:
        draw(name, figures)


def main():
    """Assess, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help=", ".join(EXAMPLES))
    parser.add_argument("--page-only", action="store_true")
    options = parser.parse_args()
    plt.switch_backend("Agg")
    for name in [] if options.page_only else options.names or EXAMPLES:
        EXAMPLES[name][0]().to_netcdf(path_of(name))
    write_page()
    if not options.page_only:
        phase_figure().savefig(FIGURES / "operators-phase.png", dpi=100)


if __name__ == "__main__":
    main()
