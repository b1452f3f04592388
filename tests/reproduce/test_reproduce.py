"""Recipes cover what was published, follow their protocol, and compare honestly."""

import importlib
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from scipy.stats import norm
from sklearn.base import clone
from statsmodels.stats.proportion import proportion_confint

from sklearn_emerge import OscillatorWorld, TransformerPredictor
from sklearn_emerge.assessment import load_cube
from sklearn_emerge.cli import main
from sklearn_emerge.datasets import load_published
from sklearn_emerge.displays import _style
from sklearn_emerge.measures import task_scores
from sklearn_emerge.reproduce import (
    EXPERIMENTS,
    PROTOCOLS,
    RECIPES,
    _figures,
    compare_with_published,
    reproduce,
    run_experiment,
)
from sklearn_emerge.reproduce._figures import draw_recipe, emergence_curves
from sklearn_emerge.reproduce._run import _under

TINY = dict(max_steps=2, n_train=20, n_eval=10, progress=False)


def reproduce_smaller(recipe, changes, **options):
    """Run a recipe with changed experiments."""
    with pytest.MonkeyPatch.context() as patch:
        for name in RECIPES[recipe].experiments:
            patch.setitem(EXPERIMENTS, name, replace(EXPERIMENTS[name], **changes))
        return reproduce(recipe, **TINY | options)


@pytest.fixture
def short_worlds(monkeypatch):
    """Let the worlds of the recurrent networks have a few steps."""
    for name, experiment in EXPERIMENTS.items():
        if "n_steps" in experiment.world.get_params():
            world = clone(experiment.world).set_params(n_steps=24)
            monkeypatch.setitem(EXPERIMENTS, name, replace(experiment, world=world))


@pytest.fixture(scope="module")
def cubes():
    """Cubes of Table 3 whose numbers mean nothing."""
    changes = {
        "world": OscillatorWorld(n_steps=24),
        "param_grid": {"hidden_size": [16]},
        "options": {"probe": None, "baselines": ("mean", "persistence"), "claims": ("gain",)},
    }
    return reproduce_smaller("recurrent-table-3", changes)[0]


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


@pytest.mark.usefixtures("short_worlds", "few_baselines")
@pytest.mark.parametrize(
    "protocol", ["published", pytest.param("corrected", marks=pytest.mark.slow)]
)
def test_protocols_set_what_they_say(protocol):
    cube = run_experiment("regime-null-rnn", protocol, **TINY).cube_
    configuration = json.loads(cube.attrs["configuration"])
    model = configuration["model"]
    if protocol == "published":
        assert (model["likelihood"], model["noise_std"]) == ("gaussian", 0.05)
        assert model["head"] == "sgd"
        assert configuration["shared_data"]
        assert configuration["n_flips"] == 2000
        assert cube.sizes["seed"] == 5
        assert cube.condition.values.tolist() == ["structured"]
        # Independent flips, of which the last one says nothing.
        assert cube.reference.item() == "mean"
        quantities = PROTOCOLS["published"].quantities
        assert cube.baseline.values.tolist() == list(quantities["baselines"])
    else:
        assert (model["likelihood"], model["noise_std"]) == ("auto", "auto")
        assert model["head"] == "exact"
        assert not configuration["shared_data"]
        assert cube.sizes["seed"] == 7
        assert cube.condition.values.tolist() == ["structured", "resample"]


@pytest.fixture(scope="module")
def translations():
    """Cubes of a translation recipe whose numbers mean nothing, and their comparison."""
    options = EXPERIMENTS["triangle-table-1"].options
    # The comparison rests on it.
    assert options["measures"]["tasks"].keywords == {"n_queries": 200}
    few = {"tasks": partial(task_scores, n_queries=10)}
    changes = {"model": TransformerPredictor(8, 1, 2), "options": options | {"measures": few}}
    with pytest.warns(UserWarning, match="cannot reach alpha"):
        return reproduce_smaller("triangle-table-1", changes, n_seeds=2)


