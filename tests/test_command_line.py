"""The command line: output, files, exit statuses."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from sklearn_emerge import DriftWorld, __version__, load_cube
from sklearn_emerge.__main__ import WORLDS, main

QUICK = [
    "--steps",
    "2",
    "--seeds",
    "2",
    "--alpha",
    "0.9",
    "--train",
    "20",
    "--eval",
    "10",
    "--reservoir-sizes",
    "--quiet",
]


def test_worlds_lists_all(capsys):
    assert main(["worlds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(WORLDS)
    assert "latents: x, y; nulls: shuffle, resample, phase" in lines[1]


def test_assess_prints_and_writes(capsys, tmp_path):
    out, figure = tmp_path / "new" / "cube.nc", tmp_path / "cube.png"
    arguments = ["assess", "drift", "--model", "rnn", "--hidden-size", "2", "3", *QUICK]
    assert main([*arguments, "--out", str(out), "--figure", str(figure)]) == 0
    printed = capsys.readouterr().out
    assert "delta_nll" in printed
    assert "verdict" in printed
    assert load_cube(out).hidden_size.values.tolist() == [2, 3]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_single_configuration_prints_the_verdict_with_its_reason(capsys):
    assert main(["assess", "bernoulli", "--hidden-size", "2", "--random-state", "0", *QUICK]) == 0
    assert "verdict: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["assess", "ocean"], "invalid choice: 'ocean' (choose from 'drift', 'oscillator'"),
        (["assess", "drift", "--model", "cnn"], "invalid choice: 'cnn' (choose from 'rnn'"),
        (["assess", "drift", "--steps", "many"], "invalid int value: 'many'"),
        ([], "COMMAND"),
        (["assess", "drift", "--train", "99999999999999"], "99999999999999 is out of range"),
        (["assess", "drift", "--hidden-size", "1" + 20 * "0"], "is out of range; pass less"),
        (["serve", "x", "--port", "-1"], "-1 is no port; pass 0 to 65535"),
        (["serve", "x", "--port", "70000"], "70000 is no port"),
        (["serve", "x", "--host", ""], "is no address"),
    ],
)
def test_wrong_words_list_the_known_ones(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    # Python 3.12 and later leave out the quotes around the choices.
    printed = capsys.readouterr().err.replace("'", "")
    assert message.replace("'", "") in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nulls", "reverse"], "'reverse' is not known here; choose from 'shuffle'"),
        (["--modes", "half"], "'half' is not known here; choose from 'full'"),
        (["--out", "/proc/none/cube.nc"], "/proc/none/cube.nc' cannot be written"),
        (["--figure", "cube.xyz"], "no picture of kind 'xyz'"),
        (["--hidden-size", "0"], "'hidden_size' parameter"),
        (["--alpha", "2"], "alpha=2.0 is not a level"),
        (["--seeds", "0"], "'n_seeds' parameter"),
        (["--memory", ""], "memory='' is no folder"),
        (["--memory", "/dev/null"], "memory='/dev/null' cannot be used as a folder"),
        (["--out", "/dev/null"], "path='/dev/null' cannot be written"),
        (["--hidden-size", "1000000000"], "cannot be built"),
        (["--model", "rnn", "--hidden-size", "1000000000"], "cannot be built"),
    ],
)
def test_wrong_values_are_refused_before_training(
    arguments, message, capsys, monkeypatch, tmp_path
):
    from sklearn_emerge.predictors._training import Net

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Net, "train_on", lambda *a: pytest.fail("training started"))
    assert main(["assess", "drift", *QUICK, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_lack_of_memory_ends_on_one_line(capsys, monkeypatch):
    def draw(self, n_train, n_eval, random_state=None):
        # As numpy says it, and on any machine.
        np.empty(2**50)

    monkeypatch.setattr(DriftWorld, "split", draw)
    assert main(["assess", "drift", *QUICK]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: out of memory (Unable to allocate")
    assert printed.count("\n") == 1


@pytest.mark.filterwarnings("default::UserWarning")
def test_too_few_seeds_warn_on_one_line(capsys):
    assert main(["assess", "bernoulli", "--hidden-size", "2", *QUICK, "--alpha", "0.05"]) == 0
    warning = capsys.readouterr().err
    assert warning.startswith("warning: n_seeds=2 cannot reach alpha=0.05")
    assert "__main__.py" not in warning


def test_a_cube_that_cannot_be_written_is_put_elsewhere(capsys, monkeypatch, tmp_path):
    from sklearn_emerge.assessment import _cube

    replacing = _cube.replacing

    def full(path):
        if Path(path) == tmp_path / "full" / "cube.nc":
            raise OSError("No space left on device.")
        return replacing(path)

    monkeypatch.setattr(_cube, "replacing", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    out = str(tmp_path / "full" / "cube.nc")
    arguments = ["assess", "bernoulli", "--hidden-size", "2", *QUICK, "--out", out]
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert "error: No space left on device. The cube is in " in printed
    (refuge,) = tmp_path.glob("sklearn_emerge-cube-*/cube.nc")
    assert str(refuge) in printed
    assert load_cube(refuge).sizes["seed"] == 2

    def nowhere(prefix):
        raise OSError("None here either.")

    monkeypatch.setattr("sklearn_emerge.__main__.mkdtemp", nowhere)
    assert main(arguments) == 2
    assert "left on device. The cube is lost: None here either." in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"sklearn_emerge {__version__}\n"


def test_module_runs():
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_emerge", "worlds"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "oscillator-nonstationary" in done.stdout
