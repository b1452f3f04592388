"""By how much a prediction is worse with what other sequences have at a place."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from .._typing import Floats
from ..likelihoods import LIKELIHOODS
from ..predictors._neural import NeuralPredictor
from ..predictors._places import check_steps
from ..worlds import Sample
from ._named import named
from ._sequences import sequences_of
from ._twin import check_twin


def patch_effect(
    predictor: NeuralPredictor,
    X: Sample | ArrayLike,
    source: Sample | ArrayLike,
    *,
    at: str | Sequence[str] | None = None,
    steps: int | Sequence[int] | None = None,
    twin: NeuralPredictor | None = None,
) -> xr.DataArray:
    r"""Return by how much the loss rises with states of other sequences, place by place.

    At each place and step alone, what the network computes of X is replaced by what it computes of
    `source` there, and the network goes on from that (see `NeuralPredictor.patch`):

    .. math:: \frac{1}{|S|} \sum_{t \in S} \log p(x_t \mid x_{<t})
        - \log p_{patched}(x_t \mid x_{<t})

    for the steps S of a sequence that are scored. Where it is 0, the prediction does not depend on
    what is different there; where it is as large as with `source` seen from the beginning, it
    depends on nothing else. An untrained network depends on its states as well, without having
    learned to: what training added is the difference from its effect.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted.
    X : Sample or array-like of shape (n_sequences, n_steps[, n_channels])
        Sequences, alone or as `World.sample` returns them; where these say which steps are scored,
        those alone count.
    source : Sample or array-like of the shape of X
        The sequences that states come from: of row i those of its row i.
    at : str or sequence of str, default=None
        Some of the `places_` of the network; None is all.
    steps : int or sequence of int, default=None
        Steps at which it is patched, one at a time, negative from the end; None is all but the
        last, which predicts what is not known. Each costs two runs a place.
    twin : predictor, default=None
        The untrained network, with a head: ``assessment.predictor(mode="readout", seed=0)``, or
        ``clone(predictor).set_params(training="readout").fit(X_train)`` with an integer as
        `random_state`. None leaves it out.

    Returns
    -------
    xarray.DataArray of dimensions (network, place, patched_step, sequence)
        Rise of the loss, in nats per step; NaN of sequences of which nothing is scored. "network"
        is "trained", and "untrained" if there is a twin.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor is no network, the twin was trained, has no trained head or another
        architecture, there is no such place or step, or sequences do not fit.

    Examples
    --------
    A network that has not learned the order of three tokens, and one that has:

    >>> import numpy as np
    >>> from sklearn.base import clone
    >>> from sklearn_emerge import GRUPredictor
    >>> from sklearn_emerge.measures import patch_effect
    >>> X = (np.arange(6) + np.arange(30)[:, np.newaxis]) % 3
    >>> model = GRUPredictor(
    ...     8, likelihood="categorical", max_steps=100, random_state=0
    ... ).fit(X)
    >>> twin = clone(model).set_params(training="readout").fit(X)
    >>> rise = patch_effect(model, X, (X + 1) % 3, steps=[2], twin=twin)
    >>> rise.dims
    ('network', 'place', 'patched_step', 'sequence')
    >>> bool((rise.mean("sequence") > 0.5).all())
    True
    """
    if not isinstance(predictor, NeuralPredictor):
        raise ValueError(f"predictor={predictor!r} has no places; pass a network that is fitted.")
    check_is_fitted(predictor)
    networks = {"trained": predictor}
    if twin is not None:
        check_twin(twin, predictor)
        if twin.training == "random":
            raise ValueError(
                "twin has the head of training='random', which was not fitted, so that its loss "
                "says nothing of its states; set training='readout'."
            )
        networks["untrained"] = twin
    both: list[Any] = [X, source]
    given, source = (each["X"] if isinstance(each, Mapping) else each for each in both)
    own, scored = sequences_of(predictor, X, None)
    last = own.shape[1] - 1
    steps = list(range(last)) if steps is None else check_steps(steps, own.shape[1], "steps")
    places = predictor._chosen_places(predictor.places_ if at is None else at)[1]
    coords: dict[str, Any] = {
        "network": list(networks),
        "place": places,
        "patched_step": steps,
        "sequence": np.arange(len(own)),
    }
    rise = np.empty([len(each) for each in coords.values()])
    for i, network in enumerate(networks.values()):
        network._chosen_places(places)
        own, other = network._paired(given, source)
        for j, place in enumerate(places):
            # Modules may compute a little differently where they are looked at.
            before = _losses(network, own, network._patched(own, own, place, [0]), scored)
            for k, step in enumerate(steps):
                mean = network._patched(own, other, place, [step])
                rise[i, j, k] = _losses(network, own, mean, scored) - before
    return named(rise, coords, _LONG_NAMES, "rise of the loss by a patch", "nat/step")


_LONG_NAMES = {
    "network": "network that is patched",
    "place": "place of the network",
    "patched_step": "step at which it is patched",
    "sequence": "sequence",
}


def _losses(network: Any, X: NDArray[Any], mean: Any, scored: Any) -> Floats:
    """Return the mean loss of the scored steps of each sequence; NaN if there are none."""
    likelihood, noise = LIKELIHOODS[network.likelihood_], (network.noise_std_, network.shape_)
    density = likelihood.log_density(network._targets(X)[:, 1:], mean[:, :-1], *noise).sum(axis=2)
    n_scored = scored.sum(axis=1)
    total = -np.where(scored, density, 0.0).sum(axis=1)
    return np.where(n_scored > 0, total / np.maximum(n_scored, 1), np.nan)
