"""The main job: what is in the cube, that it does not depend on how it was computed, verdicts."""

import json
import warnings
from functools import partial

import numpy as np
import pytest
import xarray as xr
from conftest import ALL_MODES, GAIN_ALONE, small_assessment
from joblib import Memory, parallel_config
from sklearn.exceptions import NotFittedError
from torch import nn

import sklearn_emerge.assessment._assessment as module
from sklearn_emerge import (
    ArrayWorld,
    AutoregressivePredictor,
    EmergenceAssessment,
    GRUPredictor,
    LinearFilterPredictor,
    MeanPredictor,
    ModulePredictor,
    OscillatorWorld,
    PersistencePredictor,
    RegimeWorld,
    RNNPredictor,
)
from sklearn_emerge._random import integer_seed, seed_sequence, substream
from sklearn_emerge.assessment import _baselines
from sklearn_emerge.assessment._summary import full_table
from sklearn_emerge.inference import required_seeds, sign_flip_test, student_interval
from sklearn_emerge.probes import cross_validate_probe

ENTROPY = seed_sequence(0).generate_state(4).tolist()
NOT_RESULTS = ["fit_seconds"]


def assert_same_results(first, second):
    xr.testing.assert_equal(first.drop_vars(NOT_RESULTS), second.drop_vars(NOT_RESULTS))


def test_cube_has_the_promised_variables_and_dimensions(fitted):
    cube = fitted.cube_
    grid = {"condition": 2, "mode": 3, "hidden_size": 2, "seed": 2}
    assert dict(cube.nll.sizes) == dict(cube.delta_nll.sizes) == grid
    assert cube.probe_score.dims == (*grid, "latent")
    assert cube.nll_baseline.dims == ("condition", "hidden_size", "seed", "baseline")
    assert cube.condition.values.tolist() == ["structured", "resample"]
    assert cube.hidden_size.values.tolist() == [2, 4]
    promised = (
        "nll nll_baseline nll_optimal delta_nll efficiency probe_score probe_score_shuffled "
        "p_value p_value_adjusted ceiling ci_low ci_high verdict status fit_seconds n_parameters "
        "efficiency_beyond_baseline probe_score_window nll_memory state_exchange training_loss "
        "claim_difference claim_effect claim_low claim_high claim_state claim_margin"
    )
    assert set(promised.split()) <= set(cube.data_vars)
    assert all(v.attrs["long_name"] and v.attrs["units"] for v in cube.data_vars.values())
    assert cube.delta_nll.attrs["units"] == "nat/step"
    for name in [
        "Conventions",
        "title",
        "summary",
        "source",
        "history",
        "references",
        "date_created",
    ]:
        assert cube.attrs[name]
    configuration = json.loads(cube.attrs["configuration"])
    assert configuration["world"] == {
        "type": "OscillatorWorld",
        "omega": 1.0,
        "time_step": 0.05,
        "initial_std": 0.1,
        "observation_std": 0.05,
        "n_steps": 10,
    }
    assert configuration["param_grid"] == {"hidden_size": [2, 4]}
    # Others read the cube: folders of this machine are not their concern.
    assert not {"memory", "n_jobs", "progress"} & set(configuration)
    assert (cube.status == "ok").all()
    assert np.isnan(cube.probe_score.sel(condition="resample")).all()


def test_cube_repeats_what_the_pieces_give(fitted_single):
    """Recompute one cell by hand from the public pieces."""
    cube = fitted_single.cube_
    entropy = ENTROPY
    world = OscillatorWorld(n_steps=10)
    train, evaluation = world.split(40, 20, substream(entropy, "data", 1))
    gaussian = dict(likelihood="gaussian", noise_std=0.05)
    structured = cube.sel(condition="structured", seed=1)
    optimal = world.optimal_predictor()
    assert structured.nll_optimal == -optimal.score(evaluation.X)
    assert cube.ceiling.values.tolist() == ["exact", "exact", "bound"]
    for name, baseline in (
        ("mean", MeanPredictor(**gaussian)),
        ("persistence", PersistencePredictor(**gaussian)),
        ("linear_filter", LinearFilterPredictor(time_channel="full_time", **gaussian)),
    ):
        nll = -baseline.fit(train.X).score(evaluation.X)
        assert structured.nll_baseline.sel(baseline=name) == pytest.approx(nll)
    model = GRUPredictor(
        3,
        max_steps=4,
        **gaussian,
        input_scaling="standard",
        output_scaling=None,
        random_state=integer_seed(substream(entropy, "model", 1)),
    ).fit(train.X)
    cell = structured.sel(mode="full")
    assert cell.nll == -model.score(evaluation.X)
    score = cross_validate_probe(model.transform(evaluation.X), evaluation.latents).score
    assert np.array_equal(cell.probe_score, score)
    reference = structured.reference.item()
    assert cell.delta_nll == structured.nll_baseline.sel(baseline=reference) - cell.nll
    structured = cube.sel(condition="structured")
    gains = structured.delta_nll.sel(mode="full").values
    assert structured.p_value.sel(mode="full") == sign_flip_test(gains).pvalue
    low, high = student_interval(gains, confidence=1 - 0.6)
    assert structured.ci_low.sel(mode="full") == low
    assert structured.ci_high.sel(mode="full") == high
    assert structured.n_parameters.sel(mode="full") == 3 * 3 * (2 + 3 + 2) + 4


