"""What is asked of checkpoints: probe sets, measures, and their steps, checked before loading."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._names import did_you_mean
from .._random import seed_sequence
from .._typing import RandomState
from .._validation import as_array
from ..geometry._estimates import ESTIMATES
from ..geometry._estimates import check_options as check_arguments
from ._folders import Architecture

# Of one pass of the model.
CHEAP = ("rankme", "participation_ratio", "nll")
# Rows that a corrected participation ratio, and ranks of gradients, need.
_LEAST_ROWS = 4
# Arguments that are not the caller's.
_OWN = ("module", "loss", "batch", "draw", "random_state")

Tokens = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a series of checkpoints.

    Attributes
    ----------
    probe_sets : dict of str to ndarray of int of shape (n_rows, n_tokens)
        Rows of tokens.
    measures : dict of str to list of int
        Steps of each measure.
    options : dict of str to dict
        Further arguments of measures.
    position : int
        Token whose hidden states are taken.
    stream : SeedSequence
        Of what measures draw.
    """

    probe_sets: dict[str, Tokens]
    measures: dict[str, list[int]]
    options: dict[str, dict[str, Any]]
    position: int
    stream: np.random.SeedSequence

    @property
    def steps(self) -> list[int]:
        """Steps at which anything is asked for."""
        return sorted(set().union(*self.measures.values()))

    def at(self, step: int) -> "Asked":
        """Return what is asked of a step."""
        names = [name for name, steps in self.measures.items() if step in steps]
        options = {name: self.options[name] for name in names if name in self.options}
        return Asked(self.probe_sets, names, options, self.position, self.stream)


class Asked(NamedTuple):
    """What is asked of one checkpoint: all that what is found of it depends on."""

    probe_sets: dict[str, Tokens]
    measures: list[str]
    options: dict[str, dict[str, Any]]
    position: int
    stream: np.random.SeedSequence


def check_request(
    probe_sets: Any,
    measures: Any,
    known_steps: Sequence[int],
    steps: Any,
    position: Any,
    options: Any,
    random_state: RandomState,
) -> Request:
    """Return what is asked for, or raise a ValueError that says what is wrong."""
    rows = check_probe_sets(probe_sets)
    of = check_measures(measures, check_steps(steps, known_steps))
    given = check_options(options, of)
    check_position(position, rows)
    return Request(
        probe_sets=rows,
        measures=of,
        options=given,
        position=int(position),
        stream=seed_sequence(random_state),
    )


def check_probe_sets(probe_sets: Any) -> dict[str, Tokens]:
    """Return probe sets as arrays of tokens, or raise a ValueError that says what is wrong."""
    if not isinstance(probe_sets, Mapping) or not probe_sets:
        raise ValueError(
            "probe_sets must be arrays of tokens by name, at least one, and not "
            f"{'empty' if isinstance(probe_sets, Mapping) else type(probe_sets).__name__}; pass "
            '{"text": tokens}.'
        )
    found = {}
    for key, rows in probe_sets.items():
        name = f"probe_sets[{key!r}]"
        if not isinstance(key, str) or not key:
            raise ValueError(f"probe_sets has the name {key!r}; name probe sets by text.")
        array = np.asarray(as_array(rows, name))
        if array.dtype.kind not in "iu":
            raise ValueError(
                f"{name} is of type {array.dtype}, and tokens are integers; pass what the "
                "tokenizer of the model returns as input_ids."
            )
        if array.ndim != 2 or array.shape[1] < 2:
            raise ValueError(
                f"{name} has shape {array.shape}, but must be rows of two or more tokens, all as "
                "long, (n_rows, n_tokens). Cut texts to one length: there is no padding."
            )
        if len(array) < _LEAST_ROWS:
            raise ValueError(
                f"{name} has {len(array)} row(s), and at least {_LEAST_ROWS} are needed. Pass "
                "more, better 1,000: RankMe says more of few rows than of the model."
            )
        if (array == array[0]).all():
            raise ValueError(
                f"{name} has the same tokens in all {len(array)} rows, whose states do not differ; "
                "pass different ones."
            )
        found[key] = array.astype(np.int64)
    return found


def check_tokens(probe_sets: Mapping[str, Tokens], architecture: Architecture) -> None:
    """Raise a ValueError unless a model of this architecture takes all rows."""
    for key, tokens in probe_sets.items():
        name = f"probe_sets[{key!r}]"
        wrong = np.argwhere((tokens < 0) | (tokens >= architecture.n_tokens))
        if wrong.size:
            row, place = wrong[0]
            raise ValueError(
                f"{name}[{row}, {place}] is {tokens[row, place]}, and tokens of this "
                f"{architecture.kind} are 0 to {architecture.n_tokens - 1}; use the tokenizer of "
                "the model, and cut rows where padding begins."
            )
        most = architecture.n_positions
        if most is not None and tokens.shape[1] > most:
            raise ValueError(
                f"{name} has rows of {tokens.shape[1]} tokens, and this {architecture.kind} takes "
                f"{most}; cut them, tokens[:, :{most}]."
            )


