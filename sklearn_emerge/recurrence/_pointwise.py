"""Formulas that are applied to each number of some rows of lanes, for use in compiled kernels.

Written as loops over arrays whose size is not known, the compiler would have to make sure that
they do not overlap, and gives up where there are many. Here a formula is written with numbers of
Python, and becomes vector instructions.
"""

import math

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing import signature as signature_of
from numba.extending import intrinsic

from ._vector import LIMIT, TANH, Vectors, rational

# e^r = 1 + r + r^2 P(r) between -log(2) / 2 and log(2) / 2, as in the library of Cephes.
_EXP = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
# Added to a small number it leaves the nearest integer in the last bits.
_ROUND = 1.5 * 2**23
# Two parts of log(2); the product of the first with an integer has no error.
_LOG_2 = 0.693359375, -2.12194440e-4
# e^-x of what is beyond it is no normal number of single precision.
_LARGEST = 87.0


def pointwise(step):
    """Make a compiled function that does the same to all entries of rows of lanes.

    Parameters
    ----------
    step : callable
        Its arguments are `Blocks`, one an array. ``a[i]`` is an entry of the block i of the array
        a and can be set; blocks have the same size. Entries are added, multiplied and so on, and
        passed to `tanh_of`, `sigmoid_of` and `exponential_of`.

    Returns
    -------
    callable
        Of the size of a block, a multiple of `LANES`, the arrays as a tuple, and the places where
        they begin as another.
    """

    @intrinsic
    def apply(typing, size, arrays, starts):
        # A formula is a chain of operations that wait for each other: of two there is more to do.
        return _applied(step, size, arrays, starts, n_vectors=2)

    return apply


def pointwise_of(step):
    """Make a compiled function as `pointwise` does, whose last argument is a constant.

    The code is that of one constant. A function that is made for each constant instead, in the
    closure of a kernel, would keep numba from finding the kernel on the disk again: it names such
    functions at random.

    Parameters
    ----------
    step : callable
        As of `pointwise`, and of a number.

    Returns
    -------
    callable
        As of `pointwise`, and of a number that is known when it is compiled.
    """

    @intrinsic(prefer_literal=True)
    def apply(typing, size, arrays, starts, constant):
        return _applied(step, size, arrays, starts, constant)

    return apply


def _applied(step, size, arrays, starts, *constants, n_vectors=1):
    """Return the signature of a pointwise function, and what writes its code."""

    def generate(context, builder, signature, arguments):
        vectors = Vectors(context, builder, arrays.dtype.dtype, n_vectors)
        n, *tuples = arguments[:3]
        parts = (cgutils.unpack_tuple(builder, each) for each in tuples)
        pointers = [vectors.pointer(arrays.dtype, *each) for each in zip(*parts, strict=True)]
        width = context.get_constant(types.intp, vectors.width)
        with cgutils.for_range(builder, builder.udiv(n, width)) as loop:
            first = builder.mul(loop.index, width)
            blocks = (Blocks(vectors, builder.gep(each, [first]), n) for each in pointers)
            step(*blocks, *(each.literal_value for each in constants))
        return context.get_dummy_value()

    return types.void(size, arrays, starts, *constants), generate


class Blocks:
    """Entries of the blocks of an array, a vector of them at a time; see `pointwise`."""

    def __init__(self, vectors, pointer, n):
        self.vectors, self.pointer, self.n = vectors, pointer, n

    def _place(self, block):
        return self.vectors.offset(self.pointer, self.n, block)

    def __getitem__(self, block):
        return Entry(self.vectors, self.vectors.load(self._place(block)))

    def __setitem__(self, block, entry):
        value = entry.value if isinstance(entry, Entry) else self.vectors.constant(entry)
        self.vectors.store(value, self._place(block))


