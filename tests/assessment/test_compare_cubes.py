"""Cubes of several models side by side: pairs where seeds are the same, and levels that hold."""

import json

import numpy as np
import pytest
import xarray as xr
from conftest import small_assessment
from scipy import stats

from sklearn_emerge import GRUPredictor, RNNPredictor, compare_cubes, concat_cubes
from sklearn_emerge.inference import adjust_p_values, sign_flip_test, student_interval

RUN = {"n_seeds": 6, "n_configurations": 1, "shared_data": False, "units": None}
RUN |= {"world": {"type": "DriftWorld"}, "n_sequences": [100, 50]}


def made_up(values, entropy=0, claims=("gain",), sizes=None, reference="mean", **run):
    """Return a cube whose claims are about chosen differences (claim, grid, seed)."""
    values = np.asarray(values, float)
    grid = () if sizes is None else ("hidden_size",)
    coords = {"claim": list(claims), "seed": np.arange(values.shape[-1])}
    coords |= {"condition": ["structured"], "mode": ["full"]}
    coords |= {} if sizes is None else {"hidden_size": list(sizes)}
    dims = ("claim", *grid, "seed")
    cube = xr.Dataset({"claim_difference": (dims, values)}, coords)
    one = cube.claim_difference.isel(claim=0, drop=True)
    arms = one.expand_dims(condition=cube.condition, mode=cube.mode)
    cube["nll"] = cube["delta_nll"] = arms
    cube["nll_reference"] = cube["nll_optimal"] = arms.isel(mode=0, drop=True)
    cube["p_value"] = arms.mean("seed")
    cube["verdict"] = xr.full_like(one.mean("seed"), "none", object)
    cube["claim_state"] = xr.full_like(cube.claim_difference.mean("seed"), "open", object)
    cube["reference"] = ("condition", np.array([reference], object))
    run = RUN | {"entropy": [entropy], "n_seeds": values.shape[-1]} | run
    run["n_configurations"] = 1 if sizes is None else len(sizes)
    return cube.assign_attrs(configuration=json.dumps(run))


def test_pairs_have_the_interval_and_the_test_of_their_differences():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=6)
    first, second = (shared + 0.1 * rng.normal(size=6) for _ in range(2))
    table = compare_cubes({"a": made_up([first + 0.3]), "b": made_up([second])})
    row = table.loc["gain", "a", "b"]
    differences = first + 0.3 - second
    assert row.paired
    assert row.difference == pytest.approx(row.effect_first - row.effect_second)
    assert (row.ci_low, row.ci_high) == pytest.approx(student_interval(differences))
    assert row.p_value == 2 * sign_flip_test(differences).pvalue
    # The other way round it is the same.
    other = compare_cubes({"b": made_up([second]), "a": made_up([first + 0.3])}).iloc[0]
    assert (other.p_value, other.difference) == (row.p_value, -row.difference)
    # What seeds share is not in it: independent ones say much less.
    apart = compare_cubes({"a": made_up([first + 0.3]), "b": made_up([second], entropy=1)}).iloc[0]
    welch = stats.ttest_ind(first + 0.3, second, equal_var=False)
    assert not apart.paired
    assert apart.p_value == pytest.approx(welch.pvalue)
    assert (apart.ci_low, apart.ci_high) == pytest.approx(welch.confidence_interval(0.95))
    assert apart.ci_high - apart.ci_low > 3 * (row.ci_high - row.ci_low)


def test_pairs_are_seeds_of_the_same_number():
    first, second = np.arange(6.0), np.arange(6.0) + 0.5
    cube = made_up([second]).isel(seed=[4, 2, 3, 1])
    cube.attrs["configuration"] = json.dumps(RUN | {"entropy": [0], "n_seeds": 4})
    row = compare_cubes({"a": made_up([first]), "b": cube}).iloc[0]
    assert row.difference == row.ci_low == row.ci_high == -0.5
    assert (row.n_first, row.n_second) == (4, 4)
    # Of a latent, seeds that cannot be scored are left out of both.
    second[0] = np.nan
    claims = ["representation x"]
    cubes = {"a": made_up([first], claims=claims), "b": made_up([second], claims=claims)}
    row = compare_cubes(cubes).iloc[0]
    assert (row.n_first, row.n_second, row.effect_first) == (5, 5, 3.0)
    # Of another claim all are, as in an assessment.
    row = compare_cubes({"a": made_up([first]), "b": made_up([second])}).iloc[0]
    assert (row.n_first, row.n_second) == (0, 0)
    assert np.isnan([row.effect_first, row.difference, row.ci_low, row.p_value]).all()


def test_p_values_are_adjusted_over_pairs_and_configurations():
    rng = np.random.default_rng(1)
    cubes = {
        name: made_up(rng.normal(i, 1, (2, 2, 8)), claims=("gain", "core"), sizes=[2, 4])
        for i, name in enumerate("abc")
    }
    table = compare_cubes(cubes)
    assert table.index.names == ["hidden_size", "claim", "first", "second"]
    assert len(table) == 2 * 2 * 3
    for claim in "gain", "core":
        family = table.xs(claim, level="claim")
        np.testing.assert_allclose(family.p_value_adjusted, adjust_p_values(family.p_value, "holm"))
    raw = compare_cubes(cubes, correction=None)
    assert (raw.p_value_adjusted == raw.p_value).all()
    wide = compare_cubes(cubes, alpha=0.01)
    assert (wide.ci_low < table.ci_low).all()
    # Configurations and claims that both have.
    cubes["b"] = cubes["b"].sel(hidden_size=[4], claim=["core"])
    pair = compare_cubes({name: cubes[name] for name in "ab"})
    assert pair.index.tolist() == [(4, "core", "a", "b")]


