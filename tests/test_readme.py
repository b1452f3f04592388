"""What the README says can be done is done, in small."""

import re
import shlex
from pathlib import Path

import pytest

import sklearn_emerge
from sklearn_emerge import load_cube
from sklearn_emerge.cli import build_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
# What the README says, and what is run in its place: fewer updates, sequences and processes.
TINY = "n_train=20, n_eval=10, n_probe=10, progress=False"
SMALLER = {
    "OscillatorWorld()": "OscillatorWorld(n_steps=10)",
    "GRUPredictor()": "GRUPredictor(2, max_steps=1)",
    "hidden_size=16, max_steps=2000": "hidden_size=2, max_steps=2",
    "n_train=2000": f"{TINY}, n_seeds=2, alpha=0.6, reservoir_sizes=None",
    "sample(500": "sample(40",
    "max_steps=1)).fit(X": "max_steps=1), n_seeds=2, alpha=0.6, n_probe=10, progress=False).fit(X",
}


@pytest.mark.usefixtures("few_baselines")
def test_snippets_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 3
    code = "\n".join(blocks)
    for said, small in SMALLER.items():
        assert said in code
        code = code.replace(said, small)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    kept = load_cube("oscillator.nc")
    assert kept.equals(names["assessment"].cube_)
    assert names["assessment"].verdict_ == kept.verdict.item()
    assert "<html" in Path("oscillator.html").read_text(encoding="utf-8")


def test_expressions_in_the_text_are_right():
    """Such as `EmergenceAssessment("oscillator", "gru")`."""
    expressions = re.findall(r"`(Emergence\w+\(.*?)`", README)
    assert len(expressions) == 1
    names = {name: getattr(sklearn_emerge, name) for name in sklearn_emerge.__all__}
    (assessment,) = [eval(expression, names) for expression in expressions]
    assert isinstance(assessment, sklearn_emerge.EmergenceAssessment)


def test_it_fits_a_few_screens():
    """What belongs to one reader alone is on a page of the site."""
    assert README.count("\n") < 90


@pytest.mark.parametrize(
    "arguments", re.findall(r"python -m sklearn_emerge ([^`\n]+)", README), ids=lambda text: text
)
def test_command_lines_parse(arguments):
    words = shlex.split(arguments)
    assert build_parser().parse_args(words).command == words[0]


def test_command_lines_are_found():
    assert README.count("python -m sklearn_emerge ") == 4


@pytest.mark.parametrize(
    "path",
    sorted(
        {
            *re.findall(r"\]\((?!http)([^)#]+)", README),
            *re.findall(r"python (\S+\.py)", README + CONTRIBUTING),
        }
    ),
)
def test_files_that_it_names_are_there(path):
    assert (ROOT / path).is_file()


def test_every_benchmark_is_named():
    scripts = {path.name for path in (ROOT / "benchmarks").glob("*.py")}
    assert set(re.findall(r"benchmarks/(\w+\.py)", CONTRIBUTING)) == scripts


def test_make_knows_the_targets():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:^|`)make ([\w-]+)", README, re.MULTILINE))
    assert {"demo", "test", "reproduce"} <= targets
    assert all(re.search(rf"^{target}(?: [\w-]+)*:", makefile, re.MULTILINE) for target in targets)
