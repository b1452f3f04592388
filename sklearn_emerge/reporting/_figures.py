"""Figures of a report, as pictures that are part of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product, zip_longest
from typing import TYPE_CHECKING, Any

from .._images import data_uri
from ..assessment._labels import STRUCTURED
from ..assessment._verdict import looks_at_held_out
from ..assessment._words import arm_in_words, condition_in_words, in_digits, listed
from ..displays import (
    AssessmentDisplay,
    CapacityCurveDisplay,
    DecodingDisplay,
    ForecastErrorDisplay,
    MemoryDisplay,
    TrajectoryDisplay,
)
from ..displays._captions import arms_in_words, gains_in_words, readable
from ..displays._forecast_error import errors_in_words
from ..displays._style import NO_MATPLOTLIB
from ._facts import setting
from ._training import draw_training, trained_arms
from ._world import draw_world

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ..assessment._case import Case
    from ..worlds import World
    from ._facts import Facts


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes
    ----------
    uri : str
        The picture itself.
    alt : str
        What it shows, for those who cannot see it.
    caption : str
        Its caption.
    """

    uri: str
    alt: str
    caption: str


def draw(draw_it: Callable[[Figure], object], alt: str, caption: str) -> Picture:
    """Draw a figure of our own.

    Parameters
    ----------
    draw_it : callable
        Draws on the empty figure that it is given.
    alt, caption : str
        See `Picture`.

    Returns
    -------
    Picture
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ImportError(NO_MATPLOTLIB) from error

    figure = Figure(layout="constrained")
    draw_it(figure)
    return Picture(_encode(figure), alt, caption)


def show(display: Any, alt: str, caption: str) -> Picture:
    """Return the figure of a display, and close it."""
    import matplotlib.pyplot as plt

    picture = Picture(_encode(display.figure_), alt, caption)
    plt.close(display.figure_)
    return picture


def _encode(figure: Figure) -> str:
    """Return a figure as SVG in a data URI, with text as paths and the same at every run."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "sklearn_emerge", "svg.fonttype": "path"}):
        return data_uri(figure, "svg", bbox_inches="tight", metadata={"Date": None})


def curves(facts: Facts, most: int) -> tuple[list[Picture], int]:
    """Return gains against each parameter that varies.

    Parameters
    ----------
    facts : Facts
        The cube.
    most : int
        How many curves are drawn at most.

    Returns
    -------
    pictures : list of Picture
        One for each parameter of numbers (or the first one) and each combination of the others.
    n_left : int
        How many are left out.
    """
    varied = [name for name, values in facts.grid.items() if len(values) > 1]
    of_numbers = [name for name in varied if facts.cube[name].dtype.kind in "iuf"]
    shown = of_numbers or varied[:1]
    plans = [_selections(facts.grid, parameter) for parameter in shown]
    # In turn, so that none of the parameters is left out for another.
    in_turn = [plan for plan in chain(*zip_longest(*plans)) if plan is not None]
    drawn = sorted(in_turn[:most], key=lambda plan: shown.index(plan[0]))
    return [_curve(facts, *plan) for plan in drawn], len(in_turn) - len(drawn)


def _selections(
    grid: Mapping[str, Sequence[Any]], parameter: str
) -> list[tuple[str, dict[str, Any]]]:
    """Return the parameter with each combination of the others."""
    others = {name: values for name, values in grid.items() if name != parameter}
    combinations = product(*others.values())
    return [(parameter, dict(zip(others, values, strict=True))) for values in combinations]


def _curve(facts: Facts, parameter: str, selection: Mapping[str, Any]) -> Picture:
    """Return the gains against a parameter where the others have the values of a selection."""
    here = facts.cube.sel(selection).sel(condition=STRUCTURED)
    alt = "; ".join(
        f"{setting(parameter, value)}: {arms_in_words(here.sel({parameter: value}))}"
        for value in facts.grid[parameter]
    )
    varied = [each for each in selection.items() if len(facts.grid[each[0]]) > 1]
    fixed = listed([setting(*each) for each in varied]) if varied else ""
    caption = f"Gain over the reference against {readable(parameter)}"
    return show(
        CapacityCurveDisplay.from_cube(facts.cube, parameter, **selection),
        f"{caption}. {alt}.",
        f"{caption}{f' ({fixed})' if fixed else ''}.",
    )


def figures_of(case: Case) -> list[Picture]:
    """Return the figures of one configuration: gains, memory, dynamics, decoding, trajectories.

    Parameters
    ----------
    case : Case
        The configuration.

    Returns
    -------
    list of Picture
    """
    cube = case.cube
    pictures = [
        show(
            AssessmentDisplay.from_cube(cube),
            f"Gain over the reference in the world and in its nulls. {gains_in_words(cube)}.",
            "Gain over the reference in the world and in its nulls.",
        )
    ]
    curve = _memory_curve(cube)
    if curve is not None:
        pictures.append(_show_memory(cube, curve))
    if "flow_error" in cube and cube.flow_error.notnull().any():
        pictures.append(_show_forecasts(cube))
    if "probe_score" in cube:
        pictures.append(_show_decoding(case))
    return pictures + _trajectories(cube)