@pytest.mark.slow
def test_results_do_not_depend_on_jobs_or_on_other_cells(fitted):
    options = dict(param_grid={"hidden_size": [4, 2]}, modes=ALL_MODES)
    parallel = small_assessment(**options, n_jobs=2).fit()
    reordered = parallel.cube_.sel(hidden_size=[2, 4])
    assert_same_results(fitted.cube_, reordered)
    alone = small_assessment(model=GRUPredictor(4, max_steps=4), modes=("random", "full")).fit()
    for mode in ("random", "full"):
        there = fitted.cube_.nll.sel(hidden_size=4, mode=mode)
        assert np.array_equal(alone.cube_.nll.sel(mode=mode), there)


def test_interrupted_fit_continues_and_gives_the_same_cube(tmp_path, monkeypatch, fitted):
    options = dict(
        param_grid={"hidden_size": [2, 4]}, modes=ALL_MODES, memory=Memory(tmp_path, verbose=0)
    )
    fits = []
    original = GRUPredictor.training_job

    def begin(self, X, groups=None):
        fits.append(self.hidden_size)
        if len(fits) == 10:
            raise KeyboardInterrupt
        return original(self, X, groups)

    monkeypatch.setattr(GRUPredictor, "training_job", begin)
    with pytest.raises(KeyboardInterrupt):
        small_assessment(**options).fit()
    first = len(fits)
    resumed = small_assessment(**options).fit()
    # Two networks that are tried and 24 fits in all; the three finished cells of two seeds are
    # not repeated.
    assert len(fits) - first == 2 + 24 - 6
    assert_same_results(fitted.cube_, resumed.cube_)
    before = len(fits)
    again = small_assessment(**options).fit()
    assert len(fits) == before + 2
    xr.testing.assert_equal(resumed.cube_, again.cube_)


def test_interrupted_training_is_not_taken_for_finished(tmp_path, monkeypatch):
    passes, forward = [], nn.RNN.forward

    def interrupted(self, *args):
        passes.append(self.training)
        if len(passes) == 30:
            raise KeyboardInterrupt
        return forward(self, *args)

    monkeypatch.setattr(nn.RNN, "forward", interrupted)
    module = partial(nn.RNN, hidden_size=3, batch_first=True)
    options = dict(model=ModulePredictor(module, max_steps=20), modes=("full",), memory=tmp_path)
    options |= GAIN_ALONE
    with pytest.raises(KeyboardInterrupt):
        small_assessment(**options).fit()
    # In the middle of training, where skorch would take it for its end.
    assert passes[-1]
    resumed = small_assessment(**options).fit()
    fresh = small_assessment(**{**options, "memory": None}).fit()
    assert_same_results(resumed.cube_, fresh.cube_)


@pytest.mark.slow
def test_threads_give_the_same_results(fitted):
    with parallel_config("threading", n_jobs=2):
        threaded = small_assessment(param_grid={"hidden_size": [2, 4]}, modes=ALL_MODES).fit()
    assert_same_results(fitted.cube_, threaded.cube_)


@pytest.mark.slow
def test_store_survives_another_number_of_jobs(tmp_path):
    X = np.random.default_rng(0).normal(size=(300, 600)).cumsum(axis=1)
    options = dict(world=ArrayWorld(X), modes=("random",), memory=tmp_path, **GAIN_ALONE)
    small_assessment(**options).fit()
    cells = len(list(tmp_path.rglob("seed-*.pkl")))
    small_assessment(**options, n_jobs=2).fit()
    assert len(list(tmp_path.rglob("seed-*.pkl"))) == cells == 4


def test_grid_without_any_test():
    cube = (
        small_assessment(
            modes=("random",), probe=None, nulls=(), param_grid={"hidden_size": [2, 3]}, alpha=0.6
        )
        .fit()
        .cube_
    )
    assert cube.sizes["claim"] == 0
    assert (cube.verdict == "undecided").all()


