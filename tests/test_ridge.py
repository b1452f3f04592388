"""Ridge and logistic regression from moments, against scikit-learn and the SVD."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logsumexp
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict

from sklearn_emerge import _moments, _ridge
from sklearn_emerge._families import Logistic, Softmax
from sklearn_emerge._glm import fit_glm
from sklearn_emerge._moments import Moments
from sklearn_emerge._ridge import first_ridges, fit_ridge, shrink_ridge


def moments_of(X, Y, n_folds=5):
    moments = Moments(n_folds, X.shape[1], Y.shape[1])
    for fold, rows in enumerate(np.array_split(np.arange(len(X)), n_folds)):
        # In two pieces, as data that come in chunks.
        moments.add(fold, X[rows[:7]], Y[rows[:7]])
        moments.add(fold, X[rows[7:]], Y[rows[7:]])
    return moments


@pytest.fixture
def regression():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)) * [1, 10, 0.1, 1, 1, 1] + 5
    Y = X @ rng.normal(size=(6, 2)) + rng.normal(size=(200, 2))
    return X, Y


def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def ridge_of(X, Y, penalty):
    """Return a fit to scaled rows by the singular values of these."""
    return Ridge(alpha=penalty * len(X), solver="svd").fit(X, Y)


@pytest.mark.parametrize("penalty", [0.0, 0.01, 1.0])
def test_ridge_equals_that_of_scikit_learn_on_standardised_features(penalty, regression):
    X, Y = regression
    fit = fit_ridge(moments_of(X, Y), [penalty])
    theirs = ridge_of(standardised(X), Y, penalty)
    prediction = X @ fit.coef + fit.intercept
    assert np.allclose(prediction, theirs.predict(standardised(X)), atol=1e-9)


def test_of_fewer_rows_than_features_rounding_chooses_no_penalty():
    rng = np.random.default_rng(0)
    X, noise = rng.normal(size=(2, 60, 200))
    Y = X @ rng.normal(size=(200, 2)) + 10 * noise[:, :2]
    fit = fit_ridge(moments_of(X, Y))
    errors, predictions = [], []
    for penalty in _ridge.PENALTIES:
        left_out = cross_val_predict(
            Ridge(alpha=penalty * 48, solver="svd"), standardised(X), Y, cv=KFold(5)
        )
        errors.append(((left_out - Y) ** 2).mean(axis=0))
        ridge = ridge_of(standardised(X), Y, penalty)
        predictions.append(ridge.predict(standardised(X)))
        of_one = fit_ridge(moments_of(X, Y), [penalty])
        assert of_one.error == pytest.approx(errors[-1], rel=1e-9)
    best = np.argmin(errors, axis=0)
    assert fit.penalty.tolist() == _ridge.PENALTIES[best].tolist()
    expected = np.array(predictions)[best, :, [0, 1]].T
    assert np.allclose(X @ fit.coef + fit.intercept, expected, atol=1e-8)


@pytest.mark.parametrize("n_rows", [44, 45, 46])
@pytest.mark.parametrize("duplicates", ["none", "across folds", "within folds"])
def test_few_rows_are_fitted_as_by_the_svd(n_rows, duplicates):
    """By their span or not; with a constant feature and an equal one among 60."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 60)) + 100.0
    if duplicates == "across folds":
        X[30:] = X[: n_rows - 30]
    if duplicates == "within folds":
        X[1::2] = X[: n_rows - 1 : 2]
    X[:, 5], X[:, 7] = 0.1, X[:, 8]
    Y = X[:, :2] + rng.normal(size=(n_rows, 2))
    # The third of the folds has no rows.
    held_out = np.array_split(np.arange(n_rows), 4)
    moments = Moments(5, 60, 2)
    for fold, rows in zip([0, 1, 3, 4], held_out, strict=True):
        moments.add(fold, X[rows], Y[rows])
    scaled = standardised(np.delete(X, 5, axis=1))
    for penalty in (1e-6, 1e-3, 1.0):
        fit = fit_ridge(moments, [penalty])
        theirs = ridge_of(scaled, Y, penalty)
        assert np.allclose(X @ fit.coef + fit.intercept, theirs.predict(scaled))
        assert np.allclose(fit.coef[5], 0)
        assert np.allclose(fit.coef[7], fit.coef[8])
        squares = 0.0
        for key, left_out in zip([0, 1, 3, 4], held_out, strict=True):
            others = np.delete(np.arange(n_rows), left_out)
            theirs = ridge_of(scaled[others], Y[others], penalty)
            center, coef = fit.scaled[key]
            expected = theirs.coef_.T / fit.scale[60:]
            assert np.allclose(np.delete(coef, 5, axis=0), expected)
            at = center + moments.origin
            assert np.allclose(at, np.hstack([X, Y])[others].mean(axis=0))
            squares = squares + ((theirs.predict(scaled[left_out]) - Y[left_out]) ** 2).sum(axis=0)
        assert fit.error == pytest.approx(squares / n_rows)


