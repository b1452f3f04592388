"""Folders of checkpoints: which step each is of, and what its files say before it is loaded."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._typing import PathLike

_OF_STEP = re.compile(r"(?:step|checkpoint|global_step|iter)[-_]?(\d+)")
_EXAMPLES = "step1000, step_1000, checkpoint-1000, global_step512 or iter_0001000"
_SIZES = "num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"
# So many names are listed.
_LISTED = 5


@dataclass(frozen=True)
class Architecture:
    """What the configuration of a checkpoint says of its network.

    Attributes
    ----------
    kind : str
        The architecture, as Hugging Face calls it.
    n_layers, n_units : int
        Blocks, and the width of what is passed between them.
    n_tokens : int
        Size of the vocabulary.
    n_positions : int or None
        Longest row; None if there is no limit.
    """

    kind: str
    n_layers: int
    n_units: int
    n_tokens: int
    n_positions: int | None


def find_steps(folder: PathLike) -> dict[int, Path]:
    """Return the folder of each step, sorted, or raise an error that says what is missing."""
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"folder={folder!r} is no path; pass that of a folder of checkpoints.")
    above, name = Path(os.path.expanduser(folder)), f"folder={str(folder)!r}"
    if not above.exists():
        raise FileNotFoundError(f"{name} does not exist; pass a folder of checkpoints.")
    if not above.is_dir():
        raise ValueError(f"{name} is a file; pass the folder that holds those of checkpoints.")
    inside = sorted(each for each in above.iterdir() if each.is_dir())
    found: dict[int, Path] = {}
    for each in inside:
        named = _OF_STEP.fullmatch(each.name)
        if named is None:
            continue
        step = int(named[1])
        if step in found:
            raise ValueError(
                f"{name} holds two folders of step {step}, {found[step].name!r} and "
                f"{each.name!r}; move one of them to another place."
            )
        found[step] = each
    if not found and (above / "config.json").is_file():
        raise ValueError(
            f"{name} is a single checkpoint; move it into a folder named by its step, such as "
            "step1000, and pass what holds that."
        )
    if not found:
        others = ", ".join(repr(each.name) for each in inside[:_LISTED]) or "none"
        raise ValueError(
            f"{name} holds no folder named as {_EXAMPLES}; its folders are {others}"
            f"{' and others' * (len(inside) > _LISTED)}. Rename them by their steps."
        )
    bare = [each.name for each in found.values() if not (each / "config.json").is_file()]
    if bare:
        raise ValueError(
            f"{name}: {len(bare)} of {len(found)} checkpoints have no config.json, first "
            f"{bare[0]!r}. Copy it there, or convert them to the format of Hugging Face "
            "(save_pretrained)."
        )
    return dict(sorted(found.items()))


def read_config(folder: Path) -> tuple[Architecture, str]:
    """Return the architecture of a checkpoint, and the precision that its weights are stored in."""
    library = transformers()
    try:
        # What a folder brings with it is read, and never run.
        whole = library.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ValueError(
            f"{folder.name}/config.json is no configuration that transformers knows: {error}"
        ) from error
    config = whole.get_text_config()
    n_layers, n_units, n_tokens, n_positions = (getattr(config, name, None) for name in _SIZES)
    if n_layers is None or n_units is None or n_tokens is None:
        raise ValueError(
            f"{folder.name}/config.json does not say num_hidden_layers, hidden_size and "
            "vocab_size; pass checkpoints of a causal language model."
        )
    stored = str(whole.dtype or "float32").removeprefix("torch.")
    return Architecture(whole.model_type, n_layers, n_units, n_tokens, n_positions), stored


def files_of(folder: Path) -> dict[str, Any]:
    """Return what tells the model files of a checkpoint from others, without reading weights."""
    weights = sorted({*folder.glob("*.safetensors"), *folder.glob("*.bin")})
    if not weights:
        raise ValueError(
            f"{folder.name} holds no weights, neither *.safetensors nor *.bin; download or convert "
            "them, or leave it out by steps."
        )
    of_file = {each.name: (each.stat().st_size, each.stat().st_mtime_ns) for each in weights}
    return of_file | {"config.json": (folder / "config.json").read_text(encoding="utf-8")}


def transformers() -> Any:
    """Return the library, or raise an ImportError that says how to install it."""
    try:
        import transformers as library
    except ImportError as error:
        raise ImportError(
            f"Checkpoints need transformers ({error}); run pip install "
            '"sklearn-emerge[checkpoints]".'
        ) from error
    return library
