"""Why an estimate is not to be trusted: a sentence with its numbers, of one of a few kinds."""

# Kinds of reasons and what they say in general. Cubes keep them as bits in this order: new ones go
# to the end.
REASONS = {
    "gradients_zero": "All gradients are zero.",
    "loss_too_small": "The loss is so small that gradients are rounding errors.",
    "gradients_equal": "All rows have the same gradient.",
    "rows_without_loss": "Some rows have a loss of zero.",
    "rows_left_out": "Rows were left out, whose gradients are rounding errors.",
    "rank_near_rows": "The rank is more than a fifth of the number of rows, and grows with it.",
    "not_converged": "The iteration did not converge.",
    "parts_not_converged": "The iteration did not converge on a part of the rows.",
    "parts_differ": "The standard error over parts of rows is more than a quarter of the value.",
    "too_few_rows": "Of more rows it would be another.",
    "derivatives_differ": "The second derivative is not that of the first.",
    "probes_differ": "The standard error over probes is more than a quarter of the value.",
    "large_step": "Steps are too large for the largest curvature.",
    "short_burn_in": "Burn-in is shorter than three relaxation times of flat directions.",
    "short_chains": "Chains are shorter than five relaxation times of flat directions.",
    "noise_of_rows": "The noise of the rows of a step adds more than a tenth.",
    "not_finite": "Chains left the range of finite numbers.",
    "chains_disagree": "Chains do not agree with each other.",
    "chains_move": "The loss still rises or falls along chains.",
    "no_minimum": "It is negative, since the weights are at no minimum.",
    "above_blind": "The loss is above that of a blind guess.",
    "not_local": "The loss rises so far that the coefficient is not local.",
    "only_localisation": "The localisation is stiffer than any direction of the loss.",
}


class Reason(str):
    """A sentence that says why an estimate is not to be trusted.

    Parameters
    ----------
    kind : str
        One of `REASONS`.
    sentence : str
        With its numbers.
    """

    kind: str

    def __new__(cls, kind: str, sentence: str) -> "Reason":
        """Return a string that knows of which kind it is."""
        if kind not in REASONS:
            raise KeyError(kind)
        self = super().__new__(cls, sentence)
        self.kind = kind
        return self

    def __reduce__(self) -> tuple[type["Reason"], tuple[str, str]]:
        """Return what copies and pickles are made of."""
        return type(self), (self.kind, str(self))
