"""Claims and the verdict that follows from them, on cubes whose numbers are chosen."""

import numpy as np
import pytest
import xarray as xr
from chosen import (
    BEST,
    BLOCK,
    NULL,
    OPERATOR,
    STEEP,
    cube_of,
    judged,
    probed,
    states,
    with_curve,
    with_looks,
)

from sklearn_emerge import ArrayWorld, EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment._claims import differences
from sklearn_emerge.assessment._panel import make_baselines
from sklearn_emerge.assessment._verdict import VERDICTS, falls_of, loss_fall
from sklearn_emerge.inference import corrected_resampled_test, sign_flip_bounds


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "operator"),
        # Of a core without recurrence nothing changes with its state.
        ({"memory": (0.0, 0.0)}, "prediction"),
        # A reset costs something, but another past changes nothing.
        ({"memory": (0.2, 0.0)}, "prediction"),
        ({"memory": None}, "prediction"),
        # Order fails, whatever memory says.
        ({"null": 1.8, "memory": (0.0099, 0.2)}, "prediction"),
        # As much is gained where nothing is left of the order.
        ({"null": 1.8}, "prediction"),
        ({"full": 0.505}, "learned, not beyond a linear filter"),
        ({"full": 0.505, "readout": 0.505}, "reservoir"),
        # So is what training has not made better.
        ({"full": 0.55, "readout": 0.5}, "reservoir"),
        ({"full": 0.45, "readout": 0.45}, "reservoir"),
        ({"full": 1.2, "readout": 0.8}, "reservoir"),
        ({"full": 1.2, "readout": 1.1}, "none"),
        ({"full": 1.2, "readout": 0.9904}, "undecided"),
        # As much above the margin as below it, over seeds.
        ({"full": 0.49}, "undecided"),
        ({"readout": 0.31}, "undecided"),
        ({"probes": probed([0.9, 0.9], [0.2, 0.9], [0.2, 0.9])}, "operator+representation"),
        ({"full": 1.2, "probes": probed([0.9, 0.9], [0.2, 0.9], [0.2, 0.9])}, "representation"),
    ],
)
def test_verdict_follows_from_the_numbers(changes, verdict):
    cube = judged(cube_of(**{**OPERATOR, **changes}))
    assert cube.verdict.item() == verdict
    assert cube.verdict_reason.item()


def test_every_verdict_occurs():
    """A verdict that no numbers lead to would be a dead row of the table."""
    words = {each.word.partition(",")[0] for each in VERDICTS}
    table = test_verdict_follows_from_the_numbers.pytestmark[0].args[1]
    assert words | {"undecided"} <= {verdict.partition(",")[0] for _, verdict in table}


def test_bounds_and_states_agree():
    """Of one configuration a claim holds exactly where its lower bound is above the margin."""
    for full in np.linspace(0.44, 0.54, 41):
        cube = judged(cube_of(full=full)).sel(claim="prediction")
        low, high = cube.claim_low.item(), cube.claim_high.item()
        expected = "holds" if low > 0.01 else "fails" if high < 0.01 else "open"
        assert cube.claim_state.item() == expected
        bounds = sign_flip_bounds(cube.claim_difference.values)
        assert (low, high) == pytest.approx(bounds)


def test_margin_moves_the_state():
    found = {m: states(judged(cube_of(), margin=m))["prediction"] for m in (0.0, 0.1, 0.2, 0.5)}
    assert found == {0.0: "holds", 0.1: "holds", 0.2: "open", 0.5: "fails"}


def test_gains_are_over_the_same_baseline_everywhere():
    """In the null the reference is another one, and no gain over it is subtracted."""
    cube = cube_of(null=1.9)
    cube["nll_reference"].loc["resample"] = 47.0
    assert differences(cube)["order"].values == pytest.approx(
        (BEST - cube.nll[0, 0].values) - (NULL - cube.nll[1, 0].values)
    )
    worse = cube_of(full=0.7, null=2.5)
    assert (differences(worse)["order"] == 0).all()


def test_order_is_against_each_null():
    cube = cube_of()
    other = cube.isel(condition=[1]).assign_coords(condition=["shuffle"])
    other["nll"] = other.nll - 0.25
    both = xr.concat([cube, other], "condition", data_vars="minimal")
    for name in ("nll_memory", "state_exchange"):
        both[name] = cube[name]
    assert states(judged(both))["order"] == "fails"
    assert states(judged(cube))["order"] == "holds"
    # Phase surrogates have an order of their own, unless there is nothing else.
    surrogates = both.assign_coords(condition=["structured", "resample", "phase"])
    assert states(judged(surrogates))["order"] == "holds"
    assert states(judged(surrogates.isel(condition=[0, 2])))["order"] == "fails"


