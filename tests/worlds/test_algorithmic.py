"""Tasks on digits are what their definition says, and what a guess scores is known exactly."""

from collections import Counter
from itertools import product
from math import log, prod

import numpy as np
import pytest
from scipy.stats import chisquare

from sklearn_emerge import AlgorithmicWorld, EmergenceAssessment, GRUPredictor
from sklearn_emerge.measures import answer_scores

WORLD = AlgorithmicWorld()
OTHER_SIZES = {
    "COPY": (1, 2, 3),
    "PAR": (1, 3, 5),
    "MOD": (2, 10, 100),
    "MUL": [[1, 2], [2, 1], [3, 1]],
}
WORLDS = [
    WORLD,
    AlgorithmicWorld(digit_order="least_significant"),
    AlgorithmicWorld(
        ["MUL", "COPY", "PAR", "MOD"],
        [3, 1],
        sizes=OTHER_SIZES,
        row_length=24,
    ),
]


def answer_to(task, operands, modulus, reverse):
    """Return an answer as text, an implementation that shares nothing with the world."""
    numbers = [int(operand) for operand in operands]
    if task == "CMP":
        assert numbers[0] != numbers[1]
        return "<" if numbers[0] < numbers[1] else ">"
    text = {
        "COPY": lambda: operands[0],
        "REV": lambda: operands[0][::-1],
        "SORT": lambda: "".join(sorted(operands[0])),
        "PAR": lambda: str(operands[0].count("1") % 2),
        "ADD": lambda: str(sum(numbers)).zfill(len(operands[0]) + 1),
        "MOD": lambda: str(sum(numbers) % modulus).zfill(len(operands[0])),
        "MUL": lambda: str(prod(numbers)).zfill(sum(map(len, operands))),
    }[task]()
    return text[::-1] if reverse and task in ("ADD", "MOD", "MUL") else text


def read(text):
    """Return task, level, operands and answer of an instance as text."""
    task, level, *rest = text.split()
    assert rest.pop() == "|"
    asked, answer = "".join(rest).split("=")
    return task, int(level[1:]), asked.split(","), answer


def sizes_of(world):
    given = {} if world.sizes is None else world.sizes
    default = {
        **dict.fromkeys(("COPY", "REV", "SORT"), (3, 5, 8)),
        **dict.fromkeys(("CMP", "ADD"), (1, 2, 3)),
        "PAR": (2, 4, 6),
        "MOD": (7, 23, 97),
        "MUL": ((1, 1), (1, 2), (2, 2)),
    }
    return default | dict(given)


@pytest.mark.parametrize("world", WORLDS)
def test_answers_are_those_of_another_implementation(world):
    sample, reverse = world.sample(1500, random_state=0), world.digit_order == "least_significant"
    found = set()
    for i, row in enumerate(sample.X):
        task, level, operands, answer = read(world.decode(row))
        size = sizes_of(world)[task][level - 1]
        widths = [len(operand) for operand in operands]
        if task == "MUL":
            assert widths == list(size)
            assert all(operand[0] != "0" for operand in operands)
        elif task == "MOD":
            assert widths == [len(str(size - 1))] * 2
            assert all(int(operand) < size for operand in operands)
        else:
            assert widths == [size] * (2 if task in ("CMP", "ADD") else 1)
        if task == "PAR":
            assert set(operands[0]) <= set("01")
        assert answer == answer_to(task, operands, size, reverse)
        start, length = sample.answer_start[i], sample.answer_length[i]
        assert (task, level) == (sample.task[i], sample.level[i])
        assert np.flatnonzero(sample.scored[i]).tolist() == list(range(start, start + length))
        assert "".join(world.decode(row[start : start + length]).split()) == answer
        assert not row[start + length + 1 :].any()
        found.add((task, level))
    assert found == set(product(world.tasks, world.levels))
    assert sample.X.shape == (1500, world.n_steps)
    assert world.n_tokens == len(set(world.vocabulary)) == 27


def test_rows_of_20_tokens_hold_every_default_and_no_longer_one():
    lengths = {key: problem.length for key, problem in WORLD.problems().items()}
    assert max(lengths.values()) == WORLD.row_length == 20
    # 17% of what is predicted is scored, and 8 of 20 tokens are padding.
    answers = [problem.answer_length for problem in WORLD.problems().values()]
    assert np.mean(answers) / 19 == pytest.approx(0.17, abs=0.005)
    assert 20 - np.mean(list(lengths.values())) == 8


