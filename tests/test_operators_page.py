"""The page on operators is what its cubes give, and these are of the code that it shows."""

import importlib
import json
from pathlib import Path

import pytest
from shown import assert_said

from sklearn_emerge import EmergenceAssessment, load_cube

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("make_operators")


def test_page_is_what_the_cubes_give(maker, tmp_path):
    maker.write_page(tmp_path / "operators.md", tmp_path / "figures")
    committed = (DOCS / "operators.md").read_text(encoding="utf-8")
    assert (tmp_path / "operators.md").read_text(encoding="utf-8") == committed
    drawn = {path.name for path in (tmp_path / "figures").glob("*.png")}
    # That of the oscillator trains a network.
    assert drawn | {"operators-phase.png"} == {
        path.name for path in (DOCS / "figures").glob("operators-*.png")
    }


@pytest.mark.parametrize("name", ["flip-flop", "lorenz"])
def test_cube_is_of_the_code_that_the_page_shows(maker, monkeypatch, name):
    monkeypatch.setattr(EmergenceAssessment, "fit", lambda self: self)
    function, measures = maker.EXAMPLES[name]
    shown = {measure.__name__: measure for measure in measures}
    exec(maker.code_of(function), shown)
    assessment = shown["assessment"]
    cube = load_cube(maker.path_of(name))
    kept = json.loads(cube.attrs["configuration"])
    owners = (
        (assessment, kept),
        (assessment.model, kept["model"]),
        (assessment.world, kept["world"]),
    )
    for owner, said in owners:
        assert_said(owner, said)
    assert kept["world"]["type"] == type(assessment.world).__name__
    assert cube.step.values.tolist() == assessment.record_at == [assessment.model.max_steps]
    assert {f"{each}_trajectory" for each in assessment.measures} <= set(cube)


@pytest.mark.parametrize(
    ("name", "variable", "value", "sentence"),
    [
        ("flip-flop", "from_the_forecast_trajectory", 0.1, "from it, farther"),
        ("lorenz", "exponents_trajectory", -0.1, "chaos"),
    ],
)
def test_sentence_whose_number_turns_is_refused(
    maker, monkeypatch, tmp_path, name, variable, value, sentence
):
    def load(path):
        cube = load_cube(path)
        if path == maker.path_of(name):
            cube[variable] = cube[variable] * 0 + value
        return cube

    monkeypatch.setattr(maker, "load_cube", load)
    with pytest.raises(AssertionError, match=f"The page would say .*{sentence}.*which is not so"):
        maker.write_page(tmp_path / "operators.md", tmp_path / "figures")
    assert not (tmp_path / "operators.md").exists()


def test_cubes_are_small_and_name_no_place(maker):
    for name in maker.EXAMPLES:
        path = maker.path_of(name)
        assert path.stat().st_size < 200_000
        cube = load_cube(path)
        said = json.dumps({key: str(value) for key, value in cube.attrs.items()})
        assert not any(f'"/{root}' in said for root in ("home", "root", "tmp", "Users"))
