"""The command line: output, files, exit statuses."""

import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import sklearn_emerge
from sklearn_emerge import DriftWorld, EmergenceAssessment, GRUPredictor, __version__, load_cube
from sklearn_emerge._registry import MODELS, WORLDS, make_world
from sklearn_emerge.cli import build_parser, main

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


@pytest.fixture
def assessed(monkeypatch, fitted_single):
    """Let every assessment find what another one has found."""

    def fit(self):
        self.cube_ = fitted_single.cube_
        return self

    monkeypatch.setattr(EmergenceAssessment, "fit", fit)


def test_worlds_lists_all(capsys):
    assert main(["worlds"]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(WORLDS)
    assert max(map(len, lines)) <= 79
    assert "latents: x, y; nulls: shuffle, resample, phase" in " ".join(text.split())


@pytest.mark.parametrize("name", WORLDS)
def test_worlds_says_what_one_is(name, capsys):
    assert main(["worlds", name]) == 0
    printed = capsys.readouterr().out
    world = make_world(name)
    assert " ".join(printed.split()).startswith(WORLDS[name].about)
    assert max(map(len, printed.splitlines())) <= 80
    assert f"{world.observation}, {world.n_steps} steps" in printed
    assert f"{world.default_split(None, None)[0]} for training" in printed
    assert ", ".join(world.null_kinds) in printed


def test_worlds_shows_tokens_as_text(capsys):
    assert main(["worlds", "triangle"]) == 0
    world = make_world("triangle")
    assert f"  {world.decode(world.sample(3, 0).X[0])[:60]}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["oscillator", "bernoulli", "triangle"])
def test_worlds_draws_sequences(name, tmp_path, capsys):
    figure = tmp_path / "world.png"
    assert main(["worlds", name, "--figure", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert f"figure: {figure}" in capsys.readouterr().out


def test_worlds_draws_one(tmp_path, capsys):
    assert main(["worlds", "--figure", str(tmp_path / "world.png")]) == 2
    assert "--figure draws one world; say which" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_a_command_there_is_help(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in build_parser().commands)


@pytest.mark.parametrize("command", build_parser().commands)
def test_each_help_has_an_example_that_parses_and_numbers_for_defaults(command):
    parser = build_parser().commands[command]
    printed = parser.format_help()
    assert "None" not in printed
    assert "[]" not in printed
    assert max(map(len, printed.partition("example:")[0].splitlines())) <= 80
    examples = printed.partition("example: ")[2].split("python -m sklearn_emerge ")[1:]
    assert examples
    for example in examples:
        words = [word for word in shlex.split(example) if word.strip()]
        assert build_parser().parse_args(words).command == command


def test_help_of_assess_lists_what_can_be_chosen():
    printed = " ".join(build_parser().commands["assess"].format_help().split())
    assert all(model in printed for model in MODELS)
    assert all(f"({mode})" in printed for mode in GRUPredictor.training_modes)
    assert all(null in printed for name in WORLDS for null in make_world(name).null_kinds)
    assert "training sequences (default: 2000;" in printed
    assert "(default: 16 32 64 128 256 512)" in printed


def test_help_does_without_torch():
    code = (
        "import sys; from sklearn_emerge.cli import build_parser; "
        "build_parser().format_help(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_case_does_not_count(capsys, monkeypatch):
    seen = {}

    def fit(self):
        seen.update(self.get_params())
        raise ValueError("seen")

    monkeypatch.setattr(EmergenceAssessment, "fit", fit)
    arguments = ["Assess", "Random_Walk", "--model", "GRU", "--modes", "Full", "--nulls", "Shuffle"]
    assert main(arguments) == 2
    assert seen["world"] == "random-walk"
    assert type(seen["model"]) is GRUPredictor
    assert (seen["modes"], seen["nulls"]) == (["full"], ["shuffle"])


def test_explain_prints_what_the_function_says(capsys, monkeypatch):
    monkeypatch.setattr(sklearn_emerge, "explain", "<{}>".format, raising=False)
    assert main(["explain", "cube.nc"]) == 0
    assert capsys.readouterr().out == "<cube.nc>\n"


def test_report_passes_on_cubes_and_path(capsys, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(sklearn_emerge, "report", lambda *call: calls.append(call), raising=False)
    out = str(tmp_path / "all.html")
    assert main(["report", "a.nc", "b.nc", "--out", out]) == 0
    assert calls == [(["a.nc", "b.nc"], out)]
    assert capsys.readouterr().out == f"report: {out}\n"
    assert main(["report", "a.nc", "--out", "/proc/none/all.html"]) == 2
    assert len(calls) == 1


@pytest.mark.usefixtures("few_baselines")
def test_assess_prints_and_writes(capsys, tmp_path):
    out, figure = tmp_path / "new" / "cube.nc", tmp_path / "cube.png"
    arguments = ["assess", "drift", "--model", "rnn", "--hidden-size", "2", "3", *QUICK]
    assert main([*arguments, "--out", str(out), "--figure", str(figure)]) == 0
    printed = capsys.readouterr().out
    assert printed.index(f"cube: {out}") < printed.index("verdict")
    assert "By how much networks predict better" in printed
    # The reasons of each configuration, in words.
    assert printed.count("What was found") == 2
    assert load_cube(out).hidden_size.values.tolist() == [2, 3]
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("few_baselines")
def test_single_configuration_prints_table_and_explanation(capsys):
    assert main(["assess", "bernoulli", "--hidden-size", "2", "--random-state", "0", *QUICK]) == 0
    printed = capsys.readouterr().out
    assert printed.index("verdict") < printed.index("GRUPredictor in BernoulliWorld")
    assert printed.count("What was found") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["asess", "drift"], "command='asess' is not known. Did you mean 'assess'?"),
        (["train"], "command='train' is not known; choose from worlds, assess"),
        (["assess", "ocean"], "'ocean' is not known; choose from drift, oscillator"),
        (["assess", "pendulum"], "'pendulum' is not known. Did you mean 'oscillator'?"),
        (["worlds", "ocilator"], "'ocilator' is not known. Did you mean 'oscillator'?"),
        (["assess", "drift", "--model", "cnns"], "--model: 'cnns' is not known; choose from rnn"),
        (["assess", "drift", "--epochs", "9"], "no option --epochs. Did you mean --steps?"),
        (["assess", "drift", "--hidden=9"], "no option --hidden. Did you mean --hidden-size?"),
        # Not the number of seeds, of which it is the beginning.
        (["assess", "drift", "--seed", "9"], "no option --seed. Did you mean --random-state?"),
        (["assess", "--max-steps", "9", "drift"], "Did you mean --steps?"),
        (["explain", "cube.nc", "--colour"], "explain has no option --colour"),
        (["reproduce", "x", "--protocol", "correct"], "'correct' is not known. Did you mean 'corr"),
        (["assess", "drift", "--steps", "many"], "invalid int value: 'many'"),
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
    printed = capsys.readouterr().err
    assert message in printed
    # No usage, which would push it out of sight.
    assert printed.count("\n") == 2
    assert "More: python -m sklearn_emerge" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nulls", "reverse"], "'reverse' is not known here; choose from 'shuffle'"),
        (["--nulls", "shuffled"], "'shuffled' is not known here; choose from 'shuffle'"),
        (["--modes", "untrained"], "Did you mean 'readout' or 'random'?"),
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
    from sklearn_emerge.training import Net

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


@pytest.mark.usefixtures("few_baselines")
@pytest.mark.filterwarnings("default::UserWarning")
def test_too_few_seeds_warn_on_one_line(capsys):
    assert main(["assess", "bernoulli", "--hidden-size", "2", *QUICK, "--alpha", "0.05"]) == 0
    warning = capsys.readouterr().err
    assert warning.startswith("warning: n_seeds=2 cannot reach alpha=0.05")
    assert "__main__.py" not in warning


@pytest.mark.usefixtures("assessed")
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
    said = capsys.readouterr()
    # What it shows can be read all the same.
    assert "What was found" in said.out
    printed = said.err
    assert "error: No space left on device. The cube is in " in printed
    (refuge,) = tmp_path.glob("sklearn_emerge-cube-*/cube.nc")
    assert str(refuge) in printed
    assert load_cube(refuge).sizes["seed"] == 2

    def nowhere(prefix):
        raise OSError("None here either.")

    monkeypatch.setattr("sklearn_emerge.cli._output.mkdtemp", nowhere)
    assert main(arguments) == 2
    assert "left on device. The cube is lost: None here either." in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"sklearn_emerge {__version__}\n"


def test_recipes_are_listed(capsys):
    from sklearn_emerge.reproduce import RECIPES

    assert main(["reproduce"]) == 0
    assert capsys.readouterr().out.split() == list(RECIPES)


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error():
    """As ``| head`` is: the pipe is closed before the output has come."""
    code = (
        "import os, sys\n"
        "reading, writing = os.pipe()\n"
        "os.dup2(writing, 1), os.close(reading), os.close(writing)\n"
        "from sklearn_emerge.cli import main\n"
        "sys.exit(main(['worlds']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (141, "")


def test_module_runs():
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_emerge", "worlds"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "oscillator-nonstationary" in done.stdout


def test_sigterm_ends_a_command_as_ctrl_c_does(capsys, monkeypatch):
    def run(options):
        # Else pytest would end here.
        assert callable(signal.getsignal(signal.SIGTERM))
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("sklearn_emerge.cli._assess.run", run)
    assert main(["assess", "oscillator"]) == 143
    assert capsys.readouterr().err == "interrupted; with --memory FOLDER a run can be continued\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_sigterm_that_was_set_before_is_left_alone(monkeypatch):
    def own(number, frame):
        pytest.fail("nothing was sent")

    monkeypatch.setattr(
        "sklearn_emerge.cli._assess.run",
        lambda options: found.append(signal.getsignal(signal.SIGTERM)),
    )
    found, before = [], signal.signal(signal.SIGTERM, own)
    try:
        assert main(["assess", "oscillator"]) == 0
        assert found == [signal.getsignal(signal.SIGTERM)] == [own]
    finally:
        signal.signal(signal.SIGTERM, before)
