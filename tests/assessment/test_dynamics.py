"""Networks that are left alone: what is asked of them, and what a verdict makes of it."""

import numpy as np
import pytest
import xarray as xr
from chosen import FLOW, OPERATOR, RUN, cube_of, judged, states, told

from sklearn_emerge import (
    ArrayWorld,
    EmergenceAssessment,
    GRUPredictor,
    OscillatorWorld,
    RegimeWorld,
    explain,
)
from sklearn_emerge.assessment._flow import flow_ratios, skills
from sklearn_emerge.assessment._left_alone import final_errors
from sklearn_emerge.assessment._verdict import VERDICTS


def found_in(flow, target="flow", **options):
    """Return the verdict and the state of dynamics of an operator by its losses."""
    cube = judged(cube_of(**OPERATOR, flow=flow, target=target), **options)
    return cube.verdict.item(), states(cube).get("dynamics")


def test_who_goes_on_as_the_world_does_is_an_operator():
    assert found_in(FLOW) == ("operator", "holds")


@pytest.mark.parametrize("other", ["readout", "reservoir", "resample", "linear"])
def test_nobody_is_to_be_as_near(other):
    """Half way from 0.15 to 0.05 in squares is 0.112."""
    nearer = 0.15 if other == "linear" else 0.09
    verdict, state = found_in(FLOW | {other: nearer, "full": 0.115})
    assert (verdict, state) == ("prediction", "fails")


def test_errors_that_cannot_be_told_apart_decide_nothing():
    cube = cube_of(**OPERATOR, flow=FLOW)
    signs = xr.DataArray([1.5, 0.7, 1.5, 0.7, 1.5, 0.7], dims="seed")
    cube["flow_error_reservoir"] = 0.1 * signs + 0 * cube.flow_error_reservoir
    cube = judged(cube)
    assert (cube.verdict.item(), states(cube)["dynamics"]) == ("undecided", "open")


def test_how_much_of_the_gap_is_asked_for_is_a_parameter():
    """0.2 closes a share of 1 - (0.04 - 0.0025) / (0.16 - 0.0025) = 0.76."""
    flow = FLOW | {"full": 0.2}
    assert found_in(flow, operator_margin=0.75)[1] == "holds"
    assert found_in(flow, operator_margin=0.77)[1] == "fails"


def test_of_a_continuation_nobody_knows_the_best():
    """There, all that is asked of linear predictors is a larger error."""
    flow = FLOW | {"full": 0.29, "linear": 0.3, "reservoir": 0.31}
    assert found_in(flow)[1] == "fails"
    assert found_in(flow, target="continuation")[1] == "holds"
    del flow["optimal"]
    assert found_in(flow, target="continuation")[1] == "holds"


def test_where_a_linear_predictor_is_the_best_there_is_no_room():
    flow = FLOW | {"linear": 0.051, "full": 0.01}
    assert found_in(flow) == ("prediction", "fails")
    assert np.isnan(skills(cube_of(**OPERATOR, flow=flow))).all()
    # In a continuation that is not known.
    assert found_in(flow, target="continuation")[1] == "holds"


def test_without_what_it_is_compared_with_it_is_not_tested():
    without = {name: error for name, error in FLOW.items() if name != "linear"}
    assert found_in(without) == ("prediction", None)
    # An echo-state network need not be there.
    without = {name: error for name, error in FLOW.items() if name != "reservoir"}
    assert found_in(without) == ("operator", "holds")
    assert found_in(FLOW, claims=("prediction", "core", "order", "memory")) == ("prediction", None)


def test_where_nothing_can_be_left_alone_losses_are_enough():
    assert found_in(None) == ("operator", None)
    assert found_in(FLOW, target="none", claims=("prediction", "core", "order", "memory"))[0] == (
        "operator"
    )


def test_no_other_claim_is_inapplicable():
    held = {claim for verdict in VERDICTS for claim in verdict.hold}
    nothing = dict.fromkeys(held, "inapplicable") | {"gain": "open", "reservoir": "open"}
    assert VERDICTS[0].follows(nothing)
    for name in ("prediction", "core", "order", "memory"):
        assert not VERDICTS[0].follows(nothing | {name: "untested"})


def test_errors_are_those_of_the_longest_horizon_of_each_configuration():
    errors = xr.DataArray(
        [[[9.0, 3.0, np.nan], [9.0, 4.0, np.nan]], [[9.0, 9.0, 1.0], [np.nan, np.nan, np.nan]]],
        {"prompt": [2, 4], "horizon": [1, 2, 4]},
        ("n_steps", "prompt", "horizon"),
    )
    assert final_errors(errors).values == pytest.approx([np.sqrt(12.5), 1.0])


def test_skill_is_of_the_gap_over_all_seeds():
    found = skills(cube_of(**OPERATOR, flow=FLOW)).sel(condition="structured", mode="full")
    mean_square = np.mean(1.01 ** (2 * np.arange(6)))
    gap = (0.4**2 - 0.05**2) * mean_square
    expected = 1 - (0.1**2 * 1.01 ** (2 * np.arange(6)) - 0.05**2 * mean_square) / gap
    assert found.values == pytest.approx(expected)


