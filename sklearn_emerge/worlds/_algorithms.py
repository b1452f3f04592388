"""Tasks on digits: what is asked, what follows from it, and what a guess knows."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement
from math import factorial

import numpy as np
from numpy.typing import NDArray

from .._typing import Floats

# Numbers, or symbols: the digits 0 to 9, and then `<` and `>`.
Numbers = NDArray[np.integer]
N_SYMBOLS = 12
LESS, GREATER = 10, 11

# The sizes of each task at its three levels.
SIZES: dict[str, tuple[int | tuple[int, int], ...]] = {
    "COPY": (3, 5, 8),
    "REV": (3, 5, 8),
    "CMP": (1, 2, 3),
    "PAR": (2, 4, 6),
    "ADD": (1, 2, 3),
    "MOD": (7, 23, 97),
    "SORT": (3, 5, 8),
    "MUL": ((1, 1), (1, 2), (2, 2)),
}
# The largest of which all answers can be listed in about a second; of MUL the digits of both.
LARGEST = {"COPY": 18, "REV": 18, "CMP": 9, "PAR": 18, "ADD": 6, "MOD": 1000, "SORT": 12, "MUL": 6}


def digits_of(numbers: Numbers, width: int, base: int = 10) -> Numbers:
    """Return the digits of numbers along a new last axis, the most significant first."""
    return numbers[..., np.newaxis] // base ** np.arange(width)[::-1] % base


@dataclass(frozen=True)
class Problem:
    """One task at one size.

    Parameters
    ----------
    task : str
        One of `SIZES`.
    size : int or (int, int)
        Digits or bits; of MOD the modulus; of MUL the digits of both factors.
    reverse : bool, default=False
        Whether the answers of ADD, MOD and MUL begin with their least significant digit.
    """

    task: str
    size: int | tuple[int, int]
    reverse: bool = False

    @cached_property
    def ranges(self) -> tuple[range, ...]:
        """The range of each operand, in which it is uniform."""
        size: int = self.size if isinstance(self.size, int) else 0
        if isinstance(self.size, tuple):
            # Without leading zeros.
            return tuple(range(10 ** (width - 1), 10**width) for width in self.size)
        if self.task == "MOD":
            return (range(size),) * 2
        if self.task in ("CMP", "ADD"):
            return (range(10**size),) * 2
        return (range(self.base**size),)

    @property
    def base(self) -> int:
        """The base in which operands are written."""
        return 2 if self.task == "PAR" else 10

    @property
    def differ(self) -> bool:
        """Whether the second operand is never the first."""
        return self.task == "CMP"

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Digits of each operand."""
        if self.task == "PAR":
            return (len(f"{self.ranges[0][-1]:b}"),)
        return tuple(len(str(numbers[-1])) for numbers in self.ranges)

    @property
    def answer_start(self) -> int:
        """Step of the first token of the answer: task, level, operands and a mark after each."""
        return 2 + sum(self.widths) + len(self.widths)

    @property
    def answer_length(self) -> int:
        """Tokens of the answer."""
        if self.task in ("CMP", "PAR"):
            return 1
        extra = {"ADD": self.widths[0] + 1, "MUL": sum(self.widths)}
        return extra.get(self.task, self.widths[0])

    @property
    def length(self) -> int:
        """Tokens of an instance, with the mark at its end."""
        return self.answer_start + self.answer_length + 1

    def draw(self, n: int, rng: np.random.Generator) -> Numbers:
        """Draw operands, an array of shape (n, n_operands)."""
        numbers = [rng.integers(each.start, each.stop, n) for each in self.ranges]
        if self.differ:
            # Uniform among the others.
            others = len(self.ranges[1]) - 1
            numbers[1] = (numbers[0] + 1 + rng.integers(others, size=n)) % (others + 1)
        return np.stack(numbers, axis=1)

    def solve(self, operands: Numbers) -> Numbers:
        """Return the symbols of the answers, of shape (n, answer_length)."""
        first, last = operands[:, 0], operands[:, -1]
        digits = digits_of(first, self.widths[0], self.base)
        match self.task:
            case "COPY":
                return digits
            case "REV":
                return digits[:, ::-1]
            case "SORT":
                return np.sort(digits, axis=1)
            case "PAR":
                return digits.sum(axis=1, keepdims=True) % 2
            case "CMP":
                return np.where(first < last, LESS, GREATER)[:, np.newaxis]
            case "ADD":
                return self._written(first + last)
            case "MOD":
                return self._written((first + last) % len(self.ranges[0]))
            case _:
                return self._written(first * last)

    def _written(self, numbers: Numbers) -> Numbers:
        digits = digits_of(numbers, self.answer_length)
        return digits[:, ::-1] if self.reverse else digits


