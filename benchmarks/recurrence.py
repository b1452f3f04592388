"""Milliseconds an update of five seeds: torch, JAX and the compiled scan, in one run.

    python benchmarks/recurrence.py [--sizes 4 8 16 32] [--updates 60] [--tokens 27 300]

(a) torch.nn with Adam and batches by indexing, the better of one process and one process a
core; (b) JAX, vmap over seeds and lax.scan, if installed; (c) ours, end to end through the fit of
all seeds (batches, loss, optimiser, skorch), the difference of a long and a short fit. T = 256,
batches of 64, two input channels. The last column is the share of what the cores do in products of
matrices that stay in their caches, measured in the same run; JAX is installed by the extra
"benchmark". Quote the ratios; the absolute times are those of one machine.

With --tokens, networks of as many tokens are measured in place of those of two channels: (a) with
the package's own network and loss of tokens, which looks them up, (c) as above. Both take turns,
three times, and the least of each counts. There is a line for five seeds and one for one, which
torch trains in one process.
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
import torch
from torch import nn

from sklearn_emerge import GRUPredictor, OscillatorWorld, RNNPredictor
from sklearn_emerge._losses import CategoricalLoss
from sklearn_emerge.networks import SequenceNetwork
from sklearn_emerge.predictors._fit import fit_replicas

SEEDS, STEPS, BATCH, SEQUENCES = 5, 256, 64, 640
CORES = len(os.sched_getaffinity(0))
# Rows, terms and columns of the product that tells what a core can do in single precision.
PRODUCT = 2816, 64, 256
# Multiply-adds of forward and backward pass, two operations each.
GATES = {"rnn": 1, "gru": 3}


def measure_limit(seconds=1.0):
    """Return the GFLOP/s of a core in products that fit its cache, of processor time."""
    torch.set_num_threads(1)
    n_rows, n_terms, n_columns = PRODUCT
    a, b = torch.randn(n_rows, n_terms), torch.randn(n_terms, n_columns)
    out = torch.empty(n_rows, n_columns)
    best, spent = 0.0, 0.0
    while spent < seconds:
        start = time.process_time()
        for _ in range(10):
            torch.mm(a, b, out=out)
        took = time.process_time() - start
        best, spent = max(best, 10 * 2 * n_rows * n_terms * n_columns / took / 1e9), spent + took
    return best


def torch_updates(kind, hidden_size, updates, n_tokens=None):
    """Return the seconds that plain torch takes for some updates of one seed."""
    torch.set_num_threads(1)
    layer = {"rnn": nn.RNN, "gru": nn.GRU}[kind]
    X, y = torch.randn(SEQUENCES, STEPS - 1, 2), torch.randn(SEQUENCES, STEPS - 1, 1)
    n_inputs, loss_of = 2, nn.functional.mse_loss
    if n_tokens is not None:
        # A token and the clock.
        tokens = torch.from_numpy(tokens_of(n_tokens)).float()[..., None]
        X, y = torch.cat([tokens[:, :-1], X[..., :1]], dim=2), tokens[:, 1:]
        n_inputs, loss_of = n_tokens + 1, CategoricalLoss()
    core = layer(n_inputs, hidden_size, batch_first=True)
    network = SequenceNetwork(core, hidden_size, n_tokens or 1, n_tokens)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    start = time.perf_counter()
    for _ in range(updates):
        rows = torch.randint(SEQUENCES, (BATCH,))
        optimiser.zero_grad()
        loss_of(network(X[rows]), y[rows]).backward()
        optimiser.step()
    return time.perf_counter() - start


def tokens_of(n_tokens):
    """Return sequences of random tokens."""
    return np.random.default_rng(0).integers(n_tokens, size=(SEQUENCES, STEPS))


def time_torch(kind, hidden_size, updates, n_tokens=None, n_seeds=SEEDS):
    """Return milliseconds of an update of all seeds: the better of one process and one a core."""
    torch_updates(kind, hidden_size, 2, n_tokens)
    single = n_seeds * torch_updates(kind, hidden_size, updates, n_tokens) / updates
    if n_seeds == 1:
        return 1e3 * single
    with ProcessPoolExecutor(CORES) as pool:
        # Each process takes an equal share of the updates of the seeds.
        share = -(-n_seeds * updates // CORES)
        few, many = ([(kind, hidden_size, n, n_tokens)] * CORES for n in (2, share))
        list(pool.map(torch_updates, *zip(*few, strict=True)))
        start = time.perf_counter()
        list(pool.map(torch_updates, *zip(*many, strict=True)))
        parallel = (time.perf_counter() - start) / (CORES * share) * n_seeds
    return 1e3 * min(single, parallel)


def time_jax(kind, hidden_size, updates):
    """Return milliseconds of an update of all seeds with JAX, None if it is not installed."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    n_gates = GATES[kind] * hidden_size

    def cell(w, h, x):
        if kind == "rnn":
            return jnp.tanh(x @ w["i"] + h @ w["h"] + w["b"])
        a, b = x @ w["i"] + w["b"], h @ w["h"] + w["c"]
        r, z = (
            jax.nn.sigmoid(p + q)
            for p, q in zip(jnp.split(a, 3, 1)[:2], jnp.split(b, 3, 1)[:2], strict=True)
        )
        n = jnp.tanh(jnp.split(a, 3, 1)[2] + r * jnp.split(b, 3, 1)[2])
        return (1 - z) * n + z * h

    def loss(w, x, y):
        def step(h, x_t):
            h = cell(w, h, x_t)
            return h, h @ w["o"] + w["d"]

        _, out = jax.lax.scan(step, jnp.zeros((BATCH, hidden_size)), x.swapaxes(0, 1))
        return jnp.mean((out.swapaxes(0, 1) - y) ** 2)

    def update(w, m, v, t, x, y):
        g = jax.grad(loss)(w, x, y)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        scale = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return jax.tree.map(lambda p, a, b: p - scale * a / (jnp.sqrt(b) + 1e-8), w, m, v), m, v

    rng = np.random.default_rng(0)
    shapes = {
        "i": (2, n_gates),
        "h": (hidden_size, n_gates),
        "b": (n_gates,),
        "c": (n_gates,),
        "o": (hidden_size, 1),
        "d": (1,),
    }
    w = {k: jnp.asarray(0.2 * rng.normal(size=(SEEDS, *s)), jnp.float32) for k, s in shapes.items()}
    m, v = jax.tree.map(jnp.zeros_like, w), jax.tree.map(jnp.zeros_like, w)
    X = jnp.asarray(rng.normal(size=(SEQUENCES, STEPS - 1, 2)), jnp.float32)
    Y = jnp.asarray(rng.normal(size=(SEQUENCES, STEPS - 1, 1)), jnp.float32)
    together = jax.jit(jax.vmap(update, in_axes=(0, 0, 0, None, 0, 0)))

    def run(n):
        state = (w, m, v)
        start = time.perf_counter()
        for t in range(1, n + 1):
            rows = rng.integers(SEQUENCES, size=(SEEDS, BATCH))
            state = together(*state, float(t), X[rows], Y[rows])
        jax.block_until_ready(state)
        return time.perf_counter() - start

    run(2)
    return 1e3 * run(updates) / updates