def test_own_settings_of_a_baseline_are_kept():
    own = {"wide": MeanPredictor(noise_std=3.0), "mean": MeanPredictor()}
    options = dict(modes=("random",), **GAIN_ALONE)
    cube = small_assessment(baselines=own, **options).fit().cube_.isel(condition=0)
    stream = substream(ENTROPY, "data", 0)
    train, evaluation = OscillatorWorld(n_steps=10).split(40, 20, stream)
    expected = -MeanPredictor(noise_std=3.0).fit(train.X).score(evaluation.X)
    assert cube.nll_baseline.sel(baseline="wide", seed=0) == pytest.approx(expected)


def test_one_number_of_recordings_leaves_the_rest_to_the_other():
    world = ArrayWorld(np.zeros((100, 4)))
    assert world.default_split(None, None) == (80, 20)
    assert world.default_split(None, 40) == (60, 40)
    assert world.default_split(90, None) == (90, 10)
    # A fifth is evaluated where training leaves more.
    assert world.default_split(10, None) == (10, 20)
    assert OscillatorWorld().default_split(None, 40) == (2000, 40)


def test_summary_needs_a_finished_fit():
    assessment = small_assessment(world=ArrayWorld(np.random.default_rng(0).normal(size=(3, 4))))
    with pytest.raises(ValueError, match="add up to 60 sequences, but X holds 3"):
        assessment.fit()
    with pytest.raises(NotFittedError):
        assessment.summary()


def test_other_random_state_other_results(fitted_single):
    other = small_assessment(random_state=1, claims=("gain",), probe=None).fit()
    assert (
        other.cube_.nll != fitted_single.cube_.nll.sel(condition=["structured", "resample"])
    ).all()


def test_fit_does_not_change_parameters(fitted):
    assert fitted.model.get_params()["training"] == "full"
    assert fitted.model.get_params()["noise_std"] == "auto"
    assert not hasattr(fitted.model, "net_")


def test_world_parameters_in_the_grid():
    grid = {"world__omega": [1.0, (0.8, 1.2)], "model__lr": [0.01]}
    options = dict(modes=("random",), **GAIN_ALONE)
    cube = small_assessment(param_grid=grid, **options).fit().cube_
    assert cube.world__omega.values.tolist() == ["1.0", "(0.8, 1.2)"]
    assert cube.model__lr.values.tolist() == [0.01]
    assert (cube.nll_baseline[:, 0] != cube.nll_baseline[:, 1]).any()


@pytest.mark.slow
def test_reference_is_chosen_on_training_data_among_the_trivial():
    options = dict(modes=("random",), baselines="auto")
    cube = small_assessment(**options).fit().cube_
    assert cube.reference.values.tolist() == ["persistence", "mean"]
    strict = small_assessment(**options, reference="all").fit().cube_
    best = strict.reference.sel(condition="structured").item()
    assert best in ("linear_filter", "time_varying_filter", "window")
    assert (cube.delta_nll_baseline.sel(baseline=best, condition="structured") > 0).all()
    # The best baseline is that of the world in its nulls, too; the others are not needed there.
    assert cube.best_baseline.values.tolist() == [best, best]
    needed = {*cube.reference.values.tolist(), "mean", "step_mean", "persistence", best}
    scored = cube.nll_baseline.sel(condition="resample").notnull().all("seed")
    assert set(cube.baseline.values[scored].tolist()) == needed
    published = small_assessment(modes=("random",), baselines=("mean", "persistence")).fit().cube_
    assert published.baseline.values.tolist() == ["mean", "persistence"]
    own = {"ar2": AutoregressivePredictor(2)}
    assert small_assessment(modes=("random",), baselines=own).fit().cube_.reference[0] == "ar2"


@pytest.mark.slow
def test_binary_world_uses_the_proper_likelihood_and_the_markov_baseline():
    options = dict(
        world=RegimeWorld(n_steps=40),
        nulls=("bernoulli",),
        n_train=200,
        n_eval=100,
        baselines=("mean", "persistence", "markov"),
    )
    cube = small_assessment(**options).fit().cube_
    # By a little: persistence with a fitted probability is the symmetric chain.
    assert cube.reference.sel(condition="structured") == "markov"
    structured = cube.nll_baseline.sel(condition="structured")
    gain = structured.sel(baseline="mean") - structured.sel(baseline="markov")
    assert gain.min() > 0.03
    assert float(cube.nll_baseline.max()) < 1
    assert cube.probe_accuracy.sel(condition="structured").min() > 0.4
    model = RNNPredictor(3, max_steps=4, likelihood="gaussian")
    published = small_assessment(model=model, **options).fit().cube_
    # The Gaussian of .05: mean squared error .25 is 0.5 * .25 / .0025 nats and a constant.
    constant = 0.5 * np.log(2 * np.pi * 0.05**2)
    mean = published.nll_baseline.sel(baseline="mean", condition="structured").mean()
    assert mean == pytest.approx(0.5 * 0.25 / 0.05**2 + constant, abs=0.6)


