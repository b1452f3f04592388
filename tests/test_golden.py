"""Results of small assessments are those that are stored."""

import json

import pytest
from golden import STORED, cubes, numbers


@pytest.mark.slow
def test_results_are_those_that_are_stored():
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    for name, cube in cubes():
        # Processors differ in the last digits, and training makes more of it.
        assert numbers(cube) == pytest.approx(stored.pop(name), rel=1e-3, abs=1e-4), name
    assert not stored
