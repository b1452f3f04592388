"""One configuration of a cube, as sentences and tables read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .. import worlds
from ..inference import smallest_p_value
from ._claims import CLAIMS, REPRESENTATION, Claim, claims_along, states_given
from ._flow import targets_along
from ._labels import RESERVED, STRUCTURED, along_grid, grid_of
from ._panel import ALTERNATIVES
from ._verdict import apart_along, falls_along, obstacles_along
from ._words import ARM_STATES, baseline_in_words, has_own_baselines


@dataclass(frozen=True)
class Together:
    """All configurations of a cube; what is found of each at once, in their order.

    Attributes
    ----------
    cube : xarray.Dataset
        The cube.
    run : dict
        Configuration of the assessment.
    """

    cube: xr.Dataset
    run: dict[str, Any]

    @cached_property
    def grid(self) -> list[str]:
        """Parameters of the grid."""
        return grid_of(self.cube)

    @cached_property
    def indices(self) -> list[tuple[int, ...]]:
        """Places of the configurations in the grid."""
        return list(np.ndindex(*(self.cube.sizes[dim] for dim in self.grid)))

    @cached_property
    def here(self) -> xr.Dataset:
        """What was measured in the world itself."""
        return self.cube.sel(condition=STRUCTURED, drop=True)

    @cached_property
    def modes(self) -> list[str]:
        """Training modes."""
        return self.cube.mode.values.tolist()

    def along(self, values: xr.DataArray, *dims: str) -> NDArray[Any]:
        """Return values by configuration, and by further dimensions."""
        return along_grid(values, self.grid, *dims)

    @cached_property
    def claims(self) -> list[dict[str, Claim]]:
        """The claims that were tested, by name."""
        return claims_along(self.here)

    @cached_property
    def verdicts(self) -> list[str]:
        """Verdicts."""
        return self.along(self.cube.verdict).tolist()

    @cached_property
    def targets(self) -> list[str]:
        """What networks that are left alone were judged by."""
        return targets_along(self.here)

    @cached_property
    def best_baselines(self) -> list[str]:
        """Names of the best of all baselines."""
        return self.along(self.here.best_baseline).tolist()

    @cached_property
    def references(self) -> list[str]:
        """Names of the references."""
        return self.along(self.here.reference).tolist()

    @cached_property
    def obstacles(self) -> list[str | None]:
        """Why nothing can be said, or None."""
        return obstacles_along(self.cube)

    @cached_property
    def falls(self) -> list[dict[tuple[str, str], float]]:
        """By how much losses still fall, as of `falls_along`."""
        return falls_along(self.cube, self.run["margin"])

    @cached_property
    def settings(self) -> list[dict[str, Any]]:
        """Values of the grid, by parameter, and of parameters of which one value was selected."""
        coords = {
            str(name): each
            for name, each in self.cube.coords.items()
            if (name in self.grid or not each.ndim) and name not in RESERVED
        }
        # What a parameter of configurations that were drawn was lies along their numbers.
        for name, each in self.cube.coords.items():
            if each.ndim == 1 and each.dims[0] in self.grid:
                coords.setdefault(str(name), each)
        known = {name: each.values.tolist() for name, each in coords.items()}
        places = {name: self.grid.index(each.dims[0]) for name, each in coords.items() if each.ndim}
        return [
            {
                name: value[index[places[name]]] if name in places else value
                for name, value in known.items()
            }
            for index in self.indices
        ]

    @cached_property
    def sizes(self) -> dict[str, list[list[float]]]:
        """Equivalent sizes of random cores, by name, with the ends of their intervals."""
        found = {}
        for name in ("equivalent_reservoir_size", "flow_reservoir_size"):
            if name in self.here and "full" in self.modes:
                ends = [self.here[f"{name}{end}"].sel(mode="full") for end in ("", "_low", "_high")]
                found[name] = np.stack([self.along(each) for each in ends], axis=1).tolist()
        return found

    @cached_property
    def accuracies(self) -> list[dict[str, float]]:
        """Shares of right answers, by training mode, and by baseline; {} in what is no task."""
        if "accuracy" not in self.here or "accuracy_baseline" not in self.here:
            return [{} for _ in self.indices]
        of_modes = self.along(self.here.accuracy.mean("seed"), "mode").tolist()
        others = self.along(self.here.accuracy_baseline.mean("seed"), "baseline").tolist()
        names = [*self.modes, *self.cube.baseline.values.tolist()]
        return [
            dict(zip(names, [*ours, *theirs], strict=True))
            for ours, theirs in zip(of_modes, others, strict=True)
        ]

    @cached_property
    def scores(self) -> list[dict[str, dict[str, list[float]]]]:
        """Mean scores of each latent, and of other sequences, by what it is decoded from."""
        here, arms = self.here, {}
        for mode, words in ARM_STATES.items():
            if mode in self.modes and words not in arms:
                arm = here.sel(mode=mode)
                arms[words] = arm.probe_score, arm.probe_score_shuffled
        if "probe_score_window" in here:
            arms["the last inputs"] = here.probe_score_window, here.probe_score_window_shuffled
        found = {
            words: np.stack([self.along(each.mean("seed"), "latent") for each in pair], axis=2)
            for words, pair in arms.items()
        }
        return [
            {
                latent: {words: pairs[i, j].tolist() for words, pairs in found.items()}
                for j, latent in enumerate(self.cube.latent.values.tolist())
            }
            for i in range(len(self.indices))
        ]

    @cached_property
    def are_classes(self) -> list[dict[str, bool]]:
        """Of each latent, whether it has classes, not quantities."""
        classes = self.here.probe_accuracy.notnull().any(["mode", "seed"])
        latents = self.cube.latent.values.tolist()
        return [
            dict(zip(latents, each, strict=True)) for each in self.along(classes, "latent").tolist()
        ]


@dataclass(frozen=True)
class Case:
    """One configuration: what was measured, and how it was tested.

    Attributes
    ----------
    together : Together
        All configurations of its cube.
    number : int
        Which of them it is.
    """

    together: Together
    number: int

    @property
    def run(self) -> dict[str, Any]:
        """Configuration of the assessment."""
        return self.together.run

    @property
    def n_configurations(self) -> int:
        """How many were tested together; of a part of a cube those that it comes from."""
        return self.run.get("n_configurations", len(self.together.indices))

    @cached_property
    def cube(self) -> xr.Dataset:
        """Its cube; its settings are coordinates without a dimension."""
        index = self.together.indices[self.number]
        return self.together.cube.isel(dict(zip(self.together.grid, index, strict=True)))

    @cached_property
    def here(self) -> xr.Dataset:
        """What was measured in the world itself."""
        return self.cube.sel(condition=STRUCTURED, drop=True)

    @property
    def claims(self) -> dict[str, Claim]:
        """The claims that were tested, by name."""
        return self.together.claims[self.number]

    @cached_property
    def states(self) -> dict[str, str]:
        """The state of every claim, by name."""
        return states_given(self.together.targets[self.number], self.claims)

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the claims that were to be tested."""
        claims = self.run["claims"]
        claims = (claims,) if isinstance(claims, str) else tuple(claims)
        return tuple(CLAIMS) if claims == ("auto",) else claims

    @property
    def verdict(self) -> str:
        """The verdict."""
        return self.together.verdicts[self.number]

    @property
    def settings(self) -> dict[str, Any]:
        """Values of the grid, by parameter."""
        return self.together.settings[self.number]

    @property
    def n_seeds(self) -> int:
        """Number of seeds."""
        return self.together.cube.sizes["seed"]

    @property
    def given(self) -> bool:
        """Whether networks were given, and not trained here."""
        return "given_networks" in self.run

    @property
    def nulls(self) -> list[str]:
        """Names of the nulls."""
        return [name for name in self.cube.condition.values.tolist() if name != STRUCTURED]

    @property
    def best(self) -> str:
        """The best of all baselines, in words."""
        return baseline_in_words(self.best_baseline, has_own_baselines(self.run))

    @property
    def best_baseline(self) -> str:
        """Name of the best of all baselines."""
        return self.together.best_baselines[self.number]

    @property
    def reference(self) -> str:
        """The reference, in words."""
        name = self.together.references[self.number]
        return baseline_in_words(name, has_own_baselines(self.run))

    @property
    def rank(self) -> str:
        """What the reference is the best of, in words."""
        name = self.together.references[self.number]
        trivial = name in ALTERNATIVES and ALTERNATIVES[name].trivial
        chosen = self.run["reference"] == "auto"
        return "the best trivial baseline" if trivial and chosen else "the reference"

    @property
    def units(self) -> tuple[int, int] | None:
        """Recordings (or groups) that each seed trains on and holds out; None if there are none."""
        units = self.run.get("units")
        return None if units is None else tuple(units)

    @property
    def recorded(self) -> str:
        """What these units are, in words."""
        if "recording" in self.run:
            return "blocks of a recording"
        return "groups of recordings" if _grouped(self.run["world"]) else "recordings"

    @property
    def reservoir(self) -> tuple[float, float, float]:
        """The equivalent reservoir size and the ends of its interval; NaN if it is not known."""
        return self._size("equivalent_reservoir_size")

    @property
    def flow_reservoir(self) -> tuple[float, float, float]:
        """The same of a random core that goes on as well when it is left alone."""
        return self._size("flow_reservoir_size")

    def _size(self, name: str) -> tuple[float, float, float]:
        if name not in self.together.sizes:
            return (np.nan,) * 3
        size, low, high = self.together.sizes[name][self.number]
        return size, low, high

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of right answers in a task, by who gave them, in words; {} if there is none."""
        found = self.together.accuracies[self.number]
        if not found:
            return {}
        shares = {
            words: found[mode]
            for mode, words in (("full", "the trained network"), ("readout", "its untrained core"))
            if mode in self.together.modes
        }
        shares[self.best] = found[self.best_baseline]
        return shares if np.isfinite(list(shares.values())).all() else {}

    @property
    def is_task(self) -> bool:
        """Whether what is predicted is not seen, so that all is known from inputs."""
        world = self.run["world"]
        while isinstance(world.get("world"), dict):
            world = world["world"]
        return not self.settings.get("world__feedback", world.get("feedback", True))

    @property
    def smallest_p_value(self) -> float:
        """The smallest p-value that sign flips over these seeds can have."""
        family = self.n_configurations, self.run["correction"]
        return smallest_p_value(self.n_seeds, *family, self.run["n_flips"])

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be said, or None."""
        return self.together.obstacles[self.number]

    @property
    def falls(self) -> dict[tuple[str, str], float]:
        """By how much losses still fall, as of `falls_along`."""
        return self.together.falls[self.number]

    @property
    def converged(self) -> bool | None:
        """Whether all fits have come to their end; None if curves of training are lost."""
        if self.obstacle is not None or self.falls:
            return False
        lost = self.trained and not self.given and "training_loss" not in self.together.cube
        return None if lost else True

    @property
    def trained(self) -> str:
        """What was trained by gradient descent: "all weights", "heads" or nothing, as ""."""
        modes = set(self.together.modes)
        if {"full", "scrambled"} & modes:
            return "all weights"
        return "heads" if "readout" in modes and self.of_model("head") == "sgd" else ""

    @property
    def gap(self) -> float:
        """By how much the loss of the trained network is higher in evaluation than in training.

        NaN if it was not trained, or if only some of the steps count in evaluation.
        """
        if "training_loss" not in self.here or "full" not in self.here.mode:
            return np.nan
        if observation_of(self.run) == "token":
            return np.nan
        full = self.here.sel(mode="full")
        return (full.nll - full.training_loss.isel(block=-1)).mean("seed").item()

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Of each seed, whether its network stands apart."""
        return apart_along(self.here)[0]

    def of_model(self, name: str) -> Any:
        """Return a parameter of the model in this configuration; None if it has none."""
        for key in (name, f"model__{name}"):
            if key in self.settings:
                return self.settings[key]
        return self.run["model"].get(name)

    def scores(self, latent: str) -> dict[str, list[float]]:
        """Return by what a latent is decoded from its mean score, and that of other sequences."""
        return self.together.scores[self.number][latent]

    @property
    def latents(self) -> list[str]:
        """The latents whose representation was tested."""
        return [name.partition(" ")[2] for name in self.claims if name.startswith(REPRESENTATION)]

    def score_name(self, latent: str) -> str:
        """Return what the probe score of a latent is called."""
        if "probe_accuracy" not in self.together.cube:
            return "R2"
        return "D2" if self.together.are_classes[self.number][latent] else "R2"


def _grouped(world: Mapping[str, Any]) -> bool:
    """Return whether a world, or the one that it is a null of, has groups."""
    within = world.get("world")
    return world.get("groups") is not None or (isinstance(within, dict) and _grouped(within))


def innermost(run: Mapping[str, Any]) -> str | None:
    """Return the type of the world of a configuration, of a null that of its world, or None."""
    world = run.get("world", {})
    while isinstance(world.get("world"), dict):
        world = world["world"]
    return world.get("type")


def observation_of(run: Mapping[str, Any]) -> str | None:
    """Return the kind of observations of a world of ours; None of another."""
    return getattr(getattr(worlds, innermost(run) or "", None), "observation", None)


def cases_of(cube: xr.Dataset) -> list[Case]:
    """Return the configurations of a cube, in their order."""
    together = Together(cube, json.loads(cube.attrs["configuration"]))
    return [Case(together, number) for number in range(len(together.indices))]
