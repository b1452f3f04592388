"""Every sentence follows from numbers: with others it says something else."""

import re

import numpy as np
import pytest
import xarray as xr
from chosen import BLOCK, OPERATOR, RUN, STEEP, cube_of, probed, told, with_curve, with_looks
from conftest import small_assessment
from sklearn.exceptions import NotFittedError

from sklearn_emerge import ArrayWorld, EmergenceAssessment, explain, load_cube
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._next import times_needed
from sklearn_emerge.inference import required_seeds, seeds_needed
from sklearn_emerge.reporting._checks import run_checks
from sklearn_emerge.reporting._facts import Facts

Y_IS_NEW = probed([0.9, 0.9], [0.9, 0.2], [0.2, 0.2])


def said(*args, **options):
    """Return what is said of a cube, without breaks of lines."""
    return " ".join(explain(told(*args, **options)).split())


def test_lines_fit_and_there_is_one_verdict():
    text = explain(told(cube_of(probes=Y_IS_NEW), sizes=(100, 60, np.inf)))
    assert max(map(len, text.splitlines())) <= 79
    assert text.count("Operator: ") == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            "Operator: the trained network predicts better than a linear filter, the best of all "
            "baselines, and than its untrained core, by the order in time and with its memory; "
            "whether it follows the law of its world was not asked.",
        ),
        (
            {"probes": Y_IS_NEW},
            "with its memory; whether it follows the law of its world was not asked; and y can be "
            "decoded better from its states",
        ),
        ({"null": 1.8}, "but it is no operator: that its gain is by the order in time fails."),
        (
            {"null": 1.8, "memory": None},
            "that its gain is by the order in time fails, and that it uses its memory was not "
            "tested.",
        ),
        (
            {"full": 0.505},
            "Learned, but not beyond a linear filter: the trained network does not predict better "
            "than that, the best of all baselines, by more than the margin, but better than "
            "persistence, the best trivial "
            "baseline.",
        ),
        (
            {"full": 0.45, "readout": 0.45},
            "Reservoir: the untrained core predicts better than persistence, the best trivial "
            "baseline, and the trained network not better than its untrained core.",
        ),
        (
            {"full": 0.55, "readout": 0.55},
            "not better than its untrained core, nor than a linear filter, the best of all "
            "baselines, by more than the margin.",
        ),
        (
            {"full": 1.2, "readout": 1.1},
            "None: neither the trained network nor its untrained core predicts better than "
            "persistence, the best trivial baseline.",
        ),
        (
            {"full": 1.2, "readout": 1.1, "probes": Y_IS_NEW},
            "Representation: y can be decoded better from its states than from its untrained core "
            "and from the last inputs; that it predicts better than a linear filter fails, and "
            "that it predicts better than its untrained core fails.",
        ),
        (
            {"full": 0.49},
            "Undecided: it is open whether the trained network predicts better than the best of "
            "all baselines.",
        ),
        (
            {"readout": 0.31},
            "Undecided: it is open whether the trained network predicts better than its untrained "
            "core.",
        ),
    ],
)
def test_first_sentence_is_the_verdict(changes, sentence):
    assert sentence in said(cube_of(**{**OPERATOR, **changes}))


def test_verdict_of_representation_alone():
    run = RUN | {"claims": ["representation"]}
    nothing = probed([0.9, 0.9], [0.9, 0.9], [0.2, 0.2])
    assert "None: x or y can be decoded no better from the trained" in said(
        cube_of(probes=nothing), run=run
    )
    assert "Representation: y can" in said(cube_of(probes=Y_IS_NEW), run=run)


