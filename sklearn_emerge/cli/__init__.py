"""Command line: one file a command, each with `add`, its options, and `run`."""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

from .. import __version__
from . import _assess, _explain, _report, _reproduce, _serve, _store, _worlds
from ._parser import Parser

# What the shell calls a process that wrote where nobody reads; Windows has no such signal.
_SIGPIPE = 13


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="python -m sklearn_emerge",
        description="What did training add to a small sequence model?",
        epilog="example: python -m sklearn_emerge assess oscillator --out cube.nc\n"
        "Each command has a --help of its own.",
    )
    parser.add_argument("--version", action="version", version=f"sklearn_emerge {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    parser.commands = commands.choices
    for command in (_worlds, _assess, _explain, _report, _reproduce, _store, _serve):
        command.add(commands).set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        Exit status: 0, or 2 for wrong arguments, and for results that cannot be written where
        they should be or computed in this memory (130 if interrupted, 143 if ended by SIGTERM,
        141 if nobody reads the output to its end).
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        with warnings.catch_warnings(), _terminated_as_interrupted():
            warnings.showwarning = _show_warning
            options.run(options)
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output, as `head` does, has seen enough. At its end the process would
        # try to write the rest.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + _SIGPIPE
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
    except KeyboardInterrupt as interrupt:
        resumable = options.command in ("assess", "reproduce") and not options.memory
        hint = "" if not resumable else "; with --memory FOLDER a run can be continued"
        print(f"interrupted{hint}", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(interrupt, _Terminated) else signal.SIGINT)
    return 0


class _Terminated(KeyboardInterrupt):
    """What SIGTERM raises: workers and temporary folders end as they do with Ctrl-C."""


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM interrupt, unless somebody else handles it."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Interrupt; a second time the process ends at once."""
    signal.signal(number, signal.SIG_DFL)
    raise _Terminated


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning without the place in the code, which says nothing on a command line."""
    print(f"warning: {message}", file=sys.stderr)
