"""Scores of symbolic tasks and their tests are right where the answer is known."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from sklearn_emerge import GRUPredictor, TriangleWorld
from sklearn_emerge.tasks import hoeffding_interval, hoeffding_p_value, recall_share, score_tasks

WORLD = TriangleWorld(n_words=5, examples={"A->B": 200, "B->C": 200, "A->C": 30})


class Translator:
    """Continues as told: by the true map, by heart, or by guesses with the right language."""

    def __init__(self, world, train, kind, seed=0):
        self.world, self.kind = world, kind
        self.known = {t: {tuple(s) for s in s_.tolist()} for t, s_ in train.instances.items()}
        self.rng = np.random.default_rng(seed)

    def generate(self, prompts, n_steps):
        first = self.world.n_tokens - self.world.n_languages * self.world.n_words
        source = prompts[:, -5:-1] - first
        sentences = source % self.world.n_words
        language = np.full(len(prompts), self.language)
        guesses = self.rng.random((len(prompts), self.world.n_words)).argsort(axis=1)[:, :4]
        words = sentences.copy() if self.kind == "knows" else guesses
        if self.kind == "recalls":
            for i, sentence in enumerate(sentences.tolist()):
                if tuple(sentence) in self.known[self.task]:
                    words[i] = sentence
        return first + language[:, np.newaxis] * self.world.n_words + words

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
    assert max(row.p_recall, row.p_sentences) < 1e-6
    assert row.seen == pytest.approx(row.recall, abs=0.12)


@pytest.mark.parametrize("kind", ["guesses", "recalls"])
def test_guessing_and_recall_are_not_found_significant(kind, train):
    """At most at the level, over many sets of queries."""
    translator = Translator(WORLD, train, kind)
    n = 150
    rows = [translator.scored("A->C", train=train, n_queries=100, random_state=i) for i in range(n)]
    words = np.array([row.words for row in rows])
    recall = rows[0].recall if kind == "recalls" else 0.0
    assert words.mean() == pytest.approx(recall + (1 - recall) * WORLD.chance, abs=0.01)
    for name in ("p_recall", "p_sentences"):
        rate = np.mean([row[name] <= 0.05 for row in rows])
        assert rate <= binom.ppf(0.999, n, 0.05) / n
    covered = np.mean([row.words_low <= words.mean() <= row.words_high for row in rows])
    assert covered >= 0.95
    if kind == "recalls":
        # Sentences are recalled or guessed: the binomial test is exact, not just careful.
        assert np.mean([row.p_sentences <= 0.5 for row in rows]) > 0.3


def test_rows_state_what_was_measured(train):
    translator = Translator(WORLD, train, "recalls")
    row = translator.scored("A->B", train=train, n_queries=50, alpha=0.1, random_state=3)
    n_right = round(row.sentences * 50)
    interval = binomtest(n_right, 50).proportion_ci(0.9, method="exact")
    assert (row.sentences_low, row.sentences_high) == (interval.low, interval.high)
    distinct = len({tuple(s) for s in train.instances["A->B"].tolist()})
    assert row.recall == distinct / 120
    whole = row.recall + (1 - row.recall) / 120
    assert row.p_sentences == pytest.approx(binom.sf(n_right - 1, 50, whole))
    expected = translator.scored("A->B", n_queries=50, random_state=3)
    assert np.isnan(expected.seen)
    assert expected.recall == pytest.approx(1 - (119 / 120) ** 200)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: recall_share(-1, 10), "'n_examples' .* Got -1"),
        (lambda: recall_share(1, 0), "'n_sentences' .* Got 0"),
        (lambda: hoeffding_p_value(1.2, 0.1, 5), "'score' .* Got 1.2"),
        (lambda: hoeffding_p_value(0.2, 0.1, 0), "'n_queries' .* Got 0"),
        (lambda: hoeffding_interval(0.2, 5, 1.0), "'confidence' .* Got 1.0"),
        (lambda: score_tasks(None, WORLD, alpha=2), "alpha=2 is not a level"),
        (lambda: score_tasks(None, WORLD, tasks=["C->A"]), "task='C->A' is not known"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
