"""Assess recordings that others have made, and write docs/recordings.md from the cubes.

    python docs/make_recordings.py [--page-only] [NAME ...]

The page shows the code of the functions below, as it is run. Cubes go to datasets/cubes, one
NetCDF file a data set. Five minutes on one core; statsmodels and aeon bring the data
(pip install -e ".[recordings]", without constraints.txt: aeon wants an older numba and pandas).
"""

import argparse
import inspect
import textwrap
from pathlib import Path

import pandas as pd
from page import CUBES, mean, write

from sklearn_emerge import (
    AssessmentDisplay,
    DecodingDisplay,
    TrajectoryDisplay,
    explain,
    load_cube,
)
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._verdict import loss_fall
from sklearn_emerge.assessment._words import baseline_in_words

DOCS = Path(__file__).parent


def sunspots():
    from statsmodels.datasets import sunspots

    from sklearn_emerge import ArrayWorld, EmergenceAssessment, GRUPredictor

    table = sunspots.load_pandas().data.set_index("YEAR")
    world = ArrayWorld.from_recording(table.SUNACTIVITY, length=20, gap=12)
    model = GRUPredictor(
        hidden_size=8,
        lr=0.003,
        max_steps=1000,
        time_channel=None,
        early_stopping=True,
        validation_fraction=0.2,
    )
    assessment = EmergenceAssessment(world, model, n_seeds=10, random_state=0).fit()
    return assessment


