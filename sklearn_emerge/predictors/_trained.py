"""Networks that are trained already: what is kept of them, and fresh ones of the same kind."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from skorch import NeuralNet
from torch import nn

from .._random import seed_sequence
from ..networks import SequenceNetwork
from ..training import isolated_torch
from ._neural import NeuralPredictor


@dataclass(frozen=True, eq=False)
class Inputs:
    """How a predictor of this package saw its inputs.

    Attributes
    ----------
    center, scale : ndarray of shape (n_channels,)
        What was taken away, and what the rest was divided by.
    n_steps : int
        Steps of a sequence, over which its clock ran.
    """

    center: np.ndarray
    scale: np.ndarray
    n_steps: int


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that is trained already.

    Attributes
    ----------
    core : torch.nn.Module, dict of str to Tensor, or None
        The core, or its state dict; None if a fresh one is to be trained in its place.
    head : torch.nn.Linear or None
        Its head; None fits one.
    inputs : Inputs or None
        How it saw its inputs, if it is known.
    """

    core: nn.Module | Mapping[str, torch.Tensor] | None = None
    head: nn.Linear | None = None
    inputs: Inputs | None = None

    def __repr__(self) -> str:
        what = "nothing" if self.core is None else _words(self.core)
        return f"TrainedNetwork({what}{'' if self.head is None else ', with its head'})"

    @property
    def known(self) -> bool:
        """Whether there is a core."""
        return self.core is not None

    @property
    def state(self) -> dict[str, Any]:
        """Weights and buffers by name, those of the head behind those of the core."""
        core: Any = self.core.state_dict() if isinstance(self.core, nn.Module) else self.core
        head = {} if self.head is None else self.head.state_dict()
        return {**core, **{f"head.{name}": values for name, values in head.items()}}

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of weights and buffers by name."""
        return {name: tuple(np.shape(values)) for name, values in self.state.items()}

    def forgotten(self) -> Self:
        """Return that nothing is trained; inputs stay as they are."""
        return replace(self, core=None, head=None)

    def core_like(self, fresh: nn.Module, n_inputs: int) -> nn.Module:
        """Return a copy of the core.

        Parameters
        ----------
        fresh : torch.nn.Module
            A fresh core, which must have the same architecture and other weights.
        n_inputs : int
            For how many inputs it was made.

        Returns
        -------
        torch.nn.Module
            With the dtype that the core has.
        """
        sizes = replace(self, head=None).sizes
        others = TrainedNetwork(fresh).sizes
        if sizes != others:
            name = min(set(sizes.items()) ^ set(others.items()))[0]
            if prefix := _prefix_of(sizes, others):
                raise ValueError(
                    f"the names of the trained network begin with {prefix!r}, as those of a part "
                    f"of a larger network do, and those of {_words(fresh)}, which fresh returned, "
                    f"do not ({prefix + min(others)!r} and {min(others)!r}); pass what is below "
                    f"{prefix!r}, {{name.removeprefix({prefix!r}): values for name, values in "
                    f"state.items() if name.startswith({prefix!r})}}."
                )
            raise ValueError(
                f"fresh, asked for {n_inputs} inputs, returned {_words(fresh)} whose {name!r} has "
                f"the shape {others.get(name)}, but that of the trained network has "
                f"{sizes.get(name)}; pass what makes networks of the same architecture, for as "
                "many inputs (channels of the data, and one for the clock unless "
                "time_channel=None)."
            )
        state = {name: values.detach().cpu() for name, values in self.state.items()}
        weights = dict(fresh.named_parameters())
        if weights and all(torch.equal(w.detach().cpu(), state[n]) for n, w in weights.items()):
            raise ValueError(
                f"fresh returned {_words(fresh)} with the weights of the trained network, so that "
                "the untrained twin would be the network itself; pass what draws new weights."
            )
        if isinstance(self.core, nn.Module):
            return deepcopy(self.core)
        core = deepcopy(fresh)
        # A copy into the tensors of the fresh one would change their dtype to its.
        core.load_state_dict(deepcopy(self.core), assign=True)
        return core


def _prefix_of(sizes: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """Return the prefix with which all names of a module are among those of a state, or ""."""
    first = min(others, default="")
    prefixes = [name.removesuffix(first) for name in sizes if first and name.endswith(f".{first}")]
    wanted = [{f"{prefix}{name}": shape for name, shape in others.items()} for prefix in prefixes]
    found = zip(prefixes, wanted, strict=True)
    return next((prefix for prefix, each in found if each.items() <= sizes.items()), "")


class Factory:
    """Call what makes a module with the number of inputs, or with nothing if it takes none.

    Parameters
    ----------
    make : callable
        Called with the number of inputs if it has a positional parameter without default, or
        ``*args``; else with nothing.
    """

    def __init__(self, make: Callable[..., nn.Module]) -> None:
        self.make = make

    def __repr__(self) -> str:
        return f"Factory({self.make!r})"

    def __call__(self, n_inputs: int) -> nn.Module:
        return self.make(n_inputs) if _takes_a_number(self.make) else self.make()


def _takes_a_number(make: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(
        each.kind is each.VAR_POSITIONAL
        or (
            each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
            and each.default is each.empty
        )
        for each in parameters
    )


class Reinitialised:
    """Make copies of a core whose parts have been re-initialised by their `reset_parameters`.

    Parameters
    ----------
    core : torch.nn.Module
        The core, which is copied.

    Raises
    ------
    ValueError
        If parts keep weights that no `reset_parameters` sets.
    """

    def __init__(self, core: nn.Module) -> None:
        self.core = deepcopy(core).cpu()
        with isolated_torch(seed_sequence(0), "cpu"):
            fresh = self(None)
        left = [
            f"{prefix or 'the module itself'} ({type(part).__name__})"
            for prefix, part in fresh.named_modules()
            if any(bool(torch.isnan(w).any()) for w in part.parameters(recurse=False))
        ]
        if left:
            raise ValueError(
                f"fresh=None draws the weights of untrained twins by reset_parameters, but none "
                f"sets those of {', '.join(left)}; pass fresh, a function that returns a new "
                f"{type(core).__name__}, or give these parts a reset_parameters."
            )

    def __repr__(self) -> str:
        return f"Reinitialised({_words(self.core)})"

    def __call__(self, n_inputs: int | None) -> nn.Module:
        core = deepcopy(self.core)
        with torch.no_grad():
            for weights in core.parameters():
                # What is still there afterwards has not been set.
                weights.fill_(torch.nan)
                weights.requires_grad_(True)

            def reset(part: nn.Module) -> None:
                if callable(getattr(part, "reset_parameters", None)):
                    part.reset_parameters()

            core.apply(reset)
        return core


class CoresOf:
    """Make cores as a predictor of this package makes its own.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted.
    """

    def __init__(self, predictor: NeuralPredictor) -> None:
        # As fitted, so that it knows the length of sequences, but without its network.
        self.predictor = type(predictor).__new__(type(predictor))
        left_out = ("network_", "net_", "callbacks")
        kept = {k: v for k, v in vars(predictor).items() if k not in left_out}
        self.predictor.__dict__.update(deepcopy(kept), callbacks=None)
        if hasattr(predictor, "trained"):
            self.predictor.trained = None

    def __repr__(self) -> str:
        return f"CoresOf({type(self.predictor).__name__})"

    def __call__(self, n_inputs: int) -> nn.Module:
        return self.predictor._build_core(n_inputs)


def read_network(
    network: Any, head: nn.Linear | None, fresh: Callable[..., nn.Module] | None
) -> tuple[TrainedNetwork, Callable[..., nn.Module], dict[str, Any]]:
    """Return what is kept of a network, what makes fresh ones, and parameters that it brings.

    Parameters
    ----------
    network : torch.nn.Module, state dict, skorch.NeuralNet or NeuralPredictor
        As in `ModulePredictor.from_trained`.
    head : torch.nn.Linear or None
        Its head.
    fresh : callable or None
        What makes fresh ones.

    Returns
    -------
    trained : TrainedNetwork
        Copies.
    module : callable
        Called with the number of inputs.
    params : dict
        Parameters of a `ModulePredictor`.
    """
    if head is not None and not isinstance(head, nn.Linear):
        raise ValueError(
            f"head={_words(head)} is not a torch.nn.Linear; pass that of the network, or None to "
            "fit one to its states."
        )
    if fresh is not None and not callable(fresh):
        raise ValueError(
            f"fresh={_words(fresh)} cannot be called; pass a function that returns a new, "
            "untrained module."
        )
    module: Any = None if fresh is None else Factory(fresh)
    inputs: Inputs | None = None
    params: dict[str, Any] = {}
    if isinstance(network, NeuralPredictor):
        if not hasattr(network, "network_"):
            raise ValueError(
                f"core={type(network).__name__} is not fitted (sklearn.base.clone forgets what was "
                "learned); call its fit first."
            )
        inputs, params = _seen(network)
        module, network = module or CoresOf(network), network.network_.core
    elif isinstance(network, NeuralNet):
        if not network.initialized_:
            raise ValueError(
                f"core={type(network).__name__} has no module yet; call its fit or initialize "
                "first."
            )
        network = network.module_
    if isinstance(network, SequenceNetwork):
        network = network.core
    is_state = isinstance(network, Mapping) and all(map(torch.is_tensor, network.values()))
    if not isinstance(network, nn.Module) and not (is_state and network):
        raise ValueError(
            f"core={_words(network)} is no trained network; pass a torch.nn.Module, its state_dict "
            "with fresh, an initialised skorch net, or a fitted predictor of a network."
        )
    if module is None and is_state:
        raise ValueError(
            "core is a state dict, of which nobody knows the module, and fresh is None; pass "
            "fresh, a function that returns a new module which takes these weights."
        )
    try:
        trained = TrainedNetwork(_copy(network), _copy(head), inputs)
    except RuntimeError as error:
        raise ValueError(
            f"core={_words(network)} cannot be copied: {error} Remove tensors that it keeps from a "
            "pass with gradients, or pass its state_dict with fresh."
        ) from error
    for name, values in trained.state.items():
        if not bool(torch.isfinite(values).all()):
            raise ValueError(
                f"{name!r} of the network has values that are not finite; pass a network whose "
                "training did not diverge."
            )
    return trained, module or Reinitialised(network), params


@contextmanager
def warned_before() -> Iterator[None]:
    """Leave out the warning of `warn_if_whole`, where it was issued already."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*it seems to be a whole network", UserWarning)
        yield


