"""Probes: linear maps that read latents off hidden states."""

import warnings

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, d2_brier_score, r2_score
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from ._validation import check_finite, check_latents

__all__ = ["CONTROLS", "control_states", "cross_validate_probe", "make_probe"]

CONTROLS = ("other_sequence", "noise")


def make_probe(kind="continuous"):
    """Return a linear probe, a scikit-learn pipeline.

    Parameters
    ----------
    kind : {"continuous", "discrete"}, default="continuous"
        Kind of latent: `Ridge` regression of quantities, or `LogisticRegression` of classes,
        both on standardised hidden states.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Not fitted.

    Raises
    ------
    ValueError
        If the kind is not known.

    Examples
    --------
    >>> from sklearn_emerge import make_probe
    >>> make_probe("discrete")[-1]
    LogisticRegression(max_iter=1000)
    """
    if kind == "continuous":
        return make_pipeline(StandardScaler(), Ridge())
    if kind == "discrete":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    raise ValueError(f"kind={kind!r} is not known; choose 'continuous' or 'discrete'.")


def control_states(hidden, kind, random_state=None):
    """Return what a probe should not be able to decode from, in place of hidden states.

    Parameters
    ----------
    hidden : ndarray of shape (n_sequences, n_steps, n_hidden)
        Hidden states.
    kind : {"other_sequence", "noise"}
        "other_sequence": the hidden states of another sequence, of the same steps; what can
        still be decoded is due to time alone. "noise": independent standard normal numbers,
        the control of *Emergence Without Scale*.
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of the control.

    Returns
    -------
    ndarray of the shape of `hidden`

    Raises
    ------
    ValueError
        If the kind is not known, or there is no other sequence.

    Notes
    -----
    A third control, the untrained network with the same initial weights, is a predictor with
    ``training="random"`` and the same `random_state`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.probes import control_states
    >>> hidden = np.arange(3.0).reshape(3, 1, 1)
    >>> bool(np.any(control_states(hidden, "other_sequence", 0) == hidden))
    False
    """
    rng = np.random.default_rng(random_state)
    if kind == "noise":
        return rng.standard_normal(hidden.shape)
    if kind == "other_sequence":
        n_sequences = len(hidden)
        if n_sequences < 2:
            raise ValueError("hidden has one sequence, so there is no other; pass at least 2.")
        # A random cycle moves every sequence.
        order = rng.permutation(n_sequences)
        other = np.empty_like(order)
        other[order] = np.roll(order, 1)
        return hidden[other]
    raise ValueError(f"kind={kind!r} is not a control; choose from {', '.join(CONTROLS)}.")


