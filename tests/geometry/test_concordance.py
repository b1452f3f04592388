"""Concordance and swaps: orders that are known, and what no relation gives."""

from itertools import permutations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sklearn_emerge.geometry import concordance, swap_test
from sklearn_emerge.geometry._concordance import _of_pairs
from sklearn_emerge.geometry._pairs import order_of
from sklearn_emerge.inference._shares import share_interval


def runs(values, dims=("seed", "task")):
    return xr.DataArray(np.asarray(values, float), dims=dims)


def test_concordance_is_kendalls():
    """With the exact p-value of one run."""
    rng = np.random.default_rng(0)
    for _ in range(3):
        d, e = rng.permutation(7), rng.permutation(7)
        row = concordance(runs([d]), runs([e]), late_when="high").loc["all"]
        kendall = stats.kendalltau(d, e, method="exact", alternative="greater")
        assert row.concordance == pytest.approx((1 + kendall.statistic) / 2)
        assert row.p_value == pytest.approx(kendall.pvalue)
        assert row.n_pairs == 21
        assert np.isnan(row.low)
        other = concordance(runs([d]), runs([e]), late_when="low").loc["all"]
        assert other.concordance == pytest.approx(1 - row.concordance)


def test_interval_is_over_runs():
    rng = np.random.default_rng(0)
    d, e = rng.standard_normal((2, 5, 6))
    row = concordance(runs(d), runs(e), late_when="high", n_draws=9).loc["all"]
    of_run = [(1 + stats.kendalltau(a, b).statistic) / 2 for a, b in zip(d, e, strict=True)]
    assert row.concordance == pytest.approx(np.mean(of_run))
    assert (row.low, row.high) == pytest.approx(share_interval(of_run, n_units=6))


def test_intervals_stay_between_0_and_1():
    order = np.arange(6)
    row = concordance(runs([order] * 3), runs([order] * 3), late_when="high").loc["all"]
    assert row.concordance == row.high == 1
    assert 0.3 < row.low < 0.6
    swapped = runs([order, order, order[::-1]])
    row = concordance(runs([order] * 3), swapped, late_when="high").loc["all"]
    assert 0 < row.low < row.concordance < row.high < 1


def test_censored_emergences_are_last_and_not_ordered_among_each_other():
    d = runs([[1, 2, 3, 4]])
    row = concordance(d, runs([[100, np.nan, 200, np.nan]]), late_when="high").loc["all"]
    # (1, 2), (1, 3), (1, 4), (3, 4) are right and (2, 3) is wrong.
    assert (row.n_pairs, row.concordance) == (5, 0.8)
    row = concordance(d, runs([[100, 100, 200, 200]]), late_when="high").loc["all"]
    assert (row.n_pairs, row.concordance) == (4, 1.0)
    # Equal measures are half right.
    row = concordance(0 * d, runs([[1, 2, 3, 4]]), late_when="high").loc["all"]
    assert (row.concordance, row.p_value) == (0.5, 1.0)


def test_classes_and_what_is_between_them():
    tasks = ["COPY", "REV", "ADD", "MUL", "MOD"]
    coords, dims = {"task": tasks}, ("task",)
    d = xr.DataArray([2, 1, 7, 8, 3], dims=dims, coords=coords)
    e = xr.DataArray([1, 2, 7, 8, 9], dims=dims, coords=coords)
    classes = {"easy": ["COPY", "REV"], "hard": ["ADD", "MUL"]}
    table = concordance(d, e, late_when="high", classes=classes)
    assert table.concordance.to_dict() == {"easy": 0.0, "hard": 1.0, "between classes": 1.0}
    assert table.n_pairs.to_dict() == {"easy": 1, "hard": 1, "between classes": 4}
    # Levels are task-levels of their own.
    both = xr.concat([d, d], "level"), xr.concat([e, e + 20], "level")
    levels = concordance(*both, late_when="high", classes=classes)
    assert levels.n_pairs["easy"] == 6