class Entry:
    """A number of each lane, in the formula of a `pointwise` function."""

    # Numbers of numpy leave operations with it to it.
    __array_ufunc__ = None

    def __init__(self, vectors, value):
        self.vectors, self.value = vectors, value

    def _with(self, name, other):
        value = other.value if isinstance(other, Entry) else self.vectors.constant(other)
        return Entry(self.vectors, getattr(self.vectors.builder, name)(self.value, value))

    def __add__(self, other):
        return self._with("fadd", other)

    def __sub__(self, other):
        return self._with("fsub", other)

    def __mul__(self, other):
        return self._with("fmul", other)

    def __truediv__(self, other):
        return self._with("fdiv", other)

    def __rsub__(self, other):
        return Entry(self.vectors, self.vectors.constant(other)) - self

    __radd__, __rmul__ = __add__, __mul__

    def clipped(self, limit):
        """Return it between -limit and limit; what is no number stays so."""
        value, builder = self.value, self.vectors.builder
        for sign, bound in ((">", -limit), ("<", limit)):
            end = self.vectors.constant(bound)
            beyond = builder.fcmp_ordered(sign, end, value)
            value = builder.select(beyond, end, value)
        return Entry(self.vectors, value)

    def map(self, function):
        """Return a function of Python's `math` of each lane by itself."""
        vectors, builder, result = self.vectors, self.vectors.builder, self.value
        kind = signature_of(types.float64, types.float64)
        implementation = vectors.context.get_function(function, kind)
        for lane in range(vectors.width):
            place = ir.Constant(ir.IntType(32), lane)
            one = implementation(builder, (builder.extract_element(self.value, place),))
            result = builder.insert_element(result, one, place)
        return Entry(vectors, result)


def tanh_of(x):
    """Return the hyperbolic tangent of an entry."""
    if x.vectors.bytes == 8:
        return x.map(math.tanh)
    return rational(x.clipped(LIMIT), *TANH)


# (1 + tanh(x / 2)) / 2 is this and a half: powers of two are in the coefficients, without rounding.
_SIGMOID = tuple(
    tuple(each / 2.0 ** (2 * k + extra) for k, each in enumerate(coefficients))
    for coefficients, extra in zip(TANH, (2, 0), strict=True)
)


def sigmoid_of(x):
    """Return 1 / (1 + exp(-x)) of an entry."""
    if x.vectors.bytes == 8:
        return 0.5 + 0.5 * (0.5 * x).map(math.tanh)
    return 0.5 + rational(x.clipped(2 * LIMIT), *_SIGMOID)


def exponential_of(x):
    """Return the exponential of an entry that is not positive."""
    vectors, builder = x.vectors, x.vectors.builder
    if vectors.bytes == 8:
        return x.map(math.exp)
    x = x.clipped(_LARGEST)
    # Without liberties of the compiler, which would leave out what is added and taken off: numba
    # gives instructions without flags those of the kernel. This one says nothing of rounding.
    flags = ("nsz",)
    scaled = builder.fmul(x.value, vectors.constant(math.log2(math.e)), flags=flags)
    shifted = builder.fadd(scaled, vectors.constant(_ROUND), flags=flags)
    power = builder.fsub(shifted, vectors.constant(_ROUND), flags=flags)
    rest = x.value
    for part in _LOG_2:
        multiple = builder.fmul(power, vectors.constant(part), flags=flags)
        rest = builder.fsub(rest, multiple, flags=flags)
    r, polynomial = Entry(vectors, rest), _EXP[0]
    for coefficient in _EXP[1:]:
        polynomial = r * polynomial + coefficient
    mantissa = r * r * polynomial + r + 1.0
    integers = ir.VectorType(ir.IntType(32), vectors.width)
    places = ir.Constant(integers, [23] * vectors.width)
    exponent = builder.shl(builder.bitcast(shifted, integers), places)
    bits = builder.add(builder.bitcast(mantissa.value, integers), exponent)
    return Entry(vectors, builder.bitcast(bits, vectors.type))
