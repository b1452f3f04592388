"""How much of its attention a network gives to the heads and tokens of an attention gate."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from .._typing import Floats
from .._validation import as_numbers, check_integer
from ..predictors import TransformerPredictor
from ..worlds import Sample
from ._named import with_depth


def attention_gate(
    attention_logits: ArrayLike,
    *,
    heads: Sequence[int],
    tokens: ArrayLike,
    layers: Sequence[int] | None = None,
    relative: bool = False,
) -> float | Floats:
    r"""Return the activation of an attention gate from logits of attention.

    .. math:: G = \frac{1}{|H_g| |T_f|} \sum_{l \in L_g} \sum_{h \in H_g} \sum_{t \in T_f}
        \frac{e^{g_{l,h,t}}}{\sum_{h', t'} e^{g_{l,h',t'}}}

    for layers :math:`L_g`, heads :math:`H_g` and tokens :math:`T_f`. The softmax is over all
    heads and tokens of a layer, so that :math:`0 \le G \le |L_g| / (|H_g| |T_f|)`. Over those
    of the gate alone it would be that bound, whatever the logits.

    Parameters
    ----------
    attention_logits : array-like of shape (..., n_layers, n_heads, n_tokens)
        Logits, as `TransformerPredictor.attention_logits` returns them; minus infinity for
        tokens that cannot be seen.
    heads : sequence of int
        Heads of the gate.
    tokens : sequence of int, or array-like of bool of shape (..., n_tokens)
        Tokens that the gate looks at.
    layers : sequence of int, default=None
        Layers of the gate; None is all.
    relative : bool, default=False
        Whether to divide by the bound: the share of attention of the gate, which can be
        compared between networks of other sizes and gates of other sizes.

    Returns
    -------
    float or ndarray of shape (...)
        The activation.

    Raises
    ------
    ValueError
        If there are no such heads, tokens or layers, or the gate is all of them, which has the
        bound as its activation.

    References
    ----------
    The Emergence page, circuit activation.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.measures import attention_gate
    >>> logits = np.zeros((3, 4, 10))  # attends to everything alike
    >>> attention_gate(logits, heads=[0], tokens=[8, 9])
    0.075
    >>> round(attention_gate(logits, heads=[0], tokens=[8, 9], relative=True), 3)
    0.05
    """
    logits = as_numbers(attention_logits, "attention_logits")
    if logits.ndim < 3 or np.isnan(logits).any() or (logits == np.inf).any():
        raise ValueError(
            "attention_logits must have the dimensions (..., n_layers, n_heads, n_tokens), without "
            f"NaN and infinity (but minus infinity); got the shape {logits.shape}."
        )
    n_layers, n_heads, n_tokens = logits.shape[-3:]
    if (logits == -np.inf).all(axis=(-2, -1)).any():
        raise ValueError(
            "attention_logits are minus infinity for all heads and tokens of a layer, which then "
            "attends to nothing; pass logits of tokens that can be seen."
        )
    in_layers = np.arange(n_layers) if layers is None else _check_places("layers", layers, n_layers)
    of_heads = _check_places("heads", heads, n_heads)
    focus = np.asarray(tokens)
    if focus.dtype == bool:
        if focus.ndim < 1 or focus.shape[-1] != n_tokens or not focus.any(axis=-1).all():
            raise ValueError(
                f"tokens of shape {focus.shape} must have {n_tokens} entries at the end, as "
                "attention_logits, and choose a token of each."
            )
    else:
        focus = np.isin(np.arange(n_tokens), _check_places("tokens", tokens, n_tokens))
    if len(of_heads) == n_heads and focus.all():
        raise ValueError(
            "The gate is all heads and tokens: its activation would be the same whatever the "
            "logits. Pass fewer heads or tokens."
        )
    attention = softmax(logits, axis=(-2, -1))[..., in_layers, :, :][..., of_heads, :]
    total = (attention * focus[..., np.newaxis, np.newaxis, :]).sum(axis=(-3, -2, -1))
    scale = len(in_layers) if relative else len(of_heads) * focus.sum(axis=-1)
    activation = total / scale
    return activation if np.ndim(activation) else float(activation)


def attention_head_gates(
    predictor: TransformerPredictor, evaluation: Sample, *, n_focus: int = 8, n_sequences: int = 100
) -> xr.DataArray:
    """Return the share of attention that each head gives to the last tokens before an answer.

    The `attention_gate` (relative) of each layer and head as a gate of its own, where a token
    that counts is to be predicted, averaged over these; the shares of a layer and of all
    tokens add up to one. Made for
    ``EmergenceAssessment(measures={"gate": attention_head_gates})``: from its variable
    ``gate_trajectory`` the activation of any set of heads is a mean over layers of sums over
    heads.

    Parameters
    ----------
    predictor : TransformerPredictor
        Fitted.
    evaluation : Sample
        Sequences; those of tokens say which count, of others it is the last one.
    n_focus : int, default=8
        How many tokens up to the one that attends, itself included, the gate looks at.
    n_sequences : int, default=100
        Sequences to use, at most.

    Returns
    -------
    xarray.DataArray of dimensions (layer, head)
        Shares of attention; layers are numbered from 1, and ``depth`` is their share of all.

    Raises
    ------
    ValueError
        If the predictor is no transformer, a number is out of range or no token counts.

    Examples
    --------
    >>> from sklearn_emerge import TransformerPredictor, TriangleWorld
    >>> from sklearn_emerge.measures import attention_head_gates
    >>> world = TriangleWorld()
    >>> sample = world.sample(20, random_state=0)
    >>> model = TransformerPredictor(
    ...     8, 1, 2, likelihood="categorical", n_tokens=world.n_tokens, max_steps=1, random_state=0
    ... ).fit(sample.X)
    >>> attention_head_gates(model, sample).dims
    ('layer', 'head')
    """
    if not isinstance(predictor, TransformerPredictor):
        raise ValueError(
            f"{type(predictor).__name__} has no attention; measure a TransformerPredictor."
        )
    for name, value in (("n_focus", n_focus), ("n_sequences", n_sequences)):
        check_integer(value, name)
    if evaluation.get("observed") is not None:
        raise ValueError(
            "evaluation has missing steps, which a network sees as copies of those before, so that "
            "attention to them means nothing; pass complete sequences."
        )
    X = evaluation.X[:n_sequences]
    last = X.shape[1] - 2
    if evaluation.scored is not None:
        rows, steps = np.nonzero(evaluation.scored[:n_sequences])
        rows, steps = rows[steps > 0], steps[steps > 0] - 1
    else:
        rows, steps = np.arange(len(X)), np.full(len(X), last)
    if not len(rows):
        raise ValueError(
            f"No token counts in the first n_sequences={n_sequences} sequences; use more."
        )
    # The window that ends at each step, or the first one that holds it.
    n_keys = min(predictor.context_length_, X.shape[1])
    starts = np.clip(steps - n_keys + 1, 0, X.shape[1] - n_keys)
    windows = X[rows[:, np.newaxis], starts[:, np.newaxis] + np.arange(n_keys)]
    steps = steps - starts
    logits = predictor.at_length(n_keys).attention_logits(windows, steps)
    back = steps[:, np.newaxis] - np.arange(logits.shape[-1])
    focus = (back >= 0) & (back < n_focus)
    n_layers, n_heads = logits.shape[1:3]
    shares = [
        np.mean(attention_gate(logits, heads=[head], tokens=focus, layers=[layer], relative=True))
        for layer in range(n_layers)
        for head in range(n_heads)
    ]
    coords = {"layer": np.arange(1, n_layers + 1), "head": np.arange(n_heads)}
    found = xr.DataArray(np.reshape(shares, (n_layers, n_heads)), coords, dims=("layer", "head"))
    return with_depth(found, predictor)


def _check_places(name: str, places: ArrayLike, size: int) -> NDArray[np.integer]:
    """Return indices after checking that they are different and exist."""
    places = np.asarray(places)
    whole = places.ndim == 1 and places.size and np.issubdtype(places.dtype, np.integer)
    if not whole or places.min() < 0 or places.max() >= size:
        raise ValueError(
            f"{name}={places.tolist()!r} must be a list of integers from 0 to {size - 1}."
        )
    if len(np.unique(places)) < len(places):
        raise ValueError(f"{name}={places.tolist()!r} has a number twice; drop one.")
    return places
