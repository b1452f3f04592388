"""The command ``explain``."""

from argparse import Namespace

from ._parser import Commands, Parser, add_command


def add(commands: Commands) -> Parser:
    """Add the command, and return its parser."""
    parser = add_command(
        commands,
        "explain",
        "say in plain sentences what a cube shows",
        "python -m sklearn_emerge explain cube.nc",
    )
    parser.add_argument("cube", metavar="CUBE", help="NetCDF file that assess --out has written")
    return parser


def run(options: Namespace) -> None:
    """Print what a cube shows."""
    from .. import explain

    print(explain(options.cube))
