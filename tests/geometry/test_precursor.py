"""Verdicts on measures whose relation to capabilities is known."""

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge import emergence_step
from sklearn_emerge.geometry import departure_step, leads, precursor_test
from sklearn_emerge.geometry._verdict import ANSWERS
from sklearn_emerge.inference import required_seeds, sign_flip_test, student_interval

STEPS = np.r_[np.arange(0, 200, 10), np.unique(np.round(200 * 1.12 ** np.arange(36)))]
DIMS = ("task", "level", "seed")
# Log updates of emergences, of departures, and how much they vary.
LATE, EARLY, SPREAD = 6.8, 5.0, 0.3


def on_grid(log_steps, dims=DIMS):
    """Return events at the visits at which they are seen."""
    index = np.searchsorted(STEPS, np.exp(log_steps))
    seen = np.where(index < len(STEPS), STEPS[np.minimum(index, len(STEPS) - 1)], np.nan)
    return xr.DataArray(seen, dims=dims)


def draw(rng, mean=0.0, n_seeds=5, n_tasks=8):
    return mean + SPREAD * rng.standard_normal((n_tasks, 3, n_seeds))


def verdict(departure, emergence, **options):
    return precursor_test(departure, emergence, STEPS, **options).verdicts.iloc[0]


def test_words():
    rng = np.random.default_rng(0)
    base, far, close = draw(rng), draw(rng, LATE), 0.02 * draw(rng)
    departure, null = on_grid(EARLY + base), on_grid(EARLY + 0.7 + draw(rng))
    coupled = on_grid(LATE + base + 0.3 * draw(rng))
    found = verdict(departure, coupled, null_departure=null)
    assert (found.verdict, found.p_adjusted <= 0.05) == ("precursor", True)
    # What is early, and follows from nothing.
    found = verdict(departure, on_grid(far), null_departure=null)
    assert found.verdict == "early"
    assert "coupling is not shown" in found.reason
    # The start of any training.
    found = verdict(departure, coupled, null_departure=on_grid(EARLY + draw(rng)))
    assert found.verdict == "early"
    assert "null world is not shown" in found.reason
    found = verdict(departure, coupled)
    assert found.verdict == "early"
    assert found.reason == "without a null world a precursor cannot be tested"
    # A measure that follows what can be done, and one that moves together with it.
    assert verdict(coupled, departure, null_departure=null).verdict == "late"
    together = on_grid(EARLY + base + close)
    assert verdict(departure, together, null_departure=null).verdict == "synchronous"
    # One that is before in some runs and behind in others.
    either = on_grid(5.5 + 1.5 * rng.standard_normal((1, 1, 5)) + draw(rng))
    found = verdict(either, on_grid(5.5 + draw(rng)), null_departure=null)
    assert found.verdict == "undecided"
    assert found.seeds_needed > 5


def test_a_lead_is_needed_against_every_behaviour():
    rng = np.random.default_rng(0)
    base = draw(rng)
    departure, null = on_grid(EARLY + base), on_grid(EARLY + 0.7 + draw(rng))
    both = {"exact match": on_grid(LATE + base), "gain": on_grid(EARLY - 1 + base)}
    result = precursor_test(departure, both, STEPS, null_departure=null)
    orders = result.answers.xs("order", level="answer").effect.to_numpy()
    assert orders[0] > 0 > orders[1]
    assert result.verdicts.verdict.item() == "undecided"
    assert verdict(departure, both["exact match"], null_departure=null).verdict == "precursor"


