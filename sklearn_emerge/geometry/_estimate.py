"""What a measure of geometry found, and whether it is to be believed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number, how sure it is, what it took, and why it is not to be trusted if it is not.

    Attributes
    ----------
    value : float
        What was asked for; NaN if it has no value here, and `reasons` says why.
    standard_error : float
        Of `value`, in its own units; NaN where there is none.
    n : int
        Rows that it was computed from.
    cost : float
        Wall-clock time that it took, in seconds.
    reasons : tuple of str
        Why `value` is not to be trusted, one sentence each.
    """

    value: float
    standard_error: float = float("nan")
    n: int
    cost: float
    reasons: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against `value`."""
        return not self.reasons
