"""How many instances of each task there are."""

import re
from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np

# The triangle of *Scaling Down Transformers*.
_TRIANGLE = {"A->B": 2500, "B->C": 2500, "A->C": 50}


def check_examples(
    examples: Mapping[str, int] | None, sparse_examples: int | None, languages: Sequence[str]
) -> dict[str, int]:
    """Return the numbers of instances by task, sorted, or raise a ValueError.

    Parameters
    ----------
    examples : dict of str to int, or None
        Number of instances of each task; None is the triangle of *Scaling Down Transformers*.
    sparse_examples : int or None
        Takes the place of the smallest number; None leaves it.
    languages : tuple of str
        Names of the languages.

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        If a task or a number is none, or there are no instances.
    """
    if not isinstance(examples, Mapping | None):
        raise ValueError(
            f"examples={examples!r} must be a dict of tasks and numbers of instances, "
            "for instance {'A->B': 100}."
        )
    examples = dict(_TRIANGLE if examples is None else examples)
    for task, count in examples.items():
        parts = re.fullmatch("([A-Z])->([A-Z])", task) if isinstance(task, str) else None
        if not parts or parts[1] == parts[2] or not set(parts.groups()) <= set(languages):
            raise ValueError(
                f"examples has the task {task!r}, which is not two different languages such "
                f"as 'A->B'; the languages are {', '.join(languages)}."
            )
        if not isinstance(count, Integral) or count < 0:
            raise ValueError(
                f"examples[{task!r}]={count!r} is not a number of instances; pass an integer "
                "of at least 0."
            )
    if sparse_examples is not None:
        fewest = [task for task, n in examples.items() if n == min(examples.values())]
        if len(fewest) > 1:
            raise ValueError(
                f"sparse_examples={sparse_examples} replaces the smallest number in "
                f"examples, but {' and '.join(fewest)} have it both; give one task fewer."
            )
        if fewest:
            examples |= {fewest[0]: sparse_examples}
    if not sum(examples.values()):
        raise ValueError(f"examples={examples!r} has no instances; pass some for a task.")
    # The order in which they were given must not matter.
    return dict(sorted(examples.items()))


def scale_examples(examples: Mapping[str, int], total: int) -> dict[str, int]:
    """Return as many instances as asked for, in the proportions of some numbers.

    Parameters
    ----------
    examples : dict of str to int
        Number of instances of each task.
    total : int
        How many there are to be.

    Returns
    -------
    dict of str to int
        No task is left out if there is room.
    """
    wanted = np.array(list(examples.values()))
    exact = wanted * total / wanted.sum()
    counts = np.floor(exact).astype(int)
    # The largest remainders get the instances that are left.
    for i in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[i] += 1
    for i in np.flatnonzero((counts == 0) & (wanted > 0)):
        if counts.max() > 1:
            counts[counts.argmax()] -= 1
            counts[i] += 1
    return dict(zip(examples, counts.tolist(), strict=True))
