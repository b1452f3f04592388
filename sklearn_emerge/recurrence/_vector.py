"""Small products of matrices with explicit vector instructions, for use in compiled kernels.

The number of lanes is a constant of the compiled code, all other sizes are not. Written as loops,
these products reach between a tenth and a half of what the processor can do, depending on the
shape and on the mood of the compiler's vectoriser. Here the vectors and the tiles of accumulators
that stay in registers are spelled out, which reaches most of it for any shape; code for one number
of hidden units alone was measured to be no faster. Sums have the same order whatever the tiles.

Arrays are flat; a position ("at") and a stride say where a matrix lies in one. The rows of lanes
are `LANES` apart. The cache of numba notices changes of the file that a kernel is in, and of no
other: after one of what they share, touch `_kernels.py`, `_head_kernels.py` and `_attention.py`.
"""

import math

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic, overload, register_jitable

# Sequences that a kernel takes through time together.
LANES = 32
# A vector is 64 bytes, which the compiler splits where registers are smaller.
_VECTOR_BYTES = 64
# Rows of a product, and rows and columns of a correlation, whose sums are kept in registers, of
# which there are 32 with AVX-512, and half as many, and half as wide, without: as many tiles of the
# first size as there can be, then of the next. Products in double precision, with twice the sums a
# row, leave out the largest.
_WIDE = get_host_cpu_features().get("avx512f", False)
_PRODUCT_ROWS = (8, 4, 2, 1) if _WIDE else (2, 1)
_MOST_SUMS = 16
_CORRELATION_ROWS = (4, 1) if _WIDE else (2, 1)
# Two inputs and the row of ones are three columns.
_CORRELATION_COLUMNS = (4, 3, 1) if _WIDE else (2, 1)
FAST = ("fast",)

# tanh(x) = x P(x^2) / Q(x^2) on [-8, 8], relative error 7e-9: minimax fit by iteratively
# reweighted linearised least squares. Coefficients of P and Q, the constant ones first.
TANH = tuple(
    tuple(map(np.float32, coefficients))
    for coefficients in (
        (
            0.9999999936234062,
            0.1344453400560307,
            0.003571640426717793,
            2.189534436489216e-05,
            1.5231332357406256e-08,
        ),
        (
            1.0,
            0.4677786135045504,
            0.026164605241940773,
            0.0003411360703000408,
            8.522827708414152e-07,
        ),
    )
)
LIMIT = np.float32(8)


@register_jitable(inline="always")
def rational(x, p, q):
    """Return x P(x^2) / Q(x^2), given five coefficients of each polynomial, as of `TANH`."""
    u = x * x
    numerator = p[0] + u * (p[1] + u * (p[2] + u * (p[3] + u * p[4])))
    return x * numerator / (q[0] + u * (q[1] + u * (q[2] + u * (q[3] + u * q[4]))))


def tanh(x):
    """Hyperbolic tangent: a rational function that vectorises in single precision."""
    return math.tanh(x)


@overload(tanh, inline="always")
def _tanh(x):
    if x == types.float32:
        return lambda x: rational(min(max(x, -LIMIT), LIMIT), TANH[0], TANH[1])
    return lambda x: math.tanh(x)


@register_jitable
def aligned(size, dtype):
    """Return a new flat array, of any values, that begins where a vector does.

    What crosses the borders of lines of the cache, of 64 bytes, takes twice as long to be read.
    """
    array = np.empty(size + _VECTOR_BYTES, dtype)
    start = -array.ctypes.data % _VECTOR_BYTES // array.itemsize
    return array[start : start + size]


@njit(inline="always")
def vector_width(array):
    """Return how many numbers of an array fill a vector."""
    return _VECTOR_BYTES // array.itemsize