def is_said(sentence, text):
    """Return whether a sentence is in a text, but for what noise does to its numbers."""
    parts = re.split(r"(\d\.\d+)", sentence)
    pattern = "".join(r"(\d\.\d+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return any(
        np.allclose(
            [float(number) for number in found.groups()], [*map(float, parts[1::2])], atol=0.006
        )
        for found in re.finditer(pattern, text)
    )


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {},
            [
                "holds Gain: the trained network predicts better than persistence, the best "
                "trivial baseline: 0.70 nats per step (bounds: 0.70 to 0.70); better by more",
                "holds Prediction: it predicts better than a linear filter, the best of all "
                "baselines: 0.20 nats per step (bounds: 0.20 to 0.20);",
                "holds Core: it predicts better than its untrained core: 0.3 nats per step",
                "holds Order: its gain over a linear filter, or 0 where it loses, is larger than "
                "in the null with order destroyed: 0.2 nats per step",
                "holds Memory: with the memory of another sequence, or with none, whichever costs "
                "less, it predicts worse: 0.2 nats per step",
                "holds Reservoir: its untrained core predicts better than persistence: 0.4 nats",
                "better by more than the margin in 6 of 6 seeds",
            ],
        ),
        (
            {"full": 0.7, "readout": 1.3, "null": 2.5, "memory": (-0.1, -0.1)},
            [
                "fails Prediction: it predicts worse than a linear filter, the best of all "
                "baselines: -0.20 nats per step (bounds: -0.20 to -0.20);",
                "better by more than the margin in 0 of 6 seeds",
                "fails Order: over a linear filter nothing is gained that could be by the order in "
                "time, neither in the world nor in the null with order destroyed.",
                "fails Memory: with the memory of another sequence, or with none, whichever costs "
                "less, it predicts better: -0.1 nats per step",
                "fails Reservoir: its untrained core predicts worse than persistence: -0.3 nats",
            ],
        ),
        (
            {"null": 1.7},
            [
                "fails Order: its gain over a linear filter, or 0 where it loses, is smaller than "
                "in the null with order destroyed: -0.1 nats per step",
            ],
        ),
        ({"full": 1.5}, ["baseline: -0.50 nats per step (bounds: -0.50 to -0.50); better by more"]),
        (
            {"readout": 0.1},
            ["fails Core: it predicts worse than its untrained core: -0.2 nats per"],
        ),
        ({"full": 0.49}, ["open Prediction: it predicts better than a linear filter, the best of"]),
        (
            {"probes": probed([0.9, 0.5], [0.9, 0.2], [0.2, 0.8])},
            [
                "fails Representation of x: it is decoded no better and no worse from the trained "
                "states than from the untrained ones or the last inputs, whichever is better: less "
                "than 0.0001 of R2, bounds included; better by more than the margin in 0 of 6",
                "fails Representation of y: it is decoded worse from the trained states than from "
                "the untrained ones or the last inputs, whichever is better: -0.30 of R2 (bounds: ",
                "R2: 0.5 from trained states, 0.2 from untrained states and 0.8 from the last "
                "inputs.",
            ],
        ),
        (
            {"probes": Y_IS_NEW},
            [
                "holds Representation of y: it is decoded better from the trained states than from "
                "the untrained ones or the last inputs, whichever is better: 0.70 of R2 (bounds: ",
            ],
        ),
    ],
)
def test_claims_turn_with_their_effects(changes, sentences):
    text = said(cube_of(**{**OPERATOR, **changes}))
    for sentence in sentences:
        assert is_said(sentence, text), sentence


def test_bounds_and_seeds_are_those_of_the_claim():
    cube = told(cube_of(full=0.49, n_seeds=8))
    claim = cube.sel(claim="prediction")
    n = int((claim.claim_difference > 0.01).sum())
    text = " ".join(explain(cube).split())
    low, high = claim.claim_low.item(), claim.claim_high.item()
    assert 0 < n < 8
    assert f"(bounds: {low:.4f} to {high:.4f}); better by more than the margin in {n} of 8" in text
    # On both sides of zero, with signs as in tables.
    text = said(cube_of(full=0.5)).partition("Prediction: ")[2].partition(";")[0]
    assert re.search(r"bounds: -0\.\d+ to 0\.\d+\)", text)
    assert "seeds are too few for bounds" in said(cube_of(n_seeds=4))


def test_scores_of_classes_are_named():
    cube = cube_of(probes=Y_IS_NEW)
    cube["probe_accuracy"] = cube.probe_score.where(cube.latent == "y")
    text = said(cube)
    assert "R2: 0.9" in text.partition("Representation of x")[2].partition("Representation")[0]
    assert "D2: 0.9" in text.partition("Representation of y")[2]
    assert "R2: " in text
    assert "D2: " in text


