"""Run experiments and recipes over the ordinary public API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sklearn.base import clone

from .._names import look_up
from .._typing import PathLike, RandomState
from ..assessment import EmergenceAssessment
from ._compare import compare_with_published
from ._recipes import EXPERIMENTS, PROTOCOLS, RECIPES

if TYPE_CHECKING:
    import joblib
    import pandas as pd
    import xarray as xr

    from ..predictors import BasePredictor
    from ._declare import Experiment, Protocol
    from ._networks import Weights


def run_experiment(
    name: str,
    protocol: Literal["published", "corrected"] | None = None,
    *,
    max_steps: int | None = None,
    n_seeds: int | None = None,
    n_train: int | None = None,
    n_eval: int | None = None,
    device: str = "cpu",
    networks: dict[str, list[Weights]] | None = None,
    memory: PathLike | joblib.Memory | None = None,
    n_jobs: int | None = None,
    random_state: RandomState = 0,
    progress: bool | Literal["bar", "log"] = True,
) -> EmergenceAssessment:
    """Run one experiment of the papers.

    Parameters
    ----------
    name : str
        One of `EXPERIMENTS`.
    protocol : {"published", "corrected"}, default=None
        One of `PROTOCOLS`; None is `Experiment.default_protocol`, mostly "published".
    max_steps : int, default=None
        Updates of the optimiser, where the experiment does not vary them; None is what it takes,
        20,000 for recurrent networks.
    n_seeds : int, default=None
        Replicates; None is what the experiment takes, mostly 5 under the published protocol and 7
        under the corrected one.
    n_train : int, default=None
        Training sequences; None is what the experiment takes.
    n_eval : int, default=None
        Evaluation sequences; None is what the experiment takes.
    device : str, default="cpu"
        Device of torch.
    networks : dict, default=None
        Networks that are trained already, as `read_networks` returns them; the others are trained.
        They belong to the protocol "corrected", its full budget and ``random_state=0``.
    memory : str, path-like or joblib.Memory, default=None
        As in `EmergenceAssessment`.
    n_jobs : int, default=None
        As in `EmergenceAssessment`.
    random_state : int, Generator, SeedSequence or None, default=0
        Root of all randomness.
    progress : {"bar", "log"} or bool, default=True
        What is shown while it runs, see `EmergenceAssessment`.

    Returns
    -------
    EmergenceAssessment
        Fitted.

    Raises
    ------
    ValueError
        If a name is not known, a parameter is out of range, or networks do not belong to the run.
    """
    experiment = EXPERIMENTS[look_up(name, EXPERIMENTS, "name")]
    asked = experiment.default_protocol if protocol is None else protocol
    named = look_up(asked, PROTOCOLS, "protocol")
    rules = PROTOCOLS[named]
    if networks and (named != "corrected" or random_state != 0 or max_steps or n_train):
        raise ValueError(
            "networks were trained under protocol='corrected' at the full budget with "
            "random_state=0; leave these, max_steps and n_train as they are, or drop networks."
        )
    given = {"n_seeds": n_seeds, "n_train": n_train, "n_eval": n_eval}
    model, options = _under(rules, experiment, given, max_steps)
    model.set_params(device=device)
    assessment = EmergenceAssessment(
        experiment.world,
        model,
        param_grid=experiment.param_grid,
        modes=experiment.modes or rules.modes,
        nulls=experiment.nulls if rules.with_nulls else (),
        memory=memory,
        n_jobs=n_jobs,
        random_state=random_state,
        progress=progress,
        **options,
    )
    assessment._networks = networks or {}
    return assessment.fit()


def _under(
    rules: Protocol, experiment: Experiment, given: dict[str, int | None], max_steps: int | None
) -> tuple[BasePredictor, dict[str, Any]]:
    """Return model and options of an experiment under the rules of a protocol.

    What is given, if it is not None, is given last.
    """
    model = clone(experiment.model)
    options = {"n_seeds": rules.n_seeds} | rules.assessment
    if experiment.world.observation != "token":
        model.set_params(**rules.model)
        options |= rules.quantities
    options |= experiment.options
    options |= {key: value for key, value in given.items() if value is not None}
    if max_steps is not None:
        model.set_params(max_steps=max_steps)
        if "record_at" in options:
            earlier = [step for step in options["record_at"] if step < max_steps]
            options["record_at"] = [*earlier, max_steps]
            measures = options.get("measures", {})
            options["measures"] = {
                name: _until(max_steps, *measure) if isinstance(measure, tuple) else measure
                for name, measure in measures.items()
            }
    return model, options


def _until(
    max_steps: int, function: Callable[..., Any], steps: Sequence[int]
) -> tuple[Callable[..., Any], list[int]]:
    """Return a measure that is taken at some of the updates, if the last is an earlier one."""
    return function, [*(step for step in steps if step < max_steps), max_steps]


def reproduce(
    recipe: str, protocol: Literal["published", "corrected"] | None = None, **options: Any
) -> tuple[dict[str, xr.Dataset], pd.DataFrame]:
    """Run a recipe and compare it with what was published.

    Parameters
    ----------
    recipe : str
        One of `RECIPES`, for instance "recurrent-table-3".
    protocol : {"published", "corrected"}, default=None
        One of `PROTOCOLS`; None is "published", or "corrected" for experiments of which nothing
        says how they were scored. Under "corrected" gains are in other units than the published
        ones where the likelihood differs.
    **options
        As in `run_experiment`.

    Returns
    -------
    cubes : dict of str to xarray.Dataset
        Result cube of each experiment.
    comparison : pandas.DataFrame
        Published numbers, ours, and whether they agree, a row each, as `compare_with_published`
        returns them; empty if nothing was published.

    Raises
    ------
    ValueError
        If a name is not known or a parameter is out of range.

    Examples
    --------
    >>> from sklearn_emerge.reproduce import reproduce
    >>> cubes, comparison = reproduce(
    ...     "recurrent-drift", max_steps=2, n_seeds=5, n_train=20, n_eval=10, progress=False
    ... )
    >>> list(cubes), len(comparison)
    (['drift-rnn', 'drift-gru'], 0)
    """
    wanted = RECIPES[look_up(recipe, RECIPES, "recipe")]
    cubes = {name: run_experiment(name, protocol, **options).cube_ for name in wanted.experiments}
    return cubes, compare_with_published(cubes, wanted.table)
