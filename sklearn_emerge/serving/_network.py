"""A network that was exported: what it knows of itself, its logits, and greedy continuation."""

import json
from collections.abc import Callable, Iterator, Sequence, Sized
from io import BytesIO
from numbers import Integral
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .._files import check_given, read_sealed
from .._random import seed_sequence
from .._typing import PathLike
from .._validation import check_integer
from ..training import isolated_torch

# Name of the description in the file of a network.
FACTS = "sklearn_emerge.json"


class ExportedNetwork:
    """A network for tokens that `load_network` has read.

    Its methods may be called from several threads at once.

    Parameters
    ----------
    module : callable
        Maps a tensor of integers of shape (n_sequences, n_steps) to logits.
    description : dict
        ``n_tokens``, ``context``, ``n_parameters``, ``sklearn_emerge`` and ``torch`` (versions),
        and ``facts``.

    Attributes
    ----------
    n_tokens : int
        Size of the vocabulary; tokens are the integers from 0 on below it.
    context : int
        How many tokens are seen at once.
    facts : dict
        What was written with it.
    description : dict
        All of it.

    Examples
    --------
    Any function of tokens will do; this one expects the next integer.

    >>> import torch
    >>> from sklearn_emerge.serving import ExportedNetwork
    >>> network = ExportedNetwork(
    ...     lambda tokens: torch.eye(5)[(tokens + 1) % 5],
    ...     {"n_tokens": 5, "context": 8, "facts": {}},
    ... )
    >>> network.generate([[0, 1, 2], [4]], 3)
    array([[3, 4, 0],
           [0, 1, 2]])
    """

    def __init__(
        self, module: Callable[[torch.Tensor], torch.Tensor], description: dict[str, Any]
    ) -> None:
        self._module = module
        self.description = description
        self.n_tokens = description["n_tokens"]
        self.context = description["context"]
        self.facts = description["facts"]

    def logits(self, tokens: ArrayLike) -> NDArray[np.float32]:
        """Return the logits of the next token at every step.

        Parameters
        ----------
        tokens : array-like of int of shape (n_sequences, n_steps)
            Sequences of 1 to `context` tokens.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_tokens)
            Entry t is about the token after the tokens up to t.

        Raises
        ------
        ValueError
            If these are not tokens, or more than the context.
        """
        tokens = check_prompts(tokens, self.n_tokens, "tokens")
        lengths = {len(row) for row in tokens}
        if len(lengths) > 1 or max(lengths) > self.context:
            raise ValueError(
                f"tokens has rows of {', '.join(map(str, sorted(lengths)))} steps; pass rows of "
                f"one length, at most the context, {self.context}."
            )
        return self._logits(np.array(tokens))

    def _logits(self, tokens: NDArray[np.integer]) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            return self._module(torch.from_numpy(tokens)).numpy()

    def generate(self, prompts: Sequence[Sequence[int]], n_steps: int) -> NDArray[np.int64]:
        """Continue sequences of tokens by the most probable token, again and again.

        Of more tokens than the context the last ones are seen.

        Parameters
        ----------
        prompts : sequence of sequences of int
            The beginnings, of any lengths from 1 on.
        n_steps : int
            How many tokens to add to each.

        Returns
        -------
        ndarray of int of shape (n_prompts, n_steps)
            The tokens that were added, as `TransformerPredictor.generate` adds them.

        Raises
        ------
        ValueError
            If these are not tokens, or `n_steps` is not an integer of at least 0.
        """
        *_, added = self._steps(prompts, n_steps)
        return added

    def _steps(self, prompts: Sequence[Sequence[int]], n_steps: int) -> Iterator[Any]:
        """Yield None after each step of `generate`, and in the end what it returns."""
        prompts = check_prompts(prompts, self.n_tokens)
        check_integer(n_steps, "n_steps", 0)
        rows = np.arange(len(prompts))
        lengths = np.array([len(prompt) for prompt in prompts])
        # Filled up on the right, which causal attention does not see.
        tokens = np.zeros((len(prompts), lengths.max() + n_steps), dtype=np.int64)
        for row, prompt in zip(tokens, prompts, strict=True):
            row[: len(prompt)] = prompt
        for ends in (lengths + step for step in range(n_steps)):
            starts = np.maximum(ends - self.context, 0)
            columns = starts[:, np.newaxis] + np.arange(min(ends.max(), self.context))
            logits = self._logits(tokens[rows[:, np.newaxis], columns])
            tokens[rows, ends] = logits[rows, ends - starts - 1].argmax(axis=1)
            yield None
        yield tokens[rows[:, np.newaxis], lengths[:, np.newaxis] + np.arange(n_steps)]


def check_prompts(prompts: Any, n_tokens: int, name: str = "prompts") -> list[list[int]]:
    """Raise a ValueError unless these are sequences of tokens; return them as lists."""
    if not _is_list(prompts):
        raise ValueError(f"{name}={prompts!r} must be a list of at least one list of tokens.")
    for i, prompt in enumerate(prompts):
        if not _is_list(prompt):
            raise ValueError(f"{name}[{i}] is {prompt!r}; pass a list of at least one token.")
        for j, token in enumerate(prompt):
            integer = isinstance(token, Integral) and not isinstance(token, bool)
            if not integer or not 0 <= token < n_tokens:
                raise ValueError(
                    f"{name}[{i}][{j}] is {token!r}, which is not a token; tokens are the "
                    f"integers 0 to {n_tokens - 1}."
                )
    return [list(prompt) for prompt in prompts]


def _is_list(value: Any) -> bool:
    """Return whether these are several things that can be read twice, at least one."""
    return (
        np.iterable(value)
        and isinstance(value, Sized)
        and not isinstance(value, str)
        and len(value) > 0
    )


def load_network(path: PathLike) -> ExportedNetwork:
    """Read a network that `export_network` has written.

    Parameters
    ----------
    path : path-like
        The file. Load only files that you trust: it is a program. Its checksum tells damage,
        not who wrote it.

    Returns
    -------
    ExportedNetwork
        With ``n_tokens``, ``context``, ``facts``, ``logits`` and ``generate``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a network that `export_network` has written, or is damaged.

    Examples
    --------
    >>> from sklearn_emerge.serving import load_network
    >>> load_network("missing.pt2")
    Traceback (most recent call last):
        ...
    FileNotFoundError: path='missing.pt2' does not exist; pass a file written by export_network.
    """
    found = check_given(path, "export_network")
    extra_files = {FACTS: ""}
    try:
        data = read_sealed(found, required=False)
        content = BytesIO(data)
        # Before torch, which fills the log if it cannot read a file.
        with ZipFile(content) as archive:
            if not any(name.endswith(f"/{FACTS}") for name in archive.namelist()):
                raise ValueError(f"it has no {FACTS}")
        content.seek(0)
        with isolated_torch(seed_sequence(0), "cpu"):
            module = torch.export.load(content, extra_files=extra_files).module()
        description = json.loads(extra_files[FACTS])
        if description.pop("checksum", None) and len(data) == found.stat().st_size:
            raise ValueError("it is damaged: the checksum at its end is gone")
        return ExportedNetwork(module, description)
    # What torch raises for files that are not its own is not documented, and varies.
    except Exception as error:
        raise ValueError(
            f"path={str(path)!r} cannot be read as a network ({error}); pass a file written by "
            "export_network."
        ) from error