def test_what_other_sequences_tell_of_a_latent_is_named_where_there_is_something():
    by_chance = probed([0.9, 0.9], [0.9, 0.2], [0.2, 0.2], shuffled=0.1)
    less = "could be had from other sequences, and do not count."
    text = said(cube_of(probes=by_chance))
    assert re.search(rf"; of these, 0\.1\d\d, 0\.1\d\d and 0\.1\d\d {less}", text)
    nothing = probed([0.9, 0.9], [0.9, 0.2], [0.2, 0.2], shuffled=-0.1)
    assert "could be had" not in said(cube_of(probes=nothing))
    # Without a window there is one thing to compare with.
    names = ["probe_score_window", "probe_score_window_shuffled"]
    without = said(cube_of(probes=Y_IS_NEW).drop_vars(names))
    assert "states than from the untrained ones: 0." in without
    assert "whichever is better" not in without


def test_what_is_no_difference_is_not_said_to_be_one():
    same = cube_of()
    same["nll"][0, 0] = 0.5
    same["nll"][0, 1] = 0.5 + 0.00002
    text = said(same)
    assert (
        "Prediction: it predicts no better and no worse than a linear filter, the best of all "
        "baselines: less than 0.0001 nats per step, bounds included; better by more than the "
        "margin in 0 of 6 seeds."
    ) in text
    assert "Core: it predicts no better and no worse than its untrained core: less" in text
    assert "0.0000" not in text.partition("Words")[0]
    same["nll"][0, 0] = 0.4999
    assert "Prediction: it predicts better than a linear filter" in said(same)
    # Nothing on average, and something in each seed.
    same["nll"][0, 0] = 0.5 + 0.1 * np.array([-1, 1, -1, 1, -1, 1])
    text = said(same)
    assert re.search("no better and no worse than a linear .*?: 0.000? nats .*?: -0.0", text)


def test_undefined_claims_are_named():
    cube = cube_of()
    cube.state_exchange[0, 1, 2] = np.nan
    assert "untested Memory: it is undefined (NaN) in some seeds" in said(cube)
    assert "undefined" not in said(cube_of())


def test_a_correction_that_keeps_a_claim_open_is_named():
    # The p-value is 2/64 each, and twice that after the correction.
    one = undecided(0.05 * np.array([-0.5, 0.99, 1, 1.01, 1.02, 1.03]))
    one["nll"][0, 0] -= 0.01
    grid = xr.concat([one, one], "hidden_size").assign_coords(hidden_size=[4, 8])
    text = said(grid)
    corrected = "bounds alone would decide, but not when corrected for 2 configurations"
    assert f"larger by more than the margin in 5 of 6 seeds; {corrected}" in text
    assert "when corrected" not in said(one)
    # No p-value can be small enough, which is said once.
    grid = xr.concat([cube_of(n_seeds=5)] * 2, "hidden_size").assign_coords(hidden_size=[4, 8])
    text = said(grid)
    assert "when corrected" not in text
    assert "5 seeds are too few for 2 configurations" in text


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        (
            (100.4, 60.0, 200.0),
            "A random core needs about 100 units to predict as well (95% "
            "interval: 60 to 200); the network has 16.",
        ),
        ((100.4, 0.0, np.inf), "(95% interval: fewer than 16 to more than 512)"),
        (
            (np.inf, 300.0, np.inf),
            "No random core that was tried, up to 512 units, predicts as well on average (95% "
            "interval of the units that are needed: 300 to more than 512); the network has 16.",
        ),
        (
            (0.0, 0.0, 0.0),
            "A random core of 16 units, the smallest that was tried, predicts better "
            "on average (95% interval: fewer than 16); the network has 16.",
        ),
        ((100.4, np.nan, np.nan), "about 100 units to predict as well; the network has 16."),
    ],
)
def test_equivalent_reservoir_in_words(sizes, sentence):
    assert sentence in said(cube_of(), sizes=sizes)
    assert "random core" not in said(cube_of())
    run = RUN | {"model": {"type": "ModulePredictor"}}
    assert "; the network has" not in said(cube_of(), sizes=sizes, run=run)


def test_a_size_that_may_be_any_is_not_given():
    text = said(cube_of(), sizes=(np.inf, 0.0, np.inf))
    assert "How many units a random core needs to predict as well cannot be told" in text
    assert "fewer than 16 to more than 512" in text


def test_what_the_untrained_core_has_is_not_called_learned():
    assert "Reservoir: " in said(cube_of(full=0.51, readout=0.515))
    assert "Learned, but not beyond" in said(cube_of(full=0.51, readout=0.6))


