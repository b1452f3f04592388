"""Nested conditionals, whose answer takes a lookup at every level."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._random import substream
from .._tokens import check_tokens
from ._base import World
from ._sample import Sample

_MARKS = ("<pad>", ":", ";", "=", "if", ">", "|")


class NestedConditionalWorld(World):
    """Nested conditionals and their answers, an instance a row.

    First keys are bound to values, or to other keys as their aliases; then comes a tree of
    conditionals in prefix form, whose leaves are answers; then the leaf that is reached,

        k1 : 0 ; k0 : k1 ; k2 : 1 ; = if k2 if k0 a7 a3 if k1 a0 a4 > a0 |

    Here k2 is 1, which takes the second case, and there k1 is 0, which takes the first. The rest
    of the row is padding. A world for the question of the *Emergence page*: from which capacity on
    does a network look up and branch as often as it takes?

    Parameters
    ----------
    depth : int, default=3
        Levels of nested conditionals, at most.
    branching : int, default=2
        Cases of each conditional, and number of values.
    difficulty : float, default=1.0
        From 0 to 1. The depth of an instance is 1 + Binomial(depth - 1, difficulty), and a key is
        an alias with probability difficulty * alias_share. Made for grids:
        ``param_grid={"world__difficulty": [0, 0.5, 1]}``.
    alias_share : float, default=0.25
        Share of aliases among keys where the difficulty is 1.
    n_keys : int, default=7
        Number of keys, at least `depth`. All are bound, in random order.
    n_tokens : int, default=256
        Size of the vocabulary. What marks, keys and values leave of it are answers.
    row_length : int, default=128
        Tokens of a row, n_steps of the sequences.
    truncate : bool, default=False
        Whether instances that are longer than a row lose their beginning, bindings first, instead
        of being refused. For sweeps of the length that a network sees.
    answers : {"evaluated", "random_leaf"}, default="evaluated"
        "evaluated": the leaf that is reached. "random_leaf": any leaf of the same tree.

    Attributes
    ----------
    vocabulary : tuple of str
        What each token stands for.
    n_answers : int
        Number of answers.

    Notes
    -----
    Values of keys and leaves are uniform and independent, trees are full, and the keys on any way
    from the root to a leaf are different: without the bindings nothing tells which leaf is
    reached. An alias always points to a key that is bound to a value, and has the same value.
    Where all keys of a value would be aliases, one is bound to the value, which makes aliases
    rarer than their probability: of 8 keys a share of .245 in place of .25, and .75 in place of 1.

    Who knows only which tokens are answers is right in 1 / n_answers of instances (`chance`), who
    picks any leaf of the tree in 1 / n_leaves + (1 - 1 / n_leaves) / n_answers. Learning to pick a
    shown leaf is most of the gain in nats and takes no lookup; the null "permuted" has it, too.

    Beside X the Sample has ``scored``, the tokens that count: the answers, by which an assessment
    scores networks; and for each row ``depth``, ``branching`` (cases of each conditional),
    ``lookups`` (bindings read on the way to the leaf that is reached, two for an alias),
    ``n_leaves``, ``guess`` (the share of leaves that equal the answer) and ``length`` (tokens
    without padding). The latent is the value of the first condition.

    Where a row is cut, its answer does not count, because it does not follow from what is in
    sight; ``lookups`` and ``guess`` are still those of the whole.

    A tree of depth d with b cases has (b^d - 1) / (b - 1) conditionals of two tokens and b^d
    leaves. A row of 128 tokens has room for a depth of 5 with up to 7 keys, one of 130 with 8.

    References
    ----------
    The Emergence page.

    Examples
    --------
    >>> from sklearn_emerge import NestedConditionalWorld
    >>> world = NestedConditionalWorld(depth=2, n_keys=3, n_tokens=20, row_length=32)
    >>> sample = world.sample(3, random_state=0)
    >>> world.decode(sample.X[0])
    'k1 : 1 ; k0 : 1 ; k2 : 1 ; = if k1 if k2 a4 a5 if k0 a6 a3 > a3 |'
    >>> int(sample.depth[0]), int(sample.lookups[0]), float(sample.guess[0])
    (2, 2, 0.25)
    """

    observation = "token"
    latent_kind = "discrete"
    latent_names = ("branch",)
    input_scaling = None
    _parameter_constraints = {
        "depth": [Interval(Integral, 1, None, closed="left")],
        "branching": [Interval(Integral, 2, None, closed="left")],
        "difficulty": [Interval(Real, 0, 1, closed="both")],
        "alias_share": [Interval(Real, 0, 1, closed="both")],
        "n_keys": [Interval(Integral, 1, None, closed="left")],
        "n_tokens": [Interval(Integral, 1, None, closed="left")],
        "row_length": [Interval(Integral, 2, None, closed="left")],
        "truncate": ["boolean"],
        "answers": [StrOptions({"evaluated", "random_leaf"})],
    }

    def __init__(
        self,
        depth: int = 3,
        branching: int = 2,
        difficulty: float = 1.0,
        *,
        alias_share: float = 0.25,
        n_keys: int = 7,
        n_tokens: int = 256,
        row_length: int = 128,
        truncate: bool = False,
        answers: str = "evaluated",
    ) -> None:
        self.depth = depth
        self.branching = branching
        self.difficulty = difficulty
        self.alias_share = alias_share
        self.n_keys = n_keys
        self.n_tokens = n_tokens
        self.row_length = row_length
        self.truncate = truncate
        self.answers = answers

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """The nulls that would destroy something."""
        return ("permuted", "resample") if self.answers == "evaluated" else ("resample",)

    @property
    def n_steps(self) -> int:
        """Tokens of a row."""
        return self.row_length

    @property
    def n_answers(self) -> int:
        """Number of answers."""
        self._check_sizes()
        return self.n_tokens - self._first_answer

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """What each token stands for."""
        answers = [f"a{i}" for i in range(self.n_answers)]
        keys = [f"k{i}" for i in range(self.n_keys)]
        return (*_MARKS, *keys, *map(str, range(self.branching)), *answers)

    @property
    def chance(self) -> float:
        """Share of answers that are right if only the set of answers is known."""
        return 1 / self.n_answers

    # Keys, values and answers follow the marks, in this order.
    _first_key = len(_MARKS)
    _first_value = property(lambda self: self._first_key + self.n_keys)
    _first_answer = property(lambda self: self._first_value + self.branching)

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
        vocabulary = self.vocabulary
        tokens = np.trim_zeros(check_tokens(tokens, int(self.n_tokens)), "b")
        return " ".join(vocabulary[token] for token in tokens)

    def null(self, kind: str) -> World:
        """Return the matched world in which something is destroyed.

        Parameters
        ----------
        kind : {"permuted", "resample"}
            "permuted": the answer is any leaf of the tree, drawn at random, so that bindings and
            conditions say nothing. "resample": as in every world.

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
                "null='permuted': with answers='random_leaf' there is nothing left to destroy; "
                f"choose from {', '.join(map(repr, self.null_kinds))}, or take the null of a world "
                "with answers='evaluated'."
            )
        return type(self)(**(self.get_params() | {"answers": "random_leaf"}))

    def _check_request(self, n_sequences: int) -> None:
        super()._check_request(n_sequences)
        self._check_sizes()

    def _check_sizes(self) -> None:
        """Raise a ValueError if the instances cannot be written with these sizes."""
        self._validate_params()
        if self.n_keys < self.depth:
            raise ValueError(
                f"n_keys={self.n_keys} is less than depth={self.depth}, but the keys on a way "
                f"through the tree are different; pass at least n_keys={self.depth}."
            )
        least = self._first_answer + 2
        if self.n_tokens < least:
            raise ValueError(
                f"n_tokens={self.n_tokens} is too small a vocabulary: marks, keys, values and two "
                f"answers are {least} tokens; pass at least n_tokens={least}, or fewer n_keys."
            )
        leaves = self.branching**self.depth
        conditionals = (leaves - 1) // (self.branching - 1)
        # `=` before the tree; `>`, the answer and `|` after it.
        needed = 4 * self.n_keys + 1 + 2 * conditionals + leaves + 3
        if self.row_length < needed and not self.truncate:
            raise ValueError(
                f"row_length={self.row_length} is too short: an instance of depth={self.depth} "
                f"with branching={self.branching} and n_keys={self.n_keys} needs {needed} tokens; "
                f"pass at least row_length={needed}, less of the others, or truncate=True."
            )

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        rng = np.random.default_rng(substream(stream, "depth"))
        depth = 1 + rng.binomial(self.depth - 1, self.difficulty, size=n_sequences)
        bindings, values, aliases = self._bind(n_sequences, substream(stream, "bindings"))
        X = np.zeros((n_sequences, self.row_length), dtype=np.int64)
        branch, lookups, length = np.zeros((3, n_sequences), dtype=np.int64)
        guess, whole = np.zeros(n_sequences), np.zeros(n_sequences, dtype=bool)
        # Trees of one depth are of one shape.
        for levels in np.unique(depth).tolist():
            rows = np.flatnonzero(depth == levels)
            rng = np.random.default_rng(substream(stream, "tree", levels))
            keys, leaves = self._grow(len(rows), levels, rng)
            branch[rows] = values[rows, keys[0][:, 0]]
            reached, lookups[rows] = self._descend(keys, values[rows], aliases[rows])
            if self.answers == "random_leaf":
                own = np.random.default_rng(substream(stream, "answers", levels))
                reached = own.integers(leaves.shape[1], size=len(rows))
            answers = leaves[np.arange(len(rows)), reached, np.newaxis]
            text = np.hstack(
                [
                    bindings[rows],
                    self._mark("=", rows),
                    self._prefix(keys, leaves),
                    self._mark(">", rows),
                    answers,
                    self._mark("|", rows),
                ]
            )
            whole[rows] = text.shape[1] <= self.row_length
            text = text[:, -self.row_length :]
            length[rows] = text.shape[1]
            guess[rows] = (leaves == answers).mean(axis=1)
            X[rows, : text.shape[1]] = text
        latents = np.repeat(branch[:, np.newaxis, np.newaxis], self.row_length, axis=1)
        last = np.arange(self.row_length) == length[:, np.newaxis] - 2
        return Sample(
            X,
            latents,
            scored=last & whole[:, np.newaxis],
            depth=depth,
            branching=np.full(n_sequences, self.branching),
            lookups=lookups,
            n_leaves=self.branching**depth,
            guess=guess,
            length=length,
        )

    @staticmethod
    def _mark(mark: str, rows: NDArray[Any]) -> NDArray[np.integer]:
        return np.full((len(rows), 1), _MARKS.index(mark))

    def _bind(
        self, n_sequences: int, stream: np.random.SeedSequence
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return the bindings as tokens, the value of each key, and which keys are aliases."""
        rng = np.random.default_rng(stream)
        shape = n_sequences, self.n_keys
        values = rng.integers(self.branching, size=shape)
        draws, picks, order = rng.random((3, *shape))
        aliases = draws < self.difficulty * self.alias_share
        bound = self._first_value + values
        # Aliases take the value drawn for them, rather than that of any key: keys of a path that
        # are aliases of each other would else favour its outer leaves.
        for value in range(self.branching):
            of_value = values == value
            largest = np.where(of_value, draws, -1).max(axis=1, keepdims=True)
            aliases &= ~of_value | (draws < largest)
            plain = of_value & ~aliases
            plain_first = np.argsort(~plain, axis=1, kind="stable")
            picked = (picks * plain.sum(axis=1, keepdims=True)).astype(np.int64)
            targets = self._first_key + np.take_along_axis(plain_first, picked, axis=1)
            bound = np.where(of_value & aliases, targets, bound)
        keys = order.argsort(axis=1)
        bindings = np.stack(
            [
                self._first_key + keys,
                np.full(shape, _MARKS.index(":")),
                np.take_along_axis(bound, keys, axis=1),
                np.full(shape, _MARKS.index(";")),
            ],
            axis=2,
        )
        return bindings.reshape(n_sequences, -1), values, aliases

    def _grow(
        self, n_sequences: int, levels: int, rng: np.random.Generator
    ) -> tuple[list[NDArray[Any]], NDArray[Any]]:
        """Return the keys of full trees, an array a level, and the leaves."""
        keys = []
        free = np.ones((n_sequences, 1, self.n_keys), dtype=bool)
        for _ in range(levels):
            keys.append(np.where(free, rng.random(free.shape), -1).argmax(axis=2))
            # Below a conditional its key does not come again.
            free &= keys[-1][:, :, np.newaxis] != np.arange(self.n_keys)
            free = free.repeat(self.branching, axis=1)
        leaves = rng.integers(self.n_answers, size=(n_sequences, self.branching**levels))
        return keys, self._first_answer + leaves

    def _descend(
        self, keys: list[NDArray[Any]], values: NDArray[Any], aliases: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the numbers of the leaves that are reached, and of the bindings read."""
        rows = np.arange(len(values))
        place, lookups = np.zeros((2, len(rows)), dtype=np.int64)
        for level in keys:
            key = level[rows, place]
            lookups += 1 + aliases[rows, key]
            place = place * self.branching + values[rows, key]
        return place, lookups

    def _prefix(self, keys: list[NDArray[Any]], leaves: NDArray[Any]) -> NDArray[Any]:
        """Return trees as tokens: `if`, the key, and the cases one after another."""
        trees = leaves[:, :, np.newaxis]
        for level in reversed(keys):
            cases = trees.reshape(*level.shape, -1)
            mark = np.full_like(level, _MARKS.index("if"))
            head = np.stack([mark, self._first_key + level], axis=2)
            trees = np.concatenate([head, cases], axis=2)
        return trees[:, 0]
