"""Prediction beyond the loss: by hand, and its level and power by simulation with known truth."""

from itertools import permutations

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge.geometry import prediction_beyond_loss
from sklearn_emerge.geometry._labels import draw_orders, p_value
from sklearn_emerge.geometry._prediction import _errors
from sklearn_emerge.inference import student_interval

LEVEL = 0.05
STEPS = [0, 100, 5000]


def trajectory(values):
    """Return values of shape (..., task, seed) at update 100, and others at other visits."""
    values = np.asarray(values, float)
    dims = ("size", "level", "task", "seed")[4 - values.ndim :]
    other = np.random.default_rng(9).normal(size=values.shape)
    return xr.DataArray(
        np.stack([other, values, other]), dims=("step", *dims), coords={"step": STEPS}
    )


def events(logs):
    logs = np.asarray(logs, float)
    return xr.DataArray(np.exp(logs), dims=("size", "level", "task", "seed")[4 - logs.ndim :])


def draw(n_tasks=6, n_seeds=4, n_sizes=None, seed=0):
    """Return a measure, a loss and logarithms of emergences between 100 and 5000."""
    rng = np.random.default_rng(seed)
    shape = (n_tasks, n_seeds) if n_sizes is None else (n_sizes, 1, n_tasks, n_seeds)
    m, ell, noise = rng.standard_normal((3, *shape))
    tasks = rng.standard_normal((*shape[:-1], 1))
    return m + 5 * tasks, ell + 3 * tasks, 6.5 + 0.2 * (tasks + ell + m + noise)


def by_hand(m, ell, e):
    """Return mean squared errors of the three predictions, run by run, by least squares."""
    n_seeds = e.shape[-1]
    errors = np.zeros((3, n_seeds))
    for run in range(n_seeds):
        others = np.arange(n_seeds) != run
        means = [a[:, others].mean(axis=1, keepdims=True) for a in (m, ell, e)]
        m_, ell_, e_ = (a - mean for a, mean in zip((m, ell, e), means, strict=True))
        for i, features in enumerate(([], [ell_], [ell_, m_])):
            predicted = 0
            if features:
                X = np.stack([f[:, others].ravel() for f in features], axis=1)
                slopes = np.linalg.lstsq(X, e_[:, others].ravel(), rcond=None)[0]
                predicted = sum(s * f[:, run] for s, f in zip(slopes, features, strict=True))
            errors[i, run] = ((e_[:, run] - predicted) ** 2).mean()
    return errors


def test_errors_are_those_of_fits_to_other_runs():
    m, ell, e = draw()
    row = prediction_beyond_loss(trajectory(m), trajectory(ell), events(e), at=100).loc[100]
    errors = by_hand(m, ell, e)
    np.testing.assert_allclose(row[["error_mean", "error_nll", "error_both"]], errors.mean(axis=1))
    assert row.gain == pytest.approx(row.error_nll - row.error_both)
    assert row.r2_both == pytest.approx(1 - row.error_both / row.error_mean)
    assert row.low < row.gain < row.high
    assert row[["n_runs", "n_task_levels", "n_censored", "n_emerged", "n_never"]].tolist() == [
        *(4, 6, 0, 0, 0)
    ]


def test_p_value_is_that_of_all_orders_of_runs():
    m, ell, e = draw(seed=1)
    row = prediction_beyond_loss(trajectory(m), trajectory(ell), events(e), at=100).loc[100]
    centred = [a - a.mean(axis=1, keepdims=True) for a in (m, ell)]
    rest = centred[0] - (centred[0] * centred[1]).sum() / (centred[1] ** 2).sum() * centred[1]
    gains = []
    for order in permutations(range(4)):
        errors = by_hand(rest[:, list(order)], ell, e).mean(axis=1)
        gains.append(errors[1] - errors[2])
    assert gains[0] == pytest.approx(row.gain)
    assert row.p_value == np.mean(np.array(gains) >= gains[0] - 1e-12)