@pytest.mark.parametrize("same", [True, False], ids=["pairs", "independent"])
@pytest.mark.slow
def test_no_difference_is_found_as_rarely_as_alpha_says(same):
    n, rng = 1000, np.random.default_rng(2)
    shared = rng.normal(size=(1, n, 7))
    first = shared + rng.normal(size=(1, n, 7))
    second = (shared if same else rng.normal(size=(1, n, 7))) + 2 * rng.normal(size=(1, n, 7))
    cubes = {"a": made_up(first, sizes=range(n))}
    cubes["b"] = made_up(second, sizes=range(n), entropy=0 if same else 1)
    table = compare_cubes(cubes, correction=None)
    covered = ((table.ci_low < 0) & (table.ci_high > 0)).mean()
    # Standard error .007; with seven pairs the level that can be attained is .047.
    assert covered == pytest.approx(0.95, abs=0.02)
    assert (table.p_value <= 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_assessments_of_two_models_are_compared():
    options = dict(baselines=("mean",), probe=None, operator_evidence="loss")
    gru = small_assessment(model=GRUPredictor(3, max_steps=4), **options).fit()
    rnn = small_assessment(model=RNNPredictor(3, max_steps=4), **options).fit()
    table = compare_cubes({"gru": gru, "rnn": rnn})
    assert table.paired.all()
    expected = (gru.cube_.claim_difference - rnn.cube_.claim_difference).mean("seed")
    for claim in gru.cube_.claim.values:
        found = table.loc[claim, "gru", "rnn"].difference
        assert found == pytest.approx(expected.sel(claim=claim).item())
    assert "A row a claim and pair of cubes" in repr(table)
    assert "different references" not in table.attrs["caption"]
    # Joined seeds know where they come from.
    more = small_assessment(model=GRUPredictor(3, max_steps=4), random_state=1, **options).fit()
    joined = compare_cubes({"gru": concat_cubes([more, gru]), "rnn": rnn})
    assert joined.paired.all()
    np.testing.assert_allclose(joined.difference, table.difference)


def test_other_references_are_told():
    cubes = {"a": made_up([np.arange(6)]), "b": made_up([np.ones(6)], reference="persistence")}
    caption = compare_cubes(cubes).attrs["caption"]
    assert "different references (a: mean, b: persistence)" in caption


def test_what_is_neither_paired_nor_independent_is_refused():
    values = [np.arange(6.0)]
    recorded = {"units": [10, 5], "world": {"type": "ArrayWorld", "X": {"sha256": "1"}}}
    other = recorded | {"world": {"type": "ArrayWorld", "X": {"sha256": "2"}}}
    first = made_up(values, **recorded)
    assert compare_cubes({"a": first, "b": made_up(values, **recorded)}).paired.all()
    with pytest.raises(ValueError, match="splits of recordings.*not of the same random_state"):
        compare_cubes({"a": first, "b": made_up(values, entropy=1, **recorded)})
    with pytest.raises(ValueError, match=r"these are not the same \(world.X.sha256\)"):
        compare_cubes({"a": first, "b": made_up(values, **other)})
    shared = made_up(values, shared_data=True)
    with pytest.raises(ValueError, match="share their data.*Assess both on the same data"):
        compare_cubes({"a": shared, "b": made_up(values, entropy=1, shared_data=True)})
    assert compare_cubes({"a": shared, "b": shared}).paired.all()


def test_recordings_have_the_corrected_interval():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 1, 6))
    recorded = {"units": [8, 2]}
    cubes = {"a": made_up(first, **recorded), "b": made_up(second, **recorded)}
    plain = {"a": made_up(first), "b": made_up(second)}
    row, narrow = (compare_cubes(each).iloc[0] for each in (cubes, plain))
    # sqrt(1/n + n_test/n_train) for sqrt(1/n).
    ratio = (row.ci_high - row.ci_low) / (narrow.ci_high - narrow.ci_low)
    assert ratio == pytest.approx(np.sqrt((1 / 6 + 2 / 8) * 6))


def test_what_cannot_be_compared_is_refused():
    cube = made_up([[np.arange(6.0)]], sizes=[2])
    for wrong in {"a": cube}, cube, [cube, cube]:
        with pytest.raises(ValueError, match="must be a dict of at least two cubes"):
            compare_cubes(wrong)
    with pytest.raises(ValueError, match=r"'b' has the grid \[\], and 'a' has \['hidden_size'\]"):
        compare_cubes({"a": cube, "b": cube.isel(hidden_size=0)})
    with pytest.raises(ValueError, match=r"no hidden_size in common: \[2\] and \[3\]"):
        compare_cubes({"a": cube, "b": made_up([[np.arange(6.0)]], sizes=[3])})
    with pytest.raises(ValueError, match="alpha=3"):
        compare_cubes({"a": cube, "b": cube}, alpha=3)
    with pytest.raises(ValueError, match="correction='x'"):
        compare_cubes({"a": cube, "b": cube}, correction="x")
    bad = cube.drop_vars("claim_state")
    with pytest.raises(ValueError, match="has no claims") as raised:
        compare_cubes({"a": cube, "b": bad})
    assert raised.value.__notes__ == ["This happened with the cube 'b'."]
