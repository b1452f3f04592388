"""The best possible predictor of tasks on digits."""

from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._tokens import as_indices
from .._typing import Floats
from ..predictors._base import BasePredictor
from ..worlds import AlgorithmicWorld
from ..worlds._algorithmic import COMMA, END, EQUALS, FIRST_DIGIT
from ..worlds._algorithms import N_SYMBOLS, Problem, blind_probability
from ._base import OptimalPredictor
from ._of_world import best_predictor


@fill_doc
class AlgorithmicPredictor(OptimalPredictor):
    """Predict instances of tasks on digits: all of them but operands are known.

    The next digit of an operand has the share of the numbers that begin like what is shown. The
    answer is computed from the operands; where answers are permuted, its next digit has the share
    of the answers that begin like what is shown.

    Parameters
    ----------
    world : AlgorithmicWorld
        Whose rows are predicted.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s

    Attributes
    ----------
    n_tokens_ : int
        Size of the vocabulary.

    Examples
    --------
    >>> from sklearn_emerge import AlgorithmicWorld
    >>> world = AlgorithmicWorld(["SORT"], [1])
    >>> model, X = world.optimal_predictor(), world.sample(1, random_state=0).X
    >>> world.decode(X[0]), world.decode(model.predict(X)[0, 5:8].argmax(axis=1))
    ('SORT L1 8 7 4 = 4 7 8 |', '4 7 8')
    """

    knows_tokens = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "world": [AlgorithmicWorld],
        "n_tokens": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(
        self,
        world: AlgorithmicWorld,
        *,
        likelihood: str = "auto",
        noise_std: float | str = "auto",
        n_tokens: int | str = "auto",
    ) -> None:
        self.world = world
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens

    def _predict(self, X: Floats) -> Floats:
        n_steps = X.shape[1]
        # Rows that end early are read as if padding followed; what is predicted from that is cut.
        tokens = np.zeros((len(X), max(n_steps, self.world.row_length)), dtype=np.int64)
        tokens[:, :n_steps] = as_indices(X)
        vocabulary = self.world.vocabulary
        levels = [vocabulary.index(f"L{level}") for level in self.world.levels]
        if n_steps == 1:
            # The level is what is predicted; any will do for what is cut.
            tokens[:, 1] = levels[0]
        following = np.zeros((*tokens.shape, self.world.n_tokens))
        known = np.zeros(len(X), dtype=bool)
        for (task, level), problem in self.world.problems().items():
            name, degree = vocabulary.index(task), vocabulary.index(f"L{level}")
            rows = (tokens[:, 0] == name) & (tokens[:, 1] == degree)
            following[rows] = self._following(problem, tokens[rows])
            known |= rows
        if not known.all():
            row = int(np.argmin(known))
            raise ValueError(
                f"X[{row}] begins with the tokens {tokens[row, :2].tolist()}, which are no task "
                "and level of the world; pass sequences of this world."
            )
        following[:, 0] = 0
        following[:, 0, levels] = 1 / len(levels)
        return following[:, :n_steps]

    def _following(self, problem: Problem, tokens: NDArray[np.integer]) -> Floats:
        """Return the probability of the token after each of an instance, from the second on."""
        following = np.zeros((*tokens.shape, self.world.n_tokens))
        # What is predicted from step t is the token of step t + 1: padding, unless it is set below.
        following[:, :, 0] = 1
        following[:, : problem.length - 1, 0] = 0
        place, operands = 2, np.zeros((len(tokens), len(problem.ranges)), dtype=np.int64)
        for i, width in enumerate(problem.widths):
            for digit in range(width):
                excluded = operands[:, :1] if problem.differ and i else None
                probability = _next_digit(problem, i, operands[:, i], digit, excluded)
                stop = FIRST_DIGIT + problem.base
                following[:, place - 1, FIRST_DIGIT:stop] = probability
                shown = (tokens[:, place] - FIRST_DIGIT).clip(0, problem.base - 1)
                operands[:, i] = operands[:, i] * problem.base + shown
                place += 1
            following[:, place - 1, COMMA if i + 1 < len(problem.widths) else EQUALS] = 1
            place += 1
        if self.world.answers == "computed":
            answers = np.eye(N_SYMBOLS)[problem.solve(operands)]
        else:
            shown = tokens[:, place : place + problem.answer_length] - FIRST_DIGIT
            answers = blind_probability(problem, shown.clip(0, N_SYMBOLS - 1))
        stop = place + problem.answer_length
        following[:, place - 1 : stop - 1, FIRST_DIGIT : FIRST_DIGIT + N_SYMBOLS] = answers
        following[:, stop - 1, END] = 1
        return following


def _next_digit(
    problem: Problem,
    operand: int,
    prefix: NDArray[np.integer],
    place: int,
    excluded: NDArray[np.integer] | None,
) -> Floats:
    """Return the share of each next digit among the operands that begin with a prefix."""
    unit = problem.base ** (problem.widths[operand] - place - 1)
    low = (prefix[:, np.newaxis] * problem.base + np.arange(problem.base)) * unit
    numbers = problem.ranges[operand]
    counts = np.minimum(low + unit, numbers.stop) - np.maximum(low, numbers.start)
    counts = counts.clip(min=0)
    if excluded is not None:
        counts -= (low <= excluded) & (excluded < low + unit)
    # No operand begins like some rows that are none of the world's.
    return counts / counts.sum(axis=1, keepdims=True).clip(min=1)


@best_predictor.register
def of_algorithms(world: AlgorithmicWorld) -> BasePredictor:
    """Return what computes the answers of the world, or knows how they are distributed."""
    return AlgorithmicPredictor(world)
