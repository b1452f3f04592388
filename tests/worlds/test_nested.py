"""Nested conditionals are what their definition says, and can be assessed like any other world."""

import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.base import clone
from sklearn.utils import Bunch

from sklearn_emerge import (
    EmergenceAssessment,
    GRUPredictor,
    NestedConditionalWorld,
    TransformerPredictor,
)
from sklearn_emerge.measures import token_accuracy

SMALL = NestedConditionalWorld(2, n_keys=3, n_tokens=20, row_length=26)
WORLDS = [
    NestedConditionalWorld(),
    NestedConditionalWorld(5, difficulty=0.6, alias_share=0.5),
    NestedConditionalWorld(3, branching=3, difficulty=0.5, n_tokens=40),
    NestedConditionalWorld(4, alias_share=1.0, n_keys=4, n_tokens=20, row_length=96),
]


def read_tree(words, n_cases, above=()):
    """Take a tree from the words: a leaf, or a key and its cases."""
    word = words.pop(0)
    if word != "if":
        return word
    key = words.pop(0)
    assert key not in above
    return key, [read_tree(words, n_cases, (*above, key)) for _ in range(n_cases)]


def leaves_of(tree):
    if isinstance(tree, str):
        return [tree]
    return [leaf for case in tree[1] for leaf in leaves_of(case)]


def interpret(text, n_cases):
    """Read an instance word by word, an implementation that shares nothing with the world."""
    words = text.split()
    length = len(words)
    bindings = {}
    while words[0] != "=":
        key, colon, bound, end = (words.pop(0) for _ in range(4))
        assert (colon, end) == (":", ";")
        assert key not in bindings
        bindings[key] = bound
    words.pop(0)
    tree = whole = read_tree(words, n_cases)
    lookups, way = 0, []
    while not isinstance(tree, str):
        key, cases = tree
        bound = bindings[key]
        lookups += 1
        if bound in bindings:
            bound = bindings[bound]
            lookups += 1
        way.append(int(bound))
        tree = cases[int(bound)]
    mark, answer, end = words
    assert (mark, end) == (">", "|")
    return Bunch(
        bindings=bindings,
        leaves=leaves_of(whole),
        value=tree,
        answer=answer,
        way=way,
        lookups=lookups,
        length=length,
    )


def interpreted(world, n_sequences):
    sample = world.sample(n_sequences, random_state=0)
    return sample, [interpret(world.decode(row), world.branching) for row in sample.X]


@pytest.mark.parametrize("world", [*WORLDS, WORLDS[1].null("permuted")])
def test_an_interpreter_finds_what_the_bunch_says(world):
    sample, instances = interpreted(world, 300)
    keys = [f"k{i}" for i in range(world.n_keys)]
    for i, instance in enumerate(instances):
        assert sorted(instance.bindings) == keys
        aliases = [bound for bound in instance.bindings.values() if bound in keys]
        assert all(instance.bindings[target] not in keys for target in aliases)
        assert instance.answer in instance.leaves
        if world.answers == "evaluated":
            assert instance.answer == instance.value
        assert len(instance.way) == sample.depth[i]
        assert len(instance.leaves) == sample.n_leaves[i] == world.branching ** sample.depth[i]
        assert instance.lookups == sample.lookups[i]
        assert sample.branching[i] == world.branching
        assert sample.guess[i] == np.mean([leaf == instance.answer for leaf in instance.leaves])
        assert instance.length == sample.length[i]
        # Only padding after the end, and only the answer counts.
        assert not sample.X[i, instance.length :].any()
        assert np.flatnonzero(sample.scored[i]).tolist() == [instance.length - 2]
        assert world.vocabulary[sample.X[i, instance.length - 2]] == instance.answer
        assert (sample.latents[i] == instance.way[0]).all()
    assert sample.X.shape == (300, world.n_steps)
    assert len(set(sample.lookups)) > 1