def test_answers_are_what_they_say():
    rng = np.random.default_rng(0)
    departure, null = on_grid(draw(rng, EARLY)), on_grid(draw(rng, EARLY + 0.3))
    emergence = on_grid(draw(rng, LATE))
    answers = precursor_test(departure, emergence, STEPS, null_departure=null).answers
    assert answers.index.names == ["measure", "behaviour", "answer"]
    rows = answers.loc["departure", "emergence"]
    assert list(rows.index) == list(ANSWERS)
    found = leads(departure, emergence, STEPS).isel(behaviour=0)
    of_run = found.log_lead.where(found.kind != "synchronous", 0).mean(["task", "level"])
    assert rows.effect["order"] == pytest.approx(of_run.mean().item())
    assert rows.low["order"] == pytest.approx(student_interval(of_run.values).low)
    of_run = np.log(null / departure).mean(["task", "level"]).values
    assert rows.effect["null world"] == pytest.approx(of_run.mean())
    assert rows.p_value["null world"] == sign_flip_test(of_run).pvalue
    assert (rows.low <= rows.effect).all()
    assert (rows.effect <= rows.high).all()
    # Order of dimensions, and of labels, is none of the data.
    turned = departure.isel(task=slice(None, None, -1)).transpose("seed", "task", "level")
    labels = {"task": np.arange(8)[::-1]}
    again = precursor_test(
        turned.assign_coords(labels),
        emergence.assign_coords(task=np.arange(8)),
        STEPS,
        null_departure=null.assign_coords(task=np.arange(8)),
    ).answers
    first_three = slice(0, 3)
    np.testing.assert_allclose(again.p_value[first_three], answers.p_value[first_three])


def test_from_trajectories():
    """As a cube has them: a measure that falls and rises, and accuracies that follow or do not."""
    rng = np.random.default_rng(0)
    base, null_base = draw(rng), draw(rng, 0.8)
    log_step = np.log(np.maximum(STEPS, 1))

    def dip(when):
        return 4 + 3 * (log_step - when[..., np.newaxis]) ** 2

    def rise(when):
        return 1 / (1 + np.exp(-4 * (log_step - when[..., np.newaxis])))

    variables = {"rankme": dip(4.4 + base), "null": dip(4.4 + null_base)}
    variables |= {"follows": rise(LATE + base), "alone": rise(draw(rng, LATE))}
    cube = xr.Dataset(
        {name: ((*DIMS, "step"), values) for name, values in variables.items()}, {"step": STEPS}
    )
    departure, null = (departure_step(cube[name]) for name in ("rankme", "null"))
    words = [
        verdict(departure, emergence_step(cube[name], 0.5), null_departure=null).verdict
        for name in ("follows", "alone")
    ]
    assert words == ["precursor", "early"]
    answers = precursor_test(departure, emergence_step(cube.follows, 0.5), cube.step).answers
    assert answers.index[0] == ("rankme", "emergence", "order")


def test_leads_within_an_interval_are_none():
    rng = np.random.default_rng(0)
    place = rng.integers(22, 40, (8, 3, 5))
    departure, emergence = (xr.DataArray(STEPS[place + i].astype(float), dims=DIMS) for i in (0, 1))
    for n_intervals, word in ((1, "synchronous"), (0, "early")):
        result = precursor_test(departure, emergence, STEPS, n_intervals=n_intervals)
        assert result.verdicts.verdict.item() == word
        # Visits are 1.12 times as late as those before.
        expected = (1 - n_intervals) * np.log(1.12)
        assert result.answers.effect.iloc[0] == pytest.approx(expected, abs=0.01)


def test_seeds_needed_are_those_of_the_order_seen():
    of_run = np.array([0.9, -0.3, 0.5, -0.2, 0.4])
    departure = xr.DataArray(np.full((1, 5), 200.0), dims=("task", "seed"))
    index = np.searchsorted(STEPS, 200 * np.exp(of_run))
    emergence = departure.copy(data=STEPS[np.newaxis, index])
    found = precursor_test(departure, emergence, STEPS, n_intervals=0)
    lead = np.log(emergence.values[0] / 200)
    row = found.verdicts.iloc[0]
    assert row.verdict == "undecided"
    assert row.seeds_needed == required_seeds(lead, alpha=0.025)


