"""Jacobians of a world's flow, and the Lyapunov exponents that follow."""

from typing import Any

import numpy as np
import xarray as xr

from .._typing import Floats, RandomState
from ..worlds import Sample
from ._lyapunov import lyapunov_exponents

# Of the scale of a latent: the error of central differences is of its square, that of rounding of
# eps over it.
_SHIFT = np.finfo(np.float64).eps ** (1 / 3)


def flow_jacobians(world: Any, latents: Floats, step: int) -> Floats:
    """Return the derivatives of the flow of one step, by central differences.

    Parameters
    ----------
    world : World
        Whose flow is known and moves quantities.
    latents : ndarray of shape (n_points, n_latents)
        At which.
    step : int
        The step at which they are.

    Returns
    -------
    ndarray of shape (n_points, n_latents, n_latents)
        Row i, column j: latent i one step later, by latent j.
    """
    n_points, n_latents = latents.shape
    shift = _SHIFT * np.maximum(np.abs(latents).max(axis=0), 1.0)
    moved = latents[:, np.newaxis, np.newaxis] + np.multiply.outer(
        [1.0, -1.0], np.diag(shift)
    ).swapaxes(0, 1)
    # Points, latents, signs.
    following = world.flow(moved.reshape(-1, n_latents), 1, step)[:, 0]
    ahead, behind = following.reshape(n_points, n_latents, 2, n_latents).transpose(2, 0, 3, 1)
    jacobians: Floats = (ahead - behind) / (2 * shift)
    return jacobians


def flow_exponents(
    sample: Sample, n_steps: int, n_burn_in: int, random_state: RandomState = None
) -> xr.DataArray:
    """Return the Lyapunov exponents of a world's flow behind its sequences.

    Parameters
    ----------
    sample : Sample
        Sequences of a world whose flow is known and moves quantities.
    n_steps, n_burn_in : int
        As in `lyapunov_spectrum` of the closed loop.
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        Stream of the first directions.

    Returns
    -------
    xarray.DataArray of dimensions (sequence, exponent)
        As `lyapunov_exponents` returns them.

    Raises
    ------
    ValueError
        If the law is not known for so many steps.
    """
    world: Any = sample.world
    assert sample.latents is not None
    last = sample.X.shape[1] - 1
    path = world.flow(sample.latents[:, last], n_burn_in + n_steps, last)
    path = np.concatenate([sample.latents[:, last:], path], axis=1)[:, :-1]
    jacobians = [flow_jacobians(world, path[:, k], last + k) for k in range(path.shape[1])]
    return lyapunov_exponents(
        np.stack(jacobians, axis=1), n_burn_in=n_burn_in, random_state=random_state
    )
