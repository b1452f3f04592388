"""The world of a cube: made again from its description, and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import worlds
from ..assessment._labels import STRUCTURED
from ..assessment._words import condition_in_words
from ..displays._style import BLACK, PALETTE
from ..worlds._picture import rows_of
from ._facts import is_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..worlds import World
    from ._facts import Facts

_N_SHOWN = 2
# A null permutes values over sequences; of two alone it would leave half.
_N_DRAWN = 100
# What can be told apart in a small figure.
_MOST_CHANNELS, _MOST_STEPS = 4, 256


class Lost(Exception):
    """A world that its description does not determine."""


def rebuild(description: Mapping[str, Any]) -> World:
    """Make a world from its description in the configuration of a cube.

    Parameters
    ----------
    description : dict
        Its type and parameters.

    Returns
    -------
    World

    Raises
    ------
    Lost
        If the description is not enough; says why.
    """
    name = description["type"]
    if name in ("ArrayWorld", "RecordingWorld"):
        raise Lost("the sequences are recordings, which are not in the cube")
    if name == "FunctionWorld":
        function = description["function"]
        raise Lost(f"they are drawn by {function}, of which the cube has the name alone")
    if name not in worlds.__all__:
        raise Lost(f"{name} is no world of this package")
    parameters = {}
    for key, value in description.items():
        if key == "type":
            continue
        if is_size(value):
            raise Lost(f"the cube has the size of its parameter {key}, not its values")
        is_world = isinstance(value, dict) and "type" in value
        parameters[key] = rebuild(value) if is_world else value
    try:
        world = getattr(worlds, name)(**parameters)
        world.sample(1, 0)
    except (TypeError, ValueError) as error:
        raise Lost(f"its description is not enough ({error})") from error
    return world


def world_of(facts: Facts) -> World:
    """Return the world of the first configuration, see `rebuild`."""
    first = facts.cases[0].settings
    varied = {k.removeprefix("world__"): v for k, v in first.items() if k.startswith("world__")}
    return rebuild(facts.run["world"] | varied)


def texts_of(world: World, nulls: Sequence[str]) -> dict[str, list[str]]:
    """Return the beginnings of some sequences of a world of tokens and of its nulls, by name."""
    conditions = {STRUCTURED: world} | {kind: world.null(kind) for kind in nulls}
    return {condition_in_words(name): rows_of(each) for name, each in conditions.items()}


def draw_world(world: World, nulls: Sequence[str], figure: Figure) -> None:
    """Draw some sequences of a world, their latents, and some of its nulls.

    Parameters
    ----------
    world : World
        The world, of quantities or of zeros and ones.
    nulls : sequence of str
        Kinds of nulls.
    figure : matplotlib.figure.Figure
        Empty; its size is set.
    """
    sample, binary = world.sample(_N_DRAWN, 0), world.observation == "binary"
    rows = [(condition_in_words(STRUCTURED), sample.X, binary)]
    if sample.latents is not None:
        names = ", ".join(map(str, sample.latent_names))
        rows.append((f"latents: {names}", sample.latents, world.latent_kind == "discrete"))
    for kind in nulls:
        X = world.null(kind).sample(_N_DRAWN, 0).X
        rows.append((condition_in_words(kind), X, binary))
    figure.set_size_inches(7.0, 0.5 + 1.15 * len(rows))
    axes = figure.subplots(len(rows), _N_SHOWN, sharex=True, sharey="row", squeeze=False)
    for (name, values, discrete), row in zip(rows, axes, strict=True):
        row[0].set_title(name, loc="left", fontsize=10)
        for ax, sequence in zip(row, values[:_N_SHOWN], strict=True):
            _draw_sequence(ax, sequence.reshape(len(sequence), -1), discrete)
    for ax in axes[-1]:
        ax.set_xlabel("step")


def _draw_sequence(ax: Axes, sequence: NDArray[Any], discrete: bool) -> None:
    """Draw the channels of a sequence: quantities as lines, classes as steps."""
    steps = np.arange(min(len(sequence), _MOST_STEPS))
    style = {"drawstyle": "steps-mid"} if discrete else {}
    for channel, color in zip(sequence.T[:_MOST_CHANNELS], (BLACK, *PALETTE), strict=False):
        ax.plot(steps, channel[steps], color=color, linewidth=0.9, **style)
    ax.spines[["top", "right"]].set_visible(False)
