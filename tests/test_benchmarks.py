"""Comparisons of benchmarks are fair to both sides."""

import importlib
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


def test_probes_of_both_sides_are_run_as_often(monkeypatch):
    """The least of several runs is less than one run, of whatever it is."""
    probes = importlib.import_module("probes")
    repeats = []

    def timed(function, n_repeats=1):
        repeats.append(n_repeats)
        return 1.0, function()

    monkeypatch.setattr(probes, "timed", timed)
    monkeypatch.setattr(probes, "SIZES", ((20, 10, 3),))
    monkeypatch.setattr(sys, "argv", ["probes.py"])
    probes.main()
    assert len(repeats) == 4
    assert set(repeats) == {probes.N_REPEATS}


@pytest.mark.parametrize("faster", [1, 2])
def test_torch_has_all_cores_for_one_seed_if_they_help(monkeypatch, faster):
    plain = importlib.import_module("plain_torch")
    monkeypatch.setattr(plain, "CORES", 2)

    def updates(kind, n_units, updates, n_tokens=None, n_threads=1):
        return updates * (0.001 if n_threads == faster else 0.004)

    monkeypatch.setattr(plain, "torch_updates", updates)
    assert plain.time_torch("gru", 4, 10, None, n_seeds=1) == pytest.approx(1.0)
