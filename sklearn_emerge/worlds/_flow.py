"""What a world states of its dynamics: how latents go on, what they show, where they rest."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Floats
from .._validation import check_integer


class RestPoints(NamedTuple):
    """The latent states from which the flow of a world does not move.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_latents)
        They themselves; no rows if there are none.
    jacobians : ndarray of shape (n_points, n_latents, n_latents) or None
        Derivatives of the latents one step later; those of modulus above 1 among its eigenvalues
        are directions in which states leave. None where latents are classes.

    Examples
    --------
    A linear system whose first state decays and whose second one grows:

    >>> import numpy as np
    >>> from sklearn_emerge import LinearSystemWorld
    >>> rest = LinearSystemWorld(np.diag([0.5, 1.1]), [1.0, 1.0]).rest_points()
    >>> rest.points.tolist(), (np.abs(np.linalg.eigvals(rest.jacobians)) > 1).tolist()
    ([[0.0, 0.0]], [[False, True]])
    """

    points: NDArray[Any]
    jacobians: Floats | None


class Cycle(NamedTuple):
    """The cycle that the flow of a world ends on, or moves on.

    Parameters
    ----------
    period : float
        Steps of a turn.
    amplitude : float or None
        Largest distance of the observation, without noise, from its mean over a turn; None where
        each sequence has its own.

    Examples
    --------
    >>> from sklearn_emerge import NoisyPeriodicWorld
    >>> NoisyPeriodicWorld(period=12).cycle()
    Cycle(period=12.0, amplitude=None)
    """

    period: float
    amplitude: float | None


class StatedFlow:
    """The part of `World` that states dynamics, and what can be asked if `flow_kind` is not None.

    A world that knows its flow declares `flow_kind` and implements ``_move(latents, step)``, which
    returns latents of shape (n_sequences, n_latents) one step after `step`, and ``_emit(latents)``,
    the observations of latents of shape (..., n_latents).
    """

    latent_kind: str | None
    latent_names: tuple[str, ...]
    flow_kind: str | None = None

    def flow(self, latents: ArrayLike, n_steps: int, start: int = 0) -> NDArray[Any]:
        r"""Return how latent states go on without noise.

        Parameters
        ----------
        latents : array-like of shape (n_sequences, n_latents)
            Latents at step `start`, as those of a `Sample`: classes as integers, quantities as
            floats.
        n_steps : int
            How many steps, at least 1.
        start : int, default=0
            The step at which the latents are, which matters where the law changes with time.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_latents)
            Entry k is k + 1 steps after `start`, of the type of a sample's latents. What disturbs
            a world is at its mean or does not happen: process noise and inputs are 0, there are
            no pulses, and regimes stay. So of a world whose `flow_kind` is "exact"
            ``flow(latents[:, t], n, t)`` is ``latents[:, t + 1 : t + 1 + n]``, up to rounding or,
            where it says so, the integration; where it is "mean", that is the mean of what
            follows; of one that is "noisy" it is what disturbances move around.

        Raises
        ------
        ValueError
            If the world does not know its flow (`flow_kind` is None), the latents are not of its
            kind and number, the law is not known for so many steps, or states exceed the range of
            float64.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_emerge import OscillatorWorld
        >>> world = OscillatorWorld()
        >>> latents = world.sample(3, random_state=0).latents
        >>> np.array_equal(world.flow(latents[:, 20], 100, start=20), latents[:, 21:121])
        True
        """
        self._check_flow("flow")
        states = self._check_latents(latents)
        if states.ndim != 2:
            raise ValueError(
                f"latents has shape {states.shape}; pass those of one step, of shape (n_sequences, "
                f"{states.shape[-1]}), for instance sample.latents[:, start]."
            )
        check_integer(n_steps, "n_steps")
        check_integer(start, "start", 0)
        following = np.empty((len(states), n_steps, states.shape[1]), states.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(n_steps):
                following[:, k] = states = self._move(states, start + k)
        if not np.isfinite(following).all():
            n_finite = int(np.isfinite(following).all(axis=(0, 2)).argmin())
            fewer = f"n_steps={n_finite} or less, or " if n_finite else ""
            raise ValueError(
                f"The states exceed the range of float64 after {n_finite} steps of n_steps="
                f"{n_steps}; pass {fewer}latents nearer to those of a sample."
            )
        return following

    def emission(self, latents: ArrayLike) -> NDArray[Any]:
        """Return what latent states show without noise.

        Parameters
        ----------
        latents : array-like of shape (..., n_latents)
            Latents, as of a `Sample`, or as `flow` and `rest_points` return them.

        Returns
        -------
        ndarray of shape (...) or (..., n_channels)
            Observations without noise, and without exogenous channels; channels have an axis where
            X has one.

        Raises
        ------
        ValueError
            If the world does not know it, as it does not know its flow (`flow_kind` is None), or
            the latents are not of its kind and number.

        Examples
        --------
        >>> from sklearn_emerge import DriftWorld
        >>> world = DriftWorld(velocity=0.5)
        >>> world.emission(world.flow([[1.0]], 3)).tolist()
        [[1.5, 2.0, 2.5]]
        """
        self._check_flow("emission")
        return self._emit(self._check_latents(latents))

    def rest_points(self, start: int = 0) -> RestPoints | None:
        """Return the latent states that the flow does not move.

        Parameters
        ----------
        start : int, default=0
            The step for which Jacobians hold, where the law changes with time.

        Returns
        -------
        RestPoints or None
            `points` and the `jacobians` of one step there; None where they are not known, as of a
            `FunctionWorld`, or fill a line.

        Examples
        --------
        The oscillator leaves the only one as a spiral, by a factor of 1.05 a step:

        >>> import numpy as np
        >>> from sklearn_emerge import OscillatorWorld
        >>> points, jacobians = OscillatorWorld().rest_points()
        >>> points.tolist(), np.abs(np.linalg.eigvals(jacobians[0])).round(5).tolist()
        ([[0.0, 0.0]], [1.05119, 1.05119])
        """
        return None

    def cycle(self) -> Cycle | None:
        """Return the cycle on which latents end, or move.

        Returns
        -------
        Cycle or None
            Its `period` in steps, and its `amplitude` in units of the observation. None where there
            is none, none in closed form, or where it changes with time; and of a `FunctionWorld`.

        Examples
        --------
        >>> from sklearn_emerge import OscillatorWorld
        >>> period, amplitude = OscillatorWorld().cycle()
        >>> round(period, 3), round(amplitude, 5)
        (125.611, 1.01243)
        """
        return None

    def _move(self, latents: NDArray[Any], step: int) -> NDArray[Any]:
        """Return latents of shape (n_sequences, n_latents) one step after `step`, without noise."""
        raise NotImplementedError(f"{type(self).__name__} has a flow_kind, but no _move.")

    def _emit(self, latents: NDArray[Any]) -> NDArray[Any]:
        """Return what latents of shape (..., n_latents) show without noise."""
        raise NotImplementedError(f"{type(self).__name__} has a flow_kind, but no _emit.")

    def _check_flow(self, what: str) -> None:
        self._validate_params()  # type: ignore[attr-defined]
        if self.flow_kind is None:
            raise ValueError(
                f"{type(self).__name__} does not know how its latents go on (flow_kind=None), so "
                f"that it has no {what}; compare forecasts with sequences that were held out, or, "
                "where there is a ceiling, with those of optimal_predictor()."
            )
        # They must fit together.
        _ = self.facts  # type: ignore[attr-defined]

    def _check_latents(self, latents: ArrayLike) -> NDArray[Any]:
        """Return latents as an array of the type that a sample has."""
        array = np.asarray(latents)
        n_latents = len(self.latent_names)
        if array.ndim < 1 or array.shape[-1] != n_latents:
            raise ValueError(
                f"latents has shape {array.shape}, but {type(self).__name__} has {n_latents} "
                f"latents, {', '.join(self.latent_names)}; pass them along the last axis, of shape "
                f"(..., {n_latents})."
            )
        classes = self.latent_kind == "discrete"
        numbers = array.dtype.kind in "biuf" and np.isfinite(array).all()
        if not numbers or (classes and (array != np.floor(array)).any()):
            raise ValueError(
                f"latents has values that are no {'classes' if classes else 'finite numbers'}; "
                f"pass {'integers' if classes else 'floats'}, as sample.latents are."
            )
        return array.astype(np.int64 if classes else np.float64)
