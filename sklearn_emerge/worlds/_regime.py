"""A binary chain whose stickiness follows a hidden periodic regime."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval

from .._typing import Floats
from ._base import World
from ._bernoulli import BernoulliWorld
from ._flow import Cycle
from ._sample import Sample


class RegimeWorld(World):
    r"""A two-state chain with a hidden regime that flips every `period` steps.

    .. math:: P(s_t = s_{t-1} \mid r_t) = p_{r_t}, \qquad r_t = r_0 \oplus \lfloor t / P \rfloor
        \bmod 2,

    with :math:`r_0` and :math:`s_0` uniform. World E2 of *Emergence Without Scale*. The latent
    is the regime, a class.

    Parameters
    ----------
    period : int, default=32
        Steps between flips of the regime, P.
    stay_probability : pair of float, default=(0.9, 0.6)
        Probability that the state stays the same in regime 0 and in regime 1.
    n_steps : int, default=128
        Length of a sequence.

    Notes
    -----
    The default likelihood is Bernoulli, in which knowing the regime is worth
    :math:`H(.75) - (H(.9) + H(.6)) / 2 = .063` nats a step over a first-order Markov chain.
    The paper scores with a Gaussian of standard deviation 0.05; pass
    ``likelihood="gaussian"`` to the predictor for its variant.

    It states no flow: what is observed depends on the symbol before and on the regime, so that the
    latent alone does not tell what it shows. What goes on is the predictive distribution, which the
    optimal predictor knows.

    Examples
    --------
    >>> from sklearn_emerge import RegimeWorld
    >>> sample = RegimeWorld().sample(2, random_state=0)
    >>> sample.X.shape, sample.latents.dtype, sample.latent_names
    ((2, 128), dtype('int64'), ('regime',))
    """

    observation = "binary"
    latent_kind = "discrete"
    latent_names = ("regime",)
    noise_std = 0.05
    input_scaling = None
    null_kinds = ("shuffle", "resample", "bernoulli")
    ceiling = "exact"
    _parameter_constraints = {
        "period": [Interval(Integral, 1, None, closed="left")],
        "stay_probability": ["array-like"],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        period: int = 32,
        stay_probability: tuple[float, float] = (0.9, 0.6),
        n_steps: int = 128,
    ) -> None:
        self.period = period
        self.stay_probability = stay_probability
        self.n_steps = n_steps

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        stay = check_stay(self.stay_probability)
        rng = np.random.default_rng(stream)
        flips = np.arange(self.n_steps) // self.period
        regime = (rng.integers(2, size=(n_sequences, 1)) + flips) % 2
        changes = (rng.random(regime.shape) >= stay[regime]).astype(np.int64)
        changes[:, 0] = rng.integers(2, size=n_sequences)
        state = changes.cumsum(axis=1) % 2
        return Sample(state.astype(np.float64), regime[:, :, np.newaxis])

    def cycle(self) -> Cycle | None:
        """Return the cycle of the regime, which is back after two flips.

        Returns
        -------
        Cycle
        """
        self._validate_params()
        return Cycle(2.0 * self.period, None)

    def null(self, kind: str) -> World:
        """Return the matched world in which the structure in time is destroyed.

        Parameters
        ----------
        kind : {"shuffle", "resample", "bernoulli"}
            "bernoulli" draws fair coins, the marginal distribution of this world; the others
            as in every world.

        Returns
        -------
        World
            A world like any other.
        """
        if kind == "bernoulli":
            return BernoulliWorld(probability=0.5, n_steps=self.n_steps)
        return super().null(kind)

    def step_means(self) -> Floats:
        """Return the expected observation at each step, which is known."""
        return np.full(self.n_steps, 0.5)


def check_stay(stay_probability: ArrayLike) -> Floats:
    """Return the probabilities to stay as an array; raise a ValueError unless they are two."""
    stay = np.asarray(stay_probability, dtype=np.float64)
    if stay.shape != (2,) or not ((stay >= 0) & (stay <= 1)).all():
        raise ValueError(
            f"stay_probability={stay_probability!r} must be two probabilities, one a regime, each "
            "in [0, 1]."
        )
    return stay