@pytest.mark.parametrize(
    ("flow", "target", "said", "sentence"),
    [
        (FLOW, "flow", "as its world does.", "closes 95% of the gap"),
        (FLOW, "continuation", "which does not show that it has the law", "error is 75% smaller"),
        (
            FLOW | {"readout": 0.101},
            "flow",
            "as its world does.",
            "than that of its untrained core, the nearest of 4 that it is compared with",
        ),
        (FLOW | {"linear": 0.05}, "flow", "no operator", "no network can show more"),
        (FLOW | {"full": 0.5}, "flow", "when it is left alone fails", "larger than"),
        (None, "flow", "was not asked", ""),
    ],
)
def test_sentences_say_what_was_found(flow, target, said, sentence):
    text = explain(told(cube_of(**OPERATOR, flow=flow, target=target)))
    first, _, rest = " ".join(text.split()).partition("6 seeds, each")
    assert said in first
    assert sentence in rest
    assert (flow is None) == ("eft alone" not in rest)


@pytest.fixture(scope="module")
def small():
    """Return a function that assesses a little."""

    def assess(world, **options):
        model = GRUPredictor(3, max_steps=3, engine="torch")
        options = {"baselines": ("mean", "linear_filter", "echo_state")} | options
        options = {"reservoir_sizes": None} | options
        options |= {"n_train": 12, "n_eval": 6, "n_seeds": 2}
        return EmergenceAssessment(
            world, model, probe=None, random_state=0, progress=False, **options
        ).fit()

    return assess


@pytest.mark.filterwarnings("ignore:n_seeds=2 cannot reach")
def test_an_assessment_measures_all_that_is_asked(small):
    cube = small(OscillatorWorld(n_steps=16), reservoir_sizes=[4, 8]).cube_
    assert cube.condition.values.tolist() == ["structured", "resample", "phase"]
    assert cube.flow_target.item() == "flow"
    assert cube.prompt.values.tolist() == [2, 4, 8]
    assert cube.horizon.values.tolist() == [1, 2, 4, 8]
    measured = cube.flow_error.notnull().all(("seed", "prompt", "horizon"))
    assert measured.sel(condition="structured").all()
    assert measured.sel(mode="full").all()
    assert not measured.sel(mode="readout", condition=["resample", "phase"]).any()
    assert list(flow_ratios(cube, 0.5)) == ["linear", "readout", "reservoir", "resample", "phase"]
    assert "dynamics" in cube.claim
    assert cube.flow_error_cores.notnull().all()
    assert cube.flow_reservoir_size.dims == ("mode",)
    assert (final_errors(cube.flow_error_optimal) < final_errors(cube.flow_error_linear)).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:n_seeds=2 cannot reach")
def test_worlds_of_a_grid_have_prompts_of_their_own(small):
    cube = small(RegimeWorld(n_steps=16), param_grid={"world__n_steps": [8, 16]}).cube_
    assert cube.condition.values.tolist() == ["structured", "resample"]
    known = cube.flow_error.sel(condition="structured", mode="full").notnull().any("seed")
    assert cube.prompt.where(known.any("horizon")).max("prompt").values.tolist() == [4, 8]
    assert np.isfinite(cube.claim_effect.sel(claim="dynamics")).all()
    assert cube.flow_target.values.tolist() == ["forecast"] * 2


def test_tokens_of_recordings_have_no_distance():
    """What they are is known by the model alone."""
    X = np.random.default_rng(0).integers(0, 4, (20, 12))
    model = GRUPredictor(2, max_steps=1, engine="torch", likelihood="categorical")
    options = {"baselines": ("mean", "markov", "echo_state"), "n_seeds": 2, "probe": None}
    options |= {"reservoir_sizes": None, "random_state": 0, "progress": False}
    cube = EmergenceAssessment(ArrayWorld(X), model, **options).fit().cube_
    assert cube.flow_target.item() == "none"
    assert "flow_error" not in cube


@pytest.mark.filterwarnings("ignore:n_seeds=2 cannot reach")
@pytest.mark.parametrize(
    "options", [{"operator_evidence": "loss"}, {"claims": ("prediction", "core")}]
)
def test_nothing_is_left_alone_that_nobody_asks_for(small, options):
    cube = small(OscillatorWorld(n_steps=16), **options).cube_
    assert "flow_error" not in cube
    assert "dynamics" not in cube.claim
    # Nor is there a null that is for dynamics alone.
    assert cube.condition.values.tolist() == ["structured", "resample"]
    assert cube.flow_target.item() == ("none" if "operator_evidence" in options else "flow")


def with_seed(cube, name, error, seed=0):
    """Return a cube in which one of the seeds has another error."""
    cube[name] = cube[name].where(cube.seed != seed, error)
    return cube