def no_relation(rng, n_task_levels, n_runs=5, spread=0.3):
    """Draw orders of tasks that are much the same in all runs, and have nothing to do with others.

    The spread is over runs, in units of that over tasks.
    """
    tasks, over_runs = (
        rng.standard_normal((2, 1, n_task_levels)),
        rng.standard_normal((2, n_runs, n_task_levels)),
    )
    return order_of(tasks + spread * over_runs)


@pytest.mark.parametrize(("n_task_levels", "low", "high"), [(4, 0.13, 0.87), (12, 0.31, 0.69)])
def test_no_relation_ranges_widely(n_task_levels, low, high):
    """27, 52 and 69% of the pairs of four tasks are all within the range of chance."""
    rng = np.random.default_rng(0)
    right, n_pairs = [], 5 * n_task_levels * (n_task_levels - 1) // 2
    for _ in range(1000):
        d, e = no_relation(rng, n_task_levels)
        right.append((n_pairs + (d * e).sum() / 2) / 2)
    right = np.round(right).astype(int)
    np.testing.assert_allclose(np.quantile(right / n_pairs, [0.025, 0.975]), [low, high], atol=0.04)
    binomial = 2 * stats.binom.cdf(np.minimum(right, n_pairs - right), n_pairs, 0.5) <= 0.05
    assert binomial.mean() > 0.35


def test_no_relation_is_seldom_significant():
    rng = np.random.default_rng(0)
    for n_task_levels, n_draws in ((4, 24), (8, 39)):
        p = [
            _of_pairs(*no_relation(rng, n_task_levels), 0.95, n_draws, rng)["p_value"]
            for _ in range(400)
        ]
        assert np.mean(np.array(p) <= 0.05) < 0.08


def test_a_concordance_without_pairs_says_why():
    tasks = {"task": ["COPY", "ADD", "MOD"]}
    d, e = D.assign_coords(tasks), E.assign_coords(tasks)
    for test in (concordance, swap_test):
        one = (each.isel(task=[0]).expand_dims(size=["a", "b"]) for each in (d, e))
        with pytest.raises(ValueError, match="one task and level, and an order is between two"):
            test(*one, late_when="high")
    with pytest.warns(UserWarning, match="of 'easy' is NaN: it has one task and level. Take more"):
        table = concordance(
            d, e, late_when="high", classes={"easy": ["COPY"], "hard": ["ADD", "MOD"]}
        )
    assert table.concordance.isnull().tolist() == [True, False, False]
    never = e.where(e.task == "COPY")
    with pytest.warns(UserWarning, match="of 'hard' is NaN: none of its pairs .* Train longer"):
        concordance(d, never, late_when="high", classes={"hard": ["ADD", "MOD"]})


def test_swap_scores_by_hand():
    dims, coords = ("size", "task"), {"size": ["a", "b"]}
    e = xr.DataArray([[1, 2, 3], [2, 1, 3.0]], dims=dims, coords=coords)
    turns = xr.DataArray([[5, 6, 7], [6, 5, 7.0]], dims=dims, coords=coords)
    stays = xr.DataArray([[5, 6, 7], [5, 6, 7.0]], dims=dims, coords=coords)
    for measure, each, both, q in ((turns, 1, 1, 1), (stays, 0.5, 0, 0)):
        row = swap_test(measure, e, late_when="high").loc["a, b"]
        assert (row.n_pairs, row.score_each, row.score_both, row.q) == (1, each, both, q)
        assert row.chance_both == q / 2
    assert swap_test(turns, e, late_when="low").score_each["all"] == 0
    none = swap_test(stays, stays, late_when="high").loc["all"]
    assert none.n_pairs == 0
    assert np.isnan(none.p_each)


def test_swap_p_value_is_that_of_all_labels():
    rng = np.random.default_rng(0)
    d, e = rng.standard_normal((2, 2, 4))
    found = swap_test(runs(d, ("size", "task")), runs(e, ("size", "task")), late_when="high")
    order = np.sign(e[:, :, None] - e[:, None])
    swapped = np.triu(order[0] * order[1] < 0)
    sums = []
    for labels in permutations(range(4)):
        of_d = d[:, list(labels)]
        sums.append(((np.sign(of_d[:, :, None] - of_d[:, None]) == order) & swapped).sum())
    assert found.p_each["all"] == np.mean(np.array(sums) >= sums[0])


