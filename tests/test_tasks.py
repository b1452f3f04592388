"""Scores of symbolic tasks and their tests are right where the answer is known."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from sklearn_emerge import GRUPredictor, MarkovPredictor, OscillatorWorld, TriangleWorld
from sklearn_emerge.tasks import (
    hoeffding_interval,
    hoeffding_p_value,
    intermediate_words,
    recall_share,
    score_tasks,
    task_scores,
)

WORLD = TriangleWorld(examples={"A->B": 200, "B->C": 200, "A->C": 300})


class Translator:
    """Continues as told: by the true map, by heart, from the prompt, or by guesses."""

    _memory = 45

    def __init__(self, world, train, kind, seed=0):
        self.world, self.kind = world, kind
        self.n_tokens_ = world.n_tokens
        self.known = {t: {tuple(s) for s in s_.tolist()} for t, s_ in train.instances.items()}
        self.rng = np.random.default_rng(seed)

    def generate(self, prompts, n_steps):
        n_words = self.world.n_words
        first = self.world.n_tokens - self.world.n_languages * n_words
        words = []
        for prompt in prompts[:, -self._memory :]:
            sentence = (prompt[-5:-1] - first) % n_words
            # Words of the target language in the prompt come from solved examples.
            languages = (prompt[:-5] - first) // n_words
            shown = np.unique((prompt[:-5] - first)[languages == self.language] % n_words)
            left = self.rng.permutation(np.setdiff1d(np.arange(n_words), shown)).tolist()
            if self.kind == "knows" or (
                self.kind != "guesses" and tuple(sentence) in self.known[self.task]
            ):
                words.append(sentence)
            elif self.kind == "reads":
                words.append([w if w in shown else left.pop() for w in sentence])
            else:
                words.append(self.rng.permutation(n_words)[:4])
        return first + self.language * n_words + np.array(words)

    def scored(self, task, **options):
        self.task, self.language = task, self.world.languages.index(task[-1])
        return score_tasks(self, self.world, tasks=[task], **options).loc[task]


@pytest.fixture(scope="module")
def train():
    return WORLD.sample(WORLD.default_n_train, random_state=0)


def test_one_who_knows_is_right(train):
    row = Translator(WORLD, train, "knows").scored("A->C", train=train, random_state=0)
    assert (row.words, row.sentences) == (1.0, 1.0)
    assert row.sentences_high == 1.0
    assert row.sentences_low == pytest.approx(0.025 ** (1 / 200))
    assert row.words_high == 1.0
    assert max(row.p_words, row.p_sentences) < 1e-6
    assert row.seen == pytest.approx(row.recall, abs=0.12)


@pytest.mark.parametrize("shots", ["disjoint", "random"])
@pytest.mark.parametrize("n_shots", [0, 1, 6])
def test_reading_the_prompt_is_what_is_expected(shots, n_shots, train):
    translator = Translator(WORLD, train, "reads")
    options = dict(shots=shots, n_shots=n_shots, train=train, n_queries=2000, random_state=1)
    row = translator.scored("A->C", **options)
    # Words within a sentence depend on each other: four standard errors of its mean.
    assert row.words == pytest.approx(row.expected_words, abs=4 * 0.5 / np.sqrt(2000))
    spread = np.sqrt(row.expected_sentences * (1 - row.expected_sentences) / 2000)
    assert row.sentences == pytest.approx(row.expected_sentences, abs=4 * spread)


@pytest.mark.parametrize("kind", ["guesses", "recalls", "reads"])
@pytest.mark.parametrize("shots", ["disjoint", "random"])
def test_who_knows_no_map_is_not_found_significant(kind, shots, train):
    """At most at the level, over many sets of queries."""
    translator = Translator(WORLD, train, kind)
    n = 100
    rows = [
        translator.scored("A->C", train=train, n_queries=60, n_shots=2, shots=shots, random_state=i)
        for i in range(n)
    ]
    for name in ("p_words", "p_sentences"):
        rate = np.mean([row[name] <= 0.05 for row in rows])
        assert rate <= binom.ppf(0.999, n, 0.05) / n
    words = np.array([row.words for row in rows])
    covered = np.mean([row.words_low <= words.mean() <= row.words_high for row in rows])
    assert covered >= 0.95


def test_rows_state_what_was_measured(train):
    translator = Translator(WORLD, train, "recalls")
    row = translator.scored("A->B", train=train, n_queries=50, alpha=0.1, random_state=3)
    n_right = round(row.sentences * 50)
    interval = binomtest(n_right, 50).proportion_ci(0.9, method="exact")
    assert (row.sentences_low, row.sentences_high) == (interval.low, interval.high)
    distinct = len({tuple(s) for s in train.instances["A->B"].tolist()})
    assert row.recall == distinct / 1680
    # Four other words are shown: the query's are among the four that are left.
    expected = row.seen + (1 - row.seen) / 24
    assert row.expected_sentences == pytest.approx(expected)
    assert row.expected_words == pytest.approx(row.seen + (1 - row.seen) / 4)
    assert row.p_sentences == pytest.approx(binom.sf(n_right - 1, 50, expected))
    unknown = translator.scored("A->B", n_queries=50, random_state=3)
    assert np.isnan(unknown.seen)
    assert unknown.recall == pytest.approx(1 - (1679 / 1680) ** 200)


def test_recall_share_is_that_of_simulation():
    rng = np.random.default_rng(0)
    draws = rng.integers(120, size=(4000, 30))
    share = np.mean([len(np.unique(row)) / 120 for row in draws])
    assert recall_share(30, 120) == pytest.approx(share, abs=0.002)
    assert recall_share(30, 120) < recall_share(30, 120, replacement=False) == 0.25
    assert recall_share(0, 120) == 0
    assert recall_share(3, 1) == recall_share(500, 120, replacement=False) == 1


def test_hoeffding():
    assert hoeffding_p_value(0.3, 0.4, 50) == 1
    assert hoeffding_p_value(0.6, 50 / 1680, 5) == pytest.approx(0.0387, abs=1e-4)
    low, high = hoeffding_interval(0.5, 50, 0.9)
    assert high - 0.5 == pytest.approx(np.sqrt(np.log(20) / 100))
    assert hoeffding_interval(0.98, 50)[1] == 1
    # At the end of its interval a score is just significant, if one side is meant.
    assert hoeffding_p_value(0.5, low, 50) == pytest.approx(0.05)


def test_a_network_is_scored(train):
    model = GRUPredictor(
        4, max_steps=2, likelihood="categorical", n_tokens=WORLD.n_tokens, random_state=0
    ).fit(train.X)
    table = score_tasks(model, WORLD, n_queries=10, n_shots=1, train=train, random_state=0)
    assert table.index.tolist() == list(WORLD.tasks)
    assert table.index.name == "task"
    again = score_tasks(model, WORLD, tasks=["A->C"], n_queries=10, n_shots=1, random_state=0)
    # The queries of a task do not depend on the others.
    assert again.words["A->C"] == table.words["A->C"]


class Reader:
    """Hidden states are the last token, and before a translation what it is told to think of."""

    def __init__(self, world, thinks):
        self.world, self.thinks, self.n_tokens_ = world, thinks, world.n_tokens

    def generate(self, prompts, n_steps):
        raise AssertionError("nothing is to be translated")

    def transform(self, X):
        states = np.eye(self.n_tokens_)[X]
        sample = self.world.only("A->C").split(100, 100, random_state=0)[0]
        if np.array_equal(X, sample.X):
            rows, steps = np.nonzero(sample.counts)
            asked = (X[rows, steps - 5] - self.world.vocabulary.index("a0"))[:, np.newaxis]
            b = self.world.vocabulary.index("b0") + self.world.translate(asked, "A->B")[:, 0]
            thought = {"source": X[rows, steps - 5], "intermediate": b}[self.thinks]
            states[rows, steps - 1] += np.eye(self.n_tokens_)[thought]
        return states


@pytest.mark.parametrize("maps", ["shared", "independent"])
@pytest.mark.parametrize("thinks", ["source", "intermediate"])
def test_intermediate_words_are_read_where_they_are(maps, thinks):
    world = TriangleWorld(maps=maps)
    evaluation = world.sample(5, random_state=0)
    found = intermediate_words(Reader(world, thinks), evaluation)
    assert found.layer.values.tolist() == [1]
    for word in ("source", "intermediate"):
        share = found.sel(word=word).item()
        assert share == 1 if word == thinks else share < 0.3
    with pytest.raises(ValueError, match="one from D are needed, but the world has A->B, A->C"):
        intermediate_words(Reader(world, thinks), evaluation, via="D")


def test_shared_meanings_pass_without_a_chain():
    """What the docstring warns of: words are states of meaning, and B is never thought of."""
    for maps, expected in (("shared", 1.0), ("independent", 0.0)):
        world = TriangleWorld(maps=maps)
        evaluation = world.sample(5, random_state=0)
        into_c = np.arange(world.n_tokens)
        for language in "ab":
            first, c = (world.vocabulary.index(f"{name}0") for name in (language, "c"))
            task = f"{language.upper()}->C"
            into_c[first : first + 8] = c + world.translate(np.arange(8)[:, np.newaxis], task)[:, 0]

        class Meanings(Reader):
            def transform(self, X, into_c=into_c):
                states = np.eye(self.n_tokens_)[into_c[X]]
                # Before a word of C, the state is that word.
                following = np.roll(X, -1, axis=1)
                writes = following >= self.world.vocabulary.index("c0")
                states[writes] = np.eye(self.n_tokens_)[following[writes]]
                return states

        found = intermediate_words(Meanings(world, None), evaluation)
        assert found.sel(word="intermediate").item() == pytest.approx(expected, abs=0.02)


def test_scores_of_a_network_that_knows(train):
    evaluation = WORLD.sample(5, random_state=0)
    translator = Translator(WORLD, train, "knows")
    translator.score_steps = lambda X: np.full((len(X), X.shape[1] - 1), -0.25)
    translator.language = 2
    scores = task_scores(translator, evaluation, n_queries=10)
    assert scores.sel(task=["A->C", "B->C"], score="words").values.tolist() == [1, 1]
    assert scores.sel(task="A->B", score="sentences") == 0  # translated into C
    assert (scores.sel(score="loss") == 0.25).all()


def fitted():
    X = WORLD.sample(5, random_state=0).X
    options = dict(likelihood="categorical", n_tokens=WORLD.n_tokens, max_steps=0)
    return GRUPredictor(2, **options).fit(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: recall_share(-1, 10), "'n_examples' .* Got -1"),
        (lambda: recall_share(1, 0), "'n_sentences' .* Got 0"),
        (lambda: hoeffding_p_value(1.2, 0.1, 5), "'score' .* Got 1.2"),
        (lambda: hoeffding_p_value(0.2, 0.1, 0), "'n_queries' .* Got 0"),
        (lambda: hoeffding_interval(0.2, 5, 1.0), "'confidence' .* Got 1.0"),
        (lambda: score_tasks(None, WORLD, alpha=2), "alpha=2 is not a level"),
        (lambda: score_tasks(fitted(), WORLD, tasks=["C->A"]), "task='C->A' is not known"),
        (lambda: score_tasks(fitted(), WORLD, tasks="A->C"), "tasks='A->C' must be a list"),
        (lambda: score_tasks(fitted(), WORLD, tasks=[]), r"tasks=\[\] must be a list"),
        (lambda: score_tasks(fitted(), WORLD, n_queries=0), "n_queries=0 must be an integer"),
        (lambda: score_tasks(fitted(), WORLD, train=3), "train must be the Bunch of training"),
        (lambda: score_tasks(fitted(), OscillatorWorld()), "has no tasks; pass the TriangleWorld"),
        (
            lambda: score_tasks(fitted(), TriangleWorld(2, examples={"A->B": 9})),
            "is not a network fitted on the 19 tokens of the world",
        ),
        (lambda: score_tasks(MarkovPredictor(), WORLD), "MarkovPredictor is not a network fitted"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
