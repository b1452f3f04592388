"""What the parts of docs/reproduction.md share."""

from pathlib import Path

import numpy as np

from sklearn_emerge import load_cube
from sklearn_emerge.reproduce import EXPERIMENTS, RECIPES

CUBES = Path(__file__).parent.parent / "datasets" / "cubes"


def path_of(name, protocol):
    """Return the file of a cube."""
    return CUBES / f"{name}-{protocol}.nc"


def load_all(protocol):
    """Return the cubes that there are under a protocol."""
    paths = {name: path_of(name, protocol) for name in EXPERIMENTS}
    return {name: load_cube(path) for name, path in paths.items() if path.exists()}


def table(frame):
    """Return a data frame as a table of the page."""

    def cell(value):
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.4g}"
        return str(value)

    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.values.tolist()]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def mean(cube, variable, **place):
    """Return the mean over seeds of one number of a cube."""
    chosen = cube[variable].sel(condition=place.pop("condition", "structured"))
    return float(chosen.sel(place).mean("seed"))


def draw(recipe, cubes, folder):
    """Draw the figure of a recipe and return the line that shows it; None if cubes are missing."""
    from matplotlib.figure import Figure

    from sklearn_emerge.reproduce._figures import draw_recipe

    if not set(RECIPES[recipe].experiments) <= set(cubes):
        return None
    folder.mkdir(exist_ok=True)
    figure = Figure(layout="constrained")
    draw_recipe(recipe, cubes, figure)
    figure.savefig(folder / f"{recipe}.png", dpi=110)
    return f"![{RECIPES[recipe].title}](figures/{recipe}.png)"
