"""What all measures of geometry return."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from sklearn_emerge.geometry import Estimate


def test_estimate_is_trusted_unless_something_speaks_against_it():
    found = Estimate(value=2.0, n=10, cost=0.1)
    assert found.trusted
    assert np.isnan(found.standard_error)
    assert not Estimate(value=2.0, n=10, cost=0.1, reasons=("It is too few.",)).trusted
    with pytest.raises(FrozenInstanceError):
        found.value = 3.0