@pytest.mark.parametrize(("n_seeds", "word"), [(2, "undecided"), (3, "undecided"), (6, "early")])
def test_runs_that_are_all_equal_are_judged_by_their_signs(n_seeds, word):
    departure = xr.DataArray(np.full((1, n_seeds), 200.0), dims=("task", "seed"))
    emergence = departure.copy(data=np.full((1, n_seeds), STEPS[-1]))
    found = precursor_test(departure, emergence, STEPS)
    assert found.answers.xs("order", level="answer").p_value.item() == 2.0 ** (1 - n_seeds)
    assert found.verdicts.verdict.item() == word
    if word == "undecided":
        assert found.verdicts.seeds_needed.item() == 6


def test_draws_are_those_of_the_stream():
    rng = np.random.default_rng(3)
    departure, null, emergence = (
        on_grid(draw(rng, mean, n_seeds=18, n_tasks=2)) for mean in (EARLY, EARLY, 6.0)
    )

    def p_values(departure, **options):
        options = {"null_departure": null, "n_draws": 99} | options
        answers = precursor_test(departure, emergence, STEPS, **options).answers
        return answers.p_value.unstack("answer")["null world"]

    # Signs of 18 runs are flipped at random.
    found = [p_values(departure, random_state=seed).item() for seed in range(4)]
    assert len(set(found)) > 1
    assert p_values(departure, random_state=2).item() == found[2]
    many = {"b": departure, "a": departure}
    both = p_values(many, random_state=2, null_departure=dict.fromkeys(many, null))
    assert (both == found[2]).all()


def test_intervals_of_correlations_end_where_correlations_do():
    """Three seeds and four tasks leave out runs that say the opposite."""
    rng = np.random.default_rng(1)
    departure, emergence = (on_grid(mean + draw(rng, n_seeds=3, n_tasks=4)) for mean in (5, 6.8))
    answers = precursor_test(departure, emergence, STEPS).answers.reset_index().set_index("answer")
    coupling, specificity = answers.loc["coupling"], answers.loc["specificity"]
    assert -1 <= coupling.low < coupling.high <= 1
    assert min(coupling.low + 1, 1 - coupling.high) == 0
    assert -2 <= specificity.low < specificity.high <= 2


def test_holm_is_over_measures():
    """Nine measures of nothing beside it make a precursor early."""
    rng = np.random.default_rng(0)
    base = draw(rng)
    own, null = on_grid(EARLY + base), on_grid(EARLY + 0.7 + draw(rng))
    emergence = on_grid(LATE + base)
    noise = {f"noise {i}": on_grid(draw(rng, EARLY)) for i in range(9)}
    many = {"own": own, **noise}
    found = precursor_test(many, emergence, STEPS, null_departure=dict.fromkeys(many, null))
    row = found.verdicts.loc["own"]
    assert row.verdict == "early"
    assert row.p_adjusted == pytest.approx(10 * row.p_value)
    assert "5 seeds cannot show a precursor, 8 can" in row.reason
    alone = precursor_test(
        many, emergence, STEPS, null_departure=dict.fromkeys(many, null), correction=None
    )
    assert alone.verdicts.verdict["own"] == "precursor"


def test_four_seeds_are_too_few_and_two_sizes_of_them_are_not():
    rng = np.random.default_rng(0)
    base = np.stack([draw(rng, n_seeds=4), draw(rng, n_seeds=4)])
    departure, null, emergence = (
        on_grid(a, ("size", *DIMS)) for a in (EARLY + base, EARLY + 1 + base, LATE + base)
    )
    one = [a.isel(size=0) for a in (departure, emergence, null)]
    found = verdict(one[0], one[1], null_departure=one[2])
    assert (found.verdict, found.reason) == ("early", "4 seeds cannot show a precursor, 5 can")
    assert verdict(departure, emergence, null_departure=null).verdict == "precursor"