def el_nino():
    from statsmodels.datasets import elnino

    from sklearn_emerge import ArrayWorld, EmergenceAssessment, GRUPredictor

    table = elnino.load_pandas().data.set_index("YEAR")
    world = ArrayWorld(table, groups=table.index // 6)
    model = GRUPredictor(
        hidden_size=8,
        lr=0.003,
        max_steps=4000,
        early_stopping=True,
        validation_fraction=0.2,
    )
    assessment = EmergenceAssessment(world, model, n_seeds=10, random_state=0).fit()
    return assessment


def basic_motions():
    import xarray as xr
    from aeon.datasets import load_basic_motions

    from sklearn_emerge import ArrayWorld, EmergenceAssessment, GRUPredictor

    X, activity = load_basic_motions()
    X = xr.DataArray(X, dims=("trial", "channel", "time"))
    world = ArrayWorld(X, latents=activity, latent_names=["activity"])
    model = GRUPredictor(
        hidden_size=8,
        lr=0.003,
        max_steps=2000,
        time_channel=None,
        early_stopping=True,
        validation_fraction=0.2,
    )
    assessment = EmergenceAssessment(
        world,
        model,
        margin=0.06,  # .01 a channel
        record_at=[0, 250, 500, 750, 1000, 1500, 2000],
        n_seeds=10,
        random_state=0,
    ).fit()
    return assessment


def japanese_vowels():
    from aeon.datasets import load_japanese_vowels

    from sklearn_emerge import ArrayWorld, EmergenceAssessment, GRUPredictor

    X, speaker = load_japanese_vowels()
    world = ArrayWorld([x.T for x in X], latents=speaker, latent_names=["speaker"])
    model = GRUPredictor(hidden_size=16, max_steps=1000, time_channel=None)
    assessment = EmergenceAssessment(
        world,
        model,
        margin=0.12,  # .01 a channel
        n_seeds=10,
        random_state=0,
    ).fit()
    return assessment


# Data sets by name, with what is drawn of each.
EXAMPLES = {
    "sunspots": (sunspots, AssessmentDisplay),
    "el-nino": (el_nino, AssessmentDisplay),
    "basic-motions": (basic_motions, TrajectoryDisplay),
    "japanese-vowels": (japanese_vowels, DecodingDisplay),
}


def path_of(name):
    """Return the file of a cube."""
    return CUBES / f"recordings-{name}.nc"


def code_of(function):
    """Return what a reader types: the body of a function without what it returns."""
    body = inspect.getsource(function).partition(":\n")[2]
    return textwrap.dedent(body).removesuffix("return assessment\n").strip()


def draw(name, folder):
    """Draw the figure of a data set."""
    folder.mkdir(exist_ok=True)
    display = EXAMPLES[name][1].from_cube(path_of(name))
    display.figure_.savefig(folder / f"recordings-{name}.png", dpi=110, bbox_inches="tight")


def values_of(name):
    """Return the named values of one data set."""
    cube = load_cube(path_of(name))
    here = cube.sel(condition="structured")
    baselines = here.delta_nll_baseline.mean("seed").to_series().to_dict()
    claims = cube[["claim_effect", "claim_low", "claim_high"]].to_dataframe()
    return {
        **course_of(here),
        "cube": cube,
        "code": code_of(EXAMPLES[name][0]),
        "found": explain(cube).partition("\n\nWhat it is worth")[0].partition("\n\n")[2],
        "figure": f"figures/recordings-{name}.png",
        "verdict": cube.verdict.item(),
        "states": cube.claim_state.to_series().to_dict(),
        "claims": claims.to_dict("index"),
        "full": mean(cube, "delta_nll", mode="full"),
        "readout": mean(cube, "delta_nll", mode="readout"),
        "baselines": baselines,
        "chosen": baseline_in_words(here.best_baseline.item()),
        "reference": here.reference.item(),
        "ended": not cases_of(cube)[0].falls,
        "stopped": stopped_of(here),
        "fall": loss_fall(here.training_loss.sel(mode="full")).mean("seed").item(),
        "n_parameters": int(here.n_parameters.sel(mode="full").mean()),
    }


def stopped_of(here):
    """Return how many networks stopped early."""
    return int(here.stopped_at.sel(mode="full").notnull().sum()) if "stopped_at" in here else 0


def course_of(here):
    """Return when in training the network was best, by its gain over the best baseline."""
    if "nll_trajectory" not in here:
        return {}
    gain = here.nll_best_baseline - here.nll_trajectory.sel(mode="full")
    gain = gain.mean("seed").to_series()
    return {
        "early_step": gain.idxmax(),
        "early_gain": gain.max(),
        "late_step": gain.index[-1],
        "late_gain": gain.iloc[-1],
    }


def overview(values):
    """Return the table of all data sets."""
    rows = [
        {
            "data": name.replace("-", " "),
            "over": baseline_in_words(each["reference"]),
            "network": f"{each['full']:+.2f}",
            "untrained core": f"{each['readout']:+.2f}",
            "linear filter": f"{each['baselines']['linear_filter']:+.2f}",
            "window": f"{each['baselines']['window']:+.2f}",
            "verdict": each["verdict"],
        }
        for name, each in values.items()
    ]
    return pd.DataFrame(rows)


def write_page(page=DOCS / "recordings.md", figures=DOCS / "figures"):
    """Write the page and its figures from the cubes."""
    values = {name: values_of(name) for name in EXAMPLES}
    for name in EXAMPLES:
        draw(name, figures)
    named = {name.replace("-", "_"): each for name, each in values.items()}
    undecided = [each for each in values.values() if each["verdict"] == "undecided"]
    early = [each for each in values.values() if "validation_loss" in each["cube"]]
    write(
        page,
        "recordings.md",
        overview=overview(values),
        undecided=len(undecided),
        n_early=len(early),
        stopped=sum(each["stopped"] for each in early),
        all_ended=all(each["ended"] for each in values.values()),
        **named,
    )


def main():
    """Assess, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help=", ".join(EXAMPLES))
    parser.add_argument("--page-only", action="store_true")
    options = parser.parse_args()
    for name in [] if options.page_only else options.names or EXAMPLES:
        EXAMPLES[name][0]().to_netcdf(path_of(name))
    write_page()


if __name__ == "__main__":
    main()
