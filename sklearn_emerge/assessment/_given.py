"""Networks that are given to an assessment, one a seed, instead of a model that it trains."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sklearn.base import clone
from torch import nn

from ..predictors import ModulePredictor
from ..predictors._neural import NeuralPredictor
from ._mistaken import no_network

# Parameters that the networks of a list may differ in.
_OWN = ("module", "trained")
# Set by the assessment, or not to be compared: those of the first are taken.
_NOT_COMPARED = ("training", "random_state", "callbacks")


def read_given(
    networks: Sequence[NeuralPredictor | nn.Module],
) -> tuple[ModulePredictor, list[dict[str, Any]]]:
    """Return the model that is trained in nulls, and what each given network has of its own.

    Parameters
    ----------
    networks : list
        As in `EmergenceAssessment`.

    Returns
    -------
    model : ModulePredictor
        Without a trained network.
    given : list of dict
        Parameters ``module`` and ``trained`` of each.

    Raises
    ------
    ValueError
        If the list is empty, something in it is no trained network, or networks differ in size or
        in their parameters, or are the same.
    """
    if not networks:
        raise ValueError(
            "model=[] has no networks; pass at least one that is trained, or a predictor to train."
        )
    predictors = [_predictor_of(i, network) for i, network in enumerate(networks)]
    first, *others = predictors
    for i, other in enumerate(others, 1):
        _check_alike(i, first, other)
        for j, before in enumerate(predictors[:i]):
            if _same(before.trained.state, other.trained.state):
                raise ValueError(
                    f"model[{j}] and model[{i}] have the same weights, so that they are no two "
                    "networks; pass networks that were trained from other initial weights."
                )
    given = [{name: getattr(each, name) for name in _OWN} for each in predictors]
    return clone(first).set_params(trained=first.trained.forgotten()), given


def forgotten(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the same without what was learned: how fresh networks are made, and see inputs."""
    return [{**own, "trained": own["trained"].forgotten()} for own in given]


def _predictor_of(i: int, network: object) -> ModulePredictor:
    """Return the predictor around a network of the list."""
    if isinstance(network, ModulePredictor) and network._is_given:
        return clone(network)
    if isinstance(network, NeuralPredictor) and not hasattr(network, "network_"):
        raise ValueError(
            f"model[{i}] is a {type(network).__name__} that is not fitted, but the networks of a "
            "list are assessed as they are; fit it (sklearn.base.clone forgets what was learned), "
            f"or pass model={type(network).__name__}(...) without a list to have it trained."
        )
    if isinstance(network, NeuralPredictor | nn.Module):
        try:
            return ModulePredictor.from_trained(network)
        except ValueError as error:
            raise ValueError(
                f"model[{i}]: {error} (ModulePredictor.from_trained(net, fresh=...) takes more.)"
            ) from error
    raise no_network(i, network)


def _check_alike(i: int, first: ModulePredictor, other: ModulePredictor) -> None:
    """Raise a ValueError unless two predictors are alike, but for their weights."""
    sizes, others = first.trained.sizes, other.trained.sizes
    if sizes != others:
        name = min(set(sizes.items()) ^ set(others.items()))[0]
        raise ValueError(
            f"model[{i}] and model[0] are networks of different sizes: {name!r} has the shapes "
            f"{others.get(name)} and {sizes.get(name)}; assess those of each size on their own."
        )
    params = first.get_params(deep=False)
    for name, value in other.get_params(deep=False).items():
        if name not in (*_OWN, *_NOT_COMPARED) and repr(value) != repr(params[name]):
            raise ValueError(
                f"model[{i}] has {name}={value!r}, but model[0] has {params[name]!r}; pass "
                "predictors with the same parameters."
            )


def _same(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> bool:
    """Return whether all weights are equal."""
    return all(torch.equal(first[name].cpu(), second[name].cpu()) for name in first)