def test_share_of_what_is_possible():
    text = said(cube_of(), optimal=0.1)
    best = "nats per step that the best possible predictor gains over"
    assert f"Of the 0.90 {best} persistence, the network gains 78%." in text
    assert f"Of the 0.40 {best} a linear filter, the network gains 50%." in text
    worse = said(cube_of(full=0.7), optimal=0.1)
    assert "gains over a linear filter, the network gains none." in worse
    assert "Over a linear filter the best possible predictor gains no more than 0.001 nats" in said(
        cube_of(full=0.7), optimal=0.5
    )
    assert "the network gains 99.7%." in said(cube_of(), optimal=0.298)
    assert "is known only from below here, so that no share" in said(cube_of(), ceiling="bound")
    unknown = said(cube_of(), ceiling="unknown")
    assert "is not known here, so that no share of it is given." in unknown
    assert "%" not in unknown.partition("What it is worth")[2].partition("Words")[0]


def test_networks_that_stand_apart_are_named():
    cube = cube_of(n_seeds=8).assign_coords(seed=np.arange(8))
    assert "stand" not in said(cube.copy(deep=True))
    cube["nll"].loc[{"mode": "full", "condition": "structured", "seed": [1, 2]}] = 0.9
    text = said(cube)
    assert "2 of 8 networks stand apart, which means over seeds do not show" in text
    apart = "the gain over persistence of seeds 1 (0.1) and 2 (0.1) is far from that of the others"
    assert is_said(apart, text)
    cube["nll"].loc[{"mode": "full", "condition": "structured", "seed": 2}] = 0.3
    assert "1 of 8 networks stands apart" in said(cube)


def test_updates_that_are_missing_follow_from_the_fall_of_the_loss():
    # Blocks end where they are labelled.
    middle = BLOCK - 0.025
    cube = told(with_curve(cube_of(), 1 + 0.2 / middle))
    factor = times_needed(cases_of(cube)[0], ("structured", "full"))
    longer = 0.2 / (middle * factor)
    assert longer[-8:-4].mean() - longer[-4:].mean() == pytest.approx(0.01, rel=0.02)
    text = " ".join(explain(cube).split())
    assert "Undecided: training had not ended." in text
    assert "the loss fell by 0.064 nats per step (the world, all weights)" in text
    steps = 100 * int(np.ceil(10 * factor))
    assert f"after {factor:.1f} times as many updates at the earliest: max_steps={steps}." in text
    slow = said(with_curve(cube_of(), 1 + 1 / middle))
    assert "shrinks so slowly that 16 times as many updates may not be enough; train for" in slow
    assert "max_steps=16000." in slow


def test_networks_that_stopped_late_had_not_stopped_half_way():
    looks = np.where(BLOCK <= 0.7, 1 + 0.2 / BLOCK, np.nan) * np.ones((6, 1))
    looks[:3] = 1 + 0.2 / BLOCK
    cube = with_looks(with_curve(cube_of(), STEEP), looks, [np.nan] * 3 + [0.7] * 3)
    # Of half of them the lowest loss still falls, and half way that of all did.
    fall, before = (0.2 / 0.8 - 0.2) / 2, 0.2 / 0.4 - 0.2 / 0.5
    factor = 2 ** (np.log(0.01 / fall) / np.log(fall / before))
    assert times_needed(cases_of(told(cube))[0], ("structured", "full")) == pytest.approx(factor)


def test_what_is_learned_by_heart_is_not_trained_longer():
    by_heart = with_curve(cube_of(full=0.55), STEEP - 0.8)
    text = said(by_heart)
    assert "In evaluation sequences the loss is 0.45 nats per step higher than in training" in text
    assert "max_steps" not in text
    # Less of it than is still learned.
    assert "by heart" not in said(with_curve(cube_of(full=0.55), STEEP - 0.36))
    # Of tokens not all steps count.
    run = RUN | {"world": {"type": "TriangleWorld"}}
    assert "by heart" not in said(by_heart, run=run)


