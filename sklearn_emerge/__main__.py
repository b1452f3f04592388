"""Command line: ``python -m sklearn_emerge worlds`` and ``... assess WORLD``."""

import argparse
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

from .worlds import BernoulliWorld, DriftWorld, OscillatorWorld, RegimeWorld

WORLDS = {
    "drift": DriftWorld(),
    "oscillator": OscillatorWorld(),
    "oscillator-nonstationary": OscillatorWorld(omega=(0.8, 1.2)),
    "regime": RegimeWorld(),
    "bernoulli": BernoulliWorld(),
}
MODELS = {"rnn": "RNNPredictor", "gru": "GRUPredictor", "lstm": "LSTMPredictor"}


def build_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_emerge",
        description="What did training add to a small sequence model?",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("worlds", help="list the worlds with their observations, latents, nulls")
    assess = commands.add_parser(
        "assess",
        help="assess a recurrent network in a world",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    assess.add_argument("world", choices=WORLDS, metavar="WORLD", help=", ".join(WORLDS))
    assess.add_argument("--model", choices=MODELS, default="gru", help="kind of network")
    assess.add_argument(
        "--hidden-size", type=int, nargs="+", default=[16], metavar="H", help="hidden units"
    )
    assess.add_argument("--steps", type=int, default=1000, help="updates of the optimiser")
    assess.add_argument("--seeds", type=int, default=5, help="replicates")
    assess.add_argument("--modes", nargs="+", default=["full", "readout", "random"], metavar="MODE")
    assess.add_argument("--nulls", nargs="*", default=["resample"], metavar="NULL")
    assess.add_argument("--train", type=int, default=None, help="training sequences")
    assess.add_argument("--eval", type=int, default=None, help="evaluation sequences")
    assess.add_argument("--alpha", type=float, default=0.05, help="level of the tests")
    assess.add_argument("--random-state", type=int, default=None, help="root of all randomness")
    assess.add_argument("--jobs", type=int, default=None, help="cells run at once")
    assess.add_argument(
        "--memory", default=None, help="folder of finished cells, to continue an interrupted run"
    )
    assess.add_argument("--out", default=None, help="NetCDF file of the result cube")
    assess.add_argument("--figure", default=None, help="picture of the result (needs matplotlib)")
    assess.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def list_worlds():
    """Print a line for each world."""
    for name, world in WORLDS.items():
        latents = ", ".join(world.latent_names) or "none"
        print(
            f"{name:26}{world.observation}, {world.n_steps} steps; latents: {latents}; "
            f"nulls: {', '.join(world.null_kinds)}"
        )


def assess(options):
    """Run an assessment as told on the command line, and print and write its results."""
    from . import predictors
    from .assessment import EmergenceAssessment
    from .assessment._cube import check_writable

    for path in (options.out, options.figure):
        if path is not None:
            check_writable(path)
    if options.figure is not None:
        _check_figure(options.figure)
    model = getattr(predictors, MODELS[options.model])(
        hidden_size=options.hidden_size[0], max_steps=options.steps
    )
    several = len(options.hidden_size) > 1
    assessment = EmergenceAssessment(
        WORLDS[options.world],
        model,
        param_grid={"hidden_size": options.hidden_size} if several else None,
        modes=options.modes,
        nulls=options.nulls,
        n_seeds=options.seeds,
        n_train=options.train,
        n_eval=options.eval,
        alpha=options.alpha,
        memory=options.memory,
        n_jobs=options.jobs,
        random_state=options.random_state,
        progress=not options.quiet,
    ).fit()
    print(assessment.summary().to_string(float_format="{:.4g}".format))
    if several:
        print(f"\nverdict\n{assessment.verdict_.to_string()}")
    else:
        print(f"\nverdict: {assessment.verdict_} ({assessment.verdict_reason_})")
    if options.out is not None:
        assessment.to_netcdf(options.out)
        print(f"cube: {options.out}")
    if options.figure is not None:
        _write_figure(assessment.cube_, options.figure)
        print(f"figure: {options.figure}")


def _check_figure(path):
    """Raise a ValueError unless a figure of that kind can be written."""
    if find_spec("matplotlib") is None:
        raise ValueError(
            "--figure needs matplotlib, which is not installed; run pip install matplotlib."
        )
    from matplotlib.figure import Figure

    known = Figure().canvas.get_supported_filetypes()
    kind = Path(path).suffix.removeprefix(".")
    if kind not in known:
        raise ValueError(
            f"--figure {path}: no picture of kind {kind!r}; end it in one of {', '.join(known)}."
        )


def _write_figure(cube, path):
    """Plot a cube to a file, atomically."""
    from matplotlib.figure import Figure

    from .assessment._cube import write_atomically
    from .displays import AssessmentDisplay, CapacityCurveDisplay

    several = "hidden_size" in cube.dims
    display = CapacityCurveDisplay if several else AssessmentDisplay
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    display.from_cube(cube, ax=figure.subplots())
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=150))


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit status: 0, or 2 for wrong arguments (130 if interrupted).
    """
    options = build_parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            list_worlds() if options.command == "worlds" else assess(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        hint = "" if options.memory else "; with --memory FOLDER a run can be continued"
        print(f"interrupted{hint}", file=sys.stderr)
        return 130
    return 0


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Show a warning without the place in the code, which says nothing on a command line."""
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
