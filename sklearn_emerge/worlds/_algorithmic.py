"""Eight tasks on digits, whose answers follow from their operands."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._names import did_you_mean
from .._random import substream
from .._tokens import check_tokens
from ._algorithms import LARGEST, SIZES, Problem, blind_scores, digits_of
from ._base import World
from ._sample import Sample

if TYPE_CHECKING:
    import xarray as xr

_TASKS, _LEVELS = tuple(SIZES), (1, 2, 3)
_VOCABULARY = ("<pad>", "=", "|", ",", *_TASKS, "L1", "L2", "L3", *map(str, range(10)), "<", ">")
# Symbols of answers are tokens from here on.
FIRST_DIGIT = _VOCABULARY.index("0")
EQUALS, END, COMMA = (_VOCABULARY.index(mark) for mark in "=|,")


class AlgorithmicWorld(World):
    """Eight tasks on digits at three levels, an instance a row.

    An instance is the name of its task, its level, its operands and the answer; the rest of the
    row is padding,

        ADD L2 4 7 , 0 8 = 0 5 5 | <pad> <pad> ...

    A world for the question of *The geometric anatomy of capability emergence*: what changes in a
    network before it can do a task?

    Parameters
    ----------
    tasks : sequence of str, \
            default=("COPY", "REV", "CMP", "PAR", "ADD", "MOD", "SORT", "MUL")
        The tasks that are written.
    levels : sequence of int, default=(1, 2, 3)
        The levels that are written.
    sizes : dict of str to sequence, default=None
        Sizes of some tasks at the levels 1, 2 and 3. None is that of the table below for all.
    weights : dict of str to float, default=None
        How often some tasks are written, relative to 1 for each of the others. None is 1 for all.
        Levels are equally frequent.
    row_length : int, default=20
        Tokens of a row, n_steps of the sequences. 20 hold every default size.
    digit_order : {"most_significant", "least_significant"}, default="most_significant"
        Which digit of the answers of ADD, MOD and MUL comes first.
    answers : {"computed", "permuted"}, default="computed"
        "computed": those of the operands. "permuted": those of other operands of the same task and
        level, so that nothing can be learned but how they are distributed.

    Attributes
    ----------
    vocabulary : tuple of str
        What each token stands for: 27, whichever tasks are written.

    Notes
    -----
    Operands are uniform.

    ======  =======================  ==========================================================
    task    sizes                    answer
    ======  =======================  ==========================================================
    COPY    3, 5, 8 digits           the digits
    REV     3, 5, 8 digits           the digits, the last one first
    CMP     1, 2, 3 digits           ``<`` or ``>``, of two different numbers
    PAR     2, 4, 6 bits             the parity of the bits, 0 or 1
    ADD     1, 2, 3 digits           the sum, one digit longer than the summands
    MOD     modulus 7, 23, 97        (a + b) mod p
    SORT    3, 5, 8 digits           the digits, the smallest one first
    MUL     1x1, 1x2, 2x2 digits     the product, of as many digits as both factors together
    ======  =======================  ==========================================================

    Numbers have leading zeros, but for the factors of MUL.

    Beside X the Sample has ``scored``, the tokens of answers; and for each row ``task``, ``level``,
    ``answer_start`` (the step of the first token of the answer) and ``answer_length``. There are
    no latents.

    Answers follow from operands, so that the best possible loss of what is scored is 0 nats. In
    the null "permuted" it is that of `chance`, and `optimal_predictor` reaches either.

    Level 1 has few instances (PAR 4, MOD 49, MUL 81, CMP 90, ADD 100), which a network can know by
    heart; COPY at level 3 has 10^8. `seen_share` says how many of an evaluation were in training.

    References
    ----------
    Billa. The geometric anatomy of capability emergence in transformers. arXiv 2602.15997.

    Examples
    --------
    >>> from sklearn_emerge import AlgorithmicWorld
    >>> world = AlgorithmicWorld(["ADD", "SORT"])
    >>> sample = world.sample(3, random_state=0)
    >>> world.decode(sample.X[0])
    'ADD L3 8 1 3 , 9 6 4 = 1 7 7 7 |'
    >>> sample.task.tolist(), sample.level.tolist(), sample.answer_start.tolist()
    (['ADD', 'SORT', 'ADD'], [3, 2, 1], [10, 8, 6])
    >>> world.chance.sel(score="exact_match", task="ADD").values.tolist()
    [0.1, 0.01, 0.001]
    """

    observation = "token"
    n_tokens = len(_VOCABULARY)
    vocabulary = _VOCABULARY
    input_scaling = None
    ceiling = "exact"
    # Some hundred rows for each task and level; what tells 1/2 from .55 takes more, see `chance`.
    default_n_train = 20_000
    default_n_eval = 5_000
    _parameter_constraints = {
        "tasks": ["array-like"],
        "levels": ["array-like"],
        "sizes": [Mapping, None],
        "weights": [Mapping, None],
        "row_length": [Interval(Integral, 2, None, closed="left")],
        "digit_order": [StrOptions({"most_significant", "least_significant"})],
        "answers": [StrOptions({"computed", "permuted"})],
    }

    def __init__(
        self,
        tasks: Sequence[str] = ("COPY", "REV", "CMP", "PAR", "ADD", "MOD", "SORT", "MUL"),
        levels: Sequence[int] = (1, 2, 3),
        *,
        sizes: Mapping[str, Sequence[Any]] | None = None,
        weights: Mapping[str, float] | None = None,
        row_length: int = 20,
        digit_order: str = "most_significant",
        answers: str = "computed",
    ) -> None:
        self.tasks = tasks
        self.levels = levels
        self.sizes = sizes
        self.weights = weights
        self.row_length = row_length
        self.digit_order = digit_order
        self.answers = answers

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """The nulls that would destroy something."""
        return ("permuted", "resample") if self.answers == "computed" else ("resample",)

    @property
    def n_steps(self) -> int:
        """Tokens of a row."""
        return self.row_length

    @property
    def chance(self) -> "xr.DataArray":
        """What the best guess scores that sees task, level and answer so far, but no operands.

        Of dimensions (score, task, level), exact: "exact_match", the share of right answers,
        "token_accuracy", that of right tokens given the true ones before, and "nll", nats per
        token of an answer.
        """
        # Worlds are sampled without it.
        import xarray as xr

        problems = self.problems()
        names = "exact_match", "token_accuracy", "nll"
        shape = len(self.tasks), len(self.levels), len(names)
        values = np.reshape([blind_scores(problem) for problem in problems.values()], shape)
        coords = {"task": list(self.tasks), "level": list(self.levels), "score": list(names)}
        scores = xr.DataArray(values, coords, dims=list(coords)).transpose("score", ...)
        return scores.assign_attrs(
            long_name="scores without operands", units="1, and nat/token for the nll"
        )

    def problems(self) -> dict[tuple[str, int], Problem]:
        """Return what is asked of each task and level.

        Returns
        -------
        dict of (str, int) to Problem

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        return dict(self._problems())

    def decode(self, tokens: ArrayLike) -> str:
        """Return tokens as text, without the padding at the end.

        Parameters
        ----------
        tokens : array-like of int
            Tokens.

        Returns
        -------
        str
            What they stand for, with spaces between them.

        Raises
        ------
        ValueError
            If one is not in the vocabulary.
        """
        tokens = np.trim_zeros(check_tokens(tokens, self.n_tokens), "b")
        return " ".join(_VOCABULARY[token] for token in tokens)

    def only(self, task: str, level: int) -> Self:
        """Return the world in which one task is written at one level.

        Parameters
        ----------
        task : str
            One of `tasks`.
        level : int
            One of `levels`.

        Returns
        -------
        AlgorithmicWorld
            A copy, of the same tokens.

        Raises
        ------
        ValueError
            If the task or the level is not written here.
        """
        problems = self.problems()
        if (task, level) not in problems:
            wrong = f"level={level!r}" if task in self.tasks else f"task={task!r}"
            known = list(map(str, self.levels if task in self.tasks else self.tasks))
            raise ValueError(
                f"{wrong} is not written in this world; choose from {', '.join(known)}."
                f"{did_you_mean(task, known)}"
            )
        changed = {"tasks": [task], "levels": [level], "weights": None}
        return type(self)(**(self.get_params() | changed))

    def null(self, kind: str) -> World:
        """Return the matched world in which something is destroyed.

        Parameters
        ----------
        kind : {"permuted", "resample"}
            "permuted": answers are those of other operands of the same task and level. "resample":
            as in every world.

        Returns
        -------
        World
            A world like any other.

        Raises
        ------
        ValueError
            If there is no null of that kind, or nothing that it would destroy.
        """
        if kind != "permuted":
            return super().null(kind)
        if kind not in self.null_kinds:
            raise ValueError(
                "null='permuted': with answers='permuted' there is nothing left to destroy; "
                f"choose from {', '.join(map(repr, self.null_kinds))}, or take the null of a world "
                "with answers='computed'."
            )
        return type(self)(**(self.get_params() | {"answers": "permuted"}))

    def _check_request(self, n_sequences: int) -> None:
        super()._check_request(n_sequences)
        self.problems()

    def _problems(self) -> Iterator[tuple[tuple[str, int], Problem]]:
        """Return tasks and levels with their problems, after checking them."""
        self._validate_params()
        _check_names("tasks", self.tasks, _TASKS)
        _check_names("levels", self.levels, _LEVELS)
        self._shares()
        given = {} if self.sizes is None else self.sizes
        _check_names("sizes", list(given), _TASKS, least=0)
        sizes = SIZES | {task: _checked(task, each) for task, each in given.items()}
        for task in self.tasks:
            for level in self.levels:
                problem = Problem(task, sizes[task][level - 1], self._reverse)
                if problem.length > self.row_length:
                    raise ValueError(
                        f"row_length={self.row_length} is too short: an instance of {task} at "
                        f"level {level} has {problem.length} tokens; pass at least "
                        f"row_length={problem.length}, or smaller sizes."
                    )
                yield (task, level), problem

    @property
    def _reverse(self) -> bool:
        return self.digit_order == "least_significant"

    def _shares(self) -> NDArray[np.float64]:
        """Return the probability of each task, after checking the weights."""
        given = {} if self.weights is None else self.weights
        _check_names("weights", list(given), self.tasks, least=0)
        for task, weight in given.items():
            if not isinstance(weight, Real) or not 0 < weight < np.inf:
                raise ValueError(
                    f"weights[{task!r}]={weight!r} is no weight; pass a number above 0, or leave "
                    "the task out of tasks."
                )
        weights = np.array([float(given.get(task, 1.0)) for task in self.tasks])
        return weights / weights.sum()

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        rng = np.random.default_rng(substream(stream, "tasks"))
        shares = np.repeat(self._shares(), len(self.levels)) / len(self.levels)
        asked = rng.choice(len(shares), size=n_sequences, p=shares)
        X = np.zeros((n_sequences, self.row_length), dtype=np.int64)
        start, length = np.zeros((2, n_sequences), dtype=np.int64)
        problems = self.problems()
        for i, ((task, level), problem) in enumerate(problems.items()):
            rows = np.flatnonzero(asked == i)
            own = substream(stream, task, level)
            operands = problem.draw(len(rows), np.random.default_rng(substream(own, "operands")))
            solved = operands
            if self.answers == "permuted":
                solved = problem.draw(len(rows), np.random.default_rng(substream(own, "answers")))
            text = _write(problem, level, operands, problem.solve(solved))
            X[rows, : problem.length] = text
            start[rows], length[rows] = problem.answer_start, problem.answer_length
        tasks, levels = (np.array(each)[asked] for each in zip(*problems, strict=True))
        after = np.arange(self.row_length) - start[:, np.newaxis]
        return Sample(
            X,
            scored=(after >= 0) & (after < length[:, np.newaxis]),
            task=tasks,
            level=levels,
            answer_start=start,
            answer_length=length,
        )