@intrinsic(prefer_literal=True)
def multiply(typing, out, out_at, a, a_at, a_stride, b, b_at, n_rows, n_terms, add):
    """Matrix product out[r] = sum_k a[r, k] b[k], where out[r] and b[k] are rows of lanes.

    `add` (1 to add to `out`) is a constant.
    """
    onto = add.literal_value

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, out.dtype)
        starts = [
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 2, 5)
        ]
        stride, rows, terms = (arguments[i] for i in (4, 7, 8))

        def first(place):
            return vectors.load(place) if onto else vectors.zero

        _product(vectors, starts, stride, rows, terms, first, lambda place, total: total)
        return context.get_dummy_value()

    signature = types.void(out, out_at, a, a_at, a_stride, b, b_at, n_rows, n_terms, add)
    return signature, generate


@intrinsic
def multiply_and_fetch(
    typing, out, out_at, a, a_at, a_stride, b, b_at, n_rows, n_terms, soon, soon_at, n_soon
):
    """Add a product to `out`, as `multiply` does, and fetch `n_soon` numbers of `soon` meanwhile.

    These, of the type of `out`, are brought into the second cache, one vector with each term of a
    tile: with fewer terms than vectors the last ones are not. To fetch all at the start would only
    move the wait.
    """

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, out.dtype)
        *starts, fetched = (
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 2, 5, 9)
        )
        stride, rows, terms, n_fetched = (arguments[i] for i in (4, 7, 8, 11))
        _product(
            vectors,
            starts,
            stride,
            rows,
            terms,
            vectors.load,
            lambda place, total: total,
            fetched=(fetched, n_fetched),
        )
        return context.get_dummy_value()

    signature = types.void(
        out, out_at, a, a_at, a_stride, b, b_at, n_rows, n_terms, soon, soon_at, n_soon
    )
    return signature, generate


@intrinsic
def add_products(typing, out, out_at, a, a_at, a_step, b, b_at, b_step, n_rows, n_steps):
    """Add sum_q sum_k a[q, r, k] b[q, k] to out[r]; all rows, and sums over k, are of `LANES`.

    The steps of `a` and `b` are from one q to the next, `n_steps` is the range of q. It is what
    `correlate` does with rows of b that were transposed: an entry of `out` is then a number, not a
    vector of partial sums, which with many rows do not fit the cache. What is added comes from one
    sum, which rounds less than one that goes on from what was there.
    """

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, out.dtype)
        starts = [
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 2, 5)
        ]
        a_step, b_step, rows, steps = (arguments[i] for i in (4, 7, 8, 9))
        lanes = context.get_constant(types.intp, LANES)

        def zero(place):
            return vectors.zero

        def onto(place, total):
            return builder.fadd(vectors.load(place), total)

        _product(vectors, starts, lanes, rows, lanes, zero, onto, (steps, a_step, b_step))
        return context.get_dummy_value()

    signature = types.void(out, out_at, a, a_at, a_step, b, b_at, b_step, n_rows, n_steps)
    return signature, generate


def _product(vectors, starts, stride, rows, terms, first, last, blocks=None, fetched=None):
    """Write the code of a product of matrices, whose rows are taken by tiles.

    Parameters
    ----------
    vectors : Vectors
        Of the type of the numbers.
    starts : sequence of addresses
        Of the result, of the matrix of factors and of the rows that these multiply.
    stride, rows, terms : numbers of the code
        From one row of factors to the next; how many rows, and factors of a row, there are.
    first, last : callable
        Of the place of a vector of the result, what sums begin with; of the place and the sum,
        what is written there.
    blocks : tuple of numbers of the code, default=None
        How many blocks of as many terms are added up in one sum, and how far it is from one to the
        next, in entries of the factors and of the rows; None is one block.
    fetched : tuple of an address and a number of the code, default=None
        Address of numbers to bring into the second cache meanwhile, and how many.
    """
    builder = vectors.builder
    out_start, a_start, b_start = starts
    lanes = range(0, LANES, vectors.width)
    sizes = [each for each in _PRODUCT_ROWS if each * len(lanes) <= _MOST_SUMS]

    def tile(row, size):
        pairs = [(r, lane) for r in range(size) for lane in lanes]
        targets = [vectors.offset(out_start, row, LANES, r * LANES) for r in range(size)]
        places = [vectors.shift(targets[r], lane) for r, lane in pairs]
        sums = [vectors.register(first(place)) for place in places]

        def add_terms(scalars, b_start):
            with cgutils.for_range(builder, terms) as loop:
                if fetched is not None:
                    # Tiles that are smaller than the first fetch some again, and leave none out.
                    before = builder.mul(builder.udiv(row, row.type(sizes[0])), terms)
                    vectors.fetch(*fetched, builder.add(before, loop.index))
                at = vectors.offset(b_start, loop.index, LANES)
                values = {lane: vectors.load(vectors.shift(at, lane)) for lane in lanes}
                factors = [vectors.broadcast(builder.gep(each, [loop.index])) for each in scalars]
                for total, (r, lane) in zip(sums, pairs, strict=True):
                    value = vectors.multiply_add(factors[r], values[lane], builder.load(total))
                    builder.store(value, total)

        scalars = vectors.rows(a_start, row, stride, size)
        if blocks is None:
            add_terms(scalars, b_start)
        else:
            n_blocks, a_step, b_step = blocks
            with cgutils.for_range(builder, n_blocks) as loop:
                a_further, b_further = (builder.mul(loop.index, step) for step in (a_step, b_step))
                of_block = [builder.gep(each, [a_further]) for each in scalars]
                add_terms(of_block, builder.gep(b_start, [b_further]))
        for total, place in zip(sums, places, strict=True):
            vectors.store(last(place, builder.load(total)), place)

    vectors.tiles(rows, sizes, tile)


