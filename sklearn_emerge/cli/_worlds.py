"""The command ``worlds``."""

import textwrap
from argparse import Namespace

from .._registry import WORLDS, make_world
from ..worlds._formats import ENDINGS
from ..worlds._picture import draw_sequences, facts_of, rows_of
from ._output import check_figure, save_figure
from ._parser import Commands, Parser, add_command
from ._recordings import add_file_options, check_no_file_options, open_world, world_or_file


def add(commands: Commands) -> Parser:
    """Add the command, and return its parser."""
    parser = add_command(
        commands,
        "worlds",
        "list the worlds, or say what one of them, or a file of recordings, is",
        "python -m sklearn_emerge worlds oscillator --figure oscillator.png\n"
        "         python -m sklearn_emerge worlds my.nc --latents position",
    )
    parser.add_argument(
        "world",
        type=world_or_file,
        nargs="?",
        metavar="WORLD",
        help=f"{', '.join(WORLDS)}, or a file of recordings ({', '.join(ENDINGS)})",
    )
    parser.add_argument(
        "--figure", metavar="FILE", help="draw some sequences of WORLD; needs matplotlib"
    )
    add_file_options(parser)
    return parser


def run(options: Namespace) -> None:
    """Print a line for each world, or what is known of one; draw some of its sequences."""
    if options.world is None:
        if options.figure is not None:
            raise ValueError("--figure draws one world; say which: worlds WORLD --figure FILE.")
        check_no_file_options(options, "no WORLD is given")
        for name in WORLDS:
            world = make_world(name)
            latents = ", ".join(world.latent_names) or "none"
            known = (
                f"{name:26}{world.observation}, {world.n_steps} steps; latents: {latents}; "
                f"nulls: {', '.join(world.null_kinds)}"
            )
            print(textwrap.fill(known, 79, subsequent_indent=26 * " "))
        return
    check_figure(options.figure)
    world = open_world(options)
    if options.world in WORLDS:
        print(textwrap.fill(WORLDS[options.world].about, 79))
    train, evaluation = world.default_split(None, None)
    facts = facts_of(world) | {"sequences": f"{train} for training, {evaluation} for evaluation"}
    print()
    for name, value in facts.items():
        print(f"  {name:21}{value}")
    if world.observation == "token":
        print("\n" + "\n".join(f"  {row}" for row in rows_of(world)))
    if options.world in WORLDS:
        print(f"\npython -m sklearn_emerge assess {options.world}")
    if options.figure is not None:
        size = (6.4, 1.8 if world.observation == "token" else 2.4)
        save_figure(options.figure, lambda figure: draw_sequences(world, figure.subplots()), size)
