"""Probes: linear maps that read latents off hidden states."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, d2_brier_score, r2_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from ._groups import check_groups
from ._latents import check_latents
from ._padding import missing_steps
from ._probed import Numbers, can_be_scored, class_folds, count_classes, in_range, known_latents
from ._random import integer_seed, substream
from ._ridge_scores import ridge_scores
from ._typing import Floats, RandomState
from ._validation import as_array, check_finite, check_integer, check_scale

__all__ = ["CONTROLS", "control_states", "cross_validate_probe", "make_probe"]

CONTROLS = ("other_sequence", "noise")
# Of probes of inputs, which are many columns where there are many channels.
_PENALTIES = (1.0, 100.0)


def make_probe(kind: str = "continuous", penalty: float = 1.0) -> Pipeline:
    """Return a linear probe, a scikit-learn pipeline.

    Parameters
    ----------
    kind : {"continuous", "discrete"}, default="continuous"
        Kind of latent: `Ridge` regression of quantities, or `LogisticRegression` of classes,
        both on standardised hidden states.
    penalty : float, default=1.0
        What coefficients are shrunk by: alpha of the regression, 1/C of the classifier.

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
        return make_pipeline(StandardScaler(), Ridge(alpha=penalty))
    if kind == "discrete":
        return make_pipeline(StandardScaler(), LogisticRegression(C=1 / penalty, max_iter=1000))
    raise ValueError(f"kind={kind!r} is not known; choose 'continuous' or 'discrete'.")


def control_states(hidden: Floats, kind: str, random_state: RandomState = None) -> Floats:
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


def cross_validate_probe(
    hidden: ArrayLike,
    latents: ArrayLike,
    *,
    probe: str | BaseEstimator = "auto",
    n_splits: int = 5,
    burn_in: int = 1,
    groups: ArrayLike | None = None,
    observed: ArrayLike | None = None,
    random_state: RandomState = None,
) -> Bunch:
    r"""Score how well latents can be decoded from hidden states of unseen sequences.

    Cross-validated with the sequence as the unit, or a group of sequences: all steps of a unit
    are in the same fold, because they are alike and a split by rows would leak. The
    predictions of all folds are scored together. Quantities are scored by :math:`R^2`, classes
    by its counterpart for probabilities, :math:`D^2 = 1 - Brier / Brier_{prior}`, and by
    accuracy. At least two classes are in the training part of every fold.

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
        Folds; fewer if there are fewer groups, or a class that occurs in several units occurs in
        fewer than that.
    burn_in : int, default=1
        Steps left out at the start of each sequence.
    groups : array-like of shape (n_sequences,), default=None
        Labels of the units if these are not the sequences, as of animals or sessions of which
        there are several; see `ArrayWorld`.
    observed : array-like of bool of shape (n_sequences, n_steps), default=None
        Which steps are observed; others are left out, and latents may be NaN there. None is all.
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of what is random in the probe: every ``random_state`` of the estimator and of
        its parts that is None is set from it. None leaves the probe as it is. It does not reach
        what draws from global state, such as networks of torch.

    Returns
    -------
    sklearn.utils.Bunch
        ``score`` of shape (n_latents,), and ``accuracy`` of the same shape for classes, else
        None. NaN for a latent that is constant over all data, up to rounding, or (with a
        warning) of which fewer than two classes occur in several units.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is masked, complex, not finite or out of the range of squares
        in double precision, there are fewer sequences than folds, or fewer than two groups.

    Warns
    -----
    UserWarning
        If a class occurs in one unit only, so that it cannot be decoded there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emerge.probes import cross_validate_probe
    >>> hidden = np.random.default_rng(0).normal(size=(20, 10, 3))
    >>> cross_validate_probe(hidden, hidden @ [1.0, 2.0, 3.0]).score.round(3)
    array([1.])
    """
    hidden = _check_hidden(as_array(hidden, "hidden"))
    check_scale(hidden, "hidden")
    for name, number, least in (("n_splits", n_splits, 2), ("burn_in", burn_in, 0)):
        check_integer(number, name, least)
    result = score_probe(
        hidden,
        latents,
        probe=probe,
        n_splits=n_splits,
        burn_in=burn_in,
        groups=groups,
        observed=observed,
        random_state=random_state,
    )
    if result.accuracy is not None:
        observed = _check_observed(observed, hidden)
        latents = check_latents(latents, hidden, observed=observed)
        latents = known_latents(latents[:, burn_in:], observed, burn_in)
        units = _units(groups, len(hidden))
        alone = [
            f"class {label} of latent {number}"
            for number, latent in enumerate(np.moveaxis(latents, 2, 0))
            for label, n_units in zip(*count_classes(latent, units), strict=True)
            if n_units == 1
        ]
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            unit = "sequence" if groups is None else "group"
            warnings.warn(
                f"{alone[0].capitalize()}{more} occurs in one {unit} only, so that it cannot be "
                "decoded there; a score is undefined (NaN) where fewer than two classes occur in "
                f"several {unit}s. Probe more {unit}s.",
                UserWarning,
                stacklevel=2,
            )
    return result


