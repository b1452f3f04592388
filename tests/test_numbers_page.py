"""The page of our own numbers is what is stored of them."""

import importlib
import json
import re
import shutil
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from sklearn_emerge import GRUPredictor
from sklearn_emerge.recurrence._support import MAX_HIDDEN

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SCANS = json.loads((ROOT / "datasets" / "benchmarks" / "recurrence.json").read_text())["numbers"]
GRU_OF_16 = next(i for i, row in enumerate(SCANS) if (row["model"], row["units"]) == ("gru", 16))
FIELDS = {"source", "command", "date", "machine", "versions", "unit", "numbers"}


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("make_numbers")


def test_page_is_what_is_stored(maker, tmp_path):
    maker.write_page(tmp_path / "numbers.md")
    committed = (DOCS / "numbers.md").read_text(encoding="utf-8")
    assert (tmp_path / "numbers.md").read_text(encoding="utf-8") == committed


def test_the_docstring_of_engine_has_the_ratios_that_are_stored():
    text = " ".join(GRUPredictor.__doc__.split())
    few = [row["ratio"] for row in SCANS if row["units"] <= 32]
    largest = [row["ratio"] for row in SCANS if row["units"] == MAX_HIDDEN]
    assert f"measured {min(few):.0f} to {max(few):.0f} times as fast for up to 32 hidden" in text
    assert f"and {min(largest):.1f} to {max(largest):.1f} times as fast for {MAX_HIDDEN} (" in text
    assert f"(up to {MAX_HIDDEN} hidden units" in text


def test_each_measurement_says_how_when_and_where(maker):
    page = (DOCS / "numbers.md").read_text(encoding="utf-8")
    for path in maker.BENCHMARKS.glob("*.json"):
        found = maker.read(path.stem)
        assert set(found) == FIELDS
        assert set(found["machine"]) == {"processor", "cores", "load_average"}
        script = re.search(r"python (benchmarks/\w+\.py)", found["command"])[1]
        assert (ROOT / script).exists()
        assert date.fromisoformat(found["date"])
        assert found["numbers"]
        line = re.search(re.escape(f"*`{found['command']}`; {found['date']}; ") + r"(.*)\.\*", page)
        # What no script has saved is said to be typed in.
        assert ("typed in" in line[1]) == (found["source"] != "saved")


def turned(found, *keys, value):
    """Return what was found with another value in one place."""
    *path, last = ["numbers", *keys]
    place = found
    for key in path:
        place = place[key]
    place[last] = value
    return found


@pytest.mark.parametrize(
    ("name", "keys", "value", "sentence"),
    [
        ("transformer", (0, "ratio"), 1.0, "kernels of attention"),
        ("short_fits", ("grid", 0, "same_losses"), False, "in a grid"),
        ("large_grids", ("seconds", 2, "10000"), 99.0, "times as long"),
        ("assessment", ("whole", "peak"), 4096.0, "at its peak"),
        ("transformer", (1, "stacked_ratio"), 9.0, "of all five in one"),
        ("transformer_bfloat16", (0, "ours"), 1.0, "half precision is slower"),
        ("recurrence", (GRU_OF_16, "ratio"), 3.0, "as fast as with torch"),
        ("recurrence", (0, "share"), 1.1, "of the limit"),
    ],
)
def test_sentence_whose_number_turns_is_refused(
    maker, monkeypatch, tmp_path, name, keys, value, sentence
):
    read = maker.read

    def other(stem):
        return turned(read(stem), *keys, value=value) if stem == name else read(stem)

    monkeypatch.setattr(maker, "read", other)
    with pytest.raises(AssertionError, match=f"The page would say .*{sentence}.*which is not so"):
        maker.write_page(tmp_path / "numbers.md")
    assert not (tmp_path / "numbers.md").exists()