def test_few_rows_of_constant_features_have_the_mean():
    Y = np.random.default_rng(0).normal(size=(60, 2))
    fit = fit_ridge(moments_of(np.full((60, 200), 0.1), Y))
    assert np.allclose(fit.coef, 0)
    assert np.allclose(fit.intercept, Y.mean(axis=0))


def test_penalty_and_error_are_those_of_cross_validation(regression):
    X, Y = regression
    penalties = [1e-3, 1e-1, 10.0]
    fit = fit_ridge(moments_of(X, Y), penalties)
    errors = []
    for penalty in penalties:
        ridge = Ridge(alpha=penalty * 160, solver="svd")
        prediction = cross_val_predict(ridge, standardised(X), Y, cv=KFold(5))
        errors.append(((prediction - Y) ** 2).mean(axis=0))
    assert fit.error == pytest.approx(np.min(errors, axis=0), rel=1e-9)
    assert fit.penalty.tolist() == [penalties[k] for k in np.argmin(errors, axis=0)]


def test_ridge_is_blind_to_units_and_origin(regression):
    X, Y = regression
    raw = fit_ridge(moments_of(X, Y))
    other = fit_ridge(moments_of(1e-9 * X + 3.0, 1e6 * Y - 1e8))
    ours = X @ raw.coef + raw.intercept
    theirs = (1e-9 * X + 3.0) @ other.coef + other.intercept
    assert np.allclose((theirs + 1e8) / 1e6, ours, atol=1e-5)


def test_held_out_error_is_that_of_the_svd_where_features_all_but_depend_on_each_other():
    rng = np.random.default_rng(0)
    sources = rng.normal(size=(4000, 40)) * np.logspace(0, -6.5, 40)
    X = sources @ np.linalg.qr(rng.normal(size=(40, 40)))[0]
    assert np.linalg.cond(X.T @ X) > 5e12
    y = sources / np.logspace(0, -6.5, 40) @ rng.normal(size=40) + rng.normal(size=4000)
    train, test = np.arange(4000) < 2000, np.arange(4000) >= 2000
    fit = fit_ridge(moments_of(X[train], y[train, np.newaxis]))
    ours = X[test] @ fit.coef[:, 0] + fit.intercept[0]
    design = np.column_stack([np.ones(2000), X[train]])
    coef = np.linalg.lstsq(design, y[train], rcond=None)[0]
    theirs = X[test] @ coef[1:] + coef[0]
    error, best = ((ours - y[test]) ** 2).mean(), ((theirs - y[test]) ** 2).mean()
    assert error < 1.001 * best


@pytest.mark.parametrize("n_features", [80, 300])
def test_weak_directions_of_few_rows_are_not_lost(n_features):
    """The error of rows left out is that of the SVD, but where squares are rounding."""
    rng = np.random.default_rng(0)
    sizes = np.logspace(0, -6.5, 40)
    sources = rng.normal(size=(60, 40)) * sizes
    X = sources @ rng.normal(size=(40, n_features))
    Y = sources / sizes @ rng.normal(size=(40, 1)) + 0.1 * rng.normal(size=(60, 1))
    scaled = standardised(X)
    for penalty in _ridge.PENALTIES[2:]:
        left_out = cross_val_predict(
            Ridge(alpha=penalty * 48, solver="svd"), scaled, Y, cv=KFold(5)
        )
        expected = ((left_out.reshape(-1, 1) - Y) ** 2).mean()
        assert fit_ridge(moments_of(X, Y), [penalty]).error == pytest.approx(expected, rel=5e-3)


def test_constant_features_and_targets_are_no_trouble(regression):
    X, Y = regression
    with_constant = np.column_stack([X, np.full(200, 0.1)])
    constant_target = np.column_stack([Y, np.full(200, 0.3)])
    fit = fit_ridge(moments_of(with_constant, constant_target), [1e-8])
    assert np.allclose(fit.coef[:6, :2], fit_ridge(moments_of(X, Y), [1e-8]).coef)
    assert np.allclose(fit.coef[6], 0)
    assert np.allclose(fit.coef[:, 2], 0)
    assert fit.intercept[2] == pytest.approx(0.3)
    assert fit.error[2] == pytest.approx(0, abs=1e-20)


