"""How much faster Jacobians in closed form are than those that torch differentiates.

    python benchmarks/jacobians.py

Prints, by kind of cell and number of units, the milliseconds that the Jacobians of one step of 64
sequences take in closed form and by ``torch.func.vmap(torch.func.jacrev)`` of the same step in one
run, their ratio, and the largest difference; and the seconds of all driven Lyapunov exponents of 64
sequences of 256 steps. Times are those of one core; ratios travel.
"""

import time

import numpy as np
import torch
from torch import nn

from sklearn_emerge import GRUPredictor, OscillatorWorld
from sklearn_emerge._threads import one_thread
from sklearn_emerge.networks import cell_of
from sklearn_emerge.operators import lyapunov_spectrum

N_SEQUENCES, N_INPUTS = 64, 2
SIZES = (16, 32)
N_REPEATS, N_CALLS = 7, 30


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


def timed(compute):
    """Return the least seconds of a call over some runs, and what it returns."""
    result, seconds = compute(), []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        for _ in range(N_CALLS):
            compute()
        seconds.append((time.perf_counter() - start) / N_CALLS)
    return min(seconds), result


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
    ours, found = timed(lambda: cell.jacobian(state, x))
    theirs, expected = timed(lambda: differentiate(weights, *tensors))
    pairs = zip(found, expected, strict=True)
    return ours, theirs, max(np.abs(a - b.numpy()).max() for a, b in pairs)


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
        print("driven Lyapunov exponents of a GRU, 64 sequences of 256 steps")
        for n_units in SIZES:
            model = GRUPredictor(n_units, max_steps=0, random_state=0).fit(X)
            for n_exponents in (None, 4):
                start = time.perf_counter()
                lyapunov_spectrum(model, X, n_exponents=n_exponents, random_state=0)
                seconds = time.perf_counter() - start
                print(f"{n_units:5d} units, {n_exponents or 'all'} exponents: {seconds:.3f} s")


if __name__ == "__main__":
    main()
