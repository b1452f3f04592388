"""Figures of the recipes, made of the package's displays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from sklearn.base import clone

from ..assessment._words import condition_in_words
from ..datasets import load_published
from ..displays import (
    AssessmentDisplay,
    CapacityCurveDisplay,
    DecodingDisplay,
    EmergenceCurveDisplay,
    TrajectoryDisplay,
)
from ..displays._bands import band_of
from ..displays._captions import verdict_title
from ..displays._style import (
    BLUE,
    GREY,
    PALETTE,
    RED,
    finish,
    log_ticks,
    set_legend,
    set_title,
    wrap,
)
from ..emergence import fit_curve
from ._recipes import EXPERIMENTS, RECIPES
from ._triangle import UPDATES_PER_EPOCH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..emergence import EmergenceCurve
    from ..worlds import World

# The configuration that stands for a grid where a figure shows one network a world.
_STANDARD = {"hidden_size": 16, "time_channel": "full_time"}


def draw_recipe(recipe: str, cubes: Mapping[str, xr.Dataset], figure: Figure) -> None:
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
        figure.set_size_inches(5.5 + 3.6 * len(names), 4.6)
        single = {name.replace("-time", ""): standard(cubes[name]) for name in names}
        DecodingDisplay.from_cube(single, axes=figure.subplots(1, 2))
        return
    if RECIPES[recipe].figure == "trajectory":
        # The paper's prompts, those that give nothing away, and the loss.
        n_rows = 3 if "disjoint_tasks_trajectory" in cubes[names[0]] else 2
        figure.set_size_inches(6.2 * len(names), 3.6 * n_rows)
        columns = figure.subplots(n_rows, len(names), squeeze=False).T
        for name, axes in zip(names, columns, strict=True):
            draw_trajectories(name, cubes[name], axes, RECIPES[recipe].table)
        return
    if RECIPES[recipe].figure == "sparse":
        # A network with one number of examples needs less room.
        widths = [2.0 + cubes[name].sizes["world__sparse_examples"] for name in names]
        figure.set_size_inches(0.85 * sum(widths) + 1.5, 7.4)
        columns = figure.subplots(2, len(names), sharey=True, squeeze=False, width_ratios=widths).T
        for name, axes in zip(names, columns, strict=True):
            draw_sparse(name, cubes[name], axes)
        for ax, label in zip(columns[0], _SPARSE_LABELS, strict=True):
            ax.set_ylabel(label)
        set_legend(columns[-1][0])
        return
    # A column an experiment, with two panels: height, which axes are shared, and what is drawn.
    columns_of: dict[str | None, tuple[float, dict[str, Any], Callable[..., None]]] = {
        "emergence": (6.4, {"sharex": "col"}, draw_emergence),
        "anatomy": (7.2, {"sharey": "row"}, draw_anatomy),
    }
    if RECIPES[recipe].figure in columns_of:
        height, shared, draw = columns_of[RECIPES[recipe].figure]
        figure.set_size_inches(5.6 * len(names), height)
        columns = figure.subplots(2, len(names), squeeze=False, **shared).T
        for name, axes in zip(names, columns, strict=True):
            draw(name, cubes[name], axes)
        return
    figure.set_size_inches(5.6 * len(names), 4.4)
    for name, ax in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        cube = cubes[name]
        grid = [name for name in (*_STANDARD, "max_steps", "world__Q") if name in cube.dims]
        if grid:
            CapacityCurveDisplay.from_cube(cube, grid[0], ax=ax)
            ax.set_title(name, loc="left", fontsize=10)
        else:
            AssessmentDisplay.from_cube(cube, ax=ax)
            set_title(ax, f"{name}\n{verdict_title(cube)}")


def draw_anatomy(name: str, cube: xr.Dataset, axes: NDArray[Any]) -> None:
    """Draw answers and directions of states of the easiest level in the course of training."""
    # The last block, before the final normalisation.
    last = cube.layer.values[-2]
    for ax, measure, chosen, label in (
        (axes[0], "answers", {"score": "exact_match"}, "answers that are right (share)"),
        (
            axes[1],
            "states",
            {"dimensionality": "rankme", "layer": last},
            f"RankMe of {last} (directions)",
        ),
    ):
        TrajectoryDisplay.from_cube(
            cube, measure, along="task", level=1, ax=ax, bounds=(0, None), xscale="log", **chosen
        )
        ax.set_ylabel(label)
        ax.set_title("", loc="left")
    axes[0].set_ylim(0, 1)
    set_title(axes[0], f"{name}, level 1")


def draw_trajectories(name: str, cube: xr.Dataset, axes: NDArray[Any], table: str | None) -> None:
    """Draw right words and loss of each task in the course of training, with what was published."""
    words, *disjoint, loss = axes
    shown = [(words, "tasks", "words", "right words (share)")]
    shown += [(ax, "disjoint_tasks", "words", "right words, disjoint prompts") for ax in disjoint]
    shown += [(loss, "tasks", "loss", "loss (nats per translated word)")]
    for ax, measure, score, label in shown:
        display = TrajectoryDisplay.from_cube(
            cube,
            measure,
            along="task",
            score=score,
            ax=ax,
            bounds=(0, 1) if score == "words" else (0, None),
        )
        ax.set_ylabel(label)
        ax.set_title("", loc="left")
        if score == "words":
            ax.set_ylim(-0.03, 1.03)
    if table is not None and table.startswith("triangle-fig"):
        published = load_published(table)
        updates = UPDATES_PER_EPOCH[name] * published.epoch
        for task in cube.task.values.tolist():
            column = published[task.replace("->", "2")].rolling(10, center=True).mean()
            color = display.lines_[task].get_color()
            words.plot(updates, column, ":", color=color, linewidth=1.2)
        words.plot([], [], ":", color="grey", label="published,\nmean of 10 epochs")
        set_legend(words, "task")
    words.set_title(name, loc="left", fontsize=10)


_SPARSE_LABELS = (
    "right words of A->C,\ntranslated (share)",
    "right words of A->C,\nchosen among those of C (share)",
)


def draw_sparse(name: str, cube: xr.Dataset, axes: NDArray[Any]) -> None:
    """Draw right words of A->C, translated and chosen, by the number of sparse examples."""
    sizes = cube.world__sparse_examples.values
    scores = cube.tasks_trajectory.sel(task="A->C").isel(step=-1)
    place = np.arange(len(sizes))
    # Solved examples show the four words that the query does not have. A translation that is right
    # so far leaves ever fewer: a quarter, a third, a half, one.
    for ax, score, guessing in ((axes[0], "words", 1 / 4), (axes[1], "choice", 25 / 48)):
        for shift, condition, mode, color in (
            (-0.1, "structured", "full", BLUE),
            (0.1, "redrawn", "full", RED),
            (0.0, "structured", "random", GREY),
        ):
            seeds = scores.sel(score=score, condition=condition, mode=mode)
            seeds = seeds.transpose("world__sparse_examples", "seed")
            mean = seeds.values.mean(axis=1)
            error = np.abs(band_of(seeds, (0, 1)) - mean)
            trained = f"{condition_in_words(condition)}, trained"
            label_of = {"full": trained, "random": "untrained"}[mode]
            x = place + shift
            ax.errorbar(x, mean, error, color=color, capsize=3, linewidth=1.6, label=label_of)
            ax.plot(x, seeds, "o", color=color, markersize=2.5, alpha=0.5)
        ax.axhline(guessing, color="black", linewidth=0.8, linestyle=":", label="guessing")
        ax.set_xticks(place, [str(size) for size in sizes])
        ax.set_xlim(-0.5, len(sizes) - 0.5)
        ax.set_xlabel("training examples of A->C" if len(sizes) > 1 else "examples")
        ax.set_ylim(-0.03, 1.03)
        finish(ax)
    axes[0].set_title(name.removeprefix("triangle-sparse-"), loc="left", fontsize=10)


def emergence_curves(cube: xr.Dataset, world: World) -> dict[str, EmergenceCurve]:
    """Fit curves of accuracy against capacity to the networks of a sweep, at their last step.

    Parameters
    ----------
    cube : xarray.Dataset
        Of a sweep. If it varies the width and something else, there is a curve for each value of
        that; else one for all networks.
    world : World
        Of the sweep, whose `chance` a parameter in the grid may change.

    Returns
    -------
    dict of str to EmergenceCurve
        By label; empty for a single curve.
    """
    cube = cube.sel(condition="structured", mode="full")
    accuracy, capacity = (
        last_recorded(cube[f"{name}_trajectory"]) for name in ("accuracy", "capacity")
    )
    other = [dim for dim in accuracy.dims if dim not in ("hidden_size", "seed")]
    with warnings.catch_warnings():
        # That a location is not among the capacities is part of the finding.
        warnings.simplefilter("ignore", UserWarning)
        if "hidden_size" not in accuracy.dims or len(other) != 1:
            return {"": fit_curve(accuracy, capacity, chance=world.chance)}
        return {
            f"{other[0].removeprefix('world__')} {value}": fit_curve(
                accuracy.sel({other[0]: value}),
                capacity.sel({other[0]: value}),
                chance=world_of(world, other[0], value).chance,
            )
            for value in accuracy[other[0]].values.tolist()
        }


def world_of(world: World, dim: str, value: Any) -> World:
    """Return the world at a value of a dimension of a sweep, which may be another one's."""
    name = dim.removeprefix("world__")
    return clone(world).set_params(**{name: value}) if name != dim else world


