"""Figures of the recipes, made of the package's displays."""

from ..displays import AssessmentDisplay, CapacityCurveDisplay, DecodingDisplay
from ._recipes import RECIPES

# The configuration that stands for a grid where a figure shows one network a world.
_STANDARD = {"hidden_size": 16, "time_channel": "full_time"}


def draw_recipe(recipe, cubes, figure):
    """Draw the figure of a recipe.

    Parameters
    ----------
    recipe : str
        One of `RECIPES`.
    cubes : dict of str to xarray.Dataset
        Result cube of each of its experiments.
    figure : matplotlib.figure.Figure
        Empty; its size is set.
    """
    names = RECIPES[recipe].experiments
    if RECIPES[recipe].figure == "decoding":
        figure.set_size_inches(3.0 + 2.4 * len(names), 4.4)
        single = {name.replace("-time", ""): standard(cubes[name]) for name in names}
        DecodingDisplay.from_cubes(single, axes=figure.subplots(1, 2))
        return
    figure.set_size_inches(5.6 * len(names), 4.4)
    for name, ax in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        cube = cubes[name]
        grid = [name for name in (*_STANDARD, "max_steps", "world__Q") if name in cube.dims]
        if grid:
            CapacityCurveDisplay.from_cube(cube, grid[0], ax=ax)
        else:
            AssessmentDisplay.from_cube(cube, ax=ax)
        ax.set_title(f"{name}: {ax.get_title(loc='left')}", loc="left", fontsize=10)


def standard(cube):
    """Return one configuration of a cube: 16 units, with the clock."""
    return cube.sel({name: value for name, value in _STANDARD.items() if name in cube.dims})
