"""The tests are tested: what they reject where nothing is, and what they find where something is.

Every simulated assessment draws its own worlds, trains and judges, as a user would. Rates are
compared with binomial bands around the nominal level that hold with probability 0.999.
"""

import numpy as np
import pytest
from scipy.stats import binom, permutation_test, ttest_1samp

from sklearn_emerge import (
    ArrayWorld,
    AutoregressivePredictor,
    BernoulliWorld,
    EmergenceAssessment,
    GRUPredictor,
    MarkovPredictor,
    OscillatorWorld,
    RegimeWorld,
)
from sklearn_emerge.inference import (
    corrected_resampled_test,
    paired_permutation_test,
    sign_flip_test,
)

pytestmark = pytest.mark.slow

ALPHA, N_SEEDS = 0.05, 5
# The level that an exact test of five signs attains.
ATTAINED = 1 / 32


def simulate(n, world, model, **options):
    """Return p-values (n, n_tests) by name of the test, and verdicts, of n assessments."""
    defaults = dict(n_train=20, n_eval=20, n_seeds=N_SEEDS, alpha=ALPHA, probe=None, progress=False)
    p_values, verdicts = [], []
    for i in range(n):
        drawn = world(i) if callable(world) else world
        cube = (
            EmergenceAssessment(drawn, model, random_state=i, **{**defaults, **options}).fit().cube_
        )
        of_gain = cube.p_value.sel(condition="structured", mode="full").item()
        tests = dict(zip(cube.test.values, cube.test_p_value.values, strict=True))
        p_values.append({"gain": of_gain, **tests})
        verdicts.append(cube.verdict.item())
    names = p_values[0]
    return {name: np.array([each[name] for each in p_values]) for name in names}, verdicts


def highest(n, level=ALPHA):
    """Return the upper end of the binomial band."""
    return binom.ppf(0.999, n, level) / n


def lowest(n, level):
    """Return the lower end of the binomial band."""
    return binom.ppf(0.001, n, level) / n


def assert_super_uniform(p_values):
    """No p-value is found too often at or below any level that it can attain."""
    n = len(p_values)
    for k in range(1, 32):
        assert np.mean(p_values <= k / 32 + 1e-9) <= highest(n, k / 32), k


CHEAP = {
    "continuous": (OscillatorWorld(n_steps=16).null("resample"), AutoregressivePredictor(2)),
    "binary": (BernoulliWorld(0.5, n_steps=16), MarkovPredictor()),
}


@pytest.mark.parametrize("kind", CHEAP)
def test_false_positives_of_a_cheap_predictor_in_memoryless_worlds(kind, report):
    world, model = CHEAP[kind]
    n = 1000
    options = dict(modes=("full",), nulls=("resample",), baselines=("mean", "persistence"))
    p_values, verdicts = simulate(n, world, model, **options)
    rates = {name: np.mean(p <= ALPHA) for name, p in p_values.items()}
    claimed = {"verdict operator": verdicts.count("operator") / n}
    for name, rate in (rates | claimed).items():
        report(f"no memory, {kind}, linear or Markov", name, rate, n)
    assert set(rates) == {"gain", "gain_over_baselines", "gain_over_null_resample"}
    for name, p in p_values.items():
        assert rates[name] <= highest(n), name
        assert_super_uniform(p)
    # Exchangeable with its null: the level is attained, not just kept.
    attained = rates["gain_over_null_resample"]
    assert lowest(n, ATTAINED) <= attained <= highest(n, ATTAINED)
    assert claimed["verdict operator"] <= highest(n)


def test_seeds_that_share_their_data_reject_too_often(report):
    """Why every seed draws its own data."""
    world, model = CHEAP["continuous"]
    options = dict(modes=("full",), nulls=("resample",), baselines=("mean", "persistence"))
    p_values, _ = simulate(200, world, model, shared_data=True, **options)
    rate = np.mean(p_values["gain_over_null_resample"] <= ALPHA)
    report("no memory, continuous, data shared by all seeds", "gain_over_null_resample", rate, 200)
    assert rate > 0.3


def test_false_positives_of_trained_networks(report):
    """Noise without memory, and latents that have nothing to do with it."""
    n = 60

    def world(i):
        rng = np.random.default_rng(1000 + i)
        X = rng.normal(size=(400, 16))
        latents = rng.normal(size=(400, 16)).cumsum(axis=1)
        return ArrayWorld(X, latents[:, :, np.newaxis])

    model = GRUPredictor(4, max_steps=60, lr=0.01, engine="numba")
    options = dict(probe="auto", n_train=60, n_eval=20, baselines=("mean", "persistence"))
    p_values, verdicts = simulate(n, world, model, **options)
    rates = {name: np.mean(p <= ALPHA) for name, p in p_values.items()}
    claimed = {c: sum(c in v for v in verdicts) / n for c in ("operator", "representation")}
    for name, rate in (rates | {f"verdict {c}": rate for c, rate in claimed.items()}).items():
        report("white noise, unrelated latents, trained GRU", name, rate, n)
    for name in ("gain", "gain_over_baselines", "gain_over_null_resample", "decoding_gain"):
        assert rates[name] <= highest(n), name
    assert max(claimed.values()) <= highest(n)


