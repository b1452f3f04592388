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
from ._claims import CLAIMS, REPRESENTATION, Claim, claims_of, states_of
from ._labels import RESERVED, STRUCTURED
from ._panel import ALTERNATIVES
from ._verdict import obstacle_of, stands_apart, still_falling
from ._words import ARM_STATES, baseline_in_words, has_own_baselines


@dataclass(frozen=True)
class Case:
    """One configuration: what was measured, and how it was tested.

    Attributes
    ----------
    cube : xarray.Dataset
        Of one configuration; its settings are coordinates without a dimension.
    run : dict
        Configuration of the assessment.
    n_configurations : int
        How many were tested together.
    """

    cube: xr.Dataset
    run: dict[str, Any]
    n_configurations: int

    @cached_property
    def here(self) -> xr.Dataset:
        """What was measured in the world itself."""
        return self.cube.sel(condition=STRUCTURED, drop=True)

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """The claims that were tested, by name."""
        return claims_of(self.here)

    @cached_property
    def states(self) -> dict[str, str]:
        """The state of every claim, by name."""
        return states_of(self.here, self.claims)

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the claims that were to be tested."""
        claims = self.run["claims"]
        claims = (claims,) if isinstance(claims, str) else tuple(claims)
        return tuple(CLAIMS) if claims == ("auto",) else claims

    @property
    def verdict(self) -> str:
        """The verdict."""
        return self.cube.verdict.item()

    @property
    def settings(self) -> dict[str, Any]:
        """Values of the grid, by parameter."""
        return settings_of(self.cube)

    @property
    def n_seeds(self) -> int:
        """Number of seeds."""
        return self.cube.sizes["seed"]

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
        return baseline_in_words(self.here.best_baseline.item(), has_own_baselines(self.run))

    @property
    def reference(self) -> str:
        """The reference, in words."""
        return baseline_in_words(self.here.reference.item(), has_own_baselines(self.run))

    @property
    def rank(self) -> str:
        """What the reference is the best of, in words."""
        name = self.here.reference.item()
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
        if name not in self.here or "full" not in self.here.mode:
            return (np.nan,) * 3
        full = self.here.sel(mode="full")
        return tuple(full[f"{name}{end}"].item() for end in ("", "_low", "_high"))

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of right answers in a task, by who gave them, in words; {} if there is none."""
        if "accuracy" not in self.here or "accuracy_baseline" not in self.here:
            return {}
        shares = {
            words: self.here.accuracy.sel(mode=mode).mean("seed").item()
            for mode, words in (("full", "the trained network"), ("readout", "its untrained core"))
            if mode in self.here.mode
        }
        best = self.here.accuracy_baseline.sel(baseline=self.here.best_baseline.item())
        shares[self.best] = best.mean("seed").item()
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
        return obstacle_of(self.cube, self.here)

    @cached_property
    def falls(self) -> dict[tuple[str, str], float]:
        """By how much losses still fall, as of `still_falling`."""
        return still_falling(self.cube, self.run["margin"])

    @property
    def converged(self) -> bool | None:
        """Whether all fits have come to their end; None if curves of training are lost."""
        if self.obstacle is not None or self.falls:
            return False
        lost = self.trained and not self.given and "training_loss" not in self.cube
        return None if lost else True

    @property
    def trained(self) -> str:
        """What was trained by gradient descent: "all weights", "heads" or nothing, as ""."""
        modes = set(self.here.mode.values.tolist())
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
        return stands_apart(self.here)

    def of_model(self, name: str) -> Any:
        """Return a parameter of the model in this configuration; None if it has none."""
        for key in (name, f"model__{name}"):
            if key in self.settings:
                return self.settings[key]
        return self.run["model"].get(name)

    def scores(self, latent: str) -> dict[str, list[float]]:
        """Return by what a latent is decoded from its mean score, and that of other sequences."""
        here, found = self.here.sel(latent=latent), {}
        for mode, words in ARM_STATES.items():
            if mode in here.mode and words not in found:
                arm = here.sel(mode=mode)
                found[words] = arm.probe_score, arm.probe_score_shuffled
        if "probe_score_window" in here:
            found["the last inputs"] = here.probe_score_window, here.probe_score_window_shuffled
        return {words: [score.mean().item() for score in pair] for words, pair in found.items()}

    @property
    def latents(self) -> list[str]:
        """The latents whose representation was tested."""
        return [name.partition(" ")[2] for name in self.claims if name.startswith(REPRESENTATION)]

    def score_name(self, latent: str) -> str:
        """Return what the probe score of a latent is called."""
        if "probe_accuracy" not in self.here:
            return "R2"
        return "D2" if self.here.probe_accuracy.sel(latent=latent).notnull().any() else "R2"


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


def settings_of(cube: xr.Dataset) -> dict[str, Any]:
    """Return the values of the grid that one configuration has, by parameter."""
    return {
        name: coordinate.item()
        for name, coordinate in cube.coords.items()
        if coordinate.ndim == 0 and name not in RESERVED
    }


def cases_of(cube: xr.Dataset) -> list[Case]:
    """Return the configurations of a cube, in their order."""
    run = json.loads(cube.attrs["configuration"])
    grid = [dim for dim in cube.nll.dims if dim not in RESERVED]
    shape = tuple(cube.sizes[dim] for dim in grid)
    # Of a part of a cube: those that it was tested together with.
    n_configurations = run.get("n_configurations", int(np.prod(shape)))
    return [
        Case(cube.isel(dict(zip(grid, index, strict=True))), run, n_configurations)
        for index in np.ndindex(shape)
    ]
