"""Local learning coefficient: how much volume lies near the weights of a network, at low loss."""

from dataclasses import dataclass, field, replace
from math import ceil
from numbers import Real
from time import perf_counter
from typing import Any, Literal

import numpy as np
import torch

from .._docs import fill_doc
from .._random import substream
from .._typing import Floats, RandomState
from .._validation import check_integer
from ._chains import Chains, Dynamics
from ._curvature import Curvature
from ._estimate import Estimate
from ._mixing import split_r_hat, unsettled
from ._reasons import Reason
from ._rows import Loss, as_rows, evaluated, rows_at

# Step size times the largest curvature that "auto" takes, that is trusted, and that is stable.
_AUTO, _TRUSTED, _STABLE = 0.4, 0.5, 4.0
# Relaxation times of burn-in and of draws, at least; the latter twice with "auto".
_BURN_IN, _DRAWS = 3, 5
# Steps of a chain that "auto" does not exceed.
_MOST = 100_000
# Relative error of the largest eigenvalue.
_TOL = 1e-2
_MOST_NOISE = 0.1
_MOST_RISE = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningCoefficient(Estimate):
    """A local learning coefficient, and what it depends on.

    Attributes
    ----------
    value : float
        The coefficient, without unit; NaN if chains left the range of finite numbers.
    standard_error : float
        Of `value`, over chains, for these rows.
    n : int
        Rows that it was computed from.
    cost : float
        Wall-clock time that it took, in seconds.
    reasons : tuple of str
        Why `value` is not to be trusted, one sentence each.
    n_beta : float
        Factor of the mean loss. Only coefficients of the same are to be compared.
    localisation : float
        Precision of the Gaussian around the weights. Only coefficients of the same are to be
        compared.
    step_size : float
        That was taken, squared units of the parameters.
    top : float
        Largest eigenvalue of the Hessian, after the preconditioner.
    relaxation : float
        Steps that a flat direction takes to forget where it started.
    n_burn_in : int
        Steps that were left out.
    r_hat : float
        How much the halves of chains differ, 1 if they do not.
    rise : float
        By how much the loss rises on average, in its own units.
    chains : ndarray of shape (n_chains,)
        The coefficient of each chain.
    draws : ndarray of shape (n_chains, n_draws)
        By how much the loss of the rows of a step was higher than at the weights, in order.
    """

    n_beta: float
    localisation: float
    step_size: float
    top: float
    relaxation: float
    n_burn_in: int
    r_hat: float
    rise: float
    chains: Floats
    draws: Floats = field(repr=False)


