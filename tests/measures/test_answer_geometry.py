"""Directions of states and gradients of answers are those of geometry, and change no training."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch

from sklearn_emerge import (
    AlgorithmicWorld,
    EmergenceAssessment,
    GRUPredictor,
    MarkovPredictor,
    TransformerPredictor,
)
from sklearn_emerge.assessment import load_cube
from sklearn_emerge.geometry import (
    Estimate,
    fisher_rank,
    gradient_rank,
    hessian_top,
    participation_ratio,
    rankme,
)
from sklearn_emerge.geometry._estimates import ESTIMATES, WORDS
from sklearn_emerge.geometry._reasons import REASONS, Reason
from sklearn_emerge.measures import answer_dimensionality, answer_geometry, reasons_of
from sklearn_emerge.measures._answer_geometry import (
    answer_loss,
    blind_loss,
    draw_answers,
    rows_of,
)
from sklearn_emerge.measures._answers import rows_of_answers
from sklearn_emerge.networks import SequenceNetwork
from sklearn_emerge.testing import check_measure

WORLD = AlgorithmicWorld(["COPY", "SORT"], [1], row_length=10)
OPTIONS = dict(likelihood="categorical", n_tokens=27, max_steps=20, random_state=0)


def fitted(world, *sizes, **options):
    """A transformer and evaluation sequences."""
    train, evaluation = world.split(200, 40, random_state=0)
    evaluation.train = train
    return TransformerPredictor(*sizes, **OPTIONS | options).fit(train.X), evaluation


@pytest.fixture(scope="module")
def small():
    return fitted(WORLD, 16, 1)


@pytest.fixture(scope="module")
def deep():
    """Of two blocks, and answers that begin at different steps."""
    return fitted(AlgorithmicWorld(["REV", "PAR"], [1, 2], row_length=14), 8, 2, 2, head="sgd")


def test_states_are_those_where_the_answer_is_predicted(deep):
    model, evaluation = deep
    found = answer_dimensionality(model, evaluation, n_rows=30, random_state=1)
    assert found.dims == ("dimensionality", "task", "level", "layer")
    places = ["embedding", "layer 1 output", "layer 2 output", "hidden"]
    assert found.layer.values.tolist() == places
    assert found.depth.dims == ("layer",)
    assert found.depth.values.tolist() == [0, 0.5, 1, 1]
    rows = rows_of_answers(evaluation.world, 30, 1)
    before = (np.arange(len(rows.X)), rows.answer_start - 1)
    equals = evaluation.world.vocabulary.index("=")
    assert (rows.X[before] == equals).all()
    for place in places:
        # Of whole rows: states do not know the answer.
        states = model.states(rows.X, place)[before]
        for task in "REV", "PAR":
            for level in 1, 2:
                Z = states[(rows.task == task) & (rows.level == level)]
                assert len(Z) == 30
                own = found.sel(task=task, level=level, layer=place)
                known = [rankme(Z), participation_ratio(Z)]
                np.testing.assert_allclose(own, known, rtol=1e-9, atol=1e-9)
    assert (found.sel(layer="embedding") == 0).all()
    # Two bits have four values, and so three directions at most.
    assert (found.sel(task="PAR", level=1, dimensionality="rankme") <= 3 + 1e-9).all()
    # The final normalisation is another quantity, and is what the head reads.
    assert (abs(found.sel(layer="hidden") - found.sel(layer="layer 2 output")) > 1e-6).all()
    np.testing.assert_array_equal(model.transform(rows.X), model.states(rows.X, "hidden"))


def test_all_layers_come_from_one_pass(deep, monkeypatch):
    model, evaluation = deep
    passes, hidden = [], SequenceNetwork.hidden

    def counted(network, inputs):
        passes.append(len(inputs))
        return hidden(network, inputs)

    monkeypatch.setattr(SequenceNetwork, "hidden", counted)
    answer_dimensionality(model, evaluation, n_rows=30)
    assert passes == [30] * 4  # Once for each task and level.


def test_the_loss_of_a_row_is_that_of_its_answer(deep):
    model, evaluation = deep
    rows = rows_of_answers(evaluation.world, 20, 0)
    for task in "REV", "PAR":
        asked = rows.task == task
        loss = answer_loss(model.network_, rows_of(model.network_, rows, task)).detach()
        known = -model.score_steps(rows.X[asked]) * rows.scored[asked, 1:]
        np.testing.assert_allclose(loss, known.sum(axis=1), rtol=1e-4)


def test_answers_are_drawn_token_by_token():
    model, _ = fitted(WORLD, 16, 1, lr=0.01, max_steps=60, head="sgd")
    network, n = model.network_, 4000
    one = WORLD.only("COPY", 1).sample(1, random_state=0)
    rows = torch.as_tensor(one.X).long().repeat(n, 1), torch.as_tensor(one.scored).repeat(n, 1)
    with torch.no_grad():
        drawn, scored = draw_answers(network, rows, torch.Generator().manual_seed(0))
    assert torch.equal(scored, rows[1])
    assert torch.equal(drawn[~scored], rows[0][~scored])
    assert not torch.equal(drawn, rows[0])
    start = one.answer_start[0]
    X = np.asarray(drawn)

    def differs(drawn, p):
        """Return the largest difference of a share, in standard errors."""
        shares = np.bincount(drawn, minlength=27) / len(drawn)
        return (abs(shares - p) / np.sqrt(np.maximum(p * (1 - p), 1e-4) / len(drawn))).max()

    assert differs(X[:, start], model.predict(X[:1])[0, start - 1]) < 4
    # The second token follows what was drawn, and not the true one.
    for first in np.argsort(-np.bincount(X[:, start]))[:2]:
        own = X[X[:, start] == first]
        assert len(own) > 300
        assert differs(own[:, start + 1], model.predict(own[:1])[0, start]) < 4
    true = model.predict(one.X)[0, start]
    other = X[X[:, start] != one.X[0, start]]
    assert differs(other[:, start + 1], true) > 4


@pytest.mark.parametrize("of", ["gradient_rank", "fisher_rank"])
def test_gradients_are_those_of_geometry(deep, of):
    model, evaluation = deep
    found = answer_geometry(model, evaluation, of, n_rows=15, normalised=True)
    assert found.dims == ("estimate", "task")
    assert found.attrs["long_name"] == f"{WORDS[of]}, of the loss of answers"
    assert found.attrs["units"] == "1, nats^2 for trace"
    rows = rows_of_answers(evaluation.world, 15, 0)
    for task in "REV", "PAR":
        batch = rows_of(model.network_, rows, task)
        if of == "gradient_rank":
            known = gradient_rank(model.network_, answer_loss, batch, normalised=True)
            value = found.sel(task=task, estimate="value")
            assert value == pytest.approx(known.value, rel=1e-6)
            ratio = found.sel(task=task, estimate="participation_ratio")
            assert ratio == pytest.approx(known.participation_ratio, rel=1e-6)
            assert found.sel(task=task, estimate="trusted") == known.trusted
        else:
            ranked = partial(fisher_rank, model.network_, answer_loss, batch, draw_answers)
            traces = [ranked(random_state=i).trace for i in range(8)]
            trace = found.sel(task=task, estimate="trace")
            assert 0.5 * min(traces) < trace < 2 * max(traces)
    # Levels are taken together.
    assert (found.sel(estimate="n") == 30).all()
    assert (found.sel(estimate="n_parameters") == model.n_parameters_).all()
    assert found.identical(answer_geometry(model, evaluation, of, n_rows=15, normalised=True))
    if of == "fisher_rank":
        # The stream of the rows is that of the answers, too, but tasks have one each.
        other = answer_geometry(model, evaluation, of, n_rows=15, random_state=1)
        assert (other.sel(estimate="trace") != found.sel(estimate="trace")).all()


@pytest.mark.parametrize(
    "measure",
    [
        partial(answer_dimensionality, n_rows=8),
        partial(answer_geometry, n_rows=8),
        partial(answer_geometry, of="fisher_rank", n_rows=8),
    ],
)
def test_they_keep_to_the_contract_of_measures(small, measure):
    check_measure(measure, *small)


@pytest.mark.parametrize("measure", [answer_dimensionality, answer_geometry])
def test_the_null_without_rules_has_the_same_questions(measure, small):
    model, evaluation = small
    null = measure(model, WORLD.null("permuted").sample(5, 0), n_rows=8)
    own = measure(model, evaluation, n_rows=8)
    # States do not know the answer, and gradients do.
    assert null.identical(own) == (measure is answer_dimensionality)
    assert null.coords.equals(own.coords)


def test_networks_that_have_diverged_are_nan(small):
    model, evaluation = deepcopy(small)
    with torch.no_grad():
        model.network_.core.blocks[0].attention.query.bias.fill_(torch.nan)
    states = answer_dimensionality(model, evaluation, n_rows=8)
    assert np.isnan(states).all()
    found = answer_geometry(model, evaluation, n_rows=8)
    assert np.isnan(found).all()
    assert found.estimate.equals(answer_geometry(*small, n_rows=8).estimate)


def test_training_is_the_same_with_and_without_them(tmp_path):
    options = dict(
        n_train=100,
        n_eval=30,
        n_seeds=2,
        record_at=[0, 10, 20],
        baselines=("step_mean",),
        nulls=(),
        modes=("full",),
        claims=("gain",),
        probe=None,
        reservoir_sizes=None,
        alpha=0.6,
        random_state=0,
        progress=False,
    )
    model = TransformerPredictor(16, 1, max_steps=20, batch_size=32, dropout=0.1, head="sgd")
    measures = {
        "states": partial(answer_dimensionality, n_rows=20),
        "fisher": (partial(answer_geometry, of="fisher_rank", n_rows=10), [0, 20]),
    }
    assessment = EmergenceAssessment(WORLD, model, measures=measures, **options).fit()
    cube = assessment.cube_
    plain = EmergenceAssessment(WORLD, model, **options).fit().cube_
    for name in "nll", "nll_trajectory", "train_loss_trajectory":
        np.testing.assert_array_equal(cube[name], plain[name])
    states = cube.states_trajectory
    head = ("condition", "mode", "seed", "step")
    assert states.dims == (*head, "dimensionality", "task", "level", "layer")
    assert not np.isnan(states).any()
    hidden = states.sel(dimensionality="rankme", layer="hidden")
    assert (hidden.sel(step=0) != hidden.sel(step=20)).all()
    fisher = cube.fisher_trajectory
    # Ten rows are few; the reasons are in the file, too.
    path = tmp_path / "cube.nc"
    assessment.to_netcdf(path)
    for each in fisher, load_cube(path).fisher_trajectory:
        why = reasons_of(each.isel(condition=0, mode=0))
        assert list(why) == ["seed", "step", "task", "kind", "reason"]
        assert set(why.step) == {0, 20}
        assert set(why.kind) == {"rank_near_rows"}
    fisher = fisher.sel(estimate=["value", "trace"])
    assert fisher.dims == (*head, "estimate", "task")
    assert np.isnan(fisher.sel(step=10)).all()
    assert (fisher.sel(step=[0, 20]) > 0).all()


@pytest.mark.parametrize("measure", [answer_dimensionality, answer_geometry])
def test_what_has_no_states_of_answers_is_refused(measure, small):
    model, evaluation = small
    null = WORLD.null("resample").sample(5, 0)
    with pytest.raises(ValueError, match="ResampleNull have no answers; pass what sample or split"):
        measure(model, null)
    markov = MarkovPredictor(likelihood="categorical", n_tokens=27).fit(evaluation.X)
    with pytest.raises(ValueError, match="MarkovPredictor has no .*; pass a network"):
        measure(markov, evaluation)
    with pytest.raises(ValueError, match="not fitted on the 27 tokens of the world; fit it with"):
        measure(
            MarkovPredictor(likelihood="categorical", n_tokens=28).fit(evaluation.X), evaluation
        )
    with pytest.raises(ValueError, match=r"n_rows=0(\.5)? is"):
        measure(model, evaluation, n_rows=0)


def test_arguments_out_of_range_are_refused(small):
    model, evaluation = small
    with pytest.raises(ValueError, match="n_rows=3 is less than 4; pass 200 or more"):
        answer_dimensionality(model, evaluation, n_rows=3)
    with pytest.raises(ValueError, match="of='rank' is not known; choose from 'gradient_rank', 'f"):
        answer_geometry(model, evaluation, "rank")
    recurrent = GRUPredictor(4, likelihood="categorical", n_tokens=27, max_steps=0)
    with pytest.raises(ValueError, match="time_channel='full_time'.*; fit .* time_channel=None"):
        answer_geometry(recurrent.fit(evaluation.X), evaluation)


def test_recurrent_networks_have_states_and_gradients_too():
    train, evaluation = WORLD.split(60, 20, random_state=0)
    model = GRUPredictor(4, time_channel=None, **OPTIONS | {"max_steps": 2}).fit(train.X)
    found = answer_dimensionality(model, evaluation, n_rows=8)
    assert found.layer.values.tolist() == ["hidden"]
    assert (found.sel(dimensionality="rankme") > 1).all()
    assert (answer_geometry(model, evaluation, n_rows=8).sel(estimate="value") > 1).all()


@pytest.mark.parametrize(
    ("of", "options", "names"),
    [
        ("hessian_top", {}, {"value", "standard_error", "n", "residual", "n_products"}),
        ("hessian_trace", {"n_probes": 4}, {"value", "standard_error", "n", "n_probes"}),
        (
            "local_learning_coefficient",
            {"n_chains": 2, "n_burn_in": 2, "n_draws": 4, "rows_per_step": 20},
            {"value", "standard_error", "n", "n_beta", "step_size", "r_hat", "rise"},
        ),
    ],
)
@pytest.mark.slow
def test_curvature_of_answers_is_that_of_geometry(small, of, options, names):
    model, evaluation = small
    found = answer_geometry(model, evaluation, of, n_rows=40, **options)
    assert found.dims == ("estimate", "task")
    assert names | {"trusted"} <= set(found.estimate.values.tolist())
    assert np.isfinite(found.sel(estimate=["value", "standard_error"])).all()
    assert (found.sel(estimate="n") == 40).all()
    if of == "hessian_top":
        rows = rows_of_answers(evaluation.world, 40, 0)
        for task in "COPY", "SORT":
            batch = rows_of(model.network_, rows, task)
            expected = hessian_top(model.network_, answer_loss, batch).value
            assert found.sel(estimate="value", task=task) == pytest.approx(expected, rel=1e-6)
    if of == "local_learning_coefficient":
        # So few draws are not to be trusted.
        assert (found.sel(estimate="trusted") == 0).all()


def test_a_blind_loss_is_that_of_the_best_guess_at_each_level_of_the_task(deep):
    _, evaluation = deep
    rows = rows_of_answers(evaluation.world, 15, 0)
    # REV has three and five digits, and PAR one bit.
    assert blind_loss(evaluation.world, rows, "REV") == pytest.approx(4 * np.log(10))
    assert blind_loss(evaluation.world, rows, "PAR") == pytest.approx(np.log(2))


def test_the_loss_of_all_tasks_is_that_of_all_rows(deep):
    model, evaluation = deep
    found = answer_geometry(model, evaluation, "gradient_rank", n_rows=10, pooled=True)
    assert found.dims == ("estimate",)
    rows = rows_of_answers(evaluation.world, 10, 0)
    batch = torch.as_tensor(rows.X).long(), torch.as_tensor(rows.scored)
    expected = gradient_rank(model.network_, answer_loss, batch)
    assert found.sel(estimate="value") == pytest.approx(expected.value, rel=1e-6)
    assert found.sel(estimate="n") == 40
    # Four and one answer tokens.
    blind = blind_loss(evaluation.world, rows, "REV", "PAR")
    assert blind == pytest.approx((4 * np.log(10) + np.log(2)) / 2)


def test_coefficients_know_the_blind_loss_of_their_task(small, monkeypatch):
    model, evaluation = small
    given = []

    def estimate(module, loss, batch, *, blind_loss=None):
        given.append(blind_loss)
        return Estimate(value=1.0, n=1, cost=0.0)

    monkeypatch.setitem(ESTIMATES, "local_learning_coefficient", (estimate, Estimate))
    answer_geometry(model, evaluation, "local_learning_coefficient", n_rows=10)
    # COPY and SORT have three digits each, and those that are sorted are known better.
    assert given[0] == pytest.approx(3 * np.log(10))
    assert 0 < given[1] < given[0] - 1
    answer_geometry(model, evaluation, "local_learning_coefficient", n_rows=10, blind_loss=9.0)
    assert given[2:] == [9.0, 9.0]


def test_reasons_are_kept_as_bits_and_read_in_words(small, monkeypatch):
    model, evaluation = small
    kinds = iter([["large_step", "not_finite"], []])

    def estimate(module, loss, batch):
        return Estimate(
            value=1.0, n=1, cost=0.0, reasons=tuple(Reason(k, "Because of 3.") for k in next(kinds))
        )

    monkeypatch.setitem(ESTIMATES, "hessian_top", (estimate, Estimate))
    found = answer_geometry(model, evaluation, "hessian_top", n_rows=10)
    masks = dict(zip(found.flag_meanings.split(), found.flag_masks, strict=True))
    assert list(masks) == list(REASONS)
    assert found.sel(estimate="trusted").values.tolist() == [0, 1]
    bits = found.sel(estimate="reasons")
    assert bits.values.tolist() == [masks["large_step"] + masks["not_finite"], 0]
    table = reasons_of(found)
    assert table.task.tolist() == ["COPY", "COPY"]
    assert table.kind.tolist() == ["large_step", "not_finite"]
    assert table.reason.tolist() == [REASONS["large_step"], REASONS["not_finite"]]
    assert reasons_of(found.sel(task="SORT")).empty
    assert len(reasons_of(found.where(found.task == "SORT"))) == 0
    with pytest.raises(ValueError, match="no entry 'reasons' .* Pass what answer_geometry"):
        reasons_of(bits)
    with pytest.raises(ValueError, match="flag_masks and flag_meanings are missing. Keep them"):
        reasons_of(found.drop_attrs())


def test_each_estimate_that_is_not_trusted_has_a_kind_of_reason(small):
    model, evaluation = small
    for of, options in (
        ("gradient_rank", {}),
        ("local_learning_coefficient", {"n_burn_in": 1, "n_draws": 4}),
    ):
        found = answer_geometry(model, evaluation, of, n_rows=12, **options)
        assert (found.sel(estimate="trusted") == 0).any()
        bits = found.sel(estimate="reasons")
        assert ((bits == 0) == (found.sel(estimate="trusted") == 1)).all()