@pytest.mark.slow
def test_own_arrays_without_a_world():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 15)).cumsum(axis=1)
    assessment = small_assessment(world=None, n_train=None, n_eval=None).fit(X, X * 2.0)
    cube = assessment.cube_
    assert isinstance(assessment.world_, ArrayWorld)
    assert cube.latent.values.tolist() == ["latent 0"]
    assert cube.reference.sel(condition="structured") == "persistence"
    assert np.isfinite(cube.delta_nll).all()
    through_world = small_assessment(world=ArrayWorld(X, X * 2.0), n_train=None, n_eval=None).fit()
    assert_same_results(cube, through_world.cube_)
    without = small_assessment(world=None, n_train=None, n_eval=None).fit(X)
    assert "probe_score" not in without.cube_
    assert "representation: assess a world that tells its latents" in without.verdict_reason_


def test_a_predictor_without_modes_can_be_assessed():
    assessment = small_assessment(model=AutoregressivePredictor(2), modes=("full",)).fit()
    assert (assessment.cube_.delta_nll.sel(condition="structured") > 0).all()
    with pytest.raises(ValueError, match="modes=.*'readout' is not known here"):
        small_assessment(model=AutoregressivePredictor(2), modes=("readout",)).fit()


def test_known_ceiling_gives_the_efficiency():
    class Walk(OscillatorWorld):
        def _optimal(self):
            return AutoregressivePredictor(8)

    options = dict(modes=("random",), **GAIN_ALONE)
    cube = small_assessment(world=Walk(n_steps=20), **options).fit().cube_
    gap = cube.nll_reference - cube.nll_optimal
    assert (gap > 0).all()
    assert np.allclose(cube.efficiency, cube.delta_nll / gap)


def test_summary_has_a_row_a_cell_and_mode(fitted, fitted_single):
    table = fitted.summary(detail="full")
    assert table.index.names == ["hidden_size", "condition", "mode"]
    assert len(table) == 12
    row = table.loc[(4, "structured", "full")]
    cell = fitted.cube_.sel(hidden_size=4, condition="structured", mode="full")
    assert row["delta_nll"] == cell.delta_nll.mean()
    assert row["probe_score y"] == cell.probe_score.sel(latent="y").mean()
    possible = (cell.nll_reference - cell.nll_optimal).mean()
    assert row["efficiency"] == cell.delta_nll.mean() / possible
    assert len(fitted_single.summary(detail="full")) == 9


def test_notebook_representation_shows_the_results(fitted, fitted_single):
    html = fitted_single._repr_html_()
    assert fitted_single.verdict_ in html
    assert "delta_nll" in html
    assert "delta_nll" in fitted._repr_mimebundle_()["text/html"]
    assert "delta_nll" not in EmergenceAssessment()._repr_html_()


def test_too_few_seeds_warn_before_anything_runs(monkeypatch):
    monkeypatch.setattr(module.EmergenceAssessment, "_run", lambda *a: pytest.fail("ran"))
    assessment = small_assessment(alpha=0.05, n_seeds=5, param_grid={"hidden_size": [2, 3, 4]})
    with pytest.warns(UserWarning, match="smallest possible p-value is 0.0938.*Use n_seeds=6"):
        with pytest.raises(pytest.fail.Exception):
            assessment.fit()
    with warnings.catch_warnings(), pytest.raises(pytest.fail.Exception):
        warnings.simplefilter("error")
        small_assessment(alpha=0.05, n_seeds=6).fit()
    with pytest.warns(UserWarning, match="2 latents .*no latent can be shown.*Use n_seeds=6"):
        with pytest.raises(pytest.fail.Exception):
            small_assessment(alpha=0.05, n_seeds=5).fit()


def test_one_seed_is_measured_and_not_tested():
    with pytest.warns(UserWarning, match="n_seeds=1 cannot reach alpha=0.05"):
        one = small_assessment(n_seeds=1, alpha=0.05, nulls=()).fit()
    two = small_assessment(**GAIN_ALONE).fit()
    np.testing.assert_array_equal(one.cube_.nll, two.cube_.nll.isel(seed=[0]))
    for name in ("p_value", "ci_low", "ci_high"):
        assert np.isnan(one.cube_[name]).all()
    assert (one.cube_.claim_p_value == 1).all()
    assert one.verdict_ == "undecided"
    assert "too few seeds" in one.verdict_reason_
    assert "required_seeds" not in one.summary(detail="full")