def test_times_of_the_clock_are_said_to_be(maker, monkeypatch, tmp_path):
    page = (DOCS / "numbers.md").read_text(encoding="utf-8")
    assert "of the clock" in maker.read("engines")["unit"]
    assert "of cells on engines are of the clock." in page
    read = maker.read

    def other(stem):
        return read(stem) | ({"unit": "seconds of the clock"} if stem == "probes" else {})

    monkeypatch.setattr(maker, "read", other)
    with pytest.raises(AssertionError, match=r"which is not so: of_the_clock = .*'probes'"):
        maker.write_page(tmp_path / "numbers.md")


def test_page_shows_what_a_script_saved(maker, monkeypatch, tmp_path):
    """Numbers that are made up, written by what the scripts write with."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    save = importlib.import_module("measure").save
    for path in maker.BENCHMARKS.glob("*.json"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(maker, "BENCHMARKS", tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def saved(script, numbers, *arguments):
        monkeypatch.setattr(sys, "argv", [f"x/{script}.py", *arguments, "--save", str(tmp_path)])
        save(tmp_path, numbers, "seconds", "")
        found = maker.read(script)
        assert set(found) == FIELDS
        assert found["command"] == " ".join(["python", f"benchmarks/{script}.py", *arguments])
        assert found["versions"]["torch"]
        return found

    row = {"seeds": 5, "jax_ratio": None, "share": 0.75, "ours": 2.0, "least": 1.0}
    scans = [("rnn", 16, 16.0), ("gru", 16, 17.4), ("gru", 128, 1.5), ("gru", 256, 0.9)]
    scans = [{"model": kind, "units": n, "ratio": ratio, **row} for kind, n, ratio in scans]
    saved("recurrence", scans, "--sizes", "16")
    fits = maker.read("short_fits")["numbers"]["grid"]
    fit = {"model": "gru", "updates": 20, "torch": 0.5, "scan": 1.0, "chosen": "torch"}
    saved("short_fits", {"grid": fits, "engines": [fit | {"loss": np.float64(1.05)}]})
    parts = [{"part": "training", "seconds": 30.0, "share": 0.75}]
    saved("assessment", {"parts": parts, "whole": {"seconds": 40.0, "peak": 1800.0}})
    times = {"growing": "seeds", "size": 2, "training": 1.0, "assessment": 2.0}
    slopes = {"growing": "seeds", "training": 0.987654, "assessment": 0.5}
    saved("growth", {"times": [times], "slopes": [slopes]})
    saved("engines", [{"engine": "loky", "cells": 100, "ms": 12.0, "bytes": 3210.0}])
    kill = dict(engine="dask", kills=34, fits=13, lost=0, anew=0, orphans=0, hung=0, differ=0)
    kills = [kill | {"of workers": 11, "folders": 0, "slowest": 1.5}]
    files = [{"what": "bits flipped", "tried": 10, "differ": 0}]
    saved("faults", {"kills": kills, "files": files})
    maker.write_page(tmp_path / "numbers.md")
    page = (tmp_path / "numbers.md").read_text(encoding="utf-8")
    assert "In 34 kills on these engines no finished cell was lost or computed again," in page
    assert "at up to 10.3% of kills" in page
    assert "about 17 times as fast" in page
    assert "| network | units | seeds | torch | share of the limit |" in page
    assert "RNNs of up to 16 units train faster than with torch." in page
    assert "GRUs of up to 128 units train faster than with torch, and those of 256 do not." in page
    assert "takes 1.05 times as long as the better" in page
    assert "| training | 30 | 0.75 |" in page
    assert "| seeds | 0.9877 | 0.5 |" in page
    assert re.search(r"`python benchmarks/growth.py`; \S+; \S+, \d+ cores, load average", page)


def test_rates_are_counted_in_the_settings_that_are_meant(maker):
    calibration = importlib.import_module("page_calibration")
    levels = calibration.rates_of(calibration._LEVELS).set_index("test")
    assert levels.settings.tolist() == [5, 6, 3, 1, 3, 3, 4, 4]
    assert levels.largest.notna().all()
    assert len(calibration.steps_found()) == 6
