"""Linear maps in half precision, by the processor where it can, and to the same numbers if not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch
from torch.nn.functional import embedding, linear
from torch.overrides import TorchFunctionMode


class RoundedLinear(TorchFunctionMode):
    """Compute linear maps in single precision, from and to numbers rounded to bfloat16.

    That is what hardware for bfloat16 does: products of rounded numbers, summed in single
    precision. Gradients are rounded, too. Where there is no such hardware, torch computes the same
    several times slower than in single precision.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, a linear map on rounded numbers.

        To look tokens up is one, too.
        """
        if function not in (linear, embedding):
            return function(*args, **(kwargs or {}))
        args = [_rounded(arg) if _is_float(arg) else arg for arg in args]
        return _rounded(function(*args, **(kwargs or {})))


def _is_float(arg: Any) -> bool:
    return isinstance(arg, torch.Tensor) and arg.is_floating_point()


def _rounded(values: torch.Tensor) -> torch.Tensor:
    return values.bfloat16().float()


def products_in(precision: str, device: str | torch.device) -> AbstractContextManager[Any]:
    """Return a context in which linear maps are computed in a precision.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
        The precision; "float32" is that of the weights.
    device : str or torch.device
        Where.

    Returns
    -------
    context manager
    """
    kind = torch.device(device).type
    half = precision == "bfloat16"
    if half and kind == "cpu" and not _computes_bfloat16():
        return RoundedLinear()
    # Without the cache, which keeps the weights of the first update until the outermost autocast
    # ends, one of the caller for instance.
    return torch.autocast(kind, torch.bfloat16, enabled=half, cache_enabled=False)


@cache
def _computes_bfloat16() -> bool:
    """Return whether the processor has instructions for bfloat16, as far as torch knows."""
    # Older versions of torch do not tell.
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if found.get("architecture") != "x86_64":
        return True
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
