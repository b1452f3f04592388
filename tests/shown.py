"""Whether a stored cube is of the code that a page shows."""

import inspect

# What is not in a cube does not change its numbers, nor do roles where there are no inputs.
# How many configurations were drawn is said of all, drawn or not.
_UNSAID = {"memory", "n_jobs", "progress", "feedback", "n_exogenous", "n_configurations"}


def assert_said(owner, said):
    """Compare the simple parameters of an estimator or world with those that a cube was made with.

    A parameter that is newer than the cube had its default.
    """
    simple = {
        key: value
        for key, value in owner.get_params(deep=False).items()
        if key not in _UNSAID and isinstance(value, int | float | str | None)
    }
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(type(owner)).parameters.items()
    }
    assert {key: said.get(key, defaults[key]) for key in simple} == simple
