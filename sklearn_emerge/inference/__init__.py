"""Tests, intervals and multiplicity over seeds.

The unit of every test is the seed (or the sequence), never the row: rows of a sequence depend
on each other, and permuting them rejects a true null up to every time.
"""

from ._bounds import sign_flip_bounds
from ._checks import check_alpha as check_alpha
from ._clusters import outside_majority
from ._hoeffding import hoeffding_interval, hoeffding_p_value
from ._intervals import Interval as Interval
from ._intervals import bootstrap_interval, student_interval
from ._multiplicity import CORRECTIONS as CORRECTIONS
from ._multiplicity import adjust_p_values
from ._multiplicity import check_correction as check_correction
from ._permutation import two_sample_permutation_test
from ._power import required_seeds, seeds_needed, smallest_p_value
from ._resampled import ResampledResult as ResampledResult
from ._resampled import corrected_resampled_interval, corrected_resampled_test
from ._sign_flips import PermutationResult as PermutationResult
from ._sign_flips import paired_permutation_test, sign_flip_test

__all__ = [
    "adjust_p_values",
    "bootstrap_interval",
    "corrected_resampled_interval",
    "corrected_resampled_test",
    "hoeffding_interval",
    "hoeffding_p_value",
    "outside_majority",
    "paired_permutation_test",
    "required_seeds",
    "seeds_needed",
    "sign_flip_bounds",
    "sign_flip_test",
    "smallest_p_value",
    "student_interval",
    "two_sample_permutation_test",
]
