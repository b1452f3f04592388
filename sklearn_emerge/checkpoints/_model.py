"""A causal language model out of a folder: hidden states by layer, and the loss of next tokens."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._random import substream
from ..training import isolated_torch
from ._folders import transformers

# Rows of tokens, and of each token but the last the next one.
Batch = tuple[torch.Tensor, torch.Tensor]


def load_model(folder: Path, device: str | torch.device = "cpu") -> Any:
    """Return the model of a checkpoint, in single precision and evaluation mode."""
    library, stream = transformers(), substream(0, "checkpoint")
    with isolated_torch(stream, device, torch.get_num_threads()), _without_bars(library):
        try:
            # Eager attention, the one that can be differentiated twice.
            model, found = library.AutoModelForCausalLM.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation="eager",
                output_loading_info=True,
            )
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(f"{str(folder)!r} cannot be loaded: {error}") from error
        # transformers would draw them at random.
        missing = sorted(map(str, (*found["missing_keys"], *found["mismatched_keys"])))
        if missing:
            raise ValueError(
                f"{str(folder)!r} has no weights for {len(missing)} parameter(s) that config.json "
                f"asks for, first {missing[0]}; download it again, or convert it "
                "with its own configuration."
            )
        return model.eval().to(device)


@contextmanager
def _without_bars(library: Any) -> Iterator[None]:
    """Keep transformers from showing a bar for each file."""
    logging = library.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def layer_names(n_layers: int) -> list[str]:
    """Return the places whose states are recorded, in their order."""
    return ["embedding", *(str(layer) for layer in range(1, n_layers + 1)), "norm"]


def blocks_of(model: Any) -> tuple[Any, Any]:
    """Return the list of the blocks of a model, and the part of it whose output is after them."""
    n_layers = model.config.get_text_config().num_hidden_layers
    lists = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList)
    }
    fitting = [name for name, module in lists.items() if len(module) == n_layers]
    # Blocks can have lists of their own, of as many experts.
    outer = [n for n in fitting if not any(n.startswith(f"{each}.") for each in fitting)]
    # What holds them has the states after the final norm as its output, and no head.
    if len(outer) != 1 or "." not in outer[0]:
        known = ", ".join(f"{name} ({len(module)})" for name, module in lists.items()) or "none"
        raise ValueError(
            f"{type(model).__name__} has {len(outer)} lists of {n_layers} modules, and the outputs "
            f"of its {n_layers} blocks are looked for in one, in a part of it without head. Its "
            f"lists of modules are {known}. Leave out rankme and participation_ratio, or compute "
            "them from model(..., output_hidden_states=True)."
        )
    return lists[outer[0]], model.get_submodule(outer[0].rpartition(".")[0])


def states_and_losses(
    model: Any,
    tokens: NDArray[np.int64],
    *,
    layers: bool,
    losses: bool,
    position: int,
    batch_size: int,
) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Return the states of each layer at one token, and the loss of each row, from one pass.

    Parameters
    ----------
    model : PreTrainedModel
        In evaluation mode.
    tokens : ndarray of int of shape (n_rows, n_tokens)
        Rows.
    layers, losses : bool
        What is asked for; of what is not nothing is returned.
    position : int
        Token whose states are taken.
    batch_size : int
        Rows in a batch.

    Returns
    -------
    states : list of ndarray of shape (n_rows, n_units)
        In the order of `layer_names`.
    losses : ndarray of shape (n_rows,)
        Negative log-likelihood of the tokens after the first, in nats.
    """
    device = next(model.parameters()).device
    kept: list[list[Any]] = []
    nats = []
    stream = substream(0, "states")
    with isolated_torch(stream, device, torch.get_num_threads()), torch.no_grad():
        for rows in torch.from_numpy(tokens).split(batch_size):
            seen: list[Any] = []
            rows = rows.to(device)
            with _recorded(model, seen, position) if layers else nullcontext():
                if losses:
                    nats.append(next_token_loss(model, (rows, rows[:, 1:])))
                else:
                    model.base_model(input_ids=rows, use_cache=False)
            kept.append(seen)
    found = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
    return found, torch.cat(nats).double().cpu().numpy() if losses else np.empty(0)


@contextmanager
def _recorded(model: Any, seen: list[Any], position: int) -> Iterator[None]:
    """Append the states of each layer to a list while the model runs once."""
    blocks, whole = blocks_of(model)

    def keep(states: Any) -> None:
        seen.append(states[:, position].float().cpu().numpy())

    def before(module: Any, args: Any, kwargs: Any) -> None:
        keep(args[0] if args else kwargs["hidden_states"])

    def after(module: Any, args: Any, output: Any) -> None:
        keep(output[0] if isinstance(output, tuple) else output)

    def at_end(module: Any, args: Any, output: Any) -> None:
        keep(output[0])

    hooks = [blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
    hooks += [block.register_forward_hook(after) for block in blocks]
    hooks.append(whole.register_forward_hook(at_end))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def next_token_loss(model: Any, batch: Batch) -> torch.Tensor:
    """Return the negative log-likelihood of the next tokens of each row, in nats."""
    tokens, following = batch
    logits = model(input_ids=tokens, use_cache=False).logits[:, :-1]
    nats = torch.nn.functional.cross_entropy(logits.transpose(1, 2), following, reduction="none")
    return nats.sum(dim=1)


def draw_next_tokens(model: Any, batch: Batch, generator: torch.Generator) -> Batch:
    """Return rows with next tokens drawn from the model, each after the true ones before it."""
    tokens, following = batch
    shares = model(input_ids=tokens, use_cache=False).logits[:, :-1].softmax(dim=2)
    drawn = torch.multinomial(shares.flatten(0, 1), 1, generator=generator)
    return tokens, drawn.reshape(following.shape)
