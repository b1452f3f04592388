"""Translation between artificial languages, some of it by composition only."""

from collections.abc import Mapping
from math import perm
from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._names import did_you_mean
from .._random import substream
from .._tokens import check_tokens
from .._typing import RandomState
from ._base import World
from ._examples import check_examples, scale_examples
from ._sample import Sample
from ._word_maps import draw_maps, one_follows

# Tokens, words or tasks.
Numbers = NDArray[np.integer]
# What the maps of words are in a null.
_MAPS_OF_NULLS = {"permuted": "none", "redrawn": "independent"}


class TriangleWorld(World):
    """Sentences and their translations, task after task, cut into rows of tokens.

    A language is a set of words; word i of one language means what word i of the others means. A
    sentence has four different words. An instance of a task such as A->B is a sentence, its
    translation word by word, and two separators,

        a3 a0 a7 a2 . b3 b0 b7 b2 |

    Instances are drawn with replacement, written one after another in a block for each task,
    and the stream of tokens is cut into rows; the last one is padded. In the triangle A->B, B->C
    and A->C the few examples of A->C follow from the others by composition. The world of
    *Scaling Down Transformers*.

    Parameters
    ----------
    n_languages : int, default=3
        Number of languages, named A, B, C, ...
    n_words : int, default=8
        Words of each, at least four.
    examples : dict of str to int, default=None
        Number of training instances of each task. None is the paper's triangle, {"A->B": 2500,
        "B->C": 2500, "A->C": 50}.
    sparse_examples : int, default=None
        Instances of the task that has the fewest in `examples`, in place of that number; None
        leaves it. Made for grids: ``param_grid={"world__sparse_examples": [0, 10, 50]}``.
    tokens_per_word : {1, 2}, default=1
        1: a token for each word and separator. 2: as the paper's tokenizer does, a space mark
        before each of them, and two tokens that never occur.
    row_length : int, default=46
        Tokens of a row, n_steps of the sequences.
    maps : {"shared", "independent", "none"}, default="shared"
        "shared": word i means word i. "independent": each task has a random map of words of its
        own, so that none follows from others. "none": translations are those of other sentences
        of the task.
    evaluation_task : str, default=None
        Task of the evaluation sequences of `split`; None is all tasks, as in training. An
        assessment is then about this task alone, however few its examples are.

    Attributes
    ----------
    tasks : tuple of str
        Names of the tasks, sorted.
    vocabulary : tuple of str
        What each token stands for.

    Notes
    -----
    `sample` and `split` draw whole rows. For the default number of training sequences,
    `default_n_train`, the numbers of instances are exactly those of `examples`; for other numbers
    they are scaled, with at least one instance of each task if there is room. Rows come in random
    order; beside X the Sample has ``order``, their places in the stream, ``task``, the task in
    which each token was written (the latent, too, unless there is an `evaluation_task`),
    ``scored``, the tokens that count, and ``instances``, the sentences of each task as word
    numbers.

    The words of a translation count whose source word and language are shown before in the same
    row. They follow from what the row has shown, while source words are random: an assessment
    scores networks by the words that count, in nats each.

    Few examples are few tokens: in the default triangle A->C has one token in a hundred. An
    assessment that is to be about it needs ``evaluation_task="A->C"``; `task_scores` and
    `score_tasks` tell tasks apart in any case.

    References
    ----------
    Scaling Down Transformers: triangle translation with tiny GPTs.

    Examples
    --------
    >>> from sklearn_emerge import TriangleWorld
    >>> world = TriangleWorld()
    >>> world.n_tokens, world.default_n_train
    (27, 1098)
    >>> row = world.sample(3, random_state=0).X[0]
    >>> world.decode(row[:12])
    'b7 b3 b2 | a3 a6 a7 a0 . b3 b6 b7'
    >>> TriangleWorld(tokens_per_word=2).default_n_train
    2196
    """

    # Words of a sentence.
    sentence_length = 4
    observation = "token"
    input_scaling = None
    default_n_eval = 200
    _parameter_constraints = {
        "n_languages": [Interval(Integral, 2, 26, closed="both")],
        "n_words": [Interval(Integral, 4, None, closed="left")],
        "examples": [Mapping, None],
        "sparse_examples": [Interval(Integral, 0, None, closed="left"), None],
        "tokens_per_word": [Interval(Integral, 1, 2, closed="both")],
        "row_length": [Interval(Integral, 2, None, closed="left")],
        "maps": [StrOptions({"shared", "independent", "none"})],
        "evaluation_task": [str, None],
    }

    def __init__(
        self,
        n_languages: int = 3,
        n_words: int = 8,
        examples: Mapping[str, int] | None = None,
        *,
        sparse_examples: int | None = None,
        tokens_per_word: int = 1,
        row_length: int = 46,
        maps: str = "shared",
        evaluation_task: str | None = None,
    ) -> None:
        self.n_languages = n_languages
        self.n_words = n_words
        self.examples = examples
        self.sparse_examples = sparse_examples
        self.tokens_per_word = tokens_per_word
        self.row_length = row_length
        self.maps = maps
        self.evaluation_task = evaluation_task

    @property
    def latent_kind(self) -> str | None:
        """What the latent is; if a single task is evaluated, it is no variable."""
        return "discrete" if self.evaluation_task is None else None

    @property
    def latent_names(self) -> tuple[str, ...]:
        """Name of the latent."""
        return ("task",) if self.evaluation_task is None else ()

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """The nulls that would destroy something."""
        self._validate_params()
        if self.maps == "none":
            return ("resample",)
        redrawn = self.maps == "shared" and one_follows(self.tasks)
        return ("permuted", "redrawn", "resample") if redrawn else ("permuted", "resample")

    @property
    def n_steps(self) -> int:
        """Tokens of a row."""
        return self.row_length

    @property
    def languages(self) -> tuple[str, ...]:
        """Names of the languages."""
        return tuple(chr(ord("A") + i) for i in range(self.n_languages))

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(self._examples())

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """What each token stands for."""
        marks = ("<pad>",) if self.tokens_per_word == 1 else ("<pad>", "<s>", "</s>", "_")
        words = (
            f"{language.lower()}{i}" for language in self.languages for i in range(self.n_words)
        )
        return (*marks, ".", "|", *words)

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary."""
        return len(self.vocabulary)

    @property
    def chance(self) -> float:
        """Share of words that are right if the language is known and nothing else."""
        return 1 / self.n_words

    @property
    def n_sentences(self) -> int:
        """Number of different sentences."""
        return perm(self.n_words, self.sentence_length)

    @property
    def chance_of_sentence(self) -> float:
        """Share of sentences that are right if only the language is known: four words differ."""
        return 1 / self.n_sentences

    @property
    def n_examples(self) -> tuple[int, ...]:
        """Number of training instances of each task."""
        return tuple(self._examples().values())

    @property
    def tokens_per_instance(self) -> int:
        """Tokens of a sentence, its translation and both separators."""
        return self.tokens_per_word * (2 * self.sentence_length + 2)

    @property
    def default_n_train(self) -> int:
        """Rows that all examples fill."""
        return -(-sum(self._examples().values()) * self.tokens_per_instance // self.row_length)

    def decode(self, tokens: ArrayLike) -> str:
        """Return tokens as text.

        Parameters
        ----------
        tokens : array-like of int
            Tokens.

        Returns
        -------
        str
            Words and separators, with spaces between them.

        Raises
        ------
        ValueError
            If one is not in the vocabulary.
        """
        vocabulary = self.vocabulary
        words = (vocabulary[token] for token in check_tokens(tokens, len(vocabulary)))
        return " ".join(word for word in words if word != "_")

    def null(self, kind: str) -> World:
        """Return the matched world in which something is destroyed.

        Parameters
        ----------
        kind : {"permuted", "redrawn", "resample"}
            "permuted": translations are those of other sentences of the task. "redrawn": each
            task has a map of words of its own, so that none follows from others, not even for
            a single word: who composes is always wrong, where guessing is sometimes right.
            "resample": as in every world.

        Returns
        -------
        World
            A world like any other.

        Raises
        ------
        ValueError
            If there is no null of that kind, nothing that it would destroy, or no task that
            follows from others.
        """
        if kind not in _MAPS_OF_NULLS:
            return super().null(kind)
        if kind in self.null_kinds:
            world = type(self)(**(self.get_params() | {"maps": _MAPS_OF_NULLS[kind]}))
            if kind == "redrawn":
                # There may be too few words.
                draw_maps(self.tasks, self.n_words)
            return world
        others = f"choose from {', '.join(map(repr, self.null_kinds))}"
        if self.maps == "shared":
            raise ValueError(
                f"null={kind!r}: none of the tasks {', '.join(self.tasks)} follows from others, "
                f"so that nothing would change; {others}."
            )
        raise ValueError(
            f"null={kind!r}: with maps={self.maps!r} there is nothing left to destroy; {others}, "
            "or take the null of a world with maps='shared'."
        )

    def translate(self, sentences: ArrayLike, task: str) -> Numbers:
        """Translate sentences by the map of a task.

        Parameters
        ----------
        sentences : array-like of int of shape (n_sentences, 4)
            Word numbers.
        task : str
            One of `tasks`.

        Returns
        -------
        ndarray of int of shape (n_sentences, 4)
            Word numbers in the language of the target.

        Raises
        ------
        ValueError
            If the task is not known, or ``maps="none"``.
        """
        self.check_task(task)
        if self.maps == "none":
            raise ValueError("maps='none': translations have nothing to do with the sentences.")
        sentences = np.asarray(sentences)
        words = np.issubdtype(sentences.dtype, np.integer) and sentences.size
        if not words or sentences.min() < 0 or sentences.max() >= self.n_words:
            raise ValueError(
                f"sentences={sentences.tolist()!r} must be made of word numbers, the integers 0 to "
                f"{self.n_words - 1}."
            )
        return self._map(task)[sentences]

    def _examples(self) -> dict[str, int]:
        """Return the numbers of examples by task, after checking them."""
        if not isinstance(self.row_length, Integral) or self.row_length < self.tokens_per_instance:
            raise ValueError(
                f"row_length={self.row_length!r} must be an integer of at least the "
                f"{self.tokens_per_instance} tokens of an instance."
            )
        return check_examples(self.examples, self.sparse_examples, self.languages)

    def check_task(self, task: str) -> None:
        """Raise a ValueError unless the world can be drawn from and has a task.

        Parameters
        ----------
        task : str
            Name of the task.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the task is none of `tasks`.
        """
        self._validate_params()
        if task not in self._examples():
            raise ValueError(
                f"task={task!r} is not known; choose from {', '.join(self.tasks)}."
                f"{did_you_mean(task, self.tasks)}"
            )

    def _check_request(self, n_sequences: int) -> None:
        super()._check_request(n_sequences)
        self._examples()
        if self.evaluation_task is not None:
            self.check_task(self.evaluation_task)

    def _map(self, task: str) -> Numbers:
        """Return the map of a task, the number of the translation of each word."""
        if self.maps == "shared":
            return np.arange(self.n_words)
        return draw_maps(self.tasks, self.n_words)[task]

    def only(self, task: str) -> Self:
        """Return the world in which only one task is written, by the same maps.

        Parameters
        ----------
        task : str
            One of `tasks`.

        Returns
        -------
        TriangleWorld
            A copy whose rows have instances of this task alone.

        Raises
        ------
        ValueError
            If the task is not known.
        """
        self.check_task(task)
        examples = {name: 1000 * (name == task) for name in self.tasks}
        changed = {"examples": examples, "sparse_examples": None, "evaluation_task": task}
        return type(self)(**(self.get_params() | changed))

    def evaluation_world(self) -> Self:
        """Return the world in which the `evaluation_task` alone is written, if there is one.

        Returns
        -------
        TriangleWorld
        """
        return self if self.evaluation_task is None else self.only(self.evaluation_task)

    def write(self, sentences: Numbers, task: str, random_state: RandomState = None) -> Numbers:
        """Write sentences and their translations as tokens.

        Parameters
        ----------
        sentences : ndarray of int of shape (n_sentences, 4)
            Word numbers.
        task : str
            One of `tasks`.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of translations that have nothing to do with the sentences.

        Returns
        -------
        ndarray of int of shape (n_sentences, tokens_per_instance)
            One instance a row.

        Raises
        ------
        ValueError
            If the task is not known.
        """
        self.check_task(task)
        count = len(sentences)
        if self.maps == "none":
            rng = np.random.default_rng(substream(random_state, "translations"))
            order: Numbers = rng.random((count, self.n_words)).argsort(axis=1)
            targets = order[:, : self.sentence_length]
        else:
            targets = self._map(task)[sentences]
        source, target = (self.languages.index(language) for language in task.split("->"))
        first = self.n_tokens - self.n_languages * self.n_words
        dot, bar = (np.full((count, 1), first - 2 + i) for i in (0, 1))
        tokens = np.hstack(
            [
                first + source * self.n_words + sentences,
                dot,
                first + target * self.n_words + targets,
                bar,
            ]
        )
        if self.tokens_per_word == 2:
            marks = np.full_like(tokens, self.vocabulary.index("_"))
            tokens = np.stack([marks, tokens], axis=2).reshape(count, self.tokens_per_instance)
        return tokens

    def _scaled_examples(self, n_sequences: int) -> dict[str, int]:
        """Return the numbers of instances that fill some rows in the proportions of `examples`."""
        examples = self._examples()
        total = min(
            round(sum(examples.values()) * n_sequences / self.default_n_train),
            n_sequences * self.row_length // self.tokens_per_instance,
        )
        return scale_examples(examples, total)

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        blocks, names, instances = [], [], {}
        for i, (task, count) in enumerate(self._scaled_examples(n_sequences).items()):
            own = substream(stream, task)
            order = np.random.default_rng(own).random((count, self.n_words)).argsort(axis=1)
            instances[task] = order[:, : self.sentence_length]
            blocks.append(self.write(instances[task], task, own).ravel())
            names.append(np.full(blocks[-1].size, i))
        # Neighbours in the stream are of one task: folds of cross-validation must not be.
        order = np.random.default_rng(substream(stream, "rows")).permutation(n_sequences)
        shape = n_sequences, self.row_length
        tokens, tasks = np.concatenate(blocks), np.concatenate(names)
        missing = max(0, n_sequences * self.row_length - len(tokens))
        scored = np.pad(self._scored(tasks), (0, missing))
        X, written, scored = (
            stream[: n_sequences * self.row_length].reshape(shape)[order]
            for stream in (
                np.pad(tokens, (0, missing)),
                np.pad(tasks, (0, missing), "edge"),
                scored,
            )
        )
        # A single task is no variable.
        latents = written[:, :, np.newaxis] if self.evaluation_task is None else None
        return Sample(X, latents, scored=scored, order=order, task=written, instances=instances)

    def _scored(self, tasks: Numbers) -> NDArray[np.bool_]:
        """Return which tokens of the stream, written in such tasks, follow from their row."""
        per_word, length = self.tokens_per_word, self.sentence_length
        place = np.arange(len(tasks))
        word, mark = np.divmod(place % self.tokens_per_instance, per_word)
        translated = (word > length) & (word <= 2 * length) & (mark == per_word - 1)
        # A word is written five words after its source.
        follows = place % self.row_length >= (length + 1) * per_word
        # The first tells the language of the others; its own, the last word of the instance before.
        back = (length + 3) * per_word
        shown = (place % self.row_length >= back) & (np.roll(tasks, back) == tasks)
        return translated & follows & ((word > length + 1) | shown)