@pytest.mark.parametrize(
    ("scores", "state"),
    [
        (probed([0.9, 0.9], [0.2, 0.2], [0.2, 0.2]), "holds"),
        # The untrained core has it, or the raw inputs.
        (probed([0.9, 0.9], [0.88, 0.2], [0.2, 0.2]), "fails"),
        (probed([0.9, 0.9], [0.2, 0.2], [0.88, 0.2]), "fails"),
        # The clock: states of other sequences have as much of it.
        (probed([0.9, 0.9], [-0.5, 0.2], [-0.5, 0.2], shuffled=0.9), "fails"),
    ],
)
def test_representation_of_each_latent(scores, state):
    found = states(judged(cube_of(probes=scores)))
    assert found["representation x"] == state


def test_a_control_below_zero_adds_nothing():
    """That states of other sequences decode worse than a mean shows nothing of one's own."""
    scores = probed([0.1, 0.9], [0.08, 0.2], [0.08, 0.2])
    control = {"probe_score_shuffled": [[-0.5, 0.0], [0.0, 0.0]]}
    assert states(judged(cube_of(probes=scores | control)))["representation x"] == "fails"


def test_latents_are_corrected_for_their_number():
    scores = probed([0.9, 0.9], [0.2, 0.89], [0.2, 0.2])
    five = judged(cube_of(probes=scores, n_seeds=5)).sel(claim="representation x")
    assert five.claim_p_value == 2**-5
    assert five.claim_p_value_adjusted == 2**-4
    assert five.claim_state == "open"
    six = judged(cube_of(probes=scores, n_seeds=6))
    assert states(six)["representation x"] == "holds"


def test_seeds_without_a_score_are_left_out():
    scores = probed([0.9, 0.9], [0.2, 0.2], [0.2, 0.2])
    cube = cube_of(probes=scores, n_seeds=8)
    cube["probe_score"] = cube.probe_score.where(cube.nll.seed > 1)
    assert states(judged(cube))["representation x"] == "holds"
    cube["probe_score"] = cube.probe_score.where(cube.nll.seed > 4)
    found = judged(cube)
    assert states(found)["representation x"] == "open"
    assert found.verdict.item() == "operator"


def test_what_was_not_tested_does_not_make_an_operator():
    cube = cube_of()
    assert judged(cube.sel(condition=["structured"])).verdict.item() == "prediction"
    alone = judged(cube.sel(mode=["full"]))
    assert alone.verdict.item() == "undecided"
    assert "untested: core: add the mode 'readout'" in alone.verdict_reason.item()
    some = judged(cube, claims=("gain", "prediction", "core"))
    assert some.verdict.item() == "prediction"
    assert set(states(some)) == {"gain", "prediction", "core"}
    scores = probed([0.9, 0.9], [0.89, 0.89], [0.2, 0.2])
    only = judged(cube_of(probes=scores), claims=("representation",))
    assert only.verdict.item() == "none"


@pytest.mark.parametrize(
    ("mode", "remedies"),
    [
        ("readout", {"gain": "full", "prediction": "full", "core": "full", "memory": "full"}),
        ("full", {"core": "readout", "reservoir": "readout"}),
    ],
)
def test_what_was_not_tested_names_the_mode_that_is_missing(mode, remedies):
    reason = judged(cube_of().sel(mode=[mode])).verdict_reason.item()
    for claim, missing in remedies.items():
        assert f"{claim}: add the mode '{missing}'" in reason


def test_correction_is_over_configurations_and_not_over_claims():
    grid = xr.concat([cube_of(), cube_of(full=0.49)], "hidden_size").assign_coords(
        hidden_size=[4, 8]
    )
    cube = judged(grid)
    raw = cube.claim_p_value.sel(claim="prediction")
    adjusted = cube.claim_p_value_adjusted.sel(claim="prediction")
    assert raw[0] == 2**-6
    assert adjusted[0] == 2**-5
    assert cube.verdict.values.tolist() == ["operator", "undecided"]


def test_too_few_seeds_decide_nothing():
    few = judged(cube_of(n_seeds=4))
    assert few.verdict.item() == "undecided"
    assert "too few seeds" in few.verdict_reason.item()


@pytest.mark.parametrize(
    ("status", "reason"), [("diverged", "lower lr"), ("head not converged", "fewer units")]
)
def test_nothing_is_decided_on_fits_that_failed(status, reason):
    cube = cube_of()
    cube["status"][1, 0, 2] = status
    result = judged(cube)
    assert result.verdict.item() == "undecided"
    assert reason in result.verdict_reason.item()


