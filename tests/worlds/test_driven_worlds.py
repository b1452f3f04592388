"""Worlds with exogenous channels: how rows stand, nulls, ceilings, and what is refused."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_emerge import ArrayWorld, FunctionWorld, LinearFilterPredictor
from sklearn_emerge.testing import check_world
from sklearn_emerge.worlds import WorldFacts, with_inputs

RNG = np.random.default_rng(0)
X, INPUTS = RNG.normal(size=(40, 9)), RNG.normal(size=(40, 9, 2))


def by_delay(delay, n_sequences=2000):
    """Return x_t = 2 u_{t - delay} + noise, and u."""
    rng = np.random.default_rng(delay)
    inputs = rng.normal(size=(n_sequences, 9))
    driven = np.concatenate([rng.normal(size=(n_sequences, delay)), inputs], axis=1)[:, :9]
    return 2 * driven + 0.5 * rng.normal(size=inputs.shape), inputs


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("delay", [0, 1])
def test_what_inputs_drive_is_predicted_with_the_delay_at_which_they_act(delay, feedback):
    X, inputs = by_delay(delay)
    options = dict(inputs=inputs, input_delay=delay, feedback=feedback)
    train, test = ArrayWorld(X, **options).split(1500, 500, random_state=0)
    model = LinearFilterPredictor(1, n_exogenous=1, feedback=feedback).fit(train.X)
    assert model.noise_std_ == pytest.approx(0.5, abs=0.02)
    steps = model.score_steps(test.X).mean(axis=0)
    known = -0.5 * np.log(2 * np.pi * 0.25) - 0.5
    np.testing.assert_allclose(steps, known, atol=0.15)
    # A task whose inputs act at once is predicted from the first step on.
    assert steps.shape == (9 if delay == 0 and not feedback else 8,)


def test_the_wrong_delay_is_of_no_use():
    X, inputs = by_delay(0)
    train, test = ArrayWorld(X, inputs=inputs, input_delay=1).split(1500, 500, random_state=0)
    model = LinearFilterPredictor(1, n_exogenous=1).fit(train.X)
    alone = LinearFilterPredictor(1).fit(train.X[:, :, :1]).score(test.X[:, :, :1])
    assert model.score(test.X) == pytest.approx(alone, abs=0.01)


@pytest.mark.parametrize(
    ("options", "n_rows"),
    [
        ({}, 9),
        ({"input_delay": 0}, 9),
        ({"feedback": False}, 9),
        ({"input_delay": 0, "feedback": False}, 10),
    ],
)
def test_recordings_with_inputs_are_a_world(options, n_rows):
    latents = np.arange(9) * np.ones((40, 1))
    world = ArrayWorld(X, latents, inputs=INPUTS, **options)
    check_world(world)
    sample = world.sample(40, random_state=0)
    assert sample.X.shape == (40, n_rows, 3)
    assert world.n_steps == n_rows
    assert world.facts.n_exogenous == 2
    assert world.facts.feedback == options.get("feedback", True)
    # Latents are of the step whose input a row has, if it has one of its own.
    shift = n_rows - 9
    assert sample.latents[0, : 9 - shift, 0].tolist() == list(range(9 - shift))
    order = [np.flatnonzero((row[shift:, 0] == X).all(axis=1))[0] for row in sample.X]
    at_once = options.get("input_delay") == 0 and options.get("feedback", True)
    expected = INPUTS[order, 1:] if at_once else INPUTS[order]
    assert np.array_equal(sample.X[:, : expected.shape[1], 1:], expected)
    assert pickle.loads(pickle.dumps(clone(world))).n_exogenous == 2
    assert "3 channels, 2 of inputs" in " ".join(repr(world).split())


@pytest.mark.parametrize("kind", ["shuffle", "resample", "phase", "exchange"])
def test_nulls_leave_inputs_as_they_are(kind):
    world = ArrayWorld(X, inputs=INPUTS)
    original, null = world.sample(40, 0).X, world.null(kind).sample(40, 0).X
    assert np.array_equal(null[:, :, 1:], original[:, :, 1:])
    assert not (null[:, :, 0] == original[:, :, 0]).all(axis=1).any()
    assert np.array_equal(np.sort(null[:, :, 0], axis=None), np.sort(original[:, :, 0], axis=None))
    assert (world.null(kind).n_exogenous, world.null(kind).feedback) == (2, True)


def test_exchanged_inputs_keep_sequences_and_lose_what_drove_them():
    x, inputs = by_delay(1)
    world = ArrayWorld(x, inputs=inputs)
    null = world.null("exchange").sample(2000, 0).X
    original = world.sample(2000, 0).X
    rows = {row.tobytes(): i for i, row in enumerate(original[:, :, 0].copy())}
    found = [rows[row.tobytes()] for row in null[:, :, 0].copy()]
    assert sorted(found) == list(range(2000))
    assert (np.array(found) != np.arange(2000)).all()
    driven = np.corrcoef(original[:, 1:, 0].ravel(), original[:, :-1, 1].ravel())[0, 1]
    assert driven > 0.9
    assert abs(np.corrcoef(null[:, 1:, 0].ravel(), null[:, :-1, 1].ravel())[0, 1]) < 0.03


def test_what_has_no_inputs_has_none_to_exchange():
    assert "exchange" not in ArrayWorld(X).null_kinds
    with pytest.raises(ValueError, match="null='exchange' is not known for ArrayWorld"):
        ArrayWorld(X).null("exchange")


def test_exchanged_targets_are_missing_where_their_inputs_end():
    longer, shorter = [np.arange(5.0), np.arange(5.0)], [np.arange(3.0)] * 2
    inputs = [each + 0.5 for each in longer] + [each + 0.5 for each in shorter]
    world = ArrayWorld([*longer, *shorter], inputs=inputs)
    null = world.null("exchange")
    for seed in range(5):
        sample = null.sample(4, seed)
        ends = np.isnan(sample.X[:, :, 1]).argmax(axis=1)
        short = ends == 3
        # The target after the last input is predicted from it.
        assert np.isnan(sample.X[short, 4, 0]).all()
        assert np.array_equal(sample.observed, ~np.isnan(sample.X[:, :, 0]))
        LinearFilterPredictor(1, n_exogenous=1).fit(sample.X)


def switch(n_sequences, rng):
    """The sign of the input before, as zero or one, behind a latent of the same."""
    inputs = rng.normal(size=(n_sequences, 12))
    signs = (inputs > 0).astype(float)
    rows = with_inputs(signs, inputs, delay=0, feedback=False)
    return rows, rows[:, :, :1].astype(int)


@pytest.mark.parametrize("observation", ["binary", "token"])
def test_a_function_may_draw_a_task_of_outcomes(observation):
    options = {"n_tokens": 2} if observation == "token" else {}
    world = FunctionWorld(
        switch,
        latent_names=["sign"],
        latent_kind="discrete",
        observation=observation,
        n_exogenous=1,
        feedback=False,
        **options,
    )
    check_world(world)
    assert world.null_kinds == ("shuffle", "resample", "exchange")
    assert world.step_means().shape[:2] == (13, 2 if observation == "token" else 1)
    for kind, ceiling in (("resample", "exact"), ("exchange", "exact"), ("shuffle", None)):
        null = world.null(kind)
        assert null.ceiling == ceiling, kind
        best = null.optimal_predictor()
        if ceiling is not None:
            # Nothing is known but that both are as frequent.
            score = best.score(null.sample(500, 0).X)
            assert score == pytest.approx(-np.log(2), abs=0.01)


def one_answer(n_sequences, rng):
    """Whether a cue was positive, asked for once, some steps later; the cue is the latent."""
    inputs = rng.normal(size=(n_sequences, 8, 2))
    rows, at = np.arange(n_sequences), rng.integers(4, 7, n_sequences)
    answers = np.full((n_sequences, 8), np.nan)
    answers[rows, at] = inputs[:, 1, 0] > 0
    X = with_inputs(answers, inputs, delay=0, feedback=False)
    return X, np.repeat(inputs[:, 1, :1], 9, axis=1)


@pytest.mark.parametrize("observation", ["binary", "token"])
def test_a_function_may_leave_open_what_is_not_asked(observation):
    options = dict(latent_names=["cue"], latent_kind="continuous", n_exogenous=2, feedback=False)
    n_tokens = 2 if observation == "token" else "auto"
    world = FunctionWorld(one_answer, observation=observation, n_tokens=n_tokens, **options)
    check_world(world)
    # A step alone has no order that could be destroyed.
    assert world.null_kinds == ("resample", "exchange")
    sample = world.sample(50, random_state=0)
    assert np.array_equal(sample.observed, ~np.isnan(sample.X[:, :, 0]))
    assert (sample.observed.sum(axis=1) == 1).all()
    assert sample.probed().all()
    means = world.step_means()
    assert np.isfinite(means).all()
    np.testing.assert_allclose(means[..., -1], 0.5, atol=0.02)
    for kind in world.null_kinds:
        null = world.null(kind)
        score = null.optimal_predictor().score(null.sample(500, 0).X)
        assert score == pytest.approx(-np.log(2), abs=0.01)


def test_a_function_whose_task_asks_for_nothing_is_refused_and_the_remedy_works():
    def asks_at(steps):
        def draw(n_sequences, rng):
            inputs = rng.normal(size=(n_sequences, 8))
            outputs = np.full(inputs.shape, np.nan)
            outputs[:, steps] = inputs[:, steps]
            return with_inputs(outputs, inputs)

        return FunctionWorld(draw, n_exogenous=1, feedback=False)

    for steps in (slice(0), slice(1)):
        with pytest.raises(ValueError, match="a sequence of X in which nothing is to be predicted"):
            asks_at(steps).sample(3, random_state=0)
    assert asks_at(slice(3, 4)).sample(3, random_state=0).observed.sum() == 3


@pytest.mark.parametrize("delay", [0, 1])
def test_latents_of_a_task_are_known_while_nothing_is_asked(delay):
    asked = np.isin(np.arange(9), [4, 6]) & np.ones((40, 1), dtype=bool)
    options = dict(observed=asked, inputs=INPUTS, input_delay=delay, feedback=False)
    # The row that is added behind the last repeats an input, and is not probed.
    rows = np.arange(9 + (delay == 0))
    known = ArrayWorld(X, X, **options).sample(40, random_state=0).probed()
    assert np.array_equal(known, np.tile(rows < 9, (40, 1)))
    # Those that are known where something is asked alone stand at that step, and no row behind.
    sample = ArrayWorld(X, np.where(asked, X, np.nan), **options).sample(40, random_state=0)
    assert np.array_equal(sample.probed(), np.tile(np.isin(rows, [4, 6]), (40, 1)))
    assert np.isfinite(sample.latents[sample.probed()]).all()
    # Beyond the end of their inputs nothing is known of classes, either.
    ended = INPUTS.copy()
    ended[::2, 7:] = np.nan
    options |= dict(inputs=ended)
    sample = ArrayWorld(X, (X > 0).astype(int), **options).sample(40, random_state=0)
    assert sorted(sample.probed().sum(axis=1).tolist()) == [7] * 20 + [9] * 20


def test_recordings_of_a_task_that_asks_once_have_no_order_to_destroy():
    once, twice = (np.isin(np.arange(9), s) & np.ones((40, 1), bool) for s in ([5], [5, 7]))
    options = dict(inputs=INPUTS, feedback=False)
    assert "shuffle" not in ArrayWorld(X, observed=once, **options).null_kinds
    assert "shuffle" in ArrayWorld(X, observed=twice, **options).null_kinds
    assert "shuffle" in ArrayWorld(X, inputs=INPUTS).null_kinds


def test_resampled_recordings_of_a_function_with_inputs_have_the_ceiling_of_their_means():
    def walk(n_sequences, rng):
        X, inputs = rng.normal(size=(2, n_sequences, 8))
        return with_inputs(X + 2, inputs)

    null = FunctionWorld(walk, n_exogenous=1).null("resample")
    best = null.optimal_predictor()
    assert best.predict(null.sample(3, 0).X) == pytest.approx(2, abs=0.05)
    assert FunctionWorld(walk, n_exogenous=1).null("shuffle").optimal_predictor().n_exogenous == 1


@pytest.mark.parametrize(
    ("make", "message", "remedy"),
    [
        (
            lambda: ArrayWorld(X, inputs=INPUTS[:, :8]),
            r"inputs has shape \(40, 8, 2\), but X has shape \(40, 9\)",
            lambda: ArrayWorld(X, inputs=INPUTS),
        ),
        (
            lambda: ArrayWorld(X, feedback=False),
            r"feedback=False, but inputs is None",
            lambda: ArrayWorld(X, inputs=INPUTS, feedback=False),
        ),
        (
            lambda: ArrayWorld(X, inputs=INPUTS, input_delay=2),
            r"'input_delay' parameter of ArrayWorld must be",
            lambda: ArrayWorld(X, inputs=INPUTS, input_delay=1),
        ),
        (
            lambda: ArrayWorld(X, inputs=np.where(INPUTS > 2.5, np.nan, INPUTS)),
            r"exogenous channel of inputs\[\d+, \d\] is NaN.*Fill them in",
            lambda: ArrayWorld(X, inputs=np.nan_to_num(np.where(INPUTS > 2.5, np.nan, INPUTS))),
        ),
        (
            lambda: ArrayWorld(X, inputs=np.where(INPUTS > 2.5, np.inf, INPUTS)),
            r"inputs contains infinity",
            lambda: ArrayWorld(X, inputs=INPUTS),
        ),
        (
            lambda: ArrayWorld(X, inputs=[["a"] * 9] * 40),
            r"inputs=.* is not a real number",
            lambda: ArrayWorld(X, inputs=INPUTS),
        ),
        (
            lambda: FunctionWorld(lambda n, rng: rng.normal(size=(n, 5)), n_exogenous=1),
            r"X of shape \(2, 5\), but n_exogenous=1",
            lambda: FunctionWorld(lambda n, rng: rng.normal(size=(n, 5, 2)), n_exogenous=1),
        ),
        (
            lambda: FunctionWorld(lambda n, rng: rng.normal(size=(n, 5)), feedback=False),
            r"feedback=False, but n_exogenous=0",
            lambda: FunctionWorld(
                lambda n, rng: rng.normal(size=(n, 5, 2)), n_exogenous=1, feedback=False
            ),
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused_and_the_remedy_works(make, message, remedy):
    with pytest.raises(ValueError, match=message):
        make().sample(2, random_state=0)
    assert remedy().sample(2, random_state=0).X.ndim == 3


def test_rows_are_made_of_what_fits():
    with pytest.raises(ValueError, match=r"inputs has shape \(40, 8, 2\), but X has shape"):
        with_inputs(X, INPUTS[:, :8])
    with pytest.raises(ValueError, match=r"delay=3 is neither 0"):
        with_inputs(X, INPUTS, delay=3)


@pytest.mark.parametrize(
    ("facts", "message"),
    [({"n_exogenous": -1}, "n_exogenous=-1 is no fact"), ({"feedback": False}, "n_exogenous=0")],
)
def test_facts_of_inputs_are_checked(facts, message):
    with pytest.raises(ValueError, match=message):
        WorldFacts.of(ArrayWorld(X), latent_names=(), **facts)