@intrinsic
def transpose(typing, out, out_at, rows, rows_at, n_squares):
    """Set out[s, lane, c] = rows[s, c, lane], where rows[s] are `LANES` rows of lanes."""

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, out.dtype)
        target, source = (
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 2)
        )
        parts = list(range(0, LANES, vectors.width))
        with cgutils.for_range(builder, arguments[4]) as loop:
            to, of = (vectors.offset(start, loop.index, LANES**2) for start in (target, source))
            for row in parts:
                for lane in parts:
                    places = [row * LANES + lane + k * LANES for k in range(vectors.width)]
                    square = [vectors.load(vectors.shift(of, place)) for place in places]
                    for k, value in enumerate(vectors.transposed(square)):
                        vectors.store(value, vectors.shift(to, (lane + k) * LANES + row))
        return context.get_dummy_value()

    signature = types.void(out, out_at, rows, rows_at, n_squares)
    return signature, generate


@intrinsic
def correlate(
    typing,
    out,
    out_at,
    out_stride,
    a,
    a_at,
    a_stride,
    b,
    b_at,
    b_stride,
    n_rows,
    n_columns,
    n_steps,
):
    """Add sum_q a[q, i] b[q, j] to out[i, j], where a[q, i] and b[q, j] are rows of lanes.

    An entry of `out` is a vector of partial sums over the lanes, to be added up in the end;
    `out_stride` counts vectors. The strides of `a` and `b` are from one q to the next, `n_steps`
    is the range of q.
    """

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, out.dtype)
        out_start, a_start, b_start = (
            vectors.pointer(signature.args[i], arguments[i], arguments[i + 1]) for i in (0, 3, 6)
        )
        out_step, a_step, b_step = (arguments[i] for i in (2, 5, 8))
        rows, columns, steps = arguments[9:]
        width = vectors.width
        out_width = builder.mul(out_step, context.get_constant(types.intp, width))

        def tile(i, j, height, breadth):
            pairs = [(r, c) for r in range(height) for c in range(breadth)]
            starts = vectors.rows(vectors.offset(out_start, j, width), i, out_width, height)
            places = [vectors.shift(starts[r], c * width) for r, c in pairs]
            sums = [vectors.register(vectors.load(place)) for place in places]
            first_a, first_b = (
                vectors.offset(p, k, LANES) for p, k in ((a_start, i), (b_start, j))
            )
            with cgutils.for_range(builder, steps) as loop:
                at_a = builder.gep(first_a, [builder.mul(loop.index, a_step)])
                at_b = builder.gep(first_b, [builder.mul(loop.index, b_step)])
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
                columns, _CORRELATION_COLUMNS, lambda j, breadth: tile(i, j, height, breadth)
            )

        vectors.tiles(rows, _CORRELATION_ROWS, row_of_tiles)
        return context.get_dummy_value()

    signature = types.void(
        out, out_at, out_stride, a, a_at, a_stride, b, b_at, b_stride, n_rows, n_columns, n_steps
    )
    return signature, generate