@pytest.mark.slow
def test_translations_are_compared_with_what_was_published(translations):
    cubes, comparison = translations
    assert comparison.quantity.tolist() == [
        f"words of {task}" for task in ("A->B", "A->C", "A->D", "D->B", "D->C", "B->C")
    ]
    assert comparison.published.tolist() == [1, 1, 1, 0.935, 0.9975, 0.9925]
    assert (comparison.updates == 2).all()
    known = {"triangle-table-1": cubes["triangle-table-1"].copy(deep=True)}
    words = known["triangle-table-1"].tasks_trajectory
    for task, value in zip(comparison.quantity.str[-4:], [1, 0.9, 0.8, 0.9, 0.9, 0.9], strict=True):
        words.loc[dict(score="words", task=task)] = value
    again = compare_with_published(known, "triangle-table1")
    # Two standard errors of 100 and 200 queries; both seeds have the same value. Below the middle,
    # where intervals of shares near one are not cut.
    halves = []
    for shares, n in ((again.published, 100), (again.ours, 200)):
        ends = [
            proportion_confint(share * n, n, 2 * norm.sf(2), method="agresti_coull")
            for share in shares
        ]
        halves.append((shares * n + 2) / (n + 4) - np.array(ends)[:, 0])
    np.testing.assert_allclose(again.tolerance, np.hypot(*halves), rtol=1e-9)
    assert again.finding.tolist() == ["agrees", "lower", "lower", "agrees", "lower", "lower"]


def test_losses_of_epochs_are_compared(translations):
    (cube,) = translations[0].values()
    steps = [0, 9, 81, 90, 900]
    cube = cube.isel(step=[0] * len(steps)).assign_coords(step=steps)
    cube.train_loss_trajectory[:] = [np.nan, 2.29, 9.0, 1.2, 9.0]
    found = compare_with_published({"triangle-2c": cube}, "triangle-fig2c")
    losses = found[found.quantity == "mean loss of an epoch"]
    # Of epoch 100 only the mean of many epochs was recorded.
    assert losses.updates.tolist() == [9, 90]
    assert losses.published.tolist() == [2.283, 1.126]
    assert losses.finding.tolist() == ["agrees", "higher"]
    last = load_published("triangle-fig2c").A2C.tail(10).mean()
    assert found.set_index("quantity").published["words of A->C"] == pytest.approx(last)


def test_figures_of_translations(translations):
    dense, _ = translations
    figure = Figure()
    draw_recipe("triangle-table-1", dense, figure)
    words, loss = figure.axes
    assert len(words.lines) >= 6
    assert loss.get_ylabel() == "loss (nats per translated word)"
    kept = Path(__file__).parents[2] / "datasets" / "cubes" / "triangle-sparse-gru-corrected.nc"
    sparse = load_cube(kept)
    figure = Figure()
    draw_recipe(
        "triangle-sparse", dict.fromkeys(RECIPES["triangle-sparse"].experiments, sparse), figure
    )
    assert len(figure.axes) == 6
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == [str(n) for n in sparse.world__sparse_examples.values]
    shown = figure.axes[0].containers[0].lines[0].get_ydata()
    words = sparse.tasks_trajectory.sel(score="words", task="A->C").isel(step=-1)
    expected = words.sel(condition="structured", mode="full").mean("seed")
    np.testing.assert_allclose(shown, expected)


