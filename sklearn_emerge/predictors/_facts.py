"""What predictors take over from the world."""

from typing import TypeVar

from sklearn.base import BaseEstimator, clone

T = TypeVar("T", bound=BaseEstimator)

# Facts of a world that a predictor takes over where its own parameter is "auto".
_FACTS = ("likelihood", "noise_std", "n_tokens", "input_scaling", "output_scaling")


def with_facts(predictor: T, source: object) -> T:
    """Return a clone whose "auto" parameters are those of the facts of a world, or of a model."""
    predictor = clone(predictor)
    params = predictor.get_params(deep=False)
    unset = [
        name for name in _FACTS if isinstance(params.get(name), str) and params[name] == "auto"
    ]
    facts = {name: getattr(source, name, "auto") for name in unset}
    return predictor.set_params(**facts)