def _memory_curve(cube: xr.Dataset) -> xr.DataArray | None:
    """Return the memory curves of a configuration, None where there is no curve."""
    if "nll_memory" not in cube:
        return None
    # Windows of other configurations may be longer.
    curve = cube.nll_memory.dropna("window", how="all")
    return curve if curve.sizes["window"] > 1 else None


def _show_memory(cube: xr.Dataset, curve: xr.DataArray) -> Picture:
    windows, losses = curve.window.values, curve.mean("seed")
    arms = []
    for mode in curve.mode.values.tolist():
        ends = losses.sel(mode=mode, window=windows[[0, -1]]).values
        (first,), (last,) = map(in_digits, ends)
        arms.append(f"{arm_in_words(mode)}: {first} from the last input alone, {last} from all")
    return show(
        MemoryDisplay.from_cube(cube.sel(window=windows)),
        f"Loss in nats per step against the number of last inputs seen. {'; '.join(arms)}.",
        "Loss against the number of last inputs that networks see.",
    )


def _show_forecasts(cube: xr.Dataset) -> Picture:
    display = ForecastErrorDisplay.from_cube(cube)
    said = errors_in_words({**display.errors, **(display.compared or {})})
    return show(
        display,
        f"{said[:1].upper()}{said[1:]}.",
        "Error of networks that are left alone against the number of steps ahead, by how many "
        "steps they have seen.",
    )


def _show_decoding(case: Case) -> Picture:
    latents = []
    for latent in case.cube.latent.values.tolist():
        scores = [
            f"{in_digits(score)[0]} {name}" for name, (score, _) in case.scores(latent).items()
        ]
        latents.append(f"{latent}: {listed(scores)}")
    return show(
        DecodingDisplay.from_cube(case.cube),
        f"Scores of decoding each latent, beside the gain. {'; '.join(latents)}.",
        "What can be decoded from hidden states, beside what is predicted.",
    )


def _trajectories(cube: xr.Dataset) -> list[Picture]:
    pictures = []
    for name in cube.data_vars:
        if not name.endswith("_trajectory"):
            continue
        measure = name.removesuffix("_trajectory")
        more = [d for d in cube[name].dims if d not in ("condition", "mode", "seed", "step")]
        # Of more dimensions than one nobody has said which entries matter.
        if len(more) > 1:
            continue
        along = more[0] if more else "mode"
        display = TrajectoryDisplay.from_cube(cube, measure, along=along)
        steps = display.trajectory.step.values
        title = cube[name].attrs.get("long_name", f"{measure} in the course of training")
        title = title[:1].upper() + title[1:]
        pictures.append(
            show(
                display,
                f"{title}, a line each {along}, from update {steps[0]:,} to {steps[-1]:,}.",
                f"{title}.",
            )
        )
    return pictures


def training_curves(case: Case) -> Picture | None:
    """Return the training curves of a configuration; None if it has none.

    Parameters
    ----------
    case : Case
        The configuration.

    Returns
    -------
    Picture or None
    """
    arms = trained_arms(case)
    if not arms:
        return None
    named = listed([f"{condition_in_words(c)} ({arm_in_words(m)})" for c, m in arms])
    # All networks of a configuration stop early, or none does.
    looks = any(looks_at_held_out(case.cube, *arm) for arm in arms)
    no_more = f"falls by no more than {case.run['margin']:g} nats per step"
    told = (
        "Black: the means of the last two fifths, which are compared. Training has ended where the "
        f"loss {no_more}"
    )
    if looks:
        told = (
            "Dashed: the loss of held-out training sequences, until training stopped; the weights "
            "with which it was lowest are kept. Training has ended where the lowest held-out loss "
            f"{no_more} over the last fifth of the updates, in the mean over seeds, of which those "
            "that have stopped count 0 (the training loss may still fall)"
        )
    return draw(
        lambda figure: draw_training(case, figure),
        f"Training loss{' and (dashed) held-out loss' if looks else ''} over the share of the "
        f"updates in {named}, a line a seed.",
        "Mean training loss of each twentieth of the updates, a line a seed; the first tenth may "
        f"lie above the frame. {told}; in a null that matters only where networks might come to "
        "gain something.",
    )


def picture_of_world(world: World, nulls: Sequence[str], of: str = "") -> Picture:
    """Return some sequences of a world and of its nulls.

    Parameters
    ----------
    world : World
        The world.
    nulls : sequence of str
        Kinds of nulls.
    of : str, default=""
        The configuration that it is of, if there are worlds of several.

    Returns
    -------
    Picture
    """
    named = listed([condition_in_words(name) for name in (STRUCTURED, *nulls)])
    # Values of one are those of many, or none of the world's: the two are not the same.
    of_nulls = f", and two of {'its null' if len(nulls) == 1 else 'each of its nulls'}"
    return draw(
        lambda figure: draw_world(world, nulls, figure),
        f"Two sequences of each of {named}, against the step.",
        f"Two sequences of the world{f' ({of})' if of else ''}, their latents if there are "
        f"any{of_nulls if nulls else ''}. They are drawn anew, and are none of those that networks "
        "were trained on.",
    )
