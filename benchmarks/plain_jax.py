"""What one would write in JAX for recurrence.py: vmap over seeds, lax.scan over steps, Adam."""

import time

import jax
import jax.numpy as jnp
import numpy as np


def rnn(w, state, x):
    """Return the state of an RNN after a step."""
    (h,) = state
    return (jnp.tanh(x @ w["i"] + h @ w["h"] + w["b"]),)


def gru(w, state, x):
    """Return the state of a GRU after a step."""
    (h,) = state
    a = jnp.split(x @ w["i"] + w["b"], 3, 1)
    b = jnp.split(h @ w["h"] + w["c"], 3, 1)
    r, z = (jax.nn.sigmoid(p + q) for p, q in zip(a[:2], b[:2], strict=True))
    n = jnp.tanh(a[2] + r * b[2])
    return ((1 - z) * n + z * h,)


def lstm(w, state, x):
    """Return the state of an LSTM after a step, and its cell."""
    h, c = state
    i, f, g, o = jnp.split(x @ w["i"] + h @ w["h"] + w["b"], 4, 1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


# Each with the number of its gates, and of the parts of its state.
CELLS = {"rnn": (rnn, 1, 1), "gru": (gru, 3, 1), "lstm": (lstm, 4, 2)}


def time_jax(kind, n_units, updates, n_seeds, shape, batch):
    """Return milliseconds of an update of all seeds, on data of shape (sequences, steps, 2)."""
    cell, n_gates, n_parts = CELLS[kind]

    def loss(w, x, y):
        def step(state, x_t):
            state = cell(w, state, x_t)
            return state, state[0] @ w["o"] + w["d"]

        _, out = jax.lax.scan(step, (jnp.zeros((batch, n_units)),) * n_parts, x.swapaxes(0, 1))
        return jnp.mean((out.swapaxes(0, 1) - y) ** 2)

    def update(w, m, v, t, x, y):
        g = jax.grad(loss)(w, x, y)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        scale = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return jax.tree.map(lambda p, a, b: p - scale * a / (jnp.sqrt(b) + 1e-8), w, m, v), m, v

    rng = np.random.default_rng(0)
    n = n_gates * n_units
    shapes = {"i": (2, n), "h": (n_units, n), "b": (n,), "c": (n,), "o": (n_units, 1), "d": (1,)}
    w = {
        name: jnp.asarray(0.2 * rng.normal(size=(n_seeds, *size)), jnp.float32)
        for name, size in shapes.items()
    }
    m, v = jax.tree.map(jnp.zeros_like, w), jax.tree.map(jnp.zeros_like, w)
    X = jnp.asarray(rng.normal(size=shape), jnp.float32)
    Y = jnp.asarray(rng.normal(size=(*shape[:2], 1)), jnp.float32)
    together = jax.jit(jax.vmap(update, in_axes=(0, 0, 0, None, 0, 0)))

    def run(n_updates):
        state = (w, m, v)
        start = time.perf_counter()
        for t in range(1, n_updates + 1):
            rows = rng.integers(shape[0], size=(n_seeds, batch))
            state = together(*state, float(t), X[rows], Y[rows])
        jax.block_until_ready(state)
        return time.perf_counter() - start

    run(2)
    return 1e3 * run(updates) / updates
