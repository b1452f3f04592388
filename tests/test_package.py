"""The package as a whole: imports, docstrings, the wheel, the notebook."""

import inspect
import os
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import is_dataclass
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from nbclient import NotebookClient
from numpydoc.docscrape import ClassDoc, FunctionDoc

import sklearn_emerge
from sklearn_emerge import (
    assessment,
    ceilings,
    checkpoints,
    datasets,
    displays,
    emergence,
    geometry,
    inference,
    linear_systems,
    measures,
    operators,
    predictors,
    probes,
    reporting,
    reproduce,
    serving,
    testing,
    worlds,
)

ROOT = Path(__file__).parents[1]


def run_python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, **options
    ).stdout


def test_import_is_light():
    code = (
        "import sys; import sklearn_emerge; print('torch' in sys.modules, 'sklearn' in sys.modules)"
    )
    assert run_python(code).split() == ["False", "False"]


def test_worlds_and_inference_do_without_torch():
    code = (
        "import sys; from sklearn_emerge import OscillatorWorld, inference, probes, datasets; "
        "OscillatorWorld().null('phase').sample(2); print('torch' in sys.modules)"
    )
    assert run_python(code).strip() == "False"


def test_every_public_name_is_found():
    for name in sklearn_emerge.__all__:
        assert getattr(sklearn_emerge, name) is not None
    assert set(sklearn_emerge.__all__) <= set(dir(sklearn_emerge))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        sklearn_emerge.Nothing  # noqa: B018


MODULES = [
    assessment,
    ceilings,
    checkpoints,
    datasets,
    displays,
    emergence,
    geometry,
    inference,
    linear_systems,
    measures,
    operators,
    predictors,
    probes,
    reporting,
    reproduce,
    serving,
    testing,
    worlds,
]
PUBLIC = sorted(
    {
        getattr(module, name)
        for module in MODULES
        for name in module.__all__
        if callable(getattr(module, name)) and not is_dataclass(getattr(module, name))
    },
    key=lambda thing: thing.__name__,
)


def documented_things():
    for thing in PUBLIC:
        yield thing.__name__, thing
        if inspect.isclass(thing):
            for name, method in inspect.getmembers(thing, inspect.isfunction):
                defined_here = method.__module__.startswith("sklearn_emerge")
                if not name.startswith("_") and defined_here:
                    yield f"{thing.__name__}.{name}", method


@pytest.mark.parametrize(("name", "thing"), list(documented_things()))
def test_docstring_agrees_with_the_signature(name, thing):
    signature = inspect.signature(thing)
    # A class is documented where it is defined; its docstring is not inherited.
    doc = ClassDoc(thing) if inspect.isclass(thing) else FunctionDoc(thing)
    assert doc["Summary"]
    documented = {
        part.strip().lstrip("*"): parameter.type
        for parameter in doc["Parameters"]
        for part in parameter.name.split(",")
    }
    actual = {n: p for n, p in signature.parameters.items() if n != "self"}
    assert set(documented) == set(actual)
    for parameter, description in documented.items():
        default = actual[parameter].default
        if default is inspect.Parameter.empty:
            assert "default=" not in description
            continue
        stated = description.split("default=", 1)[1]
        assert eval(stated) == default, f"{parameter}: {stated} is not {default!r}"


# Abstract, shown in the guide, or described by an instance of their own.
SHOWN_ELSEWHERE = (
    worlds.World,
    displays.AssessmentDisplay,
    displays.CapacityCurveDisplay,
    displays.CriticalLengthDisplay,
    displays.PredictionRiskDisplay,
    reproduce.compare_with_published,
    reproduce.run_experiment,
    predictors.BasePredictor,
)


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_public_things_have_an_example(thing):
    if thing in SHOWN_ELSEWHERE:
        pytest.skip("abstract, or shown in the guide")
    assert ">>>" in (thing.__doc__ or "")


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    """The folder of a source distribution, and of the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return folder


def test_all_rooms_are_in_the_wheel():
    """An editable installation would find them, listed or not."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = set(tomllib.load(file)["tool"]["setuptools"]["packages"])
    rooms = {path.parent.name for path in (ROOT / "sklearn_emerge").glob("*/__init__.py")}
    assert {f"sklearn_emerge.{room}" for room in rooms} <= listed


@pytest.mark.slow
def test_source_distribution_can_be_tested(distributions):
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    tested = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py")}
    assert "tests/conftest.py" in tested
    assert tested <= held
    assert {
        "CHANGES.md",
        "Makefile",
        "constraints.txt",
        "setup.py",
        "docs/guide.md",
        "docs/conf.py",
    } <= held
    assert {"benchmarks/assessment.py", "datasets/freeze_samples.py"} <= held
    assert not any("__pycache__" in name for name in held)


