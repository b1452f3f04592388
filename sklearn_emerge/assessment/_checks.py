"""What an assessment refuses before anything is trained."""

import warnings

from sklearn.base import clone

from ..inference import seeds_needed, smallest_p_value
from ..predictors._callbacks import count_held_out
from ..predictors._neural import NeuralPredictor
from ..worlds import ArrayWorld
from ._labels import check_label
from ._notes import noted
from ._plan import RESERVED, STRUCTURED
from ._trajectory import TRIED, try_measures


def check_names(name, values, known):
    """Return a parameter that is one name or several as a tuple, after checking it."""
    values = (values,) if isinstance(values, str) else tuple(values)
    unknown = [value for value in values if value not in known]
    if unknown:
        raise ValueError(
            f"{name}={values!r}: {unknown[0]!r} is not known here; choose from "
            f"{', '.join(map(repr, known))}."
        )
    if len(set(values)) < len(values):
        raise ValueError(f"{name}={values!r} has a name twice; drop one.")
    if name == "modes" and not values:
        raise ValueError("modes is empty; pass at least 'full'.")
    return values


def check_configurations(configurations, modes, n_train, n_eval):
    """Draw from every world and build every network, so that bad ones fail now.

    Parameters
    ----------
    configurations : list of Configuration
        The plan.
    modes : str or sequence of str
        Training modes that were asked for.
    n_train, n_eval : int or None
        Numbers of sequences.

    Returns
    -------
    tuple of str
        The modes.

    Raises
    ------
    ValueError
        If a world, a model for it or a mode of this model is impossible.
    """
    for configuration in configurations:
        world = configuration.worlds[STRUCTURED]
        recorded = isinstance(world, ArrayWorld)
        sizes = world.default_split(n_train, n_eval)
        if sizes[0] < 4 or sizes[1] < 5:
            remedy = (
                "record more"
                if recorded
                else "pass n_train and n_eval, or take a world of more sequences"
            )
            raise ValueError(
                f"There are n_train={max(sizes[0], 0)} sequences for training and "
                f"n_eval={sizes[1]} for evaluation, but at least 4 and 5 are needed; {remedy}."
            )
        train, _ = world.split(*(sizes if recorded else (4, 5)), 0)
        for name in train.latent_names:
            check_label("latent_names", name)
        for condition, each in configuration.worlds.items():
            if condition != STRUCTURED:
                each.split(4, 5, 0)
        model = _begun(configuration.models[STRUCTURED], train.X)
        if getattr(model, "early_stopping", False):
            count_held_out(model.validation_fraction, sizes[0])
        checked = check_names("modes", modes, model.training_modes)
    return checked


def _begun(model, X):
    """Return a copy of a model that has its initial weights, if it has any."""
    model = clone(model)
    X = model._prepare(X)
    if isinstance(model, NeuralPredictor):
        model._begin(X)
    return model


def warn_if_fitted(model, baselines):
    """Warn that what predictors have learned is not what is assessed."""
    named = {f"baselines[{name!r}]": baseline for name, baseline in baselines.items()}
    for name, predictor in {"model": model, **named}.items():
        if hasattr(predictor, "n_features_in_"):
            warnings.warn(
                f"{name} is fitted, but an assessment fits copies from the beginning, and what it "
                "has learned is not used. Pass sklearn.base.clone(...) of it, or, to start from "
                "the weights of a trained network, "
                "ModulePredictor(lambda n_inputs: copy.deepcopy(fitted.network_.core)).",
                UserWarning,
                stacklevel=3,
            )


def check_recording(record_at, measures, modes, configurations, sizes, grid):
    """Take the measures once from an untrained network, so that bad ones fail now."""
    if not record_at:
        return
    if "scrambled" in modes:
        raise ValueError(
            "modes has 'scrambled', but record_at is given: weights are scrambled when training "
            "has ended, so that there is no course of training to record. Drop one."
        )
    last = [getattr(c.models[STRUCTURED], "max_steps", None) for c in configurations]
    if None not in last and record_at[-1] > max(last):
        warnings.warn(
            f"record_at has {record_at[-1]}, but training ends after max_steps={max(last)}; what "
            "is measured there will be NaN. Drop it, or train longer.",
            UserWarning,
            stacklevel=3,
        )
    for configuration in configurations if measures else ():
        for condition, world in configuration.worlds.items():
            few = [min(size, TRIED) for size in world.default_split(*sizes)]
            note = (
                f"This happened when the measures {', '.join(measures)} were tried in the "
                f"condition {condition!r}, before training; see nulls and measures."
            )
            with noted(note):
                model = configuration.models[condition]
                try_measures(measures, world, model, few, (*RESERVED, *grid))


def warn_if_seeds_cannot_reach_alpha(n_seeds, n_tests, alpha, correction, n_flips):
    """Warn that every verdict will be "undecided", and say how many seeds it takes."""
    smallest = smallest_p_value(n_seeds, n_tests, correction, n_flips)
    if smallest <= alpha:
        return
    try:
        remedy = f"Use n_seeds={seeds_needed(alpha, n_tests, correction)} or more."
    except ValueError as error:
        remedy = str(error)
    warnings.warn(
        f"n_seeds={n_seeds} cannot reach alpha={alpha:g}: with {n_tests} "
        f"configuration{'s' * (n_tests > 1)} under correction={correction!r} the smallest "
        f"possible p-value is {smallest:.3g}, and every verdict will be 'undecided'. {remedy}",
        UserWarning,
        stacklevel=3,
    )
