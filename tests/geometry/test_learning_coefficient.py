"""Local learning coefficients that are known, and each of the reasons not to trust one."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emerge.geometry import hessian_top, local_learning_coefficient
from sklearn_emerge.geometry._chains import Chains
from sklearn_emerge.geometry._learning_coefficient import _scales
from sklearn_emerge.geometry._mixing import most_r_hat, split_r_hat
from sklearn_emerge.geometry._rows import evaluated


def said(found, text):
    """Return whether this is one of the reasons."""
    return any(text in reason for reason in found.reasons)


class Weights(nn.Module):
    """Numbers w that are called with inputs, and ignore them."""

    def __init__(self, *numbers):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(numbers, dtype=torch.float64))

    def forward(self, batch):
        return self.w


# Two equal rows, where the loss is that of the population.
SAME = torch.ones(2, 1, dtype=torch.float64)


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


# A quadratic loss of three weights, by the least of each row, with curvatures H.
H = torch.tensor([1.0, 0.5, 0.1], dtype=torch.float64)


def quadratic(module, batch):
    return ((module.w - batch) ** 2 * H / 2).sum(dim=-1)


def closed_form(rows, w, n_beta, localisation, step_size, rows_per_step, parts=(1, 1, 1)):
    """Coefficient of `quadratic`; a zero among parts leaves step size, rows or slope out."""
    h, rows = H.numpy(), rows.numpy()
    a = n_beta * h + localisation
    slope = h * (np.asarray(w) - rows.mean(axis=0))
    variance = h**2 * rows.var(axis=0, ddof=1) * (1 / rows_per_step - 1 / len(rows))
    of_step, of_rows, of_slope = parts
    spread = n_beta * h / (2 * a * (1 - of_step * step_size * a / 4))
    spread *= 1 + of_rows * step_size * n_beta**2 * variance / 4
    return (spread - of_slope * (n_beta * slope) ** 2 / a * (1 - n_beta * h / (2 * a))).sum()


AROUND_ZERO = normal(16, 3)
AROUND_ZERO -= AROUND_ZERO.mean(dim=0)
# Weights, localisation, step size, rows and number of a step, and what is wrong without a part.
QUADRATICS = {
    "step size": ((0.0, 0.0, 0.0), 20.0, 1.5e-2, 16, 30, (0, 1, 1)),
    "rows": ((0.0, 0.0, 0.0), 20.0, 5e-3, 4, 60, (1, 0, 1)),
    "slope": ((0.2, 0.3, 0.4), 20.0, 8e-3, 16, 40, (1, 1, 0)),
    "all": ((0.2, 0.3, 0.4), 20.0, 1e-2, 4, 40, (1, 0, 1)),
    "no localisation": ((0.0, 0.0, 0.0), 0.0, 1e-2, 16, 60, (0, 1, 1)),
}


@pytest.mark.parametrize("name", QUADRATICS)
def test_quadratic_has_the_coefficient_of_its_closed_form(name):
    w, localisation, step_size, rows_per_step, n_steps, without = QUADRATICS[name]
    found = local_learning_coefficient(
        Weights(*w),
        quadratic,
        AROUND_ZERO,
        localisation=localisation,
        step_size=step_size,
        rows_per_step=rows_per_step,
        n_chains=2000,
        n_burn_in=n_steps,
        n_draws=20,
        random_state=3,
    )
    options = (AROUND_ZERO, w, 100.0, localisation, step_size, rows_per_step)
    assert abs(found.value - closed_form(*options)) < 2 * found.standard_error
    assert abs(found.value - closed_form(*options, without)) > 4 * found.standard_error
    assert found.standard_error < 0.1
    assert found.top == pytest.approx(1.0)
    if localisation:
        assert found.relaxation == pytest.approx(2 / (step_size * localisation))
    else:  # Half the number of weights, but for the step size; and flat directions never relax.
        assert closed_form(*options, (0, 1, 1)) == pytest.approx(3 / 2)
        assert said(found, "fewer than 3 relaxation times of flat directions, inf steps each")


@pytest.mark.parametrize("k", [1, 2, 3])
def test_powers_have_half_the_inverse_of_theirs(k):
    found = local_learning_coefficient(
        Weights(0.0),
        lambda module, batch: module.w ** (2 * k) * batch[:, 0],
        SAME,
        localisation=0.0,
        step_size={1: 4e-4, 2: 1e-3, 3: 2e-3}[k],
        n_chains=2000,
        n_burn_in=100,
        n_draws=60,
        random_state=0,
    )
    assert found.value == pytest.approx(1 / (2 * k), abs=0.02)


def product_coefficient(n_beta):
    """Return the coefficient of (ab)^2 under a prior N(0, 1), by quadrature."""
    at = np.linspace(-8, 8, 4001)
    # Of a given b, a is Gaussian with precision 1 + 2 n_beta b^2.
    precision = 1 + 2 * n_beta * at**2
    weight = np.exp(-(at**2) / 2) / np.sqrt(precision)
    return n_beta * (weight * at**2 / precision).sum() / weight.sum()


def test_a_product_has_the_coefficient_of_its_quadrature():
    assert product_coefficient(100) == pytest.approx(0.3542, abs=5e-4)
    found = local_learning_coefficient(
        Weights(0.0, 0.0),
        lambda module, batch: (module.w[0] * module.w[1]) ** 2 * batch[:, 0],
        SAME,
        n_beta=10.0,
        localisation=1.0,
        step_size=1e-2,
        n_chains=2000,
        n_burn_in=300,
        n_draws=50,
        random_state=0,
    )
    assert found.value == pytest.approx(product_coefficient(10), abs=0.02)


class TwoLayers(nn.Module):
    """The map BA of rank r, from M inputs through H to N outputs."""

    def __init__(self, M, H, N, r):
        super().__init__()
        self.A = nn.Parameter(torch.eye(H, M, dtype=torch.float64))
        self.B = nn.Parameter(torch.eye(N, H, dtype=torch.float64))
        with torch.no_grad():
            self.A[r:] = 0
            self.B[:, r:] = 0

    def forward(self, inputs):
        return inputs @ self.A.T @ self.B.T


def squared(module, batch):
    return ((module(batch[0]) - batch[1]) ** 2).sum(dim=-1) / 2


def reduced_rank(M, H, N, r):
    """Return the learning coefficient and its multiplicity (Aoyagi and Watanabe, 2005)."""
    if N + r > M + H:
        return (H * M - H * r + N * r) / 2, 1
    if M + r > N + H:
        return (H * N - H * r + M * r) / 2, 1
    if H + r > M + N:
        return M * N / 2, 1
    odd = (M + H + N + r) % 2
    size = (H + r) ** 2 + M**2 + N**2 - 2 * (H + r) * (M + N) - 2 * M * N
    return (odd - size) / 8, 1 + odd


# A second or two each. The first has no singular direction, and relaxes within short steps. Of the
# last two the free energy has a ln ln n, which takes 1 / ln n_beta = 0.11 from the coefficient of
# the table; the size of their steps adds up to 4%.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "known", "multiplicity", "stiffness", "n_burn_in"),
    [
        ((4, 2, 4, 2), 6, 1, 0.1, 600),
        ((4, 4, 4, 2), 7.5, 1, 0.2, 1500),
        ((4, 2, 4, 1), 5, 2, 0.3, 1500),
        ((3, 2, 3, 1), 3.5, 2, 0.3, 1500),
    ],
)
def test_reduced_rank_regression_has_the_coefficient_of_its_table(
    shape, known, multiplicity, stiffness, n_burn_in
):
    assert reduced_rank(*shape) == (known, multiplicity)
    module, n_beta = TwoLayers(*shape), 1e4
    inputs = shape[0] ** 0.5 * torch.eye(shape[0], dtype=torch.float64)
    found = local_learning_coefficient(
        module,
        squared,
        (inputs, module(inputs).detach()),
        n_beta=n_beta,
        localisation=1.0,
        step_size=stiffness / (2 * n_beta),
        n_chains=256,
        n_burn_in=n_burn_in,
        n_draws=500,
        random_state=0,
    )
    assert found.value == pytest.approx(known, abs=0.15)


def test_rms_preconditioner_changes_the_steps_and_not_the_distribution():
    rows = AROUND_ZERO * torch.tensor([0.1, 1.0, 10.0])  # Of unequal gradients.
    w, step_size = (0.0, 0.0, 0.0), 1.5e-2
    found = local_learning_coefficient(
        Weights(*w),
        quadratic,
        rows,
        localisation=20.0,
        rows_per_step=8,
        step_size=step_size,
        preconditioner="rmsprop",
        n_chains=2000,
        n_burn_in=40,
        n_draws=20,
        random_state=0,
    )
    with evaluated(Weights(*w)) as module:
        (scales,) = _scales(module, quadratic, rows, 8, [module.w.requires_grad_(True)])
    steps = step_size * scales.numpy() ** 2
    exact = closed_form(rows, w, 100.0, 20.0, steps, 8)
    assert steps.max() > 2 * steps.min()
    assert abs(found.value - exact) < 2 * found.standard_error
    others = closed_form(rows, w, 100.0, 20.0, step_size, 8)
    assert abs(found.value - others) > 4 * found.standard_error


def test_rms_preconditioner_shortens_steps_where_gradients_are_large():
    # Gradients s = 3, 1 in all rows, of which the mean is 2: factors 2/5 and 2/3 of the curvatures.
    def loss(module, batch):
        return (module.w * torch.tensor([3.0, 1.0])).sum() * batch[:, 0] + (module.w**2).sum() / 2

    options = dict(step_size=1e-3, localisation=10.0, n_burn_in=0, n_draws=4, random_state=0)
    found = local_learning_coefficient(
        Weights(0.0, 0.0), loss, SAME, preconditioner="rmsprop", **options
    )
    assert found.top == pytest.approx(2 / 3)
    assert found.relaxation == pytest.approx(2 / (1e-3 * 10 * (2 / 5 + 2 / 3) / 2))
    # Without gradients it is none.
    plain, scaled = (
        local_learning_coefficient(
            Weights(0.0), lambda m, b: m.w**2 * b[:, 0], SAME, preconditioner=kind, **options
        ).draws
        for kind in (None, "rmsprop")
    )
    assert (plain == scaled).all()


# Linear regression with an offset of its targets, at its minimum.
INPUTS, NOISE = normal(256, 3, seed=1), normal(256, seed=2)


def regression():
    module = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.weight[:] = torch.linalg.lstsq(INPUTS, NOISE[:, None]).solution.T
    return module


def half_squared(module, batch):
    return (module(batch[0])[:, 0] - batch[1]) ** 2 / 2


def coefficient(module=None, loss=half_squared, batch=(INPUTS, NOISE), **options):
    options = {"localisation": 100.0, "random_state": 1} | options
    return local_learning_coefficient(module or regression(), loss, batch, **options)


def test_at_a_minimum_with_the_defaults_it_is_trusted():
    found = coefficient(blind_loss=1e3)
    assert found.trusted, found.reasons
    top = hessian_top(regression(), half_squared, (INPUTS, NOISE)).value
    assert found.step_size == pytest.approx(0.4 / (100 * top + 100))
    assert found.n_burn_in == np.ceil(3 * found.relaxation)
    assert found.draws.shape == (4, np.ceil(10 * found.relaxation))
    assert found.value == pytest.approx(found.chains.mean())
    assert found.value == pytest.approx(100 * found.rise)
    assert found.standard_error == pytest.approx(found.chains.std(ddof=1) / 2)
    assert found.r_hat == split_r_hat(found.draws)


@pytest.mark.slow
def test_at_a_minimum_few_are_not_trusted():
    found = [coefficient(random_state=seed) for seed in range(60)]
    assert sum(not one.trusted for one in found) <= 6  # One in twenty, by chance.


@pytest.mark.slow
def test_the_standard_error_is_how_much_coefficients_vary_over_streams():
    found = [coefficient(random_state=seed, n_burn_in=10, n_draws=20) for seed in range(100)]
    error = np.sqrt(np.mean([one.standard_error**2 for one in found]))
    assert np.std([one.value for one in found]) == pytest.approx(error, rel=0.25)


def test_a_stiff_direction_for_the_step_size_is_a_reason():
    found = coefficient(step_size=0.8 / 200)
    assert said(found, "step size times the largest curvature")


def test_a_localisation_that_is_stiffer_than_the_loss_is_a_reason():
    """By the closed form it then halves, at least, what every direction contributes."""
    top = hessian_top(regression(), half_squared, (INPUTS, NOISE)).value
    for factor, there in ((2.0, True), (0.5, False)):
        found = coefficient(localisation=factor * 100 * top)
        kinds = [reason.kind for reason in found.reasons]
        assert ("only_localisation" in kinds) == there
        assert (found.value < 3 / 4) == there
    found = coefficient(localisation=200 * top, preconditioner="rmsprop")
    assert said(found, "the coefficient is that of the localisation")


def test_a_steep_direction_of_short_steps_is_stiffer_than_the_localisation():
    """Gradients of rows are large along the first weight: steps are long along the second."""
    signs = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(64)[:, None]

    def loss(module, batch):
        first, second = module.w
        return 50 * (first - batch[:, 0]) ** 2 + 22.5 * second**2

    options = dict(rows_per_step=16, preconditioner="rmsprop", n_burn_in=0, n_draws=4)
    for localisation, there in ((6000.0, False), (20_000.0, True)):
        found = coefficient(Weights(0.0, 0.0), loss, signs, localisation=localisation, **options)
        assert found.top < 50
        assert ("only_localisation" in [reason.kind for reason in found.reasons]) == there


def test_a_short_burn_in_and_few_draws_are_reasons():
    found = coefficient(n_burn_in=20)
    assert said(found, "Burn-in has 20 steps, fewer than 3 relaxation times")
    found = coefficient(n_draws=40)
    assert said(found, "Chains have 40 steps, fewer than 5 relaxation times")


def hump(tilt):
    """A hump in the middle of two valleys, of which one is deeper if there is a tilt."""

    def loss(module, batch):
        w = module.w[0]
        return (tilt * w - w**2 + w**4 / 50) * batch[:, 0]

    return loss


HUMP = dict(module=Weights(0.0), batch=SAME, localisation=1.0, step_size=2e-3, n_draws=100)


def test_chains_that_fall_from_a_hump_are_a_reason():
    found = coefficient(loss=hump(0.0), n_burn_in=0, **HUMP)
    assert said(found, "The loss still falls along chains")


def test_chains_that_do_not_agree_are_a_reason():
    found = coefficient(loss=hump(0.1), n_burn_in=50, **HUMP)
    assert np.ptp(found.chains) > 50  # There are some in each valley.
    assert said(found, f"split R-hat is {found.r_hat:.3f}, above {most_r_hat(4, 5):.3f}")


def test_noise_of_rows_is_a_reason():
    found = coefficient(rows_per_step=4)
    assert said(found, "noise of the rows")
    assert not said(coefficient(rows_per_step=256), "noise of the rows")


def test_weights_at_no_minimum_are_a_reason_with_the_gradient():
    module = regression()
    with torch.no_grad():
        module.weight += 0.5
    found = coefficient(module)
    assert found.value < 0
    error = (INPUTS @ module.weight[0] - NOISE).detach().numpy()
    gradient = INPUTS.numpy().T @ error / 256
    expected = 100**2 * (gradient**2).sum() / 100
    assert said(found, f"no minimum: n_beta^2 |gradient|^2 / localisation is {expected:.3g}")


def test_a_loss_that_rises_far_towards_that_of_a_blind_guess_is_a_reason():
    loss = float((NOISE**2).mean() / 2)
    found = coefficient(blind_loss=loss)
    assert said(found, "is not local")
    left = loss - half_squared(regression(), (INPUTS, NOISE)).mean().item()
    assert said(found, f"a quarter of the {left:.3g}")


def test_a_network_that_is_no_better_than_a_blind_guess_is_a_reason():
    loss = half_squared(regression(), (INPUTS, NOISE)).mean().item()
    found = coefficient(blind_loss=loss - 0.125)
    assert said(found, "The loss is 0.125 above that of a blind guess")


def test_chains_that_are_not_finite_are_a_reason():
    found = coefficient(
        Weights(0.0),
        lambda module, batch: module.w**6 * batch[:, 0],
        SAME,
        step_size=0.03,
        n_beta=1e4,
        n_burn_in=0,
        n_draws=100,
    )
    assert np.isnan(found.value)
    assert said(found, "Chains left the range of finite numbers.")


class Once(torch.autograd.Function):
    """A square that loses its second derivative without an error."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values**2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2 * ctx.saved_tensors[0].detach()