@lru_cache(maxsize=256)
def outcomes(problem: Problem) -> tuple[Numbers, Floats]:
    """Return all answers of a problem and the probability of each, if its operands are not known.

    Parameters
    ----------
    problem : Problem
        Of any task but COPY and REV, of whose answers each digit is uniform on its own.

    Returns
    -------
    answers : ndarray of int of shape (n_answers, answer_length)
        Symbols.
    probability : ndarray of shape (n_answers,)
    """
    ranges = problem.ranges
    match problem.task:
        case "CMP":
            return np.array([[LESS], [GREATER]]), np.full(2, 0.5)
        case "PAR":
            return np.array([[0], [1]]), np.full(2, 0.5)
        case "SORT":
            width = problem.widths[0]
            answers = np.array(list(combinations_with_replacement(range(10), width)))
            counts = (answers[:, :, np.newaxis] == np.arange(10)).sum(axis=1)
            # In how many orders the digits can have been.
            factorials = np.array([float(factorial(i)) for i in range(width + 1)])
            weights = factorials[width] / factorials[counts].prod(axis=1)
        case "MOD":
            answers = problem._written(np.arange(len(ranges[0])))
            weights = np.ones(len(answers))
        case "ADD":
            n = len(ranges[0])
            sums = np.arange(2 * n - 1)
            answers, weights = problem._written(sums), n - np.abs(sums - (n - 1.0))
        case _:
            products = np.multiply.outer(*map(np.array, ranges))
            products, weights = np.unique(products, return_counts=True)
            answers = problem._written(products)
    return answers, weights / weights.sum()


@lru_cache(maxsize=256)
def blind_scores(problem: Problem) -> tuple[float, float, float]:
    """Return what the best guess scores that does not see the operands.

    Parameters
    ----------
    problem : Problem
        One task at one size.

    Returns
    -------
    exact_match : float
        The probability of the most probable answer.
    token_accuracy : float
        The expected share of right tokens, each guessed given the true ones before it.
    nll : float
        The entropy of the answer, in nats per token.
    """
    length = problem.answer_length
    if problem.task in ("COPY", "REV"):
        return 10.0**-length, 0.1, float(np.log(10))
    probability = outcomes(problem)[1]
    joints = (_joint(problem, place)[1] for place in range(length))
    right = sum(float(joint.max(axis=1).sum()) for joint in joints)
    nll = -float(probability @ np.log(probability)) / length
    return float(probability.max()), right / length, nll


def blind_probability(problem: Problem, answers: Numbers) -> Floats:
    """Return the probability of each symbol of an answer, given those before it alone.

    Parameters
    ----------
    problem : Problem
        One task at one size.
    answers : ndarray of int of shape (n, answer_length)
        The symbols that are shown.

    Returns
    -------
    ndarray of shape (n, answer_length, 12)
        Zero where no answer begins like that.
    """
    result = np.zeros((*answers.shape, N_SYMBOLS))
    if problem.task in ("COPY", "REV"):
        result[:, :, :10] = 0.1
        return result
    for place in range(answers.shape[1]):
        known, joint = _joint(problem, place)
        codes = _codes(answers[:, :place])
        rows = np.searchsorted(known, codes).clip(max=len(known) - 1)
        there = known[rows] == codes
        conditional = joint / joint.sum(axis=1, keepdims=True)
        result[:, place] = conditional[rows] * there[:, np.newaxis]
    return result


@lru_cache(maxsize=256)
def _joint(problem: Problem, place: int) -> tuple[Numbers, Floats]:
    """Return the codes of all beginnings up to a place, and P(beginning, symbol there)."""
    answers, probability = outcomes(problem)
    codes, beginnings = np.unique(_codes(answers[:, :place]), return_inverse=True)
    cells = beginnings * N_SYMBOLS + answers[:, place]
    joint = np.bincount(cells, probability, minlength=len(codes) * N_SYMBOLS)
    return codes, joint.reshape(-1, N_SYMBOLS).astype(np.float64)


def _codes(symbols: Numbers) -> Numbers:
    """Return one number for each row of symbols."""
    return symbols @ N_SYMBOLS ** np.arange(symbols.shape[1])
