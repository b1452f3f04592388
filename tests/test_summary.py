"""The summary of many configurations, from random gains."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment._assembly import compare
from sklearn_emerge.inference import required_seeds


@pytest.fixture(scope="module")
def assessment():
    path = Path(__file__).parents[1] / "benchmarks" / "summary.py"
    spec = importlib.util.spec_from_file_location("benchmark", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    cube = benchmark.made_up(30)
    # Networks that are the same in all seeds, and some that failed.
    cube.nll[dict(hidden_size=0)] = 0.7
    cube.nll[dict(hidden_size=1, seed=2)] = np.nan
    cube.nll[dict(hidden_size=2, seed=2)] = np.inf
    cube = compare(cube, "student", 0.05, "holm")
    assessment = EmergenceAssessment(OscillatorWorld(), GRUPredictor())
    assessment.cube_ = benchmark.decide(cube)
    return assessment


def test_each_row_has_the_seeds_that_its_gains_require(assessment):
    table = assessment.summary()
    n_known = 0
    for (size, condition, mode), row in table.iterrows():
        place = dict(hidden_size=size, condition=condition, mode=mode)
        gains = assessment.cube_.delta_nll.sel(place).values
        seen = np.isfinite(gains).all() and gains.mean() > 0 and row.p_value_adjusted > 0.05
        # Gains without a spread say nothing about further seeds.
        if seen and np.ptp(gains) > 0:
            assert row.required_seeds == required_seeds(gains, n_tests=30)
            n_known += 1
        else:
            assert np.isnan(row.required_seeds)
    assert n_known > 30


def test_no_correction_of_the_summary_collects_garbage(assessment, monkeypatch):
    monkeypatch.setattr("gc.collect", lambda *_: pytest.fail("garbage collected"))
    assert len(assessment.summary()) == 270


def test_a_long_table_is_shown_from_both_ends(assessment):
    html = assessment._repr_html_()
    assert '<th rowspan="' in html
    assert all(f'valign="top">{size}</th>' in html for size in (0, 29))
    assert ">...<" in html
    assert html.count("<tr") < len(assessment.summary())