@fill_doc
def local_learning_coefficient(
    module: torch.nn.Module,
    loss: Loss,
    batch: Any,
    *,
    n_beta: float = 100.0,
    localisation: float = 3000.0,
    step_size: float | Literal["auto"] = "auto",
    n_chains: int = 4,
    n_burn_in: int | Literal["auto"] = "auto",
    n_draws: int | Literal["auto"] = "auto",
    rows_per_step: int = 128,
    preconditioner: Literal["rmsprop"] | None = None,
    blind_loss: float | None = None,
    random_state: RandomState = None,
) -> LearningCoefficient:
    r"""Return the local learning coefficient of a network on rows.

    .. math:: \lambda = n\beta \, \bigl(E[L(w)] - L(w^*)\bigr), \qquad
        w \sim \exp\Bigl(-n\beta L(w) - \frac{\gamma}{2} |w - w^*|^2\Bigr)

    with the mean loss L of the rows, the weights :math:`w^*` of the network, and the localisation
    :math:`\gamma`, by chains of stochastic gradient Langevin dynamics (Lau et al., 2023). The
    module is not changed.

    Parameters
    ----------
    module : torch.nn.Module
        %(module_of_geometry)s
    loss : callable
        %(loss_of_rows)s
    batch : tensor, tuple, list or dict of tensors, or DataLoader
        %(batch_of_rows)s
    n_beta : float, default=100.0
        Factor of the mean loss of a row. Theory asks for n / ln n, which no network bears that is
        still being trained.
    localisation : float, default=3000.0
        Precision of the Gaussian around the weights: only directions whose curvature is larger than
        ``localisation / n_beta`` count.
    step_size : float or "auto", default="auto"
        Variance of the noise of a step. "auto" is 0.4 over the largest curvature, ``n_beta * top +
        localisation``; 4 over it is unstable.
    n_chains : int, default=4
        Independent chains, two or more.
    n_burn_in : int or "auto", default="auto"
        First steps of each chain that are left out. "auto" is three relaxation times.
    n_draws : int or "auto", default="auto"
        Steps of each chain that are averaged over, four or more. "auto" is ten relaxation times.
    rows_per_step : int, default=128
        Rows of which a step has the gradient and the loss, drawn anew for each step and chain; all
        rows if there are no more.
    preconditioner : {"rmsprop"} or None, default=None
        "rmsprop" shortens steps of parameters p whose gradients are large: by the factor :math:`m /
        (m + s_p)`, with the root mean square :math:`s_p` of gradients at the weights, over steps of
        `rows_per_step` rows, and its mean m over parameters. It changes how fast chains are, and
        not the coefficient.
    blind_loss : float or None, default=None
        Mean loss of the best guess that does not see inputs. With it chains that have left the
        basin of the network are noticed.
    random_state : int, SeedSequence, Generator, RandomState or None, default=None
        Stream of rows and noise.

    Returns
    -------
    LearningCoefficient
        With its standard error over chains, and why it is not to be trusted, if it is not.

    Raises
    ------
    ValueError
        If there are fewer than two rows, the loss is not one finite number a row, it has no second
        derivative, that of a row changes with the rows around it, the step size is unstable, or an
        argument is out of range.

    See Also
    --------
    hessian_top : The largest curvature.

    Notes
    -----
    A step is

    .. math:: w \leftarrow w - \frac{\varepsilon}{2} \bigl(n\beta \nabla L_b(w) + \gamma (w - w^*)
        \bigr) + N(0, \varepsilon)

    with the mean loss :math:`L_b` of the rows of a step. The losses at w and at :math:`w^*` are of
    the same rows. Near a minimum with curvatures :math:`h_i` the result is

    .. math:: \sum_i \frac{n\beta h_i}{2 a_i (1 - \varepsilon a_i / 4)} \Bigl(1 + \frac{\varepsilon
        (n\beta)^2 v_i}{4}\Bigr), \qquad a_i = n\beta h_i + \gamma

    with the variances :math:`v_i` of the gradient of a step: half the number of parameters only if
    the localisation is weak, steps are short, and rows are many. A direction along which the loss
    still falls at the weights makes it smaller, down to negative values.

    `reasons` says if: the largest curvature, by which steps are judged, is another one by the
    difference of two gradients; the step size times the largest curvature exceeds 0.5; burn-in or
    draws are shorter than three or five relaxation times of flat directions, :math:`2 /
    (\varepsilon \gamma)` steps, with the mean factor of the preconditioner if there is one; the
    split R-hat of the loss exceeds 1.05 and what sound chains of this length exceed in one of
    hundred cases; a line through eighths of chains rises or falls (p < 0.01); the noise of rows
    adds more than a tenth along the stiffest direction; the result is below zero by more than two
    standard errors; the loss rises by more than a quarter of what is left to `blind_loss`, or
    nothing is left; chains are not finite; or no curvature is above ``localisation / n_beta``, so
    that none counts.

    Sound chains as long as "auto" makes them are not trusted by chance in at most one of twenty
    cases: in 0 to 5% of 400 simulations each of quadratic losses with 1, 3 and 20 directions, and
    from 0.1 to 15 times as stiff as the localisation; below it for that alone. With five slow
    directions, which need 20 times as long as others, 98% of chains are not trusted; with one, 83
    to 90%. Chains that are slower by less, such as by five, are found less often, and so are those
    whose slow directions contribute less than the noise. The standard error is that over chains,
    without what the size of the steps adds, see the formula.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.geometry import local_learning_coefficient
    >>> module = torch.nn.Linear(4, 1, bias=False)
    >>> def loss(module, batch):
    ...     inputs, targets = batch
    ...     return (module(inputs)[:, 0] - targets) ** 2
    >>> inputs = 2 * torch.eye(4)
    >>> batch = inputs, module(inputs)[:, 0].detach()
    >>> found = local_learning_coefficient(
    ...     module, loss, batch, localisation=30.0, random_state=0
    ... )
    >>> abs(found.value - 4 / 2) < 0.3, found.trusted
    (True, True)
    """
    start = perf_counter()
    check_coefficient(
        n_beta,
        localisation,
        step_size,
        n_chains,
        n_burn_in,
        n_draws,
        rows_per_step,
        preconditioner,
        blind_loss,
    )
    batch, n = as_rows(batch)
    if n < 2:
        raise ValueError(f"batch has {n} row(s), and at least 2 are needed. Pass more rows.")
    stream = substream(random_state, "learning coefficient")
    rows_per_step = min(rows_per_step, n)
    with evaluated(module) as copy:
        curvature = Curvature(copy, loss, batch)
        scales = None
        if preconditioner is not None:
            scales = _scales(copy, loss, batch, rows_per_step, curvature.parameters)
        scale = np.ones(curvature.n_parameters) if scales is None else _joined(scales)
        top = curvature.extreme("LA", _TOL, scale)
        stiffest = n_beta * max(top.value, 0.0) + localisation * (scale**2).max()
        step_size = _step_size(step_size, stiffest, top.n_products)
        relaxation = np.inf
        if localisation > 0:
            relaxation = float(2 / (step_size * localisation * (scale**2).mean()))
        n_burn_in = _n_steps(n_burn_in, "n_burn_in", _BURN_IN * relaxation)
        n_draws = _n_steps(n_draws, "n_draws", 2 * _DRAWS * relaxation)
        noise, steepest = 0.0, scale * top.vector
        if rows_per_step < n:
            of_rows = curvature.row_variance(steepest)
            noise = step_size * n_beta**2 / 4 * of_rows * (1 / rows_per_step - 1 / n)
        norm = float(np.linalg.norm(steepest))
        steepness = top.value / norm**2
        mismatch = curvature.mismatch(steepest / norm, steepness)
        if scales is not None and n_beta * steepness < localisation:
            # Steps along a direction that is steeper still can be so much shorter.
            steepness = curvature.extreme("LA", _TOL).value
        losses, slope = curvature.losses, float(curvature.gradient @ curvature.gradient)
        del curvature  # Its graph takes memory.
        dynamics = Dynamics(
            n_beta=n_beta,
            localisation=localisation,
            step_size=step_size,
            rows_per_step=rows_per_step,
        )
        chains = Chains(copy, loss, batch, losses, n_chains, dynamics, stream, scales)
        draws = chains.run(n_burn_in, n_draws)
    coefficients = n_beta * draws.mean(axis=1)
    value = float(coefficients.mean())
    found = LearningCoefficient(
        value=value,
        standard_error=float(coefficients.std(ddof=1) / np.sqrt(n_chains)),
        n=n,
        cost=perf_counter() - start,
        n_beta=n_beta,
        localisation=localisation,
        step_size=step_size,
        top=top.value,
        relaxation=relaxation,
        n_burn_in=n_burn_in,
        r_hat=split_r_hat(draws) if np.isfinite(value) else float("nan"),
        rise=value / n_beta,
        chains=coefficients,
        draws=draws,
    )
    left = None if blind_loss is None else blind_loss - float(losses.double().mean())
    reasons = _reasons(found, step_size * stiffest, noise, slope, left)
    if n_beta * steepness < localisation:
        reasons.append(
            Reason(
                "only_localisation",
                f"No curvature of the loss is above {steepness:.3g}, and only those above "
                f"localisation / n_beta, {localisation / n_beta:.3g}, count: the coefficient is "
                "that of the localisation. Pass a smaller one, or a larger n_beta.",
            )
        )
    # Steps are as long as this curvature allows.
    reasons[:0] = mismatch
    return replace(found, reasons=tuple(reasons), cost=perf_counter() - start)


