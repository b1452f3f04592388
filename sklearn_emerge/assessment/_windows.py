"""Units of work: probes of the last inputs, which those of hidden states are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.utils import Bunch

from .._threads import one_thread
from .._typing import PathLike
from ..predictors._last_inputs import windows_of
from ..probes import score_inputs
from ..worlds import World
from ._design import of_seed
from ._networks import probe_options
from ._progress import ProgressFile
from ._work import Work


@dataclass(frozen=True)
class Windows(Work):
    """Probes of the last inputs in place of hidden states, in the structured world.

    Attributes
    ----------
    design : Design
        Seeds and their sequences.
    world : World
        The structured world.
    n_lags : int
        Inputs, as many as the network has units, as far as a probe can read so many.
    time_channel : {"full_time", None}
        "full_time" adds the clock to them.
    n_tokens : int, "auto" or None
        Size of the vocabulary if they are tokens; None if they are quantities.
    probe, n_probe
        As in `EmergenceAssessment`.
    """

    world: World
    n_lags: int
    time_channel: str | None
    n_tokens: int | str | None
    probe: Any
    n_probe: int

    def measure(
        self,
        seeds: Sequence[int],
        known: Mapping[int, Bunch],
        progress_file: PathLike | None = None,
        checkpoint_folder: PathLike | None = None,
    ) -> list[Bunch]:
        """Score them in some seeds.

        There are ``probe_score_window`` and ``probe_score_window_shuffled``, from the inputs of
        other sequences, of each latent.
        """
        progress, splits = ProgressFile(progress_file), self.design.splits(self.world)
        found = []
        for place, seed in enumerate(seeds):
            evaluation = of_seed(splits, seed)[1]
            X, latents = evaluation.X[: self.n_probe], evaluation.latents[: self.n_probe]
            roles = {name: getattr(self.world, name) for name in ("n_exogenous", "feedback")}
            windows = windows_of(X, self.n_lags, self.time_channel, self.n_tokens, **roles)
            stream = self.design.stream("probe", seed)
            options = probe_options(self.probe, evaluation, self.n_probe, stream)
            progress.follow(place / len(seeds))
            with one_thread():
                own, others = score_inputs(windows, latents, stream, **options)
            found.append(Bunch(probe_score_window=own, probe_score_window_shuffled=others))
        return found
