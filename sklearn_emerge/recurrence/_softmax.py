"""The loss of tokens given logits, for use in compiled kernels."""

import math

from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from ._pointwise import Entry, exponential_of
from ._vector import LANES, Vectors


# Without fast arithmetic, which it would have from its callers if nothing was said: where memory
# lies would decide whether the compiler divides vectors, by an approximation, or numbers, exactly.
@njit(error_model="numpy", fastmath=False)
def cross_entropy(rows, at, n_tokens, tokens, tokens_at, top, total):
    """Replace logits by the gradient of the loss; return the loss, summed over lanes, in nats.

    Parameters
    ----------
    rows : ndarray
        Has from `at` on a row of lanes for each token of the vocabulary: its logits.
    tokens : ndarray of int
        Has from `tokens_at` on the token of each lane; where it is negative, nothing is lost.
    top, total : ndarray of shape (LANES,)
        Are written over.
    """
    loss, product = 0.0, 1.0
    for lane in range(LANES):
        token = tokens[tokens_at + lane]
        if token >= 0:
            loss -= rows[at + token * LANES + lane]
    exponentiate(rows, at, n_tokens, top, total)
    for lane in range(LANES):
        if tokens[tokens_at + lane] >= 0:
            loss += top[lane]
            # One logarithm for all lanes: a total is no larger than the vocabulary.
            product *= total[lane]
            total[lane] = 1 / total[lane]
        else:
            total[lane] = 0
    scale(rows, at, n_tokens, total)
    for lane in range(LANES):
        token = tokens[tokens_at + lane]
        if token >= 0:
            rows[at + token * LANES + lane] -= 1
    return loss + math.log(product)


@intrinsic
def exponentiate(typing, rows, at, n_rows, top, total):
    """Replace rows by the exponentials of their differences from the largest of each lane.

    `top` receives the largest of each lane, and `total` the sums of the exponentials.
    """

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, rows.dtype)
        start = vectors.pointer(signature.args[0], arguments[0], arguments[1])
        zero = context.get_constant(types.intp, 0)
        tops, totals = (vectors.pointer(signature.args[i], arguments[i], zero) for i in (3, 4))
        lanes = range(0, LANES, vectors.width)
        largest = [vectors.register(vectors.load(vectors.shift(start, lane))) for lane in lanes]
        with cgutils.for_range(builder, arguments[2]) as loop:
            row = vectors.offset(start, loop.index, LANES)
            for most, lane in zip(largest, lanes, strict=True):
                value, so_far = vectors.load(vectors.shift(row, lane)), builder.load(most)
                larger = builder.fcmp_ordered(">", value, so_far)
                builder.store(builder.select(larger, value, so_far), most)
        sums = [vectors.register(vectors.zero) for _ in lanes]
        with cgutils.for_range(builder, arguments[2]) as loop:
            row = vectors.offset(start, loop.index, LANES)
            for most, so_far, lane in zip(largest, sums, lanes, strict=True):
                place = vectors.shift(row, lane)
                value = Entry(vectors, vectors.load(place))
                value = exponential_of(value - Entry(vectors, builder.load(most)))
                vectors.store(value.value, place)
                builder.store(builder.fadd(builder.load(so_far), value.value), so_far)
        for most, so_far, lane in zip(largest, sums, lanes, strict=True):
            vectors.store(builder.load(most), vectors.shift(tops, lane))
            vectors.store(builder.load(so_far), vectors.shift(totals, lane))
        return context.get_dummy_value()

    return types.void(rows, at, n_rows, top, total), generate


@intrinsic
def scale(typing, rows, at, n_rows, factors):
    """Multiply each lane of rows by its factor."""

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, rows.dtype)
        start = vectors.pointer(signature.args[0], arguments[0], arguments[1])
        zero = context.get_constant(types.intp, 0)
        source = vectors.pointer(signature.args[3], arguments[3], zero)
        lanes = range(0, LANES, vectors.width)
        chosen = [vectors.load(vectors.shift(source, lane)) for lane in lanes]
        with cgutils.for_range(builder, arguments[2]) as loop:
            row = vectors.offset(start, loop.index, LANES)
            for factor, lane in zip(chosen, lanes, strict=True):
                place = vectors.shift(row, lane)
                vectors.store(builder.fmul(vectors.load(place), factor), place)
        return context.get_dummy_value()

    return types.void(rows, at, n_rows, factors), generate
