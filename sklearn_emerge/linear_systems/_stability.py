"""How many lags, and how many parameters, keep the risk per step bounded."""

import warnings
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, validate_params

from ..dynamics import (
    EIGENVALUE_TOLERANCE,
    check_detectable,
    check_observation,
    check_transition,
    observability,
    persistent_modes,
)

# Eigenvalues this close below modulus 1 may be 1 but for rounding.
_CLOSE = 1e-2
# Singular values below this share of the scale are rounding.
_ROUNDING = 1e-9


@validate_params(
    {"n_unstable": [Interval(Integral, 0, None, closed="left"), None]},
    prefer_skip_nested_validation=True,
)
def shortest_stable_length(A: ArrayLike, C: ArrayLike, *, n_unstable: int | None = None) -> int:
    r"""Return the shortest filter whose risk per step stays bounded as the horizon grows.

    The filter has to contain the modes that do not decay, :math:`|\lambda| \ge 1`. With
    :math:`E_u` their invariant subspace it is

    .. math:: h_c = \min \{h : \operatorname{rows}(C A^h E_u) \subseteq
        \operatorname{rowspace}(C E_u, C A E_u, \ldots, C A^{h-1} E_u)\},

    the observability index of those modes: their number, with multiplicity, if there is one
    channel, and less if several channels share the work.

    Parameters
    ----------
    A : float or array-like of shape (n_states, n_states)
        Transition matrix.
    C : float or array-like of shape (n_states,) or (n_channels, n_states)
        Observation matrix.
    n_unstable : int, default=None
        Number of modes that do not decay, if it is known. None counts eigenvalues of modulus
        above 1 - 1e-4: those of defective matrices are not computed more accurately.

    Returns
    -------
    int
        Length of the filter, 0 for a stable system.

    Raises
    ------
    ValueError
        If the matrices do not fit together or the pair is not detectable.

    Warns
    -----
    UserWarning
        If an eigenvalue is so close to modulus 1 that rounding may have put it below.

    Notes
    -----
    This length is that of the *normalised* risk :math:`\ell_T / T`. That of the total risk,
    `critical_filter_length`, is longer and grows with log T. The parameters of the filter, h_c
    times the squared number of channels, are linear in the number of modes.

    Examples
    --------
    >>> from sklearn_emerge.linear_systems import shortest_stable_length
    >>> shortest_stable_length(1.0, 1.0), shortest_stable_length(0.8, 1.0)
    (1, 0)
    >>> shortest_stable_length([[1.0, 1.0], [0.0, 1.0]], [1.0, 0.0])
    2
    """
    A = check_transition(A)
    C = check_observation(C, len(A))
    check_detectable(A, C)
    moduli = np.sort(np.abs(np.linalg.eigvals(A)))[::-1]
    if n_unstable is None:
        bound = 1 - EIGENVALUE_TOLERANCE
        close = moduli[(moduli >= 1 - _CLOSE) & (moduli < bound)]
        if len(close):
            warnings.warn(
                f"A has an eigenvalue of modulus {close[0]:.6g}, which counts as stable. If it is "
                "1 but for rounding, as eigenvalues of large Jordan blocks are, say how many do "
                "not decay: n_unstable=...",
                stacklevel=2,
            )
    elif n_unstable > len(A):
        raise ValueError(f"n_unstable={n_unstable} exceeds the {len(A)} states of A.")
    else:
        edges = np.concatenate([[np.inf], moduli, [-1.0]])
        bound = edges[n_unstable : n_unstable + 2].mean() if n_unstable else np.inf
    return observability(*persistent_modes(A, C, bound))[1]


def orbit_dimension(A: ArrayLike) -> int:
    r"""Return the dimension of the set of matrices similar to A.

    .. math:: d^2 - \dim \{X : A X = X A\} = \operatorname{rank}(I \otimes A - A^\top \otimes I).

    A closed smooth family of linear predictors with fewer parameters misses some of these
    matrices, and where no mode of A decays, its risk per step diverges on those. With modes that
    decay fewer can do: they need not be predicted.

    Parameters
    ----------
    A : float or array-like of shape (n_states, n_states)
        Transition matrix.

    Returns
    -------
    int
        The dimension.

    Raises
    ------
    ValueError
        If A is not a finite square matrix.

    Notes
    -----
    Theorem 3.1 of *State space models, emergence, and ergodicity* has the sum of squared
    multiplicities minus the sum of multiplicities of the modes that do not decay instead. That is
    right for one Jordan block alone: it says 2 for the 2 x 2 identity, which is similar to itself
    only (dimension 0), and 0 for two different eigenvalues (dimension 2).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.linear_systems import orbit_dimension
    >>> block = np.eye(4) + np.eye(4, k=1)
    >>> orbit_dimension(block), orbit_dimension(np.eye(2)), orbit_dimension(np.diag([1.0, 1.1]))
    (12, 0, 2)
    """
    A = check_transition(A)
    identity = np.eye(len(A))
    commutator = np.kron(identity, A) - np.kron(A.T, identity)
    # Relative to A itself: that of a multiple of the identity is nothing but rounding.
    return int(np.linalg.matrix_rank(commutator, tol=_ROUNDING * np.linalg.norm(A)))
