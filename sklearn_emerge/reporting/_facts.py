"""One cube as a report reads it: its configurations, and how they were assessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeGuard

import xarray as xr

from ..assessment._case import cases_of
from ..displays._source import parameters

if TYPE_CHECKING:
    from ..assessment._case import Case


@dataclass(frozen=True)
class Facts:
    """A cube, its configurations, and what they have in common.

    Attributes
    ----------
    cube : xarray.Dataset
        A cube with claims.
    """

    cube: xr.Dataset

    @cached_property
    def cases(self) -> list[Case]:
        """The configurations, in their order."""
        return cases_of(self.cube)

    @property
    def run(self) -> dict[str, Any]:
        """Parameters of the assessment, as they stand in the file."""
        return self.cases[0].run

    @property
    def n_seeds(self) -> int:
        """Number of seeds."""
        return self.cube.sizes["seed"]

    @property
    def tested(self) -> bool:
        """Whether there are tests and intervals, which one seed does not have."""
        return self.n_seeds > 1

    @property
    def grid(self) -> dict[str, list[Any]]:
        """Names of the parameters that vary, each with its values."""
        return {name: self.cube[name].values.tolist() for name in parameters(self.cube)}

    @property
    def modes(self) -> list[str]:
        """Names of the training modes."""
        return self.cube.mode.values.tolist()

    def values_of(self, name: str) -> list[Any]:
        """Return the values that a parameter of the model has in the configurations."""
        return list(dict.fromkeys(case.of_model(name) for case in self.cases))

    @property
    def trained(self) -> str:
        """What was trained by gradient descent, in some configuration at least."""
        return next(filter(None, (case.trained for case in self.cases)), "")

    @property
    def given(self) -> bool:
        """Whether networks were given, and not trained here."""
        return self.cases[0].given

    @property
    def own(self) -> list[str]:
        """What each seed has of its own, apart from sequences."""
        if self.given:
            return ["a network that was given"]
        return ["initial weights", "batches"] if self.trained else ["initial weights"]

    @property
    def recorded(self) -> str | None:
        """What seeds hold out parts of in turn; None if each has sequences of its own."""
        return None if self.cases[0].units is None else self.cases[0].recorded

    @property
    def latents(self) -> list[str]:
        """Names of the latents that were decoded."""
        return self.cube.latent.values.tolist() if "probe_score" in self.cube else []

    @property
    def families(self) -> dict[str, int]:
        """Numbers of things that are tested together, by what they are."""
        tested = {
            "configuration": self.cases[0].n_configurations,
            "latent": len(self.cases[0].latents),
        }
        return {noun: n for noun, n in tested.items() if n > 1}

    def in_some(self, labels: Iterable[str]) -> str:
        """Return the configurations that something is said of, unless it is all of them."""
        labels = dict.fromkeys(labels)
        return f" ({'; '.join(labels)})" if 0 < len(labels) < len(self.cases) else ""


def label(case: Case) -> str:
    """Return the parameters of a configuration, as in "hidden_size = 16"; "" without a grid."""
    return ", ".join(setting(*each) for each in case.settings.items())


def setting(name: str, value: object) -> str:
    """Return a parameter and its value, as in "hidden_size = 16"."""
    return f"{name} = {plain(value)}"


def plain(value: object) -> str:
    """Return a value of a configuration in a line: objects by type and parameters."""
    if is_size(value):
        return f"{value['type']} of {plain(value.get('shape', value.get('length')))}"
    if isinstance(value, dict) and "type" in value:
        inner = ", ".join(setting(k, v) for k, v in value.items() if k != "type")
        return f"{value['type']}({inner})"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {plain(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(plain(each) for each in value) or "none"
    return str(value)


def is_size(value: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a configuration has the size of a value alone."""
    return isinstance(value, dict) and value.get("type") in ("array", "list")