@pytest.mark.slow
def test_figure_of_emergence(monkeypatch):
    few = replace(EXPERIMENTS["emergence-student"], param_grid={"hidden_size": [4, 8, 12, 16, 24]})
    monkeypatch.setitem(EXPERIMENTS, "emergence-student", few)
    with pytest.warns(UserWarning, match="cannot reach alpha"):
        cube = run_experiment("emergence-student", "corrected", **TINY | {"n_seeds": 1}).cube_
    assert cube.accuracy_trajectory.step.values.tolist() == [0, 2]
    at_end = cube.capacity_trajectory.isel(step=-1)
    # Where training has stopped early, the last that is known counts.
    cube.accuracy_trajectory[:] = np.nan
    chance = EXPERIMENTS["emergence-student"].world.chance
    rising = chance + (1 - chance) / (1 + (at_end / 300.0) ** -3.0)
    cube.accuracy_trajectory.loc[dict(step=0)] = rising
    figure = Figure()
    draw_recipe("emergence-student", {"emergence-student": cube}, figure)
    accuracy, gate = figure.axes
    name, _, reason = accuracy.get_title(loc="left").partition("\n")
    assert name == "emergence-student"
    assert reason.startswith("a logistic step in capacity fits")
    points = accuracy.lines[0]
    np.testing.assert_allclose(np.sort(points.get_xdata()), np.sort(at_end.values.ravel()))
    location = accuracy.lines[2].get_xdata()[0]
    assert location == pytest.approx(300, rel=0.01)
    assert gate.get_xlabel() == "capacity"
    # Shares of attention, before and after.
    for line, step in zip(gate.lines, (0, -1), strict=True):
        expected = cube.gate_trajectory.isel(step=step).sum("head").mean("layer")
        np.testing.assert_allclose(np.sort(line.get_ydata()), np.sort(expected.values.ravel()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "labels"),
    [
        pytest.param("emergence-sweep", [""], marks=pytest.mark.slow),
        ("emergence-student", [""]),
        pytest.param("emergence-heads", ["n_heads 1", "n_heads 4"], marks=pytest.mark.slow),
        pytest.param(
            "emergence-complexity", ["branching 2", "branching 4"], marks=pytest.mark.slow
        ),
        ("emergence-precision", ["branching 2", "branching 4"]),
    ],
)
def test_experiments_of_the_emergence_page(monkeypatch, name, labels):
    """The ends of each grid, at four widths, two updates each; the numbers mean nothing."""
    experiment = EXPERIMENTS[name]
    ends = {key: [values[0], values[-1]] for key, values in experiment.param_grid.items()}
    model = clone(experiment.model)
    if name == "emergence-sweep":
        ends["world__row_length"] = [81]
        model.set_params(hidden_size=60, full_precision_steps=1)
    else:
        ends["hidden_size"] = experiment.param_grid["hidden_size"][:4]
    monkeypatch.setitem(EXPERIMENTS, name, replace(experiment, param_grid=ends, model=model))
    with pytest.warns(UserWarning, match="cannot reach alpha"):
        cube = run_experiment(name, "corrected", **TINY | {"n_seeds": 1}).cube_
    own = cube.sel(condition="structured", mode="full")
    assert own.accuracy_trajectory.notnull().all()
    assert (own.capacity_trajectory > 0).all()
    # Of a network that has one head only, the second is not there.
    gates = own.gate_trajectory.isel(step=0).sum("head")
    assert ((gates > 0) & (gates < 1)).all()
    assert list(emergence_curves(cube, experiment.world)) == labels


def test_guessing_is_that_of_each_number_of_cases():
    """Values and marks leave fewer answers where there are more cases."""
    kept = Path(__file__).parents[2] / "datasets" / "cubes"
    cube = load_cube(kept / "emergence-complexity-corrected.nc")
    curves = emergence_curves(cube, EXPERIMENTS["emergence-complexity"].world)
    assert [curve.chance for curve in curves.values()] == [1 / 10, 1 / 9, 1 / 8]


def test_heads_of_token_experiments_are_trained():
    """As those of the papers, and of the cubes that are kept."""
    models = [each.model for each in EXPERIMENTS.values() if each.world.observation == "token"]
    assert len(models) > 10
    assert all(model.head == "sgd" for model in models)


def test_transformer_of_the_source():
    for name, n_parameters in (("2c", 4_533_631), ("table-1-full", 34_196_455)):
        experiment = EXPERIMENTS[f"triangle-{name}"]
        model = clone(experiment.model).set_params(
            max_steps=0, likelihood="categorical", n_tokens=experiment.world.n_tokens
        )
        assert model.fit(experiment.world.sample(3, random_state=0).X).n_parameters_ == n_parameters


def test_unknown_names_are_listed():
    with pytest.raises(ValueError, match="recipe='table-1' is not known; choose from recurrent-"):
        reproduce("table-1")
    with pytest.raises(ValueError, match="protocol='new' is not known; choose from published"):
        run_experiment("drift-rnn", "new")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_default_protocol_has_no_reference_that_an_experiment_leaves_out(name):
    experiment = EXPERIMENTS[name]
    _, options = _under(PROTOCOLS[experiment.default_protocol], experiment, {}, None)
    baselines, reference = (options.get(key, "auto") for key in ("baselines", "reference"))
    by_name = not (isinstance(baselines, str) or isinstance(reference, str))
    assert not by_name or set(reference) <= set(baselines)


