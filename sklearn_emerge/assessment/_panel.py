"""The alternatives that a network has to beat: trivial baselines, filters, windows, reservoirs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral

import numpy as np

from .._names import did_you_mean
from ..likelihoods import LIKELIHOODS
from ..predictors import (
    AutoregressivePredictor,
    EchoStatePredictor,
    LinearFilterPredictor,
    MarkovPredictor,
    MeanPredictor,
    PersistencePredictor,
    SeasonalPredictor,
    TimeVaryingFilterPredictor,
    WindowPredictor,
)
from ..predictors._base import BasePredictor
from ..predictors._facts import with_facts
from ..worlds import ArrayWorld, World
from ._labels import check_label
from ._plan import clock_of, vocabulary_of


@dataclass(frozen=True)
class Alternative:
    """A predictor that needs no trained network.

    Attributes
    ----------
    make : callable
        Returns it.
    words : str
        What it is.
    trivial : bool
        Whether it is a reference of *Emergence Without Scale*, from which gains are counted.
    matched : str
        What is as in the model where it is asked for by name, in words that follow.
    """

    make: Callable[[], BasePredictor]
    words: str
    trivial: bool = False
    matched: str = ""


ALTERNATIVES = {
    "mean": Alternative(MeanPredictor, "the mean", trivial=True),
    "step_mean": Alternative(
        partial(MeanPredictor, per_step=True), "the mean of each step", trivial=True
    ),
    "persistence": Alternative(PersistencePredictor, "persistence", trivial=True),
    "markov": Alternative(MarkovPredictor, "a Markov chain", trivial=True),
    "autoregressive": Alternative(AutoregressivePredictor, "a linear filter"),
    "linear_filter": Alternative(LinearFilterPredictor, "a linear filter"),
    "time_varying_filter": Alternative(TimeVaryingFilterPredictor, "a time-varying linear filter"),
    "window": Alternative(WindowPredictor, "a window of inputs"),
    "echo_state": Alternative(EchoStatePredictor, "an echo-state network", matched=" of its size"),
    "seasonal": Alternative(SeasonalPredictor, "a seasonal mean"),
}
# Names of "auto" by kind of observation.
_TRIVIAL = ("mean", "step_mean", "persistence")
_PANEL = ("linear_filter", "time_varying_filter", "window", "echo_state")
_AUTO = {
    "continuous": (*_TRIVIAL, *_PANEL),
    "binary": (*_TRIVIAL, "markov", *_PANEL),
    "few tokens": (*_TRIVIAL, "markov", "linear_filter", "window", "echo_state"),
    "many tokens": (*_TRIVIAL, "markov"),
}
# Softmax heads of more tokens on many features would cost more than training.
_FEW_TOKENS = 12
# Of more channels of counts a filter of each step has so many regressions that it would, too.
_FEW_COUNTS = 12
# Sequences that tell how many tokens there are, where nobody says.
_LOOKED_AT = 100


def make_baselines(
    baselines: str | Sequence[str] | Mapping[str, BasePredictor],
    model: BasePredictor,
    world: World,
    n_units: int | None = None,
) -> dict[str, BasePredictor]:
    """Return the baselines by name, scored by the likelihood of the model if theirs is "auto".

    Those that are asked for by name see the clock if the model does, and a random core has as many
    units.

    Parameters
    ----------
    baselines : "auto", sequence of str, or dict of str to predictor
        As in `EmergenceAssessment`.
    model : predictor
        With the facts of the world filled in.
    world : World
        The structured world: its nulls have the same baselines.
    n_units : int or None, default=None
        Hidden units of the model, if it has any.

    Returns
    -------
    dict of str to predictor

    Raises
    ------
    ValueError
        If a name is not known, something is no predictor, or the vocabulary is too large for one.
    """
    if isinstance(baselines, dict):
        chosen = dict(baselines)
        for name, baseline in chosen.items():
            check_label("baselines", name)
            if not name:
                raise ValueError("baselines has an empty name; pass one that can be read.")
            if not isinstance(baseline, BasePredictor):
                raise ValueError(
                    f"baselines[{name!r}]={baseline!r} is not a predictor of this package, which "
                    "predicts next steps; pass one, for instance AutoregressivePredictor(lags=2)."
                )
    else:
        chosen = {
            name: _matched(ALTERNATIVES[name].make(), model, n_units)
            for name in _names(baselines, model, world)
        }
    if not chosen:
        raise ValueError("baselines is empty; pass at least one, for instance ['mean'].")
    _check_seeing(chosen, model)
    n_tokens = vocabulary_of(model)
    if isinstance(n_tokens, Integral):
        for baseline in chosen.values():
            baseline._check_vocabulary(int(n_tokens))
    return {name: with_facts(baseline, model) for name, baseline in chosen.items()}


def _has_room(baseline: BasePredictor, n_tokens: int) -> bool:
    """Return whether a vocabulary is not too large for a predictor."""
    try:
        baseline._check_vocabulary(n_tokens)
    except ValueError:
        return False
    return True


def _check_seeing(baselines: Mapping[str, BasePredictor], model: BasePredictor) -> None:
    """Raise a ValueError if a task has baselines that predict from what they predict."""
    if getattr(model, "feedback", True) is not False:
        return
    left = {
        name: baseline
        for name, baseline in baselines.items()
        if getattr(baseline, "feedback", True) is True
    }
    if not left:
        return
    said = ", ".join(f"{name!r} ({type(each).__name__})" for name, each in left.items())
    rest = [name for name in baselines if name not in left]
    remedy = "pass others, baselines=['mean', 'linear_filter']"
    if all("feedback" in baseline.get_params() for baseline in left.values()):
        remedy = "leave their feedback 'auto'"
    elif rest:
        remedy = f"leave them out, {{name: baselines[name] for name in {rest!r}}}"
    raise ValueError(
        f"baselines has {said}, which would predict from what is predicted. That is not seen here "
        f"(feedback=False); {remedy}."
    )


def _names(baselines: str | Iterable[str], model: BasePredictor, world: World) -> Sequence[str]:
    """Return the names that were asked for."""
    if isinstance(baselines, str) and baselines == "auto":
        n_tokens = vocabulary_of(model)
        if n_tokens is None:
            quantities = world.observation in _AUTO
            names: Sequence[str] = _AUTO[world.observation if quantities else "many tokens"]
            if _counts_many(model, world):
                names = tuple(name for name in names if name != "time_varying_filter")
            return _that_see(
                (*names, "seasonal") if isinstance(world, ArrayWorld) else names, model
            )
        if isinstance(n_tokens, str):
            recorded = isinstance(world, ArrayWorld)
            X = world.recorded().rows.ends() if recorded else world.sample(_LOOKED_AT, 0).X
            n_tokens = 1 + int(np.nanmax(X))
        names = _AUTO["few tokens" if n_tokens <= _FEW_TOKENS else "many tokens"]
        names = [each for each in names if _has_room(ALTERNATIVES[each].make(), n_tokens)]
        return _that_see(names, model)
    names = [baselines] if isinstance(baselines, str) else list(baselines)
    unknown = [name for name in names if name not in tuple(ALTERNATIVES)]
    if unknown:
        raise ValueError(
            f"baselines={baselines!r}: {unknown[0]!r} is not known; choose from "
            f"{', '.join(ALTERNATIVES)}, or pass a dict of names to predictors."
            f"{did_you_mean(unknown[0], ALTERNATIVES)}"
        )
    if left := [name for name in names if name not in _that_see(names, model)]:
        rest = [name for name in names if name not in left] or ["mean", "linear_filter"]
        raise ValueError(
            f"baselines={baselines!r}: {', '.join(map(repr, left))} would predict from what is "
            "predicted, which is not seen here (feedback=False); leave out what does, "
            f"baselines={rest!r}."
        )
    return names


def _that_see(names: Sequence[str], model: BasePredictor) -> Sequence[str]:
    """Return the names of those that predict without what they predict, if the model has to."""
    if getattr(model, "feedback", True) is not False:
        return names
    return tuple(n for n in names if "feedback" in ALTERNATIVES[n].make().get_params())


def _counts_many(model: BasePredictor, world: World) -> bool:
    """Return whether the model predicts counts of many channels."""
    likelihood = LIKELIHOODS.get(getattr(model, "likelihood", ""))
    if likelihood is None or not likelihood.counts:
        return False
    X = world.recorded().rows if isinstance(world, ArrayWorld) else world.sample(1, 0).X
    return X.shape[2:] > (_FEW_COUNTS,)


def _matched(baseline: BasePredictor, model: BasePredictor, n_units: int | None) -> BasePredictor:
    """Return a baseline that sees the clock if the model does, and has as many units."""
    params = baseline.get_params()
    if "time_channel" in params:
        baseline.set_params(time_channel=clock_of(model))
    if "n_units" in params and n_units is not None:
        baseline.set_params(n_units=n_units)
    return baseline


def reference_names(
    reference: str | Iterable[str], baselines: Mapping[str, BasePredictor]
) -> list[str]:
    """Return the names of the baselines among which the reference is chosen."""
    if isinstance(reference, str) and reference == "all":
        return list(baselines)
    if isinstance(reference, str) and reference == "auto":
        trivial = [name for name in baselines if getattr(ALTERNATIVES.get(name), "trivial", False)]
        return trivial or list(baselines)
    names = [reference] if isinstance(reference, str) else list(reference)
    unknown = [name for name in names if name not in tuple(baselines)]
    if unknown or not names:
        raise ValueError(
            f"reference={reference!r} must be 'auto', 'all' or names out of the baselines "
            f"{', '.join(baselines)}."
        )
    return names
