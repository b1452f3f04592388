"""The page on recordings is what its cubes give, and these are of the code that it shows."""

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
    return importlib.import_module("make_recordings")


def test_page_is_what_the_cubes_give(maker, tmp_path):
    maker.write_page(tmp_path / "recordings.md", tmp_path / "figures")
    committed = (DOCS / "recordings.md").read_text(encoding="utf-8")
    assert (tmp_path / "recordings.md").read_text(encoding="utf-8") == committed
    drawn = {path.name for path in (tmp_path / "figures").glob("*.png")}
    assert drawn == {path.name for path in (DOCS / "figures").glob("recordings-*.png")}


@pytest.mark.parametrize("name", ["sunspots", "el-nino"])
def test_cube_is_of_the_code_that_the_page_shows(maker, monkeypatch, name):
    """Those of which the data come with what tests need."""
    monkeypatch.setattr(EmergenceAssessment, "fit", lambda self: self)
    shown = {}
    exec(maker.code_of(maker.EXAMPLES[name][0]), shown)
    assessment, world = shown["assessment"], shown["world"]
    kept = json.loads(load_cube(maker.path_of(name)).attrs["configuration"])
    for owner, said in ((assessment, kept), (assessment.model, kept["model"])):
        assert_said(owner, said)
    assert kept["world"]["type"] == type(world).__name__
    n_train, n_eval = world.default_split(None, None)
    assert kept["n_sequences"] == [n_train, n_eval]
    assert kept["units"] == list(world.units_per_split(n_train, n_eval))


def test_cubes_are_small_and_name_no_place(maker):
    for name in maker.EXAMPLES:
        path = maker.path_of(name)
        assert path.stat().st_size < 200_000
        cube = load_cube(path)
        said = json.dumps({key: str(value) for key, value in cube.attrs.items()})
        assert not any(f'"/{root}' in said for root in ("home", "root", "tmp", "Users"))
