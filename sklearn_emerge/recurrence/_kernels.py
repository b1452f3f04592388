"""Compiled scans of recurrent layers with a linear head: forward, backward, and both with a loss.

Why they are fast: sequences of a batch are *lanes*, innermost and contiguous, so that every
multiply-add is a scalar weight times a vector, and sums stay in registers (`_vector`). A task is
one block of lanes of one replica. Tasks are independent, and threads share them without the
interpreter lock. In training a task goes forward and backward before the next one starts, so
that what it saves for the way back is still in a cache, unless the network is large.

A kernel is compiled for a kind of cell, in some seconds, and serves all sizes: a network of
another size begins at once.

Flat arrays of a task, rows of `LANES` numbers each:

- `z`, per step and one more: the inputs x, a row of ones, the hidden states h before the step. A
  product with it includes inputs and biases.
- `saved`, per step and one more: what the cell keeps for the way back, from the row of step t + 1.
- `out`, `d_out`, per step: outputs of the head and their gradient.

Kernels for tokens have no row of `z` for a token of the vocabulary: what the matrix of inputs makes
of a token is looked up (`_lookup`), and its gradient added up there. Outputs, a logit a token, are
kept for a few steps only: training computes them, their loss and its gradient on the way back.
"""

from functools import cache

import numpy as np
from numba import njit

from ._compile import ARITHMETIC, Compiled
from ._likelihood import likelihood
from ._lookup import add_up, gather, look_up
from ._pointwise import pointwise, sigmoid_of, tanh_of
from ._softmax import cross_entropy
from ._team import enter, next_block
from ._vector import (
    LANES,
    add_products,
    aligned,
    correlate,
    multiply,
    multiply_and_fetch,
    transpose,
    vector_width,
)

# Steps of the backward scan after which gradients of weights are added up, while what they are made
# of is in a near cache; fewer where states are transposed for that, of 32 units and more.
CHUNK, CHUNK_OF_SQUARES = 16, 8
RNN, GRU, LSTM = 0, 1, 2
# What a kernel does: outputs; gradients given those of the outputs; or losses and gradients.
FORWARD, BACKWARD, TRAIN = 0, 1, 2
_inline = njit(inline="always", **ARITHMETIC)


# The pointwise parts of the cells, on blocks of the size of the hidden state. `s0` and `s1` are
# what was saved at the step before and at this one, `h0` and `h1` the hidden states before and
# after. Forward, `s1` (`h1` for the RNN) comes in with the pre-activations. Backward, `dh` comes in
# as the gradient of h1 and leaves as the direct part of that of h0; `d` receives the gradient of
# the pre-activations. The GRU's gates are reset, update, recurrent part of the candidate, and rest
# of the candidate.


@pointwise
def _rnn_forward(h1):
    h1[0] = tanh_of(h1[0])


@pointwise
def _rnn_backward(dh, h1, d):
    h = h1[0]
    d[0] = dh[0] * (1 - h * h)
    dh[0] = 0


@pointwise
def _gru_forward(s1, h0, h1):
    reset, update = sigmoid_of(s1[0]), sigmoid_of(s1[1])
    candidate = tanh_of(s1[3] + reset * s1[2])
    s1[0], s1[1], s1[3] = reset, update, candidate
    h1[0] = candidate + update * (h0[0] - candidate)


@pointwise
def _gru_backward(dh, s1, h0, d):
    g, reset, update, candidate = dh[0], s1[0], s1[1], s1[3]
    dn = g * (1 - update) * (1 - candidate * candidate)
    d[0] = dn * s1[2] * reset * (1 - reset)
    d[1] = g * (h0[0] - candidate) * update * (1 - update)
    d[2] = dn * reset
    d[3] = dn
    dh[0] = g * update


@pointwise
def _lstm_forward(s0, s1, h1):
    gate_in, forget, out = sigmoid_of(s1[0]), sigmoid_of(s1[1]), sigmoid_of(s1[3])
    new = tanh_of(s1[2])
    cell = gate_in * new + forget * s0[4]
    s1[0], s1[1], s1[2], s1[3], s1[4] = gate_in, forget, new, out, cell
    h1[0] = out * tanh_of(cell)