# Levels 1 to 3: the best exact match, and nats per token of the answer.
PUBLISHED = {
    "COPY": ((1e-3, 1e-5, 1e-8), (2.3026,) * 3),
    "REV": ((1e-3, 1e-5, 1e-8), (2.3026,) * 3),
    "CMP": ((1 / 2,) * 3, (0.6931,) * 3),
    "PAR": ((1 / 2,) * 3, (0.6931,) * 3),
    "ADD": ((1e-1, 1e-2, 1e-3), (1.3969, 1.7017, 1.8519)),
    "MOD": ((1 / 7, 1 / 23, 1 / 97), (1.9459, 1.5677, 2.2874)),
    "SORT": ((0.006, 0.0012, 0.0004032), (1.7737, 1.4781, 1.2009)),
    "MUL": ((4 / 81, 6 / 810, 16 / 8100), (1.7564, 1.9782, 1.9265)),
}


@pytest.mark.parametrize("task", PUBLISHED)
def test_chance_is_what_is_known_of_each_task(task):
    exact_match, nll = PUBLISHED[task]
    chance = WORLD.chance.sel(task=task)
    assert WORLD.chance.dims == ("score", "task", "level")
    np.testing.assert_allclose(chance.sel(score="exact_match"), exact_match, rtol=1e-12)
    np.testing.assert_allclose(chance.sel(score="nll"), nll, atol=5.1e-5)


def operands_of(task, size):
    """Return all operands of a task as text."""
    if task == "PAR":
        return [("".join(bits),) for bits in product("01", repeat=size)]
    if task == "MUL":
        return list(product(*([str(i) for i in range(10 ** (w - 1), 10**w)] for w in size)))
    if task == "MOD":
        numbers = [str(i).zfill(len(str(size - 1))) for i in range(size)]
        return list(product(numbers, repeat=2))
    numbers = [str(i).zfill(size) for i in range(10**size)]
    if task in ("CMP", "ADD"):
        return [pair for pair in product(numbers, repeat=2) if task == "ADD" or len({*pair}) == 2]
    return [(number,) for number in numbers]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("task", PUBLISHED)
def test_chance_is_that_of_all_instances_counted_one_by_one(task, reverse):
    order = "least_significant" if reverse else "most_significant"
    world = AlgorithmicWorld([task], [1, 2], sizes={"SORT": (3, 4, 8)}, digit_order=order)
    for level in (1, 2):
        size = sizes_of(world)[task][level - 1]
        operands = operands_of(task, size) if (task, level) not in (("COPY", 2), ("REV", 2)) else []
        if not operands:
            continue
        answers = Counter(answer_to(task, each, size, reverse) for each in operands)
        total, length = sum(answers.values()), len(next(iter(answers)))
        right = 0
        for place in range(length):
            beginnings = Counter()
            for answer, count in answers.items():
                beginnings[answer[: place + 1]] += count
            best = Counter()
            for shown, count in beginnings.items():
                best[shown[:-1]] = max(best[shown[:-1]], count)
            right += sum(best.values()) / total
        nll = -sum(n / total * log(n / total) for n in answers.values()) / length
        expected = [max(answers.values()) / total, right / length, nll]
        found = world.chance.sel(task=task, level=level)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_order_of_digits_changes_no_answer_but_what_its_tokens_tell():
    most, least = WORLD.chance, WORLDS[1].chance
    for score in ("exact_match", "nll"):
        np.testing.assert_allclose(most.sel(score=score), least.sel(score=score), rtol=1e-12)
    tokens = {"score": "token_accuracy", "task": "ADD"}
    assert (least.sel(tokens) > most.sel(tokens) + 0.02).all()