class Vectors:
    """Instructions on vectors of one type of number, or on several at once, as one."""

    def __init__(self, context, builder, dtype, n_vectors=1):
        self.context, self.builder = context, builder
        self.bytes = dtype.bitwidth // 8
        self.width = n_vectors * _VECTOR_BYTES // self.bytes
        self.type = ir.VectorType(context.get_value_type(dtype), self.width)
        self.zero = ir.Constant(self.type, None)

    def constant(self, number):
        """Return a vector of copies of a number."""
        return ir.Constant(self.type, [ir.Constant(self.type.element, float(number))] * self.width)

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

    def rows(self, pointer, index, stride, n):
        """Return the addresses of n rows from the given one on; the stride is not a constant."""
        rows = [self.builder.gep(pointer, [self.builder.mul(index, stride)])]
        while len(rows) < n:
            rows.append(self.builder.gep(rows[-1], [stride]))
        return rows

    def load(self, pointer):
        """Return the vector at an address."""
        value = self.builder.load(self.builder.bitcast(pointer, self.type.as_pointer()))
        value.align = self.bytes
        return value

    def store(self, value, pointer):
        """Write a vector to an address."""
        place = self.builder.bitcast(pointer, self.type.as_pointer())
        self.builder.store(value, place).align = self.bytes

    def fetch(self, pointer, n, k):
        """Bring vector k of n numbers into the second cache; beyond these, the first once more."""
        builder, code, byte = self.builder, ir.IntType(32), ir.IntType(8).as_pointer()
        at = builder.mul(k, k.type(self.width))
        at = builder.select(builder.icmp_unsigned("<", at, n), at, k.type(0))
        place = builder.bitcast(builder.gep(pointer, [at]), byte)
        fetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, code, code, code])
        )
        # To be read, not written; the second cache, as processors take it (3 is the first); data.
        builder.call(fetch, [place, code(0), code(2), code(1)])

    def broadcast(self, pointer):
        """Return a vector of copies of the number at an address."""
        undefined = ir.Constant(self.type, ir.Undefined)
        first = ir.Constant(ir.IntType(32), 0)
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        one = self.builder.insert_element(undefined, self.builder.load(pointer), first)
        return self.builder.shuffle_vector(one, undefined, everywhere)

    def transposed(self, square):
        """Return the columns of as many vectors as they are wide."""
        square, n, step = list(square), self.width, 1
        while step < n:
            # Squares of this size change places across the diagonal of one of twice the size.
            first = [lane if not lane & step else n + lane - step for lane in range(n)]
            second = [lane + step if not lane & step else n + lane for lane in range(n)]
            masks = [
                ir.Constant(ir.VectorType(ir.IntType(32), n), lanes) for lanes in (first, second)
            ]
            for i in range(n):
                if not i & step:
                    pair = square[i], square[i + step]
                    square[i], square[i + step] = (
                        self.builder.shuffle_vector(*pair, mask) for mask in masks
                    )
            step *= 2
        return square

    def multiply_add(self, a, b, c):
        """Return a * b + c, fused where the processor can."""
        return self.builder.fadd(c, self.builder.fmul(a, b, flags=FAST), flags=FAST)

    def register(self, value):
        """Return the address of a variable, which the compiler keeps in a register."""
        place = cgutils.alloca_once(self.builder, self.type)
        self.builder.store(value, place)
        return place

    def tiles(self, n, sizes, body):
        """Call body(start, size) for tiles of n, as many of each size as fit after those before."""
        builder, start = self.builder, ir.Constant(n.type, 0)
        for size in (ir.Constant(n.type, each) for each in sizes):
            whole = builder.udiv(builder.sub(n, start), size)
            with cgutils.for_range(builder, whole) as loop:
                body(builder.add(start, builder.mul(loop.index, size)), size.constant)
            start = builder.add(start, builder.mul(whole, size))
