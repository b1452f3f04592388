"""What all measures of geometry return."""

import pickle
from copy import deepcopy
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from sklearn_emerge.geometry import Estimate
from sklearn_emerge.geometry._reasons import Reason


def test_estimate_is_trusted_unless_something_speaks_against_it():
    found = Estimate(value=2.0, n=10, cost=0.1)
    assert found.trusted
    assert np.isnan(found.standard_error)
    assert not Estimate(value=2.0, n=10, cost=0.1, reasons=("It is too few.",)).trusted
    with pytest.raises(FrozenInstanceError):
        found.value = 3.0


def test_reasons_are_sentences_that_know_their_kind():
    reason = Reason("not_finite", "Chains left 3 finite numbers.")
    assert reason == "Chains left 3 finite numbers."
    for copied in deepcopy(reason), pickle.loads(pickle.dumps(reason)):
        assert copied == reason
        assert copied.kind == "not_finite"
    with pytest.raises(KeyError, match="other"):
        Reason("other", "It is not known.")
