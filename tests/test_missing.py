"""Missing steps: what is not observed neither counts nor teaches."""

import inspect
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.base import clone
from torch import nn

import sklearn_emerge
from sklearn_emerge import (
    AutoregressivePredictor,
    EchoStatePredictor,
    FiniteFilterPredictor,
    GRUPredictor,
    KalmanPredictor,
    LinearFilterPredictor,
    LSTMPredictor,
    MarkovPredictor,
    MeanPredictor,
    ModulePredictor,
    OscillatorPredictor,
    PersistencePredictor,
    RestrictedLinearPredictor,
    RNNPredictor,
    SeasonalPredictor,
    TimeVaryingFilterPredictor,
    TransformerPredictor,
    TruncatedKalmanPredictor,
    WindowPredictor,
)
from sklearn_emerge._missing import fill_missing, mean_of_steps
from sklearn_emerge.likelihoods import LIKELIHOODS
from sklearn_emerge.predictors._base import BasePredictor
from sklearn_emerge.predictors._fit import fit_replicas

NAN = np.nan
# What each likelihood is for.
KINDS = {
    "gaussian": "continuous",
    "student_t": "continuous",
    "bernoulli": "binary",
    "poisson": "count",
    "negative_binomial": "count",
    "categorical": "token",
}
KERNELS = ("gaussian", "bernoulli", "categorical")
LENGTHS = np.array([12, 7, 9, 2, 12, 5, 11, 8, 12, 10, 6, 12])


