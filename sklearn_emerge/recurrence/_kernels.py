"""Compiled scans of recurrent layers with a linear head, forward and backward.

Why they are fast: sequences of a batch are *lanes*, innermost and contiguous, so that every
multiply-add is a scalar weight times a contiguous vector; the number of hidden units is a
constant of the compiled code, so that reductions over it are unrolled and the loop over lanes
is left to vectorise. A task is one block of lanes of one replica; tasks are independent, and a
kernel runs a range of them without the interpreter lock.

All compiled code is in this file, because the disk cache of numba notices changes of the file
of a function, not of the functions that it calls.
"""

import math
from functools import cache

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import overload

LANES = 32
# Lanes are added up two halves at a time into accumulators of this width.
_HALF = LANES // 2
# Steps of the backward scan after which weight gradients are accumulated, while all of it is in
# the first-level cache.
_CHUNK = 8
RNN, GRU, LSTM = 0, 1, 2
_OPTIONS = {"fastmath": True, "error_model": "numpy"}

# tanh(x) = x P(x^2) / Q(x^2) on [-8, 8], relative error 7e-9: minimax fit by iteratively
# reweighted linearised least squares.
_P = tuple(map(np.float32, (
    0.9999999936234062, 0.1344453400560307, 0.003571640426717793, 2.189534436489216e-05,
    1.5231332357406256e-08,
)))  # fmt: skip
_Q = tuple(map(np.float32, (
    1.0, 0.4677786135045504, 0.026164605241940773, 0.0003411360703000408, 8.522827708414152e-07,
)))  # fmt: skip
_P0, _P1, _P2, _P3, _P4 = _P
_Q0, _Q1, _Q2, _Q3, _Q4 = _Q
_LIMIT = np.float32(8)


def tanh(x):
    """Hyperbolic tangent: a rational function that vectorises in single precision."""
    return math.tanh(x)


@overload(tanh, inline="always")
def _tanh(x):
    if x == types.float32:

        def rational(x):
            x = min(max(x, -_LIMIT), _LIMIT)
            u = x * x
            p = _P0 + u * (_P1 + u * (_P2 + u * (_P3 + u * _P4)))
            return x * p / (_Q0 + u * (_Q1 + u * (_Q2 + u * (_Q3 + u * _Q4))))

        return rational
    return lambda x: math.tanh(x)


# The pointwise parts of the cells. `n` is the number of hidden units, a constant where they are
# called. `pre` holds pre-activations, `s0` and `s1` what was saved at the step before and at this
# one, `h0` and `h1` the hidden states before and after. Backward, `dh` comes in as the gradient of
# h1 and leaves as the direct part of that of h0; `d` receives the gradient of `pre`. The recurrent
# part of the GRU's candidate is a row of its own, after the gates.


@njit(inline="always", **_OPTIONS)
def _rnn_forward(n, pre, h1):
    for i in range(n):
        for lane in range(LANES):
            h1[i, lane] = tanh(pre[i, lane])


@njit(inline="always", **_OPTIONS)
def _rnn_backward(n, dh, h1, d):
    one = dh.dtype.type(1)
    for i in range(n):
        for lane in range(LANES):
            d[i, lane] = dh[i, lane] * (one - h1[i, lane] * h1[i, lane])
            dh[i, lane] = 0


@njit(inline="always", **_OPTIONS)
def _gru_forward(n, pre, s1, h0, h1):
    half = pre.dtype.type(0.5)
    for i in range(2 * n):
        for lane in range(LANES):
            s1[i, lane] = half + half * tanh(half * pre[i, lane])
    for i in range(n):
        for lane in range(LANES):
            recurrent = pre[3 * n + i, lane]
            candidate = tanh(pre[2 * n + i, lane] + s1[i, lane] * recurrent)
            s1[2 * n + i, lane] = candidate
            s1[3 * n + i, lane] = recurrent
            h1[i, lane] = candidate + s1[n + i, lane] * (h0[i, lane] - candidate)


