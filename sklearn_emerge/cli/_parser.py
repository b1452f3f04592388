"""Arguments: their kinds, how they are shown, and what is said of wrong ones."""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeAlias

from .._names import did_you_mean, look_up


class Parser(argparse.ArgumentParser):
    """A parser that answers unknown words with the nearest, in a line instead of the usage."""

    # The parsers of commands by name, of the parser that has some.
    commands: dict[str, "Parser"]

    def __init__(self, **options: Any):
        # Beginnings of options are not options: --seed is the seeds to one, randomness to others.
        options |= {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter}
        super().__init__(**options)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse after a look at the command and the options, so that near ones can be named."""
        args = list(sys.argv[1:] if args is None else args)
        if args and not args[0].startswith("-"):
            try:
                args[0] = look_up(args[0], self.commands, "command")
            except ValueError as error:
                self.error(str(error))
            command = self.commands[args[0]]
            known = re.findall(r"--[\w-]+", command.format_usage())
            given = (arg.partition("=")[0] for arg in args[1:] if re.match(r"--\w", arg))
            for option in given:
                if option not in (*known, "--help"):
                    question = did_you_mean(option, known, str) or f" It has {', '.join(known)}."
                    command.error(f"{args[0]} has no option {option}.{question}")
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to read more, and exit with status 2."""
        self.exit(2, f"error: {message}\nMore: {self.prog} --help\n")


# What `add_subparsers` returns.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_command(commands: Commands, name: str, text: str, example: str) -> Parser:
    """Return the parser of a new command; `text` says what it does, without a full stop."""
    return commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=f"example: {example}"
    )


def add_option(parser: Parser, flag: str, default: Any, text: str, **options: Any) -> None:
    """Add an option whose help ends in its default."""
    shown = " ".join(map(str, default)) if isinstance(default, list) else default
    parser.add_argument(flag, default=default, help=f"{text} (default: {shown})", **options)


def add_run_options(parser: Parser) -> None:
    """Add what commands that train have in common."""
    parser.add_argument(
        "--jobs", type=count, metavar="N", help="cells that are run at once (default: 1)"
    )
    parser.add_argument(
        "--memory",
        metavar="FOLDER",
        help="where cells are kept, finished or not, to continue a run (default: nowhere)",
    )
    parser.add_argument(
        "--figure", metavar="FILE", help="draw the result, as .png or .pdf; needs matplotlib"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def one_of(known: Iterable[str]) -> Callable[[str], str]:
    """Return a type of arguments: one of some names, in any case."""

    def convert(text: str) -> str:
        try:
            return look_up(text, known)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix("name=")) from None

    return convert


def count(text: str) -> int:
    """Return a number of things; more than there can be overflow somewhere, with a traceback."""
    number = int(text)
    if abs(number) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is out of range; pass less than {2**31}")
    return number


def port(text: str) -> int:
    """Return a port; 0 is any that is free."""
    number = int(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError(f"{text} is no port; pass 0 to {2**16 - 1}")
    return number


def host(text: str) -> str:
    """Return an address; to an empty one the service would listen everywhere."""
    if not text:
        raise argparse.ArgumentTypeError("'' is no address; pass 0.0.0.0 to listen at all")
    return text


# What messages call them.
count.__name__ = port.__name__ = "int"
