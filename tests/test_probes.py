"""Probes decode what is there, not what is not, and never split a sequence."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingRegressor, RandomForestRegressor
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sklearn_emerge.predictors._last_inputs import window_of, windows_of
from sklearn_emerge.probes import (
    control_states,
    cross_validate_probe,
    make_probe,
    score_inputs,
    score_probe,
    score_probes,
)


@pytest.fixture(scope="module")
def autocorrelated():
    """Random walks and independent latents: rows look alike, sequences do not."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(60, 50, 8)).cumsum(axis=1)
    return hidden, rng.normal(size=(60, 50)).cumsum(axis=1)


def test_linear_latents_are_decoded():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(40, 20, 3))
    latents = np.stack([hidden @ [1, 2, 3], rng.normal(size=(40, 20))], axis=2)
    score = cross_validate_probe(hidden, latents).score
    assert score[0] > 0.999
    assert abs(score[1]) < 0.03


@pytest.mark.parametrize("discrete", [False, True])
def test_inputs_of_many_channels_show_what_one_input_shows(discrete):
    """As control they would else find less than a network, in which many channels are few units."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(12, 40))
    X = latent[..., np.newaxis] * (0.4 * rng.normal(size=40)) + rng.normal(size=(12, 40, 40))
    latent = (latent > 0).astype(int) if discrete else latent
    kind = "discrete" if discrete else "continuous"
    alone, window = (
        cross_validate_probe(window_of(X, n, None, None), latent, probe=make_probe(kind)).score[0]
        for n in (1, 8)
    )
    assert window < alone - 0.2
    own, other = score_inputs(windows_of(X, 8, None, None), latent[..., np.newaxis], 0)
    assert own[0] >= alone
    assert other[0] < 0.05


def test_noise_of_known_size_gives_its_r2():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(200, 20, 1))
    latents = hidden[..., 0] + rng.normal(size=(200, 20))
    assert cross_validate_probe(hidden, latents).score[0] == pytest.approx(0.5, abs=0.05)


def test_the_sequence_is_the_group(autocorrelated):
    hidden, latents = autocorrelated
    assert cross_validate_probe(hidden, latents).score[0] < 0.05
    # The same data split by rows: a flexible probe finds neighbours of the same sequence.

    class Nearest(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.X_, self.y_ = X, y
            return self

        def predict(self, X):
            return self.y_[[np.abs(self.X_ - x).sum(axis=1).argmin() for x in X]]

    assert cross_validate_probe(hidden, latents, probe=Nearest()).score[0] < 0.05
    rows, target = hidden.reshape(-1, 8), latents.ravel()
    test = np.arange(len(rows)) % 5 == 0
    leaking = Nearest().fit(rows[~test], target[~test]).predict(rows[test])
    assert r2_score(target[test], leaking) > 0.8


def test_classes_are_scored_by_brier_and_accuracy():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=(60, 30))
    clear = (labels + 0.1 * rng.normal(size=labels.shape))[..., np.newaxis]
    decoded = cross_validate_probe(clear, labels)
    assert decoded.score[0] > 0.97
    assert decoded.accuracy[0] > 0.99
    nothing = cross_validate_probe(rng.normal(size=(60, 30, 2)), labels)
    assert abs(nothing.score[0]) < 0.02
    assert nothing.accuracy[0] == pytest.approx(0.5, abs=0.06)


def test_brier_score_of_classes_is_the_r2_of_probabilities():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=(80, 20))
    hidden = (labels + rng.normal(size=labels.shape))[..., np.newaxis]
    # Bayes: the variance that the posterior explains.
    posterior = 1 / (1 + np.exp(-(hidden[..., 0] - 0.5)))
    bayes = 1 - np.mean((labels - posterior) ** 2) / labels.var()
    assert cross_validate_probe(hidden, labels, burn_in=0).score[0] == pytest.approx(
        bayes, abs=0.01
    )


def test_three_classes_and_constant_latents():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=(40, 10))
    hidden = np.eye(3)[labels]
    both = np.stack([labels, np.ones_like(labels)], axis=2)
    decoded = cross_validate_probe(hidden, both)
    assert decoded.score[0] > 0.99
    assert np.isnan(decoded.score[1])


def test_latent_of_a_sequence_is_broadcast():
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=30)
    hidden = np.broadcast_to(label[:, None, None], (30, 5, 1)) + 0.1 * rng.normal(size=(30, 5, 1))
    assert cross_validate_probe(hidden, label).accuracy[0] == 1.0


def test_rare_class_is_undefined_and_warns():
    hidden = np.random.default_rng(0).normal(size=(20, 5, 2))
    label = np.zeros(20, int)
    label[0] = 1
    with pytest.warns(UserWarning, match="occurs in one sequence only"):
        assert np.isnan(cross_validate_probe(hidden, label).score[0])


def test_a_class_in_one_sequence_leaves_the_others_to_be_scored():
    label = np.repeat([0, 1, 2], [10, 9, 1])
    hidden = np.repeat(np.eye(3)[label][:, np.newaxis], 4, axis=1)
    with pytest.warns(UserWarning, match="Class 2 of latent 0 occurs in one sequence only"):
        decoded = cross_validate_probe(hidden, label)
    # All but the sequence whose class is never seen in training.
    assert decoded.accuracy[0] == 19 / 20
    assert 0.5 < decoded.score[0] < 1


class TwoClasses(DummyClassifier):
    """Refuses to be fitted to one class, as a logistic regression does."""

    def fit(self, X, y):
        assert len(np.unique(y)) > 1
        return super().fit(X, y)


@pytest.mark.parametrize(("n_throughout", "n_once"), [(1, 1), (2, 1), (1, 2), (0, 2), (2, 0)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_training_fold_has_two_classes(n_classes, n_throughout, n_once):
    """Whether rare classes are in a sequence throughout, or at one step of it."""
    rng = np.random.default_rng(0)
    n_rare = (n_classes - 1) * (n_throughout + n_once)
    for n_sequences in range(max(5, n_rare + 2), 10):
        rows = iter(rng.permutation(n_sequences))
        label = np.zeros((n_sequences, 5), int)
        for each in range(1, n_classes):
            for _ in range(n_throughout):
                label[next(rows)] = each
            for _ in range(n_once):
                label[next(rows), rng.integers(1, 5)] = each
        hidden = rng.normal(size=(n_sequences, 5, 1))
        assert np.isfinite(cross_validate_probe(hidden, label, probe=TwoClasses()).score[0])


def test_a_class_that_the_usual_folds_leave_in_one_fold_is_divided():
    hidden = np.random.default_rng(0).normal(size=(5, 5, 2))
    label = np.zeros((5, 5), int)
    label[0, 4] = label[1] = 1
    decoded = cross_validate_probe(hidden, label)
    assert np.isfinite(decoded.score[0])
    # Of 20 rows 15 are of one class; a probe of noise finds about as many.
    assert decoded.accuracy[0] == pytest.approx(0.75, abs=0.2)


def test_a_quantity_that_is_constant_up_to_rounding_has_no_score():
    hidden = np.random.default_rng(0).normal(size=(24, 12, 3))
    latent = np.full((24, 12), 0.3)
    latent[::2] = 0.1 + 0.2
    assert np.ptp(latent) > 0
    assert np.isnan(cross_validate_probe(hidden, latent).score[0])
    # A hundred million times more than rounding is a signal.
    assert cross_validate_probe(hidden, 0.3 + 1e-9 * hidden[..., 0]).score[0] > 0.99


@pytest.mark.parametrize("scale", [1e-300, 1e-165, 1e-30, 1e30, 1e165, 1e300])
def test_scores_do_not_depend_on_the_scale_of_a_quantity(scale):
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(24, 12, 3))
    latents = np.stack([rng.normal(size=(24, 12)), hidden[..., 0] + rng.normal(size=(24, 12))], 2)
    score = cross_validate_probe(hidden, latents).score
    assert score[0] < 0 < 0.4 < score[1]
    assert cross_validate_probe(hidden, latents * scale).score == pytest.approx(score, rel=1e-9)
    power = 2.0 ** np.round(np.log2(scale))
    assert np.array_equal(cross_validate_probe(hidden, latents * power).score, score)


@pytest.mark.parametrize(
    "probe",
    [
        RandomForestRegressor(2, max_depth=2),
        make_pipeline(StandardScaler(), BaggingRegressor(DecisionTreeRegressor(max_features=1), 2)),
    ],
)
def test_random_probes_are_determined_by_random_state(probe):
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(10, 6, 3))

    def score(random_state, probe=probe):
        options = dict(probe=probe, n_splits=2, random_state=random_state)
        return cross_validate_probe(hidden, hidden[..., 0], **options).score[0]

    before = np.random.get_state()
    assert score(0) == score(0)
    assert len({score(seed) for seed in range(3)}) == 3
    assert str(np.random.get_state()) == str(before)
    states = [v for name, v in probe.get_params().items() if name.endswith("random_state")]
    assert states
    assert set(states) == {None}
    fixed = RandomForestRegressor(2, max_depth=2, random_state=7)
    assert score(0, fixed) == score(1, fixed) == score(None, fixed)


def test_controls():
    hidden = np.random.default_rng(0).normal(size=(9, 4, 2))
    other = control_states(hidden, "other_sequence", 0)
    assert (other != hidden).all()
    assert np.array_equal(np.sort(other, axis=0), np.sort(hidden, axis=0))
    noise = control_states(hidden, "noise", 1)
    assert noise.shape == hidden.shape
    assert not np.isin(noise, hidden).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda h: make_probe("ridge"), "kind='ridge'.*continuous"),
        (lambda h: control_states(h, "shuffled"), "kind='shuffled'.*other_sequence"),
        (lambda h: control_states(h[:1], "other_sequence"), "one sequence"),
        (lambda h: cross_validate_probe(h[0], np.zeros(4)), r"hidden has shape \(4, 2\)"),
        (
            lambda h: cross_validate_probe(h, np.zeros((9, 3))),
            r"latents has shape \(9, 3\).*\(9, 4",
        ),
        (lambda h: cross_validate_probe(h[:3], np.zeros((3, 4))), "fewer than n_splits=5"),
        (lambda h: cross_validate_probe(h, np.zeros((9, 4)), burn_in=4), "burn_in=4"),
        *(
            (
                lambda h, n=n: cross_validate_probe(h, np.zeros((9, 4)), burn_in=n),
                f"burn_in={n}.*at least 0",
            )
            for n in (-1, 1.5, True)
        ),
        (
            lambda h: cross_validate_probe(h, np.zeros((9, 4)), n_splits=1),
            "n_splits=1 .*at least 2",
        ),
        (
            lambda h: cross_validate_probe(np.ma.masked_less(h, 0), np.zeros((9, 4))),
            r"hidden\[.*is masked.*and so the latents",
        ),
        (lambda h: cross_validate_probe(h * 1j, np.zeros((9, 4))), "hidden is complex"),
        (lambda h: cross_validate_probe(h * 1e200, np.zeros((9, 4))), "hidden has values.*rescale"),
        (lambda h: cross_validate_probe(h[:, :, :0], np.zeros((9, 4))), "hidden .*at least one"),
        (lambda h: cross_validate_probe(h, np.full((9, 4), np.nan)), "latents contains NaN"),
        (
            lambda h: cross_validate_probe(h * np.inf, np.zeros((9, 4))),
            "hidden contains NaN or inf",
        ),
        (
            lambda h: cross_validate_probe(h, np.array([["a", 1.5] * 2] * 9, object)),
            "Unknown label",
        ),
        (
            lambda h: cross_validate_probe(h, np.zeros((9, 4)), probe=make_probe("discrete")),
            "does not suit the latents, which are quantities",
        ),
    ],
)
def test_errors_name_argument_value_and_remedy(call, message):
    hidden = np.random.default_rng(0).normal(size=(9, 4, 2))
    with pytest.raises(ValueError, match=message):
        call(hidden)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(("n_sequences", "n_steps", "n_hidden"), [(40, 30, 6), (12, 8, 150)])
def test_probes_of_quantities_are_those_of_scikit_learn(n_sequences, n_steps, n_hidden, scale):
    """From sums and products as from pipelines, also of columns constant or nearly equal."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(n_sequences, n_steps, n_hidden)).cumsum(axis=1)
    latents = hidden[..., :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(n_sequences, n_steps, 2))
    hidden *= scale
    hidden[..., 0] = 3.7
    hidden[..., 1] += 100 * scale
    hidden[..., 3] = hidden[..., 2] * (1 + 1e-9 * rng.normal(size=(n_sequences, n_steps)))
    missing = rng.random((n_sequences, n_steps)) < 0.2
    missing[:, :2] = False
    groups = np.arange(n_sequences) // 2
    for options in ({}, {"groups": groups}, {"observed": ~missing, "groups": groups}):
        scores = [
            cross_validate_probe(hidden, latents, probe=probe, **options).score
            for probe in ("auto", make_probe())
        ]
        np.testing.assert_allclose(*scores, rtol=0, atol=1e-9)


