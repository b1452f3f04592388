"""Compiled training of linear heads on hidden states that were computed before.

Tasks are those of the scans in `_kernels`: blocks of sequences of one replica each.
"""

from functools import cache

import numpy as np

from ._compile import ARITHMETIC, Compiled
from ._kernels import CHUNK
from ._likelihood import likelihood
from ._softmax import cross_entropy
from ._team import enter, next_block
from ._vector import LANES, aligned, correlate, multiply, vector_width


@cache
def make_head_kernel(tokens=False):
    """Return the kernel that trains heads on hidden states, compiled on its first call."""
    return Compiled(_train_token_heads if tokens else _train_heads, nogil=True, **ARITHMETIC)


def _train_heads(
    states, targets, rows, weights, ratio, bernoulli, losses, d_weights, shared, n_tasks
):
    """Work on tasks: blocks of `LANES` sequences of one replica."""
    _, _, H, n_steps = states.shape
    O = targets.shape[3]  # noqa: E741
    dtype = states.dtype
    out, d_out = np.empty(n_steps, dtype), np.empty(n_steps, dtype)
    enter(shared, n_tasks)
    while True:
        task, replica, start, batch = next_block(shared, n_tasks)
        if task < 0:
            break
        w, result = weights[replica], d_weights[task]
        # Replicas have targets of their own or share them.
        of = min(replica, targets.shape[0] - 1)
        result[:] = 0
        losses[task] = 0
        weight = dtype.type(1 / (batch * n_steps))
        for row in rows[replica, start : min(start + LANES, batch)]:
            h = states[replica, row]
            for o in range(O):
                out[:] = w[O * H + o]
                for j in range(H):
                    for t in range(n_steps):
                        out[t] += w[o * H + j] * h[j, t]
                d_out[:] = targets[of, row, :, o]
                of_channel = ratio[replica, o : o + 1]
                losses[task] += likelihood(out, d_out, of_channel, bernoulli, weight, LANES)
                for j in range(H):
                    total = dtype.type(0)
                    for t in range(n_steps):
                        total += d_out[t] * h[j, t]
                    result[o * H + j] += total
                result[O * H + o] += d_out.sum()


def _train_token_heads(states, targets, rows, weights, losses, d_weights, shared, n_tasks):
    """As `_train_heads`, of tokens: lanes are steps, those of one sequence after another."""
    _, _, H, n_steps = states.shape
    TAIL = 1 + states.shape[2]
    O = weights.shape[1] // TAIL  # noqa: E741
    dtype = states.dtype
    OL, ZL, width = O * LANES, TAIL * LANES, vector_width(states)
    head, g = np.empty((O, TAIL), dtype), aligned(O * TAIL * width, dtype).reshape(O, TAIL, width)
    z, d = aligned(CHUNK * ZL, dtype), aligned(CHUNK * OL, dtype)
    z[:] = 0
    ids = np.empty(LANES, np.int32)
    top, total = aligned(LANES, dtype), aligned(LANES, dtype)
    enter(shared, n_tasks)
    while True:
        task, replica, start, batch = next_block(shared, n_tasks)
        if task < 0:
            break
        w, result = weights[replica], d_weights[task]
        of = min(replica, targets.shape[0] - 1)
        for o in range(O):
            head[o, 0] = w[O * H + o]
            for j in range(H):
                head[o, 1 + j] = w[o * H + j]
        g[:] = 0
        losses[task] = 0
        chosen = rows[replica, start : min(start + LANES, batch)]
        n_all, block = len(chosen) * n_steps, 0
        for begin in range(0, n_all, LANES):
            at = block * ZL
            z[at : at + LANES] = 1
            for lane in range(LANES):
                place = begin + lane
                ids[lane] = -1
                if place < n_all:
                    row, t = chosen[place // n_steps], place % n_steps
                    ids[lane] = targets[of, row, t, 0]
                    for j in range(H):
                        z[at + (1 + j) * LANES + lane] = states[replica, row, j, t]
            multiply(d, block * OL, head, 0, TAIL, z, at, O, TAIL, 0)
            losses[task] += cross_entropy(d, block * OL, O, ids, 0, top, total)
            block += 1
            if block == CHUNK or begin + LANES >= n_all:
                correlate(g, 0, TAIL, d, 0, OL, z, 0, ZL, O, TAIL, block)
                block = 0
        for o in range(O):
            result[O * H + o] = g[o, 0].sum()
            for j in range(H):
                result[o * H + j] = g[o, 1 + j].sum()
