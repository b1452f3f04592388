"""Causal attention of small heads, compiled, forward and backward.

What torch has for it works on one head of one sequence at a time, as products of matrices with as
many rows as there are steps. With few steps and few units a head it takes most of the time that a
small transformer is trained in. Here pairs of a sequence and a head are *lanes*, innermost and
contiguous, so that every operation is one on vectors. Lanes have nothing to do with each other:
the numbers of a sequence depend neither on the others that are there nor on threads.

Arrays of a task, which is one vector of lanes, are flat: queries, keys, values and what was read,
each of all steps and units of a head; then of each step the largest logit and one over the sum of
the weights.
"""

from functools import cache

import numpy as np
from numba import njit

from ._compile import Compiled
from ._pointwise import Entry, exponential_of, pointwise_of
from ._team import enter, next_task
from ._vector import aligned

# Numbers of single precision that a vector has.
ATTENTION_LANES = 16
_inline = njit(inline="always", error_model="numpy")


def _largest(a, b):
    builder = a.vectors.builder
    return Entry(
        a.vectors, builder.select(builder.fcmp_unordered(">", a.value, b.value), a.value, b.value)
    )


def _product(a, b, n_units):
    total = a[0] * b[0]
    for d in range(1, n_units):
        total = total + a[d] * b[d]
    return total


@pointwise_of
def _compare(query, key, logit, most, n_units):
    logit[0] = _product(query, key, n_units)
    most[0] = _largest(logit[0], most[0])


@pointwise_of
def _read(logit, most, value, total, out, n_units):
    weight = exponential_of(logit[0] - most[0])
    total[0] = total[0] + weight
    for d in range(n_units):
        out[d] = out[d] + weight * value[d]


@pointwise_of
def _normalise(total, share, out, n_units):
    share[0] = Entry(total.vectors, total.vectors.constant(1)) / total[0]
    for d in range(n_units):
        out[d] = out[d] * share[0]


@pointwise_of
def _total_of(d_out, out, total, n_units):
    total[0] = _product(d_out, out, n_units)


@pointwise_of
def _back(
    query,
    key,
    value,
    most,
    share,
    d_out,
    total,
    d_query,
    d_key,
    d_value,
    n_units,
):
    weight = exponential_of(_product(query, key, n_units) - most[0]) * share[0]
    d_logit = weight * (_product(d_out, value, n_units) - total[0])
    for d in range(n_units):
        d_query[d] = d_query[d] + d_logit * key[d]
        d_key[d] = d_key[d] + d_logit * query[d]
        d_value[d] = d_value[d] + weight * d_out[d]


@_inline
def _to_lanes(states, task, n_heads, n_units, factor, z, at):
    n_sequences, n_steps, _ = states.shape
    for lane in range(ATTENTION_LANES):
        sequence, head = divmod(task * ATTENTION_LANES + lane, n_heads)
        if sequence < n_sequences:
            for t in range(n_steps):
                for d in range(n_units):
                    z[at + (t * n_units + d) * ATTENTION_LANES + lane] = (
                        factor * states[sequence, t, head * n_units + d]
                    )
        else:
            for i in range(n_steps * n_units):
                z[at + i * ATTENTION_LANES + lane] = 0


@_inline
def _from_lanes(z, at, task, n_heads, n_units, factor, states):
    n_sequences, n_steps, _ = states.shape
    for lane in range(ATTENTION_LANES):
        sequence, head = divmod(task * ATTENTION_LANES + lane, n_heads)
        if sequence < n_sequences:
            for t in range(n_steps):
                for d in range(n_units):
                    states[sequence, t, head * n_units + d] = (
                        factor * z[at + (t * n_units + d) * ATTENTION_LANES + lane]
                    )


@cache
def attention_kernels(n_units):
    """Return the kernels of heads of so many units, forward and backward, not yet compiled."""

    def forward(queries, keys, values, n_heads, scale, kept, out, shared, n_tasks):
        n_steps = queries.shape[1]
        step = n_units * ATTENTION_LANES
        part = n_steps * step
        logits = aligned(n_steps * ATTENTION_LANES, np.float32)
        total = aligned(ATTENTION_LANES, np.float32)
        one = np.float32(1)
        enter(shared, n_tasks)
        while True:
            task = next_task(shared, n_tasks)
            if task < 0:
                break
            z = kept[task]
            _to_lanes(queries, task, n_heads, n_units, scale, z, 0)
            _to_lanes(keys, task, n_heads, n_units, one, z, part)
            _to_lanes(values, task, n_heads, n_units, one, z, 2 * part)
            z[3 * part : 4 * part] = 0
            for t in range(n_steps):
                most, here = 4 * part + 2 * t * ATTENTION_LANES, 3 * part + t * step
                z[most : most + ATTENTION_LANES] = -3e38
                total[:] = 0
                for s in range(t + 1):
                    starts = t * step, part + s * step, s * ATTENTION_LANES, most
                    _compare(ATTENTION_LANES, (z, z, logits, z), starts, n_units)
                for s in range(t + 1):
                    starts = s * ATTENTION_LANES, most, 2 * part + s * step, 0, here
                    _read(ATTENTION_LANES, (logits, z, z, total, z), starts, n_units)
                _normalise(
                    ATTENTION_LANES, (total, z, z), (0, most + ATTENTION_LANES, here), n_units
                )
            _from_lanes(z, 3 * part, task, n_heads, n_units, one, out)

    def backward(kept, d_out, n_heads, scale, d_queries, d_keys, d_values, shared, n_tasks):
        n_steps = d_out.shape[1]
        step = n_units * ATTENTION_LANES
        part = n_steps * step
        g, total = aligned(4 * part, np.float32), aligned(ATTENTION_LANES, np.float32)
        one = np.float32(1)
        enter(shared, n_tasks)
        while True:
            task = next_task(shared, n_tasks)
            if task < 0:
                break
            z = kept[task]
            g[part:] = 0
            _to_lanes(d_out, task, n_heads, n_units, one, g, 0)
            for t in range(n_steps):
                most, now = 4 * part + 2 * t * ATTENTION_LANES, t * step
                _total_of(ATTENTION_LANES, (g, z, total), (now, 3 * part + now, 0), n_units)
                for s in range(t + 1):
                    there = s * step
                    starts = (
                        now,
                        part + there,
                        2 * part + there,
                        most,
                        most + ATTENTION_LANES,
                        now,
                        0,
                        part + now,
                        2 * part + there,
                        3 * part + there,
                    )
                    _back(ATTENTION_LANES, (z, z, z, z, z, g, total, g, g, g), starts, n_units)
            _from_lanes(g, part, task, n_heads, n_units, scale, d_queries)
            _from_lanes(g, 2 * part, task, n_heads, n_units, one, d_keys)
            _from_lanes(g, 3 * part, task, n_heads, n_units, one, d_values)

    options = {"error_model": "numpy", "nogil": True}
    for kernel in (forward, backward):
        # A file of their own: two processes that compile for other heads write over one index.
        kernel.__qualname__ += f"_{n_units}"
    return Compiled(forward, **options), Compiled(backward, **options)