@pytest.mark.parametrize("world", WORLDS)
def test_the_place_of_the_leaf_says_nothing(world):
    """Not even where all keys that can be are aliases, of which many stand for the same key."""
    sample, instances = interpreted(world, 6000)
    deepest = [instance for instance in instances if len(instance.way) == world.depth]
    places = [int("".join(map(str, i.way)), world.branching) for i in deepest]
    shares = np.bincount(places, minlength=world.branching**world.depth)
    assert chisquare(shares).pvalue > 1e-3
    assert chisquare(np.bincount(sample.latents[:, 0, 0])).pvalue > 1e-3
    answers = sample.X[sample.scored]
    first = world.n_tokens - world.n_answers
    assert chisquare(np.bincount(answers - first, minlength=world.n_answers)).pvalue > 1e-3


def test_keys_are_uniform():
    world = NestedConditionalWorld(n_keys=5)
    sample = world.sample(8000, random_state=0)
    # The first key that is bound, and the conditions of the root and of its first case.
    for step in (0, 22, 24):
        assert chisquare(np.unique(sample.X[:, step], return_counts=True)[1]).pvalue > 1e-3
    assert (sample.X[:, 22] != sample.X[:, 24]).all()


def test_difficulty_grades_depth_and_aliases():
    depths, lookups, aliases = [], [], []
    for difficulty in (0, 0.25, 0.5, 0.75, 1):
        world = NestedConditionalWorld(5, difficulty=difficulty)
        sample = world.sample(4000, random_state=0)
        depths.append(sample.depth.mean())
        lookups.append(sample.lookups.mean())
        # What keys are bound to: keys come before values in the vocabulary.
        aliases.append((sample.X[:, 2:28:4] < world.vocabulary.index("0")).mean())
        if difficulty in (0, 1):
            assert set(sample.depth) == {1 + 4 * difficulty}
    assert depths == pytest.approx([1, 2, 3, 4, 5], abs=0.06)
    assert (lookups[0], aliases[0]) == (1, 0)
    assert (np.diff(lookups) > 0.5).all()
    # A little rarer than 0.25, since a value is never left without a key that is bound to it.
    assert aliases[1:] == pytest.approx([0.0625, 0.125, 0.1875, 0.25], rel=0.05)
    assert lookups[-1] == pytest.approx(5 * (1 + aliases[-1]), rel=0.01)


@pytest.mark.parametrize("world", WORLDS)
def test_chance_and_guesses(world):
    sample = world.sample(6000, random_state=0)
    answers = [word for word in world.vocabulary if word[0] == "a"]
    assert world.chance == 1 / world.n_answers == 1 / len(answers)
    assert len(world.vocabulary) == len(set(world.vocabulary)) == world.n_tokens
    expected = 1 / sample.n_leaves + (1 - 1 / sample.n_leaves) * world.chance
    error = (sample.guess - expected).std() / np.sqrt(6000)
    assert (sample.guess - expected).mean() == pytest.approx(0, abs=4 * error)


def test_the_permuted_null_answers_with_any_leaf():
    world = NestedConditionalWorld(n_tokens=40)
    null = world.null("permuted")
    sample, instances = interpreted(null, 6000)
    right = np.mean([instance.answer == instance.value for instance in instances])
    expected = 1 / 8 + 7 / 8 * null.chance
    assert right == pytest.approx(expected, abs=4 * np.sqrt(expected / 6000))
    # Every leaf is as likely as the others, seen where it is the only one with the answer.
    single = [i.leaves.index(i.answer) for i in instances if i.leaves.count(i.answer) == 1]
    assert chisquare(np.bincount(single, minlength=8)).pvalue > 1e-3
    # Nothing else changes.
    original = world.sample(6000, random_state=0)
    assert np.array_equal(original.X[~original.scored], sample.X[~sample.scored])
    assert np.array_equal(original.latents, sample.latents)


def test_the_resampled_null_keeps_what_counts():
    world = WORLDS[1]
    original = world.sample(200, random_state=0)
    resampled = world.null("resample").sample(200, random_state=0)
    assert np.array_equal(np.sort(original.X, axis=0), np.sort(resampled.X, axis=0))
    assert np.array_equal(original.scored.sum(axis=0), resampled.scored.sum(axis=0))
    assert set(resampled.X[resampled.scored]) == set(original.X[original.scored])