def test_chance_of_both_right_is_half_of_what_turns():
    """Of noise at most .25, and nearly nothing of what does not depend on size."""
    rng = np.random.default_rng(0)
    dims = ("size", "seed", "task")
    e = runs(rng.standard_normal((2, 60, 8)), dims)
    own, noise = rng.standard_normal((1, 60, 8)), rng.standard_normal((2, 60, 8))
    for spread, q in ((0.01, 0.003), (1e6, 0.5)):
        row = swap_test(runs(own + spread * noise, dims), e, late_when="high", n_draws=1).loc["all"]
        assert row.q == pytest.approx(q, abs=0.05)
        assert row.score_each == pytest.approx(0.5, abs=0.05)
        assert row.score_both == pytest.approx(row.chance_both, abs=0.04)
        # One follows from the other.
        assert row.score_each == pytest.approx(row.score_both + (1 - row.q) / 2)


def test_intervals_of_swaps_are_over_runs():
    rng = np.random.default_rng(1)
    dims = ("size", "seed", "task")
    e, d = (runs(rng.standard_normal((3, 5, 6)), dims) for _ in range(2))
    found = swap_test(d, e, late_when="high", n_draws=19)
    alone = [
        swap_test(d.isel(seed=[i]), e.isel(seed=[i]), late_when="high", n_draws=1) for i in range(5)
    ]
    for name in ("each", "both"):
        shares = np.array([table[f"score_{name}"]["all"] for table in alone])
        low, high = share_interval(shares, n_units=6)
        row = found.loc["all"]
        assert row[f"score_{name}"] == pytest.approx(shares.mean())
        assert (row[f"low_{name}"], row[f"high_{name}"]) == pytest.approx((low, high))
        assert np.isnan(alone[0][f"low_{name}"]["all"])
    narrow = swap_test(d, e, late_when="high", n_draws=1, confidence=0.5).loc["all"]
    assert found.low_each["all"] < narrow.low_each < narrow.high_each < found.high_each["all"]


def test_swaps_of_no_relation_are_seldom_significant():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(60):
        d, e = rng.standard_normal((2, 2, 6))
        found = swap_test(
            runs(d, ("size", "task")), runs(e, ("size", "task")), late_when="high", n_draws=39
        )
        p.append(found.p_each["all"])
    assert 0 < np.mean(np.array(p) <= 0.05) < 0.12


D, E = runs([[1, 2, 3], [1, 2, 3]]), runs([[1, 2, 3], [1, 3, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: concordance(D, E, late_when="up"), "late_when='up' is not known; choose"),
        (lambda: concordance(D, E.isel(task=0), late_when="high"), "emergence has.*and no task"),
        (lambda: concordance(D * np.nan, E, late_when="high"), "measure is not finite at 6 of 6"),
        (lambda: concordance(D, E * np.nan, late_when="high"), "emergence has no events at all"),
        (lambda: concordance(D, E.isel(seed=[0]), late_when="high"), "other labels of seed"),
        (
            lambda: concordance(D.expand_dims("layer"), E, late_when="high"),
            "dimension layer; sel.*last_block",
        ),
        (
            lambda: concordance(D, E, late_when="high", classes={"easy": ["COPY"]}),
            "classes has 'COPY' in 'easy', but tasks are 0, 1, 2",
        ),
        (
            lambda: concordance(D, E, late_when="high", classes={"a": [0], "b": [0]}),
            "classes has 0 in 'a' and in 'b'",
        ),
        (lambda: concordance(D, E, late_when="high", n_draws=0), "'n_draws' .* Got 0"),
        (lambda: swap_test(D, E, late_when="high"), "measure has.*and no size"),
        (
            lambda: swap_test(D.expand_dims("size"), E.expand_dims("size"), late_when="high"),
            "measure has one size.*train another",
        ),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()
