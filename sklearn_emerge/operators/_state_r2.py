"""Whether states hold the latents, and nothing else: the scores of a benchmark of dynamics."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .._moments import Moments
from .._ridge import RidgeFit
from .._typing import Floats
from .._validation import check_integer
from ..predictors import BasePredictor
from ..worlds import Sample
from ..worlds._nulls import Null
from ._decoder import driven_states, fit_map, units_of

SCORES = ("latents", "states", "cycle")
# Directions of a decoder that together have no more than this share of its squares are left out
# where it is inverted, as in the benchmark.
_LEAST_SHARE = 0.01


def state_r2(predictor: BasePredictor, sample: Sample, *, burn_in: int = 1) -> xr.DataArray:
    r"""Return how much of latents is in driven states, and how much of states is in latents.

    All three are

    .. math:: R^2 = 1 - \frac{\sum |a - \hat a|^2}{\sum |a - \bar a|^2},

    over sequences left out, their steps, and the latents or states, so that directions of large
    variance count most.

    Made for ``EmergenceAssessment(measures={"states": state_r2})``, with another `burn_in` by
    `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        A fitted network, or another predictor with `transform`.
    sample : Sample
        Sequences with latents that are quantities.
    burn_in : int, default=1
        Steps left out at the start of each sequence.

    Returns
    -------
    xarray.DataArray of dimension (score,)
        - "latents": of latents, decoded from states;
        - "states": of states, from latents. Low where states hold dynamics that the world does not
          have, as the noise of what was seen last;
        - "cycle": of states, from the latents that are decoded from them, by the pseudo-inverse of
          the decoder without its weakest directions. Low where decoding rests on directions that
          states hardly move in.

        NaN where nothing varies, and of a null, which has no latents.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor has no hidden states, the sample no quantities as latents, or fewer than
        two units, or `burn_in` leaves no step.

    Notes
    -----
    They are made after the Computation-through-Dynamics Benchmark [1]_, where "states" is called
    State :math:`R^2` and "cycle" cycle consistency; there rates of many neurons are what is read
    from states, here it is latents, as a world may show no more than one channel. There maps are
    fitted to training sequences by least squares, here by ridge regressions, which are
    cross-validated by sequence, or group of sequences.

    :math:`R^2` of .999 resolves nothing: a step of the oscillator is .036 a coordinate, and with
    such scores decoded latents are .7 to 5 steps off. Random cores can have as high ones as trained
    networks, those of states above all. So they describe states; `conjugacy_error` and forecasts
    test dynamics.

    References
    ----------
    .. [1] Versteeg, C. et al. (2025). Computation-through-Dynamics Benchmark: simulated datasets
       and quality metrics for dynamical models of neural activity. Code:
       github.com/snel-repo/ComputationThruDynamicsBenchmark, ctd/comparison/metrics.py.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.operators import state_r2
    >>> world = OscillatorWorld(n_steps=64)
    >>> model = EchoStatePredictor(30, random_state=0).fit(world.sample(100, random_state=0).X)
    >>> scores = state_r2(model, world.sample(50, random_state=1))
    >>> bool(scores.sel(score="latents") > 0.9), scores.score.values.tolist()
    (True, ['latents', 'states', 'cycle'])
    """
    check_integer(burn_in, "burn_in", 0)
    states = driven_states(predictor, sample)
    if isinstance(sample.world, Null):
        return _labelled([np.nan] * len(SCORES))
    latents = sample.latents
    if latents is None or latents.dtype.kind != "f":
        kind = "no latents" if latents is None else "classes as latents"
        raise ValueError(
            f"sample has {kind}, and state_r2 reads quantities; pass a sample with latents that "
            "are floats, as OscillatorWorld().sample(100) is."
        )
    if burn_in >= states.shape[1]:
        raise ValueError(
            f"burn_in={burn_in} leaves nothing of {states.shape[1]} steps; make it smaller."
        )
    units = units_of(sample)
    decoder, moments, folds = fit_map(states, latents, units, burn_in)
    encoder, other_way, _ = fit_map(latents, states, units, burn_in)
    square = _total(other_way)
    again = _cycle_square(decoder, moments, folds, states[:, burn_in:])
    return _labelled(
        [
            _r2(decoder.error.sum(), _total(moments)),
            _r2(encoder.error.sum(), square),
            _r2(again, square),
        ]
    )


def _total(moments: Moments) -> float:
    """Return the sum of the variances of targets."""
    everything = slice(None)
    products = moments.about(moments.mean(everything), everything)
    return float(np.diag(products)[moments.n_features :].sum())


def _r2(square: float, total: float) -> float:
    return 1 - square / total if total > 0 else np.nan


def _cycle_square(
    decoder: RidgeFit, moments: Moments, folds: NDArray[np.integer], states: Floats
) -> float:
    """Return the mean square error of states that go through the decoder and back."""
    n = states.shape[2]
    of_states, of_latents = np.split(decoder.scale, [n])
    square = 0.0
    for fold in np.unique(folds):
        mean, coef = decoder.scaled[fold]
        coef = coef * of_latents / of_states[:, np.newaxis]
        directions = _strong_directions(coef)
        apart = states[folds == fold].reshape(-1, n) - (mean + moments.origin)[:n]
        square += ((apart - apart @ directions @ directions.T) ** 2).sum()
    return square / (states.shape[0] * states.shape[1])


def _strong_directions(coef: Floats) -> Floats:
    """Return orthonormal directions of states, of shape (n_states, n_kept), that a map reads.

    A map times its pseudo-inverse is the projection on them.
    """
    directions, sizes, _ = np.linalg.svd(coef, full_matrices=False)
    squares = np.cumsum(sizes**2)
    if squares[-1] == 0:
        return directions[:, :0]
    n_kept = 1 + int(np.searchsorted(squares / squares[-1], 1 - _LEAST_SHARE))
    kept: Floats = directions[:, : min(n_kept, len(sizes))]
    return kept


def _labelled(values: list[float]) -> xr.DataArray:
    """Return scores with their names."""
    result = xr.DataArray(values, {"score": list(SCORES)}, dims="score")
    return result.assign_attrs(long_name="R2 between latents and driven states", units="1")