def check_coefficient(
    n_beta: float,
    localisation: float,
    step_size: float | str,
    n_chains: int,
    n_burn_in: int | str,
    n_draws: int | str,
    rows_per_step: int,
    preconditioner: str | None,
    blind_loss: float | None,
) -> None:
    """Raise a ValueError unless these are arguments of `local_learning_coefficient`."""
    if not (isinstance(n_beta, Real) and 0 < n_beta < np.inf):
        raise ValueError(f"n_beta={n_beta!r} is not a positive number. Pass one, such as 100.")
    if not (isinstance(localisation, Real) and 0 <= localisation < np.inf):
        raise ValueError(
            f"localisation={localisation!r} is not a number from 0 on. Pass one, such as 3000."
        )
    if blind_loss is not None and not (isinstance(blind_loss, Real) and np.isfinite(blind_loss)):
        raise ValueError(
            f"blind_loss={blind_loss!r} is not a finite number. Pass the mean loss of a row of a "
            "guess that does not see inputs, or None."
        )
    if preconditioner not in (None, "rmsprop"):
        raise ValueError(f"preconditioner={preconditioner!r} is neither 'rmsprop' nor None.")
    if step_size != "auto" and not (isinstance(step_size, Real) and 0 < step_size < np.inf):
        raise ValueError(f"step_size={step_size!r} is neither 'auto' nor a positive number.")
    for name, number, least in (
        ("n_chains", n_chains, 2),
        ("n_burn_in", n_burn_in, 0),
        ("n_draws", n_draws, 4),
        ("rows_per_step", rows_per_step, 1),
    ):
        if number != "auto" or name in ("n_chains", "rows_per_step"):
            check_integer(number, name, least)


