"""What is passed as a world or a model and is none: what to pass instead, without its values."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from reprlib import repr as short_repr

from torch import nn

_NO_MODULE = (
    "a mapping, as a state dict is, of which nobody knows the module; pass a list of networks, of "
    "state dicts ModulePredictor.from_trained(state, fresh=...), with a function that returns a "
    "new module"
)


def refuse_mistaken(world: object, model: object) -> None:
    """Raise a ValueError if data, files, classes or weights stand for a world or a model."""
    for name, value in (("world", world), ("model", model)):
        if isinstance(value, type):
            raise ValueError(
                f"{name} is the class {value.__name__}; pass an object of it, "
                f"{name}={value.__name__}()."
            )
        # Names have no dot.
        if isinstance(value, PathLike) or (isinstance(value, str) and Path(value).suffix):
            raise ValueError(
                f"{name}={str(value)!r} is a file, and no {name}; of a file of recordings pass "
                f"the world that read_recordings returns, world = read_recordings({str(value)!r})"
                "[0]."
            )
        data = isinstance(value, list | tuple) and name == "world"
        if data or hasattr(value, "__array__"):
            said = f"of shape {tuple(value.shape)}" if hasattr(value, "shape") else "of sequences"
            raise ValueError(
                f"{name} is a {type(value).__name__} {said}, and no {name}; pass "
                "world=ArrayWorld(X), or EmergenceAssessment(model=...).fit(X)."
            )
    if isinstance(model, Mapping):
        raise ValueError(f"model is {_NO_MODULE}.")


def no_network(i: int, network: object) -> ValueError:
    """Return what to raise of something in a list of networks that is none."""
    if isinstance(network, Mapping):
        return ValueError(f"model[{i}] is {_NO_MODULE}.")
    if isinstance(network, tuple | list) and any(isinstance(part, nn.Module) for part in network):
        return ValueError(
            f"model[{i}] is a {type(network).__name__} of {len(network)}, and no network; of a "
            "network and its readout, a torch.nn.Linear, pass "
            "ModulePredictor.from_trained(net, readout)."
        )
    return ValueError(
        f"model[{i}]={short_repr(network)} is no network; pass a torch.nn.Module that is trained, "
        "ModulePredictor.from_trained(...), or a fitted predictor of a network."
    )