def test_a_linear_predictor_that_explodes_hides_nobody_else():
    """Counts that it predicts grow without bound; the others are as far apart as before."""
    cube = cube_of(**OPERATOR, flow=FLOW).assign_coords(seed=range(6))
    before = flow_ratios(cube, 0.5)
    for error in (1e7, np.inf):
        found = flow_ratios(with_seed(cube.copy(), "flow_error_linear", error), 0.5)
        for name in ("readout", "reservoir", "resample"):
            assert np.allclose(found[name], before[name])
        assert np.isfinite(found["linear"]).all()
        assert (found["linear"] > 0).all()


@pytest.mark.parametrize(
    ("name", "state"), [("flow_error", "fails"), ("flow_error_linear", "open")]
)
def test_errors_of_zero_and_infinite_ones_are_tested(name, state):
    """Where all networks diverge, they fail; a linear error that is not seen is one of six."""
    cube = cube_of(**OPERATOR, flow=FLOW | {"optimal": 0.0}).assign_coords(seed=range(6))
    if name == "flow_error":
        trained = (cube.condition == "structured") & (cube["mode"] == "full")
        cube[name] = cube[name].where(~trained, np.inf)
    else:
        cube = with_seed(cube, name, 0.0)
    assert states(judged(cube))["dynamics"] == state


def test_what_is_asked_of_a_configuration_does_not_hang_on_others():
    """The best possible error of the second one is not known."""
    alone = cube_of(**OPERATOR, flow=FLOW)
    both = xr.concat([alone, alone], "n_steps", data_vars=["flow_error_optimal"])
    both["flow_error_optimal"][1] = np.nan
    without = flow_ratios(alone.drop_vars("flow_error_optimal"), 0.5)
    found = flow_ratios(both, 0.5)
    assert np.allclose(found["linear"].isel(n_steps=1), without["linear"])
    assert np.allclose(found["linear"].isel(n_steps=0), flow_ratios(alone, 0.5)["linear"])


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        (0.5, "than one half way from the best linear predictor to the best possible one"),
        (0.25, "than one 25% of the way, in squared error, from the best linear predictor"),
        (0.0, "than that of the best linear predictor, the nearest of 4"),
    ],
)
def test_sentences_name_the_share_that_was_asked_for(margin, said):
    cube = cube_of(**OPERATOR, flow=FLOW | {"reservoir": 0.8})
    run = RUN | {"operator_margin": margin}
    assert said in " ".join(explain(told(cube, run=run, operator_margin=margin)).split())


@pytest.mark.parametrize(("error", "said"), [(np.inf, False), (1e7, True), (0.0, False)])
def test_no_number_is_told_of_what_is_none(error, said):
    """One seed has an error of linear predictors that has no logarithm, or explodes."""
    flow = {name: each for name, each in FLOW.items() if name != "optimal"}
    cube = cube_of(**OPERATOR, flow=flow).assign_coords(seed=range(6))
    text = explain(told(with_seed(cube, "flow_error_linear", error)))
    assert "inf%" not in text
    assert "nan%" not in text
    assert ("Left alone for 16 steps" in text) == said


def test_the_sentence_names_whose_numbers_it_tells():
    """The ratio to the core has the least mean, but that to the reservoir is less certain."""
    cube = cube_of(**OPERATOR, flow=FLOW | {"readout": 0.15}).assign_coords(seed=range(6))
    signs = xr.DataArray([3.0, 0.5, 3.0, 3.0, 0.5, 3.0], dims="seed")
    cube["flow_error_reservoir"] = 0.1 * signs + 0 * cube.flow_error_reservoir
    cube = told(cube)
    dynamics = cube.claim_difference.sel(claim="dynamics")
    assert np.allclose(dynamics, flow_ratios(cube, 0.5)["reservoir"])
    assert "than that of an echo-state network of its size" in " ".join(explain(cube).split())


def test_nobody_says_of_what_size_a_core_of_ones_own_is():
    """The size of those that are asked for by name is that of the network."""
    cube = cube_of(**OPERATOR, flow=FLOW | {"reservoir": 0.101}).assign_coords(seed=range(6))
    cube["best_baseline"] = xr.full_like(cube.best_baseline, "echo_state")
    for baselines, own in (("auto", False), ({"echo_state": {"n_units": 500}}, True)):
        run = RUN | {"baselines": baselines}
        found = told(cube.copy(), run=run, own_baselines=own)
        text = " ".join(f"{explain(found)} {found.verdict_reason.item()}".split())
        assert text.count("an echo-state network") > 3
        assert ("of its size" in text) != own


def test_an_error_that_is_many_times_larger_is_told_so():
    flow = {name: each for name, each in FLOW.items() if name != "optimal"} | {"linear": 1e-9}
    text = " ".join(explain(told(cube_of(**OPERATOR, flow=flow))).split())
    assert "its error is 1e+08 times that of the best linear predictor" in text