def test_what_is_known_is_predicted():
    rng = np.random.default_rng(0)
    m, ell = rng.standard_normal((2, 8, 5))
    e = 6.5 + 0.2 * ell - 0.1 * m
    row = prediction_beyond_loss(trajectory(m), trajectory(ell), events(e), at=100).loc[100]
    assert row.error_both == pytest.approx(0, abs=1e-12)
    assert (row.r2_both, row.p_value) == (pytest.approx(1), 1 / 120)
    # The loss in other units, and of other tasks, says nothing that the loss does not.
    copied = trajectory(3 * ell + np.arange(8.0)[:, None])
    row = prediction_beyond_loss(copied, trajectory(ell), events(e), at=100).loc[100]
    assert (row.gain, row.p_value) == (pytest.approx(0, abs=1e-12), 1)
    # What tells tasks apart, and is the same in all runs, is known from other runs.
    row = prediction_beyond_loss(
        trajectory(np.repeat(e.mean(axis=1)[:, None], 5, axis=1)),
        trajectory(ell),
        events(e),
        at=100,
    ).loc[100]
    assert (row.gain, row.p_value) == (pytest.approx(0, abs=1e-12), 1)


def test_units_and_order_of_labels_do_not_matter():
    m, ell, e = (trajectory(a) for a in draw()[:2]), None, draw()[2]
    m, ell = m
    first = prediction_beyond_loss(m, ell, events(e), at=100)
    turned = prediction_beyond_loss(
        (7 - 2 * m).transpose("seed", "task", "step"), 1e3 * ell, events(e), at=[100]
    )
    kept = ["error_mean", "error_nll", "error_both", "p_value"]
    np.testing.assert_allclose(turned[kept], first[kept])


def test_censored_and_left_out_are_counted():
    m, ell, e = draw()
    emergence = events(e)
    emergence[0, 1] = np.nan
    emergence[1] = np.nan
    emergence[2, 0] = 100.0
    row = prediction_beyond_loss(trajectory(m), trajectory(ell), emergence, at=100).loc[100]
    assert row[["n_task_levels", "n_censored", "n_emerged", "n_never"]].tolist() == [4, 1, 1, 1]
    e[0, 1] = np.log(STEPS[-1])
    expected = by_hand(*(np.delete(a, [1, 2], axis=0) for a in (m, ell, e))).mean(axis=1)
    np.testing.assert_allclose(row[["error_mean", "error_nll", "error_both"]], expected)


def test_sizes_share_slopes_and_not_means():
    m, ell, e = draw(n_sizes=2, n_seeds=3, seed=3)
    row = prediction_beyond_loss(trajectory(m), trajectory(ell), events(e), at=100).loc[100]
    assert (row.n_runs, row.n_task_levels) == (6, 12)
    # A size moved as a whole is the same.
    shift = np.array([0.0, 0.4])[:, None, None, None]
    moved = prediction_beyond_loss(
        trajectory(m + 10 * shift), trajectory(ell - shift), events(e + shift), at=100
    ).loc[100]
    np.testing.assert_allclose(moved, row)
    # Permutations are within sizes: 36 of them.
    assert row.p_value * 36 == pytest.approx(round(row.p_value * 36))
    # Some are drawn where there are too many, and the order that there is counts as one.
    few = prediction_beyond_loss(trajectory(m), trajectory(ell), events(e), at=100, n_draws=20)
    assert few.p_value.item() * 21 == pytest.approx(round(few.p_value.item() * 21))
    # A size without events adds nothing.
    e[1] = np.nan
    alone = prediction_beyond_loss(trajectory(m), trajectory(ell), events(e), at=100).loc[100]
    first = (trajectory(m[0]), trajectory(ell[0]), events(e[0]))
    one = prediction_beyond_loss(*first, at=100).loc[100]
    same = ["error_mean", "error_nll", "error_both", "gain", "low", "high", "p_value", "n_runs"]
    np.testing.assert_allclose(alone[same], one[same])


