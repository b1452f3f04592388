"""The transformer predictor."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import torch
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, StrOptions
from skorch.callbacks import GradientNormClipping
from torch import nn

from .._docs import fill_doc
from .._typing import Floats, RandomState
from ..networks import SequenceNetwork, TransformerCore, check_core, initialise
from ..training import ClipEachGradient, LowerPrecision, Optimisation
from ._layers import LayerEvaluation
from ._neural import NeuralPredictor


@fill_doc
class TransformerPredictor(LayerEvaluation, NeuralPredictor):
    r"""Next-step predictor with a decoder-only transformer and a linear head.

    Each of `n_layers` blocks adds to the hidden states what the heads of a causal attention read,

    .. math:: \operatorname{softmax}(s \, Q K^\top) V, \qquad s = 1/\sqrt{d_{head}},

    and then the output of a feed-forward network with one hidden layer of GELU units. The head
    predicts the next step from the last layer. Adam (AdamW with `weight_decay`) minimises the
    negative log-likelihood per step.

    The defaults are today's: normalisation before each part, initial weights as in GPT-2,
    gradients clipped as a whole. The networks of *Scaling Down Transformers* are
    ``norm="post", attention_scale="width", activate_output=True, initial_weights="glorot",
    clip="each", adam_eps=1e-7, extra_outputs=1, head="sgd"``.

    Parameters
    ----------
    hidden_size : int, default=64
        Size of the hidden states, a multiple of `n_heads`.
    n_layers : int, default=2
        Number of blocks.
    n_heads : int, default=4
        Heads of each attention.
    feedforward_size : int, default=None
        Units of the feed-forward networks; None is four times `hidden_size`.
    context : int, default=None
        How many steps are seen at once; those further back are forgotten. None is all steps of
        the training sequences but the last, which predicts nothing there; it cannot be more.
    norm : {"pre", "post"}, default="pre"
        Whether each part reads normalised states, or its sum with them is normalised.
    attention_scale : {"head", "width"}, default="head"
        Scale s: one over the root of the size of a head, or of `hidden_size`.
    activate_output : bool, default=False
        Whether GELU follows the second layer of the feed-forward network, too.
    dropout : float, default=0.0
        Probability with which attention weights and outputs of a part are left out in training.
    initial_weights : {"normal", "glorot"}, default="normal"
        "normal": standard deviation .02, smaller for what is added to the hidden states, as in
        GPT-2. "glorot": uniform by Glorot's rule, embeddings uniform in +-.05. Biases are zero.
    extra_outputs : int, default=0
        Outputs beside those of the tokens, which never occur: with ``head="sgd"`` only. The
        source's networks have one.
    training : {"full", "readout", "random"}, default="full"
        Train everything; the head alone; nothing. All start from the same weights for the same
        `random_state`.
    head : {"exact", "sgd"}, default="exact"
        %(head)s
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update, in reshuffled epochs.
    lr : float, default=1e-3
        Step size of Adam.
    lr_schedule : {"cosine"} or None, default=None
        %(lr_schedule)s
    adam_eps : float, default=1e-8
        Term that keeps Adam's denominators from zero.
    weight_decay : float, default=0.0
        Share of a weight, times `lr`, that an update takes off it.
    clip_norm : float, default=1.0
        Largest norm of a gradient; None does not clip.
    clip : {"global", "each"}, default="global"
        Whether the norm is that of all gradients together or of each parameter's.
    precision : {"float32", "bfloat16"}, default="float32"
        Precision of products in training; weights and loss are in float32. Processors without
        instructions for bfloat16 compute the same in float32, from rounded numbers, not faster.
        With them, networks of 16 units were measured to be slower, too, larger ones faster.
    full_precision_steps : int, default=0
        With "bfloat16", updates at the beginning that are in float32 nevertheless.
    early_stopping : bool, default=False
        %(early_stopping)s
    validation_fraction : float, default=0.1
        %(validation_fraction)s
    validation_steps : int, default=20
        %(validation_steps)s
    n_iter_no_change : int, default=10
        %(n_iter_no_change)s
    likelihood : str, default="auto"
        %(likelihood_of_network)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_of_network)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        %(input_scaling)s
    output_scaling : {"auto", "standard", None}, default="auto"
        %(output_scaling)s
    device : str, default="cpu"
        Device of torch.
    callbacks : list of skorch callbacks or None, default=None
        %(callbacks)s
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    net_ : skorch.NeuralNet
        %(net_)s
    converged_ : bool
        %(network_converged_)s
    training_loss_ : ndarray of shape (20,)
        %(training_loss_)s
    validation_loss_ : ndarray of shape (20,)
        %(validation_loss_)s
    stopped_at_ : float
        %(stopped_at_)s
    n_parameters_ : int
        Number of weights, head included.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Notes
    -----
    Unlike recurrent networks it uses all threads of torch. Another number of threads rounds
    differently, which training amplifies: fix it with `torch.set_num_threads` where a result has
    to be repeated to the last digit. In an `EmergenceAssessment` it is one.

    Where that is quicker, training computes attention by a compiled kernel: for heads of up to 8
    units in sequences of up to 1024 steps, without dropout, on a CPU, if torch would need more than
    about five seconds for it. Otherwise torch computes it. Compiling takes about two seconds, once
    for a size of heads. The kernel rounds differently from torch. The choice depends on the network
    and on the size of its fit alone.

    A head that is fitted to the states of sequences which the core has learned by heart predicts
    these better and others worse than one that was trained with it. Where few sequences of tokens
    are learned for long, compare with ``head="sgd"``, or stop early.

    References
    ----------
    Scaling Down Transformers: triangle translation with tiny GPTs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge import TransformerPredictor
    >>> X = np.arange(300).reshape(30, 10) % 3
    >>> model = TransformerPredictor(
    ...     16, n_layers=1, likelihood="categorical", max_steps=60, random_state=0
    ... ).fit(X)
    >>> model.generate([[0, 1]], 4).tolist(), model.transform(X, layer=0).shape
    ([[2, 0, 1, 2]], (30, 10, 16))
    """

    # It has no recurrent weights to scramble.
    training_modes = ("full", "readout", "random")
    _many_threads = True
    _parameter_constraints = {
        **NeuralPredictor._parameter_constraints,
        "training": [StrOptions(set(training_modes))],
        **{
            name: [Interval(Integral, 1, None, closed="left")]
            for name in ("hidden_size", "n_layers", "n_heads")
        },
        **{
            name: [Interval(Integral, 1, None, closed="left"), None]
            for name in ("feedforward_size", "context")
        },
        "norm": [StrOptions({"pre", "post"})],
        "attention_scale": [StrOptions({"head", "width"})],
        "activate_output": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "initial_weights": [StrOptions({"normal", "glorot"})],
        "extra_outputs": [Interval(Integral, 0, None, closed="left")],
        "adam_eps": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip": [StrOptions({"global", "each"})],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "full_precision_steps": [Interval(Integral, 0, None, closed="left")],
    }
    for _name in ("time_channel", "engine"):
        del _parameter_constraints[_name]
    del _name
    # Positions are embedded, and torch computes.
    time_channel = None
    engine = "torch"

    def __init__(
        self,
        hidden_size: int = 64,
        n_layers: int = 2,
        n_heads: int = 4,
        *,
        feedforward_size: int | None = None,
        context: int | None = None,
        norm: str = "pre",
        attention_scale: str = "head",
        activate_output: bool = False,
        dropout: float = 0.0,
        initial_weights: str = "normal",
        extra_outputs: int = 0,
        training: str = "full",
        head: str = "exact",
        max_steps: int = 1000,
        batch_size: int = 64,
        lr: float = 1e-3,
        lr_schedule: str | None = None,
        adam_eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        clip: str = "global",
        precision: str = "float32",
        full_precision_steps: int = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_steps: int = 20,
        n_iter_no_change: int = 10,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
        input_scaling: str | None = "auto",
        output_scaling: str | None = "auto",
        device: str = "cpu",
        callbacks: Sequence[Any] | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.context = context
        self.norm = norm
        self.attention_scale = attention_scale
        self.activate_output = activate_output
        self.dropout = dropout
        self.initial_weights = initial_weights
        self.extra_outputs = extra_outputs
        self.training = training
        self.head = head
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.adam_eps = adam_eps
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.clip = clip
        self.precision = precision
        self.full_precision_steps = full_precision_steps
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.validation_steps = validation_steps
        self.n_iter_no_change = n_iter_no_change
        self.likelihood = likelihood
        self.noise_std = noise_std
        self.n_tokens = n_tokens
        self.n_exogenous = n_exogenous
        self.feedback = feedback
        self.input_scaling = input_scaling
        self.output_scaling = output_scaling
        self.device = device
        self.callbacks = callbacks
        self.random_state = random_state

    def transform(self, X: ArrayLike, layer: int | None = None) -> Floats:
        """Return the hidden states of a layer.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.
        layer : int, default=None
            0 is the embedding, i the output of block i; None is the last, which the head reads.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, hidden_size)
            Entry t is the state after the steps up to t.

        Raises
        ------
        NotFittedError, ValueError
            As in `predict`, or if there is no such layer.
        """
        return self.hidden_states(X, layer)

    @property
    def capacity_facts_(self) -> dict[str, int]:
        """What the capacity of the network depends on beside its operations.

        A dictionary of ``n_heads`` and ``n_layers`` of attention, ``bits`` of a weight in training,
        and ``n_inputs`` of a step.
        """
        bits = 16 if self.precision == "bfloat16" else 32
        own = {"n_heads": self.n_heads, "n_layers": self.n_layers, "bits": bits}
        return super().capacity_facts_ | own

    def _build_core(self, n_inputs: int) -> nn.Module:
        if self.hidden_size % self.n_heads:
            raise ValueError(
                f"hidden_size={self.hidden_size} is not a multiple of n_heads={self.n_heads}; "
                "each head has an equal share of it."
            )
        longest = self.n_steps_ - 1
        if self.context is not None and self.context > longest:
            raise ValueError(
                f"context={self.context} is longer than the {longest} steps of the training "
                "sequences that predict a next one, so that positions would stay untrained; pass "
                "at most that, or longer sequences."
            )
        if self.extra_outputs and not self._likelihood.tokens:
            raise ValueError(
                f"extra_outputs={self.extra_outputs} is for likelihood='categorical', not for "
                f"{self.likelihood_!r}; leave it 0."
            )
        if self.extra_outputs and not self._head_trains:
            raise ValueError(
                f"extra_outputs={self.extra_outputs} never occur, so that head='exact' has nothing "
                "to fit them to; use head='sgd', or leave extra_outputs 0."
            )
        width = int(self.hidden_size)
        sizes = {"head": width // self.n_heads, "width": width}
        core = TransformerCore(
            n_inputs,
            self.context or longest,
            width,
            self.n_layers,
            bias=not self._likelihood.tokens,
            norm=self.norm,
            n_tokens=self._tokens_seen,
            n_heads=self.n_heads,
            scale=sizes[self.attention_scale] ** -0.5,
            dropout=self.dropout,
            feedforward_size=self.feedforward_size or 4 * width,
            activate_output=self.activate_output,
        )
        initialise(core, self.initial_weights)
        return core

    def _initial_network(self, n_targets: int) -> SequenceNetwork:
        n_inputs, n_tokens = self._n_columns, self._tokens_seen
        core = self._build_core(n_inputs)
        n_hidden = check_core(core, n_inputs, n_tokens=n_tokens)
        n_outputs = n_targets + self.extra_outputs
        network = SequenceNetwork(core, n_hidden, n_outputs, n_tokens)
        nn.init.zeros_(network.head.bias)
        if self.initial_weights == "glorot":
            nn.init.xavier_uniform_(network.head.weight)
        else:
            nn.init.normal_(network.head.weight, std=0.02)
        return network.to(self.device)

    def _mean(self, output: Floats) -> Floats:
        # Without the outputs that no token has; their probability is lost to the others.
        return super()._mean(output)[:, :, : len(self.output_center_)]

    def _last(self, X: Floats) -> Floats:
        # No step sees more; the first one may be what all are counted from.
        def inputs_of(chunk: slice) -> Floats:
            return self._inputs(X[chunk])[:, -self.context_length_ :]

        seen = X[:, -self.context_length_ :]
        return self._mean(self._forward(seen, inputs_of=inputs_of))[:, -1]

    def _predict_from(self, X: Floats, k: int) -> Floats:
        # A window keeps the positions that its steps have in the whole sequence.
        head = self.head_

        def read(network: Any, inputs: torch.Tensor) -> torch.Tensor:
            states = network.core.layers(inputs, k)[-1]
            return network.head(states) if head is None else states

        values = self._forward(X, hidden=head is not None, read=read)
        return self._mean(values if head is None else head.output(values))

    def _optimisation(self) -> Optimisation:
        chosen: dict[str, Any] = {"precision": self.precision}
        own = {"foreach": True, "eps": self.adam_eps}
        if self.weight_decay:
            chosen["optimizer"] = torch.optim.AdamW
            own["weight_decay"] = self.weight_decay
        return replace(super()._optimisation(), optimizer_options=own, **chosen)

    def _training_callbacks(self) -> list[Any]:
        callbacks = super()._training_callbacks()
        if self.clip_norm is not None:
            clipping = GradientNormClipping if self.clip == "global" else ClipEachGradient
            callbacks.append(clipping(self.clip_norm))
        if self.precision == "bfloat16" and self.full_precision_steps:
            callbacks.append(LowerPrecision(self.full_precision_steps))
        return callbacks
