"""Names that are not known, answered with those that may be meant."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache, wraps
from typing import Any, Self

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError, StrOptions

# What is known here, and what other libraries and newcomers call it.
_GROUPS = (
    # Parameters, and options of the command line.
    ("hidden_size n_units", "hidden units n_hidden hidden_dim hidden_units d_model width neurons"),
    ("max_steps steps", "epochs n_epochs max_epochs n_iter max_iter iterations updates n_updates"),
    ("n_steps", "steps length n_timesteps seq_len sequence_length timesteps duration"),
    ("lr", "learning_rate learning_rate_init eta step_size"),
    ("batch_size", "batch minibatch"),
    ("random_state", "seed random_seed rng"),
    ("n_seeds seeds", "replicates n_replicates n_runs runs n_repeats repeats"),
    ("n_train train", "n_samples n_sequences train_size n_training"),
    ("n_eval eval", "n_test test_size n_evaluation n_validation"),
    ("n_jobs jobs", "workers n_workers num_workers cores n_cores"),
    ("n_layers", "layers num_layers"),
    ("n_heads", "heads num_heads"),
    ("model", "cell cell_type architecture network net estimator predictor"),
    ("world", "env environment dataset data"),
    ("param_grid", "grid params param_distributions"),
    ("memory", "cache cache_dir checkpoint"),
    ("progress quiet", "verbose silent"),
    ("out", "output save"),
    ("figure", "plot picture"),
    ("observation_std noise_std", "noise sigma noise_level"),
    ("omega", "frequency freq angular_frequency"),
    ("time_step", "dt delta_t"),
    ("lags", "order n_lags"),
    # Modes, nulls, baselines, worlds.
    ("full", "trained all"),
    ("readout random", "untrained"),
    ("readout", "frozen head"),
    ("shuffle", "permutation"),
    ("resample", "iid"),
    ("phase", "surrogate iaaft fourier"),
    ("autoregressive", "ar"),
    ("linear_filter", "linear"),
    ("echo_state", "esn reservoir"),
    ("persistence", "naive last"),
    ("oscillator", "pendulum hopf sine"),
    ("bernoulli", "coin coins"),
    ("regime", "hmm markov"),
    ("random_walk", "walk"),
    ("triangle", "translation"),
    # Likelihoods, and kinds of observations.
    ("poisson", "counts count"),
    ("categorical token", "tokens symbols softmax"),
    ("gaussian", "normal"),
    ("continuous", "counts quantities real float"),
    ("binary", "boolean bool"),
)


def _plain(name: str) -> str:
    return name.lower().lstrip("-").replace("-", "_").replace(" ", "_")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that may be meant: those of the same meaning, else of like spelling.

    Parameters
    ----------
    name : str
        The name that is not known. Case does not count, nor whether words are joined by - or _.
    known : iterable of str
        The names that are.

    Returns
    -------
    list of str
        Empty if none is near.
    """
    name, known = _plain(name), {_plain(each): each for each in known}
    if name in known:
        return [known[name]]
    meant = [
        known[target]
        for targets, words in _GROUPS
        if name in (*targets.split(), *words.split())
        for target in targets.split()
        if target in known
    ]
    return meant or [known[each] for each in get_close_matches(name, known, n=1, cutoff=0.65)]


def did_you_mean(name: object, known: Iterable[str], form: Callable[[str], str] = repr) -> str:
    """Return a question to end a message with, such as " Did you mean 'full'?", or no text."""
    found = " or ".join(map(form, nearest(name, known))) if isinstance(name, str) else ""
    return f" Did you mean {found}?" if found else ""


def look_up(name: str, known: Iterable[str], argument: str = "name") -> str:
    """Return a known name, spelled as it is known.

    Parameters
    ----------
    name : str
        A name; case does not count, nor whether words are joined by - or _.
    known : iterable of str
        The names that are known.
    argument : str, default="name"
        What the message calls it.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it is not known; with the nearest that is, or all of them.
    """
    known = list(known)
    found = nearest(name, known)
    if found and _plain(found[0]) == _plain(name):
        return found[0]
    question = did_you_mean(name, known)
    answer = f".{question}" if question else f"; choose from {', '.join(known)}."
    raise ValueError(f"{argument}={name!r} is not known{answer}")


@cache
def _param_names(cls: type[BaseEstimator], init: object) -> tuple[str, ...]:
    """Return the names of the parameters of a class, which is slow, once for each `__init__`."""
    return tuple(super(Estimator, cls)._get_param_names())


class Estimator(BaseEstimator):
    """An estimator of scikit-learn that answers unknown parameters with the nearest it has."""

    # Classes whose parameters may be meant, by the parameter that takes an object of them.
    _parts: dict[str, type[BaseEstimator]] = {}
    # Whether sequences may have missing steps, which are NaN.
    takes_missing = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.takes_missing
        return tags

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = _refusing_unknown(cls.__init__)  # type: ignore[method-assign]

    @classmethod
    def _get_param_names(cls) -> list[str]:
        # Every clone asks for them.
        kind: Any = cls
        return list(_param_names(kind, kind.__init__))

    def _validate_params(self) -> None:
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            for name, value in self.get_params(deep=False).items():
                if not str(error).startswith(f"The {name!r} parameter"):
                    continue
                constraints = self._parameter_constraints.get(name, [])
                options = [each.options for each in constraints if isinstance(each, StrOptions)]
                question = did_you_mean(value, set().union(*options))
                raise InvalidParameterError(f"{error}{question}") from None
            raise

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also of parts, as ``world__n_steps``.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        own = self.get_params(deep=False)
        for key in params:
            name, _, part = key.partition("__")
            if name not in own:
                raise ValueError(_no_parameter(type(self), name, own))
            if part and not hasattr(own[name], "set_params"):
                known = name in self._parts
                remedy = _as_in(self._parts, name, part) if known else "an object that has"
                raise ValueError(
                    f"{key} cannot be set, because {name}={own[name]!r} has no parameters; pass "
                    f"{remedy}."
                )
        return super().set_params(**params)


def _refusing_unknown(init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that says which parameter may be meant by one that it does not have."""
    parameters = inspect.signature(init).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return init

    @wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in parameters:
                raise TypeError(_no_parameter(type(self), name, list(parameters)[1:]))
        init(self, *args, **kwargs)

    return checked


def _no_parameter(cls: type[Estimator], name: str, known: Iterable[str]) -> str:
    """Return what to say of a parameter that a class does not have."""
    said = f"{cls.__name__} has no parameter {name!r}"
    parts = {part: owner._get_param_names() for part, owner in cls._parts.items()}
    exact = [part for part, names in parts.items() if name in names]
    if not exact and (found := nearest(name, known)):
        return f"{said}; did you mean {' or '.join(found)}?"
    for part in exact or parts:
        if found := nearest(name, parts[part]):
            remedy = _as_in(cls._parts, part, found[0])
            return f"{said}; its {part} has {found[0]}: pass {remedy}."
    return f"{said}; choose from {', '.join(known) or 'none'}."


def _as_in(parts: Mapping[str, type[BaseEstimator]], part: str, name: str) -> str:
    return f"{part}={parts[part].__name__}({name}=...)"
