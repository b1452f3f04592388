"""What is asked or told of a user's own data before training, and that the remedies work."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_emerge import ArrayWorld, EmergenceAssessment, FunctionWorld, GRUPredictor, cut
from sklearn_emerge._dims import labelled
from sklearn_emerge.assessment._prepare import check_plan, make_plan
from sklearn_emerge.worlds import World

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(3.0, (40, 20))


def planned(data, y=None, *, model=None, **options):
    """Return the plan of an assessment, after all that is checked before training."""
    world = data if isinstance(data, World) else None
    model = GRUPredictor(2, max_steps=1) if model is None else model
    options = {"reservoir_sizes": None, "progress": False, "random_state": 0} | options
    assessment = EmergenceAssessment(world, model, **options)
    assessment._validate_params()
    X, y = labelled(None if world is not None else data, y, "y")
    plan = make_plan(assessment, X, y)
    check_plan(plan, y)
    return plan


def of(likelihood):
    return GRUPredictor(2, max_steps=1, likelihood=likelihood)


def counts(n_sequences, rng):
    return rng.poisson(3.0, (n_sequences, 20))


def test_integers_of_a_function_are_asked_for_as_those_of_an_array_are():
    for data in (FunctionWorld(counts), COUNTS):
        with pytest.raises(ValueError, match=r"integers, 0 to \d+, .*poisson.*tokens.*float\)"):
            planned(data)
    for options in (
        {"model": of("poisson")},
        {"model": of("gaussian")},
        {"param_grid": {"likelihood": ["poisson", "negative_binomial"]}},
    ):
        assert planned(FunctionWorld(counts), **options)
    assert planned(FunctionWorld(lambda n, rng: counts(n, rng).astype(float)))
    tokens = {"observation": "token", "n_tokens": 4}
    assert planned(FunctionWorld(lambda n, rng: counts(n, rng) % 4, **tokens))
    assert planned(FunctionWorld(lambda n, rng: counts(n, rng) % 2, observation="binary"))


def test_many_rows_of_few_columns_are_told_how_they_are_read():
    X, y = RNG.normal(size=(600, 3)).cumsum(axis=0), RNG.normal(size=600)
    said = r"\(600, 3\), and is read as 600 sequences of 3 steps. .*600 steps with 3 channels, cut"
    for data in (X, ArrayWorld(X, y)):
        with pytest.warns(UserWarning, match=said) as warned:
            planned(data, None if data is not X else y)
    for call in (r"cut\(X, 60\)", r"ArrayWorld.from_recording\(X, length=6\)"):
        assert re.search(call, str(warned[0].message))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        planned(np.asarray(X)[:, :, np.newaxis], y)
        planned(cut(X, 60), cut(y, 60))
        planned(X[:50], y[:50])
    world = ArrayWorld.from_recording(X, y, length=6)
    assert world.sample(3, 0).X.shape == (3, 6, 3)


@pytest.mark.parametrize("likelihood", ["poisson", "negative_binomial"])
def test_counts_that_were_scaled_are_warned_of(likelihood):
    with pytest.warns(UserWarning, match=r"multiples of 50, .*Pass X / 50, or"):
        planned(50 * COUNTS, model=of(likelihood))
    assert planned(50 * COUNTS / 50, model=of(likelihood))
    assert planned(50.0 * COUNTS, model=of("gaussian"))


@pytest.mark.parametrize(
    "text",
    [
        COUNTS.astype(str),
        COUNTS.astype(bytes),
        COUNTS.astype(str).astype(object),
        COUNTS.astype(str).tolist(),
        pd.DataFrame(COUNTS.astype(str)),
    ],
)
def test_numbers_that_are_written_as_text_are_refused(text):
    for call in (
        lambda X: planned(X, model=of("poisson")),
        lambda X: planned(ArrayWorld(X), model=of("poisson")),
        GRUPredictor(2, max_steps=1).fit,
        lambda X: GRUPredictor(2, max_steps=1, likelihood="poisson").fit(COUNTS).predict(X),
    ):
        with pytest.raises(ValueError, match=r"X holds text, such as b?'\d+', .*astype\(int\)"):
            call(text)
        assert call(np.asarray(text).astype(int)) is not None


@pytest.mark.parametrize(
    ("likelihood", "value"), [("poisson", 0.5), ("negative_binomial", -1), ("bernoulli", 2)]
)
@pytest.mark.parametrize("as_world", [False, True])
def test_bad_values_are_located_in_the_sequences_that_were_passed(likelihood, value, as_world):
    X = (COUNTS % 2).astype(float)
    X[7, 3] = value
    said = rf"sequence 7 of X has {value} at step 3 \(all counted from 0\), one of 1 such"
    for data, channel in ((X, ""), (np.stack([COUNTS % 2, X], axis=2), ", channel 1")):
        with pytest.raises(ValueError, match=said.replace(" \\(all", f"{channel} \\(all")):
            planned(ArrayWorld(data) if as_world else data, model=of(likelihood))
    with pytest.raises(ValueError, match=said):
        planned([*X[:, :15], X[0]], model=of(likelihood))


def test_bad_tokens_are_located_in_the_sequences_that_were_passed():
    X = COUNTS.astype(float)
    X[7, 3] = 0.5
    with pytest.raises(ValueError, match=r"X\[7, 3\] is 0.5, which is not a token"):
        planned(X, model=of("categorical"))


@pytest.mark.parametrize("n_short", [1, 30])
def test_sequences_of_which_too_little_is_observed_are_left_out_as_the_message_says(n_short):
    X = RNG.normal(size=(60, 20))
    X[3 : 3 + n_short, 1:] = np.nan
    uneven = [row[: 10 + i % 5] for i, row in enumerate(X)]
    objects = np.empty(60, dtype=object)
    objects[:] = uneven
    two = [np.stack([row, row + 1], axis=1) for row in uneven]
    for data in (X, X.tolist(), list(X), uneven, objects, two, pd.DataFrame(X)):
        with pytest.raises(ValueError, match=rf"X\[3\] has 1 observed.* {n_short} of 60") as error:
            planned(data)
        call = re.search(r"out, (np.delete.*) \(and so", str(error.value))[1]
        world = planned(eval(call, {"np": np, "X": data})).world
        assert len(world.sample(60 - n_short, 0).X) == 60 - n_short


def test_groups_that_are_too_few_for_latents_are_told_how_many_it_takes():
    X, three = RNG.normal(size=(42, 10)), np.arange(42) % 3
    with pytest.raises(ValueError, match=r"3 labels, for 14 sequences each.* at least 4 groups,"):
        planned(ArrayWorld(X, X, groups=three))
    assert planned(ArrayWorld(X, groups=three))
    assert planned(ArrayWorld(X, X, groups=np.arange(42) % 4))
    with pytest.raises(ValueError, match=r"n_train=60 and n_eval=1 add up to 61 .* X holds 42"):
        planned(X, n_train=60)


@pytest.mark.parametrize(
    ("make", "meant"),
    [
        (lambda: planned(COUNTS, model=of("Poisson")), "'poisson'"),
        (lambda: GRUPredictor(likelihood="counts").fit(COUNTS), "'poisson'"),
        (lambda: planned(FunctionWorld(counts, observation="tokens")), "'token'"),
        (lambda: planned(FunctionWorld(counts, observation="counts")), "'continuous'"),
        (lambda: planned(COUNTS, interval="Bootstrap"), "'bootstrap'"),
    ],
)
def test_options_are_answered_with_the_nearest(make, meant):
    with pytest.raises(InvalidParameterError, match=rf"\. Did you mean {meant}\?$"):
        make()


def test_what_fit_does_not_take_is_told_where_it_belongs():
    X, groups = RNG.normal(size=(40, 10)), np.arange(40) % 4
    with pytest.raises(TypeError, match=r"ArrayWorld\(X, y, groups=groups\), \.\.\.\)\.fit\(\)"):
        EmergenceAssessment().fit(X, X, groups=groups)
    assert planned(ArrayWorld(X, X, groups=groups))
    with pytest.raises(TypeError, match="no argument 'group'.*Did you mean 'groups'"):
        EmergenceAssessment().fit(X, group=groups)


def test_a_function_that_takes_one_argument_is_told_which_two():
    world = FunctionWorld(lambda n_sequences: counts(n_sequences, RNG))
    for call in (lambda: world.sample(2, 0), lambda: planned(world)):
        with pytest.raises(ValueError, match=r"called as function\(n_sequences, rng\) \(too many"):
            call()
    assert FunctionWorld(lambda n_sequences, rng: counts(n_sequences, rng)).sample(2, 0)


def test_latents_that_are_not_known_can_be_made_missing_as_the_message_says():
    X, y = RNG.normal(size=(2, 40, 10))
    y[2, 3] = np.nan
    for latents in (y, np.stack([y, X], axis=2)):
        with pytest.raises(ValueError, match="y .* nan at step 3 of sequence 2") as error:
            planned(X, latents)
        given = {"np": np, "X": X, "y": latents}
        exec(re.search(r"too, (X = .*?), and y", str(error.value))[1], given)
        assert planned(given["X"], latents).latents
    each = y[:, 3]
    with pytest.raises(ValueError, match="y .* nan at sequence 2 .*, one of 1") as error:
        planned(X, each)
    given = {"np": np, "X": X, "y": each}
    exec(re.search(r"both, (keep = .*?), np", str(error.value))[1], given)
    assert planned(X[given["keep"]], each[given["keep"]]).latents


def test_recordings_that_are_no_tokens_have_no_vocabulary():
    plan = planned(COUNTS, model=of("poisson"))
    assert plan.configurations[0].models["structured"].n_tokens == "auto"
    plan = planned(COUNTS, model=of("categorical"))
    assert plan.configurations[0].models["structured"].n_tokens == COUNTS.max() + 1
