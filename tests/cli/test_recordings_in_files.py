"""The command line on files of recordings."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sklearn_emerge import EmergenceAssessment, RecordingWorld, load_cube, read_recordings
from sklearn_emerge.cli import build_parser, main

RNG = np.random.default_rng(0)
DATA = xr.Dataset(
    {
        "rate": (("trial", "time"), RNG.normal(size=(24, 12)), {"units": "Hz"}),
        "position": (("trial", "time"), RNG.normal(size=(24, 12)), {"units": "cm"}),
    },
    {"animal": ("trial", np.repeat(list("abcdefgh"), 3))},
)


@pytest.fixture
def my(tmp_path):
    DATA.to_netcdf(tmp_path / "my.nc")
    return str(tmp_path / "my.nc")


@pytest.fixture
def seen(monkeypatch):
    """Return the parameters of the assessment that is to be fitted, without the fit."""
    found = {}

    def fit(self):
        found.update(self.get_params())
        raise ValueError("seen")

    monkeypatch.setattr(EmergenceAssessment, "fit", fit)
    return found


@pytest.mark.usefixtures("few_baselines")
def test_a_file_is_assessed_as_a_world_is(my, tmp_path, capsys):
    out, figure = tmp_path / "cube.nc", tmp_path / "cube.png"
    quick = "--steps 2 --seeds 2 --alpha 0.9 --hidden-size 2 --reservoir-sizes --nulls --quiet"
    files = ["--out", str(out), "--figure", str(figure)]
    names = ["--latents", "position", "--groups", "animal"]
    assert main(["assess", my, *names, *quick.split(), *files]) == 0
    printed = capsys.readouterr().out
    how = read_recordings(my, latents="position", groups="animal")[1]
    assert printed.splitlines()[0] == how
    assert "is about 8 groups of recordings" in " ".join(printed.split())
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert load_cube(out).latent_units.values.tolist() == ["cm"]
    assert main(["explain", str(out)]) == 0
    assert "position" in capsys.readouterr().out


def test_worlds_describes_a_file(my, tmp_path, capsys):
    figure = tmp_path / "rate.png"
    arguments = ["worlds", my, "--variable", "rate", "--latents", "position"]
    assert main([*arguments, "--figure", str(figure)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == read_recordings(my, variable="rate", latents="position")[1]
    assert "  latents              position (cm) (continuous)" in lines
    assert "  sequences            18 for training, 6 for evaluation" in lines
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_options_of_one_recording_are_passed_on(tmp_path, seen, capsys):
    np.save(tmp_path / "lfp.npy", RNG.normal(size=2000))
    arguments = f"assess {tmp_path}/lfp.npy --length 20 --gap 50 --blocks 8 --likelihood student_t"
    assert main(arguments.split()) == 2
    world = seen["world"]
    assert type(world) is RecordingWorld
    assert (world.length, world.gap, world.n_units) == (20, 50, 8)
    assert seen["model"].likelihood == "student_t"
    assert "8 blocks" in capsys.readouterr().out.splitlines()[0]


def test_integers_need_to_be_told_what_they_are(tmp_path, seen, capsys):
    np.save(tmp_path / "spikes.npy", RNG.poisson(2.0, (24, 12)))
    path = str(tmp_path / "spikes.npy")
    assert main(["assess", path]) == 2
    assert "holds integers; say what they are: --likelihood poisson" in capsys.readouterr().err
    assert not seen
    assert main(["assess", path, "--likelihood", "Poisson"]) == 2
    assert seen["model"].likelihood == "poisson"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("assess drift --latents position", "--latents is for files of recordings, but drift is"),
        ("assess drift --length 9", "--length is for files of recordings"),
        ("worlds drift --blocks 9", "--blocks is for files of recordings, but drift is a world"),
        ("worlds --groups animal", "--groups is for files of recordings, but no WORLD is given"),
        ("assess none.nc", "error: none.nc: there is no such file; check the path."),
        ("assess MY", "--variable rate"),
        ("assess MY --variable rate --gap 9", "pass length, too, or leave out gap"),
        ("assess MY --variable rate --latents positio", "Did you mean 'position'?"),
        ("assess MY --variable rate --nulls reverse", "'reverse' is not known here"),
        ("assess MY --variable rate --train 24", "add up to 25 sequences, but X holds 24"),
        ("assess MY --variable rate --figure a.xyz", "no picture of kind 'xyz'"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(arguments, message, my, capsys, monkeypatch):
    from sklearn_emerge.training import Net

    monkeypatch.setattr(Net, "train_on", lambda *a: pytest.fail("training started"))
    assert main([my if word == "MY" else word for word in arguments.split()]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("assess my.xlsx", "'my.xlsx' is not known; choose from drift"),
        ("assess my.xlsx", "Files of recordings end in .npy, .npz, .nc"),
        ("assess my.nc --lenght 9", "no option --lenght. Did you mean --length?"),
        ("assess my.nc --likelihood gauss", "--likelihood: 'gauss' is not known. Did you mean"),
    ],
)
def test_wrong_words_are_answered_with_what_is_known(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(arguments.split())
    assert message in capsys.readouterr().err


def test_command_lines_of_the_guide_parse():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "files.md").read_text(encoding="utf-8")
    lines = re.findall(r"^python -m sklearn_emerge (.*)", page, re.M)
    assert len(lines) >= 6
    for line in lines:
        words = shlex.split(line, comments=True)
        assert build_parser().parse_args(words).command == words[0]


def test_help_says_that_a_world_may_be_a_file():
    for command in ("assess", "worlds"):
        printed = " ".join(build_parser().commands[command].format_help().split())
        assert (
            "or a file of recordings (.npy, .npz, .nc, .mat, .h5, .hdf5, .csv, .csv.gz)" in printed
        )
        assert f"python -m sklearn_emerge {command} my.nc --latents position" in printed
