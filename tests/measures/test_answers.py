"""Scores of answers are those of greedy decoding, and rise while a transformer learns."""

from copy import copy
from functools import partial

import numpy as np
import pytest

from sklearn_emerge import (
    AlgorithmicWorld,
    MarkovPredictor,
    TransformerPredictor,
    TriangleWorld,
)
from sklearn_emerge.measures import (
    _sequences,
    answer_scores,
    outcome_accuracy,
    seen_share,
    token_accuracy,
)
from sklearn_emerge.measures._answers import rows_of_answers

WORLD = AlgorithmicWorld(["COPY", "SORT"], [1], row_length=10)


@pytest.fixture(scope="module")
def learned():
    """A transformer of one layer and 32 units that has learned a part of two tasks."""
    options = dict(likelihood="categorical", n_tokens=27, head="sgd", random_state=0)
    model = TransformerPredictor(32, 1, 4, max_steps=150, lr=5e-3, **options)
    return model.fit(WORLD.sample(2000, random_state=0).X)


class Knowing:
    """Gives the true next token a probability, after a change of some of these."""

    def __init__(self, sample, probability):
        self.n_tokens_, self.sample, self.probability = 27, sample, probability

    def at_length(self, n_steps):
        return copy(self)

    def predict(self, X):
        true = np.eye(27)[self.sample.X[:, 1:]]
        p = np.broadcast_to(self.probability, true.shape[:2])[..., np.newaxis]
        return true * p + (1 - true) * (1 - p) / 26


def test_scores_are_those_of_a_predictor_that_is_known():
    world = AlgorithmicWorld(["REV", "ADD", "CMP"], [1, 2])
    sample = world.sample(60, random_state=0)
    scores = answer_scores(Knowing(sample, 0.7), sample)
    assert scores.dims == ("score", "task", "level")
    assert (scores.sel(score=["exact_match", "token_accuracy"]) == 1).all()
    np.testing.assert_allclose(scores.sel(score="nll"), -np.log(0.7), rtol=1e-12)
    blind = world.chance.sel(score="nll")
    np.testing.assert_allclose(scores.sel(score="gain"), 1 + np.log(0.7) / blind, rtol=1e-12)
    # The last token of each answer is wrong, which leaves all others and no whole answer.
    last = np.arange(1, 20) == (sample.answer_start + sample.answer_length - 1)[:, np.newaxis]
    scores = answer_scores(Knowing(sample, np.where(last, 0.01, 0.9)), sample)
    assert (scores.sel(score="exact_match") == 0).all()
    for (task, level), problem in world.problems().items():
        found, length = scores.sel(task=task, level=level), problem.answer_length
        assert found.sel(score="token_accuracy") == pytest.approx(1 - 1 / length)
        nll = -((length - 1) * np.log(0.9) + np.log(0.01)) / length
        assert found.sel(score="nll") == pytest.approx(nll)
    # What is not an answer does not count.
    before = np.arange(1, 20) < sample.answer_start[:, np.newaxis]
    scores = answer_scores(Knowing(sample, np.where(before, 0.01, 0.7)), sample)
    np.testing.assert_allclose(scores.sel(score="nll"), -np.log(0.7), rtol=1e-12)


def test_a_guess_without_operands_scores_what_chance_says():
    null = AlgorithmicWorld().null("permuted")
    scores = answer_scores(null.optimal_predictor(), null.sample(10, 0), n_rows=400)
    tokens = scores.sel(score="token_accuracy") - null.chance.sel(score="token_accuracy")
    # Four standard errors of 400 rows of tokens that may all be right or wrong together.
    assert (abs(tokens) < 4 * 0.5 / np.sqrt(400)).all()
    assert (abs(scores.sel(score="gain")) < 0.12).all()
    assert abs(scores.sel(score="gain").mean()) < 0.02


def test_networks_are_not_asked_behind_answers(learned, monkeypatch):
    # Answers of three digits, and of two.
    world = AlgorithmicWorld(["COPY", "MUL"], [1], row_length=10)
    sample, asked = world.sample(60, random_state=3), []
    X, scored = sample.X, sample.scored[:, 1:]
    # One pass over all steps of all rows.
    nll = -np.log(learned.at_length(9).predict(X[:, :-1]))
    nll = (np.take_along_axis(nll, X[:, 1:, np.newaxis].astype(int), 2)[..., 0] * scored).sum(1)
    nll /= scored.sum(axis=1)
    predict = TransformerPredictor.predict

    def counted(self, X):
        asked.append(X.size)
        return predict(self, X)

    monkeypatch.setattr(TransformerPredictor, "predict", counted)
    scores = answer_scores(learned, sample).sel(score="nll", level=1)
    for task in world.tasks:
        expected = nll[sample.task == task].mean()
        assert float(scores.sel(task=task)) == pytest.approx(expected, rel=1e-9)
    assert sum(asked) == (sample.answer_start + sample.answer_length - 1).sum() < X[:, 1:].size


def test_exact_match_is_that_of_greedy_decoding(learned):
    sample = WORLD.sample(300, random_state=1)
    start = WORLD.only("COPY", 1).sample(1, 0).answer_start[0]
    assert set(sample.answer_start) == {start}
    written = learned.generate(sample.X[:, :start], 3)
    right = written == sample.X[:, start : start + 3]
    scores = answer_scores(learned, sample).sel(level=1)
    for task in WORLD.tasks:
        of_task = sample.task == task
        exact = right[of_task].all(axis=1).mean()
        assert scores.sel(task=task, score="exact_match") == pytest.approx(exact, abs=1e-12)
        # With its own errors before it, a network is not more often right than with the truth.
        assert scores.sel(task=task, score="token_accuracy") >= right[of_task].mean() - 0.05
    assert scores.sel(score="exact_match").max() > 0
    assert scores.sel(score="exact_match").min() < 1


