"""Bad input is refused before any training, and the message says what to do."""

import numpy as np
import pytest
from conftest import small_assessment
from sklearn.linear_model import LogisticRegression, Ridge
from skorch.callbacks import EpochScoring
from torch import nn

from sklearn_emerge import (
    ArrayWorld,
    GRUPredictor,
    MeanPredictor,
    ModulePredictor,
    OscillatorPredictor,
    OscillatorWorld,
    RegimeWorld,
    load_cube,
)

pytestmark = pytest.mark.usefixtures("no_training")
GOOD = np.random.default_rng(0).normal(size=(20, 10))


def with_value(value):
    X = GOOD.copy()
    X[3, 7] = value
    return X


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GRUPredictor().fit(GOOD[0]), r"X has shape \(10,\).*cut\(np.ravel\(X\), 5\)"),
        (lambda: OscillatorPredictor().fit(with_value(np.nan)), r"X\[3, 7.*is nan.*Leave out"),
        (lambda: GRUPredictor().fit(with_value(np.inf)), r"X\[3, 7.*is inf.*make them NaN"),
        (lambda: GRUPredictor().fit(GOOD[:1]), "X has.*holds one sequence.*at least 2.*cut it"),
        (lambda: GRUPredictor().fit(GOOD[:, :1]), "X has.*sequences of 1 step.*at least 2"),
        (lambda: GRUPredictor().fit(np.zeros((3, 4, 2, 2))), "X has 4 dimensions.*n_channels"),
        (lambda: GRUPredictor(hidden_size=0).fit(GOOD), r"'hidden_size'.*\[1, inf\). Got 0"),
        (lambda: GRUPredictor(training="all").fit(GOOD), "'training'.*'readout'.*Got 'all'"),
        (
            lambda: GRUPredictor(time_channel="clock").fit(GOOD),
            "'time_channel'.*full_time.*'clock'",
        ),
        (
            lambda: GRUPredictor(likelihood="bernoulli").fit(GOOD),
            "likelihood='bernoulli'.*gaussian",
        ),
        (lambda: GRUPredictor(lr=0).fit(GOOD), "'lr'.*Got 0"),
        (lambda: GRUPredictor(random_state=-1).fit(GOOD), "random_state.*Got -1"),
        (lambda: GRUPredictor(device="gpu").fit(GOOD), "device='gpu' cannot be used.*'cpu'"),
        (
            lambda: ModulePredictor(lambda n: nn.Linear(n, 3), training="scrambled").fit(GOOD),
            "no parameter named 'weight_hh",
        ),
        (lambda: MeanPredictor(noise_std=-1).fit(GOOD), "'noise_std'.*Got -1"),
        (lambda: MeanPredictor().fit(GOOD).at_length(1), "n_steps=1 is not a length"),
        (lambda: OscillatorWorld(omega=(1, 2, 3)).sample(1), r"omega=\(1, 2, 3\).*number or two"),
        (lambda: OscillatorWorld(n_steps=1).sample(1), "'n_steps'.*Got 1"),
        (lambda: OscillatorWorld().sample(0), "n_sequences=0.*at least 1"),
        (lambda: OscillatorWorld().sample(1, random_state="a"), "random_state='a'"),
        (
            lambda: OscillatorWorld().null("reverse"),
            "null='reverse'.*'shuffle', 'resample', 'phase'",
        ),
        (lambda: RegimeWorld().null("phase"), "null='phase'.*'bernoulli'"),
        (lambda: RegimeWorld(stay_probability=(0.5, 1.5)).sample(1), "stay_probability=.*1.5"),
        (lambda: ArrayWorld(GOOD[0]).sample(1), r"X has shape \(10,\)"),
        (lambda: ArrayWorld(with_value(np.inf)).sample(1), "X contains infinity"),
        (lambda: ArrayWorld(GOOD).split(15, 6), "21 sequences were asked for, but X holds 20"),
        (lambda: ArrayWorld(GOOD, np.zeros(19)).sample(1), r"latents has shape \(19,\)"),
        (
            lambda: ArrayWorld(GOOD, np.zeros(20), ["a", "b"]).sample(1),
            "latent_names=.*2 different names for 1 latents",
        ),
        (
            lambda: ArrayWorld(GOOD, np.zeros((20, 10, 2)), ["a", "a"]).sample(1),
            "latent_names=.*1 different names for 2 latents",
        ),
    ],
)
def test_predictors_and_worlds(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(alpha=0), "alpha=0 .*between 0 and 1"),
        (dict(alpha=1.0), "alpha=1.0 .*between 0 and 1"),
        (dict(n_seeds=0), r"'n_seeds'.*\[1, inf\) or None. Got 0"),
        (dict(modes=("trained",)), "modes=.*'trained' is not known here; choose from 'full'"),
        (dict(modes=()), "modes is empty"),
        (dict(nulls=("reverse",)), "nulls=.*'reverse' is not known here.*'shuffle'.*nulls='auto'"),
        (dict(nulls=("shuffle", "shuffle")), "has a name twice"),
        (dict(param_grid={"units": [2]}), "'units' is not a parameter of GRU.*hidden_size"),
        (
            dict(param_grid={"hiden_size": [2]}),
            r"'hiden_size' is not a parameter of GRUPredictor\. Did you mean 'hidden_size'\?",
        ),
        (dict(param_grid={"world__speed": [2]}), "'world__speed' is not a parameter of Osc.*omega"),
        (dict(param_grid={"hidden_size": []}), "non-empty list"),
        (dict(param_grid={"hidden_size": 4}), "non-empty list"),
        (dict(param_grid={"hidden_size": [4, 4]}), "has a value twice"),
        (dict(param_grid={"hidden_size": [0]}), "'hidden_size'.*Got 0"),
        (dict(param_grid={"world__omega": [(1, 2, 3)]}), "omega="),
        (dict(param_grid={"seed": [1]}), "'seed' is the name of a dimension"),
        (dict(baselines=("median",)), "'median' is not known; choose from mean"),
        (dict(baselines={}), "baselines is empty"),
        (dict(baselines={"ridge": Ridge()}), "baselines\\['ridge'\\]=Ridge.*not a predictor"),
        (dict(model=Ridge()), "'model'.*BasePredictor"),
        (dict(model=GRUPredictor), r"pass an object of it, model=GRUPredictor\(\)"),
        (dict(probe=LogisticRegression()), "probe=LogisticRegression.*need a regressor"),
        (dict(world=RegimeWorld(), nulls=(), probe=Ridge()), "need a classifier"),
        (dict(param_grid={"training": ["full"]}), "'training' is set by.*modes="),
        (dict(param_grid={"model__random_state": [1]}), "set by the assessment.*n_seeds="),
        (
            dict(model=GRUPredictor(callbacks=[EpochScoring(lambda *a: 0)]), memory="cache"),
            "memory is set.*lambdas",
        ),
        (dict(nulls="reverse"), "'reverse' is not known here"),
        (dict(modes="half"), "'half' is not known here"),
        (dict(baselines="median"), "'median' is not known"),
        (dict(reference="median"), "reference='median'.*mean"),
        (dict(correction="none"), "correction='none'.*holm"),
        (dict(interval="normal"), "'interval'.*student"),
        (dict(world="oscilator"), "world='oscilator' is not known. Did you mean 'oscillator'"),
        (dict(world="ocean"), "world='ocean' is not known; choose from drift, oscillator,"),
        (dict(model="cnns"), "model='cnns' is not known"),
        (dict(world=3), "'world'.*Got 3"),
        (dict(nulls="shuffled"), "'shuffled' is not known here.*Did you mean 'shuffle'"),
        (dict(modes="untrained"), "Did you mean 'readout' or 'random'"),
        (dict(baselines="esn"), "'esn' is not known.*Did you mean 'echo_state'"),
        (dict(param_grid={"epochs": [2]}), "'epochs' is not a par.*Did you mean 'max_steps'"),
        (dict(world=None), "nothing to assess.*world"),
        (dict(world=ArrayWorld(GOOD), n_train=18, n_eval=18), "add up to 36 sequences"),
        (
            dict(world=ArrayWorld(GOOD[:6]), n_train=None, n_eval=None),
            "X has 6 sequences, but at least 10 are needed.*Record more",
        ),
    ],
)
def test_assessment(options, message):
    with pytest.raises(ValueError, match=message):
        small_assessment(**options).fit()


def test_assessment_of_arrays():
    assessment = small_assessment(world=None, n_train=10, n_eval=10)
    with pytest.raises(ValueError, match=r"y has shape \(20, 9\).*\(20, 10\)"):
        assessment.fit(GOOD, np.zeros((20, 9)))
    with pytest.raises(ValueError, match=r"X has shape \(10,\)"):
        assessment.fit(GOOD[0])
    with pytest.raises(ValueError, match="without X"):
        small_assessment().fit(y=GOOD)
    with pytest.raises(ValueError, match="world is set, too"):
        small_assessment().fit(GOOD)


def test_unreadable_and_foreign_files(tmp_path):
    text = tmp_path / "text.nc"
    text.write_text("not NetCDF")
    with pytest.raises(ValueError, match="text.nc.*cannot be read as a cube"):
        load_cube(text)
    foreign = tmp_path / "foreign.nc"
    import xarray as xr

    xr.Dataset({"temperature": ("x", [1.0])}).to_netcdf(foreign)
    with pytest.raises(ValueError, match="foreign.nc.*is not a cube.*nll"):
        load_cube(foreign)
    with pytest.raises(FileNotFoundError, match=r"missing.nc.*does not exist"):
        load_cube(tmp_path / "missing.nc")