def _write(
    problem: Problem, level: int, operands: NDArray[np.integer], answers: NDArray[np.integer]
) -> NDArray[np.integer]:
    """Write instances as tokens, one a row."""

    def mark(name: str) -> NDArray[np.integer]:
        return np.full((len(operands), 1), _VOCABULARY.index(name))

    parts = [mark(problem.task), mark(f"L{level}")]
    for i, width in enumerate(problem.widths):
        digits = digits_of(operands[:, i], width, problem.base)
        parts += [FIRST_DIGIT + digits, mark("," if i + 1 < len(problem.widths) else "=")]
    return np.hstack([*parts, FIRST_DIGIT + answers, mark("|")])


def _check_names(name: str, given: Sequence[Any], known: Sequence[Any], least: int = 1) -> None:
    """Raise a ValueError unless each of some names is known, and there once."""
    choices = ", ".join(map(repr, known))
    if isinstance(given, str) or len(given) < least:
        raise ValueError(f"{name}={given!r} must be a list of some of {choices}.")
    for i, each in enumerate(given):
        # 1.0 and True are 1 to Python.
        if each not in known or isinstance(each, bool | float):
            meant = did_you_mean(each, known) if isinstance(each, str) else ""
            raise ValueError(f"{name} has {each!r}; choose from {choices}.{meant}")
        if each in given[:i]:
            raise ValueError(f"{name} has {each!r} twice; name each once.")


def _checked(task: str, sizes: Sequence[Any]) -> tuple[int | tuple[int, int], ...]:
    """Return the sizes of a task, or raise a ValueError."""
    pair, least, largest = task == "MUL", 2 if task == "MOD" else 1, LARGEST[task]
    listed = isinstance(sizes, Sequence | np.ndarray) and not isinstance(sizes, str)
    rows = (
        [each if isinstance(each, Sequence | np.ndarray) else [each] for each in sizes]
        if listed
        else []
    )
    valid = len(rows) == 3 and all(
        len(row) == 1 + pair
        and all(isinstance(each, Integral) and int(each) >= 1 for each in row)
        and least <= sum(map(int, row)) <= largest
        for row in rows
    )
    if not valid:
        form = "a pair of digits, together at most" if pair else f"an integer of {least} to"
        raise ValueError(
            f"sizes[{task!r}]={sizes!r} must be three sizes, each {form} {largest}; for instance "
            f"{SIZES[task]}."
        )
    return tuple((int(row[0]), int(row[1])) if pair else int(row[0]) for row in rows)
