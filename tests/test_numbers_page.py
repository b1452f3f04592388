"""The page of our own numbers is what is stored of them."""

import importlib
import re
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("make_numbers")


def test_page_is_what_is_stored(maker, tmp_path):
    maker.write_page(tmp_path / "numbers.md")
    committed = (DOCS / "numbers.md").read_text(encoding="utf-8")
    assert (tmp_path / "numbers.md").read_text(encoding="utf-8") == committed


def test_each_measurement_says_how_when_and_where(maker):
    page = (DOCS / "numbers.md").read_text(encoding="utf-8")
    for path in maker.BENCHMARKS.glob("*.json"):
        found = maker.read(path.stem)
        assert set(found) == {"command", "date", "machine", "unit", "numbers"}
        script = re.search(r"python (benchmarks/\w+\.py)", found["command"])[1]
        assert (ROOT / script).exists()
        assert date.fromisoformat(found["date"])
        assert found["numbers"]
        assert f"*`{found['command']}`; {found['date']}; {found['machine']}.*" in page


@pytest.mark.parametrize(
    ("name", "row", "column", "value", "sentence"),
    [
        ("transformer", 0, "ratio", 1.0, "kernels of attention"),
        ("short_fits", 0, "ratio", 9.9, "in a grid"),
        ("large_grids", 2, "10000", 99.0, "nothing grows faster"),
        ("assessment", 0, "peak_gib", 4.0, "at its peak"),
    ],
)
def test_sentence_whose_number_turns_is_refused(
    maker, monkeypatch, tmp_path, name, row, column, value, sentence
):
    read = maker.read

    def turned(stem):
        found = read(stem)
        if stem == name:
            found["numbers"][row][column] = value
        return found

    monkeypatch.setattr(maker, "read", turned)
    with pytest.raises(AssertionError, match=f"The page would say .*{sentence}.*which is not so"):
        maker.write_page(tmp_path / "numbers.md")
    assert not (tmp_path / "numbers.md").exists()


def test_rates_are_counted_in_the_settings_that_are_meant(maker):
    calibration = importlib.import_module("page_calibration")
    levels = calibration.rates_of(calibration._LEVELS).set_index("test")
    assert levels.settings.tolist() == [5, 6, 3, 1, 3, 3, 4, 4]
    assert levels.largest.notna().all()
    assert len(calibration.steps_found()) == 6
