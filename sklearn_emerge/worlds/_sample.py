"""The sequences that a world draws."""

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch


class Sample(Bunch):
    """Sequences, and what is known of them; shown by shapes instead of numbers.

    Its fields are always there, and None where there is nothing. Worlds may have more to tell, and
    add fields of their own.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        The sequences.
    latents : ndarray of shape (n_sequences, n_steps, n_latents), default=None
        What a probe should decode: integers if they are classes, floats if they are quantities.
    latent_names : tuple of str, default=()
        One name a latent. Worlds fill in their own.
    scored : ndarray of bool of shape (n_sequences, n_steps), default=None
        Which steps are scored, as those tokens that can be known; None is all of them. The first
        step of a sequence is never predicted, and not scored in any case.
    observed : ndarray of bool of shape (n_sequences, n_steps), default=None
        Which steps are observed; X is NaN at the others. None is all of them.
    known : ndarray of bool of shape (n_sequences, n_steps), default=None
        At which steps latents are known, if these are others than those that are observed, as of a
        task, in which there are latents while nothing is asked.
    groups : ndarray of int of shape (n_sequences,), default=None
        The independent unit of each sequence; None if these are the sequences themselves.
    world : World, default=None
        The world that they come from, which fills itself in.
    train : Sample, default=None
        Of evaluation sequences in an assessment those of training, for measures that ask whether
        something is new.
    **more : dict
        What else a world has to tell.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.worlds import Sample
    >>> sample = Sample(np.zeros((3, 8)), depth=np.array([1, 2, 1]))
    >>> sample
    Sample
      X             float64 array of shape (3, 8)
      latent_names  ()
      depth         int64 array of shape (3,)
    >>> print(sample.latents, sample.scored)
    None None
    """

    def __init__(
        self,
        X: NDArray[Any],
        latents: NDArray[Any] | None = None,
        latent_names: Sequence[str] = (),
        *,
        scored: NDArray[np.bool_] | None = None,
        observed: NDArray[np.bool_] | None = None,
        known: NDArray[np.bool_] | None = None,
        groups: NDArray[np.integer] | None = None,
        world: object = None,
        train: Self | None = None,
        **more: object,
    ) -> None:
        super().__init__(
            X=X,
            latents=latents,
            latent_names=latent_names,
            scored=scored,
            observed=observed,
            known=known,
            groups=groups,
            world=world,
            train=train,
        )
        for name, value in more.items():
            self[name] = value

    def probed(self, n_sequences: int | None = None) -> NDArray[np.bool_] | None:
        """Return at which steps the first sequences are probed.

        Parameters
        ----------
        n_sequences : int, default=None
            How many; None is all.

        Returns
        -------
        ndarray of bool of shape (n_sequences, n_steps) or None
            None if they are probed at all steps.
        """
        steps = self.observed if self.known is None else self.known
        return None if steps is None else steps[:n_sequences]

    def __repr__(self) -> str:
        there = {name: value for name, value in self.items() if value is not None}
        width = max(map(len, there))
        lines = (f"  {name:{width}}  {shown(value)}" for name, value in there.items())
        return "\n".join(["Sample", *lines])

    # The field `scored` was called `counts`, and was not always there.
    def __missing__(self, name: str) -> Any:
        if name != "counts":
            raise KeyError(name)
        return self[_renamed(name, 5)]

    def __setitem__(self, name: str, value: object) -> None:
        super().__setitem__(_renamed(name, 4), value)

    def __contains__(self, name: object) -> bool:
        if name == "counts":
            return self[_renamed(name, 3)] is not None
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or something else if there is none of that name.

        Parameters
        ----------
        name : str
            Its name.
        default : object, default=None
            What to return instead.

        Returns
        -------
        object
        """
        return super().get(_renamed(name, 3), default)


def check_sample(sample: object) -> None:
    """Raise a ValueError if this is no sample."""
    if not isinstance(sample, Sample):
        raise ValueError(
            f"sample is a {type(sample).__name__}; pass what World.sample returns, of arrays that "
            "of ArrayWorld(X).sample(len(X))."
        )


def rows_of(sample: Sample, rows: slice | NDArray[Any]) -> Sample:
    """Return a sample of some of the sequences of another one.

    Parameters
    ----------
    sample : Sample
        The sequences. What their world has added of its own is left out, and so is `train`.
    rows : slice or ndarray
        Which of them: numbers, or a bool for each.

    Returns
    -------
    Sample
    """
    # Of some fields there is one value a step, of others one a sequence.
    names = "X", "latents", "scored", "observed", "known", "groups"
    parts: dict[str, Any] = {
        name: np.asarray(sample[name])[rows] for name in names if sample[name] is not None
    }
    return Sample(**parts, latent_names=sample.latent_names, world=sample.world)


def _renamed(name: str, stacklevel: int) -> str:
    """Return the name of a field, which warns if it is that of before."""
    if name != "counts":
        return name
    warnings.warn(
        "The field `counts` of samples is called `scored` now, and is None where all steps are "
        "scored; `counts` will be removed in 0.2.",
        FutureWarning,
        stacklevel=stacklevel,
    )
    return "scored"


def shown(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {shown(each)}" for key, each in value.items())
    # Of a world, how it is made.
    made = BaseEstimator.__repr__(value) if isinstance(value, BaseEstimator) else repr(value)
    return " ".join(made.split())