def cross_validate_probe(hidden, latents, *, probe="auto", n_splits=5, burn_in=1):
    r"""Score how well latents can be decoded from hidden states of unseen sequences.

    Cross-validated with the sequence as the group: all steps of a sequence are in the same
    fold, because neighbouring steps are nearly equal and a split by rows would leak. The
    predictions of all folds are scored together. Quantities are scored by :math:`R^2`, classes
    by its counterpart for probabilities, :math:`D^2 = 1 - Brier / Brier_{prior}`, and by
    accuracy.

    Parameters
    ----------
    hidden : array-like of shape (n_sequences, n_steps, n_hidden)
        Hidden states, or a control.
    latents : array-like of shape (n_sequences, n_steps, n_latents)
        What to decode: floats are quantities, integers are classes. Each is probed alone. One
        latent may be given as (n_sequences, n_steps), or once a sequence as (n_sequences,).
    probe : "auto" or estimator, default="auto"
        "auto" is `make_probe` of the kind of the latents; any regressor or classifier (with
        `predict_proba`) does.
    n_splits : int, default=5
        Folds; fewer if a class occurs in fewer sequences.
    burn_in : int, default=1
        Steps left out at the start of each sequence.

    Returns
    -------
    sklearn.utils.Bunch
        ``score`` of shape (n_latents,), and ``accuracy`` of the same shape for classes, else
        None. NaN for a latent that is constant over all data, or (with a warning) if a class
        occurs in one sequence only.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or there are fewer sequences than folds.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.probes import cross_validate_probe
    >>> hidden = np.random.default_rng(0).normal(size=(20, 10, 3))
    >>> cross_validate_probe(hidden, hidden @ [1.0, 2.0, 3.0]).score.round(3)
    array([1.])
    """
    hidden = np.asarray(hidden, dtype=np.float64)
    if hidden.ndim != 3:
        raise ValueError(
            f"hidden has shape {hidden.shape}; expected (n_sequences, n_steps, n_hidden), as "
            "transform returns it."
        )
    check_finite(hidden, "hidden")
    latents = check_latents(latents, hidden)
    n_sequences, n_steps, n_hidden = hidden.shape
    if n_sequences < n_splits:
        raise ValueError(
            f"hidden has {n_sequences} sequences, fewer than n_splits={n_splits}; the sequence is "
            "the unit of cross-validation, so pass more sequences or fewer folds."
        )
    if not 0 <= burn_in < n_steps:
        raise ValueError(f"burn_in={burn_in} leaves nothing of {n_steps} steps; make it smaller.")
    discrete = latents.dtype.kind == "i"
    kind = "discrete" if discrete else "continuous"
    check_probe(probe, kind)
    if isinstance(probe, str):
        probe = make_probe(kind)
    rows = hidden[:, burn_in:].reshape(-1, n_hidden)
    groups = np.repeat(np.arange(n_sequences), n_steps - burn_in)
    splitter = (StratifiedGroupKFold if discrete else GroupKFold)(n_splits)
    targets = latents[:, burn_in:].reshape(-1, latents.shape[2]).T
    scores = [_score_latent(probe, rows, target, groups, splitter, discrete) for target in targets]
    score, accuracy = np.array(scores).T
    return Bunch(score=score, accuracy=accuracy if discrete else None)


def check_probe(probe, kind):
    """Raise a ValueError unless a probe suits a kind of latents."""
    if isinstance(probe, str) and probe == "auto":
        return
    suits = is_classifier if kind == "discrete" else is_regressor
    can = kind != "discrete" or hasattr(probe, "predict_proba")
    if kind is not None and not (suits(probe) and can):
        wanted = {
            "discrete": "classes (integers) and need a classifier with predict_proba",
            "continuous": "quantities (floats) and need a regressor",
        }
        raise ValueError(
            f"probe={probe!r} does not suit the latents, which are {wanted[kind]}; pass "
            "'auto' or such an estimator, or cast the latents."
        )


def _score_latent(probe, rows, target, groups, splitter, discrete):
    """Return (score, accuracy or NaN) of one latent, all folds together."""
    if (target == target[0]).all():
        return np.nan, np.nan
    if discrete:
        # Every class must be in enough sequences to be in each training fold: fewer folds if not.
        rarest = min(len(np.unique(groups[target == label])) for label in np.unique(target))
        if rarest < splitter.n_splits:
            if rarest < 2:
                warnings.warn(
                    "A class of the latents occurs in one sequence only, so that no probe can be "
                    "cross-validated: the score is undefined (NaN). Probe more sequences.",
                    UserWarning,
                    stacklevel=3,
                )
                return np.nan, np.nan
            splitter = StratifiedGroupKFold(rarest)
    folds = [
        (clone(probe).fit(rows[train], target[train]), test)
        for train, test in splitter.split(rows, target, groups)
    ]
    if discrete:
        classes = np.unique(target)
        probability = np.zeros((len(target), len(classes)))
        for fitted, test in folds:
            # A class that one fold has not seen in training keeps probability zero there.
            columns = np.searchsorted(classes, fitted.classes_)
            probability[np.ix_(test, columns)] = fitted.predict_proba(rows[test])
        most_probable = classes[probability.argmax(axis=1)]
        score = d2_brier_score(
            target, probability[:, 1] if len(classes) == 2 else probability, labels=classes
        )
        return score, accuracy_score(target, most_probable)
    prediction = np.empty(len(target))
    for fitted, test in folds:
        prediction[test] = fitted.predict(rows[test])
    return r2_score(target, prediction), np.nan
