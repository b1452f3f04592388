"""Linear predictors with few parameters."""

from collections.abc import Callable
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lstsq, qr
from sklearn.utils._param_validation import Interval, StrOptions

from .._docs import fill_doc
from .._missing import is_observed
from .._random import substream
from .._typing import Floats, RandomState
from ._base import BasePredictor


@fill_doc
class RestrictedLinearPredictor(BasePredictor):
    r"""Predict the next state by a matrix of a family with few parameters.

    .. math:: \hat x_{t+1} = \hat A x_t, \qquad \hat A = \arg\min_{M \in \text{family}}
        \sum_t \| x_{t+1} - M x_t \|^2,

    over all training sequences together, without an intercept. For worlds whose states are
    observed.

    Parameters
    ----------
    family : {"block", "affine", "low_rank"}, default="block"
        "block": all of the leading `size` x `size` block, zero elsewhere. "affine":
        :math:`M_0 + \sum_{i \le size} \theta_i B_i` with given or random matrices. "low_rank":
        all matrices of rank up to `size` (reduced-rank regression).
    size : int, default=1
        Size of the block, number of :math:`\theta_i`, or rank.
    basis : array-like of shape (size, n_channels, n_channels), default=None
        Matrices :math:`B_i` of the affine family. None draws their entries from a standard normal
        distribution.
    origin : array-like of shape (n_channels, n_channels), default=None
        Matrix :math:`M_0` of the affine family; None is zero.
    likelihood : str, default="auto"
        %(likelihood)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std)s
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of a random basis.

    Attributes
    ----------
    transition_ : ndarray of shape (n_channels, n_channels)
        The matrix.
    n_parameters_ : int
        Dimension of the family: size^2, size, or size (2 n_channels - size).
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    References
    ----------
    %(state_space_models)s

    Examples
    --------
    >>> from sklearn_emerge import LinearSystemWorld, RestrictedLinearPredictor
    >>> world = LinearSystemWorld([[0.9, 0.2], [0.0, 0.5]], Q=1.0, R=0.0)
    >>> X = world.sample(500, random_state=0).X
    >>> RestrictedLinearPredictor("block", size=1).fit(X).transition_.round(1).tolist()
    [[0.9, 0.0], [0.0, 0.0]]
    >>> RestrictedLinearPredictor("low_rank", size=1).fit(X).n_parameters_
    3
    """

    takes_missing = True
    _parameter_constraints = {
        **BasePredictor._parameter_constraints,
        "family": [StrOptions({"block", "affine", "low_rank"})],
        "size": [Interval(Integral, 0, None, closed="left")],
        "basis": ["array-like", None],
        "origin": ["array-like", None],
        "random_state": ["random_state", np.random.SeedSequence],
    }

    def __init__(
        self,
        family: str = "block",
        size: int = 1,
        *,
        basis: ArrayLike | None = None,
        origin: ArrayLike | None = None,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.family = family
        self.size = size
        self.basis = basis
        self.origin = origin
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.random_state = random_state

    def _fit(self, X: Floats) -> None:
        n_channels = X.shape[2]
        past = self.fill_missing(X)[:, :-1].reshape(-1, n_channels)
        following = X[:, 1:].reshape(-1, n_channels)
        observed = is_observed(X)[:, 1:].ravel()
        if not observed.all():
            past, following = past[observed], following[observed]
        # The triangle has the inner products of the long matrices, and their accuracy.
        triangle = qr(np.hstack([past, following]), mode="r")[0][:n_channels].T
        self.transition_ = self.closest(triangle[:n_channels], triangle[n_channels:])
        self.n_parameters_ = self.count_parameters(n_channels)

    def _predict(self, X: Floats) -> Floats:
        return X @ self.transition_.T

    def count_parameters(self, n_channels: int) -> int:
        """Return the dimension of the family.

        Parameters
        ----------
        n_channels : int
            Number of states.

        Returns
        -------
        int
            size^2, size, or size (2 n_channels - size).
        """
        rank = min(self.size, n_channels)
        return {"block": rank**2, "affine": self.size, "low_rank": rank * (2 * n_channels - rank)}[
            self.family
        ]

    def closest(
        self,
        inputs: Floats,
        outputs: Floats,
        solve: Callable[[Floats, Floats], Floats] | None = None,
    ) -> Floats:
        """Return the matrix M of the family that minimises the norm of M inputs - outputs.

        Parameters
        ----------
        inputs, outputs : ndarray of shape (n_channels, n_columns)
            What M maps, and to what.
        solve : callable, default=None
            Returns the least-squares solution of (matrix, target); None is that of SciPy.

        Returns
        -------
        ndarray of shape (n_channels, n_channels)
            The matrix.

        Raises
        ------
        ValueError
            If `size`, `basis` or `origin` do not fit.
        """
        solve = _least_squares if solve is None else solve
        d = len(inputs)
        if self.family != "affine" and (self.basis is not None or self.origin is not None):
            raise ValueError(
                f"basis and origin belong to family='affine', not to family={self.family!r}; leave "
                "them None."
            )
        if self.family != "affine" and self.size > d:
            raise ValueError(
                f"size={self.size} is too large for family={self.family!r} of {d} x {d} matrices; "
                f"pass at most {d}."
            )
        if self.family == "block":
            found = np.zeros((d, d))
            k = self.size
            if k:
                found[:k, :k] = solve(inputs[:k].T, outputs[:k].T).T
            return found
        if self.family == "low_rank":
            found = solve(inputs.T, outputs.T).T
            leading = np.linalg.svd(found @ inputs, full_matrices=False)[0][:, : self.size]
            return leading @ leading.T @ found
        origin, basis = self._affine(d)
        if not self.size:
            return origin
        design = (basis @ inputs).reshape(self.size, -1).T
        theta = solve(design, (outputs - origin @ inputs).reshape(-1, 1))[:, 0]
        return origin + np.tensordot(theta, basis, axes=1)

    def _affine(self, d: int) -> tuple[Floats, Floats]:
        """Return origin and basis of the affine family after checking their shapes."""
        origin = np.zeros((d, d)) if self.origin is None else self.origin
        basis = self.basis
        if basis is None:
            rng = np.random.default_rng(substream(self.random_state, "basis"))
            basis = rng.standard_normal((self.size, d, d))
        arrays = []
        for name, value, shape in (("origin", origin, (d, d)), ("basis", basis, (self.size, d, d))):
            try:
                value = np.asarray(value, dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name}={value!r} is not made of numbers: {error}.") from error
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(
                    f"{name} must be finite and of shape {shape} for size={self.size} and {d} "
                    f"channels; got shape {value.shape}."
                )
            arrays.append(value)
        return arrays[0], arrays[1]


def _least_squares(matrix: Floats, target: Floats) -> Floats:
    solution: Floats = lstsq(matrix, target)[0]
    return solution