def padded(kind="continuous"):
    """Return sequences of unequal length, with NaN after their ends."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(len(LENGTHS), 12)).cumsum(axis=1)
    if kind == "binary":
        X = (X > 0).astype(float)
    if kind == "token":
        X = np.floor(X) % 3
    if kind == "count":
        X = np.floor(np.abs(X))
    X[np.arange(12) >= LENGTHS[:, np.newaxis]] = NAN
    return X


def with_gaps(kind="continuous"):
    """Return the same with missing steps at the start and in between, too."""
    X = padded(kind)
    X[0, 0] = X[1, 2] = X[2, 3:6] = X[4, 5] = X[8, 11] = NAN
    return X


def core(n_inputs):
    return nn.GRU(n_inputs, 3, batch_first=True)


TRAINED = {"max_steps": 4, "batch_size": 5, "random_state": 0}
NETWORKS = [
    RNNPredictor(4, engine="numba", **TRAINED),
    RNNPredictor(4, engine="torch", **TRAINED),
    GRUPredictor(4, engine="numba", **TRAINED),
    GRUPredictor(4, engine="torch", input_scaling="first", **TRAINED),
    LSTMPredictor(4, engine="numba", **TRAINED),
    LSTMPredictor(4, engine="torch", **TRAINED),
    TransformerPredictor(8, n_layers=1, n_heads=2, **TRAINED),
    ModulePredictor(core, head="sgd", **TRAINED),
]
SCANS = [each for each in NETWORKS if getattr(each, "engine", "") == "numba"]
PREDICTORS = [
    *NETWORKS,
    MeanPredictor(),
    MeanPredictor(per_step=True),
    PersistencePredictor(),
    MarkovPredictor(),
    AutoregressivePredictor(3),
    LinearFilterPredictor(),
    LinearFilterPredictor(time_channel="full_time"),
    TimeVaryingFilterPredictor(),
    SeasonalPredictor(),
    SeasonalPredictor(time_channel="full_time"),
    WindowPredictor(3, n_features=5, random_state=0),
    EchoStatePredictor(6, n_draws=2, random_state=0),
    FiniteFilterPredictor(2),
    TruncatedKalmanPredictor(3),
    RestrictedLinearPredictor(),
    KalmanPredictor(),
]


def name_of(model):
    return f"{type(model).__name__}-{getattr(model, 'engine', '')}"


def test_every_predictor_that_takes_missing_steps_is_tested_here():
    public = [getattr(sklearn_emerge, name) for name in sklearn_emerge.__all__]
    found = {
        each
        for each in public
        if inspect.isclass(each) and issubclass(each, BasePredictor) and each.takes_missing
    }
    assert found == {type(model) for model in PREDICTORS}


def fitted(model, X, **params):
    model = clone(model).set_params(**params)
    with warnings.catch_warnings():
        # Of so few sequences logistic heads need not converge.
        warnings.simplefilter("ignore")
        return model.fit(X)


@pytest.mark.parametrize("model", PREDICTORS, ids=name_of)
def test_a_padded_set_scores_as_its_sequences_alone(model):
    X = padded()
    model = fitted(model, X)
    alone = [model.at_length(n).score_samples(X[i : i + 1, :n])[0] for i, n in enumerate(LENGTHS)]
    np.testing.assert_allclose(model.score_samples(X), alone, rtol=0, atol=1e-10)
    score = np.sum(alone) / np.sum(LENGTHS - 1)
    assert model.score(X) == pytest.approx(score, abs=1e-10)


def skip_unless_possible(model, likelihood):
    if likelihood == "categorical" and not model.knows_tokens:
        pytest.skip("It does not know tokens.")
    if likelihood not in KERNELS and getattr(model, "engine", "") == "numba":
        pytest.skip("There is no kernel.")


def pairs_of(models, likelihoods):
    """Return pairs: kernels of tokens but that of the GRU, which take long to compile, are slow."""
    slow = [each for each in SCANS if not isinstance(each, GRUPredictor)]
    return [
        pytest.param(
            model,
            likelihood,
            id=f"{name_of(model)}-{likelihood}",
            marks=[pytest.mark.slow] if model in slow and likelihood == "categorical" else [],
        )
        for model in models
        for likelihood in likelihoods
    ]


@pytest.mark.parametrize(("model", "likelihood"), pairs_of(PREDICTORS, list(KINDS)[1:]))
def test_padded_sets_of_other_likelihoods_score_as_their_sequences_alone(model, likelihood):
    skip_unless_possible(model, likelihood)
    X = padded(KINDS[likelihood])
    model = fitted(model, X, likelihood=likelihood)
    alone = [model.at_length(n).score_samples(X[i : i + 1, :n])[0] for i, n in enumerate(LENGTHS)]
    np.testing.assert_allclose(model.score_samples(X), alone, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("model", "likelihood"), pairs_of(PREDICTORS, KINDS))
def test_what_is_missing_neither_counts_nor_teaches(model, likelihood):
    """A step that is NaN in one channel is missing; what the other holds is not looked at."""
    skip_unless_possible(model, likelihood)
    X = with_gaps(KINDS[likelihood])
    model = fitted(model, X, likelihood=likelihood)
    mean = model.predict(X)
    assert np.isfinite(mean).all()
    assert np.isfinite(model.score(X))
    steps = model.score_steps(X)
    np.testing.assert_array_equal(np.isnan(steps), np.isnan(X[:, 1:]))
    np.testing.assert_allclose(model.score_samples(X), np.nansum(steps, axis=1))
    assert model.score(X) == pytest.approx(np.nanmean(steps))
    if likelihood != "gaussian":
        return
    # By the means and the noise alone.
    expected = norm.logpdf(X[:, 1:], mean[:, :-1], model.noise_std_)
    np.testing.assert_allclose(steps, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "model", [m for m in PREDICTORS if type(m) is not RestrictedLinearPredictor], ids=name_of
)
def test_other_channels_of_a_missing_step_are_not_looked_at(model):
    if isinstance(model, KalmanPredictor | TruncatedKalmanPredictor):
        model = clone(model).set_params(A=np.eye(2), C=np.eye(2), Q=np.eye(2), R=np.eye(2))
    X = np.stack([with_gaps(), with_gaps()[::-1]], axis=2)
    X[np.isnan(X).sum(axis=2) > 0] = NAN
    X = X[(~np.isnan(X[:, :, 0])).sum(axis=1) >= 2]
    partly = X.copy()
    partly[np.isnan(X[:, :, 0]), 1] = 1e6
    whole, other = fitted(model, X), fitted(model, partly)
    np.testing.assert_array_equal(whole.predict(X), other.predict(partly))
    assert whole.score(X) == other.score(partly)


def test_a_missing_step_is_seen_as_the_last_observed_one():
    X = np.array([[[NAN], [1.0], [NAN], [NAN], [2.0]], [[3.0], [NAN], [5.0], [6.0], [NAN]]])
    filled = fill_missing(X, np.array([9.0]))
    assert filled[:, :, 0].tolist() == [[9, 1, 1, 1, 2], [3, 3, 5, 6, 6]]
    model = PersistencePredictor().fit(X)
    # Before the first there is the mean of what was observed: 17 / 5.
    assert model.predict(X)[:, :, 0].tolist() == [[3.4, 1, 1, 1, 2], [3, 3, 5, 6, 6]]
    assert model.noise_std_ == pytest.approx(np.sqrt((2.4**2 + 1 + 4 + 1) / 4))


def test_baselines_count_what_is_observed():
    X = np.array([[0.0, 1.0, NAN, 1.0], [1.0, 1.0, 0.0, NAN]])
    options = {"likelihood": "bernoulli"}
    assert MeanPredictor(**options).fit(X).mean_ == pytest.approx((4 + 1) / (6 + 2))
    per_step = MeanPredictor(per_step=True, **options).fit(X).mean_[:, 0]
    np.testing.assert_allclose(per_step, [2 / 4, 3 / 4, 1 / 3, 2 / 3])
    # Pairs of a target and the last that was observed: 01, 11, 11, 10.
    stay = PersistencePredictor(**options).fit(X).stay_probability_
    assert stay == pytest.approx((2 + 1) / (4 + 2))
    means = MarkovPredictor(**options).fit(X).means_[:, 0]
    np.testing.assert_allclose(means, [(1 + 1) / (1 + 2), (2 + 1) / (3 + 2)])
    tokens = MarkovPredictor(likelihood="categorical").fit(X).means_
    np.testing.assert_allclose(tokens, [[1 / 3, 2 / 3], [2 / 5, 3 / 5]])
    stay = PersistencePredictor(likelihood="categorical").fit(X).stay_probability_
    assert stay == pytest.approx((2 + 1) / (4 + 2))
    counts = np.array([[0.0, 3.0, 0.0, NAN, 4.0], [0.0, NAN, NAN, 2.0, 5.0]])
    # After zeros, which are seen in place of what is missing, there were 3, 4 and 2.
    after = PersistencePredictor(likelihood="poisson").fit(counts).after_zero_
    assert after == pytest.approx((9 + 0.5) / 3)


def test_a_step_that_is_missing_everywhere_has_the_mean_of_all():
    X = with_gaps()
    X[:, 11] = NAN
    mean = MeanPredictor(per_step=True).fit(X).mean_[:, 0]
    assert mean[11] == pytest.approx(np.nanmean(X))
    np.testing.assert_allclose(mean[:11], np.nanmean(X[:, :11], axis=0))


@pytest.mark.parametrize("model", [AutoregressivePredictor(2), FiniteFilterPredictor(2)])
def test_filters_are_least_squares_on_the_observed_targets(model):
    X = with_gaps()
    model.fit(X)
    filled = fill_missing(X[:, :, np.newaxis], np.array([np.nanmean(X)]))[:, :, 0]
    rows, targets = [], []
    for sequence, known in zip(filled, ~np.isnan(X), strict=True):
        for t in range(12):
            constant = isinstance(model, AutoregressivePredictor)
            if t + 1 < 12 and known[t + 1] and (t >= 1 or not constant):
                past = [sequence[t], sequence[t - 1] if t else 0.0]
                rows.append([*past, 1.0] if constant else past)
                targets.append(sequence[t + 1])
    expected = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
    coef = model.coefs_[1] if isinstance(model, AutoregressivePredictor) else model.coef_
    np.testing.assert_allclose(coef.ravel(), expected[:2], rtol=1e-8)


def test_a_kalman_filter_skips_the_update():
    """By the joint normal density of the steps that were observed."""
    X = with_gaps()
    model = KalmanPredictor(0.9, Q=0.5, R=0.3, initial_covariance=2.0).fit(X)
    mean = model.predict(X)
    covariance = np.zeros((12, 12))
    variance = 2.0
    for t in range(12):
        for s in range(t, 12):
            covariance[t, s] = covariance[s, t] = 0.9 ** (s - t) * variance + 0.3 * (s == t)
        variance = 0.81 * variance + 0.5
    for row in (0, 2, 4):
        for t in range(1, 11):
            seen = np.flatnonzero(~np.isnan(X[row, : t + 1]))
            weights = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[seen, t + 1])
            assert mean[row, t] == pytest.approx(weights @ X[row, seen])


@pytest.mark.parametrize("likelihood", KINDS)
def test_gradients_are_zero_where_nothing_was_observed(likelihood):
    X = with_gaps(KINDS[likelihood])
    model = GRUPredictor(3, likelihood=likelihood, random_state=0)
    job = model.training_job(model.prepare(X))
    inputs, targets = job.to_tensors(job.sequences)
    assert torch.isfinite(inputs).all()
    output = job.network(inputs).detach().requires_grad_()
    loss = job.loss(output, targets)
    loss.backward()
    missing = torch.from_numpy(np.isnan(X[:, 1:]))
    assert (output.grad[missing] == 0).all()
    assert (output.grad[~missing] != 0).any(dim=1).all()
    # The mean over the observed targets of the batch.
    one_by_one = [
        job.loss.loss(output[i : i + 1, t : t + 1], targets[i : i + 1, t : t + 1]).item()
        for i, t in np.argwhere(~missing.numpy())
    ]
    assert loss.item() == pytest.approx(np.mean(one_by_one), rel=1e-5)


@pytest.mark.parametrize(("training", "head"), [("full", "exact"), ("readout", "sgd")])
@pytest.mark.parametrize(("model", "likelihood"), pairs_of(SCANS, KERNELS))
def test_scans_and_torch_agree_about_missing_steps(model, training, head, likelihood):
    X = with_gaps(KINDS[likelihood])
    model = clone(model).set_params(training=training, head=head, likelihood=likelihood)
    by_scan, by_torch = (clone(model).set_params(engine=e).fit(X) for e in ("numba", "torch"))
    assert (by_scan.engine_, by_torch.engine_) == ("numba", "torch")
    for one, other in zip(
        by_scan.network_.parameters(), by_torch.network_.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(by_scan.training_loss_, by_torch.training_loss_, rtol=1e-4)
    assert by_scan.score(X) == pytest.approx(by_torch.score(X), abs=1e-4)


def test_replicas_with_and_without_missing_steps_train_as_alone():
    whole = np.random.default_rng(1).normal(size=(12, 12)).cumsum(axis=1)
    model = GRUPredictor(3, engine="numba", max_steps=4)
    for samples in ([with_gaps(), padded()], [whole, padded()]):
        together = fit_replicas(model, samples, [0, 1])
        for seed, (predictor, X) in enumerate(zip(together, samples, strict=True)):
            alone = clone(model).set_params(random_state=seed).fit(X)
            assert predictor.score(X) == alone.score(X)


def test_scaling_is_that_of_the_observed_steps():
    X = with_gaps()
    model = GRUPredictor(3, max_steps=0, random_state=0).fit(X)
    assert model.input_center_ == pytest.approx(np.nanmean(X))
    assert model.output_scale_ == pytest.approx(np.nanstd(X))


@pytest.mark.parametrize("likelihood", ["student_t", "negative_binomial"])
def test_dispersion_and_tails_are_those_of_the_observed_steps(likelihood):
    X, given = with_gaps(KINDS[likelihood])[:, :, np.newaxis], 1.5
    observed = X[:, 1:][~np.isnan(X[:, 1:])].reshape(-1, 1)
    settle, noise = LIKELIHOODS[likelihood].settle, np.ones(1)
    model = MeanPredictor(mean=given, likelihood=likelihood, noise_std=noise).fit(X)
    expected = settle(noise, True, lambda: (observed, np.full_like(observed, given)))[1]
    assert model.shape_ == pytest.approx(expected, rel=1e-12)
    assert 0 < model.shape_[0] < 1e4
    # Before a network is trained, about the mean of each step.
    network = GRUPredictor(3, likelihood=likelihood, random_state=0)
    loss = network.training_job(network.prepare(X)).loss.loss
    apart = [(X[:, t], np.nanmean(X[:, t], keepdims=True)) for t in range(12)]
    pairs = [(x[~np.isnan(x)], np.full((~np.isnan(x)).sum(), m[0, 0])) for x, m in apart]
    x, mean = (np.concatenate(part)[:, np.newaxis] for part in zip(*pairs, strict=True))
    expected = settle(network.output_scale_, False, lambda: (x, mean))[1]
    found = loss._freedom if likelihood == "student_t" else loss._alpha
    assert found.numpy() == pytest.approx(expected, rel=1e-5)


def test_heads_do_not_see_what_is_missing():
    """The head is that of the same rows in complete sequences."""
    X = with_gaps()
    model = EchoStatePredictor(3, 0.9, 0.5, 0.5, random_state=0).fit(X)
    states, observed = model.transform(X)[:, :-1], ~np.isnan(X[:, 1:])
    rows, targets = states[observed], X[:, 1:][observed]
    design = np.hstack([rows, np.ones((len(rows), 1))])
    # Whatever the penalty, an intercept that is free leaves no mean error.
    error = design @ np.append(model.head_.coef[:, 0], model.head_.intercept) - targets
    assert error.mean() == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("likelihood", ["bernoulli", "poisson"])
def test_regressions_do_not_see_what_is_missing(likelihood):
    X = with_gaps(KINDS[likelihood])
    model = GRUPredictor(2, likelihood=likelihood, training="readout", random_state=0).fit(X)
    error = model.predict(X)[:, :-1] - X[:, 1:]
    # As above: the mean of what is observed is met.
    assert model.converged_
    assert np.nanmean(error) == pytest.approx(0, abs=1e-5)


def test_a_trained_network_sees_missing_steps_as_in_its_training():
    X = with_gaps("count")
    model = GRUPredictor(3, likelihood="poisson", **TRAINED).fit(X)
    given = ModulePredictor.from_trained(model).fit(X)
    np.testing.assert_allclose(given.predict(X), model.predict(X), rtol=1e-3)
    np.testing.assert_allclose(given.score_steps(X), model.score_steps(X), rtol=1e-3)


@pytest.mark.parametrize(
    ("likelihood", "says"),
    [
        ("poisson", "sequence 2 of X has 0.5 at step 1 .*pass counts"),
        ("bernoulli", "sequence 2 of X has 0.5 at step 1"),
    ],
)
def test_what_a_likelihood_is_not_for_is_located_among_missing_steps(likelihood, says):
    X = with_gaps("binary")
    X[2, 1] = 0.5
    with pytest.raises(ValueError, match=says):
        MeanPredictor(likelihood=likelihood).fit(X)


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (np.where(np.eye(4, 6) > 0, np.inf, 1.0), r"X\[0, 0, 0\] is inf, and 4 of 24"),
        (np.full((3, 4), NAN), "X has 0 sequences of which two steps are observed"),
    ],
)
def test_bad_sequences_are_refused(X, says):
    with pytest.raises(ValueError, match=says):
        GRUPredictor(2).fit(X)


@pytest.mark.parametrize("model", PREDICTORS, ids=name_of)
def test_sequences_in_which_nothing_can_be_predicted_are_left_out(model):
    X = with_gaps()
    X[5, 1:] = NAN
    X[3] = NAN
    model = fitted(model, X, **({"batch_size": 1} if hasattr(model, "batch_size") else {}))
    assert np.isfinite(model.score(X))
    assert model.score_samples(X)[[3, 5]].tolist() == [0, 0]
    assert model.score(X) == pytest.approx(model.score(np.delete(X, [3, 5], axis=0)))


def test_infinite_values_can_be_made_missing():
    X = with_gaps()
    X[4, 6] = np.inf
    with pytest.raises(ValueError, match="contains infinity") as error:
        MeanPredictor().fit(X)
    call = "np.where" + str(error.value).partition("np.where")[2].partition(": such")[0]
    MeanPredictor().fit(eval(call, {"np": np, "X": X}))


def test_predictors_that_do_not_know_of_missing_steps_refuse_them():
    with pytest.raises(ValueError, match="NaN"):
        OscillatorPredictor().fit(with_gaps())


@pytest.mark.parametrize("shape", [(), (2,)])
def test_sequences_of_unequal_length_are_predicted_in_the_shape_of_each(shape):
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(n, *shape)) for n in (6, 9, 7, 9)]
    model = LinearFilterPredictor().fit(rows)
    mean = model.predict(rows)
    assert mean.shape == (4, 9, *shape)
    alone = model.predict(rows[1][np.newaxis])
    np.testing.assert_allclose(mean[1], alone[0], rtol=1e-12)


@pytest.mark.parametrize("shape", [(9, 5), (9, 5, 2)])
def test_the_mean_of_a_step_is_that_of_the_sequences_in_which_it_is_observed(shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    assert np.array_equal(mean_of_steps(X), X.mean(axis=0))
    X[rng.random(shape[:2]) < 0.3] = np.nan
    X[:, 3] = np.nan
    means = mean_of_steps(X)
    np.testing.assert_allclose(np.delete(means, 3, 0), np.nanmean(np.delete(X, 3, 1), axis=0))
    np.testing.assert_allclose(means[3], np.nanmean(X, axis=(0, 1)))
    # Of outcomes, which are never NaN, it has to be said.
    high = mean_of_steps(X > 0, ~np.isnan(X).reshape(9, 5, -1).any(axis=2))
    np.testing.assert_allclose(high, mean_of_steps(np.where(np.isnan(X), X, X > 0)))