def test_links_of_the_readme_work_on_an_index():
    """There the page is without its repository; nothing else may change."""
    readme_for_index = runpy.run_path(str(ROOT / "setup.py"))["readme_for_index"]
    text = "See [docs/a.md](docs/a.md), the [guide](docs/a.md#b), [c](https://c.org) and [d](#d)."
    assert readme_for_index(text, "https://e.org/blob/main/") == (
        "See [docs/a.md](https://e.org/blob/main/docs/a.md), "
        "the [guide](https://e.org/blob/main/docs/a.md#b), [c](https://c.org) and [d](#d)."
    )
    assert readme_for_index(text, None) == (
        "See `docs/a.md`, the guide (`docs/a.md`), [c](https://c.org) and [d](#d)."
    )
    picture = "![Errors](docs/a.png)"
    assert readme_for_index(picture, "https://e.org/blob/main") == (
        "![Errors](https://e.org/blob/main/docs/a.png?raw=true)"
    )
    assert readme_for_index(picture, None) == "Errors (`docs/a.png`)"
    readme = (ROOT / "README.md").read_text()
    shown = readme_for_index(readme, None)
    links = re.findall(r"\]\((.*?)\)", shown)
    assert links
    assert all(link.startswith("https://") for link in links)
    # What is named instead is there, and is in the source distribution.
    named = re.findall(r"`((?:docs/[\w/-]*)?[\w-]+\.(?:md|py|png))`", shown)
    assert {"docs/guide.md", "docs/figures/operators-lorenz.png"} <= set(named)
    assert all((ROOT / path).is_file() for path in named)


@pytest.mark.slow
def test_index_page_of_the_distributions(distributions):
    wheel = ZipFile(next(distributions.glob("*.whl")))
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    head, _, page = wheel.read(metadata).decode().partition("\n\n")
    assert "Description-Content-Type: text/markdown" in head
    assert page.startswith("# sklearn_emerge")
    assert all(link.startswith("https://") for link in re.findall(r"\]\((.*?)\)", page))


@pytest.mark.slow
def test_wheel_holds_all_it_needs(distributions, tmp_path):
    """Installed alone in a folder, outside the repository, it loads tables and assesses."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--no-compile",
            "--target",
            tmp_path,
            next(distributions.glob("*.whl")),
        ],
        check=True,
        capture_output=True,
    )
    code = (
        "import sklearn_emerge as e; print(e.__file__)\n"
        "[getattr(e, name) for name in e.__all__]\n"
        "print(len(e.datasets.load_published('recurrent-tables')))\n"
        "model = e.GRUPredictor(2, max_steps=1)\n"
        "options = dict(n_seeds=2, alpha=.6, n_train=10, n_eval=5, progress=False)\n"
        "options |= dict(nulls=(), baselines=('mean',), probe=None, reservoir_sizes=None)\n"
        "a = e.EmergenceAssessment(e.OscillatorWorld(n_steps=9), model, **options).fit()\n"
        "a.to_netcdf('cube.nc'); print(e.load_cube('cube.nc').sizes['seed'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    place, rows, seeds = run_python(code, cwd=tmp_path, env=environment).split()
    assert place.startswith(str(tmp_path))
    assert (tmp_path / "sklearn_emerge" / "py.typed").is_file()
    assert (rows, seeds) == ("30", "2")


def test_quickstart_notebook_is_stored_with_what_it_found():
    """An operator in words, and what is none."""
    notebook = nbformat.read(ROOT / "docs" / "quickstart.ipynb", as_version=4)
    printed = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    explained = [text for text in printed if "What was found" in text]
    assert len(explained) == 2
    assert "Operator: the trained network predicts better" in explained[0]
    assert "Learned, but not beyond" in explained[1]
    assert not any(
        output.output_type == "error" or output.get("name") == "stderr"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )


def smaller_quickstart(options):
    """Return the notebook with three updates and few sequences; the numbers mean nothing."""
    text = (ROOT / "docs" / "quickstart.ipynb").read_text()
    for said, small in (
        ("max_steps=200", "max_steps=3"),
        ("max_steps=1000", "max_steps=3"),
        ("max_steps=600", "max_steps=3"),
        ("n_train=1000", f"{options}, n_probe=30, n_train=60"),
        ("n_train=500", f"{options}, n_probe=30, n_train=60"),
        ("n_eval=300", "n_eval=40"),
        ("n_steps=100", "n_steps=40"),
        # Kernels of notebooks are processes of their own already.
        ("n_jobs=2", "n_jobs=1"),
    ):
        assert text.count(said) >= 1
        text = text.replace(said, small)
    return nbformat.reads(text, as_version=4)


@pytest.mark.usefixtures("few_baselines", "close_figures")
def test_cells_of_the_quickstart_run(tmp_path, monkeypatch, capsys):
    """One after the other, without a kernel."""
    monkeypatch.chdir(tmp_path)
    notebook = smaller_quickstart("n_seeds=2, alpha=0.6, reservoir_sizes=None")
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "quickstart.ipynb", "exec"), names)
    assert capsys.readouterr().out.count("What was found") == 2
    assert names["assessment"].verdict_ in names["assessment"]._repr_html_()
    assert {path.name for path in tmp_path.iterdir()} == {"oscillator.nc", "oscillator.png"}


@pytest.mark.slow
def test_quickstart_notebook_runs(tmp_path):
    notebook = smaller_quickstart("n_seeds=5, reservoir_sizes=(4, 8)")
    for cell in notebook.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    written = {path.name for path in tmp_path.iterdir()}
    assert {"oscillator.nc", "oscillator.png"} <= written
    results = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert any("image/png" in out.get("data", {}) for out in results)
    assert any("text/html" in out.get("data", {}) for out in results)
