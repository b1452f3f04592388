"""Command line: ``python -m sklearn_emerge worlds | assess | reproduce | serve``."""

import argparse
import sys
import warnings
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from tempfile import mkdtemp

from . import __version__
from .worlds import (
    BernoulliWorld,
    DriftWorld,
    LinearSystemWorld,
    NestedConditionalWorld,
    OscillatorWorld,
    RegimeWorld,
    TriangleWorld,
)

WORLDS = {
    "drift": DriftWorld(),
    "oscillator": OscillatorWorld(),
    "oscillator-nonstationary": OscillatorWorld(omega=(0.8, 1.2)),
    "regime": RegimeWorld(),
    "bernoulli": BernoulliWorld(),
    "random-walk": LinearSystemWorld.random_walk(),
    "local-linear-trend": LinearSystemWorld.local_linear_trend(),
    "triangle": TriangleWorld(),
    "nested-conditional": NestedConditionalWorld(),
}
MODELS = {
    "rnn": "RNNPredictor",
    "gru": "GRUPredictor",
    "lstm": "LSTMPredictor",
    "transformer": "TransformerPredictor",
}


def _count(text):
    """Return a number of things; more than there can be overflow somewhere, with a traceback."""
    number = int(text)
    if abs(number) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is out of range; pass less than {2**31}")
    return number


