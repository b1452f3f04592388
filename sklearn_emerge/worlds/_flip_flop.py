"""Bits that are set by pulses, and held until the next."""

from itertools import product
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from .._typing import Floats
from ._base import World
from ._driven import of_rows, with_inputs
from ._flow import RestPoints
from ._sample import Sample


class FlipFlopWorld(World):
    r"""A flip-flop of several bits: a pulse sets its bit, which is held until the next pulse.

    Each of the n bits has a channel for its pulses u and one for its output y,

    .. math::

        b_t = \begin{cases} u_t & u_t \ne 0 \\ b_{t-1} & u_t = 0 \end{cases}, \qquad
        y_t = b_t + \eta_t, \qquad
        P(u_t = 1) = P(u_t = -1) = p / 2,

    with :math:`\eta_t \sim N(0, \sigma^2)`. The first step sets all bits. Channels are the pulses
    of all bits, and then their outputs. The latents are the bits, as classes: 0 for -1, and 1.

    Parameters
    ----------
    n_bits : int, default=3
        Number of bits, n; there are 2 n channels.
    pulse_probability : float, default=0.05
        Probability of a pulse, p, for each bit and step; every second one changes its bit.
    observation_std : float, default=1.0
        Standard deviation of the noise in the outputs. Pulses have none, nor has a task.
    n_steps : int, default=100
        Length of a sequence.
    feedback : bool, default=True
        Whether outputs are seen. False is the task of Sussillo and Barak: the bits, as zeros and
        ones, are to be given out at the step of each pulse, and nothing but the pulses is seen,
        which are exogenous. Bits are then the first channels, and pulses the last, one row before
        the bits that they set (`with_inputs`).

    Notes
    -----
    The task of Sussillo and Barak (2013), as prediction of the next step. Pulses cannot be
    predicted; the outputs can be by who knows the bits, :math:`E[y_{t+1}] = (1 - p)\, b_t`. That
    is the ceiling, which is exact. The noise is what makes memory necessary: without it, the last
    output would tell the bit, and persistence would do. With it, who knows the pulse that was last
    knows the bit, however long ago that was, while a linear filter, which can only add up, forgets
    or mixes.

    With ``feedback=False`` bits are the targets of a network that sees pulses alone, as in that
    work; the ceiling is 0 nats and an accuracy of 1.

    Without pulses bits stay: that is the flow of the latents, which a pulse disturbs, and every
    combination of bits is one of the `rest_points`, for which a network that holds the bits has a
    state. A task has no flow, as nothing that it gives out is fed back.

    References
    ----------
    Sussillo, D., and Barak, O. (2013). Opening the black box: low-dimensional dynamics in
    high-dimensional recurrent neural networks. Neural Computation, 25(3), 626-649.

    Examples
    --------
    >>> from sklearn_emerge import FlipFlopWorld
    >>> world = FlipFlopWorld(n_bits=2, pulse_probability=0.3, observation_std=0.1)
    >>> sample = world.sample(1, random_state=1)
    >>> sample.X[0, :9, 0].astype(int).tolist()
    [1, 0, 0, 0, -1, 0, 0, 0, 0]
    >>> sample.latents[0, :9, 0].tolist()
    [1, 1, 1, 1, 0, 0, 0, 0, 0]
    >>> task = FlipFlopWorld(n_bits=2, pulse_probability=0.3, feedback=False)
    >>> X = task.sample(1, random_state=1).X[0].astype(int)
    >>> X[1:7, 0].tolist(), X[:6, 2].tolist()  # bits, and the pulses that set them
    ([1, 1, 1, 1, 0, 0], [1, 0, 0, 0, -1, 0])
    >>> world.rest_points().points.tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """

    latent_kind = "discrete"
    input_scaling = None
    output_scaling = "standard"
    ceiling = "exact"
    _parameter_constraints = {
        "n_bits": [Interval(Integral, 1, None, closed="left")],
        "pulse_probability": [Interval(Real, 0, 1, closed="neither")],
        "observation_std": [Interval(Real, 0, None, closed="neither")],
        "n_steps": [Interval(Integral, 2, None, closed="left")],
        "feedback": ["boolean"],
    }

    def __init__(
        self,
        n_bits: int = 3,
        pulse_probability: float = 0.05,
        observation_std: float = 1.0,
        n_steps: int = 100,
        *,
        feedback: bool = True,
    ) -> None:
        self.n_bits = n_bits
        self.pulse_probability = pulse_probability
        self.observation_std = observation_std
        self.n_steps = n_steps
        self.feedback = feedback

    @property
    def observation(self) -> str:
        """Quantities, or the bits of a task."""
        return "continuous" if self.feedback else "binary"

    @property
    def n_exogenous(self) -> int:
        """The pulses, in a task."""
        return 0 if self.feedback else self.n_bits

    @property
    def null_kinds(self) -> tuple[str, ...]:
        """Phase surrogates of quantities; of bits, the pulses of other sequences."""
        return ("shuffle", "resample", "phase" if self.feedback else "exchange")

    @property
    def latent_names(self) -> tuple[str, ...]:
        """Names of the bits: "bit", or "bit 1", "bit 2", ..."""
        if self.n_bits == 1:
            return ("bit",)
        return tuple(f"bit {i + 1}" for i in range(self.n_bits))

    @property
    def flow_kind(self) -> str | None:
        """Noisy, as pulses disturb it; None of a task."""
        return "noisy" if self.feedback else None

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return the states in which the bits stay while there is no pulse.

        Parameters
        ----------
        start : int, default=0
            Has no effect.

        Returns
        -------
        RestPoints
            All combinations of bits, as classes; `emission` makes outputs of them. Classes have no
            Jacobians.
        """
        self._validate_params()
        return RestPoints(np.array(list(product((0, 1), repeat=self.n_bits))), None)

    def _check_latents(self, latents: ArrayLike) -> NDArray[Any]:
        bits = super()._check_latents(latents)
        if not np.isin(bits, (0, 1)).all():
            raise ValueError(
                "latents has values that are no bits; pass 0 for an output of -1, and 1, as "
                "sample.latents are."
            )
        return bits

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        return latents

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        # No pulses, and outputs of -1 and 1.
        return np.concatenate([np.zeros(latents.shape), 2.0 * latents - 1], axis=-1)

    def _draw(self, n_sequences: int, stream: np.random.SeedSequence) -> Sample:
        rng = np.random.default_rng(stream)
        # In a task the first row is one step before the first bits.
        n_steps = self.n_steps if self.feedback else self.n_steps - 1
        shape = (n_sequences, n_steps, self.n_bits)
        pulsed = rng.random(shape) < self.pulse_probability
        pulsed[:, 0] = True
        pulses = np.where(pulsed, rng.choice([-1.0, 1.0], shape), 0.0)
        steps = np.arange(n_steps)[:, np.newaxis]
        last = np.maximum.accumulate(np.where(pulsed, steps, 0), axis=1)
        bits = np.take_along_axis(pulses, last, axis=1)
        if not self.feedback:
            held = (bits > 0).astype(np.int64)
            X = with_inputs(held.astype(np.float64), pulses, delay=0, feedback=False)
            return Sample(X, of_rows(held, 0, feedback=False))
        outputs = bits + rng.normal(0.0, self.observation_std, shape)
        return Sample(np.concatenate([pulses, outputs], axis=2), (bits > 0).astype(np.int64))

    def step_means(self) -> Floats:
        """Return the expected observation at each step, which is known of bits."""
        return super().step_means() if self.feedback else np.full((self.n_steps, self.n_bits), 0.5)
