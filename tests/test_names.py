"""Names that newcomers type: accepted where they are known, else answered with the nearest."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import sklearn_emerge
from sklearn_emerge import (
    EchoStatePredictor,
    EmergenceAssessment,
    EmergenceCurve,
    FunctionWorld,
    GRUPredictor,
    LSTMPredictor,
    OscillatorWorld,
    TriangleWorld,
)
from sklearn_emerge._names import _GROUPS, Estimator, look_up, nearest
from sklearn_emerge._registry import MODELS, WORLDS, make_model, make_world
from sklearn_emerge.likelihoods import LIKELIHOODS
from sklearn_emerge.worlds import Sample, World


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: GRUPredictor(hidden=8),
            "GRUPredictor has no parameter 'hidden'; did you mean hid",
        ),
        (lambda: LSTMPredictor(epochs=8), "LSTMPredictor .*'epochs'; did you mean max_steps?"),
        (lambda: GRUPredictor(learning_rate=1), "did you mean lr?"),
        (lambda: GRUPredictor(seed=1), "did you mean random_state?"),
        (lambda: EchoStatePredictor(hidden_size=8), "did you mean n_units?"),
        (lambda: OscillatorWorld(frequency=2), "OscillatorWorld .*'frequency'; did you mean omega"),
        (lambda: OscillatorWorld(steps=2), "did you mean n_steps?"),
        (lambda: OscillatorWorld(n_step=2), "did you mean n_steps?"),
        (lambda: TriangleWorld(colour=2), "'colour'; choose from n_languages, n_words, examples"),
        (lambda: EmergenceCurve(asymtote=2), "did you mean asymptote?"),
        (lambda: EmergenceAssessment(n_replicates=2), "did you mean n_seeds?"),
        (lambda: EmergenceAssessment(cell="gru"), "did you mean model?"),
        (
            lambda: EmergenceAssessment("oscillator", "gru", max_steps=2),
            r"its model has max_steps: pass model=GRUPredictor\(max_steps=...\)",
        ),
        (lambda: EmergenceAssessment(epochs=2), "its model has max_steps: pass model=GRUPredictor"),
        (lambda: EmergenceAssessment(omega=2), "its world has omega: pass world=OscillatorWorld"),
    ],
)
def test_unknown_parameters_are_answered_with_the_nearest(make, message):
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize(
    ("set_", "message"),
    [
        (lambda: GRUPredictor().set_params(epochs=8), "GRUPredictor has no .*did you mean max_st"),
        (
            lambda: EmergenceAssessment(OscillatorWorld()).set_params(world__frequency=2),
            "OscillatorWorld has no parameter 'frequency'; did you mean omega?",
        ),
        (lambda: EmergenceAssessment().set_params(worlds__omega=2), "did you mean world?"),
        (
            lambda: EmergenceAssessment("oscillator", "gru").set_params(model__max_steps=2),
            r"model='gru' has no parameters; pass model=GRUPredictor\(max_steps=...\)",
        ),
        (
            lambda: EmergenceAssessment().set_params(world__omega=2),
            r"world=None has no parameters; pass world=OscillatorWorld\(omega=...\)",
        ),
        (
            lambda: GridSearchCV(GRUPredictor(max_steps=1), {"units": [2]}).fit(np.eye(10)),
            "did you mean hidden_size?",
        ),
    ],
)
def test_so_are_those_that_are_set(set_, message):
    with pytest.raises(ValueError, match=message):
        set_()


def test_signatures_clones_and_pickles_are_as_they_were():
    assert next(iter(inspect.signature(GRUPredictor).parameters)) == "hidden_size"
    assert "omega" in inspect.signature(OscillatorWorld).parameters
    model = clone(GRUPredictor(3)).set_params(max_steps=2)
    assert pickle.loads(pickle.dumps(model)).get_params() == model.get_params()


def test_constructors_of_ones_own_are_checked_unless_they_take_anything():
    class Strict(World):
        def __init__(self, speed=1):
            self.speed = speed

        def _draw(self, n_sequences, stream):
            return Sample(np.full((n_sequences, 3), float(self.speed)))

    class Open(Strict):
        def __init__(self, speed=1, **more):
            super().__init__(speed)
            self.more = more

    class Inherited(Strict):
        pass

    with pytest.raises(TypeError, match="Inherited has no parameter 'speeed'; did you mean speed"):
        Inherited(speeed=2)
    assert Inherited(2).sample(2).X.max() == 2
    assert Open(anything=3).more == {"anything": 3}


def test_every_public_estimator_answers():
    public = [getattr(sklearn_emerge, name) for name in sklearn_emerge.__all__]
    classes = [cls for cls in public if inspect.isclass(cls) and hasattr(cls, "get_params")]
    assert len(classes) > 25
    assert all(issubclass(cls, Estimator) for cls in classes)


def test_synonyms_are_of_parameters_options_and_names_that_there_are():
    from sklearn_emerge.assessment._panel import ALTERNATIVES
    from sklearn_emerge.cli import build_parser

    public = [getattr(sklearn_emerge, name) for name in sklearn_emerge.__all__]
    classes = [cls for cls in public if inspect.isclass(cls) and issubclass(cls, Estimator)]
    known = {name for cls in classes for name in cls._get_param_names()}
    known |= {
        option.replace("-", "_") for option in vars(build_parser().parse_args(["assess", "drift"]))
    }
    known |= {*ALTERNATIVES, *GRUPredictor.training_modes, *(n.replace("-", "_") for n in WORLDS)}
    known |= {null for name in WORLDS for null in make_world(name).null_kinds}
    known |= {*LIKELIHOODS, *FunctionWorld._parameter_constraints["observation"][0].options}
    assert [
        target for targets, _ in _GROUPS for target in targets.split() if target not in known
    ] == []


def test_spelling_does_not_count_but_far_names_have_no_answer():
    assert look_up("Oscillator_Nonstationary", WORLDS) == "oscillator-nonstationary"
    assert look_up("GRU", MODELS) == "gru"
    assert nearest("oscilator", WORLDS) == ["oscillator"]
    assert nearest("ocean", WORLDS) == []


@pytest.mark.parametrize("name", WORLDS)
def test_worlds_have_names_and_two_sentences(name):
    assert isinstance(make_world(name.upper()), World)
    about = WORLDS[name].about
    assert about.count(". ") == 1
    assert about.endswith(".")


@pytest.mark.parametrize("name", MODELS)
def test_models_have_names(name):
    assert make_model(name.upper(), max_steps=3).max_steps == 3


def test_an_assessment_by_names_is_that_of_the_objects():
    options = dict(
        n_train=20,
        n_eval=10,
        n_probe=10,
        n_seeds=2,
        alpha=0.6,
        baselines=("mean",),
        nulls=(),
        reservoir_sizes=None,
        random_state=0,
        progress=False,
        param_grid={"max_steps": [1]},
    )
    named = EmergenceAssessment("Drift", "RNN", **options).fit()
    objects = EmergenceAssessment(make_world("drift"), make_model("rnn"), **options).fit()
    assert named.world == "Drift"
    assert named.cube_.nll.equals(objects.cube_.nll)
    assert named.cube_.attrs["configuration"] == objects.cube_.attrs["configuration"]


def test_the_assessment_documents_all_worlds_and_models_that_have_a_name():
    said = inspect.getdoc(EmergenceAssessment)
    assert [name for name in (*WORLDS, *MODELS) if f'"{name}"' not in said] == []
