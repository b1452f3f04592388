"""What an assessment refuses before anything is trained."""

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from ..inference import seeds_needed, smallest_p_value
from ..predictors._base import BasePredictor
from ..predictors._facts import with_facts
from ..predictors._neural import NeuralPredictor
from ..predictors._stepping import steps_quickly
from ..predictors._trained import warned_before
from ..training import count_held_out
from ..worlds import ArrayWorld, Sample, World
from ._design import Design
from ._labels import STRUCTURED, check_label, check_names
from ._notes import noted
from ._plan import Configuration
from ._trajectory import TRIED, Timed, try_measures

# Parameters of training alone, on which an untrained network does not depend.
_OF_UPDATES = ("lr", "lr_schedule", "weight_decay", "batch_size")
# Numbers in sequences above which a network is tried on a part of them.
_LARGE = 2**22


def check_configurations(
    configurations: Sequence[Configuration],
    modes: str | Iterable[str],
    n_train: int | None,
    n_eval: int | None,
    given: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[tuple[str, ...], list[Configuration]]:
    """Draw from every world and build every network, so that bad ones fail now.

    Parameters
    ----------
    configurations : list of Configuration
        The plan.
    modes : str or sequence of str
        Training modes that were asked for.
    n_train, n_eval : int or None
        Numbers of sequences.
    given : list of dict or None, default=None
        What each given network has of its own, see `read_given`.

    Returns
    -------
    modes : tuple of str
        The modes.
    configurations : list of Configuration
        The same, with the hidden units of their networks, and whether these step quickly.

    Raises
    ------
    ValueError
        If a world, a model for it or a mode of this model is impossible.
    """
    begun: list[Configuration] = []
    # Whether the sequences of each world are in groups.
    grouped: dict[int, bool] = {}
    # What is read off untrained networks of each configuration: many differ in training alone.
    read: dict[tuple[Any, ...], tuple[int | None, bool, Sequence[str]]] = {}

    # Those of one world at a time: recordings may be large.
    @lru_cache(maxsize=1)
    def trained_on(world: World) -> Sample:
        if isinstance(world, ArrayWorld):
            return world._sample_of(world._split_rows(*world.default_split(n_train, n_eval), 0)[0])
        return world.split(4, 5, 0)[0]

    for configuration in configurations:
        world, model = configuration.worlds[STRUCTURED], configuration.models[STRUCTURED]
        sizes = world.default_split(n_train, n_eval)
        if sizes[0] < 4 or sizes[1] < 5:
            remedy = (
                "record more"
                if isinstance(world, ArrayWorld)
                else "pass n_train and n_eval, or take a world of more sequences"
            )
            raise ValueError(
                f"There are n_train={max(sizes[0], 0)} sequences for training and "
                f"n_eval={sizes[1]} for evaluation, but at least 4 and 5 are needed; {remedy}."
            )
        if id(world) not in grouped:
            grouped[id(world)] = trained_on(world).groups is not None
            for name in trained_on(world).latent_names:
                check_label("latent_names", name)
            for condition, each in configuration.worlds.items():
                if condition != STRUCTURED:
                    each.split(4, 5, 0)
        for i, own in enumerate(given or ()):
            again = warned_before() if i or begun else nullcontext()
            with noted(f"This happened with model[{i}]."), again:
                untrained_network(clone(model).set_params(**own), trained_on(world).X)
        place = id(world), _without_updates(model)
        if place not in read:
            tried, network = untrained_network(model, trained_on(world).X)
            n_units = None if network is None else network.head.in_features
            read[place] = n_units, steps_quickly(tried, network), tried.training_modes
        n_units, quickly, known_modes = read[place]
        begun.append(replace(configuration, n_units=n_units, steps_quickly=quickly))
        if getattr(model, "early_stopping", False) and not grouped[id(world)]:
            count_held_out(model.validation_fraction, sizes[0])
        checked = check_names("modes", modes, known_modes)
    return checked, begun


def check_groups_trained_on(
    configurations: Sequence[Configuration], design_of: Callable[[World], Design]
) -> None:
    """Raise a ValueError unless every seed trains on groups of which some can be left out.

    Parameters
    ----------
    configurations : list of Configuration
        The plan.
    design_of : callable
        Returns the design of a world.
    """
    for configuration in configurations:
        world, model = configuration.worlds[STRUCTURED], configuration.models[STRUCTURED]
        if not (isinstance(world, ArrayWorld) and world._grouped()):
            continue
        units = world._units()
        trained_on = [len(np.unique(units[train])) for train, _ in design_of(world).rows(world)]
        seed, n_groups = int(np.argmin(trained_on)), min(trained_on)
        if n_groups < 2:
            sizes = np.bincount(units)
            n_all = len(sizes)
            if world.groups is None:
                has, remedy = f"n_units={n_all} blocks", "pass n_units of at least 3"
            else:
                has = f"groups has {n_all} labels"
                remedy = "pass labels of smaller units, of which there are at least three, or "
                remedy += "groups=None if the sequences are independent"
            if n_all > 2:
                remedy = (
                    "pass an n_train of more sequences than the largest group has, which are "
                    f"{sizes.max()}, or fewer of this group"
                )
            raise ValueError(
                f"{has}, of which seed {seed} trains on one alone. Baselines are chosen by how "
                f"they predict groups left out of training; {remedy}."
            )
        if getattr(model, "early_stopping", False):
            note = f"This happened with the groups that seed {seed} trains on, before training."
            with noted(note):
                count_held_out(model.validation_fraction, n_groups, "groups")


def _without_updates(model: BasePredictor) -> tuple[Any, ...]:
    """Return the parameters of a model on which its untrained network depends."""
    return tuple(
        # Other objects are equal if they are the same: equal ones may be told apart by a module.
        (name, value if isinstance(value, (str, int, float, np.generic, type(None))) else id(value))
        for name, value in model.get_params(deep=False).items()
        if name not in _OF_UPDATES
    )


def untrained_network(model: BasePredictor, X: ArrayLike) -> tuple[BasePredictor, Any]:
    """Return a copy of a model, and its network with the initial weights, None if it has none."""
    model = clone(model)
    X = model.prepare(X)
    if not isinstance(model, NeuralPredictor):
        return model, None
    # Of what the network is made of they tell as much as all, of which statistics take copies.
    return model, model.training_job(X[:: 1 + X.size // _LARGE]).network


def try_baselines(
    baselines: Mapping[str, BasePredictor], configurations: Sequence[Configuration]
) -> None:
    """Fit a user's own baselines to a few sequences, so that bad ones fail now.

    Parameters
    ----------
    baselines : dict of str to predictor
        The baselines, as they were passed.
    configurations : list of Configuration
        The plan.

    Raises
    ------
    ValueError
        If one cannot be fitted to sequences of a world.
    """
    for configuration in configurations if baselines else ():
        X = configuration.worlds[STRUCTURED].sample(5, 0).X
        for name, baseline in baselines.items():
            with noted(f"This happened when baselines[{name!r}] was tried, before training."):
                with_facts(baseline, configuration.models[STRUCTURED]).fit(X)


def warn_if_fitted(model: BasePredictor, baselines: Mapping[str, BasePredictor]) -> None:
    """Warn that what predictors have learned is not what is assessed."""
    named = {f"baselines[{name!r}]": baseline for name, baseline in baselines.items()}
    for name, predictor in {"model": model, **named}.items():
        if hasattr(predictor, "n_features_in_"):
            warnings.warn(
                f"{name} is fitted, but an assessment fits copies from the beginning, and what it "
                "has learned is not used. Pass sklearn.base.clone(...) of it, or, to assess a "
                "trained network as it is, a list: model=[fitted].",
                UserWarning,
                stacklevel=4,
            )


def check_recording(
    record_at: Sequence[int],
    measures: Mapping[str, Timed],
    modes: Collection[str],
    configurations: Sequence[Configuration],
    sizes: tuple[int | None, int | None],
    grid: Sequence[str],
) -> None:
    """Take the measures once from an untrained network, so that bad ones fail now."""
    if not record_at:
        return
    if "scrambled" in modes:
        raise ValueError(
            "modes has 'scrambled', but record_at is given: weights are scrambled when training "
            "has ended, so that there is no course of training to record. Drop one."
        )
    last: list[Any] = [getattr(c.models[STRUCTURED], "max_steps", None) for c in configurations]
    if None not in last and record_at[-1] > max(last):
        warnings.warn(
            f"record_at has {record_at[-1]}, but training ends after max_steps={max(last)}; what "
            "is measured there will be NaN. Drop it, or train longer.",
            UserWarning,
            stacklevel=4,
        )
    for configuration in configurations if measures else ():
        for condition, world in configuration.worlds.items():
            n_train, n_eval = world.default_split(*sizes)
            few = min(n_train, TRIED), min(n_eval, TRIED)
            note = (
                f"This happened when the measures {', '.join(measures)} were tried in the "
                f"condition {condition!r}, before training; see nulls and measures."
            )
            with noted(note):
                model = configuration.models[condition]
                try_measures(measures, world, model, few, grid)


def warn_if_seeds_cannot_reach_alpha(
    n_seeds: int,
    n_tests: int,
    n_latents: int,
    alpha: float,
    correction: str | None,
    n_flips: int | None,
    given: bool = False,
) -> None:
    """Warn that no verdict can be reached, or no representation, and say how many seeds it takes.

    Parameters
    ----------
    n_seeds : int
        Number of seeds.
    n_tests, n_latents : int
        Numbers of configurations, and of latents that are probed (0 if none is).
    alpha, correction, n_flips
        As in `smallest_p_value`.
    given : bool, default=False
        Whether seeds are networks that were passed.
    """
    where = f"{n_tests} configuration{'s' * (n_tests > 1)}"
    cases = [(n_tests, where, "every verdict will be 'undecided'")]
    if n_latents > n_tests:
        cases.append(
            (n_latents, f"{n_latents} latents", "no latent can be shown to be represented")
        )
    for n, where, outcome in cases:
        smallest = smallest_p_value(n_seeds, n, correction, n_flips)
        if smallest <= alpha:
            continue
        try:
            # Enough for the latents, too.
            needed = seeds_needed(alpha, max(n_tests, n_latents), correction)
            remedy = (
                f"Pass {needed} networks or more." if given else f"Use n_seeds={needed} or more."
            )
        except ValueError as error:
            remedy = str(error)
        how_many = f"n_seeds={n_seeds}"
        if given:
            how_many = f"The number of networks, {how_many},"
        warnings.warn(
            f"{how_many} cannot reach alpha={alpha:g}: with {where} under "
            f"correction={correction!r} the smallest possible p-value is {smallest:.3g}, and "
            f"{outcome}. {remedy}",
            UserWarning,
            stacklevel=4,
        )
        return
