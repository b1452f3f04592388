"""Leads of a measure: what they are, what is counted, and what independent curves give."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from sklearn_emerge import emergence_step
from sklearn_emerge.geometry import count_leads, departure_step, leads, precursor_test

STEPS = np.r_[np.arange(0, 200, 10), np.unique(np.round(200 * 1.12 ** np.arange(30)))]


def on_grid(events):
    """Return the visits at which events are seen, NaN after the last."""
    index = np.searchsorted(STEPS, events)
    return np.where(index < len(STEPS), STEPS[np.minimum(index, len(STEPS) - 1)], np.nan)


def tasks(events):
    return xr.DataArray(np.asarray(events, float), dims="task")


def table(departure, emergence, **options):
    return count_leads(leads(tasks(departure), tasks(emergence), STEPS, **options)).loc["emergence"]


def test_within_one_interval_is_synchronous():
    departure, emergence = [50] * 5, [50, 60, 40, 70, 30]
    one = leads(tasks(departure), tasks(emergence), STEPS)
    assert one.kind.values.tolist() == [["synchronous"] * 3 + ["early", "late"]]
    # The interval counts, not the updates: it is longer later.
    far = leads(tasks([STEPS[-3]]), tasks([STEPS[-2]]), STEPS)
    assert far.kind.item() == "synchronous"
    none = leads(tasks(departure), tasks(emergence), STEPS, n_intervals=0)
    assert none.kind.values.tolist() == [["synchronous", "early", "late", "early", "late"]]
    np.testing.assert_allclose(one.log_lead[0], np.log(np.array(emergence) / 50))


def test_nothing_is_dropped():
    found = leads(tasks([50, np.nan, np.nan]), tasks([np.nan, 50, np.nan]), STEPS)
    assert found.kind.values.tolist() == [["false alarm", "missed", "neither"]]
    assert found.censored.values.tolist() == [[True, True, False]]
    bound = np.log(STEPS[-1] / 50)
    np.testing.assert_allclose(found.log_lead[0], [bound, -bound, np.nan])
    row = count_leads(found).loc["emergence"]
    assert row[["false alarm", "missed", "neither"]].tolist() == [1, 1, 1]
    assert (row.precursor_rate, row.false_alarm_rate) == (0, 1)


def test_an_event_at_the_start_has_a_logarithm():
    found = leads(tasks([50]), tasks([0]), STEPS)
    assert found.log_lead.item() == pytest.approx(np.log(10 / 50))


def test_a_lead_is_against_each_behaviour():
    emergence = {"exact match": tasks([200, 200]), "gain": tasks([30, 200])}
    counts = count_leads(leads(tasks([50, 50]), emergence, STEPS))
    assert counts.precursor_rate.to_dict() == {"exact match": 1.0, "gain": 0.5}


def test_what_was_selected_from_a_cube_may_differ():
    """Its labels are still there, and are not those of others."""
    scores = xr.DataArray(
        [[200, 30], [100, 20]],
        dims=("task", "score"),
        coords={"task": ["COPY", "ADD"], "score": ["exact match", "gain"]},
        attrs={"units": "updates"},
    )
    emergence = {str(name): scores.sel(score=name) for name in scores.score.values}
    departure = scores.sel(score="gain").assign_coords(layer=3)[::-1]
    found = leads(departure, emergence, STEPS)
    assert found.kind.sel(behaviour="gain").values.tolist() == ["synchronous"] * 2
    assert found.kind.sel(task="ADD", behaviour="exact match") == "early"


def test_other_pairs_are_those_of_different_tasks():
    departure, emergence = tasks([50, 100, 150]), tasks([90, 90, 200])
    found = leads(departure, emergence, STEPS, pairs="other")
    assert found.kind.sizes == {"behaviour": 1, "task": 3, "measured_task": 3}
    for i in range(3):
        for j in range(3):
            pair = leads(departure.isel(task=[j]), emergence.isel(task=[i]), STEPS)
            kind = found.kind.isel(task=i, measured_task=j).item()
            assert kind == ("" if i == j else pair.kind.item())
    assert count_leads(found)[["early", "synchronous", "late"]].sum(axis=1).item() == 6


@pytest.mark.parametrize(
    ("n_early", "n", "low", "high"),
    [(0, 24, 0.0, 0.14), (32, 32, 0.89, 1.0), (28, 32, 0.71, 0.96), (19, 22, 0.65, 0.97)],
)
def test_small_counts_have_wide_intervals(n_early, n, low, high):
    row = table([50] * n, [STEPS[-5]] * n_early + [50] * (n - n_early))
    assert row.precursor_rate == n_early / n
    assert (round(row.low, 2), round(row.high, 2)) == (low, high)


def test_independent_curves_lead_always_or_half_the_time():
    """Where departures are early everywhere every task has a precursor, whatever it measures."""
    rng, n = np.random.default_rng(0), 4000
    early, late = on_grid(rng.uniform(60, 150, n)), on_grid(np.exp(rng.uniform(5.6, 7.7, n)))
    assert table(early, late, n_intervals=0).precursor_rate == 1
    emergence = on_grid(np.exp(rng.uniform(5, 8, n)))
    row = table(on_grid(np.exp(rng.uniform(5, 8, n))), emergence, n_intervals=0)
    ties = row.synchronous / n
    assert row.precursor_rate + ties / 2 == pytest.approx(0.5, abs=0.05)
    # Pairs of other tasks lead as often, which is what gives it away.
    own = leads(tasks(early[:24]), tasks(late[:24]), STEPS)
    other = leads(tasks(early[:24]), tasks(late[:24]), STEPS, pairs="other")
    rates = [count_leads(found).precursor_rate.item() for found in (own, other)]
    assert rates == [1, 1]


def test_smooth_independent_trajectories_lead_always():
    """From trajectories: a measure falls and rises, accuracies rise later, and both are alone."""
    rng = np.random.default_rng(0)
    bottom, middle = rng.uniform(60, 100, (24, 1)), np.exp(rng.uniform(5.8, 7.5, (24, 1)))
    log_step = np.log(np.maximum(STEPS, 1))
    values = 4 + 3 * (log_step - np.log(bottom)) ** 2
    accuracy = 1 / (1 + np.exp(-4 * (log_step - np.log(middle))))
    rankme, accuracy = (
        xr.DataArray(a, dims=("task", "step"), coords={"step": STEPS}) for a in (values, accuracy)
    )
    departure, emergence = departure_step(rankme), emergence_step(accuracy, 0.1)
    row = count_leads(leads(departure, emergence, STEPS)).loc["emergence"]
    assert row.early >= 23


def test_a_binomial_test_over_tasks_of_one_run_is_no_test():
    rng, n = np.random.default_rng(0), 300
    # A run is quick or slow in what is measured, and in what it can do.
    pace = rng.standard_normal((2, n, 1))
    d, e = (on_grid(np.exp(6 + 0.4 * (p + rng.standard_normal((n, 24)) * 1.5))) for p in pace)
    d, e = (xr.DataArray(events, dims=("seed", "task")) for events in (d, e))
    kind = leads(d, e, STEPS, n_intervals=0).kind.sel(behaviour="emergence")
    early, late = ((kind == word).sum("task").values for word in ("early", "late"))
    rejected = 2 * stats.binom.cdf(np.minimum(early, late), early + late, 0.5) <= 0.05
    assert rejected.mean() > 0.2


D, E = tasks([50, 100]), tasks([100, 200])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: leads(D.values, E, STEPS), "departure must be a DataArray.*not ndarray"),
        (lambda: leads(D.rename(task="t"), E, STEPS), "dimensions t, and no task; name them"),
        (lambda: leads(D, E.expand_dims("seed"), STEPS), "emergence has.*all must have the same"),
        (lambda: leads(D, E.assign_coords(task=["a", "b"]), STEPS), "other labels of task"),
        (lambda: leads(D, E, STEPS[::-1]), "steps must rise.*sort the visits"),
        (lambda: leads(D, E, [3]), r"steps has shape \(1,\); pass the updates of at least 2"),
        (lambda: leads(D + 1, E, STEPS), "departure has an event at 51, where no visit was"),
        (lambda: leads(D * np.nan, E * np.nan, STEPS), "there are no events at all. Train"),
        (lambda: leads(D, {}, STEPS), "emergence must be a DataArray, or some by name"),
        (lambda: leads(D, E, STEPS, pairs="all"), "'pairs' .* Got 'all'"),
        (lambda: leads(D, E, STEPS, n_intervals=-1), "'n_intervals' .* Got -1"),
        (
            lambda: leads(D.isel(task=[0]), E.isel(task=[0]), STEPS, pairs="other"),
            "needs at least 2 tasks",
        ),
        (lambda: count_leads(D), "found must be a Dataset with kind; pass what leads returns"),
        (lambda: count_leads(leads(D, E, STEPS), confidence=1), "confidence=1 must lie between"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()


def test_tables_print_every_column_in_80_columns():
    """Whatever pandas is set to, and with sentences below."""
    steps = np.arange(0, 2001, 10)
    d = xr.DataArray(10 * np.random.default_rng(0).integers(10, 30, (6, 4)), dims=("task", "seed"))
    behaviours = {"exact_match": 4 * d, "gain": 3 * d}
    with pd.option_context("display.width", 80, "display.max_columns", 3):
        result = precursor_test({"participation_ratio": d, "rankme": d}, behaviours, steps)
        counts = count_leads(leads(d, behaviours, steps))
        for text, tables in (
            (repr(result), [result.answers, result.verdicts.drop(columns="reason")]),
            (repr(counts), [counts]),
        ):
            assert max(map(len, text.splitlines())) <= 80
            assert "..." not in text
            for table in tables:
                assert all(name in text for name in (*table.index.names, *table.columns))
        assert f"rankme: {result.verdicts.reason['rankme']}" in repr(result.verdicts)
    assert type(counts[["early"]]) is pd.DataFrame
