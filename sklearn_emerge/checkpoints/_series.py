"""A series of checkpoints in folders, whose geometry is tracked one model at a time."""

import gc
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch
import xarray as xr
from numpy.typing import ArrayLike

from .. import __version__
from .._files import check_writable
from .._typing import PathLike, RandomState
from .._validation import check_integer
from ..assessment._costs import Cost
from ..assessment._cube import ANATOMY, describe
from ..assessment._key import key_of, library_versions
from ..assessment._progress import Progress, kind_of, log_is_seen
from ._folders import Architecture, files_of, find_steps, read_config
from ._kept import keep, look_up, path_of
from ._measured import join, measure
from ._model import load_model
from ._requests import Request, check_computing, check_request, check_steps, check_tokens

_CALLED = "checkpoints"
# Relative rounding error that hardly shows in RankMe: that of float16, and not of bfloat16.
_FINE = 1e-3


class CheckpointSeries:
    """Checkpoints of a causal language model that were written while it was trained.

    They are folders in the format of Hugging Face, named by their steps: ``step1000``,
    ``step_1000``, ``checkpoint-1000``, ``global_step512`` or ``iter_0001000``. Nothing is
    downloaded, and no code that a folder brings is run.

    Parameters
    ----------
    folder : path-like
        What holds the folders of checkpoints.

    Attributes
    ----------
    folder : Path
        The same.
    steps : tuple of int
        Steps of which there is a checkpoint, sorted.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no checkpoints, two of one step, or one without config.json.

    See Also
    --------
    sklearn_emerge.geometry : The measures, for any module.
    sklearn_emerge.geometry.departure_step : When a measure leaves its floor.

    Notes
    -----
    Models are loaded in single precision, whatever their weights are stored in, since states in
    half precision have the rank of their rounding errors. The rounding of stored weights stays, and
    differs from one token of the embedding to the next, so that it has a rank, too. RankMe of 1,000
    states of 512 units that lie in one direction was 1.04 after rounding to float16 and 1.27 after
    bfloat16, that of an effective rank of 25.8 was 26.0 and 27.2; the participation ratio was the
    same to a hundredth. Weights in half precision are not where training had them, either: their
    gradient and local learning coefficient are those of the rounded ones. The precision of each
    step, as its config.json states it, is the coordinate ``stored_dtype``.

    A step is that of the name of its folder, in whatever unit the series was named.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn_emerge.checkpoints import CheckpointSeries
    >>> with TemporaryDirectory() as folder:
    ...     for name in "step1000", "step0", "step512", "logs":
    ...         Path(folder, name).mkdir()
    ...         _ = Path(folder, name, "config.json").write_text("{}")
    ...     series = CheckpointSeries(folder)
    >>> series.steps
    (0, 512, 1000)
    """

    def __init__(self, folder: PathLike) -> None:
        self._folders = find_steps(folder)
        self.folder = next(iter(self._folders.values())).parent
        self.steps = tuple(self._folders)

    def __repr__(self) -> str:
        n, first, last = len(self.steps), self.steps[0], self.steps[-1]
        return f"CheckpointSeries({str(self.folder)!r}: {n} step(s) from {first} to {last})"

    def load(self, step: int, *, device: str | torch.device = "cpu") -> torch.nn.Module:
        """Return the model of a step, in single precision and evaluation mode.

        Parameters
        ----------
        step : int
            One of `steps`.
        device : str or torch.device, default="cpu"
            Where it is computed.

        Returns
        -------
        torch.nn.Module
            A ``PreTrainedModel`` of transformers, with eager attention, which can be
            differentiated twice.

        Raises
        ------
        ImportError
            If transformers is not installed.
        ValueError
            If there is no such step, or its files cannot be loaded, or lack weights.
        """
        (step,) = check_steps([step], self.steps, "step")
        return load_model(self._folders[step], device)

    def track(
        self,
        probe_sets: Mapping[str, ArrayLike],
        measures: Sequence[str] | Mapping[str, Iterable[int] | None] = (
            "rankme",
            "participation_ratio",
            "nll",
        ),
        *,
        steps: Iterable[int] | None = None,
        position: int = -1,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        out: PathLike | None = None,
        batch_size: int = 8,
        device: str | torch.device = "cpu",
        random_state: RandomState = 0,
        progress: bool | str = True,
    ) -> xr.Dataset:
        """Return the geometry and the loss of each checkpoint on the same rows of tokens.

        One model is in memory at a time, two where gradients are asked for. All is checked before
        the first is loaded, but for a step size that is not stable for a model.

        Parameters
        ----------
        probe_sets : mapping of str to array-like of int of shape (n_rows, n_tokens)
            Rows of tokens by name, four or more a set, all of a set as long. There is no padding:
            cut texts to one length.
        measures : sequence of str, or mapping of str to list of int or None, default=("rankme", \
                "participation_ratio", "nll")
            What is measured, or at which steps each is, None for all of them. Of hidden states, at
            one token and in all layers: "rankme" and "participation_ratio". Of next tokens: "nll".
            Of the gradients of rows, which take long and need their steps:
            "gradient_rank", "fisher_rank", "hessian_top", "hessian_trace" and
            "local_learning_coefficient", see `sklearn_emerge.geometry`.
        steps : list of int or None, default=None
            Steps that are looked at; None are all.
        position : int, default=-1
            Token of each row whose hidden states are taken; -1 is the last.
        options : mapping of str to mapping, or None, default=None
            Further arguments of measures of gradients by name, such as
            ``{"local_learning_coefficient": {"n_beta": 30.0}}``.
        out : path-like or None, default=None
            A folder in which each finished step is kept, from where the next call takes it; None
            keeps nothing.
        batch_size : int, default=8
            Rows that go through the model at once. Results do not depend on it but by rounding.
        device : str or torch.device, default="cpu"
            Where it is computed.
        random_state : int, SeedSequence, Generator, RandomState or None, default=0
            Stream of what measures of gradients draw, the same at all steps.
        progress : bool or {"bar", "log"}, default=True
            Whether progress is shown; True is a bar on a terminal and in a notebook, and else
            lines in the log.

        Returns
        -------
        xarray.Dataset
            Of dimensions (step, probe_set, layer):

            - ``rankme`` and ``participation_ratio`` of each layer: "embedding", what the first
              block receives; "1" and so on, the outputs of blocks; and "norm", that of the last
              one after the final normalisation, which is another quantity;
            - ``rankme_of_noise``, the RankMe that noise has in as many rows and units;
            - ``nll`` (step, probe_set), nats per token, of all tokens but the first of each row;
            - of a measure of gradients its value, by its name, and all other numbers that it
              returns, such as ``hessian_top_standard_error``; and ``hessian_top_reasons`` not to
              trust it, which is empty if there are none, or nothing was asked for.

            What was not asked for at a step is NaN, as is what has no value because the model has
            diverged. The coordinate ``depth`` of a layer is its share of all blocks.

        Raises
        ------
        ImportError
            If transformers is not installed.
        ValueError
            If a probe set has fewer than four rows, tokens that the model does not know, or too
            many of them; checkpoints differ in architecture, or lack weights; the blocks of the
            model are not found; or an argument is not known.
        OSError
            If the folder `out` cannot be written to.

        Warns
        -----
        UserWarning
            If a kept file is damaged: its step is computed again. If RankMe is asked for and
            weights are stored with less precision than float16 has, see the class.

        Notes
        -----
        The loss of a row, of which gradients and curvatures are, is the negative log-likelihood of
        all its tokens but the first, in nats: a sum. Draws of "fisher_rank" are of each token,
        after the true ones before it. Measures of gradients take all rows together, and so need
        smaller probe sets than RankMe does: call `track` once for each, and compare values of
        equally many and equally long rows only.

        Kept files are named by the step and by a key of all that they depend on: probe sets,
        measures of that step with their options, position, stream, versions of libraries and of
        this code, and the configuration and the names, sizes and times of modification of the
        files of weights. So what was found of other ones is never taken, and stays.

        States are computed in single precision: a direction that has less than about 1e-7 of their
        norm is a rounding error.

        Examples
        --------
        See the guide for a series that is tracked. What is wrong is said before anything is loaded:

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from sklearn_emerge.checkpoints import CheckpointSeries
        >>> with TemporaryDirectory() as folder:
        ...     Path(folder, "step0").mkdir()
        ...     _ = Path(folder, "step0", "config.json").write_text("{}")
        ...     CheckpointSeries(folder).track({"text": [[17, 4, 11]]})
        Traceback (most recent call last):
            ...
        ValueError: probe_sets['text'] has 1 row(s), and at least 4 are needed. Pass more, better
        1,000: RankMe says more of few rows than of the model.
        """
        request = check_request(
            probe_sets, measures, self.steps, steps, position, options, random_state
        )
        check_integer(batch_size, "batch_size")
        check_computing(device, progress)
        configs = {step: read_config(self._folders[step]) for step in request.steps}
        architecture = _only(configs)
        check_tokens(request.probe_sets, architecture)
        stored = {step: config[1] for step, config in configs.items()}
        if "rankme" in request.measures:
            _warn_of_rounding(stored)
        files = {step: files_of(self._folders[step]) for step in request.steps}
        paths = {} if out is None else _paths(out, request, files)
        parts = {step: look_up(*paths[step]) if paths else None for step in request.steps}
        n_read = sum(part is not None for part in parts.values())
        heading = f"{len(parts)} checkpoints of {architecture.kind}"
        if n_read:
            heading += f"; {n_read} read from {out}"
        cells = [_Counted(f"step {step}") for step in parts]
        # What was kept takes no time.
        costs = [Cost(other=float(part is None)) for part in parts.values()]
        kind = kind_of(progress)
        with (
            log_is_seen(),
            Progress(cells, costs, kind, heading=heading, title=_CALLED, things=_CALLED) as shown,
        ):
            for i, step in enumerate(parts):
                if parts[step] is None:
                    parts[step] = self._measured(step, request, architecture, batch_size, device)
                    if paths:
                        keep(parts[step], *paths[step])
                shown.finish(i)
        return join(parts, request, stored).assign_attrs(self._attributes(request, architecture))

    def _measured(
        self,
        step: int,
        request: Request,
        architecture: Architecture,
        batch_size: int,
        device: str | torch.device,
    ) -> xr.Dataset:
        """Return what is found of a step; its model is gone afterwards."""
        model = load_model(self._folders[step], device)
        try:
            return measure(model, architecture.n_layers, *request.at(step), batch_size)
        except ValueError as error:
            raise ValueError(f"step {step}: {error}") from error
        finally:
            del model
            # Models refer to themselves, and would stay until Python looks for such.
            gc.collect()

    def _attributes(self, request: Request, architecture: Architecture) -> dict[str, str]:
        """Return what a data set says of itself."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        configuration = {
            "measures": request.measures,
            "options": {name: describe(given) for name, given in request.options.items()},
            "position": request.position,
            "probe_sets": {
                name: sha256(rows.tobytes()).hexdigest()
                for name, rows in request.probe_sets.items()
            },
        }
        return {
            "title": f"Geometry of checkpoints of {self.folder.name} ({architecture.kind})",
            "source": f"sklearn_emerge {__version__}, transformers {version('transformers')}",
            "history": f"{now} created by sklearn_emerge {__version__}",
            "references": ANATOMY,
            "date_created": now,
            "configuration": json.dumps(configuration, sort_keys=True),
        }


class _Counted(NamedTuple):
    """A step, as `Progress` counts them."""

    name: str
    n_updates: int = 0


def _paths(
    out: PathLike, request: Request, files: Mapping[int, Any]
) -> dict[int, tuple[Path, str]]:
    """Return the file in which each step is kept, and the key of all that it depends on."""
    folder = check_writable(Path(out) / "step").parent
    versions = library_versions() | {"transformers": version("transformers")}
    paths = {}
    for step in request.steps:
        key = key_of((measure, versions, request.at(step), files[step]))
        paths[step] = path_of(folder, step, key), key
    return paths


def _only(configs: Mapping[int, tuple[Architecture, str]]) -> Architecture:
    """Return the architecture of all steps, or raise a ValueError if they differ."""
    first = next(iter(configs))
    for step, (found, _) in configs.items():
        if found != configs[first][0]:
            raise ValueError(
                f"steps {first} and {step} are of different models, {configs[first][0]} and "
                f"{found}; move one of them to another folder, or leave it out by steps."
            )
    return configs[first][0]


def _warn_of_rounding(stored: Mapping[int, str]) -> None:
    """Warn if weights are stored so coarsely that their rounding shows in a rank."""
    kinds = {step: getattr(torch, kind, None) for step, kind in stored.items()}
    coarse = {
        step: stored[step]
        for step, kind in kinds.items()
        if isinstance(kind, torch.dtype)
        and kind.is_floating_point
        and torch.finfo(kind).eps > _FINE
    }
    if coarse:
        first = next(iter(coarse))
        warnings.warn(
            f"Weights of step {first}, and of {len(coarse)} of {len(stored)} checkpoints, are "
            f"stored in {coarse[first]}, whose rounding errors have a rank: RankMe of states in "
            "one direction was 1.27 and not 1. Take checkpoints in float32 where it is small, or "
            "the participation ratio, which hardly sees them.",
            stacklevel=3,
        )