def test_a_small_transformer_learns_to_copy_and_to_sort(learned):
    sample = WORLD.sample(10, random_state=1)
    scores = answer_scores(learned, sample, n_rows=400).sel(level=1)
    chance = WORLD.chance.sel(level=1)
    assert (scores.sel(score="gain") > 0.1).all()
    # Five standard errors.
    expected = chance.sel(score="token_accuracy")
    margin = 5 * np.sqrt(expected * (1 - expected) / 400)
    assert (scores.sel(score="token_accuracy") > expected + margin).all()


def test_rows_can_be_as_many_of_each_task_and_the_same_every_time():
    world = AlgorithmicWorld(["COPY", "SORT"], [1, 2])
    learned = MarkovPredictor(likelihood="categorical", n_tokens=27).fit(world.sample(99, 0).X)
    sample = world.only("COPY", 1).sample(30, random_state=0)
    sample.world = world
    few = answer_scores(learned, sample)
    assert few.isnull().sel(task="SORT").all()
    assert few.isnull().sel(level=2).all()
    assert few.sel(task="COPY", level=1).notnull().all()
    scores = partial(answer_scores, learned, sample, n_rows=20)
    assert scores().notnull().all()
    assert scores().identical(scores())
    assert not scores().equals(scores(random_state=1))
    other = copy(sample)
    other.world = AlgorithmicWorld(["SORT", "PAR"], [2])
    same = answer_scores(learned, other, n_rows=20)
    assert np.array_equal(same.sel(task="SORT"), scores().sel(task="SORT", level=[2]))


def test_tasks_can_have_numbers_of_rows_of_their_own():
    world = AlgorithmicWorld(["COPY", "SORT"], [1, 2])
    sample = world.sample(99, random_state=0)
    model = MarkovPredictor(likelihood="categorical", n_tokens=27).fit(sample.X)
    rows = rows_of_answers(world, {"SORT": 4, "COPY": 2}, 0)
    assert [(rows.task == task).sum() for task in ("COPY", "SORT")] == [4, 8]
    # Streams are those of each task and level.
    few, more = (
        answer_scores(model, sample, n_rows={"COPY": 20, "SORT": n}).sel(task="COPY")
        for n in (20, 30)
    )
    assert few.identical(answer_scores(model, sample, n_rows=20).sel(task="COPY"))
    assert few.sel(level=1).equals(more.sel(level=1))
    with pytest.raises(ValueError, match="has no number of rows for SORT; a dict needs one for"):
        answer_scores(model, sample, n_rows={"COPY": 20})
    with pytest.raises(ValueError, match="'SORT': 0.* is no number of rows; pass an integer"):
        answer_scores(model, sample, n_rows={"COPY": 20, "SORT": 0})


@pytest.mark.parametrize("permuted", [False, True])
def test_instances_of_training_are_seen_whatever_their_answer(permuted):
    world = AlgorithmicWorld(["PAR", "ADD"], [1, 3])
    train = world.sample(40, random_state=0)
    evaluation = world.sample(4000, random_state=1)
    again = world.null("permuted").sample(40, random_state=0) if permuted else train
    assert (seen_share(again, train) == 1).all()
    shares = seen_share(evaluation, train)
    for task, level, n in (("PAR", 1, 4), ("PAR", 3, 64), ("ADD", 1, 100), ("ADD", 3, 10**6)):
        rows = train.X[(train.task == task) & (train.level == level)]
        count = ((evaluation.task == task) & (evaluation.level == level)).sum()
        known = len(np.unique(rows, axis=0)) / n
        error = np.sqrt(known * (1 - known) / count)
        assert abs(shares.sel(task=task, level=level) - known) <= 4 * error + 1e-3
    evaluation.train = train
    assert seen_share(evaluation).identical(shares)


def test_what_has_no_answers_is_named():
    sample = WORLD.sample(20, random_state=0)
    model = MarkovPredictor(likelihood="categorical", n_tokens=27).fit(sample.X)
    for other in (TriangleWorld().sample(5, 0), WORLD.null("resample").sample(5, 0)):
        with pytest.raises(ValueError, match="have no answers; pass what .*nulls='permuted'"):
            answer_scores(model, other)
        with pytest.raises(ValueError, match="have no answers"):
            seen_share(other, sample)
    small = MarkovPredictor(likelihood="categorical", n_tokens=30).fit(sample.X)
    with pytest.raises(ValueError, match="was not fitted on the 27 tokens of the world; fit it"):
        answer_scores(small, sample)
    with pytest.raises(ValueError, match="n_rows=0 is no number of rows; pass an integer"):
        answer_scores(model, sample, n_rows=0)
    with pytest.raises(ValueError, match="train=None, and the sample has no train; pass"):
        seen_share(sample)


def test_rows_in_parts_give_the_same(learned, monkeypatch):
    sample = WORLD.sample(250, random_state=1)
    measures = (answer_scores, token_accuracy, outcome_accuracy)
    whole = [measure(learned, sample) for measure in measures]
    predict, asked = TransformerPredictor.predict, []

    def noted(self, X):
        asked.append(len(X))
        return predict(self, X)

    monkeypatch.setattr(TransformerPredictor, "predict", noted)
    monkeypatch.setattr(_sequences, "_AT_ONCE", 100 * WORLD.row_length * 27)
    for measure, expected in zip(measures, whole, strict=True):
        np.testing.assert_allclose(measure(learned, sample), expected, rtol=1e-6)
    assert max(asked) <= 112
    assert sum(asked) == 3 * 250