def test_what_is_learned_by_heart_is_stopped_early_where_that_is_possible():
    by_heart = with_curve(cube_of(full=0.55), STEEP - 0.8)
    able = RUN | {"model": RUN["model"] | {"early_stopping": False}}
    text = said(by_heart, run=able)
    assert "Set early_stopping=True on the model, which holds out some of the training" in text
    assert "predicted no better; or take more sequences, or fewer hidden units" in text
    able["model"]["early_stopping"] = True
    assert "Set early_stopping" not in said(by_heart, run=able)
    # Held-out sequences are predicted better and better: there is nothing to stop.
    text = said(with_looks(by_heart, 1 - 0.2 * BLOCK), run=able)
    assert "the lowest loss of held-out sequences fell by 0.040 nats per step" in text
    assert "by heart" not in text
    assert "max_steps=" in text
    assert "Training had not ended" not in said(with_looks(by_heart, 1.0), run=able)


def test_updates_that_nothing_says_how_many():
    text = said(with_curve(cube_of(), STEEP))
    assert "That fall does not shrink yet; train for twice as long, and look again" in text
    assert "max_steps=2000" in text
    run = RUN | {"model": {"type": "ModulePredictor"}}
    assert "max_steps" not in said(with_curve(cube_of(), STEEP), run=run)
    assert "Training had not ended" not in said(cube_of())


def test_a_verdict_that_outlives_further_training():
    still_learning = with_curve(cube_of(full=0.52), STEEP)
    text = said(still_learning, optimal=0.495)
    assert text.count("Learned, but not beyond") == 1
    assert "The verdict would be the same: the best possible predictor is better by no" in text
    assert "max_steps" not in text
    text = said(still_learning, optimal=0.4)
    assert text.count("Undecided: training had not ended") == 1
    assert "The verdict would be the same" not in text
    assert "max_steps" in text


# As much above the margin as below it.
OPEN = 0.013 + 0.005 * np.array([-1, 1, -1, 1, -1, 1])


def undecided(differences=OPEN):
    """Return a cube whose networks predict better than the best baseline by these differences."""
    cube = cube_of()
    cube["nll"][0, 0] = 0.5 - differences
    return cube


def test_seeds_that_are_missing():
    text = said(undecided())
    seeds = required_seeds(OPEN - 0.01)
    assert seeds > 6
    assert (
        "It is open whether the trained network predicts better than the best of all baselines. If "
        f"its effect is as large as it looks (0.013), about {seeds} seeds would decide it."
    ) in text
    # The verdict waits for none.
    assert "would decide it" not in said(cube_of())
    near = said(undecided(OPEN - 0.00299))
    assert "(0.010) is so near to the margin that 1000 seeds may not decide it; report its" in near


def reservoir_is_open():
    """Return a cube of an operator whose untrained core is about as good as the reference."""
    cube = cube_of()
    cube["nll"][0, 1] = 1 - OPEN
    return cube


def test_seeds_are_named_of_what_the_verdict_does_not_wait_for():
    cube = told(reservoir_is_open())
    assert cube.verdict == "operator"
    n = required_seeds(OPEN - 0.01)
    also = f"Not decided, though the verdict is the same without it: reservoir (about {n} seeds"
    assert f"{also} would do)." in " ".join(explain(cube).split())
    late = said(with_curve(reservoir_is_open(), STEEP))
    assert f"when training has ended: reservoir (about {n} seeds would do)." in late
    assert "Not decided" not in said(cube_of())
    near = reservoir_is_open()
    near["nll"][0, 1] = 1 - (OPEN - 0.00299)
    assert "reservoir (1000 seeds may not do)" in said(near)


def test_seeds_that_latents_need_are_named():
    cube = cube_of(probes=Y_IS_NEW, n_seeds=5)
    few = "5 seeds are too few for 2 latents: no p-value can be below 0.062, and alpha is 0.05."
    assert f"{few} Run at least 6 seeds." in said(cube)
    # Also while networks still learn, as only more updates would be asked for otherwise.
    late = cube_of(probes=Y_IS_NEW)
    assert few not in said(with_curve(late, STEEP))
    five = with_curve(late, STEEP).isel(seed=slice(5))
    assert few in said(five)
    assert "max_steps" in said(five)


