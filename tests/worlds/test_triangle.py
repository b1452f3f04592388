"""The triangle world is that of *Scaling Down Transformers*, and is assessed like any other."""

import numpy as np
import pytest
from conftest import TRIANGLE
from scipy.stats import chisquare, entropy
from sklearn.base import clone

from sklearn_emerge import EmergenceAssessment, GRUPredictor, TransformerPredictor, TriangleWorld
from sklearn_emerge.measures import draw_queries, intermediate_words, words_right

HUB = {"A->B": 5000, "A->D": 4500, "A->C": 4000, "D->B": 100, "D->C": 200, "B->C": 300}


def instances_of(world, sample):
    """Return the rows as one stream, cut into instances."""
    size = world.tokens_per_instance
    stream = sample.X[sample.order.argsort()].ravel()
    return stream[: len(stream) // size * size].reshape(-1, size)


def test_numbers_of_the_source():
    two = TriangleWorld(tokens_per_word=2)
    sample = two.sample(two.default_n_train, random_state=0)
    assert sample.X.shape == (2196, 46)
    # 5050 instances of 20 tokens, and padding.
    assert np.count_nonzero(sample.X) == 101_000
    assert not sample.X[sample.order.argsort()].ravel()[101_000:].any()
    assert (two.n_tokens, -(-2196 // 256)) == (30, 9)
    hub = TriangleWorld(4, 12, HUB, tokens_per_word=2)
    assert (hub.default_n_train, hub.n_tokens, -(-6131 // 1024)) == (6131, 54, 6)
    assert np.count_nonzero(hub.sample(6131, random_state=0).X) == 282_000
    assert {task: len(s) for task, s in sample.instances.items()} == {
        "A->B": 2500,
        "B->C": 2500,
        "A->C": 50,
    }


@pytest.mark.parametrize("tokens_per_word", [1, 2])
def test_instances_are_translations(tokens_per_word):
    world = TriangleWorld(tokens_per_word=tokens_per_word)
    sample = world.sample(world.default_n_train, random_state=0)
    instances = instances_of(world, sample)
    text = [world.decode(instance).split() for instance in instances[:5050]]
    blocks = [("a", "b")] * 2500 + [("a", "c")] * 50 + [("b", "c")] * 2500
    for words, (source, target) in zip(text, blocks, strict=True):
        assert (words[4], words[9]) == (".", "|")
        numbers = [word[1:] for word in words[:4]]
        assert len(set(numbers)) == 4
        assert words[:4] == [source + number for number in numbers]
        assert words[5:9] == [target + number for number in numbers]
    # The task of a token, as its latent.
    tasks = sample.task[sample.order.argsort()].ravel()[: 5050 * world.tokens_per_instance]
    assert np.array_equal(
        np.unique(tasks, return_counts=True)[1] // world.tokens_per_instance, [2500, 50, 2500]
    )
    assert np.array_equal(sample.latents[:, :, 0], sample.task)


def test_sentences_are_uniform():
    world = TriangleWorld(n_words=5, examples={"A->B": 12_000})
    sentences = world.sample(world.default_n_train, random_state=0).instances["A->B"]
    assert len(np.unique(sentences, axis=0)) == 120
    counts = np.unique(sentences, axis=0, return_counts=True)[1]
    assert chisquare(counts).pvalue > 1e-3


def test_other_numbers_of_rows_keep_the_shares():
    world = TriangleWorld()
    sample = world.sample(2 * world.default_n_train, random_state=0)
    assert [len(s) for s in sample.instances.values()] == [5000, 100, 5000]
    few = world.sample(20, random_state=0)
    assert few.X.shape == (20, 46)
    assert set(np.unique(few.task)) == {0, 1, 2}


def test_samples_are_reproducible_and_parts_differ():
    train, evaluation = TRIANGLE.split(20, 20, random_state=1)
    again, _ = TRIANGLE.split(20, 5, random_state=1)
    assert np.array_equal(train.X, again.X)
    assert not np.array_equal(train.X, evaluation.X)
    assert train.X.dtype.kind == "i"


@pytest.mark.parametrize("tokens_per_word", [1, 2])
def test_words_count_that_follow_from_their_row(tokens_per_word):
    world = TriangleWorld(tokens_per_word=tokens_per_word, maps="independent")
    sample = world.sample(60, random_state=0)
    for row, counts, tasks in zip(sample.X, sample.scored, sample.task, strict=True):
        words = [world.vocabulary[token] for token in row]
        for step in np.flatnonzero(counts):
            source, target = world.tasks[tasks[step]].split("->")
            asked = words[step - 5 * tokens_per_word]
            assert (asked[0], words[step][0]) == (source.lower(), target.lower())
            number = world.translate([int(asked[1:])], world.tasks[tasks[step]])
            assert int(words[step][1:]) == number[0]
            # The language has been shown by a translated word of the same task.
            earlier = [word for word in words[:step] if word[0] == target.lower()]
            assert earlier
    # All four words of an instance, but where a row cuts it.
    assert 0.7 * 4 / 10 < sample.scored.mean() * tokens_per_word < 4 / 10


@pytest.mark.parametrize("tokens_per_word", [1, 2])
def test_evaluation_is_about_one_task(tokens_per_word):
    world = TriangleWorld(evaluation_task="A->C", tokens_per_word=tokens_per_word)
    train, evaluation = world.split(300, 40, random_state=0)
    assert set(np.unique(train.task)) == {0, 1, 2}
    assert set(np.unique(evaluation.task)) == {world.tasks.index("A->C")}
    assert evaluation.X.all(axis=1)[np.argsort(evaluation.order)][:-1].all()
    whole = TriangleWorld(tokens_per_word=tokens_per_word).split(300, 40, random_state=0)[0]
    assert np.array_equal(train.X, whole.X)
    redrawn = world.null("redrawn").split(300, 40, random_state=0)[1]
    assert set(np.unique(redrawn.task)) == {world.tasks.index("A->C")}


def test_sparse_examples_replace_the_fewest():
    assert TriangleWorld(sparse_examples=7).n_examples == (2500, 7, 2500)
    assert TriangleWorld(sparse_examples=0).tasks == ("A->B", "A->C", "B->C")
    with pytest.raises(ValueError, match="A->B and B->C have it both; give one task fewer"):
        TriangleWorld(examples={"A->B": 9, "B->C": 9}, sparse_examples=3).sample(3)


def test_queries():
    world = TriangleWorld(n_words=4, tokens_per_word=2)
    train = world.sample(world.default_n_train, random_state=0)
    queries = draw_queries(world, "A->C", n_queries=300, n_shots=3, train=train, random_state=5)
    assert queries.prompts.shape == (300, 3 * 20 + 10)
    assert queries.answers.shape == (300, 8)
    for prompt, answer, sentence in zip(
        queries.prompts[:20], queries.answers[:20], queries.sentences[:20], strict=True
    ):
        words = world.decode(np.concatenate([prompt, answer])).split()
        assert words[30:35] == [f"a{i}" for i in sentence] + ["."]
        assert words[35:] == [f"c{i}" for i in sentence]
        assert [words[i][0] for i in (0, 5, 10, 15)] == ["a", "c", "a", "c"]
    # All 24 sentences are in 2,500 examples, some are not in 50.
    assert draw_queries(world, "A->B", n_queries=50, train=train, random_state=5).seen.all()
    known = {tuple(s) for s in train.instances["A->C"].tolist()}
    expected = [tuple(s) in known for s in queries.sentences.tolist()]
    assert queries.seen.tolist() == expected
    assert 0 < queries.seen.mean() < 1
    assert draw_queries(world, "A->B", n_queries=3, random_state=5).seen is None
    shots = draw_queries(world, "A->B", n_queries=3, n_shots=0, random_state=5)
    assert shots.prompts.shape == (3, 10)


def test_words_are_judged_in_place():
    answers = np.array([[5, 6, 7, 8], [5, 6, 7, 8]])
    generated = np.array([[5, 6, 7, 8], [6, 5, 7, 9]])
    right = words_right(TriangleWorld(), answers, generated)
    assert right.tolist() == [[True] * 4, [False, False, True, False]]
    two = TriangleWorld(tokens_per_word=2)
    marks = np.array([[3, 9, 3, 10, 3, 11, 3, 12]])
    wrong = marks.copy()
    wrong[0, 2] = 4
    assert words_right(two, marks, wrong).tolist() == [[True, False, True, True]]


def test_nulls_destroy_what_they_say():
    world = TriangleWorld()
    redrawn = world.null("redrawn")
    maps = {task: redrawn.translate(np.arange(8), task) for task in redrawn.tasks}
    for task, translated in maps.items():
        assert sorted(translated.tolist()) == list(range(8)), task
    assert (maps["B->C"][maps["A->B"]] != maps["A->C"]).all()
    assert np.array_equal(world.translate([[0, 5]], "A->C"), [[0, 5]])
    # The maps belong to the world, not to a sample.
    for seed in (0, 1):
        sample = redrawn.sample(100, random_state=seed)
        first = redrawn.decode(instances_of(redrawn, sample)[0]).split()
        numbers = [int(word[1:]) for word in first[:4]]
        assert first[5:9] == [f"b{maps['A->B'][i]}" for i in numbers]
    permuted = world.null("permuted")
    instances = instances_of(permuted, permuted.sample(1098, random_state=0))[:2500]
    source, target = instances[:, :4] - 3, instances[:, 5:9] - 11
    # A translation is right in a word by chance only.
    assert np.mean(source == target) == pytest.approx(1 / 8, abs=0.015)
    with pytest.raises(ValueError, match="maps='none'"):
        permuted.translate([[0, 1]], "A->B")
    resampled = world.null("resample")
    assert resampled.n_tokens == 27
    assert np.array_equal(
        np.sort(resampled.sample(50, 0).X, axis=0), np.sort(world.sample(50, 0).X, axis=0)
    )


@pytest.mark.parametrize("n_words", [4, 6, 8, 12])
def test_no_word_of_a_redrawn_task_follows_from_others(n_words):
    redrawn = TriangleWorld(4, n_words, HUB).null("redrawn")
    words = np.arange(n_words)
    to = {task: redrawn.translate(words, task) for task in redrawn.tasks}
    back = {task: np.argsort(drawn) for task, drawn in to.items()}
    chains = {
        "D->B": [to["A->B"][back["A->D"]]],
        "D->C": [to["A->C"][back["A->D"]], to["B->C"][to["D->B"]]],
        "B->C": [to["A->C"][back["A->B"]], to["D->C"][back["D->B"]]],
        "A->C": [to["B->C"][to["A->B"]], to["D->C"][to["A->D"]]],
    }
    for task, composed in chains.items():
        for chain in composed:
            assert (chain != to[task]).all(), task


def test_worlds_do_not_depend_on_the_order_of_their_tasks():
    one = TriangleWorld(examples={"A->B": 60, "A->C": 6})
    other = TriangleWorld(examples={"A->C": 6, "A->B": 60})
    assert one.tasks == other.tasks == ("A->B", "A->C")
    assert np.array_equal(one.sample(14, 0).X, other.sample(14, 0).X)


def test_rows_are_in_random_order():
    sample = TriangleWorld().sample(1098, random_state=0)
    halves = sample.task[:549].mean(), sample.task[549:].mean()
    assert halves[0] == pytest.approx(halves[1], abs=0.2)
    assert sorted(sample.order.tolist()) == list(range(1098))


def test_a_language_that_never_occurs_has_a_ceiling_of_its_null():
    null = TriangleWorld(examples={"A->B": 500}).null("resample")
    best = null.optimal_predictor()
    assert best.n_tokens_ == 27
    # Nothing is known but the position in the row: what is left is its entropy.
    X = null.sample(3000, random_state=1).X
    shares = np.stack([(X[:, 1:] == token).mean(axis=0) for token in range(27)])
    assert -best.score(X) == pytest.approx(entropy(shares, axis=0).mean(), rel=0.01)


def test_disjoint_shots_have_none_of_the_words():
    queries = draw_queries(TriangleWorld(), "A->C", n_queries=50, n_shots=3, random_state=0)
    for sentence, shots in zip(queries.sentences, queries.shots, strict=True):
        assert not np.isin(shots, sentence).any()
        assert all(len(set(shot)) == 4 for shot in shots.tolist())
    random = draw_queries(
        TriangleWorld(), "A->C", n_queries=50, n_shots=3, shots="random", random_state=0
    )
    shared = [
        np.isin(shots, sentence).any()
        for sentence, shots in zip(random.sentences, random.shots, strict=True)
    ]
    assert np.mean(shared) > 0.9


@pytest.mark.parametrize(
    ("maps", "kind"), [("independent", "redrawn"), ("none", "redrawn"), ("none", "permuted")]
)
def test_there_is_no_null_of_what_is_destroyed(maps, kind):
    with pytest.raises(ValueError, match=f"null='{kind}': with maps='{maps}' there is nothing"):
        TriangleWorld(maps=maps).null(kind)
    assert TriangleWorld(maps="independent").null("permuted").maps == "none"


@pytest.mark.parametrize(("tokens_per_word", "fitting"), [(1, 3), (2, 1)])
def test_as_many_solved_examples_as_fit(tokens_per_word, fitting):
    world = TriangleWorld(tokens_per_word=tokens_per_word)
    queries = draw_queries(world, "A->C", n_queries=2, random_state=0)
    assert queries.shots.shape[1] == fitting
    # The last token is predicted from all before it; one more example would not fit.
    length = queries.prompts.shape[1] + queries.answers.shape[1] - 1
    assert length <= world.row_length - 1 < length + world.tokens_per_instance


@pytest.fixture(scope="module")
def translator():
    """A network that translates A->B, and its world, which has A->C without examples, too."""
    world = TriangleWorld(3, 4, {"A->B": 4000, "A->C": 0})
    model = TransformerPredictor(
        32,
        2,
        4,
        likelihood="categorical",
        n_tokens=world.n_tokens,
        max_steps=600,
        lr=3e-3,
        batch_size=32,
        random_state=0,
    )
    return world, model.fit(world.sample(world.default_n_train, random_state=0).X)


@pytest.mark.slow
def test_a_network_learns_to_translate(translator):
    world, model = translator
    queries = draw_queries(world, "A->B", n_queries=100, random_state=1)
    generated = model.generate(queries.prompts, queries.answers.shape[1])
    # Of four words chance gives a quarter.
    assert words_right(world, queries.answers, generated).mean() > 0.95
    untrained = clone(model).set_params(training="random").fit(world.sample(5, random_state=0).X)
    generated = untrained.generate(queries.prompts, queries.answers.shape[1])
    assert words_right(world, queries.answers, generated).mean() < 0.4


@pytest.mark.slow
def test_words_are_found_in_a_network_that_writes_them(translator):
    """The control of `intermediate_words`, in a network and not in a fake."""
    world, model = translator
    found = intermediate_words(model, world.sample(5, random_state=1))
    control = found.sel(solving="A->B")
    assert (control.isel(layer=-1) > 0.95).all()
    # The embedding knows what was read, not what will be written.
    assert (control.isel(layer=0) < 0.5).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        TransformerPredictor(8, 1, 2, max_steps=5),
        pytest.param(GRUPredictor(4, max_steps=5), marks=pytest.mark.slow),
    ],
)
def test_assessment(model):
    assessment = EmergenceAssessment(
        TRIANGLE,
        model,
        modes=("full", "readout", "random"),
        nulls=("redrawn", "permuted"),
        n_seeds=2,
        alpha=0.3,
        n_eval=20,
        reservoir_sizes=(4,),
        random_state=0,
        progress=False,
    ).fit()
    cube = assessment.cube_
    assert cube.baseline.values.tolist() == ["mean", "step_mean", "persistence", "markov"]
    assert (cube.reference == "markov").all()
    assert cube.latent.values.tolist() == ["task"]
    # Evaluated by one task, it is no variable that could be decoded, and nothing is left open.
    single = EmergenceAssessment(
        TriangleWorld(**(TRIANGLE.get_params() | {"evaluation_task": "A->C"})),
        model,
        nulls=(),
        n_seeds=2,
        alpha=0.3,
        n_eval=20,
        reservoir_sizes=None,
        random_state=0,
        progress=False,
    ).fit()
    assert "probe_score" not in single.cube_
    assert "representation: assess a world that tells its latents" in single.verdict_reason_
    assert np.isfinite(cube.delta_nll).all()
    # Nothing is known of the language before the network has learned it: about log 15.
    untrained = cube.nll.sel(mode="random", condition="structured")
    assert np.abs(untrained - np.log(15)).max() < 0.8


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"examples": {"A->D": 3}}, "task 'A->D', which is not two .* languages are A, B, C"),
        ({"examples": {"A->A": 3}}, "task 'A->A', which is not two different languages"),
        ({"examples": {"AB": 3}}, "task 'AB'"),
        ({"examples": {"A->B": -1}}, r"examples\['A->B'\]=-1 is not a number of instances"),
        ({"examples": {"A->B": 0}}, "has no instances"),
        ({"examples": {"A->B": 9}, "sparse_examples": 0}, "has no instances"),
        ({"examples": {}}, "has no instances"),
        ({"n_words": 3}, "'n_words' .* Got 3"),
        ({"tokens_per_word": 3}, "'tokens_per_word' .* Got 3"),
        ({"maps": "random"}, "'maps' .* Got 'random'"),
        ({"row_length": 1}, "'row_length' .* Got 1"),
        ({"row_length": 8}, "row_length=8 must be an integer of at least the 10 tokens of an inst"),
        ({"examples": 5}, "'examples' .* Got 5"),
        ({"sparse_examples": -1}, "'sparse_examples' .* Got -1"),
        ({"evaluation_task": "C->B"}, "task='C->B' is not known; choose from A->B, A->C, B->C"),
    ],
)
def test_bad_worlds_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        TriangleWorld(**params).sample(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda w: draw_queries(w, "C->A", n_queries=3),
            "task='C->A' is not known; choose from A->B, A->C, B->C",
        ),
        (
            lambda w: draw_queries(w, "A->B", n_queries=0),
            "n_queries=0 must be an integer of at least 1",
        ),
        (
            lambda w: draw_queries(w, "A->B", n_queries=3, n_shots=-1),
            "n_shots=-1 must be an integer",
        ),
        (lambda w: w.decode([0, 99]), r"tokens=\[0, 99\] are not all tokens of this world"),
        (
            lambda w: draw_queries(w, "A->B", n_queries=3, shots="none"),
            "shots='none' must be 'auto', 'random', or",
        ),
        (
            lambda w: draw_queries(w, "A->B", n_queries=3, train=3),
            "train must be the Sample of training sequences",
        ),
        (lambda w: w.translate([[9]], "A->B"), "must be made of word numbers, the integers 0 to 7"),
        (lambda w: w.translate([[-1]], "A->B"), "must be made of word numbers"),
        (lambda w: w.translate([[0.5]], "A->B"), "must be made of word numbers"),
        (lambda w: w.decode([[0, 1]]), "must be one sequence of integers"),
        (lambda w: w.decode(["a"]), "must be one sequence of integers"),
        (
            lambda w: TriangleWorld(examples={"A->B": 9, "B->C": 9}).null("redrawn"),
            "none of the tasks A->B, B->C follows from others",
        ),
        (lambda w: TriangleWorld(row_length=0).default_n_train, "row_length=0 must be an integer"),
        (lambda w: TriangleWorld(examples=5).tasks, "examples=5 must be a dict of tasks"),
        (lambda w: w.null("shuffle"), "null='shuffle' is not known .* 'permuted', 'redrawn'"),
        (lambda w: words_right(w, [[1, 2]], [[1, 2]]), r"must both have shape \(1, 4\)"),
    ],
)
def test_bad_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(TriangleWorld())
