"""A trained transformer as a program of torch.export."""

import json
from collections.abc import Mapping
from copy import deepcopy
from io import BytesIO
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .. import __version__
from .._files import seal, write_atomically
from .._random import seed_sequence
from .._typing import PathLike
from ..likelihoods import LIKELIHOODS
from ..predictors import TransformerPredictor
from ..training import isolated_torch
from ._network import FACTS


class TokenNetwork(nn.Module):
    """Logits of the next token at every position, from tokens.

    Parameters
    ----------
    network : torch.nn.Module
        Core and head of a transformer.
    n_tokens : int
        Size of the vocabulary.
    """

    def __init__(self, network: Any, n_tokens: int) -> None:
        super().__init__()
        self.core, self.head, self.n_tokens = network.core, network.head, n_tokens

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the logits, of shape (n_sequences, n_steps, n_tokens)."""
        return self.head(self.core.window(tokens[:, :, None])[-1])[:, :, : self.n_tokens]


def export_network(
    predictor: TransformerPredictor, path: PathLike, *, facts: Mapping[str, Any] | None = None
) -> None:
    """Write a transformer that was trained on tokens to a file that needs only torch.

    The file is a program of `torch.export`: it maps integers of shape (n_sequences, n_steps), at
    most as many steps as the context, to the logits of the next token at every step, in single
    precision on a CPU. Sequences of different lengths are filled up on the right; what comes
    later changes nothing. `load_network` reads it, and so does `torch.export.load` alone; a
    SHA-256 at its end, which `load_network` checks, tells damage. An existing file is replaced
    when the new one is complete.

    Parameters
    ----------
    predictor : TransformerPredictor
        Fitted with ``likelihood="categorical"``.
    path : path-like
        The file, by custom with the ending ``.pt2``. A leading ``~`` is the home folder.
    facts : dict, default=None
        Values for JSON that travel with the network, such as its accuracy, its capacity and the
        location of an `EmergenceCurve`.

    Raises
    ------
    NotFittedError
        If the predictor is not fitted.
    ValueError
        If it is not a transformer for tokens, or the facts are not JSON.
    OSError
        If the file cannot be written, or exists and is no regular file.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn_emerge import TransformerPredictor
    >>> from sklearn_emerge.serving import export_network, load_network
    >>> X = np.arange(300).reshape(30, 10) % 3
    >>> model = TransformerPredictor(
    ...     16, n_layers=1, likelihood="categorical", max_steps=60, random_state=0
    ... ).fit(X)
    >>> with TemporaryDirectory() as folder:
    ...     export_network(model, Path(folder, "network.pt2"), facts={"accuracy": 1.0})
    ...     network = load_network(Path(folder, "network.pt2"))
    >>> network.n_tokens, network.context, network.facts
    (3, 9, {'accuracy': 1.0})
    >>> network.generate([[0, 1], [2]], 4).tolist()
    [[2, 0, 1, 2], [0, 1, 2, 0]]
    """
    if not isinstance(predictor, TransformerPredictor):
        raise ValueError(
            f"predictor is a {type(predictor).__name__}, which cannot be exported; pass a fitted "
            "TransformerPredictor."
        )
    check_is_fitted(predictor)
    if predictor._n_exogenous:
        raise ValueError(
            f"predictor was fitted with n_exogenous={predictor._n_exogenous}, but what is exported "
            "continues tokens alone; fit it without exogenous channels."
        )
    if not LIKELIHOODS[predictor.likelihood_].tokens:
        raise ValueError(
            f"predictor was fitted with likelihood={predictor.likelihood_!r}; only networks for "
            "tokens can be exported: fit it with likelihood='categorical'."
        )
    try:
        facts = json.loads(json.dumps(dict(facts or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"facts={facts!r} cannot be written as JSON: {error}. Use numbers, strings and lists "
            "of plain Python."
        ) from error
    context = len(predictor.network_.core.positions)
    description = {
        "n_tokens": predictor.n_tokens_,
        "context": context,
        "n_parameters": predictor.n_parameters_,
        "sklearn_emerge": __version__,
        "torch": torch.__version__,
        "facts": facts,
        "checksum": "SHA-256 at the end of the file",
    }
    dim = torch.export.Dim
    sizes = {
        # Without a bound torch 2.6 takes the largest integer for one that does not hold.
        0: dim("n_sequences", min=1, max=2**31),
        1: dim("n_steps", min=1, max=context) if context > 1 else dim.STATIC,
    }
    with isolated_torch(seed_sequence(0), "cpu"):
        network = deepcopy(predictor.network_).cpu().float().eval()
        network = TokenNetwork(network, predictor.n_tokens_)
        example = torch.zeros((2, min(context, 2)), dtype=torch.long)
        program = torch.export.export(network, (example,), dynamic_shapes={"tokens": sizes})
    for node in program.graph.nodes:
        # It names the folders of this machine.
        node.meta.pop("stack_trace", None)

    # Not to the file: without room torch ends the process.
    content = BytesIO()
    torch.export.save(program, content, extra_files={FACTS: json.dumps(description)})
    write_atomically(path, *seal(content.getvalue()))