def _step_size(step_size: float | str, stiffest: float, n_products: int) -> float:
    """Return a step size, or raise a ValueError if it is not stable."""
    if np.isnan(stiffest):
        raise ValueError(
            "The largest eigenvalue of the Hessian, by which step_size is judged, did not converge "
            f"in {n_products} products. Pass more rows in batch."
        )
    if step_size == "auto":
        if not stiffest > 0:
            raise ValueError(
                "step_size='auto' needs a curvature, and the loss has none at these weights. Pass "
                "a localisation above 0, or a number as step_size."
            )
        return float(_AUTO / stiffest)
    step_size = float(step_size)
    if step_size * stiffest >= _STABLE:
        raise ValueError(
            f"step_size={step_size:.3g} is not stable: times the largest curvature, {stiffest:.3g},"
            f" it is not below {_STABLE:g}. Pass 'auto', here {_AUTO / stiffest:.3g}."
        )
    return step_size


def _n_steps(number: int | str, name: str, enough: float) -> int:
    """Return a number of steps; "auto" is enough, if that is affordable."""
    if number != "auto":
        return int(number)
    if not enough <= _MOST:
        raise ValueError(
            f"{name}='auto' would be {enough:.3g} steps. Pass preconditioner='rmsprop' or a "
            f"larger localisation, with which flat directions relax sooner, or a number as {name}."
        )
    return max(4, ceil(enough))