@pytest.mark.parametrize("n_seeds", [4, 5, 6, 8])
def test_a_report_and_an_explanation_name_the_same_numbers_of_seeds(n_seeds):
    cube = cube_of(probes=Y_IS_NEW, n_seeds=n_seeds)
    cube["nll"][0, 1] = 1 - np.resize(OPEN, n_seeds)
    cube = told(cube)
    text = " ".join(explain(cube).split())
    checks = {check.question: check.found for check in run_checks(Facts(cube))}
    decided = checks["Was every claim decided?"]
    assert "reservoir: about" in decided
    for name, about in re.findall(r"(\w+(?: \w)?): (about \d+ seeds) would do", decided):
        assert f"{name} ({about} would do)" in text or f"{about} would decide it" in text
    needed = re.search(r"(\d+) are needed", checks["Are there seeds enough for the latents?"])[1]
    assert (f"Run at least {needed} seeds" in text) == (n_seeds < int(needed))


def test_recordings_that_are_missing():
    run = RUN | {"units": [32, 8], "world": {"type": "ArrayWorld", "groups": None}}
    cube = told(undecided(), run=run)
    low = cube.claim_low.sel(claim="prediction").item()
    # Bounds are as far as the root of the number of recordings says.
    n = int(
        re.search(
            r"better than the best of all baselines. If .*?about (\d+) recordings",
            " ".join(explain(cube).split()),
        )[1]
    )
    assert 0.013 - (0.013 - low) * np.sqrt(40 / n) == pytest.approx(0.01, abs=2e-5)
    assert "1000 recordings may not" in said(undecided(OPEN - 0.00299), run=run)
    # A recording is not made longer by cutting it into more blocks.
    cut = run | {"recording": "1 recording of 400 steps: 40 blocks"}
    times = re.search(
        r"a recording about ([\d.]+) times as long would decide it, cut at the same length and "
        r"gap; more blocks of this one would not\.",
        text := said(undecided(), run=cut),
    )[1]
    assert n / 40 <= float(times) < 1.1 * n / 40 + 0.1
    assert not re.search(r"\d blocks of a recording would", text)
    assert "a recording 25 times as long may not" in said(undecided(OPEN - 0.00299), run=cut)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"n_seeds": 4},
            "4 seeds are too few: no p-value can be below 0.062, and alpha is 0.05. Run at least 5",
        ),
        ({"n_seeds": 1}, "One seed does not say how seeds differ. Run at least 5 seeds."),
        (
            {"run": {"n_flips": 10}},
            "Random sign flips are too few: no p-value can be below 0.091, and alpha is 0.05. Pass",
        ),
        ({"n_seeds": 1, "run": {"units": [32, 8]}}, "how seeds differ. Run at least 2 seeds."),
    ],
)
def test_too_few_seeds(options, sentence):
    assert seeds_needed(0.05) == 5
    run = RUN | options.pop("run", {})
    text = said(cube_of(**options), run=run)
    assert sentence in text
    assert "Undecided: " in text
    assert sentence not in said(cube_of())


def test_claims_that_were_not_tested():
    text = said(cube_of().sel(mode=["full"]))
    core = "whether the trained network predicts better than its untrained core was not tested"
    assert f"Undecided: {core}." in text
    assert "To test it, add the mode 'readout'." in text
    assert "To test it, assess a world that tells its latents, or pass those of" in said(cube_of())
    assert "To test it, pass latents" not in said(cube_of(probes=Y_IS_NEW))
    run = RUN | {"claims": ["gain", "core"]}
    assert "To test it, add 'prediction' to claims." in said(cube_of(), run=run)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("diverged", "Training diverged, see status; lower lr."),
        ("head not converged", "A head has not converged, see status; fit more sequences, or"),
    ],
)
def test_fits_that_failed(status, sentence):
    cube = cube_of()
    cube["status"][1, 0, 2] = status
    assert sentence in said(cube)
    assert sentence not in said(cube_of())


def test_what_no_verdict_follows_from():
    cube = cube_of(full=0.97, readout=0.975)
    cube["nll_best_baseline"] = cube.nll_reference
    cube["nll"][0, 0] = 0.985
    cube["nll"][0, 1] = 0.993
    text = said(cube)
    assert (
        "Undecided: no verdict follows from the claims (gain holds, prediction holds, core fa"
        in text
    )


