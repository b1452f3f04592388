"""The page on linear systems is what its sweeps and cubes give."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from figure_checks import check_texts

from sklearn_emerge import load_cube

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("make_linear_systems")


@pytest.fixture(scope="module")
def values():
    """What the sweeps give, which takes seconds, once."""
    return {}


@pytest.fixture
def write_page(maker, monkeypatch, values):
    """Return what writes the page without computing again what has been."""
    for name in ("filter_values", "parameter_values"):
        compute = getattr(maker, name)
        monkeypatch.setattr(
            maker, name, lambda name=name, compute=compute: values.setdefault(name, compute())
        )
    return maker.write_page


def test_page_is_what_the_sweeps_and_the_cubes_give(write_page, tmp_path):
    write_page(tmp_path / "page.md")
    committed = (DOCS / "linear-systems.md").read_text(encoding="utf-8")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == committed


@pytest.mark.slow
def test_claims_that_turn_are_refused(maker, write_page, monkeypatch, tmp_path, values):
    write_page(tmp_path / "page.md")
    found = values["filter_values"]
    monkeypatch.setattr(
        maker, "filter_values", lambda: found | {"fitted_growth": found["truncated_growth"]}
    )
    with pytest.raises(AssertionError, match="would say .*one step is enough.*which is not so"):
        write_page(tmp_path / "other.md")
    assert not (tmp_path / "other.md").exists()


@pytest.mark.slow
def test_networks_that_turn_are_refused(maker, write_page, monkeypatch, tmp_path):
    def load(path):
        cube = load_cube(path)
        for name in ("claim_effect", "claim_low", "claim_high"):
            cube[name] = cube[name] + 0.05
        return cube

    monkeypatch.setattr(maker, "load_cube", load)
    with pytest.raises(AssertionError, match="would say .*The core adds 0.0502.*which is not so"):
        write_page(tmp_path / "page.md")


@pytest.mark.slow
@pytest.mark.usefixtures("close_figures")
def test_figures_of_the_page(maker, tmp_path):
    maker.draw(tmp_path)
    committed = {path.name for path in (DOCS / "figures").glob("linear-systems-*.png")}
    assert {path.name for path in tmp_path.glob("*.png")} == committed
    check_texts(maker.network_figure())
    for ax in maker.source_figure().axes:
        short, long, derived = (line.get_ydata() for line in ax.lines)
        np.testing.assert_allclose(derived, np.concatenate([short, long]), atol=0.01)