@njit(inline="always", **_OPTIONS)
def _gru_backward(n, dh, s1, h0, d):
    one = dh.dtype.type(1)
    for i in range(n):
        for lane in range(LANES):
            g = dh[i, lane]
            reset, update, candidate = s1[i, lane], s1[n + i, lane], s1[2 * n + i, lane]
            dn = g * (one - update) * (one - candidate * candidate)
            d[2 * n + i, lane] = dn
            d[3 * n + i, lane] = dn * reset
            d[i, lane] = dn * s1[3 * n + i, lane] * reset * (one - reset)
            d[n + i, lane] = g * (h0[i, lane] - candidate) * update * (one - update)
            dh[i, lane] = g * update


@njit(inline="always", **_OPTIONS)
def _lstm_forward(n, pre, s0, s1, h1):
    half = pre.dtype.type(0.5)
    for i in range(n):
        for lane in range(LANES):
            gate_in = half + half * tanh(half * pre[i, lane])
            forget = half + half * tanh(half * pre[n + i, lane])
            new = tanh(pre[2 * n + i, lane])
            out = half + half * tanh(half * pre[3 * n + i, lane])
            cell = forget * s0[4 * n + i, lane] + gate_in * new
            squashed = tanh(cell)
            s1[i, lane], s1[n + i, lane] = gate_in, forget
            s1[2 * n + i, lane], s1[3 * n + i, lane] = new, out
            s1[4 * n + i, lane], s1[5 * n + i, lane] = cell, squashed
            h1[i, lane] = out * squashed


@njit(inline="always", **_OPTIONS)
def _lstm_backward(n, dh, dc, s0, s1, d):
    one = dh.dtype.type(1)
    for i in range(n):
        for lane in range(LANES):
            g = dh[i, lane]
            gate_in, forget = s1[i, lane], s1[n + i, lane]
            new, out, squashed = s1[2 * n + i, lane], s1[3 * n + i, lane], s1[5 * n + i, lane]
            c = dc[i, lane] + g * out * (one - squashed * squashed)
            d[i, lane] = c * new * gate_in * (one - gate_in)
            d[n + i, lane] = c * s0[4 * n + i, lane] * forget * (one - forget)
            d[2 * n + i, lane] = c * gate_in * (one - new * new)
            d[3 * n + i, lane] = g * squashed * out * (one - out)
            dc[i, lane] = c * forget
            dh[i, lane] = 0


def sizes(kind, n_hidden):
    """Return the rows of a cell: gates, gates with one sum for both inputs, all, saved."""
    gates = {RNN: 1, GRU: 3, LSTM: 4}[kind] * n_hidden
    summed = 2 * n_hidden if kind == GRU else gates
    saved = {RNN: 1, GRU: 4 * n_hidden, LSTM: 6 * n_hidden}[kind]
    return gates, summed, gates + (gates - summed), saved