def last_recorded(trajectory: xr.DataArray) -> xr.DataArray:
    """Return the values of the last step that is known: training may have stopped early."""
    known = trajectory.notnull().cumsum("step").argmax("step")
    return trajectory.isel(step=known).drop_vars("step")


def draw_emergence(name: str, cube: xr.Dataset, axes: NDArray[Any]) -> None:
    """Draw accuracy and attention against capacity, with the fitted curves and their bands."""
    curves = emergence_curves(cube, EXPERIMENTS[name].world)
    for (label, curve), color in zip(curves.items(), PALETTE, strict=False):
        EmergenceCurveDisplay.from_estimator(curve, ax=axes[0], color=color, label=label or None)
    title = name
    if len(curves) == 1:
        title += f"\n{wrap(curve.compare(random_state=0).reason, 5, 9)}"
    # Above the legend.
    axes[0].set_title(title, loc="left", fontsize=9, pad=6 + 13 * len(curves))
    for chance in sorted({curve.chance for curve in curves.values()}):
        axes[0].axhline(chance, color="grey", linewidth=0.8, linestyle=":")
    axes[0].set_ylim(-0.03, 1.03)
    axes[0].set_ylabel("right answers (share)")
    axes[0].set_xlabel("")
    cube = cube.sel(condition="structured", mode="full")
    gates = cube.gate_trajectory.sum("head").mean("layer")
    capacity = last_recorded(cube.capacity_trajectory)
    for label, gate, style in (
        ("before training", gates.isel(step=0), {"color": "grey", "fillstyle": "none"}),
        ("after training", last_recorded(gates), {"color": RED, "alpha": 0.7}),
    ):
        points = [part.values.ravel() for part in xr.broadcast(capacity, gate)]
        axes[1].plot(*points, "o", markersize=4, label=label, **style)
    axes[1].legend(frameon=False, fontsize=9)
    log_ticks(axes[1])
    axes[1].set_ylabel("attention to the last tokens (share)")
    axes[1].set_xlabel("capacity")
    axes[1].set_ylim(0, 1)
    finish(axes[1])


def standard(cube: xr.Dataset) -> xr.Dataset:
    """Return one configuration of a cube: 16 units, with the clock."""
    return cube.sel({name: value for name, value in _STANDARD.items() if name in cube.dims})
