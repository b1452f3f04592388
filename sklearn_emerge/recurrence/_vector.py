"""Small products of matrices with explicit vector instructions, for use in compiled kernels.

The number of hidden units and the number of lanes are constants of the compiled code. Written as
loops, these products reach between a tenth and a half of what the processor can do, depending on
the shape and on the mood of the compiler's vectoriser. Here the vectors and the tiles of
accumulators that stay in registers are spelled out, which reaches most of it for any shape.

Arrays are flat; a position ("at") and a stride say where a matrix lies in one. The rows of lanes
are `LANES` apart. The cache of numba does not notice changes of this file: after one, touch
`_kernels.py`.
"""

import math

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

# Sequences that a kernel takes through time together.
LANES = 32
# A vector is 64 bytes, which the compiler splits where registers are smaller.
_VECTOR_BYTES = 64
# Rows of a product, and rows and columns of a correlation, whose sums are kept in registers.
_PRODUCT_TILE, _CORRELATION_TILE = 4, 2
_FAST = ("fast",)

# tanh(x) = x P(x^2) / Q(x^2) on [-8, 8], relative error 7e-9: minimax fit by iteratively
# reweighted linearised least squares.
_P0, _P1, _P2, _P3, _P4 = map(np.float32, (
    0.9999999936234062, 0.1344453400560307, 0.003571640426717793, 2.189534436489216e-05,
    1.5231332357406256e-08,
))  # fmt: skip
_Q0, _Q1, _Q2, _Q3, _Q4 = map(np.float32, (
    1.0, 0.4677786135045504, 0.026164605241940773, 0.0003411360703000408, 8.522827708414152e-07,
))  # fmt: skip
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


@njit(inline="always")
def vector_width(array):
    """Return how many numbers of an array fill a vector."""
    return _VECTOR_BYTES // array.itemsize


@intrinsic(prefer_literal=True)
def multiply(typing, out, out_at, a, a_at, a_stride, b, b_at, n_rows, n_terms, add):
    """Matrix product out[r] = sum_k a[r, k] b[k], where out[r] and b[k] are rows of lanes.

    `a_stride`, `n_rows`, `n_terms` and `add` (1 to add to `out`) are constants.
    """
    stride, rows, terms, onto = (
        constant.literal_value for constant in (a_stride, n_rows, n_terms, add)
    )

    def generate(context, builder, signature, arguments):
        vectors = _Vectors(context, builder, out.dtype)
        out_start, a_start, b_start = (
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 2, 5)
        )

        def tile(row, size):
            scalars = [vectors.offset(a_start, row, stride, r * stride) for r in range(size)]
            targets = [vectors.offset(out_start, row, LANES, r * LANES) for r in range(size)]
            for lane in range(0, LANES, vectors.width):
                places = [vectors.shift(target, lane) for target in targets]
                sums = [vectors.load(place) if onto else vectors.zero for place in places]
                for k in range(terms):
                    term = vectors.load(vectors.shift(b_start, k * LANES + lane))
                    for r in range(size):
                        factor = vectors.broadcast(vectors.shift(scalars[r], k))
                        sums[r] = vectors.multiply_add(factor, term, sums[r])
                for total, place in zip(sums, places, strict=True):
                    vectors.store(total, place)

        vectors.tiles(rows, _PRODUCT_TILE, tile)
        return context.get_dummy_value()

    signature = types.void(out, out_at, a, a_at, a_stride, b, b_at, n_rows, n_terms, add)
    return signature, generate