def _scales(
    module: torch.nn.Module,
    loss: Loss,
    batch: Any,
    rows_per_step: int,
    parameters: list[torch.Tensor],
) -> list[torch.Tensor]:
    """Return of each parameter the root of what its steps are multiplied by."""
    n = as_rows(batch)[1]
    squares = [torch.zeros_like(p, requires_grad=False) for p in parameters]
    # Rows may be sorted.
    order = torch.from_numpy(np.random.default_rng(substream(0, "steps")).permutation(n))
    steps = [part for part in order.split(rows_per_step) if len(part) == rows_per_step]
    for part in steps:
        gradients = torch.autograd.grad(
            loss(module, rows_at(batch, part)).mean(),
            parameters,
            allow_unused=True,
            materialize_grads=True,
        )
        for square, gradient in zip(squares, gradients, strict=True):
            square += gradient**2 / len(steps)
    typical = float(_joined([square.sqrt() for square in squares]).mean())
    if typical == 0:  # All rows are at their minimum.
        return [torch.ones_like(square) for square in squares]
    return [(typical / (typical + square.sqrt())).sqrt() for square in squares]


def _joined(tensors: list[torch.Tensor]) -> Floats:
    return torch.cat([tensor.double().cpu().ravel() for tensor in tensors]).numpy()


def _reasons(
    found: LearningCoefficient, stiffness: float, noise: float, slope: float, left: float | None
) -> list[Reason]:
    """Return why a coefficient is not to be trusted.

    Parameters
    ----------
    found : LearningCoefficient
        Without reasons.
    stiffness : float
        Step size times the largest curvature.
    noise : float
        Share that the noise of rows adds along the stiffest direction.
    slope : float
        Squared norm of the gradient at the weights.
    left : float or None
        From the loss of the network to that of a blind guess.
    """
    reasons = []
    if stiffness > _TRUSTED:
        reasons.append(
            Reason(
                "large_step",
                f"The step size times the largest curvature is {stiffness:.2g}, above {_TRUSTED}, "
                "which makes the coefficient too large.",
            )
        )
    n_draws = found.draws.shape[1]
    for kind, what, n_steps, least in (
        ("short_burn_in", "Burn-in has", found.n_burn_in, _BURN_IN),
        ("short_chains", "Chains have", n_draws, _DRAWS),
    ):
        if n_steps < least * found.relaxation:
            reasons.append(
                Reason(
                    kind,
                    f"{what} {n_steps} steps, fewer than {least} relaxation times of flat "
                    f"directions, {found.relaxation:.3g} steps each.",
                )
            )
    if noise > _MOST_NOISE:
        reasons.append(
            Reason(
                "noise_of_rows",
                f"The noise of the rows of a step adds {noise:.2g} of what the stiffest direction "
                f"contributes, more than {_MOST_NOISE}.",
            )
        )
    if not np.isfinite(found.value):
        reasons.append(Reason("not_finite", "Chains left the range of finite numbers."))
        return reasons
    # Shorter chains are not trusted as it is.
    n_relaxations = max(n_draws / found.relaxation, _DRAWS)
    reasons += unsettled(found.draws, found.r_hat, n_relaxations)
    if found.value < -2 * found.standard_error:
        reasons.append(
            Reason(
                "no_minimum",
                "The coefficient is negative, since the weights are at no minimum: n_beta^2 "
                f"|gradient|^2 / localisation is "
                f"{_ratio(found.n_beta**2 * slope, found.localisation):.3g}.",
            )
        )
    if left is not None and left <= 0:
        reasons.append(
            Reason(
                "above_blind",
                f"The loss is {-left:.3g} above that of a blind guess, so that nothing tells "
                "whether chains are local.",
            )
        )
    elif left is not None and found.rise > _MOST_RISE * left:
        reasons.append(
            Reason(
                "not_local",
                f"The loss rises by {found.rise:.3g}, more than a quarter of the {left:.3g} that "
                "are left to a blind guess, so that it is not local.",
            )
        )
    return reasons


def _ratio(first: float, second: float) -> float:
    return first / second if second > 0 else float("inf")
