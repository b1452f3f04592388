"""What predictors, probes and assessments have to know of a world."""

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Self

from .._names import did_you_mean

# What some facts may be.
_KNOWN = {
    "observation": ("continuous", "binary", "token"),
    "latent_kind": ("continuous", "discrete", None),
    "input_scaling": ("standard", "first", None),
    "output_scaling": ("standard", None),
    "ceiling": ("exact", "bound", None),
    "flow_kind": ("exact", "mean", "noisy", None),
}


@dataclass(frozen=True)
class WorldFacts:
    """The facts of a world in one record; it declares them by attributes of the same names.

    Attributes
    ----------
    observation : {"continuous", "binary", "token"}
        The kind of observations.
    likelihood : str
        Name of the likelihood that suits them; "auto" where only the user can say.
    noise_std : float or "estimate"
        Standard deviation of the Gaussian predictive likelihood, in units of the data.
    input_scaling : {"standard", "first", None}
        How sequences enter a network.
    output_scaling : {"standard", None}
        How they leave it.
    n_tokens : int or "auto"
        Size of the vocabulary of a world of tokens.
    latent_kind : {"continuous", "discrete"} or None
        The kind of latents; None if there are none.
    latent_names : tuple of str
        One name a latent.
    null_kinds : tuple of str
        The nulls that the world has.
    ceiling : {"exact", "bound"} or None
        What the score of its optimal predictor is.
    n_exogenous : int
        How many of the last channels drive the others and are not predicted.
    feedback : bool
        Whether predictors see what they predict, or the exogenous channels alone.
    flow_kind : {"exact", "mean", "noisy"} or None
        What is known of how latents go on.

    Raises
    ------
    ValueError
        If a fact is not one of these, or two do not fit together.
    """

    observation: str
    likelihood: str
    noise_std: float | str
    input_scaling: str | None
    output_scaling: str | None
    n_tokens: int | str
    latent_kind: str | None
    latent_names: tuple[str, ...]
    null_kinds: tuple[str, ...]
    ceiling: str | None
    n_exogenous: int = 0
    feedback: bool = True
    flow_kind: str | None = None

    @classmethod
    def of(cls, world: object, **known: Any) -> Self:
        """Return the facts of a world, of which some may be known already."""
        names = (field.name for field in fields(cls) if field.name not in known)
        return cls(**{name: getattr(world, name) for name in names}, **known)

    def __post_init__(self) -> None:
        for name, known in _KNOWN.items():
            value = getattr(self, name)
            if value not in known:
                meant = did_you_mean(value, [each for each in known if each is not None])
                raise ValueError(
                    f"{name}={value!r} is no fact of a world; declare one of "
                    f"{', '.join(map(repr, known))}.{meant}"
                )
        estimated = isinstance(self.noise_std, str) and self.noise_std == "estimate"
        if not estimated and not (isinstance(self.noise_std, Real) and self.noise_std >= 0):
            raise ValueError(
                f"noise_std={self.noise_std!r} is no fact of a world; declare a number, in "
                "units of the data, or 'estimate'."
            )
        if not isinstance(self.n_exogenous, Integral) or self.n_exogenous < 0:
            raise ValueError(
                f"n_exogenous={self.n_exogenous!r} is no fact of a world; declare how many of the "
                "last channels are exogenous, an integer of at least 0."
            )
        if not self.feedback and not self.n_exogenous:
            raise ValueError(
                "feedback=False, but n_exogenous=0: predictors would see nothing; declare how many "
                "of the last channels are inputs, or feedback=True."
            )
        if (self.latent_kind is None) != (len(self.latent_names) == 0):
            raise ValueError(
                f"latent_kind={self.latent_kind!r}, but latent_names={self.latent_names!r}; "
                "declare both, or neither if there are no latents."
            )
        if self.flow_kind is not None and not self.feedback:
            raise ValueError(
                f"flow_kind={self.flow_kind!r}, but feedback=False: nothing that a task gives out "
                "goes on by itself; declare flow_kind=None, or feedback=True."
            )
        if self.flow_kind is not None and self.latent_kind is None:
            raise ValueError(
                f"flow_kind={self.flow_kind!r}, but latent_kind=None: there are no latents that go "
                "on; declare latents, or flow_kind=None."
            )
