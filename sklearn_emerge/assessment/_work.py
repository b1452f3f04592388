"""Units of work: what is computed of each seed, and what the seeds make together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import xarray as xr
from sklearn.utils import Bunch

from .._typing import PathLike
from ._design import Design


@dataclass(frozen=True)
class Work:
    """What is computed of one configuration, seed by seed.

    What is found of a seed depends on that seed and not on which others there are, so that seeds
    can be added later; where it does, `depends_on_all` says so.

    Attributes
    ----------
    design : Design
        Seeds and their sequences.
    """

    design: Design

    @property
    def seeds(self) -> range:
        """The seeds that something is computed of."""
        return range(self.design.n_seeds)

    @property
    def depends_on_all(self) -> bool:
        """Whether what is found of a seed depends on how many there are."""
        return False

    def of_any_seed(self) -> Self:
        """Return what all seeds have in common, by which their results are kept."""
        if self.depends_on_all:
            return self
        return replace(self, design=replace(self.design, n_seeds=0))

    def own_of(self, seed: int) -> Any:
        """Return what a seed has of its own besides its number, None if nothing."""
        return None

    def left(self, known: Collection[int]) -> list[int]:
        """Return the seeds that are not known."""
        return [seed for seed in self.seeds if seed not in known]

    def measure(
        self,
        seeds: Sequence[int],
        known: Mapping[int, Bunch],
        progress_file: PathLike | None = None,
        checkpoint_folder: PathLike | None = None,
    ) -> list[Bunch]:
        """Return what is found of some seeds.

        Parameters
        ----------
        seeds : sequence of int
            The seeds.
        known : dict of int to Bunch
            What has been found of other seeds.
        progress_file : path-like or None, default=None
            Where to report how much is done.
        checkpoint_folder : path-like or None, default=None
            Where to keep the state of a training, and to go on from.

        Returns
        -------
        list of Bunch
            One a seed; the first may have ``troubles``, see `Checkpoints`.
        """
        raise NotImplementedError

    def join(self, found: Sequence[Bunch]) -> Bunch:
        """Return as arrays along the seeds what was found of each of `seeds`."""
        return along_seeds(found)

    def run(
        self, progress_file: PathLike | None = None, checkpoint_folder: PathLike | None = None
    ) -> Bunch:
        """Return what is found of all seeds, see `measure` and `join`."""
        return self.join(self.measure(self.seeds, {}, progress_file, checkpoint_folder))


def along_seeds(found: Sequence[Mapping[str, Any]]) -> Bunch:
    """Return by name what was found of seeds, as arrays, or DataArrays, whose first axis they are.

    Of a DataArray that only some seeds have these are the seeds.
    """
    joined = Bunch()
    for name in dict.fromkeys(name for each in found for name in each):
        parts = [each[name] for each in found if name in each]
        if isinstance(parts[0], xr.DataArray):
            joined[name] = xr.concat(parts, "seed", join="exact")
        else:
            joined[name] = np.array([each[name] for each in found])
    return joined
