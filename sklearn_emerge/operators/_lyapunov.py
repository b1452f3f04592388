"""Lyapunov exponents of recurrent predictors, driven and in closed loop, and of other maps."""

from collections.abc import Iterable, Iterator

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from .._random import substream
from .._typing import Floats, RandomState
from .._validation import as_numbers, check_integer
from ..predictors import BasePredictor
from ._loops import closed_loop, driven_loop, jacobians_along

# Steps that are dropped, by loop, and steps in closed loop.
_BURN_IN = {"driven": 50, "closed": 100}
_CLOSED_STEPS = 400


def lyapunov_spectrum(
    model: BasePredictor,
    X: ArrayLike,
    *,
    loop: str = "driven",
    n_exponents: int | None = None,
    n_steps: int | None = None,
    n_burn_in: int | None = None,
    clock: str | float | None = None,
    random_state: RandomState = None,
) -> xr.DataArray:
    r"""Return how fast small differences of states grow or shrink along sequences.

    .. math::

        \lambda_i = \frac{1}{n} \sum_t \ln |R_t|_{ii}, \qquad Q_t R_t = J_t Q_{t-1},

    with the Jacobians :math:`J_t` of `jacobians` and a random orthogonal :math:`Q_0`. Driven, they
    are those of an observer: the leading one says for how many steps, :math:`-1 / \lambda_1`, what
    is observed is remembered. In closed loop they are those of the operator that the predictor is
    when it is left alone.

    Parameters
    ----------
    model : predictor
        A fitted predictor that goes on from a state, see `recurrent_states`.
    X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
        Sequences that drive it; in closed loop prompts, of any length, from whose last step on it
        is left alone.
    loop : {"driven", "closed"}, default="driven"
        Which map, see `jacobians`.
    n_exponents : int, default=None
        How many, the largest; None is all, one a number of the state. A few take less time.
    n_steps : int, default=None
        Steps that are averaged over. None is all of X behind the burn-in, and 400 in closed loop.
    n_burn_in : int, default=None
        Steps that states and directions settle in before, which do not count: of X, or in closed
        loop. None is 50 driven and 100 closed.
    clock : "run", float or None, default=None
        What the clock does in closed loop, see `rollout`.
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        Stream of the first directions, which matter the less, the longer the burn-in.

    Returns
    -------
    xarray.DataArray of dimensions (sequence, exponent)
        In nats a step, the largest first. Minus infinity where a direction is lost: the Jacobians
        are singular. NaN where the closed loop has left the range of float64.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor has no state or no such loop, X is too short or not as in `predict`, or
        an argument is not as described.

    See Also
    --------
    lyapunov_exponents : Of any map, given its Jacobians.

    Notes
    -----
    Sequences of one network show the spread over a finite time, not that over networks: an
    interval is one over seeds.

    Driven exponents hang on the input and on what is remembered of it; they do not tell a network
    that follows a world from a random core. In closed loop on a limit cycle the first one is zero
    up to the transient, so say how many steps were dropped; the second one is the world's only if
    those of the driven network are well below it (Hart 2024).

    References
    ----------
    Benettin, G., Galgani, L., Giorgilli, A. and Strelcyn, J.-M. (1980). Lyapunov characteristic
    exponents for smooth dynamical systems. Meccanica 15, 9-30.

    Hart, J. D. (2024). Attractor reconstruction with reservoir computers: the effect of the
    reservoir's conditional Lyapunov exponents on faithful attractor reconstruction. Chaos 34.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import lyapunov_spectrum
    >>> X = OscillatorWorld(n_steps=100).sample(100, random_state=0).X
    >>> model = EchoStatePredictor(8, random_state=0).fit(X)
    >>> exponents = lyapunov_spectrum(model, X[:20], random_state=0)
    >>> exponents.dims, exponents.shape, exponents.units
    (('sequence', 'exponent'), (20, 8), 'nat/step')
    >>> bool((exponents.mean("sequence") < 0).all())  # The past is forgotten.
    True
    """
    if loop not in _BURN_IN:
        raise ValueError(f"loop={loop!r} must be 'driven' or 'closed'.")
    n_burn_in = _BURN_IN[loop] if n_burn_in is None else n_burn_in
    check_integer(n_burn_in, "n_burn_in", 0)
    if n_steps is not None:
        check_integer(n_steps, "n_steps")
    if loop == "closed":
        n_steps = _CLOSED_STEPS if n_steps is None else n_steps
        model, running = closed_loop(model, X, n_burn_in + n_steps, clock)
        inputs = None
    else:
        if clock is not None:
            raise ValueError(
                f"clock={clock!r} is that of the closed loop; with loop='driven' leave clock=None."
            )
        running, inputs = driven_loop(model, X)
        n_steps = _steps_left(inputs.shape[1], n_burn_in, n_steps)
    n_state = running.state.shape[1]
    steps = jacobians_along(model, running, inputs, n_burn_in + n_steps)
    n_exponents = _check_number(n_exponents, n_state)
    with np.errstate(over="ignore", invalid="ignore"):
        exponents = _by_qr(steps, n_exponents, n_burn_in, random_state)
    name = f"Lyapunov exponent, {'driven' if loop == 'driven' else 'closed loop'}"
    return _labelled(exponents, name, n_steps, n_burn_in)


