"""What devices and cores must be able to do."""

from copy import deepcopy
from typing import Any

import torch

from ._sequence import hidden_states


def check_device(device: str | torch.device) -> None:
    """Raise a ValueError unless torch can compute on the device, also in double precision."""
    try:
        # Networks are evaluated in it. The number is read: some devices hold none.
        torch.zeros(1, dtype=torch.float64, device=device).item()
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device={device!r} cannot be used: {reason}. Use 'cpu', or install torch for it."
        ) from error


def check_core(
    core: torch.nn.Module,
    n_inputs: int,
    n_of_task: int | None = None,
    n_tokens: int | None = None,
) -> int:
    """Return the number of hidden units after checking what a core must be.

    `n_of_task` is how many inputs there would be without what is predicted. `n_tokens` of the
    inputs are tokens, which a core that takes tokens receives as one number.
    """
    # Double precision, as everywhere outside training.
    core = deepcopy(core).cpu().double().eval()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, 4, n_inputs, generator=generator, dtype=torch.float64)
    later, neighbour = inputs.clone(), inputs.clone()
    later[:, 2:] += 1.0
    neighbour[0] += 1.0
    if n_tokens is not None and getattr(core, "takes_tokens", False):
        inputs, later, neighbour = (
            _with_tokens(x, changed, n_tokens)
            for x, changed in (
                (inputs, slice(0, 0)),
                (later, (slice(None), slice(2, None))),
                (neighbour, 0),
            )
        )
    try:
        with torch.no_grad():
            hidden, other, apart = (hidden_states(core(x)) for x in (inputs, later, neighbour))
    except RuntimeError as error:
        task = ""
        if n_of_task is not None and _takes(core, inputs[..., :n_of_task]):
            task = (
                f" It takes {n_of_task}, the inputs of a task alone: if it was not fed what is "
                "predicted, say so of the world, ArrayWorld(X, inputs=..., feedback=False), with "
                "input_delay=0 if it answers on the same step."
            )
        raise ValueError(
            f"module failed on inputs of shape {tuple(inputs.shape)} and dtype float64, in which "
            f"networks are evaluated: {error}. It must take {n_inputs} inputs a step (the channels "
            "of the data and, unless time_channel=None, the clock), and create tensors with "
            f"dtype=inputs.dtype in forward.{task}"
        ) from error
    if not isinstance(hidden, torch.Tensor) or hidden.ndim != 3 or hidden.shape[:2] != (2, 4):
        shape = getattr(hidden, "shape", type(hidden).__name__)
        raise ValueError(
            f"module returned hidden states of shape {tuple(shape)} for inputs of shape "
            f"{tuple(inputs.shape)}; expected (n_sequences, n_steps, n_hidden)."
        )
    if not torch.allclose(hidden[1], apart[1]):
        raise ValueError(
            "module mixes sequences: changing one changes the hidden states of another. Recurrent "
            "modules of torch need batch_first=True."
        )
    if not torch.allclose(hidden[:, :2], other[:, :2]):
        raise ValueError(
            "module is not causal: changing later steps changes earlier hidden states, so it "
            "could read the answer. Use a causal module (not bidirectional, masked attention)."
        )
    return hidden.shape[2]


def _with_tokens(inputs: torch.Tensor, changed: Any, n_tokens: int) -> torch.Tensor:
    """Return inputs with the first token in place of a channel each, another where changed."""
    tokens = torch.zeros_like(inputs[..., :1])
    tokens[changed] = min(1, n_tokens - 1)
    return torch.cat([tokens, inputs[..., n_tokens:]], dim=2)


def _takes(core: torch.nn.Module, inputs: torch.Tensor) -> bool:
    """Return whether a core runs on inputs."""
    try:
        with torch.no_grad():
            core(inputs)
    except RuntimeError:
        return False
    return True
