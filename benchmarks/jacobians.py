"""How much faster Jacobians in closed form are than those that torch differentiates.

    python benchmarks/jacobians.py

Prints, by kind of cell and number of units, the milliseconds that the Jacobians of one step of 64
sequences take in closed form and by ``torch.func.vmap(torch.func.jacrev)`` of the same step in one
run, their ratio, and the largest difference; and for a trained GRU the seconds of driven Lyapunov
exponents of 64 sequences of 256 steps, and of its fixed points, beside the same from Jacobians that
torch differentiates: exponents step by step, fixed points by Newton's method from 16 states, one by
one, times 4. Times are of the processor, on one core; ratios travel.
"""

import numpy as np
import torch
from measure import timed
from torch import nn

from sklearn_emerge import GRUPredictor, OscillatorWorld
from sklearn_emerge._threads import one_thread
from sklearn_emerge.networks import cell_of
from sklearn_emerge.operators import fixed_points, lyapunov_exponents, lyapunov_spectrum

N_SEQUENCES, N_INPUTS = 64, 2
SIZES = (16, 32)
N_REPEATS, N_CALLS = 7, 30
# Sequences have been settled in after so many steps.
N_BURN_IN = 50
# Starts of the search for fixed points, those of the slow one, and its most steps.
N_STARTS, N_FEW, N_NEWTON = 64, 16, 60


def rnn_step(weights, state, x):
    """Return the state of one sequence after a step; vmap has no rule for torch's own cells."""
    W, U, b, c = weights
    return torch.tanh(W @ x + b + U @ state + c)


def gru_step(weights, state, x):
    """As `rnn_step`, of a GRU."""
    W, U, b, c = weights
    driven, kept = (W @ x + b).chunk(3), (U @ state + c).chunk(3)
    reset, update = (torch.sigmoid(driven[i] + kept[i]) for i in range(2))
    candidate = torch.tanh(driven[2] + reset * kept[2])
    return (1 - update) * candidate + update * state


def lstm_step(weights, state, x):
    """As `rnn_step`, of an LSTM, with the memory behind the hidden states."""
    W, U, b, c = weights
    hidden, memory = state.chunk(2)
    enter, forget, candidate, output = (W @ x + b + U @ hidden + c).chunk(4)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(candidate)
    return torch.cat([torch.sigmoid(output) * torch.tanh(memory), memory])


STEPS = {nn.RNN: rnn_step, nn.GRU: gru_step, nn.LSTM: lstm_step}


def seconds_of(compute):
    """Return the least seconds of a call over some runs, and what it returns."""

    def calls():
        for _ in range(N_CALLS):
            result = compute()
        return result

    compute()
    seconds, result = timed(calls, N_REPEATS)
    return seconds / N_CALLS, result


def compare(kind, n_units):
    """Return the seconds of both, and their largest difference."""
    torch.manual_seed(0)
    core = kind(N_INPUTS, n_units, batch_first=True).double()
    cell = cell_of(core)
    rng = np.random.default_rng(0)
    state = rng.normal(size=(N_SEQUENCES, cell.n_state))
    x = rng.normal(size=(N_SEQUENCES, N_INPUTS))
    weights = [weight.detach() for weight in core.parameters()]
    differentiate = torch.func.vmap(torch.func.jacrev(STEPS[kind], argnums=(1, 2)), (None, 0, 0))
    tensors = torch.from_numpy(state), torch.from_numpy(x)
    ours, found = seconds_of(lambda: cell.jacobian(state, x))
    theirs, expected = seconds_of(lambda: differentiate(weights, *tensors))
    pairs = zip(found, expected, strict=True)
    return ours, theirs, max(np.abs(a - b.numpy()).max() for a, b in pairs)


def exponents_by_torch(model, X):
    """Return the driven exponents of a GRU by Jacobians that torch differentiates."""
    weights = [weight.detach().double() for weight in model.network_.core.parameters()]
    differentiate = torch.func.vmap(torch.func.jacrev(gru_step, argnums=1), (None, 0, 0))
    states = torch.from_numpy(model.recurrent_states(X))
    before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)
    inputs = torch.from_numpy(X)[:, :, None]
    steps = [differentiate(weights, before[:, t], inputs[:, t]) for t in range(X.shape[1])]
    jacobians = torch.stack(steps, dim=1).numpy()
    return lyapunov_exponents(jacobians, n_burn_in=N_BURN_IN, random_state=0)


def points_by_torch(model, starts):
    """Return where Newton's method ends, start by start, by Jacobians that torch differentiates."""
    weights = [weight.detach().double() for weight in model.network_.core.parameters()]
    _, coef, intercept = model._cell_and_head()
    coef, intercept = torch.from_numpy(coef), torch.from_numpy(np.atleast_1d(intercept))

    def moved(state):
        return gru_step(weights, state, state @ coef + intercept) - state

    found = []
    for start in torch.from_numpy(starts):
        state = start
        for _ in range(N_NEWTON):
            step = -torch.linalg.solve(torch.func.jacrev(moved)(state), moved(state))
            length = step.norm()
            state = state + step * min(1.0, 0.5 / length)
            if length < 1e-12:
                break
        found.append(state.numpy())
    return np.array(found)


def compare_loops(model, X):
    """Print the seconds of exponents and of fixed points, ours and by torch."""

    def row(name, ours, slow, said):
        units = model.hidden_size
        print(f"{name:14}{units:7d}{ours:9.3f}{slow:10.3f}{slow / ours:7.1f}  {said}")

    slow, expected = timed(lambda: exponents_by_torch(model, X))
    ours, found = timed(lambda: lyapunov_spectrum(model, X, random_state=0))
    row("all exponents", ours, slow, f"largest difference {np.abs(found - expected).max():.1e}")
    ours, _ = timed(lambda: lyapunov_spectrum(model, X, n_exponents=4, random_state=0))
    row("4 exponents", ours, slow, "against all by torch")
    starts = model.recurrent_states(X)[:: N_STARTS // N_FEW, -1]
    slow, ends = timed(lambda: points_by_torch(model, starts))
    ours, found = timed(lambda: fixed_points(model, X, n_starts=N_STARTS, random_state=0))
    apart = np.linalg.norm(found.states[:, np.newaxis] - ends, axis=2)
    n_same = (apart.min(axis=0) < 1e-5).sum()
    said = f"{n_same} of {N_FEW} slow searches end at one of {len(found.states)}"
    row("fixed points", ours, slow * N_STARTS / N_FEW, said)


def main():
    """Print the table."""
    torch.set_num_threads(1)
    print("cell  units  closed form ms  torch ms  ratio  largest difference")
    with one_thread():
        for kind in STEPS:
            for n_units in SIZES:
                ours, theirs, difference = compare(kind, n_units)
                print(
                    f"{kind.__name__:4}{n_units:7d}{1e3 * ours:16.3f}{1e3 * theirs:10.3f}"
                    f"{theirs / ours:7.1f}{difference:20.1e}"
                )
        X = OscillatorWorld().sample(N_SEQUENCES, random_state=0).X
        print("GRU             units  seconds  by torch  ratio")
        for n_units in SIZES:
            options = dict(max_steps=300, time_channel=None, random_state=0)
            options |= {"input_scaling": None, "output_scaling": None}
            compare_loops(GRUPredictor(n_units, **options).fit(X), X)


if __name__ == "__main__":
    main()