def test_a_curvature_that_is_lost_without_an_error_is_a_reason():
    found = coefficient(loss=lambda module, batch: Once.apply(half_squared(module, batch)))
    assert found.reasons[0].kind == "derivatives_differ"


class Branching(nn.Module):
    """A linear map that asks for the value of a weight, which vmap does not know."""

    def __init__(self, asks):
        super().__init__()
        self.linear = regression()
        self.asks = asks

    def forward(self, inputs):
        if self.asks and self.linear.weight[0, 0].item() > 1e9:
            return inputs
        return self.linear(inputs)


def test_modules_that_vmap_does_not_know_give_the_same():
    options = dict(n_burn_in=2, n_draws=4)
    found, known = (coefficient(Branching(asks), **options).draws for asks in (True, False))
    assert found == pytest.approx(known)


@pytest.mark.parametrize("error", [KeyError("a"), TypeError("b"), RuntimeError("c")], ids=repr)
def test_errors_of_a_loss_are_raised_as_they_are(error, monkeypatch):
    steps, of_chain = [], Chains._of_chain

    def noted(chains, *arguments):
        steps.append(1)
        return of_chain(chains, *arguments)

    def loss(module, batch):
        if steps:
            raise error
        return half_squared(module, batch)

    monkeypatch.setattr(Chains, "_of_chain", noted)

    with pytest.raises(type(error)) as raised:
        coefficient(loss=loss, n_burn_in=2, n_draws=4)
    assert raised.value is error
    # Only those that vmap could have raised are tried again.
    assert len(steps) == 1 + isinstance(error, RuntimeError)


