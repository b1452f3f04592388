"""How training ended, in words."""

import numpy as np
import pytest

from sklearn_emerge.reporting._training import fall_in_words


@pytest.mark.parametrize(
    ("fall", "said"),
    [
        (0.065, "falls by 0.065"),
        (-0.065, "rises by 0.065"),
        (np.nan, ""),
        (1e-6, "changes by less than 0.0001"),
        (-1e-6, "changes by less than 0.0001"),
    ],
)
def test_a_loss_that_rises_is_not_said_to_fall(fall, said):
    assert fall_in_words(fall) == said
