"""What the pages share: templates of named values, and sentences that are checked."""

from itertools import count
from pathlib import Path

import jinja2
import numpy as np

from sklearn_emerge import load_cube
from sklearn_emerge.reproduce import EXPERIMENTS, RECIPES

DOCS = Path(__file__).parent
CUBES = DOCS.parent / "datasets" / "cubes"


class FalseSentenceError(AssertionError):
    """A sentence of a page that the numbers do not bear out."""


def says(holds, caller, **numbers):
    """Return the sentence of a block of a template if it holds; raise an error if it does not.

    A template that concludes something says what has to hold for it, and by which numbers::

        {% call says(p <= 0.05, p=p) %}
        The map is learned.
        {% endcall %}
    """
    sentence = caller()
    if not holds:
        found = ", ".join(f"{name} = {value}" for name, value in numbers.items())
        raise FalseSentenceError(
            f'The page would say "{" ".join(sentence.split())}", which is not so: {found}. Write '
            "in docs/templates what the numbers say."
        )
    return sentence


def write(page, template, **values):
    """Write a page from a template of docs/templates; every name in it needs a value."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(DOCS / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"f": format, "table": table}
    environment.globals |= {"says": says, "number": count(1).__next__}
    page.write_text(environment.get_template(template).render(values))


def table(frame):
    """Return a data frame as a table of the page."""

    def cell(value):
        if isinstance(value, float):
            return "" if np.isnan(value) else f"{value:.4g}"
        return str(value)

    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.values.tolist()]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def path_of(name, protocol):
    """Return the file of a cube."""
    return CUBES / f"{name}-{protocol}.nc"


def load_all(protocol):
    """Return the cubes that there are under a protocol."""
    paths = {name: path_of(name, protocol) for name in EXPERIMENTS}
    return {name: load_cube(path) for name, path in paths.items() if path.exists()}


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