@intrinsic(prefer_literal=True)
def correlate(
    typing, out, out_at, out_stride, a, a_at, a_stride, b, b_at, b_stride, n_rows, n_columns,
    n_steps,
):  # fmt: skip
    """Add sum_q a[q, i] b[q, j] to out[i, j], where a[q, i] and b[q, j] are rows of lanes.

    An entry of `out` is a vector of partial sums over the lanes, to be added up in the end;
    `out_stride` counts vectors. The strides (of `a` and `b`: from one q to the next), `n_rows`
    and `n_columns` are constants; `n_steps`, the range of q, is not.
    """
    out_step, a_step, b_step, rows, columns = (
        constant.literal_value for constant in (out_stride, a_stride, b_stride, n_rows, n_columns)
    )

    def generate(context, builder, signature, arguments):
        vectors = _Vectors(context, builder, out.dtype)
        out_start, a_start, b_start = (
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 3, 6)
        )
        steps = context.cast(builder, arguments[-1], signature.args[-1], types.intp)
        width = vectors.width

        def tile(i, j, height, breadth):
            pairs = [(r, c) for r in range(height) for c in range(breadth)]
            row = vectors.offset(out_start, i, out_step * width)
            start = vectors.offset(row, j, width)
            places = [vectors.shift(start, (r * out_step + c) * width) for r, c in pairs]
            # The compiler keeps these in registers.
            sums = [cgutils.alloca_once(builder, vectors.type) for _ in pairs]
            for total, place in zip(sums, places, strict=True):
                builder.store(vectors.load(place), total)
            first_a, first_b = (
                vectors.offset(p, k, LANES) for p, k in ((a_start, i), (b_start, j))
            )
            with cgutils.for_range(builder, steps) as loop:
                at_a = vectors.offset(first_a, loop.index, a_step)
                at_b = vectors.offset(first_b, loop.index, b_step)
                for lane in range(0, LANES, width):
                    left = [
                        vectors.load(vectors.shift(at_a, r * LANES + lane)) for r in range(height)
                    ]
                    right = [
                        vectors.load(vectors.shift(at_b, c * LANES + lane)) for c in range(breadth)
                    ]
                    for total, (r, c) in zip(sums, pairs, strict=True):
                        value = vectors.multiply_add(left[r], right[c], builder.load(total))
                        builder.store(value, total)
            for total, place in zip(sums, places, strict=True):
                vectors.store(builder.load(total), place)

        def row_of_tiles(i, height):
            vectors.tiles(
                columns, _CORRELATION_TILE, lambda j, breadth: tile(i, j, height, breadth)
            )

        vectors.tiles(rows, _CORRELATION_TILE, row_of_tiles)
        return context.get_dummy_value()

    signature = types.void(
        out, out_at, out_stride, a, a_at, a_stride, b, b_at, b_stride, n_rows, n_columns, n_steps
    )
    return signature, generate


class _Vectors:
    """Instructions on vectors of one type of number."""

    def __init__(self, context, builder, dtype):
        self.context, self.builder = context, builder
        self.bytes = dtype.bitwidth // 8
        self.width = _VECTOR_BYTES // self.bytes
        self.type = ir.VectorType(context.get_value_type(dtype), self.width)
        self.zero = ir.Constant(self.type, None)

    def pointer(self, array_type, array, at):
        """Return the address of an entry of a flat array."""
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
        return self.builder.gep(data, [at])

    def shift(self, pointer, n):
        """Return the address a constant number of entries further."""
        return self.builder.gep(pointer, [self.context.get_constant(types.intp, n)])

    def offset(self, pointer, index, stride, further=0):
        """Return the address index * stride + further entries further."""
        distance = self.builder.mul(index, self.context.get_constant(types.intp, stride))
        return self.shift(self.builder.gep(pointer, [distance]), further)

    def load(self, pointer):
        """Return the vector at an address."""
        value = self.builder.load(self.builder.bitcast(pointer, self.type.as_pointer()))
        value.align = self.bytes
        return value

    def store(self, value, pointer):
        """Write a vector to an address."""
        place = self.builder.bitcast(pointer, self.type.as_pointer())
        self.builder.store(value, place).align = self.bytes

    def broadcast(self, pointer):
        """Return a vector of copies of the number at an address."""
        undefined = ir.Constant(self.type, ir.Undefined)
        first = ir.Constant(ir.IntType(32), 0)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        one = self.builder.insert_element(undefined, self.builder.load(pointer), first)
        return self.builder.shuffle_vector(one, undefined, everywhere)

    def multiply_add(self, a, b, c):
        """Return a * b + c, fused where the processor can."""
        return self.builder.fadd(c, self.builder.fmul(a, b, flags=_FAST), flags=_FAST)

    def tiles(self, n, size, body):
        """Call body(start, size) for tiles of n, and for a smaller one if one is left over."""
        index = self.context.get_constant
        if n // size:
            with cgutils.for_range(self.builder, index(types.intp, n // size)) as loop:
                body(self.builder.mul(loop.index, index(types.intp, size)), size)
        if n % size:
            body(index(types.intp, n - n % size), n % size)
