"""What cannot work is refused before anything is trained: not even a baseline is fitted."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import small_assessment
from skorch.callbacks import EpochScoring
from torch import nn

from sklearn_emerge import (
    ArrayWorld,
    GRUPredictor,
    LSTMPredictor,
    MeanPredictor,
    ModulePredictor,
    RNNPredictor,
    TransformerPredictor,
    load_cube,
)
from sklearn_emerge.assessment._labels import coordinate

GOOD = np.random.default_rng(0).normal(size=(24, 20))
TINY = partial(TransformerPredictor, 8, 1, 2, max_steps=2)
MEAN = MeanPredictor()
SAME = nn.GRU(2, 3, batch_first=True)


GRIDS = [
    ({3: [1]}, "key 3 must be text"),
    ({None: [1]}, "key None must be text"),
    ({"hidden_size": [2], "model__hidden_size": [3]}, "'hidden_size' and 'model__hidden_size'.*d"),
    ({"model__lr": [0.1], "lr": [0.1]}, "'model__lr' and 'lr' are the same parameter; drop one"),
    ({"hidden_size": {2, 3}}, "must be a non-empty list.*in their order"),
    ({"hidden_size": frozenset([2])}, "must be a non-empty list"),
    ({"hidden_size": {2: 3}.keys()}, "must be a non-empty list"),
    ({"hidden_size": {2: 3}}, "must be a non-empty list"),
    ({"hidden_size": (n for n in [2])}, "must be a non-empty list"),
    ({"hidden_size": np.array(2)}, "must be a non-empty list"),
    ({"device": b"cpu"}, "must be a non-empty list"),
    ({"hidden_size": [3, True]}, "mixes numbers and booleans"),
    ({"hidden_size": [np.True_, 3]}, "mixes numbers and booleans"),
    ({"hidden_size": [2, 2**70]}, f"has {2**70}, more than an integer of 64 bits"),
    ({"max_steps": [2**63]}, f"has {2**63}, more than"),
    ({"hidden_size": [2, np.int64(2)]}, "has a value twice"),
    ({"lr": [1, 1.0]}, "has a value twice"),
    ({"noise_std": ["0.5", 0.5]}, "has a value twice"),
    ({"device": ["cpu", "cpu\0"]}, "'cpu\\\\x00', which cannot be a label.*without NUL"),
    ({"device": ["cpu", "\ud800"]}, "cannot be a label.*surrogates"),
    ({"nll": [1]}, "'nll' is the name of a variable of the cube; write 'model__nll'"),
    ({"device": ["cpu", "gpu"]}, "device='gpu' cannot be used.*'cpu'"),
    ({"lr": [1e-3, 3.5e38]}, r"'lr'.*3.4e\+37\]. Got 3.5e\+38"),
    ({"hidden_size": [3, 10**9]}, "hidden_size=1000000000.*cannot be built.*smaller"),
]


@pytest.mark.parametrize(("grid", "message"), GRIDS)
def test_grids(grid, message, no_training):
    with pytest.raises(ValueError, match=message):
        small_assessment(param_grid=grid).fit()


def not_causal(n_inputs):
    return nn.GRU(n_inputs, 3, batch_first=True, bidirectional=True)


def core_without_inputs():
    return SAME


ENGINE = GRUPredictor(1100, engine="numba")
EARLY = {"early_stopping": True, "validation_fraction": 0.01}
MODELS = [
    (GRUPredictor(device="gpu"), "device='gpu' cannot be used"),
    (GRUPredictor(device="cuda:99"), "device='cuda:99' cannot be used"),
    (GRUPredictor(device="meta"), "device='meta' cannot be used.*Use 'cpu'"),
    (TINY(device="meta"), "device='meta' cannot be used"),
    (GRUPredictor(lr=3.5e38), "'lr'.*Got 3.5e"),
    (GRUPredictor(lr=3.5e37), "'lr'.*Got 3.5e"),
    (GRUPredictor(lr=1e-46), "'lr'.*Got 1e-46"),
    (TINY(lr=1e300), "'lr'.*Got 1e\\+300"),
    (GRUPredictor(batch_size=2**63), f"'batch_size'.*Got {2**63}"),
    (GRUPredictor(callbacks=[1]), "callbacks has 1, which is no callback.*skorch"),
    (GRUPredictor(callbacks=["early"]), "callbacks has 'early', which is no callback"),
    (GRUPredictor(callbacks=[("early", 1)]), "callbacks has .*1.*no callback"),
    (GRUPredictor(callbacks=[int]), "callbacks has <class 'int'>, which is no callback"),
    (TINY(callbacks=[print]), "callbacks has <built-in.*which is no callback"),
    (RNNPredictor(10**9), r"RNNPredictor\(.*hidden_size=1000000000.*cannot be built"),
    (LSTMPredictor(10**20), "LSTMPredictor.*cannot be built"),
    (TransformerPredictor(10**17, 1, 1), "TransformerPredictor.*cannot be built"),
    (TINY(feedforward_size=10**20), "feedforward_size=1.*cannot be built"),
    (TINY(context=20), "context=20 is longer than the 9 steps"),
    (TransformerPredictor(8, 1, 3), "hidden_size=8 is not a multiple of n_heads=3"),
    (TINY(extra_outputs=1), "extra_outputs=1 is for likelihood='categorical'"),
    (TINY(**EARLY), "validation_fraction=0.01 of 40 sequences is 0"),
    (ENGINE, "engine='numba' cannot.*1100 hidden units"),
    (GRUPredictor(likelihood="bernoulli"), "likelihood='bernoulli'.*binarise"),
    (GRUPredictor(likelihood="categorical"), "not a token"),
    (ModulePredictor(SAME), "module is a GRU"),
    (ModulePredictor(lambda n: SAME), "same GRU twice"),
    (ModulePredictor(core_without_inputs), "cannot be built.*positional"),
    (ModulePredictor(nn.GRU), "cannot be built.*hidden_size"),
    (ModulePredictor(not_causal), "not causal"),
    (ModulePredictor(lambda n: "text"), "must return a torch.nn.Module"),
]


@pytest.mark.parametrize(("model", "message"), MODELS)
def test_models(model, message, no_training):
    with pytest.raises(ValueError, match=message):
        small_assessment(model=model).fit()


NAMES = ["a", "b\0"]
LATENTS = np.zeros((24, 20, 2))
OTHERS = [
    (dict(model=TINY(), modes=("full", "scrambled")), "'scrambled' is not known.*'random'"),
    (dict(model=MEAN, modes=("full", "readout")), "'readout' is not known here.*'full'"),
    (
        dict(model=ModulePredictor(lambda n: nn.Linear(n, 3)), modes="scrambled"),
        "'scrambled' is not known here; choose from 'full', 'readout', 'random'",
    ),
    (
        dict(model=TINY(), param_grid={"context": [4, 50]}),
        "context=50 is longer than the 9 steps",
    ),
    (
        dict(model=TINY(), param_grid={"world__n_steps": [20, 6], "context": [6]}),
        "context=6 is longer than the 5 steps",
    ),
    (dict(model=TINY(), param_grid={"n_heads": [1, 3]}), "not a multiple of n_heads=3"),
    (dict(baselines={1: MEAN}), "baselines has 1, which cannot be a label"),
    (dict(baselines={"": MEAN}), "baselines has an empty name"),
    (dict(baselines={"a\0": MEAN}), "baselines has 'a.*NUL"),
    (dict(baselines={("a", "b"): MEAN}), r"baselines has \('a', 'b'\)"),
    (dict(baselines=["mean", ["mean"]]), r"\['mean'\] is not known; choose from mean"),
    (dict(reference=["mean", ["mean"]]), "reference=.*names out of the baselines"),
    (dict(n_jobs=0), r"'n_jobs'.*\[1, .*Got 0"),
    (dict(n_jobs=2**70), r"'n_jobs'.*Got 1180591620717411303424"),
    (dict(world=ArrayWorld(GOOD, LATENTS, NAMES), n_train=10, n_eval=10), "latent_names has 'b"),
    (
        dict(record_at=[0], measures={"a": lambda p, s: {"b\0": 1.0}}),
        r"measures\['a'\] has 'b.*NUL",
    ),
    (
        dict(record_at=[0], measures={"a": lambda p, s: {1: 1.0, "1": 1.0}}),
        r"measures\['a'\] returned a label twice",
    ),
    (
        dict(record_at=[0], measures={"a": lambda p, s: xr.DataArray([1, 2], {"b": [1, 1]})}),
        r"measures\['a'\] returned a label twice",
    ),
]


@pytest.mark.parametrize(("options", "message"), OTHERS)
def test_other_arguments(options, message, no_training):
    with pytest.raises(ValueError, match=message):
        small_assessment(**options).fit()


def test_devices_without_double_precision(monkeypatch, no_training):
    """As "mps", on which networks could be trained and not evaluated."""
    zeros = torch.zeros

    def without_doubles(*size, dtype=None, **options):
        if dtype is torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype\nfor it has none.")
        return zeros(*size, dtype=dtype, **options)

    monkeypatch.setattr(torch, "zeros", without_doubles)
    with pytest.raises(ValueError, match="device='cpu' cannot be used: Cannot .* float64 dtype. U"):
        small_assessment().fit()


def test_what_is_valid_at_the_edge_is_taken():
    callbacks = [None, EpochScoring("r2"), ("named", EpochScoring("r2")), EpochScoring]
    for model in (
        GRUPredictor(2, lr=3.4e37, max_steps=0),
        GRUPredictor(2, lr=1.4e-45, max_steps=1),
        GRUPredictor(2, batch_size=2**63 - 1, max_steps=1),
        GRUPredictor(2, callbacks=callbacks[:3], max_steps=0),
    ):
        assert np.isfinite(model.fit(GOOD).predict(GOOD)).all()
    assert GRUPredictor(callbacks=callbacks)._validate_params() is None


def test_labels_of_all_kinds_of_values_survive_a_file(tmp_path):
    values = [[2, 2**63 - 1], np.array([0.5, 2.0], np.float16), [None, 4], ["a", np.str_("b")]]
    labels = {f"p{i}": coordinate(v) for i, v in enumerate(values)}
    xr.Dataset(coords=labels).to_netcdf(tmp_path / "labels.nc")
    with xr.open_dataset(tmp_path / "labels.nc") as file:
        kept = {name: file[name].values.tolist() for name in labels}
    assert kept == {"p0": [2, 2**63 - 1], "p1": [0.5, 2.0], "p2": ["None", "4"], "p3": ["a", "b"]}
    grid = {"lr": np.array([0.1, 0.2], np.float32), "time_channel": [None, "no_time"]}
    options = dict(modes=("random",), nulls=(), probe=None, baselines=["mean"], correction=None)
    assessment = small_assessment(param_grid=grid, **options).fit()
    assessment.to_netcdf(tmp_path / "cube.nc")
    assert load_cube(tmp_path / "cube.nc").time_channel.values.tolist() == ["None", "no_time"]


def test_measures_of_few_recordings_are_tried_on_as_many_as_there_are():
    X = GOOD.cumsum(axis=1)
    world = ArrayWorld(X)
    for kind in world.null_kinds:
        assert world.null(kind).default_split(None, None) == world.default_split(None, None)
        assert world.null(kind).null("shuffle").default_split(10, None) == (10, 6)
    assessment = small_assessment(
        world=world,
        nulls=world.null_kinds,
        modes=("random",),
        n_train=None,
        n_eval=None,
        record_at=[0],
        measures={"score": lambda predictor, sample: predictor.score(sample.X)},
    ).fit()
    scores = assessment.cube_.score_trajectory
    assert scores.notnull().all()
    assert scores.sizes["condition"] == 4


def fail_in_nulls(predictor, sample):
    """A measure that can be taken of the untrained networks on which it is tried."""
    if predictor.training == "full" and sample.latents is None:
        raise ZeroDivisionError("no such thing")
    return 0.0


def test_an_error_of_a_measure_says_where_it_was():
    assessment = small_assessment(
        record_at=[0, 2],
        measures={"good": lambda predictor, sample: len(sample.X), "bad": fail_in_nulls},
        param_grid={"hidden_size": [2]},
    )
    with pytest.raises(ZeroDivisionError, match="no such thing") as caught:
        assessment.fit()
    # As it comes back from another process.
    notes = pickle.loads(pickle.dumps(caught.value)).__notes__
    assert notes[0] == "This happened in measures['bad'], update 0 of seed 0."
    assert notes[1] == (
        "This happened in the cell condition='resample', hidden_size=2, mode='full'."
    )


NOISE = np.random.default_rng(1).normal(size=(44, 8))
# A seed in which the largest is not held out trains on little else.
UNEVEN = np.repeat(np.arange(8), [20, 4, 4, 4, 4, 4, 2, 2])
LESS = UNEVEN != 0
LESS[:6] = True
ALL = dict(n_train=None, n_eval=None, baselines="mean")


@pytest.mark.parametrize(
    ("world", "options", "message", "remedy"),
    [
        (
            ArrayWorld(NOISE, groups=np.repeat([0, 1], 22)),
            {},
            "groups has 2 labels, of which seed 0 trains on one alone.*at least three",
            ArrayWorld(NOISE, groups=np.repeat([0, 1, 2], [15, 15, 14])),
        ),
        (
            ArrayWorld(NOISE, groups=UNEVEN),
            dict(n_seeds=6),
            "8 labels, of which seed . trains on one .*has, which are 20, or fewer of this group",
            ArrayWorld(NOISE[LESS], groups=UNEVEN[LESS]),
        ),
        (
            ArrayWorld.from_recording(NOISE.ravel(), length=8, n_units=2),
            {},
            "n_units=2 blocks, of which seed 0 .* pass n_units of at least 3",
            ArrayWorld.from_recording(NOISE.ravel(), length=8, n_units=3),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_training_on_one_group_alone(world, options, message, remedy, no_training, monkeypatch):
    model, options = GRUPredictor(2, max_steps=1), options | ALL
    with pytest.raises(ValueError, match=message):
        small_assessment(world=world, model=model, **options).fit()
    monkeypatch.undo()
    small_assessment(world=remedy, model=model, **options).fit()


@pytest.mark.filterwarnings("ignore")
def test_early_stopping_in_a_later_seed_with_fewer_groups(no_training, monkeypatch):
    groups = np.repeat(np.arange(8), [4, 4, 4, 4, 16, 4, 4, 4])
    world = ArrayWorld(NOISE, groups=groups)
    options = dict(early_stopping=True, max_steps=1)
    model = GRUPredictor(2, **options, validation_fraction=0.15)
    with pytest.raises(ValueError, match="0.15 of . groups is 0: some have"):
        small_assessment(world=world, model=model, n_seeds=6, **ALL).fit()
    # One split alone has enough.
    assert len(np.unique(world.split(24, 11, 0)[0].groups)) == 6
    monkeypatch.undo()
    model = GRUPredictor(2, **options, validation_fraction=0.5)
    small_assessment(world=world, model=model, n_seeds=6, **ALL).fit()