def score_probe(hidden: ArrayLike, latents: ArrayLike, **options: Any) -> Bunch:
    """Return what `cross_validate_probe` returns, without warnings of rare classes.

    Of the probe "auto" the best of several penalties counts, latent by latent.
    """
    return score_probes([hidden], latents, **options)[0]


def score_probes(
    states: Sequence[ArrayLike],
    latents: ArrayLike,
    *,
    probe: str | BaseEstimator = "auto",
    n_splits: int = 5,
    burn_in: int = 1,
    groups: ArrayLike | None = None,
    observed: ArrayLike | None = None,
    random_state: RandomState = None,
    penalties: Sequence[float] = (1.0,),
) -> list[Bunch]:
    """Return what `score_probe` returns for each of several states, such as a control, in turn.

    What does not hang on states, the checks of latents and the folds, is made once.
    """
    arrays = [_check_hidden(hidden) for hidden in states]
    first = arrays[0]
    observed = _check_observed(observed, first)
    latents = check_latents(latents, first, observed=observed)
    n_sequences, n_steps, _ = first.shape
    if n_sequences < n_splits:
        raise ValueError(
            f"hidden has {n_sequences} sequences, fewer than n_splits={n_splits}; the sequence is "
            "the unit of cross-validation, so pass more sequences or fewer folds."
        )
    if burn_in >= n_steps:
        raise ValueError(f"burn_in={burn_in} leaves nothing of {n_steps} steps; make it smaller.")
    discrete = latents.dtype.kind == "i"
    kind = "discrete" if discrete else "continuous"
    check_probe(probe, kind)
    units = _units(groups, n_sequences)
    n_splits = min(n_splits, units.max() + 1)
    latents = latents[:, burn_in:]
    known = slice(None) if observed is None else observed[:, burn_in:].ravel()
    if observed is not None:
        # Each observed step is a row of its own, and as before its unit is that of its sequence.
        latents = latents.reshape(-1, 1, latents.shape[2])[known]
        units = np.repeat(units, n_steps - burn_in)[known]
        units = np.unique(units, return_inverse=True)[1]
        n_splits = min(n_splits, units.max() + 1)
    tables = [hidden[:, burn_in:].reshape(-1, hidden.shape[2])[known] for hidden in arrays]
    if isinstance(probe, str) and not discrete:
        scores = _score_quantities(tables, latents, units, n_splits, penalties)
        return [Bunch(score=score, accuracy=None) for score in scores]
    automatic = isinstance(probe, str)
    probes = [make_probe(kind, penalty) for penalty in penalties] if automatic else [probe]
    if random_state is not None:
        probes = [_seeded(one, random_state) for one in probes]
    by_latent = np.moveaxis(latents, 2, 0)
    results = []
    for rows in tables:
        found = [
            [_score_latent(one, rows, latent, units, n_splits) for latent in by_latent]
            for one in probes
        ]
        score, accuracy = np.fmax.reduce(found).T
        results.append(Bunch(score=score, accuracy=accuracy if discrete else None))
    return results