def test_seeds_share_their_data_if_asked():
    options = dict(modes=("full",), **GAIN_ALONE)
    cube = small_assessment(shared_data=True, **options).fit().cube_
    assert (cube.nll_baseline.std("seed") == 0).all()
    assert (cube.nll_optimal.std("seed") == 0).all()
    train, evaluation = OscillatorWorld(n_steps=10).split(40, 20, substream(ENTROPY, "data"))
    expected = -MeanPredictor(noise_std=0.05).fit(train.X).score(evaluation.X)
    assert cube.nll_baseline.sel(baseline="mean", seed=0).item() == pytest.approx(expected)
    model = AutoregressivePredictor(2)
    for shared, n_different in ((True, 1), (False, 2)):
        cube = (
            small_assessment(model=model, shared_data=shared, baselines=("mean",), **options)
            .fit()
            .cube_
        )
        assert len(np.unique(cube.nll)) == n_different


def test_nothing_to_gain_leaves_no_efficiency():
    cube = small_assessment(modes=("random",), claims=("gain",), probe=None).fit().cube_
    possible = cube.nll_reference - cube.nll_optimal
    assert (possible.sel(condition="structured") > 0.1).all()
    assert cube.efficiency.sel(condition="structured").notnull().all()
    far = possible.sel(condition="resample") > 1e-3
    assert (cube.efficiency.sel(condition="resample").notnull() == far).all()


def test_random_sign_flips_are_those_of_the_source():
    options = dict(modes=("full",), baselines=("mean",), **GAIN_ALONE)
    cube = small_assessment(n_flips=2000, n_seeds=5, **options).fit().cube_
    for p_value, gains in zip(
        cube.p_value.values.ravel(), cube.delta_nll.values.reshape(-1, 5), strict=True
    ):
        drawn = dict(method="monte-carlo", n_draws=2000, random_state=0)
        assert p_value == sign_flip_test(gains, **drawn).pvalue


def test_summary_tells_a_lack_of_seeds(fitted_single):
    cube = fitted_single.cube_.copy(deep=True)
    gains = {"full": [0.1, 0.4], "readout": [-0.1, 0.5], "random": [-0.1, -0.2]}
    for mode, values in gains.items():
        place = dict(condition="structured", mode=mode)
        cube.delta_nll.loc[place] = values
        cube.p_value_adjusted.loc[place] = sign_flip_test(values).pvalue
    needed = full_table(cube, alpha=0.3, correction=None).required_seeds["structured"]
    assert needed["readout"] == required_seeds(gains["readout"], alpha=0.3)
    # The one is found with two seeds, the other is no gain.
    assert needed[["full", "random"]].isna().all()


def test_ceiling_is_scored_as_the_model_is():
    own = {"mean": MeanPredictor(noise_std=1.0), "other": MeanPredictor(likelihood="gaussian")}
    options = dict(modes=("random",), **GAIN_ALONE)
    cubes = [
        small_assessment(baselines=baselines, **options).fit().cube_
        for baselines in (own, ("mean",))
    ]
    assert np.array_equal(*(cube.nll_optimal for cube in cubes))


def test_too_few_sign_flips_leave_the_verdict_open():
    with pytest.warns(UserWarning, match="n_seeds=5 cannot reach alpha=0.05"):
        assessment = small_assessment(modes=("random",), n_flips=10, n_seeds=5, alpha=0.05).fit()
    assert assessment.verdict_ == "undecided"
    assert "too few seeds or sign flips" in assessment.verdict_reason_


def test_the_best_baseline_is_chosen_once_for_all_conditions(monkeypatch):
    chosen, choose = [], _baselines._choose

    def counted(names, *args):
        chosen.append(list(names))
        return choose(names, *args)

    monkeypatch.setattr(_baselines, "_choose", counted)
    names = ["mean", "persistence", "linear_filter"]
    options = dict(baselines=names, modes=("random",), nulls=("resample", "shuffle"), probe=None)
    cube = small_assessment(**options).fit().cube_
    trivial = names[:2]
    assert chosen == [trivial, names, trivial, trivial]
    (best,) = set(cube.best_baseline.values.tolist())
    scored = cube.nll_baseline.notnull().all("seed")
    assert scored.sel(condition="structured").all()
    for null in options["nulls"]:
        found = cube.baseline[scored.sel(condition=null)].values.tolist()
        assert set(found) == {*trivial, best}
