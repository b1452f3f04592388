"""The command ``assess``."""

from argparse import Namespace

from .._registry import MODELS, WORLDS, make_model, make_world
from ..likelihoods import LIKELIHOODS
from ..worlds import World
from ..worlds._formats import ENDINGS
from ._output import check_figure, save_cubes, save_figure
from ._parser import Commands, Parser, add_command, add_option, add_run_options, count, one_of
from ._recordings import add_file_options, open_world, world_or_file


def add(commands: Commands) -> Parser:
    """Add the command, and return its parser."""
    parser = add_command(
        commands,
        "assess",
        "assess a network in a world, or on recordings in a file",
        "python -m sklearn_emerge assess oscillator --model gru --steps 2000 \\\n"
        "           --out oscillator.nc --figure oscillator.png\n"
        "         python -m sklearn_emerge assess my.nc --latents position --groups animal",
    )
    _add_network(parser)
    _add_comparisons(parser)
    _add_data(parser)
    add_file_options(parser)
    parser.add_argument(
        "--out", metavar="FILE", help="where the result cube goes, as NetCDF (default: nowhere)"
    )
    add_run_options(parser)
    return parser


def _add_network(parser: Parser) -> None:
    """Add which network is trained, and in which world."""
    parser.add_argument(
        "world",
        type=world_or_file,
        metavar="WORLD",
        help=f"{', '.join(WORLDS)}, or a file of recordings ({', '.join(ENDINGS)})",
    )
    add_option(
        parser,
        "--model",
        "gru",
        f"kind of network: {', '.join(MODELS)}",
        type=one_of(MODELS),
        metavar="MODEL",
    )
    parser.add_argument(
        "--likelihood",
        type=one_of(LIKELIHOODS),
        metavar="NAME",
        help=f"{', '.join(LIKELIHOODS)} (default: as the values are; integers need one)",
    )
    add_option(
        parser,
        "--hidden-size",
        [16],
        "hidden units; several are a grid",
        type=count,
        nargs="+",
        metavar="H",
    )
    add_option(parser, "--steps", 1000, "updates of the optimiser", type=count, metavar="N")
    parser.add_argument(
        "--lr",
        type=float,
        metavar="LR",
        help="learning rate (default: 0.01; of a transformer 0.001)",
    )


def _add_comparisons(parser: Parser) -> None:
    """Add how often it is trained, and what it is compared with."""
    nulls = dict.fromkeys(kind for name in WORLDS for kind in make_world(name).null_kinds)
    add_option(parser, "--seeds", 6, "replicates, each trained anew", type=count, metavar="N")
    add_option(
        parser,
        "--modes",
        ["full", "readout"],
        "what is trained: all weights (full), the readout of an untrained core (readout), nothing "
        "(random), or all, then scrambled (scrambled)",
        type=str.lower,
        nargs="+",
        metavar="MODE",
    )
    add_option(
        parser,
        "--nulls",
        ["auto"],
        f"worlds without order to compare with: {', '.join(nulls)}, as far as WORLD has them; "
        "auto is resample, and phase where WORLD has it and networks can be left alone; without a "
        "value there are none",
        type=str.lower,
        nargs="*",
        metavar="NULL",
    )
    add_option(
        parser,
        "--reservoir-sizes",
        [16, 32, 64, 128, 256, 512],
        "units of random cores to compare with; without a value there are none",
        type=count,
        nargs="*",
        metavar="N",
    )


def _add_data(parser: Parser) -> None:
    """Add the sequences, what they are drawn with, and the level of the tests."""
    for flag, what, default in (
        ("--train", "training", World.default_n_train),
        ("--eval", "evaluation", World.default_n_eval),
    ):
        parser.add_argument(
            flag,
            type=count,
            metavar="N",
            help=f"{what} sequences (default: {default}; see worlds WORLD)",
        )
    add_option(parser, "--alpha", 0.05, "level of the tests", type=float, metavar="P")
    parser.add_argument(
        "--random-state",
        type=int,
        metavar="N",
        help="root of all randomness (default: another every time)",
    )


def run(options: Namespace) -> None:
    """Run an assessment, write its cube and figure, and print what it found."""
    from .._files import check_writable
    from ..assessment import EmergenceAssessment

    if options.out is not None:
        check_writable(options.out)
    check_figure(options.figure)
    world = open_world(options)
    model = make_model(options.model, hidden_size=options.hidden_size[0], max_steps=options.steps)
    if options.likelihood is not None:
        model.set_params(likelihood=options.likelihood)
    elif world.likelihood == "auto":
        raise ValueError(
            f"{options.world} holds integers; say what they are: --likelihood poisson, or "
            "negative_binomial if they vary more than their mean, for counts, categorical for "
            "tokens, gaussian for quantities."
        )
    if options.lr is not None:
        model.set_params(lr=options.lr)
    several = len(options.hidden_size) > 1
    assessment = EmergenceAssessment(
        world if options.world not in WORLDS else options.world,
        model,
        param_grid={"hidden_size": options.hidden_size} if several else None,
        modes=options.modes,
        nulls="auto" if options.nulls == ["auto"] else options.nulls,
        reservoir_sizes=options.reservoir_sizes or None,
        n_seeds=options.seeds,
        n_train=options.train,
        n_eval=options.eval,
        alpha=options.alpha,
        memory=options.memory,
        n_jobs=options.jobs,
        random_state=options.random_state,
        progress=not options.quiet,
    ).fit()
    try:
        if options.out is not None:
            save_cubes({options.out: assessment.cube_})
        if options.figure is not None:
            save_figure(options.figure, lambda figure: assessment.plot(ax=figure.subplots()))
    finally:
        # A file that cannot be written does not keep anybody from reading it here.
        print(f"\n{assessment.summary()}\n")
        print(assessment.explain())