def test_tasks_levels_and_operands_are_drawn_as_often_as_stated():
    sample = WORLD.sample(12_000, random_state=0)
    pairs = np.unique(np.char.add(sample.task, sample.level.astype(str)), return_counts=True)[1]
    assert len(pairs) == 24
    assert chisquare(pairs).pvalue > 1e-3
    weighted = AlgorithmicWorld(["ADD", "PAR", "MUL"], weights={"PAR": 3, "MUL": 0.5})
    task = weighted.sample(9000, random_state=0).task
    counts = [(task == name).sum() for name in weighted.tasks]
    assert chisquare(counts, np.array([1, 3, 0.5]) * 9000 / 4.5).pvalue > 1e-3
    for name, n in (("CMP", 90), ("MOD", 49), ("MUL", 81), ("PAR", 4), ("ADD", 100)):
        rows = AlgorithmicWorld([name], [1]).sample(5000, random_state=1).X
        counts = np.unique(rows, axis=0, return_counts=True)[1]
        assert len(counts) == n
        assert chisquare(counts).pvalue > 1e-3


def test_permuted_answers_have_nothing_to_do_with_the_operands():
    null = WORLD.null("permuted")
    true, drawn = WORLD.sample(6000, random_state=0), null.sample(6000, random_state=0)
    before = np.arange(20) < true.answer_start[:, np.newaxis]
    assert np.array_equal(true.X[before], drawn.X[before])
    assert np.array_equal(true.scored, drawn.scored)
    assert np.array_equal(null.chance, WORLD.chance)
    for task, same in (("CMP", 1 / 2), ("PAR", 1 / 2), ("MOD", (1 / 7 + 1 / 23 + 1 / 97) / 3)):
        rows = true.task == task
        share = (true.X == drawn.X)[rows].all(axis=1)
        assert share.mean() == pytest.approx(same, abs=4 * share.std() / np.sqrt(rows.sum()))
    with pytest.raises(ValueError, match="null='permuted'.*nothing left.*'resample'"):
        null.null("permuted")


@pytest.mark.parametrize("world", WORLDS)
def test_the_ceiling_of_answers_is_zero_nats_and_of_operands_their_entropy(world):
    """Of each row: the probability of its digits together is one over the number of operands."""
    sample = world.sample(400, random_state=0)
    model = world.optimal_predictor()
    np.testing.assert_allclose(model.predict(sample.X).sum(axis=2), 1, atol=1e-12)
    steps, scored = model.score_steps(sample.X), sample.scored[:, 1:]
    assert (steps[scored] == 0).all()
    counts = {"CMP": lambda a: a * (a - 1), "ADD": lambda a: a * a, "MOD": lambda a: a * a}
    for row, log_probability in zip(sample.X, steps, strict=True):
        task, level, operands, _ = read(world.decode(row))
        size = sizes_of(world)[task][level - 1]
        if task == "MUL":
            n = prod(9 * 10 ** (width - 1) for width in size)
        else:
            base = {"PAR": 2**size, "MOD": size}.get(task, 10 ** len(operands[0]))
            n = counts.get(task, lambda a: a)(base)
        expected = -log(n) - log(len(world.levels))
        assert log_probability.sum() == pytest.approx(expected, rel=1e-12)


def test_the_ceiling_of_permuted_answers_is_their_distribution():
    for task, size, level in (("ADD", 2, 2), ("SORT", 3, 1), ("MUL", (1, 2), 2), ("COPY", 3, 1)):
        world = AlgorithmicWorld([task], [level], answers="permuted")
        sample = world.sample(100, random_state=0)
        counts = Counter(answer_to(task, each, size, False) for each in operands_of(task, size))
        steps = world.optimal_predictor().score_steps(sample.X) * sample.scored[:, 1:]
        answers = [read(world.decode(row))[3] for row in sample.X]
        expected = [log(counts[answer] / counts.total()) for answer in answers]
        np.testing.assert_allclose(steps.sum(axis=1), expected, rtol=1e-10)


def test_predictions_of_a_beginning_are_those_of_the_whole():
    sample, model = WORLD.sample(100, random_state=0), WORLD.optimal_predictor()
    whole = model.predict(sample.X)
    for n_steps in (2, 5, 11, 19):
        part = model.at_length(n_steps).predict(sample.X[:, :n_steps])
        assert np.array_equal(part, whole[:, :n_steps])
    longer = np.pad(sample.X, ((0, 0), (0, 2)))
    assert np.array_equal(model.at_length(22).predict(longer)[:, :20], whole)
    with pytest.raises(ValueError, match=r"X\[3\] begins with the tokens \[20, 12\]"):
        model.predict(np.where(np.arange(100)[:, np.newaxis] == 3, [20, 12, *[0] * 18], sample.X))