def lyapunov_exponents(
    jacobians: ArrayLike,
    *,
    n_exponents: int | None = None,
    n_burn_in: int = 0,
    random_state: RandomState = None,
) -> xr.DataArray:
    """Return the Lyapunov exponents of any map, given its Jacobians along trajectories.

    Parameters
    ----------
    jacobians : array-like of shape (n_sequences, n_steps, n_state, n_state)
        Derivatives of each state by the one before, as `jacobians` returns them; without the
        first axis those of one trajectory.
    n_exponents : int, default=None
        How many, the largest; None is all.
    n_burn_in : int, default=0
        Steps that directions settle in before, which do not count.
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        Stream of the first directions.

    Returns
    -------
    xarray.DataArray of dimensions (sequence, exponent)
        In nats a step, the largest first, as `lyapunov_spectrum` returns them.

    Raises
    ------
    ValueError
        If Jacobians are not finite or not square, or an argument is out of range.

    Examples
    --------
    The map of Hénon contracts areas by .3 a step:

    >>> import numpy as np
    >>> from sklearn_emerge.operators import lyapunov_exponents
    >>> x, y, J = 0.1, 0.1, []
    >>> for _ in range(4000):
    ...     J.append([[-2.8 * x, 1.0], [0.3, 0.0]])
    ...     x, y = 1 - 1.4 * x**2 + y, 0.3 * x
    >>> exponents = lyapunov_exponents(J, n_burn_in=100, random_state=0)[0]
    >>> exponents.round(1).values.tolist(), round(float(np.exp(exponents.sum())), 12)
    ([0.4, -1.6], 0.3)
    """
    array = as_numbers(jacobians, "jacobians")
    array = array[np.newaxis] if array.ndim == 3 else array
    if array.ndim != 4 or array.shape[2] != array.shape[3] or not array.size:
        raise ValueError(
            f"jacobians has shape {np.shape(jacobians)}; pass matrices along trajectories, of "
            "shape (n_sequences, n_steps, n_state, n_state)."
        )
    if not np.isfinite(array).all():
        raise ValueError("jacobians has values that are not finite; leave these trajectories out.")
    check_integer(n_burn_in, "n_burn_in", 0)
    n_steps = _steps_left(array.shape[1], n_burn_in, None)
    n_exponents = _check_number(n_exponents, array.shape[3])
    exponents = _by_qr(array.swapaxes(0, 1), n_exponents, n_burn_in, random_state)
    return _labelled(exponents, "Lyapunov exponent", n_steps, n_burn_in)


def at_most(n_exponents: int, model: BasePredictor, X: Floats) -> int:
    """Return how many exponents there can be, if there are to be so many."""
    return min(n_exponents, model.at_length(X.shape[1]).recurrent_states(X[:1]).shape[2])


def half_at_most(n_steps: int) -> int:
    """Return the burn-in of driven sequences, of which short ones leave at least a half."""
    return min(_BURN_IN["driven"], n_steps // 2)


def _by_qr(
    jacobians: Iterable[Floats] | Iterator[Floats],
    n_exponents: int,
    n_burn_in: int,
    random_state: RandomState,
) -> Floats:
    """Return the exponents of Jacobians (n_sequences, n_state, n_state), step by step."""
    random = np.random.default_rng(substream(random_state, "lyapunov"))
    Q, total, n_steps = None, 0.0, 0
    for t, J in enumerate(jacobians):
        if Q is None:
            Q = np.linalg.qr(random.normal(size=(*J.shape[:2], n_exponents)))[0]
        moved = J @ Q
        Q, R = np.linalg.qr(moved)
        if t < n_burn_in:
            continue
        stretched = np.abs(np.diagonal(R, axis1=1, axis2=2))
        # What rounding leaves of a direction that others span is nothing.
        rounding = J.shape[1] * np.finfo(np.float64).eps * np.linalg.norm(moved, axis=1)
        with np.errstate(divide="ignore"):
            total = total + np.log(np.where(stretched > rounding, stretched, 0.0 * stretched))
        n_steps += 1
    # NaN last.
    return -np.sort(-np.asarray(total) / n_steps, axis=1)


def _steps_left(n_steps: int, n_burn_in: int, asked: int | None) -> int:
    """Return over how many of so many steps is averaged."""
    left = n_steps - n_burn_in
    if left < (asked or 1):
        raise ValueError(
            f"There are {n_steps} steps and n_burn_in={n_burn_in}, so that {max(left, 0)} are left "
            f"to average over{f', and not n_steps={asked}' if asked else ''}; pass longer "
            "sequences, or a smaller n_burn_in."
        )
    return left if asked is None else asked


def _check_number(n_exponents: int | None, n_state: int) -> int:
    """Return how many exponents there are to be."""
    if n_exponents is None:
        return n_state
    check_integer(n_exponents, "n_exponents")
    if n_exponents > n_state:
        raise ValueError(
            f"n_exponents={n_exponents}, but states have {n_state} numbers; pass at most that many."
        )
    return int(n_exponents)


def _labelled(exponents: Floats, name: str, n_steps: int, n_burn_in: int) -> xr.DataArray:
    n_sequences, n_exponents = exponents.shape
    number = {"long_name": "number of the exponent, the largest first", "units": "1"}
    return xr.DataArray(
        exponents,
        dims=("sequence", "exponent"),
        coords={
            "sequence": ("sequence", np.arange(n_sequences), {"long_name": "sequence"}),
            "exponent": ("exponent", np.arange(1, n_exponents + 1), number),
        },
        name="lyapunov_exponent",
        attrs={
            "long_name": name,
            "units": "nat/step",
            "n_steps": int(n_steps),
            "n_burn_in": int(n_burn_in),
        },
    )
