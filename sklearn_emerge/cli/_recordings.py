"""Files of recordings, which stand where a world does."""

import argparse
from argparse import Namespace
from typing import Any

from .._names import look_up
from .._registry import WORLDS, make_world
from ..worlds import World, read_recordings
from ..worlds._formats import ENDINGS, ending_of
from ._parser import Parser, count

# Options of a file, in the words of `read_recordings`.
_NAMES = ("variable", "latents", "inputs", "groups", "id", "time", "dims")
# That of units is no --n-units, which would be taken for those of a network.
_OPTIONS = {name: f"--{name}" for name in (*_NAMES, "length", "gap")} | {"n_units": "--blocks"}


def world_or_file(text: str) -> str:
    """Return the name of a world, or the path of a file of recordings."""
    try:
        return look_up(text, WORLDS)
    except ValueError as error:
        if ending_of(text) is not None:
            return text
        reason = str(error).removeprefix("name=").removesuffix(".")
        mark = "" if reason.endswith("?") else "."
        raise argparse.ArgumentTypeError(
            f"{reason}{mark} Files of recordings end in {', '.join(ENDINGS)}."
        ) from None


def add_file_options(parser: Parser) -> None:
    """Add what a file of recordings is read with."""
    group = parser.add_argument_group("if WORLD is a file of recordings")

    def add(flag: str, text: str, **options: Any) -> None:
        group.add_argument(flag, help=text, **options)

    several: dict[str, Any] = {"nargs": "+", "metavar": "NAME"}
    add("--variable", "arrays or columns of what was recorded; several are channels", **several)
    add("--latents", "arrays or columns that a probe should decode", **several)
    add("--inputs", "arrays or columns that drive it and are not predicted", **several)
    add("--groups", "array or column of independent units, such as animals", metavar="NAME")
    add("--id", "column, or dimension, that tells sequences apart", metavar="NAME")
    add("--time", "column, or dimension, of times", metavar="NAME")
    add(
        "--dims",
        "what dimensions without names are, in their order: trial, time, channel",
        nargs="+",
        metavar="DIM",
    )
    number: dict[str, Any] = {"type": count, "metavar": "N"}
    add("--length", "steps of the sequences into which one recording is cut", **number)
    add("--gap", "steps dropped between its blocks (default: as many as it takes)", **number)
    add(
        "--blocks",
        "its number of blocks, the independent units, n_units (default: 10)",
        dest="n_units",
        **number,
    )


def _given(options: Namespace) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in _OPTIONS}
    return {name: value for name, value in given.items() if value is not None}


def check_no_file_options(options: Namespace, reason: str) -> None:
    """Raise a ValueError if there are options of files, which `reason` makes meaningless."""
    for name in _given(options):
        raise ValueError(
            f"{_OPTIONS[name]} is for files of recordings, but {reason}; leave it out, "
            f"or pass a file that ends in one of {', '.join(ENDINGS)}."
        )


def open_world(options: Namespace) -> World:
    """Return the world that is asked for; of a file print how it was read."""
    if options.world in WORLDS:
        check_no_file_options(options, f"{options.world} is a world that brings its own")
        return make_world(options.world)
    world, how = read_recordings(options.world, **_given(options))
    print(how, flush=True)
    return world