def test_part_of_the_moments_is_the_moments_of_a_part(regression):
    X, Y = regression
    part = fit_ridge(moments_of(X, Y).part(np.array([0, 3])))
    alone = fit_ridge(moments_of(X[:, [0, 3]], Y))
    assert np.allclose(part.coef, alone.coef)
    assert np.allclose(part.error, alone.error)


def test_shrinking_runs_from_the_fit_of_some_rows_to_that_of_all(regression):
    X, Y = regression
    moments = moments_of(X, Y)
    known = fit_ridge(moments, [0.0])
    some = Moments(5, 6, 2, moments.origin)
    for fold in range(5):
        rows = slice(40 * fold, 40 * fold + 20)
        some.add(fold, X[rows], Y[rows] + 3)
    path = shrink_ridge(some, known, [0.0, np.inf])
    assert np.allclose(path.coef[1], known.coef)
    assert np.allclose(path.intercept[1], known.intercept)
    rows = np.arange(200) % 40 < 20
    design = np.column_stack([np.ones(100), X[rows]])
    alone = np.linalg.lstsq(design, Y[rows] + 3, rcond=None)[0]
    assert np.allclose(path.intercept[0], alone[0])
    assert np.allclose(path.coef[0], alone[1:])
    # The error of all the way is that of sequences that neither fit has seen.
    assert np.allclose(path.best()[0], path.coef[0])
    assert (path.error[1] > 5).all()
    assert (path.error[0] < 2).all()


def test_one_penalty_for_all_rows_alone_is_a_step_of_the_path(regression):
    X, Y = regression
    moments = moments_of(X, Y)
    known = fit_ridge(moments, [1e-2])
    path = shrink_ridge(moments, known, [1e-3, 1e-1, np.inf])
    for k, penalty in enumerate([1e-3, 1e-1, np.inf]):
        alone = shrink_ridge(moments, known, [penalty], held_out=False)
        assert np.allclose(alone.coef[0], path.coef[k], rtol=1e-9)
        assert np.allclose(alone.intercept[0], path.intercept[k], rtol=1e-9)
        assert np.isnan(alone.error).all()


def test_fits_of_the_first_features_are_those_of_these_alone(regression):
    X, Y = regression
    moments = moments_of(X, Y)
    # Each target has a penalty of its own.
    known = replace(fit_ridge(moments), penalty=np.array([1e-3, 1e-1]))
    for size, first in zip([2, 5], first_ridges(moments, known, [2, 5]), strict=True):
        part = moments.part(np.arange(size))
        for target, penalty in enumerate(known.penalty):
            alone = fit_ridge(part, [penalty])
            assert np.array_equal(first.scale, alone.scale)
            for fold, (mean, coef) in alone.scaled.items():
                assert np.allclose(first.scaled[fold][0], mean)
                assert np.allclose(first.scaled[fold][1][:, target], coef[:, target])