def test_one_task_at_one_level_alone():
    world = AlgorithmicWorld(
        weights={"ADD": 2}, sizes={"ADD": (1, 2, 4)}, digit_order="least_significant"
    )
    for each in (world, world.null("permuted")):
        alone = each.only("ADD", 3)
        sample = alone.sample(20, random_state=0)
        assert set(sample.task) == {"ADD"}
        assert set(sample.level) == {3}
        assert set(sample.answer_length) == {5}
        assert (alone.vocabulary, alone.answers) == (each.vocabulary, each.answers)
        assert np.array_equal(alone.chance.squeeze(), each.chance.sel(task="ADD", level=3))
    with pytest.raises(ValueError, match="task='AD'.*choose from COPY, REV.* Did you mean"):
        world.only("AD", 1)
    with pytest.raises(ValueError, match="level=4 .*choose from 1, 2, 3"):
        world.only("ADD", 4)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tasks": ["ADD", "SUB"]}, "tasks has 'SUB'; choose from 'COPY', 'REV'"),
        ({"tasks": ["ADD", "ADD"]}, "tasks has 'ADD' twice"),
        ({"tasks": []}, r"tasks=\[\] must be a list of some of"),
        ({"tasks": "ADD"}, "The 'tasks' parameter|tasks='ADD' must be a list"),
        ({"levels": [0]}, "levels has 0; choose from 1, 2, 3"),
        ({"levels": [1.0]}, "levels has 1.0; choose from 1, 2, 3"),
        ({"sizes": {"ADD": 3}}, r"sizes\['ADD'\]=3 must be three sizes, each an integer of 1 to 6"),
        ({"sizes": {"MUL": [(1, 1), (1,), (2, 2)]}}, "each a pair of digits, together at most 6"),
        ({"sizes": {"SUM": (1, 2, 3)}}, "sizes has 'SUM'"),
        (
            {"sizes": {"ADD": (1, 2)}},
            r"sizes\['ADD'\]=\(1, 2\) must be three sizes, each an integer",
        ),
        ({"sizes": {"ADD": (1, 2, 7)}}, "an integer of 1 to 6; for instance"),
        ({"sizes": {"MOD": (1, 2, 7)}}, "an integer of 2 to 1000"),
        ({"sizes": {"MUL": (1, 2, 2)}}, "each a pair of digits, together at most 6"),
        ({"sizes": {"COPY": (3, 5, 9)}}, "row_length=20 .* COPY at level 3 has 22.*row_length=22"),
        ({"weights": {"ADD": 0}}, r"weights\['ADD'\]=0 is no weight; pass a number above 0"),
        ({"tasks": ["PAR"], "weights": {"ADD": 1}}, "weights has 'ADD'; choose from 'PAR'"),
        ({"row_length": 12}, "row_length=12 is too short"),
        ({"digit_order": "least"}, "digit_order"),
        ({"answers": "true"}, "answers"),
    ],
)
def test_what_cannot_be_written_is_named(params, message):
    world = AlgorithmicWorld(**params)
    with pytest.raises(ValueError, match=message):
        world.sample(3)
    with pytest.raises(ValueError, match=message):
        _ = world.chance


def test_an_assessment_records_answers_and_knows_the_ceiling():
    world = AlgorithmicWorld(["CMP", "PAR"], [1], row_length=8)
    assessed = EmergenceAssessment(
        world,
        GRUPredictor(4, max_steps=2),
        n_train=60,
        n_eval=40,
        n_seeds=2,
        record_at=[0, 2],
        measures={"answers": answer_scores},
        baselines=("step_mean",),
        nulls=(),
        probe=None,
        reservoir_sizes=None,
        alpha=0.6,
        random_state=0,
        progress=False,
    ).fit()
    cube = assessed.cube_
    optimal = cube.nll_optimal.mean("seed")
    assert optimal.sel(condition="structured") == 0
    assert set(cube.ceiling.values) == {"exact"}
    recorded = cube.answers_trajectory.sel(mode="full", condition="structured", score="nll")
    assert recorded.step.values.tolist() == [0, 2]
    # Answers of one token each: the loss of the assessment is a mean over the rows of both tasks.
    last, nll = recorded.isel(step=-1), cube.nll.sel(mode="full", condition="structured")
    assert (last.min(("task", "level")) <= nll).all()
    assert (nll <= last.max(("task", "level"))).all()
