"""Methods and references of a report are those of the cube."""

import json

import pytest
from report_cubes import facts_of, of_model, with_options

from sklearn_emerge.assessment._cube import annotate
from sklearn_emerge.reporting._methods import write_methods
from sklearn_emerge.reporting._references import list_references


def test_methods_are_those_of_the_cube(cube):
    told = write_methods(facts_of(cube))
    for part in (
        "a GRUPredictor of 3 hidden units (67 weights)",
        "OscillatorWorld (initial_std = 0.1, n_steps = 10,",
        "Each of 5 replicates (seeds) had 40 sequences for training and 20 for evaluation",
        "Adam (step size 0.01, batches of 40) for 4 updates",
        "compared with 4 alternatives: the mean, the mean of each step, persistence and a linear",
        "all 32 patterns (smallest possible p-value 0.031 before correction)",
        "alpha = 0.6, corrected over 2 latents by the method of Holm",
        "resample (at every step, values are exchanged between sequences",
        "phase (sequences have the same spectrum and random phases",
        "a margin of 0.01 nats per step or 0.05 of a probe score",
        "The reference (persistence) and the best of all (",
    ):
        assert part in told
    model = json.loads(cube.attrs["configuration"])["model"]
    other = with_options(
        cube,
        shared_data=True,
        correction=None,
        n_flips=2000,
        margin=0.2,
        model=model | {"max_steps": 77, "head": "sgd", "hidden_size": 5},
    )
    told = write_methods(facts_of(other.sel(seed=[0, 1], condition=["structured"])))
    for part in ("the same 40 sequences", "2,000 random patterns", "margin of 0.2", "77 updates"):
        assert part in told
    for part in ("corrected", "resample", "closed form to trained", "of its own."):
        assert part not in told


@pytest.mark.parametrize(
    ("change", "said", "unsaid"),
    [
        (
            lambda cube: with_options(
                cube, units=[4, 2], interval="bootstrap", world={"type": "ArrayWorld"}
            ),
            ["t-test of Nadeau and Bengio", "Intervals of gains are those of Nadeau and Bengio"],
            ["bootstrap", "Student"],
        ),
        (
            lambda cube: with_options(cube, interval="bootstrap"),
            ["Intervals of gains are bootstrap intervals"],
            ["Student", "Nadeau"],
        ),
        (
            lambda cube: cube.sel(mode=["full"]),
            ["in closed form after training", "from trained hidden"],
            ["twin", "untrained"],
        ),
        (
            lambda cube: cube.sel(mode=["readout"]),
            [
                "An untrained GRUPredictor",
                "Heads alone were fitted",
                "and initial weights of its own",
            ],
            ["twin", "trained and", "training adds", "batches", "Adam"],
        ),
        (
            lambda cube: of_model(cube.sel(mode=["readout"]), head="sgd"),
            ["Heads were trained by Adam (step size 0.01, batches of 40) for 4 updates."],
            ["closed form", "gradient descent", "All weights"],
        ),
        (
            lambda cube: cube.sel(mode=["readout"]).expand_dims(head=["exact", "sgd"]),
            ["Where head = sgd, heads were trained by Adam", "Where head = exact, heads were fit"],
            ["gradient descent", "All weights"],
        ),
        (
            lambda cube: cube.sel(mode=["readout"]).assign_coords(mode=["random"]),
            ["An untrained GRUPredictor", "Heads were not fitted, either."],
            ["twin", "closed form", "Adam"],
        ),
        (
            lambda cube: cube.isel(seed=[0]),
            ["There was one replicate, of a single seed, with 40", "neither tests nor intervals"],
            ["sign-flip", "Student", "Holm", "Each of 1"],
        ),
        (
            lambda cube: cube.expand_dims(head=["exact", "sgd"], noise_std=[0.1, 0.2]),
            [
                "Varied were head (exact and sgd) and noise_std (0.1 and 0.2).",
                "Where head = exact, heads were fitted in closed form to trained and untrained",
                "Where head = sgd, heads were trained by gradient descent with all other weights",
            ],
            ["Heads were"],
        ),
        (
            lambda cube: cube.expand_dims(head=["sgd"], lr=[0.5], world__n_steps=[50]),
            ["Heads were trained by gradient descent", "step size 0.5", "n_steps = 50"],
            ["Varied", "closed form to", "0.001", "n_steps = 10"],
        ),
        (
            lambda cube: cube.expand_dims(world__n_steps=[10, 20], max_steps=[3, 4]),
            ["world__n_steps (10 and 20)", "by Adam (step size 0.01, batches of 40)."],
            ["n_steps =", "updates."],
        ),
        (
            lambda cube: cube.expand_dims(likelihood=["gaussian", "bernoulli"]),
            ["under a Gaussian or Bernoulli likelihood"],
            ["auto"],
        ),
        (
            lambda cube: cube.sel(mode=["readout", "readout"]).assign_coords(
                mode=["readout", "random"]
            ),
            ["Heads alone were fitted. A twin of each had a head that was not fitted, either."],
            ["further twin", "untrained twin"],
        ),
        (
            lambda cube: with_options(cube, reference="mean"),
            ["The reference was persistence; the best of all ("],
            ["The reference ("],
        ),
        (
            lambda cube: cube.sel(claim=[]),
            ["There was no claim that could be tested."],
            ["a margin of"],
        ),
    ],
)
def test_methods_say_only_what_was_done(change, said, unsaid, cube):
    told = write_methods(facts_of(change(cube)))
    before = write_methods(facts_of(cube))
    for part in said:
        assert part in told
        assert part not in before
    for part in unsaid:
        assert part not in told