@pytest.mark.parametrize("graded", ["stickiness", "noise"])
def test_power_rises_with_structure(graded, report):
    if graded == "stickiness":
        grades = (0.5, 0.55, 0.6, 0.7)
        worlds = [RegimeWorld(32, (p, p), n_steps=16) for p in grades]
        model = MarkovPredictor()
    else:
        grades = (3.0, 0.3, 0.15, 0.05)
        worlds = [OscillatorWorld(observation_std=s, n_steps=16) for s in grades]
        model = AutoregressivePredictor(2)
    n = 100
    options = dict(modes=("full",), nulls=("resample",), baselines=("mean",))
    power = []
    for grade, world in zip(grades, worlds, strict=True):
        p_values, _ = simulate(n, world, model, **options)
        power.append(np.mean(p_values["gain_over_null_resample"] <= ALPHA))
        report(f"{graded} {grade}", "gain_over_null_resample", power[-1], n)
    assert power[0] <= highest(n)
    assert (np.diff(power) >= -2 * np.sqrt(0.25 / n)).all()
    assert power[-1] > 0.95


def test_permuting_rows_fails_and_permuting_sequences_does_not(report):
    """Two independent autocorrelated series: is their correlation found significant?"""
    rng = np.random.default_rng(0)
    n, n_sequences, n_steps, phi = 200, 8, 250, 0.99
    by_row, by_sequence = [], []

    def correlation(x, y, axis=-1):
        x, y = x - x.mean(axis=axis, keepdims=True), y - y.mean(axis=axis, keepdims=True)
        scale = np.sqrt((x**2).sum(axis=axis) * (y**2).sum(axis=axis))
        return np.abs((x * y).sum(axis=axis) / scale)

    for _ in range(n):
        series = rng.normal(size=(2, n_sequences, n_steps))
        for t in range(1, n_steps):
            series[..., t] += phi * series[..., t - 1]
        x, y = series.reshape(2, -1)
        result = permutation_test(
            (x, y), correlation, permutation_type="pairings", n_resamples=99, rng=rng,
            vectorized=True, alternative="greater",
        )  # fmt: skip
        by_row.append(result.pvalue)
        # The products of whole sequences are what is independent.
        agreement = (series[0] * series[1]).mean(axis=1)
        by_sequence.append(paired_permutation_test(agreement, np.zeros(n_sequences)).pvalue)
    rates = np.mean(np.array([by_row, by_sequence]) <= ALPHA, axis=1)
    report("two independent AR(1) of coefficient .99", "permuting rows", rates[0], n)
    report("two independent AR(1) of coefficient .99", "signs of sequences", rates[1], n)
    assert rates[0] > 0.8
    assert rates[1] <= highest(n)


@pytest.mark.parametrize("design", ["random", "5-fold"])
def test_splits_of_the_same_units_are_no_replicates(design, report):
    """A regression on one feature that helps as much as estimating its coefficient costs."""
    n, n_units, n_test, most_splits = 4000, 40, 8, 100
    n_train = n_units - n_test
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, n, n_units))
    # Of normal x, the coefficient of n_train units costs 1 / (n_train - 2) of the noise.
    y = x / np.sqrt(n_train - 2) + noise
    gains = np.empty((n, most_splits))
    for split in range(most_splits):
        fold = split % (1 if design == "random" else n_units // n_test)
        if fold == 0:
            order = rng.permuted(np.tile(np.arange(n_units), (n, 1)), axis=1)
        test = np.zeros((n, n_units), bool)
        np.put_along_axis(test, order[:, fold * n_test : (fold + 1) * n_test], True, axis=1)
        coef = (x * y * ~test).sum(axis=1) / (x**2 * ~test).sum(axis=1)
        gain = y**2 - (y - coef[:, np.newaxis] * x) ** 2
        gains[:, split] = (gain * test).sum(axis=1) / n_test
    assert abs(gains.mean()) < 4 * gains.mean(axis=1).std() / np.sqrt(n)
    rates = {}
    for n_splits in (5, 10, 20, 100):
        some = gains[:, :n_splits]
        p_values = {
            "sign_flip_test": [sign_flip_test(g, n_draws=999, random_state=rng) for g in some],
            "t of new units": [ttest_1samp(g, 0, alternative="greater") for g in some],
            "corrected": [corrected_resampled_test(g, n_train, n_test) for g in some],
        }
        for name, results in p_values.items():
            rate = np.mean([result.pvalue <= ALPHA for result in results])
            rates.setdefault(name, []).append(rate)
            report(f"no expected gain, 40 units, {n_splits} {design} splits", name, rate, n)
    for name in ("sign_flip_test", "t of new units"):
        assert (np.diff(rates[name]) > 0).all(), name
        assert rates[name][-1] > 0.2, name
    assert max(rates["corrected"]) <= highest(n, 0.08)
    assert max(rates["corrected"][2:]) <= highest(n, 0.03)