@pointwise
def _lstm_backward(dh, dc, s0, s1, d):
    g, gate_in, forget = dh[0], s1[0], s1[1]
    # The tanh of the cell: to save it and to read it back was measured to take longer.
    new, out, squashed = s1[2], s1[3], tanh_of(s1[4])
    c = dc[0] + g * out * (1 - squashed * squashed)
    d[0] = c * new * gate_in * (1 - gate_in)
    d[1] = c * s0[4] * forget * (1 - forget)
    d[2] = c * gate_in * (1 - new * new)
    d[3] = g * squashed * out * (1 - out)
    dc[0] = c * forget
    dh[0] = 0


# Sequences to lanes and back.


@_inline
def _choose(rows, start, lanes, chosen):
    """Set the sequences of the lanes; those beyond the last have the first, too."""
    for lane in range(LANES):
        chosen[lane] = rows[start + lane if lane < lanes else start]


@_inline
def _to_lanes(data, chosen, target, places):
    """Copy sequences (n_sequences, n_steps, n_channels) into rows of lanes.

    `places` says where the row of each step and channel begins, in the order of the sequences.
    """
    flat, size = data.reshape(-1), len(places)
    gather(target, places, flat, chosen, size)
    for k in range(size - size % vector_width(data), size):
        for lane in range(LANES):
            target[places[k] + lane] = flat[chosen[lane] * size + k]


@_inline
def _tokens_to_lanes(data, chosen, lanes, target):
    """Copy tokens, the first channel of sequences, into rows of lanes; -1 beyond the last."""
    for lane in range(LANES):
        for t in range(data.shape[1]):
            target[t * LANES + lane] = data[chosen[lane], t, 0] if lane < lanes else -1


@_inline
def _from_lanes(source, rows, start, lanes, data):
    """Copy rows of lanes to sequences."""
    _, n_steps, n_channels = data.shape
    for lane in range(lanes):
        sequence = data[rows[start + lane]]
        for t in range(n_steps):
            for c in range(n_channels):
                sequence[t, c] = source[(t * n_channels + c) * LANES + lane]


def sizes(kind, n_hidden, n_inputs):
    """Return rows of lanes: gates; those that sum both inputs; all with a gradient; saved; z."""
    gates = {RNN: 1, GRU: 3, LSTM: 4}[kind] * n_hidden
    summed = 2 * n_hidden if kind == GRU else gates
    saved = {RNN: 0, GRU: 4, LSTM: 5}[kind] * n_hidden
    return gates, summed, gates + (gates - summed), saved, n_inputs + 1 + n_hidden


