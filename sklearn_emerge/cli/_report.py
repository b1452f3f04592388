"""The command ``report``."""

from argparse import Namespace

from ._parser import Commands, Parser, add_command, add_option


def add(commands: Commands) -> Parser:
    """Add the command, and return its parser."""
    parser = add_command(
        commands,
        "report",
        "write a report of one or more cubes, a single HTML file",
        "python -m sklearn_emerge report gru.nc rnn.nc --out report.html",
    )
    parser.add_argument(
        "cubes", nargs="+", metavar="CUBE", help="NetCDF files that assess --out has written"
    )
    add_option(parser, "--out", "report.html", "file of the report", metavar="FILE")
    return parser


def run(options: Namespace) -> None:
    """Write a report."""
    from .. import report
    from .._files import check_writable

    check_writable(options.out)
    report(options.cubes, options.out)
    print(f"report: {options.out}")