def check_position(position: Any, probe_sets: Mapping[str, Tokens]) -> None:
    """Raise a ValueError unless all rows have a token at a position."""
    if not isinstance(position, int | np.integer) or isinstance(position, bool):
        raise ValueError(f"position={position!r} must be an integer; -1 is the last token.")
    for key, tokens in probe_sets.items():
        if not -tokens.shape[1] <= position < tokens.shape[1]:
            raise ValueError(
                f"position={position} is outside of the rows of probe_sets[{key!r}], which have "
                f"{tokens.shape[1]} tokens; -1 is the last one."
            )
        # Rounding errors of states that are the same would have a rank.
        seen = tokens[:, : position % tokens.shape[1] + 1]
        if (seen == seen[0]).all():
            raise ValueError(
                f"position={position}: all rows of probe_sets[{key!r}] have the same tokens up to "
                "there, so that their states do not differ; take a later one, such as -1."
            )


def check_steps(steps: Any, known: Iterable[int], name: str = "steps") -> list[int]:
    """Return the steps that are asked for, sorted; all if they are None."""
    known = list(known)
    if steps is None:
        return known
    if isinstance(steps, str) or not isinstance(steps, Iterable):
        raise ValueError(f"{name}={steps!r} must be a list of steps, such as [{known[-1]}].")
    asked = list(steps)
    if not asked:
        raise ValueError(f"{name} is empty; pass steps such as [{known[-1]}], or None for all.")
    for step in asked:
        if step not in known:
            near = min(known, key=lambda each: abs(each - step)) if _is_number(step) else known[-1]
            raise ValueError(
                f"{name} has {step!r}, of which there is no checkpoint; the nearest is {near}, and "
                f"they are from {known[0]} to {known[-1]}."
            )
    return sorted({int(step) for step in asked})


def check_measures(measures: Any, steps: list[int]) -> dict[str, list[int]]:
    """Return the steps of each measure, in the order of the measures."""
    if isinstance(measures, str) or not isinstance(measures, Iterable) or not measures:
        raise ValueError(
            f"measures={measures!r} must be names, such as {CHEAP[:1]}, or steps by name, such as "
            f'{{"rankme": None, "hessian_top": [{steps[-1]}]}}.'
        )
    known = [*CHEAP, *ESTIMATES]
    asked = list(measures)
    for name in asked:
        if name not in known:
            raise ValueError(
                f"measures has {name!r}, which is not known; choose from "
                f"{', '.join(map(repr, known))}.{did_you_mean(name, known)}"
            )
        if name in ESTIMATES and not isinstance(measures, Mapping):
            raise ValueError(
                f"measures has {name!r}, which can take minutes a checkpoint. Say at which steps, "
                f'measures={{"{name}": [{steps[-1]}]}}, or None for all.'
            )
    of = measures if isinstance(measures, Mapping) else dict.fromkeys(asked)
    found = {name: check_steps(of[name], steps, f"measures[{name!r}]") for name in asked}
    return {name: found[name] for name in known if name in found}


def check_options(options: Any, measures: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return further arguments of measures, or raise a ValueError if they are not known."""
    if options is None:
        return {}
    if not (isinstance(options, Mapping) and all(isinstance(o, Mapping) for o in options.values())):
        raise ValueError(
            f"options={options!r} must be arguments by name by measure; pass "
            '{"hessian_trace": {"n_probes": 32}}.'
        )
    measures = list(measures)
    for name, arguments in options.items():
        if name not in ESTIMATES or name not in measures:
            asked = [each for each in measures if each in ESTIMATES]
            raise ValueError(
                f"options has {name!r}; arguments are those of measures that are asked for and "
                f"have some, here {', '.join(map(repr, asked)) or 'none'}."
            )
        known = [each for each in signature(ESTIMATES[name][0]).parameters if each not in _OWN]
        for argument in arguments:
            if argument not in known:
                raise ValueError(
                    f"options[{name!r}] has {argument!r}; choose from {', '.join(known)}."
                    f"{did_you_mean(argument, known)}"
                )
        try:
            check_arguments(name, arguments)
        except ValueError as error:
            raise ValueError(f"options[{name!r}]: {error}") from error
    return {name: dict(arguments) for name, arguments in options.items()}


def check_computing(device: Any, progress: Any) -> None:
    """Raise a ValueError unless there is such a device, and progress can be shown so."""
    try:
        torch.empty(1, device=device)
    except Exception as error:
        raise ValueError(
            f"device={device!r} cannot be used ({error}); pass 'cpu', or one of this machine."
        ) from error
    if progress not in (True, False, "bar", "log"):
        raise ValueError(f"progress={progress!r} is none of True, False, 'bar' and 'log'.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating)