@cache
def make_kernel(kind, tokens=False):
    """Return the kernel of a cell, compiled on its first call, for all sizes.

    Parameters
    ----------
    kind : int
        RNN, GRU or LSTM.
    tokens : bool, default=False
        Whether inputs may be tokens, and targets are; such a kernel knows no BACKWARD.

    Returns
    -------
    kernel : callable
        Works on tasks until there are none left; see `_scan` for its arrays.
    """
    KIND, TOKENS = kind, tokens

    def kernel(
        mode,
        with_d_x,
        shape,
        x,
        targets,
        rows,
        weights,
        ratio,
        bernoulli,
        zs,
        saveds,
        slot,
        output,
        losses,
        d_weights,
        d_x,
        shared,
        n_tasks,
    ):
        # Hidden units, inputs but tokens, outputs; as in `sizes`; tokens of the inputs.
        H, C, O, G, S, K, V, Z, E = shape  # noqa: E741
        GATES = G // H
        # Gates of a product on the way back: all, unless they are too many for the first cache.
        AT_ONCE = GATES if G <= 256 else 1
        # Columns of z: the inputs, the row of ones, the hidden states; the last two for the head.
        HID, TAIL = C + 1, 1 + H
        # Rows of the GRU's candidate: recurrent part and rest.
        REC, REST = S, S + H
        N, ZL, VL, OL = H * LANES, Z * LANES, V * LANES, O * LANES
        # An odd number of rows of lanes: were it a power of two, the same row of all steps would
        # have the same few places of the first cache, and correlations take up to twice as long.
        KL = (K | 1) * LANES
        # Where the weights lie in a flat row: input, recurrent, two biases, head, bias of the head.
        I_END = G * (E + C)
        R_END = I_END + G * H
        B_END = R_END + G
        D_END = B_END + G
        W_END = D_END + O * H
        n_steps, n_channels = x.shape[1], x.shape[2]
        dtype = x.dtype
        width = vector_width(x)
        # Weights in the order of the products: forward (of rows with a gradient and columns of
        # z), recurrent and transposed, head, head transposed, inputs transposed.
        ahead, back = np.zeros((K, Z), dtype), np.empty((H, G), dtype)
        head, head_back = np.empty((O, TAIL), dtype), np.empty((H, O), dtype)
        inputs_back = np.empty((C, K), dtype)
        # Gradients of weights are added up in two ways. Those of the last hidden units are by
        # products of squares, for which the states are transposed; in the head only of kernels for
        # tokens, which may have many outputs. All others are added up as partial sums.
        SQUARES = H // LANES
        HEAD_SQUARES = SQUARES if TOKENS else 0
        WIDE, HEAD_WIDE = SQUARES * LANES, HEAD_SQUARES * LANES
        NARROW, HEAD_NARROW = Z - WIDE, TAIL - HEAD_WIDE
        SQUARE, TURNED = LANES * LANES, WIDE * LANES
        n_chunk = CHUNK_OF_SQUARES if SQUARES > 0 else CHUNK
        n_kept = n_chunk if TOKENS else n_steps
        out, d_out = aligned(n_kept * OL, dtype), aligned(n_kept * OL, dtype)
        # Beyond the last row gradients of tokens are read up to a whole vector.
        d, line = aligned(n_chunk * KL + width * LANES, dtype), aligned(C * LANES, dtype)
        d[:] = 0
        dh, dc = aligned(N, dtype), aligned(N, dtype)
        g = aligned(K * NARROW * width, dtype).reshape(K, NARROW, width)
        g_head = aligned(O * HEAD_NARROW * width, dtype).reshape(O, HEAD_NARROW, width)
        g_wide = aligned(G * WIDE, dtype).reshape(SQUARES, G, LANES)
        g_head_wide = aligned(O * HEAD_WIDE, dtype).reshape(HEAD_SQUARES, O, LANES)
        turned = aligned((n_chunk + 1) * TURNED, dtype)
        # What enters for a token, a row each: gates that sum both inputs, and the GRU's rest, each
        # filled up to whole vectors.
        FILLED = (S + width - 1) // width * width
        STRIDE = FILLED + (G - S + width - 1) // width * width
        table, g_table = aligned(E * STRIDE, dtype), aligned(E * STRIDE, dtype)
        table[:] = 0
        n_ids = n_steps * LANES if TOKENS else 0
        ids, target_ids = np.empty(n_ids, np.int32), np.empty(n_ids, np.int32)
        top, total = aligned(LANES, dtype), aligned(LANES, dtype)
        chosen = np.empty(LANES, np.intp)
        # Where channels of a step go, in `z` and `d_out`. The token's place is that of the ones,
        # which are written later.
        places = np.empty(n_steps * n_channels, np.intp)
        for t in range(n_steps):
            for c in range(n_channels):
                place = c if E == 0 else (c - 1 if c > 0 else C)
                places[t * n_channels + c] = t * ZL + place * LANES
        target_places = LANES * np.arange(0 if TOKENS else n_steps * O)
        enter(shared, n_tasks)
        while True:
            task, replica, start, batch = next_block(shared, n_tasks)
            if task < 0:
                break
            lanes, row = min(LANES, batch - start), rows[replica]
            _choose(row, start, lanes, chosen)
            w = weights[replica]
            for i in range(G):
                # Row i of torch, and where its recurrent and its other part go.
                r, q = (i, i) if i < S else (i, i + REST - S)
                for c in range(C):
                    ahead[q, c] = w[i * (E + C) + E + c]
                column = i if i < S else FILLED + i - S
                for e in range(E):
                    table[e * STRIDE + column] = w[i * (E + C) + e]
                for j in range(H):
                    ahead[r, HID + j] = back[j, i] = w[I_END + i * H + j]
                ahead[r, C] = w[B_END + i]
                ahead[q, C] = w[R_END + i] + (w[B_END + i] if i < S else 0)
            for k in range(K):
                for c in range(C):
                    inputs_back[c, k] = ahead[k, c]
            for o in range(O):
                head[o, 0] = w[W_END + o]
                for j in range(H):
                    head[o, 1 + j] = head_back[j, o] = w[D_END + o * H + j]
            place = task if slot < 0 else slot
            z, s = zs[place], saveds[place]
            if mode != BACKWARD:
                _to_lanes(x, chosen, z, places)
                if TOKENS and E > 0:
                    _tokens_to_lanes(x, chosen, LANES, ids)
                for t in range(n_steps + 1):
                    z[t * ZL + C * LANES : t * ZL + HID * LANES] = 1
                z[HID * LANES : ZL] = 0
                s[:VL] = 0
                for t in range(n_steps):
                    now, following = t * ZL, (t + 1) * ZL
                    h0, h1 = now + HID * LANES, following + HID * LANES
                    s0, s1 = t * VL, (t + 1) * VL
                    if TOKENS and E > 0:
                        if KIND == RNN:
                            look_up(z, h1, table, 0, STRIDE, ids, t * LANES, S)
                            multiply(z, h1, ahead, 0, Z, z, now, S, Z, 1)
                        else:
                            look_up(s, s1, table, 0, STRIDE, ids, t * LANES, S)
                            multiply(s, s1, ahead, 0, Z, z, now, S, Z, 1)
                    elif KIND == RNN:
                        multiply(z, h1, ahead, 0, Z, z, now, S, Z, 0)
                    else:
                        multiply(s, s1, ahead, 0, Z, z, now, S, Z, 0)
                    if KIND == RNN:
                        _rnn_forward(N, (z,), (h1,))
                    if KIND == GRU:
                        multiply(
                            s,
                            s1 + REC * LANES,
                            ahead,
                            REC * Z + C,
                            Z,
                            z,
                            now + C * LANES,
                            H,
                            TAIL,
                            0,
                        )
                        rest = s1 + REST * LANES
                        if TOKENS and E > 0:
                            look_up(s, rest, table, FILLED, STRIDE, ids, t * LANES, H)
                            multiply(s, rest, ahead, REST * Z, Z, z, now, H, HID, 1)
                        else:
                            multiply(s, rest, ahead, REST * Z, Z, z, now, H, HID, 0)
                        _gru_forward(N, (s, z, z), (s1, h0, h1))
                    if KIND == LSTM:
                        _lstm_forward(N, (s, s, z), (s0, s1, h1))
                    if TOKENS:
                        if mode == FORWARD:
                            multiply(out, 0, head, 0, TAIL, z, following + C * LANES, O, TAIL, 0)
                            for lane in range(lanes):
                                for o in range(O):
                                    output[row[start + lane], t, o] = out[o * LANES + lane]
                    else:
                        multiply(out, t * OL, head, 0, TAIL, z, following + C * LANES, O, TAIL, 0)
            if mode == FORWARD:
                if not TOKENS:
                    _from_lanes(out, row, start, lanes, output)
                continue
            if TOKENS:
                _tokens_to_lanes(targets, chosen, lanes, target_ids)
                losses[task] = 0
            else:
                _to_lanes(targets, chosen, d_out, target_places)
                for k in range(n_steps * O):
                    d_out[k * LANES + lanes : (k + 1) * LANES] = 0
                if mode == TRAIN:
                    weight = dtype.type(1 / (batch * n_steps))
                    losses[task] = likelihood(out, d_out, ratio[replica], bernoulli, weight, lanes)
            dh[:] = 0
            dc[:] = 0
            g[:] = 0
            g_head[:] = 0
            g_wide[:] = 0
            g_head_wide[:] = 0
            g_table[:] = 0
            end = n_steps
            while end > 0:
                begin = max(end - n_chunk, 0)
                kept = begin if TOKENS else 0
                if TOKENS:
                    for t in range(begin, end):
                        at, following = (t - begin) * OL, (t + 1) * ZL + C * LANES
                        multiply(d_out, at, head, 0, TAIL, z, following, O, TAIL, 0)
                        losses[task] += cross_entropy(
                            d_out, at, O, target_ids, t * LANES, top, total
                        )
                for t in range(end - 1, begin - 1, -1):
                    now, following, at = t * ZL, (t + 1) * ZL, (t - begin) * KL
                    h0, h1 = now + HID * LANES, following + HID * LANES
                    s0, s1 = t * VL, (t + 1) * VL
                    multiply(dh, 0, head_back, 0, O, d_out, (t - kept) * OL, H, O, 1)
                    if KIND == RNN:
                        _rnn_backward(N, (dh, z, d), (0, h1, at))
                    elif KIND == GRU:
                        _gru_backward(N, (dh, s, z, d), (0, s1, h0, at))
                    else:
                        _lstm_backward(N, (dh, dc, s, s, d), (0, 0, s0, s1, at))
                    for gate in range(0, GATES, AT_ONCE):
                        part, n_terms = at + gate * N, AT_ONCE * H
                        if KIND == RNN or H < LANES or gate + AT_ONCE < GATES:
                            multiply(dh, 0, back, gate * H, G, d, part, H, n_terms, 1)
                        else:
                            # What the step before will read of `s` is fetched meanwhile: its own
                            # rows and, of an LSTM, the cell before them in place of its own, which
                            # has just been read. Fewer units were measured to gain nothing by it.
                            soon = s0 if KIND == GRU else max(s0 - N, 0)
                            multiply_and_fetch(
                                dh, 0, back, gate * H, G, d, part, H, n_terms, s, soon, VL
                            )
                    if TOKENS and E > 0:
                        add_up(g_table, 0, STRIDE, ids, t * LANES, d, at, S)
                        if KIND == GRU:
                            rest = at + REST * LANES
                            add_up(g_table, FILLED, STRIDE, ids, t * LANES, d, rest, H)
                    if with_d_x:
                        multiply(line, 0, inputs_back, 0, K, d, at, C, K, 0)
                        for lane in range(lanes):
                            for c in range(C):
                                d_x[row[start + lane], t, c] = line[c * LANES + lane]
                size = end - begin
                correlate(g, 0, NARROW, d, 0, KL, z, begin * ZL, ZL, S, NARROW, size)
                if KIND == GRU:
                    correlate(
                        g,
                        (REC * NARROW + C) * width,
                        NARROW,
                        d,
                        REC * LANES,
                        KL,
                        z,
                        begin * ZL + C * LANES,
                        ZL,
                        H,
                        NARROW - C,
                        size,
                    )
                    correlate(
                        g,
                        REST * NARROW * width,
                        NARROW,
                        d,
                        REST * LANES,
                        KL,
                        z,
                        begin * ZL,
                        ZL,
                        H,
                        HID,
                        size,
                    )
                correlate(
                    g_head,
                    0,
                    HEAD_NARROW,
                    d_out,
                    (begin - kept) * OL,
                    OL,
                    z,
                    (begin + 1) * ZL + C * LANES,
                    ZL,
                    O,
                    HEAD_NARROW,
                    size,
                )
                # The head reads the states one step later.
                for t in range(size + 1 if TOKENS else size):
                    wide = (begin + t) * ZL + NARROW * LANES
                    transpose(turned, t * TURNED, z, wide, SQUARES)
                for p in range(SQUARES):
                    add_products(
                        g_wide, p * G * LANES, d, 0, KL, turned, p * SQUARE, TURNED, G, size
                    )
                for p in range(HEAD_SQUARES):
                    add_products(
                        g_head_wide,
                        p * O * LANES,
                        d_out,
                        (begin - kept) * OL,
                        OL,
                        turned,
                        TURNED + p * SQUARE,
                        TURNED,
                        O,
                        size,
                    )
                end = begin
            result = d_weights[task]
            for i in range(G):
                r, q = (i, i) if i < S else (i, i + REST - S)
                for c in range(C):
                    result[i * (E + C) + E + c] = g[q, c].sum()
                column = i if i < S else FILLED + i - S
                for e in range(E):
                    result[i * (E + C) + e] = g_table[e * STRIDE + column]
                for j in range(H - WIDE):
                    result[I_END + i * H + j] = g[r, HID + j].sum()
                for p in range(SQUARES):
                    at = I_END + (i + 1) * H - WIDE + p * LANES
                    result[at : at + LANES] = g_wide[p, i]
                result[R_END + i] = g[q, C].sum()
                result[B_END + i] = g[r, C].sum()
            for o in range(O):
                result[W_END + o] = g_head[o, 0].sum()
                for j in range(H - HEAD_WIDE):
                    result[D_END + o * H + j] = g_head[o, 1 + j].sum()
                for p in range(HEAD_SQUARES):
                    at = D_END + (o + 1) * H - HEAD_WIDE + p * LANES
                    result[at : at + LANES] = g_head_wide[p, o]

    # On disk each kind has a file of its own: processes that compile two kinds at once would
    # otherwise write over what the other has noted in it.
    kernel.__qualname__ = f"kernel_{kind}_tokens" if tokens else f"kernel_{kind}"
    return Compiled(kernel, nogil=True, **ARITHMETIC)
