"""The estimator that answers what training added."""

from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._random import seed_sequence
from .._threads import one_thread_of_blas
from ..inference import check_alpha, check_correction
from ..predictors import GRUPredictor
from ..predictors._base import BasePredictor
from ..worlds import ArrayWorld, World
from ._assembly import INTERVALS, collect, compare
from ._cell import run_baselines, run_networks
from ._checks import (
    check_configurations,
    check_names,
    check_recording,
    warn_if_fitted,
    warn_if_seeds_cannot_reach_alpha,
)
from ._cube import annotate, describe, save_cube
from ._labels import coordinate
from ._notes import located
from ._plan import STRUCTURED, expand, make_baselines, reference_names
from ._probing import check_probing
from ._progress import Progress
from ._recordings import check_likelihoods, world_of
from ._store import Store
from ._summary import summarise
from ._trajectory import check_record
from ._verdict import judge

# Rows of a table that a notebook shows, half of them from its end.
_MAX_ROWS = 60


class EmergenceAssessment(BaseEstimator):
    r"""Assess what training added to a sequence model in a world.

    For every configuration of the grid, in the world and in its nulls, networks are trained in
    several modes from the same initial weights and compared with baselines on fresh sequences:

    .. math:: \Delta NLL = NLL_{reference} - NLL_{network},

    in nats per step, where the reference is the best of the trivial baselines on the training
    sequences. Linear probes decode the latents from the hidden states. Exact sign-flip tests
    over seeds lead to a verdict:

    - *operator*: the trained network gains over the best of all baselines, over its own
      readout-only twin, and more than in every null: training built dynamics;
    - *representation*: latents are decoded better than from the untrained twin, by more than
      `probe_margin`;
    - *reservoir*: neither, but the untrained core already predicts (with a trained readout) or
      exposes the latents;
    - *none*: no test is significant, though the number of seeds allows it;
    - *undecided*: a test is missing, a fit diverged, or no p-value can reach alpha.

    The protocol follows *Emergence Without Scale*; its own variant is ``nulls=("shuffle",)``,
    ``reference=("mean", "persistence")``, ``shared_data=True, n_flips=2000, correction=None`` and
    a model with ``likelihood="gaussian", noise_std=0.05``, as in
    ``sklearn_emerge.reproduce.PROTOCOLS["published"]``. The shuffled null of the source is not
    the default, because it leaves something to gain; see `ShuffleNull`.

    Parameters
    ----------
    world : World, default=None
        Where sequences come from. None if they are passed to `fit`.
    model : predictor, default=None
        Neural predictor to assess; None is ``GRUPredictor()``. Its parameters "auto" are
        filled in from the world, its `training` and `random_state` by the assessment.
    param_grid : dict of str to sequence, default=None
        Values of parameters to combine; each becomes a dimension of the cube under its key.
        ``world__...`` is a parameter of the world, ``model__...`` or a bare name one of the
        model.
    modes : sequence of str, default=("full", "readout", "random")
        Training modes, out of the `training_modes` of the model: "full", "readout", "random" and,
        if it has recurrent weights, "scrambled".
    nulls : sequence of str, default=("resample",)
        Kinds of nulls, see `World.null`.
    baselines : "auto", sequence of str, or dict of str to predictor, default="auto"
        Predictors to compare with, out of "mean", "step_mean", "persistence", "markov" and
        "autoregressive", or your own. "auto" is all of them ("markov" for binary worlds only).
    reference : "auto", "all", str or sequence of str, default="auto"
        Baselines among which the reference is chosen, by cross-validated score on the training
        sequences. "auto" is all but "autoregressive", as in the source; "all" makes the linear
        filter compete, too. The gain of every baseline is in the cube in any case.
    probe : "auto", estimator or None, default="auto"
        Probe of the latents, see `cross_validate_probe`; None leaves the probes out. An estimator
        is tried before training, and a `random_state` of it that is None is set for each seed.
    probe_margin : float, default=0.1
        Improvement of the mean probe score (:math:`R^2`) that does not yet count as a new
        representation: the tests are of an improvement beyond it.
    n_seeds : int, default=5
        Replicates. The smallest p-value of a test is :math:`2^{-n}`; with one there are neither
        tests nor intervals, and the verdict is "undecided".
    n_train : int, default=None
        Training sequences, at least 4; None is what the world of each configuration suggests,
        2,000 mostly, or three quarters of an `ArrayWorld`. The source uses 20,000.
    n_eval : int, default=None
        Evaluation sequences, at least 5; None is 500, or a quarter of an `ArrayWorld`. The
        source uses 2,000.
    n_probe : int, default=500
        Evaluation sequences that the probes use, at most.
    shared_data : bool, default=False
        Whether all seeds train and are evaluated on the same sequences, as in the source. Then
        the tests are about these sequences only: what their chance favours in one seed it
        favours in all, and a difference that is not there is found too often. By default every
        seed draws its own, and seeds are independent replicates of the whole experiment. Seeds
        of an `ArrayWorld` split the same recordings, each in its own way, so that the tests are
        about these recordings.
    alpha : float, default=0.05
        Level of the tests.
    correction : str or None, default="holm"
        Correction over configurations, see `adjust_p_values`.
    n_flips : int or None, default=None
        Random patterns of signs that each test draws, 2,000 in the source. None enumerates all
        patterns, which is exact, for up to 16 seeds.
    interval : {"student", "bootstrap"}, default="student"
        Interval of the mean gain over seeds, of coverage 1 - alpha.
    record_at : sequence of int or None, default=None
        Updates at which networks are measured while they train; the cube gets the dimension
        ``step`` and the variables ``nll_trajectory``, the negative log-likelihood on the evaluation
        sequences, and ``train_loss_trajectory``, the mean loss that was minimised since the step
        before. A step costs one evaluation of each network (and, if the noise is estimated, one
        pass over the training sequences). It does not change what is trained.
    measures : dict of str to callable or None, default=None
        Further things to measure there: functions of (predictor, evaluation), the predictor as if
        training ended there and the Bunch of evaluation sequences, that return a number, a
        mapping of names to numbers, or a DataArray with coordinates. "name" becomes the variable
        ``name_trajectory``, with the dimension ``name_item`` for a mapping, or those of the
        DataArray (NaN where a cell has not all labels of the others). They must not predict in
        threads of their own, which would wait for ever: one thread at a time uses torch. Each is
        tried once on an untrained network of every condition before training. See `task_scores` and
        `intermediate_words`.
    memory : str, path-like or joblib.Memory, default=None
        Where finished cells are kept. With it, an interrupted `fit` continues where it stopped,
        with the same result: finished cells are read, and the training of one that was cut off
        goes on from the end of an epoch; a minute and an epoch are lost at most. The training of
        a model with callbacks, or with a module of your own, begins anew. A cell is computed again
        if the file, or the cell of a notebook, of one of your classes and functions has changed;
        not if what it imports, or a global variable, has: delete the folder then. Use only
        folders that you trust: reading them can run programs. Damaged files are computed again,
        and a folder without room keeps nothing; there is a warning of both.
    n_jobs : int, default=None
        Cells run at once; None is 1 or what `joblib.parallel_config` says.
    random_state : int, Generator, SeedSequence or None, default=None
        Root of all random streams. Results depend on it and on nothing else: not on `n_jobs`,
        nor on which other configurations there are, nor on threads and other settings of torch.
        (Transformers, which round differently with another number of threads, are computed with
        one; `n_jobs` occupies more processors.)
    progress : bool, default=True
        Show a progress bar.

    Attributes
    ----------
    cube_ : xarray.Dataset
        Everything measured, along condition, mode, the parameters of the grid and seed.
    verdict_ : str or pandas.Series
        The verdict; a Series over configurations if there is a grid.
    world_ : World
        The world that was assessed.
    n_features_in_ : int
        Steps of a sequence, if sequences were passed to `fit`.

    See Also
    --------
    load_cube : Read a cube from a file.
    AssessmentDisplay : Plot gains by mode and condition.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
    >>> assessment = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=40),
    ...     GRUPredictor(hidden_size=4, max_steps=50, lr=0.01),
    ...     n_train=100, n_eval=50, random_state=0, progress=False,
    ... ).fit()
    >>> dict(assessment.cube_.delta_nll.sizes)
    {'condition': 2, 'mode': 3, 'seed': 5}
    >>> assessment.verdict_
    'reservoir'
    """

    _parameter_constraints = {
        "world": [World, None],
        "model": [BasePredictor, None],
        "param_grid": [dict, None],
        "modes": [str, "array-like"],
        "nulls": [str, "array-like"],
        "baselines": [str, "array-like", dict],
        "reference": [str, "array-like"],
        "probe": [StrOptions({"auto"}), BaseEstimator, None],
        "probe_margin": [Interval(Real, 0, 1, closed="left")],
        "n_seeds": [Interval(Integral, 1, None, closed="left")],
        "n_train": [Interval(Integral, 4, None, closed="left"), None],
        "n_eval": [Interval(Integral, 5, None, closed="left"), None],
        "n_probe": [Interval(Integral, 5, None, closed="left")],
        "shared_data": ["boolean"],
        "interval": [StrOptions(set(INTERVALS))],
        "n_flips": [Interval(Integral, 1, None, closed="left"), None],
        "record_at": ["array-like", range, None],
        "measures": [dict, None],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, 2**31 - 1, closed="both"),
            None,
        ],
        "random_state": ["random_state", np.random.Generator, np.random.SeedSequence],
        "progress": ["boolean"],
    }

    def __init__(
        self,
        world=None,
        model=None,
        *,
        param_grid=None,
        modes=("full", "readout", "random"),
        nulls=("resample",),
        baselines="auto",
        reference="auto",
        probe="auto",
        probe_margin=0.1,
        n_seeds=5,
        n_train=None,
        n_eval=None,
        n_probe=500,
        shared_data=False,
        alpha=0.05,
        correction="holm",
        n_flips=None,
        interval="student",
        record_at=None,
        measures=None,
        memory=None,
        n_jobs=None,
        random_state=None,
        progress=True,
    ):
        self.world = world
        self.model = model
        self.param_grid = param_grid
        self.modes = modes
        self.nulls = nulls
        self.baselines = baselines
        self.reference = reference
        self.probe = probe
        self.probe_margin = probe_margin
        self.n_seeds = n_seeds
        self.n_train = n_train
        self.n_eval = n_eval
        self.n_probe = n_probe
        self.shared_data = shared_data
        self.alpha = alpha
        self.correction = correction
        self.n_flips = n_flips
        self.interval = interval
        self.record_at = record_at
        self.measures = measures
        self.memory = memory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.progress = progress

    def fit(self, X=None, y=None):
        """Run the assessment.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or \
                (n_sequences, n_steps, n_channels), default=None
            Your own sequences, if there is no world.
        y : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
                (n_sequences, n_steps, n_latents), default=None
            Their latents, see `ArrayWorld`: floats are quantities, integers and text are classes.

        Returns
        -------
        self : EmergenceAssessment
            Fitted.

        Raises
        ------
        ValueError
            If a parameter, X or y is not as described, nothing could be said of X (see
            `ArrayWorld`), no latent can be scored, or the probe fails when it is tried; before
            any training.

        Warns
        -----
        UserWarning
            If the number of seeds cannot reach alpha, the model or a baseline is fitted, a channel
            varies in few sequences, or latents cannot be scored in some seeds.
        """
        self._validate_params()
        check_alpha(self.alpha)
        check_correction(self.correction)
        store = Store(self.memory)
        self.world_ = self._resolve_world(X, y)
        model = GRUPredictor() if self.model is None else self.model
        record_at, measures = check_record(self.record_at, self.measures)
        nulls = check_names("nulls", self.nulls, self.world_.null_kinds)
        configurations = expand(self.world_, model, self.param_grid, nulls)
        modes = check_configurations(configurations, self.modes, self.n_train, self.n_eval)
        warn_if_seeds_cannot_reach_alpha(
            self.n_seeds, len(configurations), self.alpha, self.correction, self.n_flips
        )
        baselines = make_baselines(
            self.baselines, configurations[0].models[STRUCTURED], self.world_.observation
        )
        warn_if_fitted(model, self.baselines if isinstance(self.baselines, dict) else {})
        candidates = reference_names(self.reference, baselines)
        sizes = self.n_train, self.n_eval
        check_likelihoods(configurations, baselines, nulls, *sizes)
        check_recording(record_at, measures, modes, configurations, sizes, self.param_grid or ())
        entropy = seed_sequence(self.random_state).generate_state(4).tolist()

        conditions = (STRUCTURED, *nulls)
        cells, calls = [], []
        shared = {
            "n_seeds": self.n_seeds,
            "shared_data": self.shared_data,
            "entropy": entropy,
        }
        if self.probe is not None:
            check_probing(self.probe, self.n_probe, configurations, sizes, y=y, **shared)
        store.check(world=self.world_, model=model, measures=measures)
        store.check(param_grid=self.param_grid, probe=self.probe, baselines=self.baselines)
        for configuration in configurations:
            world = configuration.worlds[STRUCTURED]
            n_train, n_eval = world.default_split(self.n_train, self.n_eval)
            shared |= {"n_train": n_train, "n_eval": n_eval}
            for c, condition in enumerate(conditions):
                world, cell_model = configuration.worlds[condition], configuration.models[condition]
                where = {"condition": condition, **configuration.settings}
                scored = make_baselines(self.baselines, cell_model, world.observation)
                cells.append((c, None, configuration.index, 0))
                scoring = {
                    name: getattr(cell_model, name, "auto") for name in ("likelihood", "noise_std")
                }
                args = (world, scored, candidates)
                call = store.call(run_baselines, args, {"scoring": scoring, **shared})
                calls.append(located(where, call))
                for m, mode in enumerate(modes):
                    steps = 0 if mode == "random" else getattr(cell_model, "max_steps", 0)
                    cells.append((c, m, configuration.index, steps * self.n_seeds))
                    options = {"probe": self.probe, "n_probe": self.n_probe, **shared}
                    if record_at:
                        options |= {"record_at": record_at, "measures": measures}
                    args = (world, cell_model, mode)
                    call = store.call(run_networks, args, options)
                    calls.append(located(where | {"mode": mode}, call))
        description = describe(self) | {
            "world": describe(self.world_),
            "model": describe(model),
            "entropy": entropy,
        }
        results = self._run(calls, [cell[-1] for cell in cells], store)
        coords = {
            "condition": conditions,
            "mode": modes,
            **{key: coordinate(values) for key, values in (self.param_grid or {}).items()},
            "seed": np.arange(self.n_seeds),
            "baseline": list(baselines),
        }
        if record_at:
            coords["step"] = np.array(record_at)
        if self.probe is not None and self.world_.latent_kind is not None:
            coords["latent"] = self.world_.split(4, 5, 0)[0].latent_names
        places = [cell[:-1] for cell in cells]
        cube = collect(places, results, coords)
        cube = compare(cube, self.interval, self.alpha, self.correction, self.n_flips)
        judged = judge(
            cube, alpha=self.alpha, correction=self.correction,
            probe_margin=self.probe_margin, n_flips=self.n_flips,
        )  # fmt: skip
        self.cube_ = annotate(cube.merge(judged), description)
        return self

    def summary(self):
        """Return the main figures as a table.

        Returns
        -------
        pandas.DataFrame
            One row a configuration, condition and mode: mean gain over seeds with interval and
            p-values, probe scores, and the reference. Gains are in nats per step. Where a gain
            is positive but not significant, ``required_seeds`` says how many seeds would find it
            with power 0.8 if it were true (`required_seeds` of `inference`): few of them mean that
            the run was too small to decide, not that there is a gain.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        """
        check_is_fitted(self, "cube_")
        return summarise(self.cube_, self.alpha, self.correction)

    @property
    def verdict_(self):
        """The verdict: a str, or a Series over the configurations of a grid."""
        check_is_fitted(self, "cube_")
        return _by_configuration(self.cube_.verdict)

    @property
    def verdict_reason_(self):
        """The tests behind the verdict: a str, or a Series over the configurations of a grid."""
        check_is_fitted(self, "cube_")
        return _by_configuration(self.cube_.verdict_reason)

    def to_netcdf(self, path):
        """Write the cube to a NetCDF file, atomically.

        Parameters
        ----------
        path : path-like
            The file; missing folders are made, a leading ``~`` is the home folder. Its SHA-256
            stands at its end, for `load_cube`; other readers of NetCDF do not see it.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        OSError
            If the file cannot be written, or exists and is no regular file.
        """
        check_is_fitted(self, "cube_")
        save_cube(self.cube_, path)

    def _resolve_world(self, X, y):
        if self.world is not None and X is not None:
            raise ValueError(
                "fit received X, but world is set, too; pass one of them (ArrayWorld(X, latents) "
                "is the world of your own sequences)."
            )
        if X is not None:
            return world_of(self, X, y)
        if self.world is None:
            raise ValueError(
                "There is nothing to assess: world is None and fit received no X. Pass a world to "
                "the constructor or sequences to fit."
            )
        if y is not None:
            raise ValueError("fit received latents y without X; pass both or neither.")
        if isinstance(self.world, ArrayWorld):
            # Anew, because an array may have been changed in place.
            self.world._check()
        return self.world

    def _run(self, calls, steps, store):
        """Run the cells, in order of the plan, and show how far they are."""
        results = []
        with one_thread_of_blas(), Progress(steps, self.progress) as progress:
            jobs = []
            for i, (function, args, kwargs) in enumerate(calls):
                file = {"progress_file": progress.file(i)} if "probe" in kwargs else {}
                jobs.append(delayed(function)(*args, **kwargs, **file))
            # Memory-mapped arguments cannot be written to, as worlds and modules may do.
            options = {"n_jobs": self.n_jobs, "max_nbytes": None}
            try:
                parallel = Parallel(**options, return_as="generator")
            except ValueError:
                # Multiprocessing, and others, return all results at the end.
                parallel = Parallel(**options)
            for i, result in enumerate(parallel(jobs)):
                store.tell(result, calls[i][2].get("checkpoint_folder"))
                results.append(result)
                progress.finish(i)
        return results

    def _repr_html_inner(self):
        html = super()._repr_html_inner()
        return html + self._results_html() if hasattr(self, "cube_") else html

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle and hasattr(self, "cube_"):
            bundle["text/html"] += self._results_html()
        return bundle

    def _results_html(self):
        """Return verdict and summary as HTML."""
        verdict = self.verdict_
        if isinstance(verdict, str):
            shown = f"<p><b>{verdict}</b>: {self.verdict_reason_}</p>"
        else:
            shown = verdict.to_frame().to_html(max_rows=_MAX_ROWS)
        table = self.summary().to_html(float_format="{:.4g}".format, max_rows=_MAX_ROWS)
        return f"<div>{shown}{table}</div>"


def _by_configuration(values):
    """Return a variable over the grid as a str if there is one configuration, else a Series."""
    return values.item() if values.ndim == 0 else values.to_series()
