"""The command ``reproduce``."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .._names import look_up
from ._output import check_figure, save_cubes, save_figure
from ._parser import Commands, Parser, add_command, add_option, add_run_options, count, one_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def add(commands: Commands) -> Parser:
    """Add the command, and return its parser."""
    parser = add_command(
        commands,
        "reproduce",
        "run a table or figure of a paper and compare with what was published",
        "python -m sklearn_emerge reproduce recurrent-table-3 --out cubes --figure table-3.png",
    )
    parser.add_argument(
        "recipe", nargs="?", metavar="RECIPE", help="such as recurrent-table-3; without, all names"
    )
    protocols = ("published", "corrected")
    parser.add_argument(
        "--protocol",
        type=one_of(protocols),
        metavar="PROTOCOL",
        help=f"{' or '.join(protocols)} (default: that of the recipe, published mostly)",
    )
    for flag, text in (
        ("--steps", "updates of the optimiser (default: the full budget, 20000 mostly)"),
        ("--seeds", "replicates (default: 5 mostly, 7 under the protocol corrected)"),
        ("--train", "training sequences (default: those of the recipe, 20000 mostly)"),
        ("--eval", "evaluation sequences (default: those of the recipe, 2000 mostly)"),
    ):
        parser.add_argument(flag, type=count, metavar="N", help=text)
    add_option(parser, "--device", "cpu", "device of torch, cuda for instance", metavar="DEVICE")
    add_option(parser, "--random-state", 0, "root of all randomness", type=int, metavar="N")
    parser.add_argument(
        "--out", metavar="FOLDER", help="where the result cubes go, as NetCDF (default: nowhere)"
    )
    add_run_options(parser)
    return parser


def run(options: Namespace) -> None:
    """Run a recipe, and print and write its results; without one, print what there is."""
    from .._files import check_writable
    from ..reproduce import EXPERIMENTS, RECIPES, reproduce
    from ..reproduce._figures import draw_recipe

    if options.recipe is None:
        print("\n".join(RECIPES))
        return
    recipe = look_up(options.recipe, RECIPES, "recipe")

    def file_of(name: str) -> Path:
        protocol = options.protocol or EXPERIMENTS[name].default_protocol
        return Path(options.out) / f"{name}-{protocol}.nc"

    if options.out is not None:
        for name in RECIPES[recipe].experiments:
            check_writable(file_of(name))
    check_figure(options.figure)
    cubes, comparison = reproduce(
        recipe,
        options.protocol,
        max_steps=options.steps,
        n_seeds=options.seeds,
        n_train=options.train,
        n_eval=options.eval,
        device=options.device,
        memory=options.memory,
        n_jobs=options.jobs,
        random_state=options.random_state,
        progress=not options.quiet,
    )
    try:
        if options.out is not None:
            save_cubes({file_of(name): cube for name, cube in cubes.items()})
        if options.figure is not None:
            save_figure(options.figure, lambda figure: draw_recipe(recipe, cubes, figure))
    finally:
        _print(cubes, comparison)


def _print(cubes: "dict[str, xr.Dataset]", comparison: "pd.DataFrame") -> None:
    """Print what was found, and how it agrees with what was published."""
    if len(comparison):
        print(comparison.to_string(index=False, float_format="{:.4g}".format))
        agree = (comparison.finding == "agrees").sum()
        print(f"{agree} of {len(comparison)} values agree")
    for name, cube in cubes.items():
        gains = cube.delta_nll.sel(condition="structured").mean("seed")
        print(f"\n{name}: gain in nats per step, mean over seeds")
        print(
            gains.to_series().unstack("mode").to_string(float_format="{:.4g}".format)
            if gains.ndim > 1
            else gains.to_series().to_string(float_format="{:.4g}".format)
        )