@cache
def make_kernels(kind, n_hidden, n_inputs, n_outputs):
    """Return (forward, backward) for a cell and its sizes, to be compiled on their first call.

    Parameters
    ----------
    kind : int
        RNN, GRU or LSTM.
    n_hidden, n_inputs, n_outputs : int
        Hidden units, input channels, outputs of the head.

    Returns
    -------
    forward, backward : callable
        Work on tasks first to last; see `scan` for the arrays.
    """
    H, C, O = n_hidden, n_inputs, n_outputs  # noqa: E741
    G, S, K, _ = sizes(kind, H)
    SHIFT = K - G
    KIND = kind
    N_GATES = G // H
    # Where the weights lie in a flat row: input, recurrent, two biases, head, bias of the head.
    I_END = G * C
    R_END = I_END + G * H
    B_END = R_END + G
    D_END = B_END + G
    W_END = D_END + O * H

    def forward(x, weights, output, hidden, saved, first, last, n_blocks):
        batch, n_steps = x.shape[1], x.shape[2]
        lanes = np.zeros((C, LANES), x.dtype)
        pre = np.empty((K, LANES), x.dtype)
        line = np.empty(LANES, x.dtype)
        for task in range(first, last):
            replica, start = task // n_blocks, (task % n_blocks) * LANES
            n = min(LANES, batch - start)
            w = weights[replica]
            w_in, w_rec = w[:I_END].reshape((G, C)), w[I_END:R_END].reshape((G, H))
            b_in, b_rec = w[R_END:B_END], w[B_END:D_END]
            w_out, b_out = w[D_END:W_END].reshape((O, H)), w[W_END:]
            h, s = hidden[task], saved[task]
            h[0] = 0
            s[0] = 0
            for t in range(n_steps):
                for lane in range(n):
                    for c in range(C):
                        lanes[c, lane] = x[replica, start + lane, t, c]
                h0, h1 = h[t], h[t + 1]
                for i in range(S):
                    for lane in range(LANES):
                        a = b_in[i] + b_rec[i]
                        for c in range(C):
                            a += w_in[i, c] * lanes[c, lane]
                        for j in range(H):
                            a += w_rec[i, j] * h0[j, lane]
                        pre[i, lane] = a
                for i in range(S, G):
                    for lane in range(LANES):
                        a = b_in[i]
                        for c in range(C):
                            a += w_in[i, c] * lanes[c, lane]
                        pre[i, lane] = a
                for i in range(S, G):
                    for lane in range(LANES):
                        a = b_rec[i]
                        for j in range(H):
                            a += w_rec[i, j] * h0[j, lane]
                        pre[i + SHIFT, lane] = a
                if KIND == RNN:
                    _rnn_forward(H, pre, h1)
                elif KIND == GRU:
                    _gru_forward(H, pre, s[t + 1], h0, h1)
                else:
                    _lstm_forward(H, pre, s[t], s[t + 1], h1)
                for o in range(O):
                    for lane in range(LANES):
                        a = b_out[o]
                        for j in range(H):
                            a += w_out[o, j] * h1[j, lane]
                        line[lane] = a
                    for lane in range(n):
                        output[replica, start + lane, t, o] = line[lane]

    def backward(
        x, weights, d_output, hidden, saved, d_weights, d_x, with_d_x, first, last, n_blocks
    ):
        batch, n_steps = x.shape[1], x.shape[2]
        dtype = x.dtype
        xs, ds = np.zeros((_CHUNK, C, LANES), dtype), np.zeros((_CHUNK, K, LANES), dtype)
        gs = np.zeros((_CHUNK, O, LANES), dtype)
        hs = np.zeros((_CHUNK + 1, H, LANES), dtype)
        dh, dc = np.empty((H, LANES), dtype), np.empty((H, LANES), dtype)
        line = np.empty(LANES, dtype)
        transposed = np.empty((N_GATES, H, H), dtype)
        g_in, g_rec = np.empty((G, C, _HALF), dtype), np.empty((G, H, _HALF), dtype)
        g_bias = np.empty((K, _HALF), dtype)
        g_out, g_out_bias = np.empty((O, H, _HALF), dtype), np.empty((O, _HALF), dtype)
        for task in range(first, last):
            replica, start = task // n_blocks, (task % n_blocks) * LANES
            n = min(LANES, batch - start)
            w = weights[replica]
            w_in, w_rec = w[:I_END].reshape((G, C)), w[I_END:R_END].reshape((G, H))
            w_out = w[D_END:W_END].reshape((O, H))
            for gate in range(N_GATES):
                for i in range(H):
                    for j in range(H):
                        transposed[gate, j, i] = w_rec[gate * H + i, j]
            h, s = hidden[task], saved[task]
            dh[:] = 0
            dc[:] = 0
            g_in[:] = 0
            g_rec[:] = 0
            g_bias[:] = 0
            g_out[:] = 0
            g_out_bias[:] = 0
            # Lanes without a sequence must not carry what the last task left there.
            gs[:] = 0
            xs[:] = 0
            end = n_steps
            while end > 0:
                begin = max(end - _CHUNK, 0)
                size = end - begin
                if size < _CHUNK:
                    ds[:] = 0
                    gs[:] = 0
                for lane in range(n):
                    for q in range(size):
                        for c in range(C):
                            xs[q, c, lane] = x[replica, start + lane, begin + q, c]
                        for o in range(O):
                            gs[q, o, lane] = d_output[replica, start + lane, begin + q, o]
                for q in range(size - 1, -1, -1):
                    t = begin + q
                    for o in range(O):
                        for i in range(H):
                            for lane in range(LANES):
                                dh[i, lane] += w_out[o, i] * gs[q, o, lane]
                    d = ds[q]
                    if KIND == RNN:
                        _rnn_backward(H, dh, h[t + 1], d)
                    elif KIND == GRU:
                        _gru_backward(H, dh, s[t + 1], h[t], d)
                    else:
                        _lstm_backward(H, dh, dc, s[t], s[t + 1], d)
                    # One pass a gate: longer sums do not vectorise.
                    for j in range(H):
                        for lane in range(LANES):
                            a = dh[j, lane]
                            for i in range(H):
                                a += transposed[0, j, i] * d[i, lane]
                            dh[j, lane] = a
                    if N_GATES > 1:
                        for j in range(H):
                            for lane in range(LANES):
                                a = dh[j, lane]
                                for i in range(H):
                                    a += transposed[1, j, i] * d[H + i, lane]
                                dh[j, lane] = a
                        for j in range(H):
                            for lane in range(LANES):
                                a = dh[j, lane]
                                for i in range(H):
                                    a += transposed[2, j, i] * d[2 * H + SHIFT + i, lane]
                                dh[j, lane] = a
                    if N_GATES > 3:
                        for j in range(H):
                            for lane in range(LANES):
                                a = dh[j, lane]
                                for i in range(H):
                                    a += transposed[3, j, i] * d[3 * H + i, lane]
                                dh[j, lane] = a
                    if with_d_x:
                        for c in range(C):
                            line[:] = 0
                            for i in range(G):
                                for lane in range(LANES):
                                    line[lane] += w_in[i, c] * d[i, lane]
                            for lane in range(n):
                                d_x[replica, start + lane, t, c] = line[lane]
                for q in range(size + 1):
                    for j in range(H):
                        for lane in range(LANES):
                            hs[q, j, lane] = h[begin + q, j, lane]
                for i in range(S):
                    for j in range(H):
                        for k in range(_HALF):
                            a = g_rec[i, j, k]
                            for q in range(_CHUNK):
                                a += ds[q, i, k] * hs[q, j, k]
                                a += ds[q, i, k + _HALF] * hs[q, j, k + _HALF]
                            g_rec[i, j, k] = a
                for i in range(S, G):
                    for j in range(H):
                        for k in range(_HALF):
                            a = g_rec[i, j, k]
                            for q in range(_CHUNK):
                                a += ds[q, i + SHIFT, k] * hs[q, j, k]
                                a += ds[q, i + SHIFT, k + _HALF] * hs[q, j, k + _HALF]
                            g_rec[i, j, k] = a
                for i in range(G):
                    for c in range(C):
                        for k in range(_HALF):
                            a = g_in[i, c, k]
                            for q in range(_CHUNK):
                                a += ds[q, i, k] * xs[q, c, k]
                                a += ds[q, i, k + _HALF] * xs[q, c, k + _HALF]
                            g_in[i, c, k] = a
                for i in range(K):
                    for k in range(_HALF):
                        a = g_bias[i, k]
                        for q in range(_CHUNK):
                            a += ds[q, i, k] + ds[q, i, k + _HALF]
                        g_bias[i, k] = a
                for o in range(O):
                    for k in range(_HALF):
                        a = g_out_bias[o, k]
                        for q in range(_CHUNK):
                            a += gs[q, o, k] + gs[q, o, k + _HALF]
                        g_out_bias[o, k] = a
                    for j in range(H):
                        for k in range(_HALF):
                            a = g_out[o, j, k]
                            for q in range(_CHUNK):
                                a += gs[q, o, k] * hs[q + 1, j, k]
                                a += gs[q, o, k + _HALF] * hs[q + 1, j, k + _HALF]
                            g_out[o, j, k] = a
                end = begin
            result = d_weights[task]
            for i in range(G):
                for c in range(C):
                    result[i * C + c] = g_in[i, c].sum()
                for j in range(H):
                    result[I_END + i * H + j] = g_rec[i, j].sum()
                result[R_END + i] = g_bias[i].sum()
                result[B_END + i] = g_bias[i if i < S else i + SHIFT].sum()
            for o in range(O):
                for j in range(H):
                    result[D_END + o * H + j] = g_out[o, j].sum()
                result[W_END + o] = g_out_bias[o].sum()

    return _compiled(forward), _compiled(backward)


def _compiled(function):
    """Compile a function on its first call, from the disk cache if there is one to write to."""
    try:
        return njit(nogil=True, cache=True, **_OPTIONS)(function)
    except RuntimeError:
        # No folder for the cache is writable: compile for this process only.
        return njit(nogil=True, **_OPTIONS)(function)
