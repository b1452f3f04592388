"""What predictors take over from the world."""

from typing import TypeVar

from sklearn.base import BaseEstimator, clone

T = TypeVar("T", bound=BaseEstimator)

# Facts of a world that a predictor takes over where its own parameter is "auto".
FACTS = ("likelihood", "noise_std", "n_tokens", "input_scaling", "output_scaling")
# What all have to agree on, and what those without such a parameter stand for.
ROLES = {"n_exogenous": 0, "feedback": True}
_REMEDIES = {
    "n_exogenous": "inputs belong to the world, ArrayWorld(X, inputs=...)",
    "feedback": "it belongs to the world, ArrayWorld(X, inputs=..., feedback=...)",
}


def with_facts(predictor: T, source: object) -> T:
    """Return a clone whose "auto" parameters are those of the facts of a world, or of a model.

    Raises a ValueError if it has other exogenous channels, or another feedback, than that.
    """
    predictor = clone(predictor)
    params = predictor.get_params(deep=False)
    for name, without in ROLES.items():
        value = getattr(source, name, without)
        own = params.get(name, getattr(predictor, name, without))
        if isinstance(value, str) or isinstance(own, str) or value == own:
            continue
        if name not in params:
            raise ValueError(
                f"{type(predictor).__name__} has no parameter {name}, and {name}={value!r} here: "
                "it cannot predict what is driven by inputs in this way; take another predictor, "
                "such as LinearFilterPredictor or GRUPredictor."
            )
        raise ValueError(
            f"{name}={own!r} of {type(predictor).__name__} is not that of the world or the model, "
            f"{value!r}; leave it 'auto': {_REMEDIES[name]}."
        )
    unset = [
        name
        for name in (*FACTS, *ROLES)
        if isinstance(params.get(name), str) and params[name] == "auto"
    ]
    facts = {name: getattr(source, name, "auto") for name in unset}
    likelihood = facts.get("likelihood", params.get("likelihood"))
    if likelihood not in ("auto", "categorical"):
        # Integers that are no tokens have no vocabulary.
        facts.pop("n_tokens", None)
    return predictor.set_params(**facts)