def test_first_features_that_all_but_depend_on_each_other_are_no_trouble():
    """A constant column and copies of others, at a penalty that is next to nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    X = np.column_stack([X, X, np.full(100, 0.3)])
    moments = moments_of(X, X[:, :1])
    known = replace(fit_ridge(moments), penalty=np.zeros(1))
    for first in first_ridges(moments, known, [4, 7]):
        _, coef = first.scaled[None]
        assert coef[0, 0] + coef[3, 0] == pytest.approx(1, abs=1e-6)


@pytest.fixture
def classes():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 4)) * [1, 5, 0.2, 1] + [0, 1, 0, 0]
    logits = standardised(X) @ rng.normal(size=(4, 3))
    chosen = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return X, chosen


@pytest.mark.parametrize("penalty", [1e-6, 1e-2])
def test_logistic_regression_equals_that_of_scikit_learn(penalty, classes):
    X, chosen = classes
    y = (chosen == 0)[:, np.newaxis].astype(float)
    fit = fit_glm(lambda: [(X, y)], moments_of(X, y), penalty, family=Logistic())
    theirs = LogisticRegression(C=1 / (300 * penalty), tol=1e-10, max_iter=1000)
    theirs.fit(standardised(X), y[:, 0])
    ours = expit(X @ fit.coef + fit.intercept)[:, 0]
    assert fit.converged
    assert fit.gradient <= 1e-6
    assert np.allclose(ours, theirs.predict_proba(standardised(X))[:, 1], atol=1e-4)


def test_softmax_regression_equals_that_of_scikit_learn(classes):
    X, chosen = classes
    y = chosen[:, np.newaxis].astype(float)
    halves = [(X[:100], y[:100]), (X[100:], y[100:])]
    fit = fit_glm(lambda: halves, moments_of(X, np.eye(3)[chosen]), 1e-2, family=Softmax())
    theirs = LogisticRegression(C=1 / 3, tol=1e-10, max_iter=1000).fit(standardised(X), chosen)
    output = X @ fit.coef + fit.intercept
    ours = np.exp(output - logsumexp(output, axis=1, keepdims=True))
    assert fit.converged
    assert np.allclose(ours, theirs.predict_proba(standardised(X)), atol=1e-4)


def test_logistic_coefficients_shrink_to_what_is_known(classes):
    X, chosen = classes
    y = (chosen == 0)[:, np.newaxis].astype(float)
    known = np.full((4, 1), 0.1), np.array([0.5])
    options = dict(family=Logistic(), known=known)
    strong = fit_glm(lambda: [(X, y)], moments_of(X, y), 1e6, **options)
    assert np.allclose(strong.coef, known[0], atol=1e-5)
    assert np.allclose(strong.intercept, known[1], atol=1e-5)
    weak = fit_glm(lambda: [(X, y)], moments_of(X, y), 1e-7, **options)
    free = fit_glm(lambda: [(X, y)], moments_of(X, y), 1e-7, family=Logistic())
    assert np.allclose(weak.coef, free.coef, atol=1e-3)


def test_a_class_that_is_missing_from_a_fold_or_from_all_is_no_trouble(classes):
    X, chosen = classes
    order = np.argsort(chosen, kind="stable")
    Y = np.eye(4)[chosen[order]]
    moments = moments_of(X[order], Y)
    assert np.isfinite(fit_ridge(moments).coef).all()
    y = chosen[order, np.newaxis].astype(float)
    fit = fit_glm(lambda: [(X[order], y)], moments, 1e-2, family=Softmax())
    output = X[order] @ fit.coef + fit.intercept
    assert fit.converged
    assert (output[:, 3] - output.max(axis=1) < -10).all()


def test_classes_that_can_be_separated_keep_finite_coefficients():
    X = np.linspace(-1, 1, 40)[:, np.newaxis]
    y = (X > 0).astype(float)
    fit = fit_glm(lambda: [(X, y)], moments_of(X, y), 0.0, family=Logistic())
    assert fit.converged
    assert np.isfinite(fit.coef).all()
    assert (((X @ fit.coef + fit.intercept) > 0) == (y > 0)).all()


def test_moments_of_tokens_are_those_of_their_columns(classes):
    X, chosen = classes
    of_columns, of_tokens = Moments(1, 4, 3), Moments(1, 4, 3, tokens=True)
    of_columns.add(0, X, np.eye(3)[chosen])
    of_tokens.add(0, X, chosen[:, np.newaxis].astype(float))
    assert np.array_equal(of_tokens.origin, of_columns.origin)
    assert np.array_equal(of_tokens.products, of_columns.products)


def test_rows_are_added_in_blocks_that_do_not_matter(regression, monkeypatch):
    X, Y = regression
    whole = moments_of(X.astype(np.float32), Y)
    monkeypatch.setattr(_moments, "_BLOCK_BYTES", 8 * 9 * (X.shape[1] + Y.shape[1]))
    blocks = moments_of(X.astype(np.float32), Y)
    assert np.array_equal(whole.counts, blocks.counts)
    assert np.allclose(whole.products, blocks.products, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 70])
def test_a_tridiagonal_form_solves_for_every_penalty(n):
    rng = np.random.default_rng(0)
    rows, target = rng.normal(size=(n // 2 + 1, n)), rng.normal(size=(n, 3))
    matrix = rows.T @ rows
    penalties = np.array([1e-3, 1.0, np.inf])
    found = _ridge._shrunk(matrix, target, penalties)
    for penalty, x in zip(penalties[:2], found, strict=False):
        assert np.allclose((matrix + penalty * np.eye(n)) @ x, target, atol=1e-8)
    assert not found[2].any()