def test_batches_of_a_dictionary_are_taken():
    def loss(module, batch):
        return half_squared(module, (batch["inputs"], batch["targets"]))

    batch = {"inputs": INPUTS, "targets": NOISE}
    options = dict(n_burn_in=2, n_draws=4)
    found = coefficient(loss=loss, batch=batch, **options).draws
    assert found == pytest.approx(coefficient(**options).draws)


def test_the_module_and_global_random_numbers_are_left_alone():
    module = nn.Sequential(regression(), nn.Dropout(0.5)).train()
    module[0].weight.grad = torch.ones(1, 3, dtype=torch.float64)
    module[0].weight.requires_grad_(False)
    before = module[0].weight.clone()
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = coefficient(module, n_draws=10)
    assert module[1].training
    assert (module[0].weight.grad == 1).all()
    assert not module[0].weight.requires_grad
    assert (module[0].weight == before).all()
    assert (torch.get_rng_state() == states[0]).all()
    assert (np.random.get_state()[1] == states[1]).all()
    torch.manual_seed(1)
    assert (coefficient(module, n_draws=10).draws == first.draws).all()
    assert (coefficient(module, n_draws=10, random_state=2).draws != first.draws).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_size": 1.0}, "step_size=1 is not stable.*Pass 'auto', here 0.00"),
        ({"step_size": 0.0}, "step_size=0.0"),
        ({"step_size": "fast"}, "step_size='fast'"),
        ({"n_beta": 0.0}, "n_beta=0.0"),
        ({"localisation": -1.0}, "localisation=-1.0"),
        ({"localisation": 0.0}, "n_burn_in='auto' would be inf steps"),
        ({"blind_loss": np.nan}, "blind_loss=nan"),
        ({"blind_loss": "low"}, "blind_loss='low' is not a finite number"),
        ({"n_beta": None}, "n_beta=None is not a positive number"),
        ({"step_size": None}, "step_size=None is neither 'auto' nor"),
        ({"preconditioner": "adam"}, "preconditioner='adam'"),
        ({"n_chains": 1}, "n_chains"),
        ({"n_chains": "auto"}, "n_chains"),
        ({"n_burn_in": -1}, "n_burn_in"),
        ({"n_draws": 3}, "n_draws"),
        ({"rows_per_step": 0}, "rows_per_step"),
        ({"batch": (INPUTS[:1], NOISE[:1])}, "1 row"),
        ({"batch": (INPUTS, NOISE * torch.nan)}, "not finite in 256 of 256 rows"),
        ({"loss": lambda m, b: m(b[0])[:, 0].detach()}, "no gradient"),
        ({"loss": lambda m, b: (m(b[0]) - m(b[0]).mean())[:, 0] ** 2}, "the rows around it"),
        ({"loss": lambda m, b: m(b[0])[:, 0], "localisation": 0.0}, "step_size='auto' needs a"),
    ],
)
def test_arguments_out_of_range_are_named_before_chains_run(options, message):
    with pytest.raises(ValueError, match=message):
        coefficient(**options)
