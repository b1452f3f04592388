"""Rows of a table that lanes choose, as rows of lanes and back, for use in compiled kernels.

A token, or a sequence, has a row of the table, of consecutive numbers, and a kernel wants a row of
lanes for each of these numbers: the rows that the lanes have chosen, transposed. That is done by
squares of vectors in registers, which takes a quarter of the time of copying number by number.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from ._vector import LANES, Vectors


@intrinsic
def look_up(typing, out, out_at, table, table_at, stride, tokens, tokens_at, n_rows):
    """Set out[r, lane] = table[token of the lane, r], where out[r] are rows of lanes.

    `stride` is from the row of one token to that of the next, a multiple of the width of a
    vector; `tokens` has one of each lane. The table is read up to the next such multiple.
    """
    _check_precision(out, table)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, out.dtype)
        out_start, table_start = (
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 2)
        )
        tokens_start = vectors.pointer(signature.args[5], arguments[5], arguments[6])
        rows, width = arguments[7], vectors.width
        whole = builder.udiv(rows, ir.Constant(rows.type, width))
        done = builder.mul(whole, ir.Constant(rows.type, width))
        square = cgutils.alloca_once(builder, vectors.type, size=width)
        for lane in range(0, LANES, width):
            chosen = _rows_of(vectors, table_start, arguments[4], tokens_start, lane)

            def transposed(row, chosen=chosen):
                return vectors.transposed([vectors.load(builder.gep(p, [row])) for p in chosen])

            with cgutils.for_range(builder, whole) as loop:
                row = builder.mul(loop.index, ir.Constant(rows.type, width))
                target = vectors.offset(out_start, row, LANES, lane)
                for r, value in enumerate(transposed(row)):
                    vectors.store(value, vectors.shift(target, r * LANES))
            with builder.if_then(builder.icmp_unsigned("<", done, rows)):
                for r, value in enumerate(transposed(done)):
                    builder.store(value, vectors.shift(square, r))
                with cgutils.for_range(builder, builder.sub(rows, done)) as loop:
                    target = vectors.offset(out_start, builder.add(done, loop.index), LANES, lane)
                    vectors.store(builder.load(builder.gep(square, [loop.index])), target)
        return context.get_dummy_value()

    signature = types.void(out, out_at, table, table_at, stride, tokens, tokens_at, n_rows)
    return signature, generate


@intrinsic
def add_up(typing, table, table_at, stride, tokens, tokens_at, rows, rows_at, n_rows):
    """Add rows[r, lane] to table[token of the lane, r], the lanes in their order.

    As in `look_up`; both are read up to the next multiple of the width, and what the table has
    there is of no use.
    """
    _check_precision(rows, table)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, table.dtype)
        table_start = vectors.pointer(signature.args[0], arguments[0], arguments[1])
        tokens_start = vectors.pointer(signature.args[3], arguments[3], arguments[4])
        start = vectors.pointer(signature.args[5], arguments[5], arguments[6])
        count, width = arguments[7], vectors.width
        n_squares = builder.udiv(
            builder.add(count, ir.Constant(count.type, width - 1)), ir.Constant(count.type, width)
        )
        for lane in range(0, LANES, width):
            chosen = _rows_of(vectors, table_start, arguments[2], tokens_start, lane)
            with cgutils.for_range(builder, n_squares) as loop:
                row = builder.mul(loop.index, ir.Constant(count.type, width))
                source = vectors.offset(start, row, LANES, lane)
                square = [vectors.load(vectors.shift(source, r * LANES)) for r in range(width)]
                for place, value in zip(chosen, vectors.transposed(square), strict=True):
                    target = builder.gep(place, [row])
                    total = builder.fadd(vectors.load(target), value)
                    vectors.store(total, target)
        return context.get_dummy_value()

    signature = types.void(table, table_at, stride, tokens, tokens_at, rows, rows_at, n_rows)
    return signature, generate


@intrinsic
def gather(typing, out, places, table, rows, n_columns):
    """Set out[places[c] + lane] = table[row of the lane, c], up to the last multiple of the width.

    `rows` has one of each lane.
    """
    _check_precision(out, table)

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, out.dtype)
        zero = context.get_constant(types.intp, 0)
        out_start, places_start, table_start, rows_start = (
            vectors.pointer(signature.args[i], arguments[i], zero) for i in range(4)
        )
        n, width = arguments[4], ir.Constant(arguments[4].type, vectors.width)
        for lane in range(0, LANES, vectors.width):
            chosen = _rows_of(vectors, table_start, n, rows_start, lane)
            with cgutils.for_range(builder, builder.udiv(n, width)) as loop:
                column = builder.mul(loop.index, width)
                first = builder.gep(places_start, [column])
                square = [vectors.load(builder.gep(row, [column])) for row in chosen]
                for c, value in enumerate(vectors.transposed(square)):
                    target = builder.gep(out_start, [builder.load(vectors.shift(first, c))])
                    vectors.store(value, vectors.shift(target, lane))
        return context.get_dummy_value()

    signature = types.void(out, places, table, rows, n_columns)
    return signature, generate


def _check_precision(lanes, table):
    """Raise an error unless both are of numbers that take as much room: they are copied as such."""
    if lanes.dtype != table.dtype:
        raise TypingError(f"rows of {table.dtype} and lanes of {lanes.dtype}")


def _rows_of(vectors, table, stride, chosen, lane):
    """Return the addresses of the rows that the lanes of a vector have chosen."""
    builder, addresses = vectors.builder, []
    for k in range(lane, lane + vectors.width):
        row = builder.sext(builder.load(vectors.shift(chosen, k)), stride.type)
        addresses.append(builder.gep(table, [builder.mul(row, stride)]))
    return addresses