def test_networks_that_still_learn_are_undecided():
    steep = with_curve(cube_of(), STEEP)
    assert loss_fall(steep.training_loss)[0, 0, 0].item() == pytest.approx(0.02)
    result = judged(steep)
    assert result.verdict.item() == "undecided"
    assert "training had not ended" in result.verdict_reason.item()
    assert judged(with_curve(cube_of(), 1 - 0.02 * BLOCK)).verdict.item() == "operator"
    assert judged(steep, margin=0.03).verdict.item() == "operator"
    # Stopped early: there are no losses at the end.
    stopped = with_curve(cube_of(), np.where(BLOCK > 0.6, np.nan, STEEP))
    assert judged(stopped).verdict.item() == "operator"


def test_with_early_stopping_held_out_sequences_tell_whether_training_has_ended():
    """The training loss falls all the time."""
    cube = with_curve(cube_of(), STEEP)
    risen = with_looks(cube, 1 + 0.4 * (BLOCK - 0.5) ** 2)
    assert np.allclose(falls_of(risen).sel(condition="structured", mode="full"), 0)
    assert judged(risen).verdict.item() == "operator"
    # The lowest is that of the end: .02 below that of the first four fifths.
    falling = with_looks(cube, STEEP)
    assert np.allclose(falls_of(falling).sel(condition="structured", mode="full"), 0.02)
    result = judged(falling)
    assert result.verdict.item() == "undecided"
    reason = "updates the lowest loss of held-out sequences fell by 0.02 nats per step (structured"
    assert reason in result.verdict_reason.item()
    assert "more than margin=0.01; raise max_steps;" in result.verdict_reason.item()
    # Without, the end of training may be a matter of early stopping.
    either = "margin=0.01; explain says whether to raise max_steps or to stop early;"
    assert either in judged(cube).verdict_reason.item()
    assert judged(falling, margin=0.03).verdict.item() == "operator"
    # It stopped in the last fifth.
    stopped = with_looks(cube, STEEP, 0.99)
    assert judged(stopped).verdict.item() == "operator"
    # Two of six seeds did not: the mean over seeds may still change by a third of the fall.
    some = with_looks(cube, STEEP, [0.99, np.nan, 0.9, np.nan, 0.99, 0.99])
    found = falls_of(some).sel(condition="structured", mode="full").mean("seed")
    assert found.item() == pytest.approx(0.02 / 3)
    assert judged(some).verdict.item() == "operator"
    # Nobody looked, or not before the last fifth: the training loss is all that is known.
    for looks in (np.nan, np.where(BLOCK > 0.9, 1.0, np.nan)):
        assert judged(with_looks(cube, looks)).verdict.item() == "undecided"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        # Nothing predicts better than the best baseline by more than the margin, or something does.
        ({"full": 0.52, "optimal": 0.495}, "learned, not beyond a linear filter"),
        ({"full": 0.52, "optimal": 0.4}, "undecided"),
        ({"full": 0.45, "readout": 0.45, "optimal": 0.445}, "reservoir"),
        ({"full": 0.45, "readout": 0.45, "optimal": 0.4}, "undecided"),
        ({"full": 1.2, "readout": 1.1, "optimal": 0.995}, "none"),
        ({"full": 1.2, "readout": 1.1, "optimal": 0.9}, "undecided"),
        # What training built may grow.
        ({"optimal": 0.3}, "undecided"),
        ({"full": 1.2, "probes": probed([0.9, 0.9], [0.2, 0.9], [0.2, 0.9])}, "undecided"),
    ],
)
def test_what_further_training_cannot_change_is_decided(changes, verdict):
    cube = with_curve(cube_of(**{**OPERATOR, **changes}), STEEP)
    result = judged(cube)
    assert result.verdict.item() == verdict
    assert "training had not ended" in result.verdict_reason.item()
    # A bound from below does not say what is possible.
    cube["ceiling"][0] = "bound"
    assert judged(cube).verdict.item() == "undecided"


def test_each_arm_must_have_ended():
    """Heads that are trained, and networks of a null if they might gain something there."""
    heads = judged(with_curve(cube_of(), STEEP, mode="readout"))
    assert heads.verdict.item() == "undecided"
    assert "(structured, readout)" in heads.verdict_reason.item()
    for null, verdict in ((2.0, "undecided"), (2.1, "operator")):
        result = judged(with_curve(cube_of(null=null), STEEP, condition="resample"))
        assert result.verdict.item() == verdict


