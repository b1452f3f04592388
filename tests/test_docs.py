"""Parts of docstrings that repeat are written once, and all are filled in."""

import inspect
import re
from pathlib import Path

import pytest

import sklearn_emerge
from sklearn_emerge import (
    FiniteFilterPredictor,
    GRUPredictor,
    KalmanPredictor,
    LSTMPredictor,
    ModulePredictor,
    RNNPredictor,
    TransformerPredictor,
)
from sklearn_emerge._docs import DOCDICT, fill_doc

PACKAGE = Path(sklearn_emerge.__file__).parent


def test_part_takes_its_place_and_the_indentation_of_it():
    @fill_doc
    def predict(noise_std):
        """Predict 95 % of it, which %(noise_std)s in a line does not change.

        Parameters
        ----------
        noise_std : float
            %(noise_std)s
        """

    n_lines = DOCDICT["noise_std"].count("\n") + 1
    *before, name = predict.__doc__.split("\n")[: -n_lines - 1]
    part = predict.__doc__.split("\n")[-n_lines - 1 : -1]
    assert before[0].endswith("95 % of it, which %(noise_std)s in a line does not change.")
    assert name.strip() == "noise_std : float"
    assert {line[:12] for line in part} == {" " * 12}
    assert "\n".join(line[12:] for line in part) == DOCDICT["noise_std"]


def test_no_part_is_missing_and_none_is_too_much():
    used = set()
    for path in PACKAGE.rglob("*.py"):
        used |= set(re.findall(r"(?m)^ *%\((\w+)\)s$", path.read_text()))
    assert used == set(DOCDICT)
    with pytest.raises(KeyError, match=r"%\(nois_std\)s is not in DOCDICT"):

        @fill_doc
        class Predictor:
            """Predict.

            %(nois_std)s
            """


def test_every_public_docstring_is_filled_in():
    for name in sklearn_emerge.__all__:
        assert "%(" not in (getattr(sklearn_emerge, name).__doc__ or "")
    for predictor in (FiniteFilterPredictor, KalmanPredictor):
        assert DOCDICT["likelihood"].replace("\n", "\n        ") in predictor.__doc__
        # Lines fit where they are read.
        assert max(map(len, predictor.__doc__.splitlines())) <= 100


@pytest.mark.parametrize(
    "network", [GRUPredictor, RNNPredictor, LSTMPredictor, ModulePredictor, TransformerPredictor]
)
def test_each_network_says_in_full_what_its_parameters_do(network):
    said = {line.strip() for line in network.__doc__.splitlines()}
    for name in ("likelihood_of_network", "head", "input_scaling", "callbacks", "training_loss_"):
        assert said >= set(DOCDICT[name].splitlines())
    assert "See `" not in network.__doc__
    assert max(map(len, network.__doc__.splitlines())) <= 100


def test_no_public_docstring_sends_its_reader_elsewhere_for_a_parameter():
    """Such as "chance : float" and nothing under it but "See `EmergenceCurve`."."""
    sent = re.compile(r"^ *[\w*, ]+ :.*\n +See `\w+`\.?$", re.MULTILINE)
    assert sent.search("Parameters\n----------\nchance : float\n    See `EmergenceCurve`.\n")
    found = set()
    # Names that have moved are documented where they are.
    for room in set(sklearn_emerge._MODULES) - {"tasks", "thresholds"}:
        module = getattr(sklearn_emerge, room)
        for name in module.__all__:
            thing = getattr(module, name)
            methods = (
                inspect.getmembers(thing, inspect.isfunction) if inspect.isclass(thing) else ()
            )
            for each in (thing, *(method for _, method in methods)):
                if sent.search(inspect.getdoc(each) or ""):
                    found.add(f"{room}.{name}: {each.__name__}")
    assert found == set()


def test_without_docstrings_nothing_is_filled_in():
    def predict():
        pass

    assert fill_doc(predict) is predict
    assert predict.__doc__ is None
