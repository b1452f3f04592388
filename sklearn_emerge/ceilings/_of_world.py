"""Which predictor is the best possible one of a world."""

from collections.abc import Callable
from functools import partial, singledispatch

from ..predictors._base import BasePredictor
from ..worlds import ExchangeNull, ResampleNull, ShuffleNull, World

# Sequences that a filter is fitted to, which learns nothing from them, and those that the noise and
# the coefficients of others are estimated from.
_FEW, _MANY = 100, 20_000


@singledispatch
def best_predictor(world: World) -> BasePredictor:
    """Return the best possible predictor of a world, not fitted.

    Each world's is registered in a file of its own, so that a cell depends on no other.

    Parameters
    ----------
    world : World
        A world with a `ceiling`.

    Returns
    -------
    predictor
        `World.optimal_predictor` fits it, with the likelihood and the noise of the world.

    Raises
    ------
    NotImplementedError
        If nothing says which predictor that is.

    Examples
    --------
    >>> from sklearn_emerge import RegimeWorld
    >>> from sklearn_emerge.ceilings import best_predictor
    >>> type(best_predictor(RegimeWorld())).__name__
    'RegimePredictor'
    """
    raise NotImplementedError(
        f"{type(world).__name__} has a ceiling, but nothing says which predictor reaches it; give "
        "it a method _optimal that returns one, or ceiling = None."
    )


def maker_of(world: World) -> Callable[[], BasePredictor] | None:
    """Return what makes the best possible predictor of a world when it is called.

    Parameters
    ----------
    world : World
        The world.

    Returns
    -------
    callable or None
        The world's own ``_optimal``, if it has one, else what is registered for its class; None if
        the best possible predictor is not known. A cell that has it has the code of no other.
    """
    if world.ceiling is None:
        return None
    world = world.evaluation_world()
    own = getattr(world, "_optimal", None)
    return partial(best_predictor.dispatch(type(world)), world) if own is None else own


def optimal_predictor(
    world: World,
    likelihood: str = "auto",
    noise_std: float | str = "auto",
    maker: Callable[[], BasePredictor] | None = None,
) -> BasePredictor | None:
    """Return the best possible predictor of a world, fitted, or None.

    Parameters
    ----------
    world : World
        The world.
    likelihood : str, default="auto"
        Likelihood of its score; "auto" is that of the world.
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian; "auto" is that of the world.
    maker : callable, default=None
        What makes it; None is `maker_of` the world.

    Returns
    -------
    predictor or None
        None where it is not known.
    """
    maker = maker_of(world) if maker is None else maker
    if maker is None:
        return None
    if isinstance(noise_std, str) and noise_std == "auto":
        noise_std = world.noise_std
    predictor = maker().set_params(
        likelihood=world.likelihood if likelihood == "auto" else likelihood,
        noise_std=noise_std,
    )
    roles = ("n_tokens", "n_exogenous", "feedback")
    known = {name: getattr(world, name) for name in roles if name in predictor.get_params()}
    predictor.set_params(**known)
    # The means of each step are known of a resampled world; of other observations than tokens the
    # noise is not.
    tokens = isinstance(world, ResampleNull | ExchangeNull) and world.observation == "token"
    estimated = isinstance(world, ShuffleNull | ResampleNull | ExchangeNull) and not tokens
    n_sequences = _MANY if estimated else _FEW
    return predictor.fit(world.evaluation_world().sample(n_sequences, random_state=0).X)