def warn_if_whole(core: nn.Module, n_units: int, n_targets: int) -> None:
    """Warn of a core that may be a whole network, which ends in its own output layer.

    Parameters
    ----------
    core : torch.nn.Module
        What was given as the core, without a head.
    n_units, n_targets : int
        Its outputs, and the channels that are to be predicted.
    """
    # A recurrent layer of torch has no output layer.
    if n_units != n_targets or isinstance(core, nn.RNNBase):
        return
    layers = [
        name
        for name, part in core.named_modules()
        if name and isinstance(part, nn.Linear) and part.out_features == n_targets
    ]
    remedy = "pass what is before that layer as the core, and the layer (a torch.nn.Linear) as head"
    if layers:
        owner, _, layer = layers[-1].rpartition(".")
        remedy = (
            f"if that is {layers[-1]!r}, pass it as the head: core = copy.deepcopy(net); "
            f"setattr(core.get_submodule({owner!r}), {layer!r}, torch.nn.Identity()); "
            f"ModulePredictor.from_trained(core, net.get_submodule({layers[-1]!r})), and fresh "
            "without that layer, if there is one"
        )
    warnings.warn(
        f"core={_words(core)} has {n_units} output{'s' * (n_units > 1)}, as many as there are "
        "channels to predict, and no head was given: it seems to be a whole network, whose own "
        "output layer would be taken for hidden states, with another head behind it. "
        f"{remedy[0].upper()}{remedy[1:]}. If these are its hidden states, all is well.",
        UserWarning,
        stacklevel=2,
    )


