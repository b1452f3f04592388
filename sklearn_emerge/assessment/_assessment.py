"""The estimator that answers what training added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .._dims import labelled
from .._names import Estimator
from .._typing import PathLike, RandomState
from ..predictors import GRUPredictor
from ..predictors._base import BasePredictor
from ..worlds import OscillatorWorld, World
from ._assembly import collect
from ._cube import annotate, label
from ._fitted import network_cells
from ._key import arrays_hashed_once
from ._mistaken import refuse_mistaken
from ._planned import PlannedRun, foresee
from ._prepare import check_plan, make_plan, refuse_others
from ._results import Results
from ._run import check_progress, run_cells
from ._schedule import schedule
from ._statistics import JUDGED_BY, add_statistics

if TYPE_CHECKING:
    import joblib

    from ._plan import Cell
    from ._prepare import Plan
    from ._store import Store


class EmergenceAssessment(Results, Estimator):
    r"""Assess what training added to a sequence model in a world.

    For every configuration of the grid, in the world and in its nulls, networks are trained from
    random initial weights and compared with their untrained cores and with a panel of
    alternatives, on fresh sequences:

    .. math:: \Delta NLL = NLL_{reference} - NLL_{network},

    in nats per step, where the reference is the best of the trivial baselines. Heads are fitted in
    closed form, to trained and untrained cores alike. Linear probes decode the latents from the
    hidden states. What is claimed of the networks is tested over seeds. Each claim has an effect,
    bounds and a margin, and holds (significantly above the margin), fails (significantly below it)
    or is open:

    ==============  ==============================================================  ==============
    claim           effect                                                          margin
    ==============  ==============================================================  ==============
    gain            loss of the best trivial baseline minus that of the network     `margin`
    prediction      loss of the best of all baselines minus that of the network     `margin`
    core            loss of the untrained core minus that of the trained one        `margin`
    order           gain over the best of all baselines minus that over the same    `margin`
                    one in the null (each; not in phase surrogates, which keep
                    much of the order, unless these are the only one), gains below
                    zero counted as zero
    dynamics        log error of forecasts that go on by themselves: that asked     0
                    for minus that of the network, whichever of these is least
                    certain to be above 0, as all have to be: half way
                    (`operator_margin`) from the best linear predictor to the best
                    possible one; the untrained core; an echo-state network of its
                    size, or of `baselines`; a network trained in the null (each)
    memory          rise of the loss with the states of sequences with the same     `margin`
                    last input, or if states are reset before each last input,
                    whichever is less
    reservoir       loss of the best trivial baseline minus that of the untrained   `margin`
                    core
    representation  score of decoding the latent, minus that from the states of     `probe_margin`
    (each latent)   other sequences (if above 0), minus the same of the untrained
                    core, or of the last inputs (one, or as many as there are
                    units), whichever is more
    ==============  ==============================================================  ==============

    The verdict is the first that follows:

    - *undecided*: training diverged, a head has not converged, or seeds are too few;
    - *operator*: prediction, core, order, memory and dynamics hold: training built what no
      alternative has, and it goes on as the world does when it is left alone;
    - *prediction*: prediction and core hold, and order, memory or dynamics fails, or was not
      tested;
    - *reservoir*: reservoir holds and core fails: the untrained core does as well;
    - *learned, not beyond ...* (the best of all baselines): gain holds and prediction fails;
    - *none*: gain and reservoir fail;
    - *undecided*: none of these follows, because a claim is open or was not tested.

    What goes on alone is compared with the flow of the world where that is known, or with the
    forecast of the best possible predictor, see `target_of`; sequences of recordings, and of worlds
    that know neither, with what was held out, which does not show that the law is the right one;
    there, and where no best possible predictor is known, smaller errors than those of the best
    linear predictor are asked for. Errors of a seed are told apart from a thousandth of the least
    on, up to a thousand times the largest finite one. Where the best linear predictor leaves
    less than 5% of its squared error to the best possible one, dynamics fails: a linear filter is
    the operator already. Nothing can be left alone in tasks, with exogenous channels, and of
    tokens of which no best predictor is known; there, operators need no dynamics.

    Where the representation of a latent holds, *representation* is added to the first two, and
    takes the place of the others. Training has not ended if the mean training loss, in the world or
    in a null of the claim order (networks of phase surrogates have as many updates as the others,
    and may still learn), falls by more than `margin` from the last but one fifth of the updates to
    the last fifth (with early stopping, if the lowest loss of held-out sequences falls by more than
    `margin` in the last fifth, in the mean over seeds, of which those that have stopped count 0);
    then the verdict is *undecided*, unless it is *reservoir*, *learned, not beyond ...* or *none*
    and would be the same of the best possible predictor.

    The protocol follows *Emergence Without Scale*; its own variant is ``nulls=("shuffle",)``,
    ``modes=("full", "readout", "random")``, ``reference=("mean", "persistence")``,
    ``shared_data=True, n_flips=2000, correction=None, operator_evidence="loss"`` and a model with
    ``head="sgd", likelihood="gaussian", noise_std=0.05``, as in
    ``sklearn_emerge.reproduce.PROTOCOLS["published"]``. The shuffled null of the paper is not
    the default, because it leaves something to gain; see `ShuffleNull`.

    Parameters
    ----------
    world : World or str, default=None
        Where sequences come from, or its name: "drift", "oscillator", "oscillator-nonstationary",
        "regime", "bernoulli", "random-walk", "local-linear-trend", "flip-flop", "lorenz",
        "noisy-periodic", "switching-linear", "triangle", "nested-conditional" or "algorithmic".
        None if they are passed to `fit`.
    model : predictor, str or list of networks, default=None
        Neural predictor to assess, or "rnn", "gru", "lstm" or "transformer" for one with default
        parameters; None is ``GRUPredictor()``. Its parameters "auto" are
        filled in from the world, its `training` and `random_state` by the assessment.
        A list has networks that are trained already, one a seed, alike but for their weights: each
        ``ModulePredictor.from_trained(...)``, a fitted predictor of a network, or a
        `torch.nn.Module` (then ``from_trained(module)``). They are assessed as they are, on
        sequences that must not be those that they were trained on; untrained twins come from their
        `fresh`. What given networks would learn from a null nobody knows: there, networks from
        `fresh` are trained, by the parameters of the predictor (`max_steps`, `lr`, ...), which
        should be about those of the given ones, or the claim "order" compares what cannot be
        compared. With one network effects are shown, and the verdict is "undecided".
    param_grid : dict of str to sequence or distribution, default=None
        Values of parameters to combine; each becomes a dimension of the cube under its key.
        ``world__...`` is a parameter of the world, ``model__...`` or a bare name one of the
        model. If one is a frozen distribution, such as ``scipy.stats.loguniform(1e-4, 1e-2)``,
        configurations are drawn (values of lists with equal chances): they lie along the dimension
        ``configuration``, and what each parameter was is a coordinate there.
    n_configurations : int or None, default=None
        How many configurations are drawn, if `param_grid` has a distribution. The first are the
        same, however many there are.
    sampling : {"random", "sobol"}, default="random"
        How they are drawn: independently, or as points of a scrambled Sobol sequence
        (`scipy.stats.qmc.Sobol`), which fill the space more evenly, best if `n_configurations` is
        a power of 2.
    modes : sequence of str, default=("full", "readout")
        Training modes, out of the `training_modes` of the model: "full", "readout" (the untrained
        core), "random" (its head untrained, too) and, if it has recurrent weights, "scrambled".
    nulls : "auto", str or sequence of str, default="auto"
        Kinds of nulls, see `World.null`. "auto" is "resample", without any memory, and in worlds
        of quantities in which networks are to be left alone "phase" besides: surrogates that have
        all that a linear filter can know. Where dynamics is not tested, it is "resample" alone.
    baselines : "auto", sequence of str, or dict of str to predictor, default="auto"
        Predictors to compare with, your own or out of "mean", "step_mean", "persistence", "markov"
        (the trivial ones), "linear_filter", "time_varying_filter", "window", "echo_state" (of as
        many units as the model), "seasonal" and "autoregressive" (the published filter). Those see
        the clock if the model does. "auto" is all but the last two, without "markov" for
        quantities, with "seasonal" for recordings; for up to 12 tokens without the time-varying
        filter, for more the trivial ones, because their softmax regressions cost more than
        networks.
    reference : "auto", "all", str or sequence of str, default="auto"
        Baselines among which the reference is chosen, the one that is best on training sequences
        that it was not fitted to: of the first seed, or of all with less than 250 sequences. "auto"
        is the trivial ones, as in the paper, or all if none of them is there. The gain of every
        baseline is in the cube in any case.
    operator_margin : float, default=0.5
        Share of the gap in squared error between linear predictors and the best possible one that
        a network has to close when it is left alone.
    operator_evidence : {"flow", "loss"}, default="flow"
        Whether operators have to go on as the world does, or only to predict the next step, as in
        the paper: then the claim dynamics is not tested and not needed.
    claims : "auto", str or sequence of str, default="auto"
        Claims to test; "auto" is all. What a verdict needs and is not tested, it lacks.
    margin : float, default=0.01
        Nats per step that do not count yet.
    probe : "auto", estimator or None, default="auto"
        Probe of the latents, see `cross_validate_probe`; None leaves the probes out. An estimator
        is tried before training, and a `random_state` of it that is None is set for each seed.
    probe_margin : float, default=0.05
        Difference between probe scores (:math:`R^2`, or :math:`D^2` for classes) that does not
        count yet.
    reservoir_sizes : sequence of int or None, default=(16, 32, 64, 128, 256, 512)
        Units of random cores, with heads in closed form, to find the smallest one that predicts as
        well as a network: ``equivalent_reservoir_size`` in the cube. Three seeds are used,
        with a tenth of the training sequences, or 500 if these are more. None leaves them out, as
        for tokens.
    n_seeds : int or None, default=None
        Replicates; None is 6, or as many as there are given networks. The smallest p-value of a
        test is :math:`2^{-n}`, so that five seeds can show one thing at .05 and six one of two
        latents; with one there are neither tests nor intervals, and the verdict is "undecided".
    n_train : int, default=None
        Training sequences, at least 4; None is what the world of each configuration suggests,
        2,000 mostly, or four fifths of an `ArrayWorld`. The paper uses 20,000.
    n_eval : int, default=None
        Evaluation sequences, at least 5; None is 500, or a fifth of an `ArrayWorld`. The
        paper uses 2,000.
    n_probe : int, default=500
        Evaluation sequences that the probes use, at most.
    shared_data : bool, default=False
        Whether all seeds train and are evaluated on the same sequences, as in the paper. Then
        the tests are about these sequences only: what their chance favours in one seed it
        favours in all, and a difference that is not there is found too often. By default every
        seed draws its own, and seeds are independent replicates of the whole experiment. Seeds
        of an `ArrayWorld` hold out its recordings (or `groups`) in turn, in repeated K-fold
        cross-validation, and tests and intervals are those of `corrected_resampled_test`.
    alpha : float, default=0.05
        Level of the tests.
    correction : str or None, default="holm"
        Correction over configurations, for each claim, and over latents, for each configuration;
        see `adjust_p_values`.
    n_flips : int or None, default=None
        Random patterns of signs that each test draws, 2,000 in the paper. None enumerates all
        patterns, which is exact, for up to 16 seeds.
    interval : {"student", "bootstrap"}, default="student"
        Interval of the mean gain over seeds, of coverage 1 - alpha.
    record_at : sequence of int or None, default=None
        Updates at which networks are measured while they train; the cube gets the dimension
        ``step`` and the variables ``nll_trajectory``, the negative log-likelihood on the evaluation
        sequences, and ``train_loss_trajectory``, the mean loss that was minimised since the step
        before. A step costs one evaluation of each network (and, if the noise is estimated, one
        pass over the training sequences). It does not change what is trained.
    measures : dict of str to callable or (callable, sequence of int), default=None
        Further things to measure there: functions of (predictor, evaluation), the predictor as if
        training ended there and the `Sample` of evaluation sequences, that return a number, a
        mapping of names to numbers, or a DataArray with coordinates. "name" becomes the variable
        ``name_trajectory``, with the dimension ``name_item`` for a mapping, or those of the
        DataArray (NaN where a cell has not all labels of the others). Other coordinates of numbers
        along one dimension, such as the ``depth`` of layers, are kept, but for one that is called
        as a dimension of the cube; along the grid, too, if they differ there. ``"name": (function,
        [0, 1000])`` takes one that is slow at some of `record_at` only, and is NaN elsewhere. They
        must not predict in threads of their own, which would wait for ever: one thread at a time
        uses torch. Each is tried once on an untrained network of every condition before training.
        Those of `sklearn_emerge.measures` that take a predictor and a sample, such as
        `task_scores`, can be used as they are.
    memory : str, path-like or joblib.Memory, default=None
        Where finished cells are kept. With it, an interrupted `fit` continues where it stopped,
        with the same result: finished cells are read, and the training of one that was cut off
        goes on from the end of an epoch; a minute and an epoch are lost at most. The training of
        a model with callbacks, or with a module of your own, begins anew. A cell is computed again
        if the file, or the cell of a notebook, of one of your classes and functions has changed;
        not if what it imports has: delete the folder then. Use only
        folders that you trust: reading them can run programs. Damaged files are computed again,
        and a folder without room keeps nothing; there is a warning of both.
    n_jobs : int, default=None
        Cells run at once; None is 1 or what `joblib.parallel_config` says.
    random_state : int, Generator, SeedSequence or None, default=None
        Root of all random streams. Results depend on it and on nothing else: not on `n_jobs`,
        nor on which other configurations there are, nor on threads and other settings of torch.
        (Transformers, which round differently with another number of threads, are computed with
        one; `n_jobs` occupies more processors.)
    progress : {"bar", "log"} or bool, default=True
        What is shown while cells run: first a line that says what there is to do, about how long
        it will take, and what is read from `memory`; then a bar ("bar"), or lines in the log
        "sklearn_emerge" of `logging`, about one a cell or a minute ("log"). Without a handler of
        your own they are written to stderr. True is "bar" on a terminal and in a notebook, "log"
        elsewhere; False shows nothing. The estimate comes from a few updates of each network.

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
    AssessmentDisplay : Plot gains by mode and condition, as `plot` does.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
    >>> assessment = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=20),
    ...     GRUPredictor(hidden_size=4, max_steps=10, lr=0.01),
    ...     n_train=20, n_eval=10, baselines=("mean", "persistence", "linear_filter"),
    ...     reservoir_sizes=[4], random_state=0, progress=False,
    ... ).fit()
    >>> dict(assessment.cube_.delta_nll.sizes)
    {'condition': 3, 'mode': 2, 'seed': 6}
    >>> assessment.verdict_
    'undecided'
    >>> print(assessment.verdict_reason_.partition(":")[0])
    training had not ended
    """

    takes_missing = True
    # Where parameters may belong that it does not have itself.
    _parts = {"model": GRUPredictor, "world": OscillatorWorld}
    _parameter_constraints = {
        **JUDGED_BY,
        "world": [World, str, None],
        "model": [BasePredictor, str, list, tuple, nn.Module, None],
        "param_grid": [dict, None],
        "n_configurations": [Interval(Integral, 1, None, closed="left"), None],
        "sampling": [StrOptions({"random", "sobol"})],
        "modes": [str, "array-like"],
        "nulls": [str, "array-like"],
        "baselines": [str, "array-like", dict],
        "reference": [str, "array-like"],
        "operator_evidence": [StrOptions({"flow", "loss"})],
        "probe": [StrOptions({"auto"}), BaseEstimator, None],
        "reservoir_sizes": ["array-like", None],
        "n_seeds": [Interval(Integral, 1, None, closed="left"), None],
        "n_train": [Interval(Integral, 4, None, closed="left"), None],
        "n_eval": [Interval(Integral, 5, None, closed="left"), None],
        "n_probe": [Interval(Integral, 5, None, closed="left")],
        "shared_data": ["boolean"],
        "record_at": ["array-like", range, None],
        "measures": [dict, None],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, 2**31 - 1, closed="both"),
            None,
        ],
        "random_state": ["random_state", np.random.Generator, np.random.SeedSequence],
        "progress": ["boolean", StrOptions({"bar", "log"})],
    }

    def __init__(
        self,
        world: World | str | None = None,
        model: BasePredictor | str | Sequence[BasePredictor | nn.Module] | nn.Module | None = None,
        *,
        param_grid: dict[str, Any] | None = None,
        n_configurations: int | None = None,
        sampling: Literal["random", "sobol"] = "random",
        modes: str | Sequence[str] = ("full", "readout"),
        nulls: str | Sequence[str] = "auto",
        baselines: str | Sequence[str] | dict[str, BasePredictor] = "auto",
        reference: str | Sequence[str] = "auto",
        claims: str | Sequence[str] = "auto",
        margin: float = 0.01,
        operator_margin: float = 0.5,
        operator_evidence: Literal["flow", "loss"] = "flow",
        probe: BaseEstimator | Literal["auto"] | None = "auto",
        probe_margin: float = 0.05,
        reservoir_sizes: Sequence[int] | None = (16, 32, 64, 128, 256, 512),
        n_seeds: int | None = None,
        n_train: int | None = None,
        n_eval: int | None = None,
        n_probe: int = 500,
        shared_data: bool = False,
        alpha: float = 0.05,
        correction: str | None = "holm",
        n_flips: int | None = None,
        interval: Literal["student", "bootstrap"] = "student",
        record_at: Sequence[int] | None = None,
        measures: dict[str, Any] | None = None,
        memory: PathLike | joblib.Memory | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        progress: bool | Literal["bar", "log"] = True,
    ) -> None:
        self.world = world
        self.model = model
        self.param_grid = param_grid
        self.n_configurations = n_configurations
        self.sampling = sampling
        self.modes = modes
        self.nulls = nulls
        self.baselines = baselines
        self.reference = reference
        self.claims = claims
        self.margin = margin
        self.operator_margin = operator_margin
        self.operator_evidence = operator_evidence
        self.probe = probe
        self.probe_margin = probe_margin
        self.reservoir_sizes = reservoir_sizes
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

    # Networks that are trained already, by `cell_name`: a reproduction sets them.
    _networks: Mapping[str, Sequence[Mapping[str, NDArray[Any]]]] = MappingProxyType({})

    def fit(self, X: ArrayLike | None = None, y: ArrayLike | None = None, **others: Any) -> Self:
        """Run the assessment.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or \
                (n_sequences, n_steps, n_channels), default=None
            Your own sequences, if there is no world; NaN where steps are missing, or a list of
            arrays of unequal length, see `ArrayWorld`. Sequences with inputs, and tasks, are given
            as the world, ``ArrayWorld(X, y, inputs=...)``.
        y : array-like of shape (n_sequences,), (n_sequences, n_steps) or \
                (n_sequences, n_steps, n_latents), default=None
            Their latents, see `ArrayWorld`: floats are quantities, integers and text are classes.
        **others : dict
            Refused: what else is known of sequences, such as groups, belongs to an `ArrayWorld`.

        Returns
        -------
        self : EmergenceAssessment
            Fitted.

        Raises
        ------
        TypeError
            If something else than X and y is passed.
        ValueError
            If a parameter, X or y is not as described, nothing could be said of X (see
            `ArrayWorld`), no latent can be scored, or the probe fails when it is tried; before
            any training.

        KeyboardInterrupt
            If it is interrupted; a warning in the log "sklearn_emerge" says what is kept.

        Warns
        -----
        UserWarning
            If the number of seeds cannot reach alpha, the model or a baseline is fitted, a channel
            varies in few sequences, or latents cannot be scored in some seeds.
        """
        refuse_others(others)
        X, y = self._checked(X, y)
        plan = make_plan(self, X, y)
        with arrays_hashed_once():
            check_plan(plan, y)
            # Parameters may change after it.
            return self._complete(replace(plan, assessment=self._unfitted()), plan.description)

    def plan(self, X: ArrayLike | None = None, y: ArrayLike | None = None) -> PlannedRun:
        """Say what `fit` would do, what it would take, and what it could find, and do not do it.

        All is checked as in `fit`. A few updates of copies of the networks are timed, as for the
        announcement of a fit, and no result is computed.

        Parameters
        ----------
        X : array-like, default=None
            Your own sequences, as in `fit`.
        y : array-like, default=None
            Their latents, as in `fit`.

        Returns
        -------
        PlannedRun
            ``n_cells``, ``n_networks``, ``n_updates``, ``seconds``, ``n_bytes`` and
            ``smallest_p_value``; and ``n_cells_stored`` and the like, of what is in `memory`
            already. It is shown as a table.

        Raises
        ------
        ValueError
            As in `fit`.

        Warns
        -----
        UserWarning
            As in `fit`.

        Examples
        --------
        >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
        >>> planned = EmergenceAssessment(
        ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=5), n_train=20, n_eval=10,
        ...     param_grid={"lr": [0.01, 0.02]}, random_state=0,
        ... ).plan()
        >>> planned.n_networks, planned.n_updates, planned.smallest_p_value
        (72, 180, 0.03125)
        >>> print(planned)  # doctest: +ELLIPSIS
        configurations    2
        conditions        structured, resample, phase
        modes             full, readout
        seeds             6
        cells             15
        networks          72
        updates           180
        time              about ... on 1 process
        memory            ... GB
        smallest p-value  0.0312, and alpha is 0.05
        """
        X, y = self._checked(X, y)
        plan = make_plan(self._unfitted(), X, y)
        check_plan(plan, y)
        return foresee(plan, self.n_jobs)

    def _checked(self, X: ArrayLike | None, y: ArrayLike | None) -> tuple[Any, Any]:
        """Return X and y without their labels, after a look at all parameters."""
        check_progress(self.progress)
        refuse_mistaken(self.world, self.model)
        self._validate_params()
        return labelled(X, y, "y")

    def add_seeds(self, n: int) -> Self:
        """Add replicates: train and measure `n` more seeds, with all else as it was in `fit`.

        The result is that of a `fit` with as many seeds from the start, to the last bit: a seed
        does not depend on which others there are. What depends on all of them is computed anew:
        statistics, and of fewer than 250 training sequences, which tell only together which
        baseline is best, the baselines. Seeds that there are come from the folder of `memory`, or,
        without one, from this assessment; what the folder has lost is computed again. To add seeds
        until something is significant finds it too often; decide how many there will be before you
        look.

        Parameters
        ----------
        n : int
            How many more, at least 1. The parameter `n_seeds` becomes the number of all.

        Returns
        -------
        self : EmergenceAssessment
            Fitted.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If `n` is no positive integer, or the networks were given and not trained here.

        KeyboardInterrupt
            If it is interrupted; results stay those of before.

        Warns
        -----
        UserWarning
            As in `fit`.

        Examples
        --------
        >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
        >>> assessment = EmergenceAssessment(
        ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=5), n_train=20, n_eval=10,
        ...     nulls=(), baselines=("mean",), reservoir_sizes=None, random_state=0, progress=False,
        ... ).fit()
        >>> assessment.add_seeds(2).cube_.sizes["seed"]
        8
        """
        check_is_fitted(self, "cube_")
        if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
            raise ValueError(f"n={n!r} is no number of seeds to add; pass an integer from 1.")
        plan = self._plan.with_more_seeds(int(n))
        check_plan(plan, None)
        description = self._description | {"n_seeds": plan.n_seeds}
        self._complete(plan, description, self._found)
        self.n_seeds = plan.n_seeds
        return self

    def _unfitted(self) -> Self:
        """Return an assessment with the same parameters, which is not fitted.

        World and model are not copied: configurations have copies of their own.
        """
        parameters = self.get_params(deep=False)
        for name in ("probe", "baselines"):
            parameters[name] = clone(parameters[name], safe=False)
        fresh = type(self)(**parameters)
        if "_networks" in vars(self):
            fresh._networks = self._networks
        return fresh

    def _complete(
        self,
        plan: Plan,
        description: dict[str, Any],
        known: Sequence[Mapping[int, Any]] = (),
    ) -> Self:
        """Run what is not known of a plan, by cell and seed, and keep what was found."""
        cells = schedule(plan, known)
        results, found = zip(*self._run(cells, plan.store), strict=True)
        cube = collect(cells, results, plan.coords)
        cube["flow_target"] = plan.flow_targets
        cube = cube.assign_coords(plan.grid.coords)
        self.cube_ = label(add_statistics(annotate(cube, description)), plan.world)
        self.world_ = plan.world
        self._cells, self._plan, self._description = network_cells(cells), plan, description
        self._found = found
        return self

    def _run(self, cells: Sequence[Cell], store: Store) -> list[Any]:
        """Run the cells, see `run_cells`."""
        return run_cells(cells, store, n_jobs=self.n_jobs, progress=self.progress)
