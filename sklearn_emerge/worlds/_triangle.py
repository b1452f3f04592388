"""Translation between artificial languages, some of it by composition only."""

import re
from collections.abc import Mapping
from math import perm
from numbers import Integral

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions

from .._random import substream
from ._base import World

# Words of a sentence.
_LENGTH = 4
_TRIANGLE = {"A->B": 2500, "B->C": 2500, "A->C": 50}


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
        Number of training instances of each task. None is the source's triangle, {"A->B": 2500,
        "B->C": 2500, "A->C": 50}.
    tokens_per_word : {1, 2}, default=1
        1: a token for each word and separator. 2: as the source's tokenizer does, a space mark
        before each of them, and two tokens that never occur.
    row_length : int, default=46
        Tokens of a row, n_steps of the sequences.
    maps : {"shared", "independent", "none"}, default="shared"
        "shared": word i means word i. "independent": each task has a random map of words of its
        own, so that none follows from others. "none": translations are those of other sentences
        of the task.

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
    order; beside X the Bunch has ``order``, their places in the stream, ``task``, the task in which
    each token was written (also as the latent), and ``instances``, the sentences of each task as
    word numbers.

    Few examples are few tokens: in the default triangle A->C has one token in a hundred, so that
    the gain and the verdict of an assessment say little about it. `task_losses` and `score_tasks`
    tell tasks apart.

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

    observation = "token"
    latent_kind = "discrete"
    latent_names = ("task",)
    input_scaling = None
    null_kinds = ("permuted", "redrawn", "resample")
    default_n_eval = 200
    _parameter_constraints = {
        "n_languages": [Interval(Integral, 2, 26, closed="both")],
        "n_words": [Interval(Integral, _LENGTH, None, closed="left")],
        "examples": [Mapping, None],
        "tokens_per_word": [Interval(Integral, 1, 2, closed="both")],
        "row_length": [Interval(Integral, 2, None, closed="left")],
        "maps": [StrOptions({"shared", "independent", "none"})],
    }

    def __init__(
        self,
        n_languages=3,
        n_words=8,
        examples=None,
        tokens_per_word=1,
        row_length=46,
        maps="shared",
    ):
        self.n_languages = n_languages
        self.n_words = n_words
        self.examples = examples
        self.tokens_per_word = tokens_per_word
        self.row_length = row_length
        self.maps = maps

    @property
    def n_steps(self):
        """Tokens of a row."""
        return self.row_length

    @property
    def languages(self):
        """Names of the languages."""
        return tuple(chr(ord("A") + i) for i in range(self.n_languages))

    @property
    def tasks(self):
        """Names of the tasks."""
        return tuple(self._examples())

    @property
    def vocabulary(self):
        """What each token stands for."""
        marks = ("<pad>",) if self.tokens_per_word == 1 else ("<pad>", "<s>", "</s>", "_")
        words = (
            f"{language.lower()}{i}" for language in self.languages for i in range(self.n_words)
        )
        return (*marks, ".", "|", *words)

    @property
    def n_tokens(self):
        """Size of the vocabulary."""
        return len(self.vocabulary)

    @property
    def chance(self):
        """Share of words that are right if the language is known and nothing else."""
        return 1 / self.n_words

    @property
    def n_sentences(self):
        """Number of different sentences."""
        return perm(self.n_words, _LENGTH)

    @property
    def chance_of_sentence(self):
        """Share of sentences that are right if only the language is known: four words differ."""
        return 1 / self.n_sentences

    @property
    def n_examples(self):
        """Number of training instances of each task."""
        return tuple(self._examples().values())

    @property
    def tokens_per_instance(self):
        """Tokens of a sentence, its translation and both separators."""
        return self.tokens_per_word * (2 * _LENGTH + 2)

    @property
    def default_n_train(self):
        """Rows that all examples fill."""
        return -(-sum(self._examples().values()) * self.tokens_per_instance // self.row_length)

    def decode(self, tokens):
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
        tokens = np.asarray(tokens)
        if tokens.ndim != 1 or not (np.issubdtype(tokens.dtype, np.integer) or not tokens.size):
            raise ValueError(
                f"tokens={tokens.tolist()!r} must be one sequence of integers; decode rows one by "
                "one."
            )
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < self.n_tokens):
            raise ValueError(
                f"tokens={tokens.tolist()} are not all tokens of this world; pass integers from 0 "
                f"to {self.n_tokens - 1}."
            )
        words = (self.vocabulary[token] for token in tokens)
        return " ".join(word for word in words if word != "_")

    def null(self, kind):
        """Return the matched world in which something is destroyed.

        Parameters
        ----------
        kind : {"permuted", "redrawn", "resample"}
            "permuted": translations are those of other sentences of the task. "redrawn": each
            task has a map of words of its own, so that none follows from others, not even for
            a single word. "resample": as in every world.

        Returns
        -------
        World
            A world like any other.

        Raises
        ------
        ValueError
            If there is no null of that kind, or no task that follows from others.
        """
        maps = {"permuted": "none", "redrawn": "independent"}
        if kind not in maps:
            return super().null(kind)
        world = type(self)(**(self.get_params() | {"maps": maps[kind]}))
        if kind == "redrawn" and not world._draw_maps()[1]:
            raise ValueError(
                f"null='redrawn': none of the tasks {', '.join(self.tasks)} follows from others, "
                "so that nothing would change; use 'permuted'."
            )
        return world

    def translate(self, sentences, task):
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
        self._check_task(task)
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

    def queries(self, n_queries, task, *, n_shots=6, shots="auto", train=None, random_state=None):
        """Draw sentences to translate, each after solved examples of the same task.

        Parameters
        ----------
        n_queries : int
            How many.
        task : str
            One of `tasks`.
        n_shots : int, default=6
            Solved examples before each; of them a network sees what fits into its context.
        shots : {"auto", "disjoint", "random"}, default="auto"
            "disjoint": the solved examples have none of the words of the query, for which there
            must be eight words or more. "random": any sentences, as in the source; a network can
            then read translations off the prompt. "auto": disjoint where possible.
        train : Bunch, default=None
            Training sequences, to tell which queries are among them.
        random_state : int, Generator, SeedSequence or None, default=None
            The stream of the draws.

        Returns
        -------
        sklearn.utils.Bunch
            ``prompts`` of shape (n_queries, n_prompt), tokens up to the separator before the
            translation; ``answers`` of shape (n_queries, 4 tokens_per_word), the tokens of the
            translation; ``seen`` of shape (n_queries,), whether the sentence was translated in
            training by the same task (None without `train`); ``sentences`` of shape
            (n_queries, 4) and ``shots`` of shape (n_queries, n_shots, 4), word numbers; ``task``.

        Raises
        ------
        ValueError
            If the task is not known or a number is out of range.
        """
        self._validate_params()
        self._check_task(task)
        for name, value, least in (("n_queries", n_queries, 1), ("n_shots", n_shots, 0)):
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name}={value!r} must be an integer of at least {least}.")
        possible = self.n_words >= 2 * _LENGTH
        if shots not in ("auto", "disjoint", "random") or (shots == "disjoint" and not possible):
            raise ValueError(
                f"shots={shots!r} must be 'auto', 'random', or for at least {2 * _LENGTH} words "
                f"'disjoint'; there are {self.n_words}."
            )
        if train is not None and task not in getattr(train, "instances", ()):
            raise ValueError(
                "train must be the Bunch of training sequences that sample or split of this world "
                f"returns, with instances of {task}."
            )
        rng = np.random.default_rng(substream(random_state, "queries", task))
        order = rng.random((n_queries, n_shots + 1, self.n_words)).argsort(axis=2)
        sentences = order[:, :, :_LENGTH]
        if shots != "random" and possible:
            # The words of a query go to the end of the orders of its shots.
            asked = np.zeros((n_queries, self.n_words), dtype=bool)
            np.put_along_axis(asked, sentences[:, -1], True, axis=1)
            late = np.take_along_axis(
                asked[:, np.newaxis].repeat(n_shots, axis=1), order[:, :-1], 2
            )
            apart = np.argsort(late, axis=2, kind="stable")
            sentences[:, :-1] = np.take_along_axis(order[:, :-1], apart, axis=2)[:, :, :_LENGTH]
        instances = self._write(task, sentences.reshape(-1, _LENGTH), rng)[0]
        instances = instances.reshape(n_queries, -1)
        answer = self.tokens_per_word * _LENGTH
        # The last instance ends with the answer and a separator.
        end = instances.shape[1] - answer - self.tokens_per_word
        asked = sentences[:, -1]
        seen = None
        if train is not None:
            known = {tuple(sentence) for sentence in train.instances[task].tolist()}
            seen = np.array([tuple(sentence) in known for sentence in asked.tolist()])
        return Bunch(
            prompts=instances[:, :end],
            answers=instances[:, end : end + answer],
            seen=seen,
            task=task,
            sentences=asked,
            shots=sentences[:, :-1],
        )

    def words_right(self, answers, generated):
        """Return which words of generated translations are right.

        Parameters
        ----------
        answers, generated : array-like of int of shape (n_queries, 4 tokens_per_word)
            Tokens of the right translations and of those to judge.

        Returns
        -------
        ndarray of bool of shape (n_queries, 4)
            A sentence is right if all of its words are.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        answers, generated = np.asarray(answers), np.asarray(generated)
        expected = (len(answers), self.tokens_per_word * _LENGTH)
        if answers.shape != expected or generated.shape != expected:
            raise ValueError(
                f"answers and generated must both have shape {expected}; got {answers.shape} and "
                f"{generated.shape}."
            )
        return (answers == generated).reshape(len(answers), _LENGTH, -1).all(axis=2)

    def _examples(self):
        """Return the numbers of examples by task, after checking them."""
        if not isinstance(self.examples, Mapping | None):
            raise ValueError(
                f"examples={self.examples!r} must be a dict of tasks and numbers of instances, "
                "for instance {'A->B': 100}."
            )
        if not isinstance(self.row_length, Integral) or self.row_length < self.tokens_per_instance:
            raise ValueError(
                f"row_length={self.row_length!r} must be an integer of at least the "
                f"{self.tokens_per_instance} tokens of an instance."
            )
        examples = _TRIANGLE if self.examples is None else dict(self.examples)
        for task, count in examples.items():
            parts = re.fullmatch("([A-Z])->([A-Z])", task) if isinstance(task, str) else None
            if not parts or parts[1] == parts[2] or not set(parts.groups()) <= set(self.languages):
                raise ValueError(
                    f"examples has the task {task!r}, which is not two different languages such "
                    f"as 'A->B'; the languages are {', '.join(self.languages)}."
                )
            if not isinstance(count, Integral) or count < 0:
                raise ValueError(
                    f"examples[{task!r}]={count!r} is not a number of instances; pass an integer "
                    "of at least 0."
                )
        if not sum(examples.values()):
            raise ValueError(f"examples={examples!r} has no instances; pass some for a task.")
        # The order in which they were given must not matter.
        return dict(sorted(examples.items()))

    def _check_task(self, task):
        if task not in self._examples():
            raise ValueError(f"task={task!r} is not known; choose from {', '.join(self.tasks)}.")

    def _check_request(self, n_sequences):
        super()._check_request(n_sequences)
        self._examples()

    def _map(self, task):
        """Return the map of a task, the number of the translation of each word."""
        if self.maps == "shared":
            return np.arange(self.n_words)
        return self._draw_maps()[0][task]

    def _draw_maps(self):
        """Return maps of their own for all tasks, and how many tasks would follow from others.

        They are a property of the world, the same in every sample. No word of a task is
        translated as a chain of other tasks, forwards or backwards, would.
        """
        maps, edges, n_closed = {}, {}, 0
        for task in self.tasks:
            source, target = task.split("->")
            chains = list(_chains(edges, source, target, np.arange(self.n_words)))
            n_closed += bool(chains)
            rng = np.random.default_rng(substream(0, "map", task))
            for _ in range(10_000):
                drawn = rng.permutation(self.n_words)
                if not any((drawn == chain).any() for chain in chains):
                    break
            else:
                raise ValueError(
                    f"No maps of {self.n_words} words keep {task} apart from all chains of other "
                    "tasks; take more words or fewer tasks."
                )
            maps[task] = drawn
            edges.setdefault(source, []).append((target, drawn))
            edges.setdefault(target, []).append((source, np.argsort(drawn)))
        return maps, n_closed

    def _instances(self, task, count, stream):
        """Return (tokens, sentences, translations) of that many instances of a task."""
        rng = np.random.default_rng(stream)
        sentences = rng.random((count, self.n_words)).argsort(axis=1)[:, :_LENGTH]
        return self._write(task, sentences, rng)

    def _write(self, task, sentences, rng):
        """Return (tokens, sentences, translations) of sentences of a task."""
        count = len(sentences)
        if self.maps == "none":
            targets = rng.random((count, self.n_words)).argsort(axis=1)[:, :_LENGTH]
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
            tokens = np.stack([marks, tokens], axis=2).reshape(count, -1)
        return tokens, sentences, targets

    def _scaled_examples(self, n_sequences):
        """Return the numbers of instances that fill some rows in the proportions of `examples`."""
        examples = self._examples()
        wanted = np.array(list(examples.values()))
        total = min(
            round(wanted.sum() * n_sequences / self.default_n_train),
            n_sequences * self.row_length // self.tokens_per_instance,
        )
        exact = wanted * total / wanted.sum()
        counts = np.floor(exact).astype(int)
        # The largest remainders get the instances that are left, but no task is left out.
        for i in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
            counts[i] += 1
        for i in np.flatnonzero((counts == 0) & (wanted > 0)):
            if counts.max() > 1:
                counts[counts.argmax()] -= 1
                counts[i] += 1
        return dict(zip(examples, counts.tolist(), strict=True))

    def _sample_rows(self, n_sequences, stream):
        """Return rows, the task of each token, and the sentences of each task."""
        blocks, names, instances = [], [], {}
        for i, (task, count) in enumerate(self._scaled_examples(n_sequences).items()):
            tokens, instances[task], _ = self._instances(task, count, substream(stream, task))
            blocks.append(tokens.ravel())
            names.append(np.full(tokens.size, i))
        stream, names = np.concatenate(blocks), np.concatenate(names)
        size = n_sequences * self.row_length
        missing = max(0, size - len(stream))
        X = np.pad(stream, (0, missing))[:size].reshape(n_sequences, self.row_length)
        task = np.pad(names, (0, missing), mode="edge")[:size].reshape(X.shape)
        return X, task, instances

    def _sample(self, n_sequences, stream):
        sample = self._draw_bunch(n_sequences, stream)
        return sample.X, sample.latents

    def _draw_bunch(self, n_sequences, stream):
        X, task, instances = self._sample_rows(n_sequences, stream)
        # Neighbours in the stream are of one task: folds of cross-validation must not be.
        order = np.random.default_rng(substream(stream, "rows")).permutation(len(X))
        sample = self._bunch(X[order], task[order, :, np.newaxis])
        sample.order, sample.task, sample.instances = order, task[order], instances
        return sample


def _chains(edges, place, target, words, visited=()):
    """Yield the maps of all chains of tasks from one language to another, each used once."""
    for following, drawn in edges.get(place, []):
        if following in (*visited, place):
            continue
        chained = drawn[words]
        if following == target:
            yield chained
        else:
            yield from _chains(edges, following, target, chained, (*visited, place))