def test_what_bounds_are_about():
    assert "6 seeds, each with sequences, initial weights and order of batches of its own." in said(
        cube_of()
    )
    assert "6 seeds, on the same sequences: the verdict is about these sequences" in said(
        cube_of(), run=RUN | {"shared_data": True}
    )
    recorded = RUN | {"units": [32, 8], "world": {"type": "ArrayWorld", "groups": None}}
    assert "The verdict is about 40 recordings: in each of 6 seeds networks are trained" in said(
        cube_of(), run=recorded
    )
    grouped = recorded | {"world": {"type": "PhaseNull", "world": {"groups": {"type": "array"}}}}
    assert "is about 40 groups of recordings" in said(cube_of(), run=grouped)


def test_heads_in_closed_form_have_no_batches():
    own = "each with sequences and initial weights of its own"
    heads = cube_of().sel(mode=["readout"])
    assert own in said(heads)
    run = RUN | {"model": RUN["model"] | {"head": "sgd"}}
    assert own not in said(heads, run=run)
    assert own not in said(cube_of())


def test_words_are_explained_where_they_occur():
    text = said(cube_of())
    assert " window of inputs: " not in text
    assert " linear filter: " in text
    assert " random core: " not in text
    assert " R2: " not in text
    assert "margin: what is smaller does not count as better: 0.01 nats per step." in text
    assert "operator: " in text
    assert "order destroyed: " not in said(cube_of().sel(condition=["structured"]))
    assert "a confidence of 95% each: one-sided, as tests are; intervals in figures have" in text
    run = RUN | {"alpha": 0.1}
    assert "a confidence of 90% each" in said(cube_of(), run=run)


def test_a_grid_has_a_paragraph_each():
    grid = xr.concat([cube_of(), cube_of(full=0.52), cube_of()], "hidden_size")
    cube = told(grid.assign_coords(hidden_size=[4, 8, 16]))
    lines = explain(cube).splitlines()
    assert lines[0] == "GRUPredictor in OscillatorWorld: 3 configurations"
    assert "learned, not beyond a linear filter (1): hidden_size=8" in lines
    assert "operator (2): hidden_size=4, 16" in lines
    assert [lines.count(f"hidden_size={size}") for size in (4, 8, 16)] == [1, 1, 1]
    one = explain(cube.sel(hidden_size=8))
    assert one.startswith("GRUPredictor in OscillatorWorld, hidden_size=8\n\nLearned, but not")
    assert max(map(len, lines)) <= 79


def test_one_of_a_grid_is_said_to_be_corrected_with_the_others():
    grid = xr.concat([cube_of(), cube_of()], "hidden_size").assign_coords(hidden_size=[4, 8])
    run = RUN | {"n_configurations": 2}
    one = told(grid, run=run, n_flips=None).sel(hidden_size=8)
    assert cases_of(one)[0].n_configurations == 2
    del run["n_configurations"]
    assert cases_of(told(grid, run=run).sel(hidden_size=8))[0].n_configurations == 1


def test_of_an_assessment_a_cube_and_a_file(fitted_single, tmp_path):
    path = tmp_path / "cube.nc"
    fitted_single.to_netcdf(path)
    text = fitted_single.explain()
    assert text == explain(fitted_single) == explain(fitted_single.cube_) == explain(path)
    assert text == explain(load_cube(path))
    with pytest.raises(NotFittedError):
        EmergenceAssessment().explain()


def test_recordings_are_known_from_the_cube():
    X = np.random.default_rng(0).normal(size=(40, 12)).cumsum(axis=1)
    options = {"modes": ("full",), "nulls": (), "n_train": None, "n_eval": None}
    assessment = small_assessment(world=ArrayWorld(X), **options).fit()
    assert (
        "is about 40 recordings: in each of 2 seeds networks are trained on about 32"
        in " ".join(assessment.explain().split())
    )


def test_cubes_of_before_are_refused_with_a_remedy():
    old = told(cube_of()).drop_dims("claim")
    for cube, message in (
        (old, "no claims.*AssessmentDisplay.*again.*published.*reproduction.md.*run_experiment"),
        (told(cube_of()).drop_attrs(), "lost its attribute configuration.*assign_attrs"),
        (told(cube_of()).isel(seed=0), r"no dimension seed.*sel\(seed=\[...\]\)"),
        (told(cube_of()).isel(seed=[0, 1]), "2 seeds, but its claims are about 6"),
    ):
        with pytest.raises(ValueError, match=message):
            explain(cube)