def _dead(hidden):
    """A unit that is zero in all sequences but one, which is left out with its fold."""
    hidden[..., 0] *= np.arange(len(hidden))[:, np.newaxis] == len(hidden) - 1


def _constant_elsewhere(hidden):
    hidden[..., 0] = np.where(np.arange(len(hidden))[:, np.newaxis] == 3, 1e6 * hidden[..., 0], 0.1)


def _away(hidden):
    hidden += 1e8


def _hardly_varies(hidden):
    hidden[..., 0] = 5 + 1e-12 * hidden[..., 0]


def _rounding(hidden):
    hidden[..., 0] = 5 + 1e-15 * hidden[..., 0]


def _units(hidden):
    hidden *= np.logspace(-100, 100, hidden.shape[2])


def _collinear(hidden):
    hidden[..., 1] = hidden[..., 0]
    hidden[..., 2] = hidden[..., 0] + 1e-8 * hidden[..., 2]


def _drifts(hidden):
    hidden += 1e6 * np.arange(len(hidden))[:, np.newaxis, np.newaxis]


@pytest.mark.parametrize("n_hidden", [6, 400])
@pytest.mark.parametrize(
    "change",
    [_dead, _constant_elsewhere, _away, _hardly_varies, _rounding, _units, _collinear, _drifts],
)
def test_hard_states_are_probed_as_by_scikit_learn(change, n_hidden):
    """With more rows than units, and with fewer."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(20, 15, n_hidden))
    latents = hidden[..., :6] @ rng.normal(size=(6, 2)) + rng.normal(size=(20, 15, 2))
    change(hidden)
    scores = [
        cross_validate_probe(hidden, latents, probe=probe).score for probe in ("auto", make_probe())
    ]
    np.testing.assert_allclose(*scores, rtol=1e-9, atol=1e-9)


def test_several_states_are_probed_together_as_alone():
    rng = np.random.default_rng(0)
    states = [rng.normal(size=(12, 9, n)) for n in (3, 5)]
    observed = rng.random((12, 9)) < 0.8
    observed[:, 1] = True
    for latents in (states[0] @ rng.normal(size=(3, 2)), (states[0] > 0).astype(int)):
        for found, hidden in zip(
            score_probes(states, latents, observed=observed), states, strict=True
        ):
            alone = cross_validate_probe(hidden, latents, observed=observed)
            assert np.array_equal(found.score, alone.score)


@pytest.mark.parametrize("n_hidden", [60, 250])
def test_the_best_penalty_counts_for_each_latent(n_hidden):
    """With more rows than units, and with fewer."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(20, 10, n_hidden))
    latents = np.stack([hidden @ rng.normal(size=n_hidden), rng.normal(size=(20, 10))], axis=2)
    each = [
        cross_validate_probe(hidden, latents, probe=make_probe(penalty=penalty)).score
        for penalty in (1.0, 100.0)
    ]
    assert each[0][0] > each[1][0]
    assert each[0][1] < each[1][1]
    np.testing.assert_allclose(
        score_probe(hidden, latents, penalties=(1.0, 100.0)).score, np.max(each, axis=0), atol=1e-9
    )