def test_what_never_was_is_not_dropped():
    rng = np.random.default_rng(0)
    departure, emergence = on_grid(draw(rng, EARLY)), on_grid(draw(rng, LATE))
    censored = emergence.where(emergence.task < 4)
    full, some = (
        precursor_test(departure, e, STEPS).answers.effect.iloc[0] for e in (emergence, censored)
    )
    bound = np.log(STEPS[-1] / departure.where(departure.task >= 4)).mean()
    seen = np.log(censored / departure).mean()
    assert some == pytest.approx((bound.item() + seen.item()) / 2)
    assert some > full
    never = precursor_test(
        {"a": departure, "b": departure * np.nan}, emergence, STEPS
    ).verdicts.loc["b"]
    assert (never.verdict, never.reason) == ("undecided", "the measure never departs")


def test_level_of_the_verdict_in_short():
    """Early, earlier than in the null world, and not coupled: seldom a precursor."""
    rng = np.random.default_rng(0)
    words = []
    for _ in range(40):
        pace = 0.3 * rng.standard_normal((1, 1, 5))
        departure, emergence, null = (
            on_grid(draw(rng, mean, n_tasks=4) + pace) for mean in (EARLY, LATE, EARLY + 1)
        )
        words.append(verdict(departure, emergence, null_departure=null, n_draws=99).verdict)
    assert words.count("precursor") <= 7
    assert set(words) <= {"precursor", "early"}


@pytest.mark.slow
def test_level_of_verdicts():
    """Of order words under the same times, and of precursors without a coupling."""
    rng, n = np.random.default_rng(0), 500
    words, same = [], []
    for _ in range(n):
        pace = 0.3 * rng.standard_normal((1, 1, 5))
        departure, emergence, null = (
            on_grid(draw(rng, mean, n_tasks=4) + pace) for mean in (EARLY, LATE, EARLY + 1)
        )
        words.append(verdict(departure, emergence, null_departure=null, n_draws=99).verdict)
        first, second = (on_grid(draw(rng, 6, n_tasks=4) + pace) for _ in range(2))
        same.append(verdict(first, second, n_draws=99).verdict)
    assert 0.02 <= words.count("precursor") / n <= 0.07
    assert (same.count("early") + same.count("late")) / n <= 0.07


D = on_grid(draw(np.random.default_rng(0), EARLY))
E = on_grid(draw(np.random.default_rng(1), LATE))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: precursor_test(D.isel(task=0), E, STEPS), "'departure' has.*and no task; name"),
        (lambda: precursor_test(D, E.isel(seed=0), STEPS), "'emergence' has.*and no seed"),
        (lambda: precursor_test(D.isel(seed=[0]), E, STEPS), "'departure' has one seed.*5; train"),
        (lambda: precursor_test(D.isel(level=0), E, STEPS), "all must have the same"),
        (lambda: precursor_test(D, E.isel(seed=[0, 1]), STEPS), "other labels of seed"),
        (lambda: precursor_test(D.expand_dims("layer"), E, STEPS), "dimension layer; select one"),
        (lambda: precursor_test(D, E * np.nan, STEPS), "'emergence' has no events at all.*Train"),
        (lambda: precursor_test(D, E, STEPS[::-1]), "steps must rise.*sort the visits"),
        (lambda: precursor_test(D, E + 1, STEPS), "has an event at .* where no visit was"),
        (lambda: precursor_test([1, 2], E, STEPS), "departure must be a DataArray, or some"),
        (lambda: precursor_test(D, E, STEPS, alpha=1.0), "'alpha' .* Got 1.0"),
        (lambda: precursor_test(D, E, STEPS, correction="x"), "correction='x' is not known"),
        (
            lambda: precursor_test({"a": D}, E, STEPS, null_departure={"b": D}),
            "null_departure has the measures b, and departure a; pass the same",
        ),
        (lambda: precursor_test(D, E, STEPS, random_state=-1), "random_state=-1"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()