def rejections(n_seeds, n_task_levels, *, runs=0.0, beyond=0.0, keep=1.0, n=1000, seed=0):
    """Return how often a gain is significant, and all gains, run by run.

    Half of the loss predicts emergences, and half of it is in the measure; `beyond` is what else of
    the measure predicts them. `runs` is how much runs differ in each of them, in units of noise,
    and emergences above the quantile `keep` are censored.
    """
    rng = np.random.default_rng(seed)
    orders, _ = draw_orders(n_seeds, 999, rng)
    p, by_run = [], []
    for _ in range(n):
        ell, own, noise = rng.standard_normal((3, n_seeds, n_task_levels)) + runs * (
            rng.standard_normal((3, n_seeds, 1))
        )
        e = 0.5 * ell + beyond * own + noise
        e = np.minimum(e, np.quantile(e, keep))
        arrays = (a - a.mean(axis=0) for a in (ell, own + 0.5 * ell, e))
        _, of_nll, of_both = _errors(*arrays, orders, n_seeds)
        p.append(p_value((of_nll - of_both).sum(axis=-1)))
        by_run.append((of_nll - of_both)[0])
    by_run = np.array(by_run)
    return (np.array(p) <= LEVEL).mean(), by_run


def test_level_and_power_in_short():
    for runs in (0.0, 1.0):
        assert rejections(4, 12, runs=runs, n=300)[0] <= 0.09
        assert rejections(5, 12, runs=runs, keep=0.6, n=300)[0] <= 0.09
    assert rejections(5, 24, beyond=0.5, n=100)[0] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("n_seeds", [4, 5, 6])
def test_level(n_seeds):
    """.03 to .07, with runs that differ or not, censored or not; intervals are too narrow."""
    for i, options in enumerate(({}, {"runs": 1.0}, {"runs": 1.0, "keep": 0.6})):
        rate, by_run = rejections(n_seeds, 12, seed=i, **options)
        assert 0.02 <= rate <= 0.08, options
        # A slope has to be fitted, and costs something where it is of no use.
        assert by_run.mean() < 0
        low, high = np.array([student_interval(each) for each in by_run]).T
        covered = ((low <= by_run.mean()) & (by_run.mean() <= high)).mean()
        assert 0.73 < covered < 0.96, options


# As the docstring has them.
POWER = {
    (4, 12): (0.55, 0.33),
    (4, 24): (0.88, 0.41),
    (5, 12): (0.82, 0.45),
    (5, 24): (0.98, 0.52),
    (6, 12): (0.93, 0.50),
    (6, 24): (1.00, 0.57),
}


@pytest.mark.slow
@pytest.mark.parametrize(("n_seeds", "n_task_levels"), POWER)
def test_power(n_seeds, n_task_levels):
    rates = [
        rejections(n_seeds, n_task_levels, beyond=0.5, runs=runs, n=500)[0] for runs in (0.0, 1.0)
    ]
    np.testing.assert_allclose(rates, POWER[n_seeds, n_task_levels], atol=0.06)


M, ELL, E = (f(a) for f, a in zip((trajectory, trajectory, events), draw(), strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: prediction_beyond_loss(M, ELL, E, at=50),
            "at=50 must be updates at which meas",
        ),
        (lambda: prediction_beyond_loss(M, ELL, E, at=[]), "at=.* must be updates"),
        (lambda: prediction_beyond_loss(M, ELL, E, at="early"), "at='early' is not a real number"),
        (
            lambda: prediction_beyond_loss(M, ELL.sel(step=[0, 5000]), E, at=100),
            "at which nll was recorded; choose from 0, 5000",
        ),
        (
            lambda: prediction_beyond_loss(M.isel(step=1), ELL, E, at=100),
            "measure has the dimensions task, seed, and no step",
        ),
        (
            lambda: prediction_beyond_loss(M.expand_dims("layer"), ELL, E, at=100),
            "measure has the dimension layer; select",
        ),
        (
            lambda: prediction_beyond_loss(*(a.isel(seed=[0, 1]) for a in (M, ELL, E)), at=100),
            r"2 seed\(s\).*at least 3",
        ),
        (lambda: prediction_beyond_loss(M, ELL, 10 * E, at=100), "after the last visit of nll"),
        (lambda: prediction_beyond_loss(M, ELL, E * np.nan, at=100), "6 never do"),
        (lambda: prediction_beyond_loss(M, ELL, 0 * E, at=100), "6 task-levels have emerged by"),
        (
            lambda: prediction_beyond_loss(M.where(M.step == 0), ELL, E, at=100),
            "measure is not finite at 24 of 24 places at 100",
        ),
        (
            lambda: prediction_beyond_loss(M.isel(task=[0]), ELL, E, at=100),
            "other labels of task",
        ),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