def test_files_are_named_after_the_protocol_of_a_recipe(tmp_path, monkeypatch):
    cube = xr.Dataset({"delta_nll": (("condition", "mode", "seed"), [[[0.0]]])})
    cube = cube.assign_coords(condition=["structured"], mode=["full"])
    asked = []

    def found(recipe, protocol, **options):
        asked.append(protocol)
        return dict.fromkeys(RECIPES[recipe].experiments, cube), ()

    monkeypatch.setattr("sklearn_emerge.reproduce.reproduce", found)
    for recipe in "anatomy", "emergence-student", "triangle-figure-2c":
        assert main(["reproduce", recipe, "--out", str(tmp_path)]) == 0
    assert main(["reproduce", "anatomy", "--protocol", "published", "--out", str(tmp_path)]) == 0
    assert asked == [None, None, None, "published"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "anatomy-corrected.nc",
        "anatomy-published.nc",
        "emergence-student-corrected.nc",
        "triangle-2c-published.nc",
    ]


@pytest.mark.usefixtures("short_worlds")
@pytest.mark.filterwarnings("ignore:n_seeds=2 cannot reach alpha")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["capacity", "decoding"])
def test_command_line_writes_cubes_and_figure(tmp_path, capsys, kind):
    recipe = {"capacity": "table-1", "decoding": "figure-2"}[kind]
    arguments = ["--steps", "2", "--seeds", "2", "--train", "20", "--eval", "10", "--quiet"]
    files = ["--out", str(tmp_path / "cubes"), "--figure", str(tmp_path / "figure.png")]
    assert main(["reproduce", f"recurrent-{recipe}", *arguments, *files]) == 0
    printed = capsys.readouterr().out
    assert ("of 4 values agree" in printed) == (recipe == "table-1")
    for name in RECIPES[f"recurrent-{recipe}"].experiments:
        assert load_cube(tmp_path / "cubes" / f"{name}-published.nc").sizes["seed"] == 2
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert main(["reproduce", "nothing"]) == 2
    assert "recipe='nothing' is not known" in capsys.readouterr().err


def test_what_is_undecided_is_not_counted_as_no_operator(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs"))
    survivors = importlib.import_module("page_verdicts").survivors

    def run(verdict):
        cube = xr.Dataset({"verdict": verdict, "claim_effect": ("claim", [0.1])})
        return "regime-time-rnn", None, cube.assign_coords(claim=["prediction"])

    verdicts = ["undecided", "operator+representation", "none", "undecided"]
    (row,) = survivors([run(verdict) for verdict in verdicts])
    assert (row["operators"], row["undecided"], row["runs"]) == (1, 2, 4)


@pytest.mark.parametrize("some", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_page_is_what_the_cubes_give(tmp_path, monkeypatch, some):
    folder = Path(__file__).parents[2] / "docs"
    monkeypatch.syspath_prepend(str(folder))
    # What the figures show is tested where they are drawn.
    monkeypatch.setattr(_figures, "draw_recipe", lambda recipe, cubes, figure: None)
    monkeypatch.setattr(_style, "settle", lambda ax: None)
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **options: Path(path).touch())
    page = importlib.import_module("make_reproduction")
    load_all = page.load_all
    if some:
        # The pages whose numbers take longest, of experiments of their own.
        monkeypatch.setattr(page, "emergence_values", lambda cubes: None)
        monkeypatch.setattr(
            page,
            "load_all",
            lambda protocol: {
                name: cube
                for name, cube in load_all(protocol).items()
                if not name.startswith("anatomy")
            },
        )
    page.write_page(tmp_path / "reproduction.md", tmp_path / "figures")
    others = () if some else ("anatomy.md", "emergence.md")
    for name in (*page.PAGES, *others):
        assert (tmp_path / name).read_text() == (folder / name).read_text()
    drawn = {path.name for path in (tmp_path / "figures").glob("*.png")}
    kept = {path.name for path in (folder / "figures").glob("*.png")}
    prefixes = ("recurrent-", "triangle-", "emergence-", *(() if some else ("anatomy-",)))
    assert drawn == {name for name in kept if name.startswith(prefixes)}
