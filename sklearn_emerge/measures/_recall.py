"""What recall alone gives."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, validate_params


@validate_params(
    {
        "n_examples": [Interval(Integral, 0, None, closed="left")],
        "n_sentences": [Interval(Integral, 1, None, closed="left")],
        "replacement": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def recall_share(n_examples: int, n_sentences: int, *, replacement: bool = True) -> float:
    r"""Return the expected score of a model that knows its training examples by heart.

    A fresh sentence is among x examples drawn from N sentences with probability
    :math:`1 - (1 - 1/N)^x` if they were drawn with replacement, and at most :math:`x / N`, which
    Proposition 4 of *Scaling Down Transformers* takes.

    Parameters
    ----------
    n_examples : int
        Examples of the task in training, x.
    n_sentences : int
        Sentences that there are, N.
    replacement : bool, default=True
        Whether examples can be the same. False is the paper's x / N.

    Returns
    -------
    float
        Share of fresh sentences that were in training.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from sklearn_emerge.measures import recall_share
    >>> round(recall_share(50, 1680), 4), round(recall_share(50, 1680, replacement=False), 4)
    (0.0293, 0.0298)
    """
    if replacement:
        # One sentence is always recalled.
        return float(-np.expm1(n_examples * np.log1p(-1 / n_sentences))) if n_sentences > 1 else 1.0
    return min(1.0, n_examples / n_sentences)
