"""A predictor around a torch module of somebody's own."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from .._docs import fill_doc
from .._random import seed_sequence
from .._typing import Floats, RandomState
from ..networks import ModuleCell, SequenceNetwork, recurrent_weights
from ..training import isolated_torch
from ._neural import NeuralPredictor
from ._places import parts_called_once
from ._stepping import weights_of_head
from ._trained import TrainedNetwork, read_network, warn_if_whole


@fill_doc
class ModulePredictor(NeuralPredictor):
    """Next-step predictor around a torch module of your own.

    The module turns inputs into hidden states; scaling, clock, linear head, training modes
    and likelihood are those of `GRUPredictor`.

    Parameters
    ----------
    module : callable
        Called with the number of input channels (one more than the channels of the data if there is
        a clock, and of tokens as many as the vocabulary has); returns a new `torch.nn.Module` that
        maps (n_sequences, n_steps, n_inputs) to hidden states (n_sequences, n_steps, n_hidden) or
        to a tuple that starts with them. It must be causal, which is checked. A copy is trained,
        from the weights that the module has: ``lambda n_inputs: copy.deepcopy(net)`` goes on
        training ``net``, whatever the `random_state`, which then draws the head and the batches
        only; `from_trained` takes it as it is. Matrices named `weight_hh...` are those that
        ``training="scrambled"`` permutes.
        For `recurrent_states` and `jacobians` it takes and returns a state, which starts at zero:
        ``forward(inputs, state=None) -> (hidden states, state)``, as torch's layers do.
        Tokens enter as a channel each, made batch by batch; where the module has an attribute
        `takes_tokens` that is true, as one number, in front of exogenous channels and the clock.
        Recurrent layers of torch look up what they make of tokens.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        %(training)s
    head : {"exact", "sgd"}, default="exact"
        %(head)s
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update, in reshuffled epochs.
    lr : float, default=1e-3
        Step size of Adam; that of `GRUPredictor` is ten times as large, which not every module
        bears.
    lr_schedule : {"cosine"} or None, default=None
        %(lr_schedule)s
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
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        %(time_channel)s
    device : str, default="cpu"
        Device of torch.
    engine : {"auto", "numba", "torch"}, default="auto"
        %(engine)s
        Of modules that are not one plain layer of torch's RNN, GRU or LSTM it is torch.
    callbacks : list of skorch callbacks or None, default=None
        %(callbacks)s
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.
    trained : TrainedNetwork or None, default=None
        A network that is trained already, as `from_trained` sets it: in mode "full" it takes the
        place of the module, and nothing is trained. The other modes are about the module, but for
        "scrambled". None trains the module.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    net_ : skorch.NeuralNet
        %(net_)s
    engine_ : str
        What computed the training, "numba" or "torch".
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

    Examples
    --------
    >>> from functools import partial
    >>> from torch import nn
    >>> from sklearn_emerge import ModulePredictor
    >>> from sklearn_emerge.datasets import make_drift
    >>> X = make_drift(20, random_state=0).X
    >>> core = partial(nn.GRU, hidden_size=3, batch_first=True)
    >>> ModulePredictor(core, max_steps=2, random_state=0).fit(X).transform(X).shape
    (20, 64, 3)
    """

    # A module may keep more than its state_dict.
    _resumable = False
    _parameter_constraints = {
        **NeuralPredictor._parameter_constraints,
        "module": [callable],
        "trained": [TrainedNetwork, None],
    }

    def __init__(
        self,
        module: Any,
        *,
        training: str = "full",
        head: str = "exact",
        max_steps: int = 1000,
        batch_size: int = 64,
        lr: float = 1e-3,
        lr_schedule: str | None = None,
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
        time_channel: str | None = "full_time",
        device: str = "cpu",
        engine: str = "auto",
        callbacks: Sequence[Any] | None = None,
        random_state: RandomState = None,
        trained: TrainedNetwork | None = None,
    ) -> None:
        super().__init__(
            training=training,
            head=head,
            max_steps=max_steps,
            batch_size=batch_size,
            lr=lr,
            lr_schedule=lr_schedule,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            validation_steps=validation_steps,
            n_iter_no_change=n_iter_no_change,
            likelihood=likelihood,
            noise_std=noise_std,
            n_tokens=n_tokens,
            n_exogenous=n_exogenous,
            feedback=feedback,
            input_scaling=input_scaling,
            output_scaling=output_scaling,
            time_channel=time_channel,
            device=device,
            engine=engine,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.module = module
        self.trained: Any = trained

    @classmethod
    def from_trained(
        cls,
        core: Any,
        head: nn.Linear | None = None,
        *,
        fresh: Callable[..., nn.Module] | None = None,
        **params: Any,
    ) -> Self:
        """Return a predictor around a network that is trained already, which stays as it is.

        Its `fit` trains nothing: it copies the network, bit for bit, and fits a head in closed
        form if there is none, as assessments do. Sequences to fit and to evaluate it should be
        others than those that the network was trained on. The untrained twins of the modes
        "readout" and "random" come from `fresh`, and so do the networks that an assessment trains
        on its nulls, by the training of `ModulePredictor` and its parameters.

        Parameters
        ----------
        core : torch.nn.Module, state dict, skorch.NeuralNet or predictor
            The network, as far as it maps inputs (n_sequences, n_steps, n_inputs) to hidden states
            (n_sequences, n_steps, n_hidden), or to a tuple that starts with them; it must be
            causal, which `fit` checks. That may be the core of a Lightning module. Of a state dict
            `fresh` makes the module; of a skorch net it is `module_`; of a fitted predictor of this
            package it is the core, whose last hidden states are read. It is copied and never
            changed.
        head : torch.nn.Linear, default=None
            Its head, which is taken as it is; its outputs are means of the next step, or logits.
            None fits one in closed form to the training sequences.
        fresh : callable, default=None
            Returns a new, untrained module of the same architecture. It is called with the number
            of inputs if it has a positional parameter without default or ``*args`` (as
            ``partial(nn.GRU, hidden_size=3)``), else with nothing. None re-initialises a copy by
            the `reset_parameters` of its parts; of a predictor it draws as the predictor does.
        **params : dict
            Parameters of `ModulePredictor`. The network must see inputs as it saw them in its
            training: here ``input_scaling=None`` (as they are) and ``time_channel=None`` (no clock)
            are the defaults. A fitted predictor brings its own, with the constants of its
            scaling, and those of its training that `ModulePredictor` has. With a given head
            ``output_scaling=None`` is the default. Set `max_steps` and `lr` to what an assessment
            is to train on nulls.

        Returns
        -------
        ModulePredictor
            Not fitted.

        Raises
        ------
        ValueError
            If this is no trained network, `head` is no `torch.nn.Linear`, or parts of the network
            have parameters that no `reset_parameters` sets and `fresh` is None.

        Warns
        -----
        UserWarning
            In `fit`, if there is no head, and the core has as many outputs as there are channels
            to predict, as a whole network with its output layer has.

        Examples
        --------
        >>> from torch import nn
        >>> from sklearn_emerge import ModulePredictor
        >>> from sklearn_emerge.datasets import make_drift
        >>> X = make_drift(20, random_state=0).X
        >>> net = nn.GRU(1, 3, batch_first=True)  # trained elsewhere
        >>> model = ModulePredictor.from_trained(net, random_state=0).fit(X)
        >>> bool((model.network_.core.weight_hh_l0 == net.weight_hh_l0).all())
        True
        """
        trained, module, own = read_network(core, head, fresh)
        defaults = {"input_scaling": None, "time_channel": None} | own
        if head is not None:
            defaults["output_scaling"] = None
        return cls(module, trained=trained, **(defaults | params))

    @property
    def training_modes(self) -> tuple[str, ...]:  # type: ignore[override]  # the module decides
        """Modes that `training` may be: not "scrambled" without weights named `weight_hh...`.

        Before `fit` the module is built for one channel to find out.
        """
        # Their means are known as soon as the channels are.
        known = hasattr(self, "input_center_")
        n_inputs = self._n_columns if known else 1 + (self.time_channel is not None)
        modes = super().training_modes
        if self._is_given:
            scrambles = any("weight_hh" in name for name in self.trained.state)
        else:
            with isolated_torch(seed_sequence(0), self.device):
                scrambles = bool(recurrent_weights(self._build_core(n_inputs)))
        return modes if scrambles else modes[:-1]

    @property
    def _is_given(self) -> bool:
        """Whether there is a trained network."""
        return self.trained is not None and self.trained.known

    @property
    def _shows_it(self) -> bool:
        """Whether the trained network takes the place of the module in this mode."""
        return self._is_given and self.training in ("full", "scrambled")

    @property
    def _places(self) -> dict[str, tuple[str, bool]]:
        if isinstance(self.network_.core, nn.RNNBase):
            return super()._places
        n_inputs = self.capacity_facts_["n_inputs"]

        def find(network: Any, inputs: torch.Tensor) -> torch.Tensor:
            parts.update(parts_called_once(network, n_inputs))
            return inputs

        parts: dict[str, str] = {}
        self._by_torch(find, exact=True)(np.zeros((1, 1, 1)))
        return {name: (path, False) for name, path in parts.items()} | super()._places

    def _cell_of_states(self) -> Any:
        found = self._cell_and_head()
        if found is not None:
            return found
        cell = ModuleCell(self.network_.core, self._n_columns, self._tokens_seen)
        return cell, *weights_of_head(self.network_, self.head_)

    def _validate_params(self) -> None:
        super()._validate_params()
        if isinstance(self.module, nn.Module):
            raise ValueError(
                f"module is a {type(self.module).__name__}, but what is called with the number "
                "of inputs and returns a new module is needed; pass a class, or, for a trained "
                "network, use ModulePredictor.from_trained(net)."
            )
        if self._is_given and self.head == "sgd" and self.trained.head is None:
            raise ValueError(
                "head='sgd' would train a head, but the network is trained already; use "
                "head='exact', or pass its own: ModulePredictor.from_trained(core, head)."
            )

    def _trained(self) -> str:
        return "nothing" if self._shows_it else super()._trained()

    def _choose_engine(self, core: nn.Module, no_kernel: str, n_steps: int) -> str:
        if self.trained is not None and self.engine == "auto" and self._trained() == "nothing":
            # Whatever max_steps: engines round differently, and twins are compared.
            return "torch"
        if self.engine == "numba" and any(w.dtype != torch.float32 for w in core.parameters()):
            raise ValueError(
                "engine='numba' computes in single precision, and the weights of the network are "
                "of another; use engine='auto'."
            )
        return super()._choose_engine(core, no_kernel, n_steps)

    def _learn_scaling(self, X: Floats) -> None:
        super()._learn_scaling(X)
        seen = None if self.trained is None else self.trained.inputs
        if seen is None:
            return
        _, n_steps, n_channels = self._seen(X).shape
        if n_channels != len(seen.center):
            raise ValueError(
                f"X has {n_channels} channels, but the network was trained on "
                f"{len(seen.center)}; pass sequences of as many."
            )
        if self.time_channel == "full_time" and n_steps != seen.n_steps:
            raise ValueError(
                f"X has {n_steps} steps, but the clock of the network ran over {seen.n_steps} in "
                "its training; pass sequences of as many steps."
            )
        if self.input_scaling_ == "standard":
            self.input_center_, self.input_scale_ = seen.center, seen.scale

    def _build_core(self, n_inputs: int) -> nn.Module:
        core = self.module(n_inputs)
        if not isinstance(core, nn.Module):
            raise ValueError(
                f"module={self.module!r} returned {type(core).__name__} when called with the "
                f"number of inputs, {n_inputs}; it must return a torch.nn.Module."
            )
        with isolated_torch(seed_sequence(0), self.device):
            again = self.module(n_inputs)
        if again is core:
            raise ValueError(
                f"module={self.module!r} returned the same {type(core).__name__} twice, so that "
                "all seeds would have the same initial weights; return a new one each time. For a "
                "trained network use ModulePredictor.from_trained(net)."
            )
        # The new module may still share weights with another that is not ours to change.
        core = deepcopy(core).float()
        if not self._is_given:
            return core
        given = self.trained.core_like(core, n_inputs)
        return given if self._shows_it else core

    def _initial_network(self, n_targets: int) -> SequenceNetwork:
        network = super()._initial_network(n_targets)
        head = self.trained.head if self._shows_it else None
        if head is None:
            if self._shows_it and self.trained.inputs is None:
                warn_if_whole(network.core, network.head.in_features, n_targets)
            return network
        sizes = head.in_features, head.out_features
        needed = network.head.in_features, n_targets
        if sizes != needed:
            raise ValueError(
                f"head maps {sizes[0]} units to {sizes[1]} outputs, but the core has {needed[0]} "
                f"units and the data {needed[1]} channels to predict; pass the head of this core, "
                "or None to fit one."
            )
        network.head = deepcopy(head).to(self.device)
        return network

    def _fit_head(self, X: Floats) -> None:
        if self._shows_it and self.trained.head is not None:
            self.head_, self.converged_ = None, True
        else:
            super()._fit_head(X)
