"""The files of docs/clusters, as its page tells to run them, with workers of this machine."""

import os
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import xarray as xr

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "clusters"


def run(script, *arguments, **environment):
    command = [sys.executable, FOLDER / script, *map(str, arguments)]
    # Beside other work, what is as nice as Ray's workers hardly runs.
    common = {"PYTHONDONTWRITEBYTECODE": "1", "RAY_worker_niceness": "0"}
    environment = {**os.environ, **common, **environment}
    subprocess.run(command, check=True, env=environment)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The cube of the study in one process."""
    folder = tmp_path_factory.mktemp("whole")
    code = "import sys; from study import study; study().fit().to_netcdf(sys.argv[1])"
    path = folder / "whole.nc"
    subprocess.run([sys.executable, "-c", code, path], check=True, cwd=FOLDER)
    return xr.load_dataset(path).drop_vars("fit_seconds")


def test_the_page_names_each_file():
    page = (DOCS / "clusters.md").read_text(encoding="utf-8")
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert files
    for path in files:
        assert f"(clusters/{path.name})" in page


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ("join.py seed .", {}, "invalid choice: 'seed'"),
        ("join.py grid .", {}, r"no cubes match grid-\*.nc; run part.py first"),
        ("part.py grid .", {}, "TASK_ID='' is no number of a task; set one from 0 to 1"),
        ("part.py grid .", {"SLURM_ARRAY_TASK_ID": "7"}, "SLURM_ARRAY_TASK_ID='7' is no number"),
    ],
)
def test_what_was_mistyped_is_named(arguments, environment, said, tmp_path, monkeypatch, capsys):
    # In this process: another one takes seconds to start.
    script, *rest = arguments.split()
    monkeypatch.setattr(sys, "argv", [script, *rest])
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    assert re.search(said, " ".join(capsys.readouterr().err.split()))


@pytest.mark.slow
def test_an_array_of_jobs_over_the_grid_is_the_whole(tmp_path, whole):
    for task in range(2):
        run("part.py", "grid", tmp_path, SLURM_ARRAY_TASK_ID=str(task))
    run("join.py", "grid", tmp_path)
    joined = xr.load_dataset(tmp_path / "grid.nc").drop_vars("fit_seconds")
    assert set(joined.data_vars) == set(whole.data_vars)
    for name in joined.data_vars:
        xr.testing.assert_equal(joined[name].variable, whole[name].variable)


@pytest.mark.slow
def test_an_array_of_jobs_over_seeds_has_all_of_them(tmp_path, whole):
    for task in range(2):
        run("part.py", "seeds", tmp_path, SLURM_ARRAY_TASK_ID=str(task))
    run("join.py", "seeds", tmp_path)
    joined = xr.load_dataset(tmp_path / "seeds.nc")
    assert joined.sizes["seed"] == 4
    assert (joined["nll"].isel(seed=slice(2)).values == whole["nll"].values).all()


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_scheduler_has_the_same_results(engine, package, tmp_path, whole):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    run(f"with_{engine}.py", tmp_path)
    cube = xr.load_dataset(tmp_path / f"{engine}.nc").drop_vars("fit_seconds")
    xr.testing.assert_equal(cube, whole)
