"""What a network's memory is worth: its loss if it sees the last inputs alone."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ..predictors import BasePredictor
from ..worlds import Sample
from ._sequences import sequences_of


def memory_curve(
    predictor: BasePredictor,
    sample: Sample | ArrayLike,
    *,
    windows: Sequence[int] | None = None,
    n_sequences: int | None = None,
) -> xr.DataArray:
    """Return the loss of a network whose state is reset before the last k inputs.

    To predict a step, the network starts from the zero state (a transformer attends to nothing
    else) and sees the last k inputs alone, with the clock and the positions of the true steps.
    Steps that have fewer inputs before them see what there is, and all steps are scored for every
    k. The loss at k = 1 minus that at the longest window is what the network owes to its memory,
    which can be more than memory is worth, see the notes.

    Made for ``EmergenceAssessment(measures={"memory": memory_curve})``, with other arguments by
    `functools.partial`.

    Parameters
    ----------
    predictor : predictor
        A fitted network, or another one that has `score_from_last`.
    sample : Sample or array-like of shape (n_sequences, n_steps[, n_channels])
        Sequences, alone or as `World.sample` returns them. Where these say which steps count,
        those alone are scored.
    windows : sequence of int, default=None
        Numbers of inputs k, increasing, from 1 to the number of steps. None is 1, 2, 4, ... and
        all steps.
    n_sequences : int, default=None
        How many of the sequences to use, the first ones. None is all.

    Returns
    -------
    xarray.DataArray of dimension (window,)
        Negative log-likelihood in nats per step. With all steps it is the ordinary one, which is
        ``-predictor.score(X)`` if all steps count.

    Raises
    ------
    NotFittedError
        If `fit` has not been called.
    ValueError
        If the predictor has no state, X does not fit it, or a window is out of range.

    Notes
    -----
    In training the state is zero at the start of a sequence alone. A network that is reset later
    may predict worse than one that has never seen more inputs, even where memory is worth nothing
    (GRU of a process of order one: .004 to .016 nats per step). So compare with a
    `WindowPredictor` of k steps, and with `exchange_states`, which has no such cost.

    What does not come from a state stays: with ``input_scaling="first"`` the first observation is
    subtracted from each input, and so it is in every window. A module of your own that counts
    steps begins to count in each window.

    A window of k costs about k (1 - k / T) passes over the T steps, so that the default costs as
    much as .65 T.

    Examples
    --------
    >>> from sklearn_emerge import EchoStatePredictor, OscillatorWorld
    >>> from sklearn_emerge.measures import memory_curve
    >>> world = OscillatorWorld(n_steps=32)
    >>> model = EchoStatePredictor(30, random_state=0).fit(world.sample(200, random_state=0).X)
    >>> curve = memory_curve(model, world.sample(100, random_state=1))
    >>> curve.window.values.tolist(), bool(curve[0] > curve[-1] + 0.5)
    ([1, 2, 4, 8, 16, 32], True)
    """
    if not hasattr(predictor, "score_from_last"):
        raise ValueError(
            f"{type(predictor).__name__} has no state that could be reset; pass a network, such "
            "as a GRUPredictor, TransformerPredictor or EchoStatePredictor, or implement "
            "_predict_from, see BasePredictor."
        )
    X, scored = sequences_of(predictor, sample, n_sequences)
    windows = _check_windows(windows, X.shape[1])
    losses = [-predictor.score_from_last(X, k)[scored].mean() for k in windows]
    curve = xr.DataArray(losses, {"window": windows}, dims="window")
    curve.window.attrs = {"long_name": "last inputs that are seen", "units": "step"}
    name = "negative log-likelihood from the last inputs alone"
    return curve.assign_attrs(long_name=name, units="nat/step")


def _check_windows(windows: Sequence[int] | None, n_steps: int) -> list[int]:
    """Return windows as a list of integers, the default for None."""
    if windows is None:
        return [*(2**i for i in range((n_steps - 1).bit_length())), n_steps]
    array = np.asarray(windows)
    whole = array.ndim == 1 and array.size and np.issubdtype(array.dtype, np.integer)
    if not whole or array[0] < 1 or array[-1] > n_steps or (np.diff(array) <= 0).any():
        raise ValueError(
            f"windows={windows!r} must be increasing integers from 1, the last input alone, to "
            f"{n_steps}, all steps of the sequences."
        )
    return array.tolist()