def score_inputs(
    windows: Iterable[Floats],
    latents: ArrayLike,
    stream: RandomState,
    *,
    probe: str | BaseEstimator = "auto",
    **options: Any,
) -> tuple[Floats, Floats]:
    """Return the scores of probes of inputs, and of those of other sequences.

    A control has to be as good as it can be: of several windows, and penalties if the probe is
    "auto", the best score counts, latent by latent.

    Parameters
    ----------
    windows : iterable of ndarray of shape (n_sequences, n_steps, n_columns)
        Last inputs at each step.
    latents : array-like of shape (n_sequences, n_steps, n_latents)
        As in `cross_validate_probe`.
    stream : random state
        That of the other sequences.
    probe, **options
        As in `cross_validate_probe`.

    Returns
    -------
    own, other : ndarray of shape (n_latents,)
    """
    options |= {"probe": probe, "penalties": _PENALTIES}
    scores = []
    for window in windows:
        other = control_states(window, "other_sequence", substream(stream, "other_sequence"))
        found = score_probes([window, other], latents, **options)
        scores.append([each.score for each in found])
    own, shuffled = np.fmax.reduce(scores)
    return own, shuffled


def _check_observed(observed: ArrayLike | None, hidden: Floats) -> NDArray[np.bool_] | None:
    """Return which steps are observed, or None if all are."""
    if observed is None:
        return None
    known = np.asarray(~missing_steps(hidden.shape[:2], observed=observed))
    return None if known.all() else known


def _units(groups: ArrayLike | None, n_sequences: int) -> Numbers:
    """Return the unit of each sequence, numbered from 0 on."""
    return np.arange(n_sequences) if groups is None else check_groups(groups, n_sequences)


def _check_hidden(hidden: ArrayLike) -> Floats:
    """Return finite hidden states as a float64 array of three dimensions."""
    hidden = np.asarray(hidden, dtype=np.float64)
    if hidden.ndim != 3 or 0 in hidden.shape:
        raise ValueError(
            f"hidden has shape {hidden.shape}; expected (n_sequences, n_steps, n_hidden), as "
            "transform returns it, with at least one of each."
        )
    check_finite(hidden, "hidden")
    return hidden


def _seeded(probe: BaseEstimator, random_state: RandomState) -> BaseEstimator:
    """Return a clone in which every `random_state` that is None is an integer of the stream."""
    probe = clone(probe)
    unset = [
        name
        for name, value in probe.get_params().items()
        if value is None and name.rpartition("__")[2] == "random_state"
    ]
    stream = substream(random_state)
    return probe.set_params(**{name: integer_seed(substream(stream, name)) for name in unset})


def check_probe(probe: str | BaseEstimator, kind: str | None) -> None:
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


def _score_quantities(
    tables: Sequence[Floats],
    latents: Floats,
    units: Numbers,
    n_splits: int,
    penalties: Sequence[float],
) -> list[Floats]:
    """Return for each table of rows the scores of ridge regressions of each latent.

    With the best of the penalties.
    """
    scored = [can_be_scored(latent) for latent in np.moveaxis(latents, 2, 0)]
    results = [np.full(len(scored), np.nan) for _ in tables]
    if any(scored):
        columns = [in_range(latent).ravel() for latent in np.moveaxis(latents, 2, 0)[scored]]
        targets, groups = np.stack(columns, axis=1), np.repeat(units, latents.shape[1])
        folds = [test for _, test in GroupKFold(n_splits).split(groups, groups=groups)]
        for scores, rows in zip(results, tables, strict=True):
            scores[scored] = ridge_scores(rows, targets, folds, penalties).max(axis=0)
    return results


def _score_latent(
    probe: BaseEstimator, rows: Floats, latent: NDArray[Any], units: Numbers, n_splits: int
) -> tuple[float, float]:
    """Return (score, accuracy or NaN) of one latent, all folds together."""
    if not can_be_scored(latent, units):
        return np.nan, np.nan
    discrete = latent.dtype.kind == "i"
    if discrete:
        target, parts = latent.ravel(), class_folds(latent, units, n_splits)
    else:
        target = in_range(latent).ravel()
        groups = np.repeat(units, latent.shape[1])
        parts = GroupKFold(n_splits).split(rows, target, groups)
    folds = [(clone(probe).fit(rows[train], target[train]), test) for train, test in parts]
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