def test_the_resampled_null_has_a_ceiling():
    null = SMALL.null("resample")
    best = null.optimal_predictor()
    sample = null.sample(4000, random_state=1)
    # All answers stand in one place, and are equally likely there.
    scores = best.score_steps(sample.X)[sample.scored[:, 1:]]
    assert -scores.mean() == pytest.approx(np.log(SMALL.n_answers), rel=0.01)


def test_samples_are_reproducible_and_parts_differ():
    world = WORLDS[1]
    train, evaluation = world.split(60, 40, random_state=1)
    again, _ = clone(world).split(60, 5, random_state=1)
    for name in ("X", "depth", "lookups", "guess", "scored", "latents"):
        assert np.array_equal(train[name], again[name])
    assert not {row.tobytes() for row in train.X} & {row.tobytes() for row in evaluation.X}
    assert train.X.dtype.kind == "i"


def test_depths_come_in_random_order():
    depth = WORLDS[1].sample(4000, random_state=0).depth
    assert abs(np.corrcoef(depth[1:], depth[:-1])[0, 1]) < 4 / np.sqrt(4000)


def test_a_depth_of_five_fits_as_the_docstring_says():
    assert (NestedConditionalWorld(5).sample(2, 0).length == 126).all()
    assert (NestedConditionalWorld(5, n_keys=8, row_length=130).sample(2, 0).length == 130).all()


def test_decoding():
    assert SMALL.decode([]) == SMALL.decode([0, 0]) == ""
    # Padding is left out at the end only.
    assert SMALL.decode([7, 1, 0, 10, 0]) == "k0 : <pad> 0"


@pytest.mark.slow
def test_a_network_learns_what_the_null_does_not_have():
    """One key, one condition: copying either leaf leaves log 2 nats, looking the key up none."""
    world = NestedConditionalWorld(1, n_keys=1, alias_share=0, n_tokens=14, row_length=13)
    losses = {}
    for each in (world, world.null("permuted")):
        train, evaluation = each.split(3000, 1000, random_state=0)
        model = TransformerPredictor(
            32,
            2,
            4,
            likelihood="categorical",
            n_tokens=14,
            max_steps=500,
            lr=4e-3,
            batch_size=32,
            random_state=0,
        ).fit(train.X)
        scores = model.score_steps(evaluation.X)[evaluation.scored[:, 1:]]
        losses[each.answers] = -scores.mean()
    # Of four answers: in a quarter of the instances both leaves are the same.
    assert losses["random_leaf"] > 0.9 * 3 / 4 * np.log(2)
    assert losses["random_leaf"] < 0.6 * np.log(4)
    assert losses["evaluated"] < 0.2


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        TransformerPredictor(8, 1, 2, max_steps=5),
        pytest.param(GRUPredictor(4, max_steps=5), marks=pytest.mark.slow),
    ],
)
def test_assessment(model):
    cube = (
        EmergenceAssessment(
            SMALL,
            model,
            nulls=("permuted", "resample"),
            n_seeds=2,
            alpha=0.5,
            n_train=60,
            n_eval=30,
            param_grid={"world__difficulty": [0, 1]},
            random_state=0,
            progress=False,
            modes=("full", "random"),
            reservoir_sizes=(4,),
            n_probe=10,
        )
        .fit()
        .cube_
    )
    assert cube.latent.values.tolist() == ["branch"]
    assert cube.condition.values.tolist() == ["structured", "permuted", "resample"]
    assert np.isfinite(cube.delta_nll).all()
    # Before training all tokens are about equally likely.
    untrained = cube.nll.sel(mode="random", condition="structured")
    assert np.abs(untrained - np.log(20)).max() < 0.5


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"depth": 0}, "'depth' .* Got 0"),
        ({"branching": 1}, "'branching' .* Got 1"),
        ({"difficulty": 1.1}, "'difficulty' .* Got 1.1"),
        ({"difficulty": -0.1}, "'difficulty' .* Got -0.1"),
        ({"alias_share": 2}, "'alias_share' .* Got 2"),
        ({"answers": "none"}, "'answers' .* Got 'none'"),
        ({"n_keys": 2}, "n_keys=2 is less than depth=3.*pass at least n_keys=3"),
        ({"n_tokens": 17}, "n_tokens=17 is too small.*two answers are 18 tokens"),
        ({"row_length": 53}, "row_length=53 is too short.*needs 54 tokens"),
        ({"depth": 5, "n_keys": 8}, "depth=5 with branching=2 and n_keys=8 needs 130 tokens"),
        # The deepest tree must fit, whether the difficulty lets it be drawn or not.
        ({"depth": 5, "difficulty": 0, "row_length": 125}, "needs 126 tokens"),
    ],
)
def test_bad_worlds_are_refused(params, message):
    world = NestedConditionalWorld(**params)
    with pytest.raises(ValueError, match=message):
        world.sample(3)
    with pytest.raises(ValueError, match=message):
        world.vocabulary  # noqa: B018