def _port(text):
    """Return a port; 0 is any that is free."""
    number = int(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError(f"{text} is no port; pass 0 to {2**16 - 1}")
    return number


def _host(text):
    """Return an address; to an empty one the service would listen everywhere."""
    if not text:
        raise argparse.ArgumentTypeError("'' is no address; pass 0.0.0.0 to listen at all")
    return text


# What messages call them.
_count.__name__ = _port.__name__ = "int"


def build_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_emerge",
        description="What did training add to a small sequence model?",
    )
    parser.add_argument("--version", action="version", version=f"sklearn_emerge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("worlds", help="list the worlds with their observations, latents, nulls")
    assess = commands.add_parser(
        "assess",
        help="assess a network in a world",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    assess.add_argument("world", choices=WORLDS, metavar="WORLD", help=", ".join(WORLDS))
    assess.add_argument("--model", choices=MODELS, default="gru", help="kind of network")
    assess.add_argument(
        "--hidden-size", type=_count, nargs="+", default=[16], metavar="H", help="hidden units"
    )
    assess.add_argument("--steps", type=_count, default=1000, help="updates of the optimiser")
    assess.add_argument("--lr", type=float, default=1e-3, help="learning rate")
    assess.add_argument("--seeds", type=_count, default=6, help="replicates")
    assess.add_argument("--modes", nargs="+", default=["full", "readout"], metavar="MODE")
    assess.add_argument("--nulls", nargs="*", default=["resample"], metavar="NULL")
    assess.add_argument(
        "--reservoir-sizes", type=_count, nargs="*", default=[16, 32, 64, 128, 256, 512],
        metavar="N", help="units of random cores to compare with; none leaves them out",
    )  # fmt: skip
    assess.add_argument("--train", type=_count, default=None, help="training sequences")
    assess.add_argument("--eval", type=_count, default=None, help="evaluation sequences")
    assess.add_argument("--alpha", type=float, default=0.05, help="level of the tests")
    assess.add_argument("--random-state", type=int, default=None, help="root of all randomness")
    assess.add_argument("--out", default=None, help="NetCDF file of the result cube")
    recipe = commands.add_parser(
        "reproduce",
        help="run a table or figure of a source paper and compare with what was published",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    recipe.add_argument("recipe", metavar="RECIPE", help="such as recurrent-table-3")
    recipe.add_argument("--protocol", default="published", help="published or corrected")
    recipe.add_argument(
        "--steps", type=_count, default=None, help="updates; None is the full budget"
    )
    recipe.add_argument(
        "--seeds", type=_count, default=None, help="replicates; mostly 5 or 7 if not given"
    )
    recipe.add_argument("--train", type=_count, default=None, help="training sequences")
    recipe.add_argument("--eval", type=_count, default=None, help="evaluation sequences")
    recipe.add_argument("--device", default="cpu", help="device of torch, cuda for instance")
    recipe.add_argument("--random-state", type=int, default=0, help="root of all randomness")
    recipe.add_argument("--out", default=None, help="folder for the result cubes, one NetCDF each")
    for command in (assess, recipe):
        command.add_argument("--jobs", type=_count, default=None, help="cells run at once")
        command.add_argument(
            "--memory", default=None, help="folder of cells, finished or not, to continue a run"
        )
        command.add_argument("--figure", default=None, help="picture (needs matplotlib)")
        command.add_argument("--quiet", action="store_true", help="no progress bar")
    service = commands.add_parser(
        "serve",
        help="serve a network that export_network has written",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    service.add_argument("network", metavar="FILE", help="such as network.pt2")
    service.add_argument("--host", type=_host, default="127.0.0.1", help="address to listen at")
    service.add_argument("--port", type=_port, default=8000, help="port to listen at")
    service.add_argument("--max-tokens", type=_count, default=None, help="steps of a request")
    service.add_argument("--max-batch", type=_count, default=64, help="prompts of a request")
    service.add_argument(
        "--budget", type=_count, default=None, help="tokens with the prompt; None is the context"
    )
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
    from ._files import check_writable
    from .assessment import EmergenceAssessment

    for path in (options.out, options.figure):
        if path is not None:
            check_writable(path)
    if options.figure is not None:
        _check_figure(options.figure)
    model = getattr(predictors, MODELS[options.model])(
        hidden_size=options.hidden_size[0], max_steps=options.steps, lr=options.lr
    )
    several = len(options.hidden_size) > 1
    assessment = EmergenceAssessment(
        WORLDS[options.world],
        model,
        param_grid={"hidden_size": options.hidden_size} if several else None,
        modes=options.modes,
        nulls=options.nulls,
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
    print(assessment.summary().to_string(float_format="{:.4g}".format))
    if several:
        print(f"\nverdict\n{assessment.verdict_.to_string()}")
    else:
        print(f"\nverdict: {assessment.verdict_}")
        for part in assessment.verdict_reason_.split("; "):
            print(f"  {part}")
    if options.out is not None:
        _save_cubes({options.out: assessment.cube_})
    if options.figure is not None:
        _write_figure(assessment.cube_, options.figure)


def run_recipe(options):
    """Run a recipe as told on the command line, and print and write its results."""
    from ._files import check_writable
    from .reproduce import reproduce
    from .reproduce._figures import draw_recipe

    files = lambda name: Path(options.out) / f"{name}-{options.protocol}.nc"  # noqa: E731
    if options.out is not None:
        check_writable(files("cube"))
    if options.figure is not None:
        check_writable(options.figure)
        _check_figure(options.figure)
    cubes, comparison = reproduce(
        options.recipe,
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
    if options.out is not None:
        _save_cubes({files(name): cube for name, cube in cubes.items()})
    if options.figure is not None:
        _save_figure(options.figure, lambda figure: draw_recipe(options.recipe, cubes, figure))


def serve(options):
    """Serve a network until interrupted."""
    from .serving import create_service, load_network

    limits = {name: getattr(options, name) for name in ("max_tokens", "max_batch", "budget")}
    service = create_service(load_network(options.network), **limits)
    if find_spec("uvicorn") is None:
        raise ImportError('serve needs uvicorn; run pip install "sklearn-emerge[serve]".')
    import uvicorn

    uvicorn.run(service, host=options.host, port=options.port)


def _save_cubes(cubes):
    """Write cubes to their paths; those that cannot be written go to a temporary folder."""
    from .assessment._cube import save_cube

    failures = []
    for path, cube in cubes.items():
        try:
            save_cube(cube, path)
            print(f"cube: {path}")
        except OSError as error:
            failures.append(f"{error} {_rescue(cube, path)}")
    if failures:
        raise OSError(" ".join(failures))


def _rescue(cube, path):
    """Write a cube to a temporary folder, and return where it is or why it is not."""
    from .assessment._cube import save_cube

    try:
        refuge = Path(mkdtemp(prefix="sklearn_emerge-cube-"), Path(path).name)
        save_cube(cube, refuge)
    except OSError as error:
        return f"The cube is lost: {error}"
    return f"The cube is in {str(refuge)!r} instead."


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
    from .displays import AssessmentDisplay, CapacityCurveDisplay

    several = "hidden_size" in cube.dims
    display = CapacityCurveDisplay if several else AssessmentDisplay
    _save_figure(path, lambda figure: display.from_cube(cube, ax=figure.subplots()))


def _save_figure(path, draw):
    """Draw a figure and write it to a file, atomically."""
    from matplotlib.figure import Figure

    from ._files import write_atomically

    figure, content = Figure(figsize=(6.4, 4.2), layout="constrained"), BytesIO()
    draw(figure)
    figure.savefig(content, dpi=150, format=Path(path).suffix.removeprefix("."))
    write_atomically(path, content.getvalue())
    print(f"figure: {path}")


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit status: 0, or 2 for wrong arguments, and for results that cannot be written where
        they should be or computed in this memory (130 if interrupted).
    """
    options = build_parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            if options.command == "worlds":
                list_worlds()
            else:
                commands = {"assess": assess, "reproduce": run_recipe, "serve": serve}
                commands[options.command](options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        # torch has no error of its own for it on a CPU.
        signs = ("allocate", "Storage size calculation overflowed")
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in signs):
            raise
        reason = str(error).splitlines()[0] if str(error) else "no more"
        print(
            f"error: out of memory ({reason}); ask for less, as by --hidden-size and --train.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        resumable = options.command in ("assess", "reproduce") and not options.memory
        hint = "" if not resumable else "; with --memory FOLDER a run can be continued"
        print(f"interrupted{hint}", file=sys.stderr)
        return 130
    return 0


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Show a warning without the place in the code, which says nothing on a command line."""
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
