"""What a folder of results is said to have, and what is removed from it."""

import json

import pytest
from conftest import GAIN_ALONE, small_assessment

from sklearn_emerge import GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment import _kept
from sklearn_emerge.cli import main


@pytest.fixture
def memory(tmp_path):
    options = dict(world=OscillatorWorld(n_steps=8), modes=("full",), baselines=("mean",))
    options |= dict(model=GRUPredictor(2, max_steps=2, engine="torch"), memory=tmp_path)
    small_assessment(**options, **GAIN_ALONE, alpha=0.6).fit()
    return tmp_path


def about_of(memory, kind):
    (path,) = memory.rglob(f"{kind}/*/about.json")
    return path


def rewrite(path, **others):
    path.write_text(json.dumps(json.loads(path.read_text()) | others))


def test_list_says_what_is_kept_in_80_columns(memory, capsys):
    network = about_of(memory, "networks").parent
    (network / "unfinished-0").mkdir()
    (network / "seed-4-0123456789abcdef.pkl").write_bytes(bytes(123456))
    rewrite(about_of(memory, "baselines"), name=100 * "x")
    assert main(["store", "list", str(memory)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "OscillatorWorld, GRUPredictor, computed by this code"
    baselines, networks = lines[2].split(), lines[3].split()
    assert (baselines[0], baselines[1][-1], baselines[2]) == ("baselines", "…", "0-1")
    assert networks[:7] == ["networks", "the", "world,", "all", "weights", "0-1,", "4"]
    assert networks[7] == "+"
    assert lines[-1].startswith("2 cells (")
    assert lines[-1].endswith("of which 0 cells (0 B) by older code")


@pytest.mark.parametrize(
    ("others", "said", "removed"),
    [
        ({"format": 1}, _kept.CODE, True),
        ({"code": {"sklearn_emerge.worlds._base": "0"}}, _kept.CODE, True),
        ({"code": {"sklearn_emerge.no_more": "0"}}, _kept.CODE, True),
        ({"versions": {"numpy": "1"}}, _kept.VERSIONS, True),
        ({"instructions": {}}, _kept.PROCESSOR, False),
        ({"code": None}, _kept.UNKNOWN, False),
    ],
)
def test_prune_removes_what_older_code_has_left_alone(memory, capsys, others, said, removed):
    folder = about_of(memory, "networks").parent
    rewrite(folder / "about.json", **others)
    files = set(memory.rglob("*"))
    for dry in (["--dry-run"], []):
        assert set(memory.rglob("*")) == files
        assert main(["store", "prune", str(memory), *dry]) == 0
        printed = capsys.readouterr().out
        verb = "would remove" if dry else "removed"
        assert f"{verb} {'1 cell' if removed else '0 cells'} (" in printed
        assert (said in printed) == bool(dry and removed)
    assert folder.exists() != removed
    gone = {file for file in files if file.is_relative_to(folder)} if removed else set()
    assert set(memory.rglob("*")) == files - gone


def test_the_first_format_is_older_code_and_links_are_not_followed(memory, tmp_path_factory):
    cells = memory / "sklearn_emerge_cells"
    for old in (cells / "networks" / "0", cells / "unfinished" / "0"):
        old.mkdir(parents=True)
        (old / "output.pkl").touch()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "output.pkl").touch()
    (cells / "networks" / "link").symlink_to(elsewhere)
    # Of a cell that is computed just now.
    (cells / "networks" / "new").mkdir()
    kept = _kept.list_kept(memory)
    assert sorted(each.folder.name for each in kept if each.removed) == ["0", "0"]
    assert {each.made_by for each in kept if each.folder.name == "new"} == {_kept.UNKNOWN}
    _kept.prune(kept)
    assert (elsewhere / "output.pkl").exists()
    assert len(_kept.list_kept(memory)) == 3


def test_a_folder_without_results_and_wrong_words_are_refused(tmp_path, capsys):
    assert main(["store", "list", str(tmp_path)]) == 2
    assert "has no folder sklearn_emerge_cells; pass the folder" in capsys.readouterr().err
    assert main(["store", "list", str(tmp_path), "--dry-run"]) == 2
    assert "--dry-run belongs to prune" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["store", "lst", str(tmp_path)])
    assert "'lst' is not known. Did you mean 'list'?" in capsys.readouterr().err
