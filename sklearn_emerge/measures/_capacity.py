"""Capacity of a network: parameters, precision, heads, layers and compute."""

from copy import deepcopy
from math import prod
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from .._typing import Floats
from .._validation import as_numbers
from ..networks import SequenceNetwork
from ..predictors._neural import NeuralPredictor
from ..worlds import Sample

# A layer of width 64 with one head and a feed-forward network of 256 units, over 128 tokens:
# 24 * 64^2 + 4 * 128 * 64 operations per token.
REFERENCE_FLOPS = 2**17


@validate_params(
    {
        "reference_flops": [Interval(Real, 0, None, closed="neither")],
        "include_precision": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def capacity(
    n_parameters: ArrayLike,
    n_heads: ArrayLike,
    n_layers: ArrayLike,
    flops: ArrayLike,
    *,
    bits: ArrayLike = 16,
    include_precision: bool = True,
    reference_flops: float = REFERENCE_FLOPS,
) -> float | Floats:
    r"""Return the capacity of a network.

    .. math:: C = P \log_2 B \cdot H \cdot L \cdot \frac{F}{F_{ref}}

    with P parameters of B bits, H heads, L layers and F floating-point operations per token.
    ``np.log2`` of it without the precision is the :math:`C_i` (of one sample) and the
    :math:`C_{sweep}` of the Emergence page, which leave the factor :math:`\log_2 B` out.

    Parameters
    ----------
    n_parameters, n_heads, n_layers : int or array-like of int
        P, H and L, at least 1; arrays are combined by broadcasting.
    flops : float or array-like of float
        F, operations per token, a multiplication and an addition counting as two.
    bits : int or array-like of int, default=16
        B, bits of a parameter, at least 2.
    include_precision : bool, default=True
        Whether the factor :math:`\log_2 B` is part of it.
    reference_flops : float, default=131072
        :math:`F_{ref}`: operations per token of a layer of width 64 with one head and four times
        as many feed-forward units over 128 tokens. The page says "a single-head layer" and
        nothing of its size; another reference multiplies all capacities by a constant.

    Returns
    -------
    float or ndarray
        The capacity, without a unit.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.measures import capacity
    >>> capacity(1_000_000, 3, 3, 2**20)
    288000000.0
    >>> one, two = (capacity(1000, h, 2, 2**18, include_precision=False) for h in (1, 2))
    >>> float(np.log2(two) - np.log2(one))
    1.0
    """
    given = {"n_parameters": n_parameters, "n_heads": n_heads, "n_layers": n_layers}
    given |= {"bits": bits, "flops": flops}
    parts: dict[str, Floats] = {}
    for name, value in given.items():
        parts[name] = as_numbers(value, name)
        least = {"bits": 2, "flops": np.finfo(float).tiny}.get(name, 1)
        if not ((parts[name] >= least) & (parts[name] < np.inf)).all():
            raise ValueError(f"{name}={value!r} must be at least {least:g}, and finite.")
        if name != "flops" and (parts[name] % 1).any():
            raise ValueError(f"{name}={value!r} must be whole; pass a count.")
    try:
        np.broadcast_shapes(*(part.shape for part in parts.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {part.shape}" for name, part in parts.items())
        raise ValueError(
            f"The shapes do not fit together: {shapes}; pass numbers, or arrays that broadcast."
        ) from error
    product = parts["flops"] / reference_flops
    for name in ("n_parameters", "n_heads", "n_layers"):
        product = product * parts[name]
    if include_precision:
        product = product * np.log2(parts["bits"])
    return product if np.ndim(product) else float(product)


def count_flops(module: torch.nn.Module, shape: tuple[int, ...]) -> int:
    """Count the floating-point operations of a forward pass, without making it.

    Parameters
    ----------
    module : torch.nn.Module
        Any module.
    shape : tuple of int
        Shape of the floats that it is called with, (n_sequences, n_steps, n_inputs) for networks
        of predictors, among whose inputs a token is one.

    Returns
    -------
    int
        Operations of matrix products, convolutions and attention, a multiplication and an
        addition counting as two; element-wise operations are not counted. Causal attention
        counts in full, as it is computed by most kernels, and tokens that networks of predictors
        look up count as the product with a channel each that this stands for.

    Raises
    ------
    ValueError
        If the module is none, or cannot be called with such a shape.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emerge.measures import count_flops
    >>> count_flops(torch.nn.Linear(10, 20), (5, 10))  # 2 * 5 * 10 * 20
    2000
    """
    if not isinstance(module, torch.nn.Module):
        raise ValueError(
            f"module={module!r} is not a torch.nn.Module; of a fitted predictor pass network_."
        )
    looked_up = {torch.ops.aten.embedding: _flops_of_look_up}
    counter = FlopCounterMode(
        display=False, custom_mapping=looked_up if isinstance(module, SequenceNetwork) else None
    )
    # Tensors without data; the fused kernels of a CPU are not known to the counter.
    module = deepcopy(module).to("meta")
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            module(torch.zeros(shape, dtype=torch.float32, device="meta"))
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"module failed on an input of shape={shape} without data: {error}. Pass the shape "
            "that it takes, and create tensors with device=inputs.device in forward."
        ) from error
    return counter.get_total_flops()


def _flops_of_look_up(weight: Any, tokens: Any, *args: Any, **options: Any) -> int:
    """Return the operations of the product of a matrix with a channel a token."""
    return 2 * prod(tokens) * prod(weight)


@validate_params(
    {
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def module_capacity(
    module: torch.nn.Module,
    shape: tuple[int, ...],
    *,
    n_heads: int = 1,
    n_layers: int = 1,
    bits: int = 16,
    **options: Any,
) -> Bunch:
    """Return the capacity of a torch module, with what it is made of.

    Parameters
    ----------
    module : torch.nn.Module
        Any module; `network_` of a fitted predictor is one.
    shape : tuple of int
        Shape of its input, (n_sequences, n_steps, ...); operations are divided by ``n_sequences *
        n_steps``.
    n_heads, n_layers : int, default=1
        Heads and layers. A recurrent network has one of each.
    bits : int, default=16
        Bits of a parameter.
    **options
        Passed to `capacity`.

    Returns
    -------
    sklearn.utils.Bunch
        ``n_parameters``, ``n_heads``, ``n_layers``, ``bits``, ``flops`` (per token) and
        ``capacity``.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> from sklearn_emerge import TransformerPredictor, TriangleWorld
    >>> from sklearn_emerge.measures import module_capacity
    >>> world = TriangleWorld()
    >>> model = TransformerPredictor(
    ...     64, 2, 4, likelihood="categorical", n_tokens=world.n_tokens, max_steps=0, random_state=0
    ... ).fit(world.sample(5, random_state=0).X)
    >>> found = module_capacity(model.network_, (1, 45, 1), n_heads=4, n_layers=2)
    >>> found.n_parameters == model.n_parameters_, found.flops
    (True, 226560.0)
    """
    steps = shape[:2] if isinstance(shape, tuple) else ()
    if len(steps) < 2 or not all(isinstance(n, Integral) and n > 0 for n in steps):
        raise ValueError(
            f"shape={shape!r} must begin with numbers of sequences and of steps, of at least 1 "
            "each; pass (n_sequences, n_steps, ...)."
        )
    flops = count_flops(module, shape) / (shape[0] * shape[1])
    n_parameters = sum(parameter.numel() for parameter in module.parameters())
    return Bunch(
        n_parameters=n_parameters,
        n_heads=n_heads,
        n_layers=n_layers,
        bits=bits,
        flops=flops,
        capacity=capacity(n_parameters, n_heads, n_layers, flops, bits=bits, **options),
    )


def network_capacity(
    predictor: NeuralPredictor, evaluation: Sample, *, include_precision: bool = True
) -> float:
    """Return the capacity of a fitted network on sequences of some length.

    `module_capacity` of its ``network_``, with the heads and layers of a transformer and one of
    each for other networks. Parameters count 16 bits if it was trained in half precision, else
    32. Made for ``EmergenceAssessment(measures={"capacity": network_capacity})``.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted.
    evaluation : Sample
        Sequences, of whose length the operations of a token depend.
    include_precision : bool, default=True
        Whether the logarithm of the bits of a parameter is a factor of it.

    Returns
    -------
    float
        The capacity, without a unit.

    Raises
    ------
    ValueError
        If the predictor has no network.

    Examples
    --------
    >>> from sklearn_emerge import GRUPredictor, OscillatorWorld
    >>> from sklearn_emerge.measures import network_capacity
    >>> sample = OscillatorWorld(n_steps=20).sample(10, random_state=0)
    >>> model = GRUPredictor(4, max_steps=0, random_state=0).fit(sample.X)
    >>> round(network_capacity(model, sample), 3)
    0.586
    """
    network = getattr(predictor, "network_", None)
    if network is None:
        raise ValueError(
            f"{type(predictor).__name__} has no network whose capacity could be counted; fit a "
            "neural predictor."
        )
    facts = dict(predictor.capacity_facts_)
    shape = 1, evaluation.X.shape[1] - 1, facts.pop("n_inputs")
    found = module_capacity(network, shape, **facts, include_precision=include_precision)
    return found.capacity
