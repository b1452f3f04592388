"""Recipes cover what was published, follow their protocol, and compare honestly."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from sklearn_emerge.__main__ import main
from sklearn_emerge.assessment import load_cube
from sklearn_emerge.datasets import load_published
from sklearn_emerge.reproduce import (
    EXPERIMENTS,
    RECIPES,
    compare_with_published,
    reproduce,
    run_experiment,
)

TINY = dict(max_steps=2, n_train=20, n_eval=10, progress=False)


@pytest.fixture(scope="module")
def cubes():
    """Cubes of Table 3 whose numbers mean nothing."""
    return reproduce("recurrent-table-3", **TINY)[0]


def test_every_published_row_has_one_experiment():
    published = load_published("recurrent-tables")
    for row in published.itertuples():
        (recipe,) = [r for r in RECIPES.values() if r.table == row.table]
        matching = [
            EXPERIMENTS[name]
            for name in recipe.experiments
            if (EXPERIMENTS[name].world_name, EXPERIMENTS[name].model_name)
            == (row.world, row.model)
        ]
        assert len(matching) == 1
        grid = {"hidden_size": [16], "time_channel": ["full_time"]} | (matching[0].param_grid or {})
        assert row.hidden_size in grid["hidden_size"]
        assert row.time_channel in grid["time_channel"]
    assert len(published) == 30


def test_comparison_finds_what_was_put_in(cubes):
    published = load_published("recurrent-tables").query("table == '3'").reset_index(drop=True)
    offsets = [0.0, 0.05, -0.03, 0.5]
    known = {name: cube.copy(deep=True) for name, cube in cubes.items()}
    for offset, row in zip(offsets, published.itertuples(), strict=True):
        gains = known[f"oscillator-{row.model}"].delta_nll
        gains.loc[dict(mode=row.mode, hidden_size=16)] = row.delta_nll + offset
    table = compare_with_published(known, "3")
    np.testing.assert_allclose(table.difference, offsets, atol=1e-12)
    spreads = np.divide(offsets, published.delta_nll_seed_std)
    np.testing.assert_allclose(table.spreads, spreads, atol=1e-9)
    # The spread of the second allows for .077; that of the last for .51.
    assert table.finding.tolist() == ["agrees", "agrees", "lower", "agrees"]
    assert compare_with_published(known).empty


@pytest.mark.parametrize("protocol", ["published", "corrected"])
def test_protocols_set_what_they_say(protocol):
    cube = run_experiment("regime-null-rnn", protocol, **TINY).cube_
    configuration = json.loads(cube.attrs["configuration"])
    model = configuration["model"]
    if protocol == "published":
        assert (model["likelihood"], model["noise_std"]) == ("gaussian", 0.05)
        assert configuration["shared_data"]
        assert configuration["n_flips"] == 2000
        assert cube.sizes["seed"] == 5
        assert cube.condition.values.tolist() == ["structured"]
        assert cube.reference.item() in ("mean", "persistence")
        assert "markov" in cube.baseline
    else:
        assert (model["likelihood"], model["noise_std"]) == ("auto", "auto")
        assert not configuration["shared_data"]
        assert cube.sizes["seed"] == 7
        assert cube.condition.values.tolist() == ["structured", "resample"]


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match="recipe='table-1' is not known; choose from recurrent-"):
        reproduce("table-1")
    with pytest.raises(ValueError, match="protocol='new' is not known; choose from published"):
        run_experiment("drift-rnn", "new")


@pytest.mark.parametrize("kind", ["capacity", "modes", "decoding"])
def test_command_line_writes_cubes_and_figure(tmp_path, capsys, kind):
    recipe = {"capacity": "table-1", "modes": "drift", "decoding": "figure-2"}[kind]
    arguments = ["--steps", "2", "--seeds", "5", "--train", "20", "--eval", "10", "--quiet"]
    files = ["--out", str(tmp_path / "cubes"), "--figure", str(tmp_path / "figure.png")]
    assert main(["reproduce", f"recurrent-{recipe}", *arguments, *files]) == 0
    printed = capsys.readouterr().out
    assert ("of 4 values agree" in printed) == (recipe == "table-1")
    for name in RECIPES[f"recurrent-{recipe}"].experiments:
        assert load_cube(tmp_path / "cubes" / f"{name}-published.nc").sizes["seed"] == 5
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert main(["reproduce", "nothing"]) == 2
    assert "recipe='nothing' is not known" in capsys.readouterr().err


def test_page_is_what_the_cubes_give(tmp_path, monkeypatch):
    folder = Path(__file__).parent.parent / "docs"
    spec = importlib.util.spec_from_file_location("page", folder / "make_reproduction.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    committed = page.PAGE.read_text()
    monkeypatch.setattr(page, "PAGE", tmp_path / "reproduction.md")
    monkeypatch.setattr(page, "FIGURES", tmp_path / "figures")
    page.write_page()
    assert (tmp_path / "reproduction.md").read_text() == committed
    drawn = {path.name for path in (tmp_path / "figures").glob("*.png")}
    assert drawn == {path.name for path in (folder / "figures").glob("recurrent-*.png")}
