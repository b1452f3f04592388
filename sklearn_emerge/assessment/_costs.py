"""What cells will cost: networks by a trial of a few updates, the rest by what was once measured.

These are guesses that are shown. No result depends on them.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from .._threads import one_thread
from ..likelihoods import LIKELIHOODS
from ..predictors._base import BasePredictor
from ..predictors._fit import fit_replicas
from ..predictors._neural import NeuralPredictor
from ..training import TrainingContext
from ._baselines import MANY, N_FOLDS, Baselines
from ._cores import CORE_SEEDS, Cores, count_core_sequences
from ._labels import STRUCTURED
from ._networks import N_MEMORY, Networks
from ._panel import ALTERNATIVES
from ._plan import Cell
from ._trajectory import TRIED
from ._windows import Windows

# Updates of a trial, and seconds of all trials after which no further network is tried.
_N_TRIED, _LONG = 5, 10.0
# Seconds that `_work` took where the numbers below were measured, on a core of an AMD EPYC.
_WORK_SECONDS = 0.006
# Bytes of a process that has loaded the libraries and compiled the kernels, and how often it has
# the sequences of all seeds: training and evaluation, as they are, scaled, and in the null.
_PROCESS_BYTES, _COPIES = 5e8, 5


@dataclass(frozen=True)
class Cost:
    """What a cell takes.

    Attributes
    ----------
    training, other : float
        Seconds of its updates with what is recorded between them, and of the rest.
    n_bytes : float
        Memory of the process that runs it.
    known : bool
        Whether the network could be tried.
    """

    training: float = 0.0
    other: float = 0.0
    n_bytes: float = _PROCESS_BYTES
    known: bool = True

    @property
    def seconds(self) -> float:
        """Seconds of all."""
        return self.training + self.other


@dataclass(frozen=True)
class Pace:
    """Seconds of a network.

    Attributes
    ----------
    update : float
        Of an update of one replica.
    forward : float
        Of one sequence that is passed through it.
    known : bool
        Whether they have been measured.
    head, noise, shape : bool
        What is fitted to all training sequences when training ends: a head, by whose errors the
        noise is known, too; the noise alone; and the shape of the density.
    measures : dict of str to float
        Of each measure, taken once.
    """

    update: float = 0.0
    forward: float = 0.0
    known: bool = True
    head: bool = False
    noise: bool = True
    shape: bool = False
    measures: dict[str, float] = field(default_factory=dict)


def costs_of(cells: Sequence[Cell], n_at_once: int = 1) -> list[Cost]:
    """Return the cost of each cell; those that are in the store take no time.

    Parameters
    ----------
    cells : list of Cell
        The cells.
    n_at_once : int, default=1
        How many run at once: then each has fewer threads.

    Returns
    -------
    list of Cost
    """
    speed, start = _slowness(), time.monotonic()
    paces: dict[tuple[int, ...], Pace] = {}
    costs: list[Cost] = []
    for cell in cells:
        if cell.stored:
            costs.append(Cost())
            continue
        work = cell.work
        sizes = _Sizes(work)
        if isinstance(work, Networks):
            (index,) = cell.places
            if index not in paces and time.monotonic() - start < _LONG:
                n_shared = min(n_at_once, torch.get_num_threads())
                paces[index] = _try(work, sizes, n_shared)
            if index in paces:
                pace = paces[index]
            else:
                # The slowest of those that were tried, if there was time for one.
                tried = paces.values()
                pace = max(tried, key=lambda each: each.update, default=Pace(known=False))
            recorded, other = _networks(sizes, work, pace, speed)
            training, known = cell.n_updates * pace.update + recorded, pace.known
        else:
            training, known = 0.0, True
            other = speed * _TABLE[type(work)](sizes, work)
        costs.append(Cost(training, other, sizes.n_bytes, known))
    return costs


class _Sizes:
    """Numbers of sequences, steps, channels and latents."""

    def __init__(self, work: Baselines | Cores | Networks | Windows) -> None:
        design = work.design
        self.world = work.worlds[STRUCTURED] if isinstance(work, Baselines) else work.world
        sample = self.world.sample(1, 0)
        self.binary = self.world.observation == "binary"
        self.n_steps = sample.X.shape[1]
        self.n_channels = int(np.prod(sample.X.shape[2:]))
        latents, n_probe = None, 0
        if isinstance(work, Networks | Windows) and work.probe is not None:
            latents, n_probe = sample.latents, work.n_probe
        self.n_latents = 0 if latents is None else latents.shape[2]
        self.classes = latents is not None and latents.dtype.kind == "i"
        self.n_train, self.n_eval, self.n_seeds = design.n_train, design.n_eval, design.n_seeds
        self.n_data = 1 if design.shared_data else self.n_seeds
        self.n_probed = min(n_probe, self.n_eval) * self.n_steps
        numbers = self.n_steps * (self.n_channels + self.n_latents)
        each = 8 * numbers * (self.n_train + self.n_eval)
        self.n_bytes = _PROCESS_BYTES + _COPIES * self.n_data * each


# Seconds, fitted to times of 11 assessments of 3,000 to 130,000 steps in training.


def _baselines(sizes: _Sizes, work: Baselines) -> float:
    baselines = work.baselines[STRUCTURED]
    n_heavy = sum(not getattr(ALTERNATIVES.get(name), "trivial", False) for name in baselines)
    rows = sizes.n_train * sizes.n_steps
    each = 0.03 + 3e-7 * rows + 4e-6 * sizes.n_steps**2
    # To choose among them takes as long as two seeds, or, of few sequences, as all of them; in
    # nulls it is the best one that is fitted.
    n_choosing = 2 if sizes.n_train >= MANY else max(N_FOLDS, sizes.n_data)
    n_fits = n_heavy * (sizes.n_data + n_choosing)
    n_fits += min(n_heavy, 1) * sizes.n_data * (len(work.worlds) - 1)
    likelihoods = [getattr(baseline, "likelihood", None) for baseline in baselines.values()]
    counts = any(name in LIKELIHOODS and LIKELIHOODS[name].counts for name in likelihoods)
    # Regressions that are iterated, and links and penalties to choose from.
    longer = 4 if counts else 2 if sizes.binary else 1
    return 0.05 * len(work.worlds) + each * n_fits * sizes.n_channels * longer


def _windows(sizes: _Sizes, work: Windows) -> float:
    return sizes.n_seeds * (0.04 + 1.2e-6 * sizes.n_latents * sizes.n_probed)


def _cores(sizes: _Sizes, work: Cores) -> float:
    n_units = np.array(work.sizes)
    rows = count_core_sequences(sizes.n_train) * sizes.n_steps
    # Heads are fitted to no more than so many rows.
    each = 4e-4 * n_units.sum() + 9e-11 * (n_units**2 * np.minimum(rows, 500 * n_units)).sum()
    if work.left_alone is not None:
        each += 2.4 * sizes.n_steps * (2e-4 * len(n_units) + 9e-9 * (n_units**2).sum())
    return min(CORE_SEEDS, sizes.n_seeds) * each


_TABLE: dict[type, Callable[[_Sizes, Any], float]] = {
    Baselines: _baselines,
    Windows: _windows,
    Cores: _cores,
}


def _networks(sizes: _Sizes, work: Networks, pace: Pace, speed: float) -> tuple[float, float]:
    """Return the seconds of what is recorded, and of all else but the updates."""
    # At each visit head and noise are fitted as if training ended there.
    fits = pace.noise or (pace.head and work.mode != "random")
    visit = (fits + pace.shape) * sizes.n_train + sizes.n_eval
    recorded = _n_visits(work, work.record_at) * visit * pace.forward
    for name, (_, at) in (work.measures or {}).items():
        recorded += _n_visits(work, at) * pace.measures.get(name, 0.0)
    passed = visit + sizes.n_eval
    if work.with_memory:
        passed += N_MEMORY * (0.65 * sizes.n_steps + 9)
    if work.left_alone is not None:
        # Steps from a state are some eight times as slow as scans; others see all anew.
        quick = hasattr(work.model, "hidden_size")
        passed += 20 * min(sizes.n_eval, 500) if quick else 20 * sizes.n_steps
    probes = 0.0
    if sizes.n_latents and hasattr(work.model, "transform"):
        a_row = 2.5e-5 if sizes.classes else 5e-7
        probes = 0.1 + a_row * sizes.n_latents * sizes.n_probed
    each = speed * (0.01 + probes) + passed * pace.forward
    return sizes.n_seeds * recorded, sizes.n_seeds * each


def _n_visits(work: Networks, at: Sequence[int]) -> int:
    """Return how often a network is measured, if that is at these updates."""
    if not work.n_updates:
        # What is not trained is measured once.
        return min(1, len(at))
    return sum(step <= work.model.max_steps for step in at)


class _Clock(Callback):
    """Times of updates."""

    def __init__(self) -> None:
        self.times: list[tuple[float, int]] = []

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        self.times.append((time.perf_counter(), len(batch[1]) if batch[1].ndim == 2 else 1))

    def announce_compilation(self) -> None:
        """Leave it to the run."""


def _try(work: Networks, sizes: _Sizes, n_shared: int) -> Pace:
    """Return the pace of a network, by a few updates of two replicas, and each measure once."""
    model = work.model
    n = min(sizes.n_train, 2 * getattr(model, "batch_size", 1))
    X = sizes.world.sample(n, 0).X
    clock = _Clock()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not isinstance(model, NeuralPredictor):
                fitted = clone(model)
                fit = _seconds(fitted.fit, X) / n
                return Pace(0.0, fit, measures=_try_measures(work, fitted))
            tried = clone(model).set_params(training="full", callbacks=None)
            if "engine" in tried.get_params():
                tried.training_job(tried.prepare(X))
                tried = clone(tried).set_params(engine=tried.engine_)
            tried.set_params(max_steps=_N_TRIED)
            context = TrainingContext(progress=(clock,))
            fitted = fit_replicas(tried, [X], [0, 1][: sizes.n_seeds], context)[0]
            forward = min(_seconds(fitted.predict, X) for _ in range(3)) / n
            measures = _try_measures(work, fitted)
    except Exception:
        # The run itself will say what is wrong with it.
        return Pace(known=False)
    # The quickest: what else runs on the machine now need not run then.
    update = min((b - a) / n for (a, _), (b, n) in pairwise(clock.times))
    return Pace(
        n_shared * update,
        n_shared * forward,
        head=fitted.head_ is not None,
        noise=bool(fitted._estimates_noise and np.isfinite(fitted.noise_std_).any()),
        shape=bool(np.isfinite(fitted.shape_).any()),
        measures=measures,
    )


def _try_measures(work: Networks, fitted: BasePredictor) -> dict[str, float]:
    """Return the seconds of each measure, taken once of all evaluation sequences.

    Of how many sequences a measure takes notice is not known: the trial before training, of a few,
    would not do.
    """
    if not work.measures:
        return {}
    train, evaluation = work.world.split(min(work.design.n_train, TRIED), work.design.n_eval, 0)
    evaluation.train = train
    with one_thread():
        # Copies: measures may keep something.
        return {
            name: _seconds(deepcopy(measure), fitted, evaluation)
            for name, (measure, _) in work.measures.items()
        }


def _seconds(function: Callable[..., object], *args: Any) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def _work() -> float:
    """Do a little of what probes and heads do."""
    features = np.random.default_rng(0).normal(size=(4000, 64))
    for _ in range(4):
        products = features.T @ features
        np.linalg.solve(products + np.eye(64), products[:, :1])
    return sum(np.tanh(column).sum() for column in features.T)


def _slowness() -> float:
    """Return how long this machine takes where the one of the table takes a second.

    It is time of the processor: beside other processes a few milliseconds take many times as long.
    """
    times = []
    with one_thread():
        for _ in range(5):
            start = time.process_time()
            _work()
            times.append(time.process_time() - start)
    return np.median(times) / _WORK_SECONDS
