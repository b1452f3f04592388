"""Trained networks are kept, and what is made of them is what training gave."""

import numpy as np
import pytest

from sklearn_emerge import DriftWorld, EmergenceAssessment, GRUPredictor
from sklearn_emerge.assessment._schedule import cell_name
from sklearn_emerge.reproduce import EXPERIMENTS, Experiment, load_networks, run_experiment
from sklearn_emerge.reproduce import _networks as module


@pytest.fixture(scope="module", autouse=True)
def small():
    """An experiment that takes a second, in the place of one of the paper's."""
    experiment = Experiment(
        "drift",
        "gru",
        DriftWorld(n_steps=16),
        GRUPredictor(3, max_steps=10),
        {"hidden_size": [2, 3]},
        modes=("full", "readout"),
        options={
            "n_train": 40,
            "n_eval": 20,
            "baselines": ["mean"],
            "reservoir_sizes": None,
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXPERIMENTS, "drift-gru", experiment)
        yield


@pytest.fixture(scope="module")
def kept_in(small, tmp_path_factory):
    """The folder in which its networks are kept."""
    folder = tmp_path_factory.mktemp("networks")
    module.write_networks(folder / "drift-gru.npz", dict(module.train_networks("drift-gru")))
    return folder


@pytest.fixture(scope="module")
def anew(small):
    """The cube of networks that are trained with it."""
    return run_experiment("drift-gru", "corrected", progress=False).cube_


@pytest.mark.slow
def test_an_assessment_of_kept_networks_is_that_of_training(kept_in, anew):
    kept = module.read_networks(kept_in / "drift-gru.npz")
    assert list(kept) == [
        f"{condition}/hidden_size={size}"
        for size in (2, 3)
        for condition in ("structured", "resample")
    ]
    again = run_experiment("drift-gru", "corrected", networks=kept, progress=False).cube_
    assert again.sizes["seed"] == 7
    for name in set(anew.data_vars) - {"fit_seconds"}:
        assert anew[name].equals(again[name]), name
    # Those that are known are not trained again.
    assert list(dict(module.train_networks("drift-gru", known=list(kept)[:3]))) == list(kept)[3:]


@pytest.mark.slow
def test_loaded_networks_are_those_of_the_cube(kept_in, anew, monkeypatch):
    monkeypatch.setattr(module, "files", lambda package: kept_in)
    networks = load_networks("drift-gru", hidden_size=3, seeds=(0, 4))
    stream = module.substream(module.ENTROPY, "data")
    splits = DriftWorld(n_steps=16).splits(5, 40, 20, stream)
    for seed, network in zip((0, 4), networks, strict=True):
        place = dict(condition="structured", mode="full", hidden_size=3, seed=seed)
        assert -network.score(splits[seed][1].X) == anew.nll.sel(place).item()
    with pytest.raises(ValueError, match="no network 'structured/hidden_size=9' of 'drift-gru'"):
        load_networks("drift-gru", hidden_size=9)
    with pytest.raises(ValueError, match="name='ocean' has no trained networks"):
        load_networks("ocean")


@pytest.mark.parametrize(
    "options", [{"protocol": "published"}, {"random_state": 1}, {"max_steps": 5}, {"n_train": 10}]
)
def test_networks_of_another_run_are_refused(options):
    cells = {cell_name("structured", {"hidden_size": 2}): []}
    with pytest.raises(ValueError, match="networks were trained under protocol='corrected'"):
        run_experiment("drift-gru", **{"protocol": "corrected", "networks": cells, **options})


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "networks.npz"
    cell = cell_name("structured", {"hidden_size": 2})
    module.write_networks(
        path, {cell: [{"w": np.zeros(3, np.float32), "training_loss": np.ones(20)}]}
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="it is damaged"):
        module.read_networks(path)


def test_networks_of_a_cell_belong_to_full_training_alone():
    model, world = GRUPredictor(2, max_steps=3), DriftWorld(n_steps=10)
    options = dict(
        n_train=10,
        n_eval=5,
        n_seeds=2,
        alpha=0.6,
        nulls=(),
        reservoir_sizes=None,
        progress=False,
        random_state=0,
        baselines=("mean",),
    )
    plain = EmergenceAssessment(world, model, **options).fit().cube_
    other = EmergenceAssessment(world, model, **options)
    other._networks = {"structured/hidden_size=2": []}
    assert other.fit().cube_.nll.equals(plain.nll)