def test_methods_of_a_null_do_not_say_that_it_has_the_same_sequences(cube):
    told = write_methods(facts_of(cube.assign_coords(condition=["structured", "a", "bernoulli"])))
    assert "nulls of the world: a and bernoulli (each step is an independent flip" in told
    assert "same sequences" not in told


def test_references_are_of_what_was_used(cube):
    listed = " ".join(list_references(facts_of(cube)))
    for name in ("Cho", "Kingma", "Theiler", "Alain", "Winkler", "Holm", "Emergence Without"):
        assert name in listed
    for name in ("Jaeger", "Nadeau", "Elman"):
        assert name not in listed
    without = with_options(cube.sel(condition=["structured"]), correction=None)
    listed = " ".join(list_references(facts_of(without)))
    assert "Theiler" not in listed
    assert "Holm" not in listed
    listed = " ".join(list_references(facts_of(cube.isel(seed=[0]).sel(mode=["readout"]))))
    for name in ("Winkler", "Holm", "Kingma"):
        assert name not in listed


def test_papers_are_those_of_the_protocol_and_of_the_world(cube):
    configuration = {"world": {"type": "AlgorithmicWorld"}, "model": {"type": "GRUPredictor"}}
    annotated = annotate(cube.copy(), configuration).attrs["references"]
    both = cube.assign_attrs(references=annotated)
    listed = list_references(facts_of(both))
    assert [text[:18] for text in listed[:2]] == ["Emergence Without ", "The Geometric Anat"]
    assert "Geometric" not in cube.attrs["references"]
    nothing = list_references(
        facts_of(cube.drop_attrs().assign_attrs(configuration=cube.configuration))
    )
    assert "Emergence Without" not in " ".join(nothing)


def test_heads_that_were_given_are_not_said_to_be_fitted(cube):
    given = with_options(cube, given_networks=5, given_heads=5)
    told = write_methods(facts_of(given))
    assert "The heads of the given networks stayed as they were, too. Other heads were" in told
    assert "Heads were fitted" not in told
    two = write_methods(facts_of(with_options(cube, given_networks=5, given_heads=2)))
    assert "The heads of 2 of the given networks stayed as they were, too." in two
    none = write_methods(facts_of(with_options(cube, given_networks=5, given_heads=0)))
    assert "stayed as they were, too" not in none
    alone = given.sel(condition=["structured"], mode=["full"])
    assert "eads were fitted" not in write_methods(facts_of(alone))


def test_methods_say_where_the_noise_comes_from(cube):
    told = write_methods(facts_of(cube))
    assert "The standard deviation of the noise was given (0.0" in told
    estimated = write_methods(facts_of(with_options(cube, noise=["estimate"])))
    assert "noise was estimated, as the root mean square error of each predictor" in estimated
    both = write_methods(facts_of(with_options(cube, noise=[0.1, "estimate"])))
    assert "noise was given (0.1) or estimated, as" in both
    # Of counts, and of cubes that do not know.
    assert "standard deviation" not in write_methods(facts_of(with_options(cube, noise=[])))


def test_latents_without_names_are_named_once(cube):
    renamed = cube.assign_coords(latent=["latent 0", "latent 1"])
    told = write_methods(facts_of(renamed))
    assert " Latent 0 and latent 1 were decoded" in told
    assert "latents latent" not in told


def test_methods_say_when_training_stopped_and_counts_as_ended(cube):
    plain = "mean training loss fell by no more than the margin from the last but one fifth"
    early = "the lowest loss on held-out training sequences fell by no more than the margin"
    until = "updates at most, until the loss on held-out training sequences did not fall any more"
    told = write_methods(facts_of(cube))
    assert plain in told
    assert "held-out training" not in told
    looked = cube.assign(validation_loss=cube.training_loss, stopped_at=cube.nll)
    told = write_methods(facts_of(of_model(looked, early_stopping=True)))
    assert f"ended where {early}" in told
    assert "in the mean over seeds, of which those that had stopped early count 0." in told
    assert until in told
    assert plain not in told
    both = looked.expand_dims(early_stopping=[False, True])
    told = write_methods(facts_of(both))
    assert plain in told
    assert f"; where early_stopping = True, {early}" in told
    assert "4 updates (where early_stopping = True, at most, until the loss on held-out" in told