def test_the_sizes_that_messages_ask_for_are_enough():
    for params in ({"n_tokens": 18}, {"row_length": 54}, {"n_keys": 3}):
        assert NestedConditionalWorld(**params).sample(3).X.all(axis=0).any()
    assert NestedConditionalWorld(n_tokens=18).n_answers == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: w.null("permuted").null("permuted"), "answers='random_leaf' there is nothing"),
        (lambda w: w.null("shuffle"), "null='shuffle' is not known .* 'permuted', 'resample'"),
        (lambda w: w.sample(0), "n_sequences=0 is not a number of sequences"),
        (lambda w: w.decode([0, 256]), r"tokens=\[0, 256\] are not all tokens .* from 0 to 255"),
        (lambda w: w.decode([[0, 1]]), "must be one sequence of integers"),
    ],
)
def test_bad_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(NestedConditionalWorld())


def test_rows_can_lose_their_beginning():
    whole = NestedConditionalWorld(4, difficulty=0.5, row_length=80)
    cut = NestedConditionalWorld(4, difficulty=0.5, row_length=50, truncate=True)
    long, short = (world.sample(200, random_state=0) for world in (whole, cut))
    assert (short.length == np.minimum(long.length, 50)).all()
    for row, rest, length in zip(long.X, short.X, long.length, strict=True):
        kept = min(length, 50)
        assert np.array_equal(row[length - kept : length], rest[:kept])
        assert not rest[kept:].any()
    # An answer counts if all of its instance is in sight.
    assert np.array_equal(short.scored.any(axis=1), long.length <= 50)
    assert short.scored.sum() == (long.length <= 50).sum() > 20
    fits = long.length <= 50
    assert np.array_equal(short.X[short.scored], long.X[fits][long.scored[fits]])
    assert np.array_equal(short.lookups, long.lookups)


class Oracle:
    """Knows the answers of instances of depth 1, and takes a wrong one for the others."""

    def __init__(self, sample):
        self.sample = sample

    def at_length(self, n_steps):
        assert n_steps == self.sample.X.shape[1] - 1
        return self

    def predict(self, X):
        following = np.eye(self.sample.world.n_tokens)[self.sample.X[:, 1:]]
        wrong = np.roll(following, 1, axis=2)
        return np.where((self.sample.depth == 1)[:, np.newaxis, np.newaxis], following, wrong)


def test_accuracy_is_that_of_the_answers():
    sample = NestedConditionalWorld(2, difficulty=0.5, n_keys=3).sample(300, random_state=0)
    oracle = Oracle(sample)
    assert token_accuracy(oracle, sample) == (sample.depth == 1).mean()
    by_depth = token_accuracy(oracle, sample, by="depth")
    assert by_depth.to_series().to_dict() == {1: 1.0, 2: 0.0}
    with pytest.raises(ValueError, match="by='width' is not an entry .* they have X, latents"):
        token_accuracy(oracle, sample, by="width")
    sample.scored = None
    with pytest.raises(ValueError, match="do not say which tokens count"):
        token_accuracy(oracle, sample)
