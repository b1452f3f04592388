"""Units of work: random cores of growing size, which networks are compared with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from sklearn.utils import Bunch

from .._threads import one_thread
from .._typing import PathLike
from ..measures._reservoir import nll_of_cores
from ..predictors import EchoStatePredictor
from ..predictors._echo_state import N_TUNED
from ..worlds import Sample, World
from ._design import of_seed
from ._left_alone import TINY, LeftAlone
from ._progress import ProgressFile
from ._work import Work

# Seeds of the curve of random cores, and its training sequences: at least so many, or a tenth. Its
# heads need fewer than networks.
CORE_SEEDS, CORE_SEQUENCES = 3, 500
# Sequences in which large ones are left alone.
N_LEFT_ALONE = 100


def count_core_sequences(n_train: int) -> int:
    """Return how many training sequences the curve of random cores takes."""
    return min(n_train, max(CORE_SEQUENCES, n_train // 10))


@dataclass(frozen=True)
class Cores(Work):
    """Random cores of growing size, with heads in closed form, in the structured world.

    Attributes
    ----------
    design : Design
        Seeds and their sequences. The first seeds are enough, and a part of their training
        sequences.
    world : World
        The structured world.
    sizes : tuple of int
        Numbers of units.
    time_channel : {"full_time", None}
        Whether they see the clock.
    left_alone : LeftAlone or None
        What they are compared with when they are left alone; None leaves that out.
    """

    world: World
    sizes: tuple[int, ...]
    time_channel: Literal["full_time"] | None
    left_alone: LeftAlone | None = None

    @property
    def seeds(self) -> range:
        """The seeds that a curve is measured of: the first."""
        return range(min(CORE_SEEDS, self.design.n_seeds))

    def measure(
        self,
        seeds: Sequence[int],
        known: Mapping[int, Bunch],
        progress_file: PathLike | None = None,
        checkpoint_folder: PathLike | None = None,
    ) -> list[Bunch]:
        """Score them in some seeds.

        There are ``nll_reservoir`` of each size; and ``flow``, a list of their errors when they are
        left alone.
        """
        progress, splits = ProgressFile(progress_file), self.design.splits(self.world)
        measure = None if self.left_alone is None else self.left_alone.ready()
        found = []
        for place, seed in enumerate(seeds):
            progress.follow(place / len(seeds))
            train, evaluation = of_seed(splits, seed)
            stream, clock = self.design.stream("core", seed), self.time_channel
            flow: list[xr.DataArray] = []
            watch = None if measure is None else self._watch(measure, evaluation, seed, flow)
            with one_thread():
                X = train.X[: count_core_sequences(self.design.n_train)]
                sizes = self.sizes
                nll = nll_of_cores(self.world, X, evaluation, sizes, clock, stream, watch)
            found.append(Bunch(nll_reservoir=nll, flow=flow))
        return found

    def join(self, found: Sequence[Bunch]) -> Bunch:
        """Return what was found of the seeds.

        There are ``nll_reservoir`` of each seed and size, NaN for seeds that are not measured; and
        ``flow``, a DataArray of seeds and sizes.
        """
        nll = np.full((self.design.n_seeds, len(self.sizes)), np.nan)
        nll[: len(found)] = [one.nll_reservoir for one in found]
        places = [errors.expand_dims(("seed", "n_units")) for one in found for errors in one.flow]
        if not places:
            return Bunch(nll_reservoir=nll)
        return Bunch(nll_reservoir=nll, flow={"flow_error_cores": xr.combine_by_coords(places)})

    def _watch(
        self,
        measure: Callable[..., xr.DataArray],
        evaluation: Sample,
        seed: int,
        flow: list[xr.DataArray],
    ) -> Callable[[EchoStatePredictor], None]:
        """Return a function that leaves cores of growing size alone, and notes their errors."""
        place = evaluation, self.design, seed
        medium: list[Any] = []

        def watch(core: EchoStatePredictor) -> None:
            if core.n_units <= N_TUNED:
                errors = measure(core, *place)
                medium[:] = errors, core
            else:
                # Large ones take long: in fewer sequences, by the ratio to one of medium size.
                errors, other = medium
                few = [measure(each, *place, N_LEFT_ALONE) for each in (core, other)]
                errors = errors * few[0] / few[1].clip(min=TINY)
            if core.n_units in self.sizes:
                flow.append(errors.assign_coords(n_units=core.n_units))

        return watch
