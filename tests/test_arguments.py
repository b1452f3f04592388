"""Functions on numbers say which argument is wrong, what it is, and what to pass instead."""

import numpy as np
import pytest
import xarray as xr
from torch import nn

from sklearn_emerge import EmergenceCurve, LinearSystemWorld
from sklearn_emerge import inference as i
from sklearn_emerge import linear_systems as s
from sklearn_emerge import measures as m
from sklearn_emerge.emergence import fit_curve

D = [0.1, 0.2, 0.4]
CAPACITY = np.logspace(2, 6, 12)
RATE = 1 / (1 + (CAPACITY / 2e4) ** -1.5)
LOGITS = np.zeros((3, 4, 10))
LAYER = nn.Linear(3, 2)
WORLD = LinearSystemWorld.random_walk(n_steps=20)
WALK = (0.1, 1.0)


def scores(values, capacity):
    return xr.DataArray(values, dims="c", coords={"c": capacity})


INFERENCE = [
    (lambda: i.sign_flip_test("ab"), "differences='ab' is not a real number.*pass numbers"),
    (lambda: i.sign_flip_test(["1", "2"]), r"differences=\['1', '2'\].*pass numbers"),
    (lambda: i.sign_flip_test([1j, 2]), "differences=.*complex.*pass numbers"),
    (lambda: i.sign_flip_test([1, [2]]), r"differences=\[1, \[2\]\].*rows of equal length"),
    (lambda: i.sign_flip_test(np.ma.masked_equal(D, 0.2)), "differences has masked.*compressed"),
    (lambda: i.sign_flip_test(D, n_draws=0), "n_draws=0 must be an integer of at least 1"),
    (lambda: i.sign_flip_test(D, n_draws=2.5), "n_draws=2.5 must be an integer"),
    (lambda: i.sign_flip_test(D, n_draws=True), "n_draws=True must be an integer"),
    (
        lambda: i.sign_flip_test(range(40), method="exact"),
        r"method='exact' would enumerate 2\^40 patterns.*choose 'monte-carlo'",
    ),
    (
        lambda: i.sign_flip_test(D, method="monte-carlo", random_state=-1),
        "random_state=-1 is no source.*pass a non-negative integer",
    ),
    (lambda: i.paired_permutation_test(D, D, n_draws=-3), "n_draws=-3 must be an integer"),
    (lambda: i.paired_permutation_test(D, "abc"), "second='abc'.*pass numbers"),
    (lambda: i.two_sample_permutation_test(D, D, n_draws=0), "n_draws=0 must be an integer"),
    (lambda: i.two_sample_permutation_test(D, D, n_draws=1.5), "n_draws=1.5 must be an integer"),
    (
        lambda: i.two_sample_permutation_test(D, D, random_state="x"),
        "random_state='x' is no source",
    ),
    (lambda: i.student_interval(D, confidence="0.9"), "confidence='0.9' is not a level"),
    (lambda: i.bootstrap_interval(D, n_draws=1), "n_draws=1 must be an integer of at least 2"),
    (lambda: i.bootstrap_interval(D, random_state=-3), "random_state=-3 is no source"),
    (lambda: i.sign_flip_bounds([0.1]), r"differences has shape \(1,\).*at least 2"),
    (lambda: i.sign_flip_bounds(D, confidence=95), "confidence=95 is not a level"),
    (lambda: i.sign_flip_bounds(D, n_draws=0), "n_draws=0 must be an integer of at least 1"),
    (lambda: i.sign_flip_bounds(range(20), random_state=-1), "random_state=-1 is no source"),
    (lambda: i.corrected_resampled_test("ab", 30, 10), "differences='ab'.*pass numbers"),
    (lambda: i.corrected_resampled_test(D, 0, 10), "n_train=0 must be an integer of at least 1"),
    (lambda: i.corrected_resampled_test(D, 30, 0.25), "n_test=0.25 must be an integer"),
    (
        lambda: i.corrected_resampled_test(D, 30, 10, margin=np.nan),
        "margin=nan must be one finite number; pass a difference",
    ),
    (lambda: i.corrected_resampled_interval(D, 30, 10, confidence=1), "confidence=1 is not a"),
    (lambda: i.outside_majority([0.1, np.inf, 0.2]), "values=.*must be finite; drop"),
    (
        lambda: i.adjust_p_values([2]),
        "p_values contains 2, which is no probability.*between 0 and 1",
    ),
    (lambda: i.adjust_p_values([-0.1, 0.5], None), "p_values contains -0.1"),
    (lambda: i.adjust_p_values([np.inf, 0.5]), "p_values contains inf"),
    (lambda: i.adjust_p_values("a"), "p_values='a'.*pass numbers"),
    (lambda: i.smallest_p_value(True), "n_seeds=True must be an integer"),
    (lambda: i.smallest_p_value(5, 2.5), "n_tests=2.5 must be an integer"),
    (lambda: i.smallest_p_value(5, n_flips=0), "n_flips=0 must be an integer of at least 1"),
    (lambda: i.seeds_needed(0.05, 0), "n_tests=0 must be an integer"),
    (lambda: i.required_seeds([1.0, 1.0, 1.0]), r"pilot=\[1.0.*no spread.*ask seeds_needed"),
    (lambda: i.required_seeds([0.3, 0.1 + 0.2, 0.3]), r"pilot=\[0.3.*no spread"),
    (lambda: i.required_seeds(D, effect="a"), "effect='a'.*pass numbers"),
    (
        lambda: i.required_seeds(D, effect=[1]),
        r"effect=\[1\] must be one finite number; pass a diff",
    ),
    (lambda: i.required_seeds(D, max_seeds=1), "max_seeds=1 must be an integer of at least 2"),
    (lambda: i.required_seeds(D, n_tests=True), "n_tests=True must be an integer"),
    (lambda: i.hoeffding_p_value(1.2, 0.1, 5), "'score' .* Got 1.2"),
    (lambda: i.hoeffding_p_value(0.2, 0.1, 0), "'n_queries' .* Got 0"),
    (lambda: i.hoeffding_interval(0.2, 5, 1.0), "'confidence' .* Got 1.0"),
    (lambda: i.required_seeds(D, correction="x"), "correction='x' is not known; choose"),
]
LINEAR_SYSTEMS = [
    (lambda: s.filter_risk(np.nan, 1, 2, 10), "'q' .* Got nan"),
    (lambda: s.filter_risk(*WALK, -1, 10), r"'length' .* \[0, 9007199254740992\]. Got -1"),
    (lambda: s.filter_risk(*WALK, 2, 10**400), "'horizon' .* Got 1000"),
    (lambda: s.filter_risk(1e308, 1e-308, 2, 10), "q=1e.308 and r=1e-308.*pass r=0"),
    (lambda: s.filter_risk(1e-308, 1e308, 2, 10), "q=1e-308 and r=1e.308.*larger q"),
    (lambda: s.critical_filter_length(*WALK, 10, tol=0), "'tol' .* Got 0"),
    (lambda: s.linear_filter_risk(1, 1, *WALK, 2, 10**400), "'horizon' .* Got 1000"),
    (lambda: s.linear_filter_risk(1, 1, *WALK, 1, 10, coef=["a"]), r"coef=\['a'\].*pass numbers"),
    (lambda: s.best_filter(1, 1, *WALK, 1.5, 10), "'length' .* Got 1.5"),
    (lambda: s.shortest_stable_length("a", 1), "A='a'.*pass numbers"),
    (lambda: s.orbit_dimension(1j), "A=1j.*complex.*pass numbers"),
    (lambda: s.excess_risk(None, WORLD), "cube must be a Dataset.*got NoneType. Pass Emerg"),
    (lambda: s.excess_risk(xr.Dataset(), WORLD), "cube must be a Dataset with nll"),
    (lambda: s.equivalent_filter_length("a", WORLD), "risk='a'.*pass numbers"),
]
MEASURES = [
    (lambda: m.capacity("a", 1, 1, 1), "n_parameters='a'.*pass numbers"),
    (lambda: m.capacity(1, 1.5, 1, 1), "n_heads=1.5 must be whole; pass a count"),
    (lambda: m.capacity(1, 1, 1, np.inf), "flops=inf must be at least .* finite"),
    (
        lambda: m.capacity([1, 2], [1, 2, 3], 1, 1),
        r"n_parameters \(2,\), n_heads \(3,\).*pass numbers, or arrays that broadcast",
    ),
    (lambda: m.count_flops("x", (5, 3)), "module='x' is not a torch.nn.Module; .* network_"),
    (lambda: m.module_capacity(LAYER, (3,)), r"shape=\(3,\) must begin .*pass \(n_sequences"),
    (lambda: m.module_capacity(LAYER, (0, 2, 3)), r"shape=\(0, 2, 3\) must begin"),
    (lambda: m.module_capacity(LAYER, 3), "shape=3 must begin"),
    (lambda: m.module_capacity("x", (1, 2, 3)), "module='x' is not a torch.nn.Module"),
    (lambda: m.attention_gate("a", heads=[0], tokens=[1]), "attention_logits='a'.*pass numbers"),
    (
        lambda: m.attention_gate(LOGITS - np.inf, heads=[0], tokens=[1]),
        "attention_logits are minus infinity.*pass logits",
    ),
]
EMERGENCE = [
    (lambda: fit_curve(scores(RATE, list("abcdefghijkl")), "c"), "capacity=.*pass numbers"),
    (lambda: fit_curve(scores(list("abcdefghijkl"), CAPACITY), "c"), "scores=.*pass numbers"),
    (lambda: EmergenceCurve().fit(CAPACITY, RATE, n_trials="x"), "n_trials='x'.*pass numbers"),
    (
        lambda: EmergenceCurve().fit(CAPACITY, RATE, n_trials=[5, 6]),
        r"n_trials has shape \(2,\), but there are 12 rates; pass one number",
    ),
]


@pytest.mark.parametrize(("call", "message"), INFERENCE + LINEAR_SYSTEMS + MEASURES + EMERGENCE)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call()


def test_remedies_work():
    assert 0 < i.sign_flip_test(range(40), method="monte-carlo", n_draws=99).pvalue <= 1
    assert i.sign_flip_test(np.ma.masked_equal(D, 0.2).compressed()).pvalue == 1 / 4
    assert i.seeds_needed() == 5
    assert s.filter_risk(1e308, 0, 10, 10) == 0