def time_ours(kind, hidden_size, updates, n_tokens=None, n_seeds=SEEDS):
    """Return milliseconds of an update of all seeds, end to end through the fit."""
    torch.set_num_threads(CORES)
    model = {"rnn": RNNPredictor, "gru": GRUPredictor}[kind](hidden_size, engine="numba")
    if n_tokens is None:
        X = OscillatorWorld(n_steps=STEPS).sample(SEQUENCES, random_state=0).X
        model.set_params(noise_std=0.05)
    else:
        X = tokens_of(n_tokens)
        # Without a head in closed form, whose time would hide that of the updates.
        model.set_params(likelihood="categorical", n_tokens=n_tokens, head="sgd")
    seconds = []
    for n in (10, 10, 10 + 4 * updates):
        start = time.perf_counter()
        fit_replicas(model.set_params(max_steps=n), [X], range(n_seeds))
        seconds.append(time.perf_counter() - start)
    return 1e3 * (seconds[2] - seconds[1]) / (4 * updates)


def print_tokens(sizes, vocabularies, updates):
    """Print a line for each network of tokens."""
    print(f"{'':8}{'tokens':>8}{'seeds':>7}{'torch':>9}{'ours':>9}{'torch/ours':>12}")
    for kind, hidden_size, n_tokens, n_seeds in product(
        ("rnn", "gru"), sizes, vocabularies, (SEEDS, 1)
    ):
        case = kind, hidden_size, updates, n_tokens, n_seeds
        a, c = np.min([(time_torch(*case), time_ours(*case)) for _ in range(3)], axis=0)
        print(
            f"{kind} {hidden_size:<4}{n_tokens:8}{n_seeds:7}{a:9.1f}{c:9.2f}{a / c:12.1f}",
            flush=True,
        )


def main():
    """Print a line for each network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--tokens", type=int, nargs="+", help="sizes of vocabularies")
    options = parser.parse_args()
    of_all = f"T={STEPS}, batch {BATCH}, {CORES} cores; milliseconds an update of all"
    if options.tokens:
        print(of_all)
        print_tokens(options.sizes, options.tokens, options.updates)
        return
    limit = CORES * measure_limit()
    print(f"{SEEDS} seeds, {of_all}")
    print(f"products of matrices on all cores: {limit:.0f} GFLOP/s")
    print(
        f"{'':8}{'torch':>9}{'JAX':>9}{'ours':>9}{'torch/ours':>12}{'JAX/ours':>10}{'GFLOP/s':>9}"
        f"{'of limit':>10}"
    )
    for kind in ("rnn", "gru"):
        for hidden_size in options.sizes:
            a = time_torch(kind, hidden_size, options.updates)
            b = time_jax(kind, hidden_size, options.updates)
            c = time_ours(kind, hidden_size, options.updates)
            operations = (
                3 * 2 * SEEDS * BATCH * (STEPS - 1) * GATES[kind] * hidden_size * (hidden_size + 2)
            )
            jax_columns = f"{b:9.1f}" if b else f"{'-':>9}", f"{b / c:10.1f}" if b else f"{'-':>10}"
            print(
                f"{kind} {hidden_size:<4}{a:9.1f}{jax_columns[0]}{c:9.2f}{a / c:12.1f}"
                f"{jax_columns[1]}{operations / c / 1e6:9.1f}"
                f"{operations / c / 1e6 / limit:10.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
