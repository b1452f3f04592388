"""Scores of symbolic tasks and their tests are right where the answer is known."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from sklearn_emerge import GRUPredictor, MarkovPredictor, OscillatorWorld, TriangleWorld
from sklearn_emerge.measures import (
    draw_queries,
    intermediate_words,
    recall_share,
    score_tasks,
    task_scores,
)

WORLD = TriangleWorld(examples={"A->B": 200, "B->C": 200, "A->C": 300})


class Translator:
    """Writes greedily, token by token, what it sees in its window and what it knows.

    kind : "knows" the map; "recalls" sentences of training and writes nothing else; "guesses": does
    so, reads words off the prompt, and has one fixed guess for each other word.
    """

    context_length_ = 45

    def __init__(self, world, train, kind, seed=0):
        self.world, self.kind = world, kind
        self.n_tokens_ = world.n_tokens
        self.known = {t: {tuple(s) for s in s_.tolist()} for t, s_ in train.instances.items()}
        self.liking = np.random.default_rng(seed).random((world.n_words, world.n_words))
        self.first = world.n_tokens - world.n_languages * world.n_words

    def _word(self, before, place):
        """Return the word that is written after some tokens, the `place`-th of a translation."""
        per_word, n_words = self.world.tokens_per_word, self.world.n_words
        query = len(before) - per_word * (6 + place) + 1
        symbols = np.asarray(before) - self.first
        sentence = symbols[query:][symbols[query:] >= 0][:4] % n_words
        solved = symbols[max(0, len(before) - self.context_length_) : query]
        solved = solved[solved >= 0]
        if self.kind == "knows" or tuple(sentence) in self.known[self.task]:
            return sentence[place]
        if self.kind == "recalls":
            return -1
        read = solved[solved < n_words]
        told = solved[solved // n_words == self.language] % n_words
        if sentence[place] in read:
            return sentence[place]
        used = symbols[query:][symbols[query:] >= 0][4:] % n_words
        liking = self.liking[sentence[place]].copy()
        liking[used] = -1
        liking[read if self.shots == "random" else told] = -1
        return liking.argmax()

    def generate(self, prompts, n_steps):
        per_word = self.world.tokens_per_word
        written = []
        for prompt in prompts.tolist():
            for place in range(4):
                if per_word == 2:
                    prompt.append(self.world.vocabulary.index("_"))
                word = self._word(prompt, place)
                own = self.first + self.language * self.world.n_words + word
                prompt.append(own if word >= 0 else 0)
            written.append(prompt[-n_steps:])
        return np.array(written)

    def at_length(self, n_steps):
        assert n_steps <= self.context_length_
        return self

    def predict(self, X):
        """Give nine tenths to what it would write, where a word of the answer follows."""
        per_word = self.world.tokens_per_word
        result = np.full((*X.shape, self.n_tokens_), 0.1 / self.n_tokens_)
        for row, tokens in zip(result, X.tolist(), strict=True):
            for place in range(4):
                step = len(tokens) - per_word * (3 - place)
                word = self._word(tokens[:step], place)
                row[step - 1, self.first + self.language * self.world.n_words + word] += 0.9
        return result

    def scored(self, task, **options):
        self.task, self.language = task, self.world.languages.index(task[-1])
        self.shots = options.get("shots", "disjoint")
        return score_tasks(self, self.world, tasks=[task], **options).loc[task]


@pytest.fixture(scope="module")
def train():
    return WORLD.sample(WORLD.default_n_train, random_state=0)


def test_one_who_knows_is_right(train):
    row = Translator(WORLD, train, "knows").scored("A->C", train=train, random_state=0)
    assert (row.words, row.sentences, row.choice) == (1.0, 1.0, 1.0)
    assert row.loss == pytest.approx(-np.log(0.9 + 0.1 / WORLD.n_tokens))
    assert row.sentences_high == 1.0
    assert row.sentences_low == pytest.approx(0.025 ** (1 / 200))
    assert row.words_high == 1.0
    assert max(row.p_recall, row.p_recall_sentences) < 1e-6
    assert row.p_words == row.p_choice == 0.001
    assert row.seen == pytest.approx(row.recall, abs=0.12)


@pytest.mark.parametrize("tokens_per_word", [1, 2])
@pytest.mark.parametrize("shots", ["disjoint", "random"])
@pytest.mark.parametrize("n", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_networks_without_a_map_score_as_expected(n, shots, tokens_per_word):
    """Each with a guess of its own: at most at the level, and the mean is what is expected."""
    world = TriangleWorld(examples=WORLD.examples, tokens_per_word=tokens_per_word)
    train = world.sample(world.default_n_train, random_state=0)
    options = dict(train=train, n_queries=20, n_shots=6, shots=shots, random_state=1)
    rows = [Translator(world, train, "guesses", i).scored("A->C", **options) for i in range(n)]
    for name in ("words", "sentences", "choice"):
        scores = np.array([row[name] for row in rows])
        error = scores.std(ddof=1) / np.sqrt(n)
        assert scores.mean() == pytest.approx(rows[0][f"expected_{name}"], abs=4 * error + 1e-9)
    for name in ("p_words", "p_choice"):
        rate = np.mean([row[name] <= 0.05 for row in rows])
        assert rate <= binom.ppf(0.999, n, 0.05) / n


@pytest.mark.parametrize("n", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_recall_alone_is_not_found_significant(n):
    world = TriangleWorld(examples={"A->B": 200, "A->C": 300})
    rows = []
    for i in range(n):
        # Other examples and other queries each time.
        train = world.sample(world.default_n_train, random_state=i)
        translator = Translator(world, train, "recalls")
        rows.append(translator.scored("A->C", n_queries=60, n_shots=1, random_state=i))
    for name in ("p_recall", "p_recall_sentences"):
        rate = np.mean([row[name] <= 0.05 for row in rows])
        assert rate <= binom.ppf(0.999, n, 0.05) / n
    words = np.array([row.words for row in rows])
    assert words.mean() == pytest.approx(rows[0].recall, abs=4 * words.std() / np.sqrt(n))
    covered = np.mean([row.words_low <= words.mean() <= row.words_high for row in rows])
    assert covered >= 0.95


def test_rows_state_what_was_measured(train):
    translator = Translator(WORLD, train, "recalls")
    row = translator.scored("A->B", train=train, n_queries=50, alpha=0.1, random_state=3)
    n_right = round(row.sentences * 50)
    assert (row.words, row.sentences) == (row.seen, row.seen)
    interval = binomtest(n_right, 50).proportion_ci(0.9, method="exact")
    assert (row.sentences_low, row.sentences_high) == (interval.low, interval.high)
    distinct = len({tuple(s) for s in train.instances["A->B"].tolist()})
    assert row.recall == distinct / 1680
    # Four other words are shown: the query's are among the four that are left.
    assert row.expected_words == pytest.approx(row.seen + (1 - row.seen) / 4, abs=0.02)
    # Given the true words before, one of four, of three, of two, and of one.
    ways = (1 / 4 + 1 / 3 + 1 / 2 + 1) / 4
    assert row.expected_choice == pytest.approx(row.seen + (1 - row.seen) * ways, abs=0.02)
    assert row.p_recall_sentences == pytest.approx(binom.sf(n_right - 1, 50, row.seen))
    assert row.p_recall == 1
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


class Thinker:
    """States are one-hot: the token, and before words of a translation what is thought of."""

    layers_ = (1,)

    def __init__(self, world, thinks):
        self.world, self.thinks, self.n_tokens_ = world, thinks, world.n_tokens

    def generate(self, prompts, n_steps):
        raise AssertionError("nothing is to be translated")

    def hidden_states(self, X, layer):
        """Return a third part of the state for each language that may be thought of."""
        n_words = self.world.n_words
        first = [self.world.vocabulary.index(f"{language}0") for language in "abc"]
        states = np.zeros((*X.shape, 3, n_words))
        rows, steps = np.nonzero(X[:, 5:] >= first[1])  # words of B or C, after a sentence of A
        steps += 5
        translated = (X[rows, steps - 5] < first[1]) & (X[rows, steps - 5] >= first[0])
        rows, steps = rows[translated], steps[translated]
        asked = (X[rows, steps - 5] - first[0])[:, np.newaxis]
        words = {
            "a": asked,
            **{t[-1].lower(): self.world.translate(asked, t) for t in ("A->B", "A->C")},
        }
        solves_b = X[rows, steps] < first[2]
        for i, language in enumerate("abc"):
            thought = [language in self.thinks[task] for task in ("A->C", "A->B")]
            of = np.where(solves_b, thought[1], thought[0])
            states[rows[of], steps[of] - 1, i, words[language][of, 0]] = 1
        return states.reshape(*X.shape, -1)

    def layer_outputs(self, X, layer):
        """Return logits of all tokens, those of words from the states."""
        first = self.world.vocabulary.index("a0")
        return np.pad(self.hidden_states(X, layer), [(0, 0), (0, 0), (first, 0)])


@pytest.mark.parametrize("maps", ["shared", "independent"])
@pytest.mark.parametrize(
    ("thinks", "probe", "head"),
    [
        ({"A->B": "b", "A->C": "bc"}, 1.0, 1.0),  # by way of B
        ({"A->B": "b", "A->C": "c"}, None, None),  # directly
        # Who holds the word of A in both tasks passes the probe, as the docstring says.
        ({"A->B": "ab", "A->C": "ac"}, 1.0, None),
    ],
)
def test_intermediate_words_are_found_where_they_are(maps, thinks, probe, head):
    world = TriangleWorld(maps=maps)
    evaluation = world.sample(5, random_state=0)
    found = intermediate_words(Thinker(world, thinks), evaluation)
    assert found.dims == ("reading", "solving", "layer")
    assert (found.sel(solving="A->B") == 1).all()
    for reading, expected in (("probe", probe), ("head", head)):
        share = found.sel(reading=reading, solving="A->C").item()
        assert share < 0.3 if expected is None else share == pytest.approx(expected, abs=0.02)


def test_intermediate_words_need_their_tasks():
    world = TriangleWorld()
    evaluation = world.sample(5, random_state=0)
    thinker = Thinker(world, {"A->B": "b", "A->C": "c"})
    for via in ("D", "C"):
        with pytest.raises(ValueError, match="the world has A->B, A->C, B->C"):
            intermediate_words(thinker, evaluation, via=via)
    permuted = world.null("permuted").sample(5, random_state=0)
    with pytest.raises(ValueError, match="nothing to do with the sentences"):
        intermediate_words(thinker, permuted)
    lost = Thinker(world, thinker.thinks)
    lost.hidden_states = lambda X, layer: np.full((*X.shape, 8), np.nan)
    assert np.isnan(intermediate_words(lost, evaluation)).all()


@pytest.mark.parametrize("tokens_per_word", [1, 2])
def test_loss_and_choice_are_those_of_the_words(tokens_per_word):
    """Of a predictor that knows the true next token of the queries with a probability."""
    world = TriangleWorld(examples=WORLD.examples, tokens_per_word=tokens_per_word)
    train = world.sample(20, random_state=0)
    task, n_queries = "A->C", 20
    queries = draw_queries(world, task, n_queries=n_queries, random_state=4)
    whole = np.hstack([queries.prompts, queries.answers])
    c = world.vocabulary.index("c0")
    is_word = queries.answers >= c
    # A probability for each token of the answers; those that are no words must not matter.
    share = np.random.default_rng(0).uniform(0.01, 0.2, queries.answers.shape)
    share[~is_word] = 1.0

    class Knows(Translator):
        def generate(self, prompts, n_steps):
            return np.zeros((len(prompts), n_steps), dtype=int)

        def predict(self, X):
            place = whole.shape[1] - X.shape[1] - 1
            assert np.array_equal(X, whole[:, place:-1])
            result = np.zeros((*X.shape, self.n_tokens_))
            answer = result[:, -share.shape[1] :]
            # A word of B is more probable, and in every other query one of C.
            answer[..., world.vocabulary.index("b0")] = 0.5
            answer[::2, :, c] = answer[::2, :, c + 1] = 0.25
            np.put_along_axis(answer, queries.answers[:, :, np.newaxis], share[:, :, np.newaxis], 2)
            return result

    row = Knows(world, train, "knows").scored(task, n_queries=n_queries, random_state=4)
    assert row.loss == pytest.approx(-np.log(share[is_word]).mean())
    # One of the two others is there unless both are the word itself.
    assert row.choice == pytest.approx(0.5)


def test_measure_is_the_table(train):
    evaluation = WORLD.sample(5, random_state=0)
    model = fitted()
    for known in (None, train):
        if known is not None:
            evaluation.train = known
        scores = task_scores(model, evaluation, n_queries=10, shots="random", random_state=2)
        table = score_tasks(model, WORLD, n_queries=10, shots="random", train=known, random_state=2)
        assert scores.sel(task="A->C").to_series().to_dict() == pytest.approx(
            table.loc["A->C"].to_dict(), nan_ok=True
        )


def fitted():
    X = WORLD.sample(5, random_state=0).X
    options = dict(likelihood="categorical", n_tokens=WORLD.n_tokens, max_steps=0)
    return GRUPredictor(2, **options).fit(X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: recall_share(-1, 10), "'n_examples' .* Got -1"),
        (lambda: recall_share(1, 0), "'n_sentences' .* Got 0"),
        (lambda: score_tasks(None, WORLD, alpha=2), "alpha=2 is not a level"),
        (lambda: score_tasks(fitted(), WORLD, tasks=["C->A"]), "task='C->A' is not known"),
        (lambda: score_tasks(fitted(), WORLD, tasks="A->C"), "tasks='A->C' must be a list"),
        (lambda: score_tasks(fitted(), WORLD, tasks=[]), r"tasks=\[\] must be a list"),
        (lambda: score_tasks(fitted(), WORLD, n_queries=0), "n_queries=0 must be an integer"),
        (lambda: score_tasks(fitted(), WORLD, train=3), "train must be the Sample of training"),
        (lambda: score_tasks(fitted(), OscillatorWorld()), "has no tasks; pass the TriangleWorld"),
        (lambda: draw_queries(OscillatorWorld(), "A->B"), "has no tasks; pass the TriangleWorld"),
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