def _seen(predictor: NeuralPredictor) -> tuple[Inputs, dict[str, Any]]:
    """Return how a fitted predictor saw its inputs, and parameters that it shares with others."""
    names: tuple[str, ...] = (
        "max_steps",
        "batch_size",
        "lr",
        "lr_schedule",
        "likelihood",
        "noise_std",
        "output_scaling",
    )
    names += ("time_channel", "device", "engine", "n_exogenous", "feedback")
    params = {name: getattr(predictor, name) for name in names}
    params["input_scaling"] = predictor.input_scaling_
    if predictor._likelihood.tokens:
        params["n_tokens"] = predictor.n_tokens_
    center, scale = predictor.input_center_, predictor.input_scale_
    return Inputs(center.copy(), scale.copy(), predictor.n_steps_), params


def _copy(value: Any) -> Any:
    """Return a copy, on the CPU if it is a module."""
    copy = deepcopy(dict(value) if isinstance(value, Mapping) else value)
    return copy.cpu() if isinstance(copy, nn.Module) else copy


def _words(value: Any) -> str:
    """Return what something is, without its weights."""
    if isinstance(value, Mapping):
        return f"a {type(value).__name__} of {len(value)} entries"
    return type(value).__name__ if isinstance(value, nn.Module) else repr(value)