def test_baselines_must_have_converged():
    cube = cube_of()
    cube["status_baseline"] = (
        ("condition", "baseline", "seed"),
        np.full((2, 2, 6), "ok", object),
    )
    cube = cube.assign_coords(baseline=["mean", "window"])
    assert judged(cube).verdict.item() == "operator"
    cube.status_baseline[0, 1, 3] = "head not converged"
    result = judged(cube)
    assert result.verdict.item() == "undecided"
    assert "baselines have not converged (window)" in result.verdict_reason.item()


def test_undefined_claims_have_a_remedy():
    cube = cube_of()
    cube.state_exchange[0, 1, 2] = np.nan
    assert "memory: it is undefined (NaN) in some seeds" in judged(cube).verdict_reason.item()


def test_networks_that_stand_apart_are_named():
    cube = cube_of(n_seeds=8)
    cube["nll"].loc[{"mode": "full", "condition": "structured", "seed": [1, 2]}] = 0.9
    reason = judged(cube.assign_coords(seed=np.arange(8))).verdict_reason.item()
    assert "networks stand apart" not in judged(cube_of(n_seeds=8)).verdict_reason.item()
    assert "2 of 8 networks stand apart" in reason


def test_splits_of_recordings_have_the_corrected_test():
    cube = judged(cube_of(full=0.485, n_seeds=5), units=(32, 8)).sel(claim="prediction")
    values = cube.claim_difference.values
    expected = corrected_resampled_test(values, 32, 8, margin=0.01).pvalue
    assert cube.claim_p_value.item() == pytest.approx(expected)
    # Not bound by the number of seeds.
    assert cube.claim_p_value.item() < 2**-5
    # Two splits are enough for it, if they agree.
    assert states(judged(cube_of(n_seeds=2), units=(32, 8)))["gain"] == "holds"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": -0.1}, "margin"),
        ({"claims": ("prediction", "magic")}, "claims=.*'magic' is not known here; choose from"),
        ({"claims": ()}, "claims is empty"),
        ({"baselines": ("oracle",)}, "'oracle' is not known; choose from .*echo_state"),
        ({"reservoir_sizes": (64, 16)}, "reservoir_sizes=.* increase"),
    ],
)
def test_bad_claims_are_refused_before_training(options, message, no_training):
    assessment = EmergenceAssessment(OscillatorWorld(), GRUPredictor(), **options)
    with pytest.raises(ValueError, match=message):
        assessment.fit()


def test_bad_windows_and_lags_are_refused_before_training(no_training):
    from sklearn_emerge import LinearFilterPredictor, WindowPredictor

    for baseline in (WindowPredictor(window=300), LinearFilterPredictor(lags=300)):
        assessment = EmergenceAssessment(
            OscillatorWorld(), GRUPredictor(), baselines={"own": baseline}
        )
        with pytest.raises(ValueError, match="longer than the past.*sequences of 256 steps"):
            assessment.fit()


def test_groups_are_refused_before_training(no_training):
    X = np.random.default_rng(0).normal(size=(20, 10)).cumsum(axis=1)
    for groups, message in ((np.zeros(20), "group"), (np.arange(19), "groups")):
        with pytest.raises(ValueError, match=message):
            EmergenceAssessment(ArrayWorld(X, groups=groups), GRUPredictor()).fit()


def tokens(n_tokens, n_sequences=100, n_steps=16):
    """Sequences in which each token follows from the two before it, mostly."""
    rng = np.random.default_rng(0)
    X = rng.integers(n_tokens, size=(n_sequences, n_steps))
    for t in range(2, n_steps):
        follows = rng.random(n_sequences) < 0.9
        X[follows, t] = (X[follows, t - 1] + X[follows, t - 2]) % n_tokens
    return X


@pytest.mark.parametrize(("n_tokens", "best"), [(3, "window"), (20, "markov")])
def test_few_tokens_have_a_panel_that_sees_more_than_the_last_one(n_tokens, best):
    """Beyond a Markov chain, which knows nothing here, is not beyond a window of two."""
    world = ArrayWorld(tokens(n_tokens))
    baselines = make_baselines(
        "auto", GRUPredictor(likelihood="categorical", n_tokens=n_tokens), world
    )
    unsaid = make_baselines("auto", GRUPredictor(likelihood="categorical"), world)
    assert list(unsaid) == list(baselines)
    assert best in baselines
    assert ("echo_state" in baselines) == (best == "window")
    if best == "window":
        window, markov = (
            baselines[name].fit(world.X[:80]).score(world.X[80:]) for name in ("window", "markov")
        )
        assert window > markov + 0.2
