"""How much of their attention the heads of a transformer give to which steps."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ._source import SAME, Display
from ._style import finish, literal, set_title, settle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..predictors import TransformerPredictor

# Steps that are named one by one.
_MOST_NAMES = 32


class AttentionDisplay(Display):
    """Attention of one layer and attention head: from which step to which, as shades of a matrix.

    A row is a step that attends, and its shares add up to 1; a column is a step that is attended
    to. What comes later is not seen. Build it with `from_estimator`.

    Parameters
    ----------
    pattern : ndarray of shape (n_steps, n_steps)
        Shares of attention, a row for each step that attends.
    tokens : sequence of str, default=None
        Names of the steps; None numbers them from 0 on.
    title : str, default=None
        Above it.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes, after `plot`.
    figure_ : matplotlib.figure.Figure
        Their figure, after `plot`.
    image_ : matplotlib.image.AxesImage
        The shades.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import AttentionDisplay, TransformerPredictor
    >>> X = np.arange(300).reshape(30, 10) % 3
    >>> model = TransformerPredictor(
    ...     16, n_layers=1, likelihood="categorical", max_steps=1, random_state=0
    ... ).fit(X)
    >>> display = AttentionDisplay.from_estimator(model, X[:1], layer=1, head=0, tokens=X[0])
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('is attended to', 'attends')
    >>> [tick.get_text() for tick in display.ax_.get_xticklabels()][:4]
    ['0', '1', '2', '0']
    """

    _options = {"cmap": "viridis", "vmax": 1.0}

    def __init__(
        self,
        pattern: NDArray[np.float64],
        tokens: Sequence[str] | None = None,
        title: str | None = None,
    ) -> None:
        self.pattern = pattern
        self.tokens = tokens
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: TransformerPredictor,
        X: Any,
        *,
        layer: int = 1,
        head: int | None = None,
        tokens: Sequence[Any] | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the attention of a fitted transformer in some sequences.

        Parameters
        ----------
        estimator : TransformerPredictor
            Fitted.
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences, over which the attention is averaged.
        layer : int, default=1
            One of the blocks, numbered from 1.
        head : int, default=None
            One of the attention heads, numbered from 0; None averages over all.
        tokens : sequence, default=None
            What to call the steps; those beyond the context are left out. None numbers them.
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure.

        Returns
        -------
        AttentionDisplay
            Plotted.

        Raises
        ------
        NotFittedError, ValueError
            As in `TransformerPredictor.attention_pattern`, or if the estimator has no attention,
            there is no such attention head, or there are fewer names than steps.
        """
        if not hasattr(estimator, "attention_pattern"):
            raise ValueError(
                f"{type(estimator).__name__} has no attention; pass a TransformerPredictor."
            )
        if np.ndim(layer):
            raise ValueError(f"layer={layer!r} must be one integer; plot one after another.")
        patterns = estimator.attention_pattern(X, layer=layer)[:, 0]
        n_heads = patterns.shape[1]
        numbered = isinstance(head, Integral) and not isinstance(head, bool)
        if head is not None and not (numbered and 0 <= head < n_heads):
            raise ValueError(
                f"head={head!r} is no attention head of this network; choose from 0 to "
                f"{n_heads - 1}, or None for the mean over all."
            )
        if n_heads == 1:
            head = 0
        which = f"mean of {n_heads} attention heads" if head is None else f"attention head {head}"
        several = f", mean of {len(patterns)} sequences" if len(patterns) > 1 else ""
        pattern = patterns.mean(axis=(0, 1)) if head is None else patterns[:, head].mean(axis=0)
        if tokens is not None:
            tokens = [str(token) for token in tokens]
            if len(tokens) < len(pattern):
                raise ValueError(
                    f"tokens has {len(tokens)} names for {len(pattern)} steps; pass one a step."
                )
            tokens = tokens[: len(pattern)]
        return cls(pattern, tokens, f"Layer {layer}, {which}{several}").plot(ax=ax)

    def plot(self, ax: Axes | None = None, cmap: str = SAME, vmax: float | str = SAME) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to plot; None makes a figure, or takes the last one of its own if nothing else
            was drawn into it.
        cmap : str, default="same"
            Name of a colour map of matplotlib; "same" as plotted before, at first "viridis".
        vmax : float, default="same"
            Share that has the last of its colours, as have all above: less where attention is
            spread over many steps. "same" as plotted before, at first 1.

        Returns
        -------
        AttentionDisplay
            Itself, with `ax_`, `figure_` and `image_`.

        Raises
        ------
        ValueError
            If `vmax` is not above 0 and at most 1.
        """
        given, most = self._as_before(cmap=cmap, vmax=vmax)
        if not isinstance(most, Real) or not 0 < float(most) <= 1:
            raise ValueError(f"vmax={vmax!r} is no share; pass a number above 0 and at most 1.")
        ax = self._new_axes(ax, (5.2, 4.4))
        n_steps = len(self.pattern)
        later = np.triu(np.ones((n_steps, n_steps), dtype=bool), 1)
        shown = np.ma.masked_array(self.pattern, later)
        self.image_ = ax.imshow(shown, vmin=0, vmax=most, cmap=given, interpolation="nearest")
        ax.set_xlabel("is attended to" + ("" if self.tokens else " (step)"))
        ax.set_ylabel("attends" + ("" if self.tokens else " (step)"))
        if self.tokens is not None and n_steps <= _MOST_NAMES:
            names = [literal(token) for token in self.tokens]
            longest = max(map(len, names))
            turned = 90 if longest * n_steps > 40 else 0
            size = 9 if n_steps <= 12 else 6
            ax.set_xticks(range(n_steps), names, rotation=turned, fontsize=size)
            ax.set_yticks(range(n_steps), names, fontsize=size)
        else:
            from matplotlib.ticker import MaxNLocator

            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(MaxNLocator(integer=True))
        extend = "max" if shown.max() > most else "neither"
        bar = ax.figure.colorbar(self.image_, ax=ax, label="share of attention", extend=extend)
        bar.outline.set_visible(False)
        settle(ax)
        if self.title is not None:
            set_title(ax, self.title)
        finish(ax)
        self.ax_ = ax
        self._plotted(ax, cmap=given, vmax=most)
        return self

    def _shown(self) -> str:
        row, column = np.unravel_index(np.argmax(np.tril(self.pattern, -1)), self.pattern.shape)
        share = self.pattern[row, column]
        what = self.title or "attention"
        return f"{what}; most to an earlier step: {share:.2f}, from step {row} to {column}"
