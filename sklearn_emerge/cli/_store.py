"""The command ``store``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from ._parser import Commands, Parser, add_command, one_of

if TYPE_CHECKING:
    from ..assessment._kept import Kept

ACTIONS = ("list", "prune")


def add(commands: Commands) -> Parser:
    """Add the command, and return its parser."""
    parser = add_command(
        commands,
        "store",
        "list what a folder of --memory keeps, or remove what older code left there",
        "python -m sklearn_emerge store list runs\n"
        "         python -m sklearn_emerge store prune runs --dry-run",
    )
    parser.add_argument("action", type=one_of(ACTIONS), metavar="ACTION", help="list or prune")
    parser.add_argument("folder", metavar="FOLDER", help="the folder that --memory names")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what prune would remove, and remove nothing"
    )
    return parser


def run(options: Namespace) -> None:
    """Print what is kept, or remove what older code has left."""
    if options.dry_run and options.action == "list":
        raise ValueError("--dry-run belongs to prune; list removes nothing.")
    from ..assessment._kept import list_kept, prune

    kept = list_kept(options.folder)
    if options.action == "list":
        print_table(kept)
        return
    old = [each for each in kept if each.removed]
    if options.dry_run:
        print_table(old)
    else:
        prune(old)
    verb = "would remove" if options.dry_run else "removed"
    left = [each for each in kept if not each.removed]
    print(f"{verb} {_amount(old)}; left {_amount(left)}")


def print_table(kept: Sequence[Kept]) -> None:
    """Print a row for each, below its world, its model, and what it was computed by."""

    def heading(each: Kept) -> str:
        names = [name for name in (each.world, each.model) if name]
        return f"{', '.join(names) or 'of no name'}, computed by {each.made_by}"

    for head, group in groupby(kept, heading):
        print(f"{head}\n  {'kind':10}{'what':35}{'seeds':>10}{'size':>9}  {'written':10}")
        for each in group:
            seeds = _ranges(each.seeds) + " +" * each.unfinished
            date = datetime.fromtimestamp(each.date).strftime("%Y-%m-%d")
            cells = _cut(each.kind, 9), _cut(each.name, 34), _cut(seeds, 10)
            size = _size(each.n_bytes)
            print(f"  {cells[0]:10}{cells[1]:35}{cells[2]:>10}{size:>9}  {date}")
        print()
    if any(each.unfinished for each in kept):
        print("+ and a training that was cut off, or runs")
    print(f"{_amount(kept)}, of which {_amount([e for e in kept if e.removed])} by older code")


def _ranges(seeds: Sequence[int]) -> str:
    """Return numbers that increase as ranges, 0-5, 7."""
    groups: list[list[int]] = []
    for seed in seeds:
        if groups and seed == groups[-1][-1] + 1:
            groups[-1].append(seed)
        else:
            groups.append([seed])
    return ", ".join(f"{g[0]}-{g[-1]}" if len(g) > 1 else str(g[0]) for g in groups)


def _cut(text: str, n: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= n else f"{text[: n - 1]}…"


def _amount(kept: Sequence[Kept]) -> str:
    """Return how many there are, and their size."""
    n_bytes = sum(each.n_bytes for each in kept)
    return f"{len(kept)} cell{'s' * (len(kept) != 1)} ({_size(n_bytes)})"


def _size(n_bytes: int) -> str:
    """Return a size in the largest unit of which it has one."""
    size, units = float(n_bytes), ["B", "kB", "MB", "GB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.3g} {units[0]}"
