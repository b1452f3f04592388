"""RankMe and participation ratio: closed forms, what noise has, and what is refused."""

from itertools import permutations

import numpy as np
import pytest
import torch

from sklearn_emerge.geometry import participation_ratio, rankme, rankme_of_noise


def states_with(values, n=40, d=30, seed=0):
    """Return centred states with given singular values, in random directions."""
    rng = np.random.default_rng(seed)
    left = rng.normal(size=(n, len(values)))
    left, _ = np.linalg.qr(left - left.mean(axis=0))
    right, _ = np.linalg.qr(rng.normal(size=(d, len(values))))
    return left * values @ right.T


def noise(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


class TestRankMe:
    @pytest.mark.parametrize("k", [1, 2, 7, 20])
    def test_equal_singular_values_count(self, k):
        assert rankme(states_with(np.full(k, 3.0))) == pytest.approx(k, rel=1e-12)

    def test_two_and_one(self):
        assert rankme(states_with([2.0, 1.0])) == pytest.approx(3 / 2 ** (2 / 3), rel=1e-12)
        assert round(rankme(states_with([2.0, 1.0])), 5) == 1.88988

    @pytest.mark.parametrize(("q", "known"), [(0.5, 4.0), (0.9, 25.8117)])
    def test_geometric_singular_values(self, q, known):
        closed = np.exp(-np.log(1 - q) - q * np.log(q) / (1 - q))
        assert closed == pytest.approx(known, abs=1e-4)
        # The last of 300 are 1e-14 of the first; of q = 1/2, 45 are.
        n = {0.5: 45, 0.9: 300}[q]
        assert rankme(states_with(q ** np.arange(n), 320, 310)) == pytest.approx(closed, rel=1e-9)

    def test_equidistant_clusters_have_two_directions(self):
        Z = np.repeat(np.eye(3), 20, axis=0)
        assert rankme(Z) == pytest.approx(2, rel=1e-12)
        # Others have less.
        assert rankme(Z * [1, 1, 3]) < 1.99

    def test_rows_that_do_not_differ_have_none(self):
        """Naively their rounding errors have."""
        Z = np.tile(1e3 * noise(1, 128), (200, 1))
        errors = np.linalg.svd(Z - Z.mean(axis=0), compute_uv=False)
        assert errors[0] > 0
        assert rankme(Z) == 0
        assert rankme(Z.astype(np.float32)) == 0
        assert rankme(Z, center=False) == pytest.approx(1)
        assert rankme(np.zeros((5, 3)), center=False, eps=1e-7) == 0

    def test_scale_rotation_and_shift_do_not_matter(self):
        Z = noise(50, 8) * np.arange(1, 9)
        turn, _ = np.linalg.qr(noise(8, 8, 1))
        assert rankme(5e-3 * Z @ turn + 2) == pytest.approx(rankme(Z), rel=1e-10)
        assert rankme(Z + 100, center=False) < 0.9 * rankme(Z)

    @pytest.mark.parametrize(("d", "known"), [(128, 1.0002), (768, 1.0012)])
    def test_form_of_garrido_reads_more_than_one_direction(self, d, known):
        Z = np.outer(noise(1000, 1)[:, 0], noise(1, d, 1)[0])
        assert rankme(Z, center=False) == pytest.approx(1, abs=1e-10)
        assert round(rankme(Z, center=False, eps=1e-7), 4) == known

    @pytest.mark.parametrize(("n", "known"), [(50, 22.6), (100, 38.6), (200, 50.9), (1000, 57.1)])
    def test_few_rows_hide_weak_directions(self, n, known):
        """Five strong directions, and noise of 5% in 128."""
        found = [
            rankme(np.c_[noise(n, 5, 2 * i), np.zeros((n, 123))] + 0.05 * noise(n, 128, 2 * i + 1))
            for i in range(8)
        ]
        assert np.mean(found) == pytest.approx(known, abs=1)


class TestRankMeOfNoise:
    @pytest.mark.parametrize(
        ("n", "d", "known"),
        [
            (200, 64, 61.15),
            (200, 128, 115.1),
            (200, 256, 173.1),
            (200, 512, 188.0),
            (200, 768, 192.0),
            (1000, 128, 125.9),
            (1000, 768, 669.5),
        ],
    )
    def test_known_values(self, n, d, known):
        assert rankme_of_noise(n, d) == pytest.approx(known, abs=0.06)

    def test_square_matrices(self):
        assert rankme_of_noise(1001, 1000) / 1000 == pytest.approx(0.80504, abs=1e-5)

    @pytest.mark.parametrize(("n", "d"), [(3, 100), (11, 10), (50, 2), (20, 8), (200, 128)])
    def test_it_is_what_noise_has(self, n, d):
        found = [rankme(noise(n, d, i)) for i in range(100 if n < 100 else 5)]
        assert rankme_of_noise(n, d) == pytest.approx(np.mean(found), abs=0.2)

    def test_one_direction(self):
        assert rankme_of_noise(2, 100) == rankme_of_noise(100, 1) == 1

    @pytest.mark.parametrize(
        ("n", "d", "message"), [(1, 5, "n=1 must be an integer of at least 2"), (5, 0, "d=0 must")]
    )
    def test_too_small(self, n, d, message):
        with pytest.raises(ValueError, match=message):
            rankme_of_noise(n, d)


class TestParticipationRatio:
    def test_both_parts_are_means_over_all_different_rows(self):
        """They are unbiased: (tr C)^2 and tr C^2 from each four rows that differ."""
        Z = noise(7, 3) * [3, 2, 1]
        tops, bottoms = [], []
        for i, j, k, m in permutations(range(7), 4):
            one, two = Z[i] - Z[j], Z[k] - Z[m]
            tops.append((one @ one) * (two @ two) / 4)
            bottoms.append((one @ two) ** 2 / 4)
        assert participation_ratio(Z) == pytest.approx(np.mean(tops) / np.mean(bottoms), rel=1e-12)

    def test_noise_has_all_directions_whatever_the_rows(self):
        found = np.array([participation_ratio(noise(200, 768, i)) for i in range(8)])
        assert found.mean() == pytest.approx(768, abs=4 * 7 / np.sqrt(8))
        assert found.std() < 14
        plain = participation_ratio(noise(200, 768), corrected=False)
        assert plain == pytest.approx(158, abs=1)
        assert plain == pytest.approx(1 / (1 / 200 + 1 / 768), rel=0.01)

    def test_plain_ratio_of_known_variances(self):
        Z = states_with(np.sqrt([3.0, 2.0, 1.0]))
        assert participation_ratio(Z, corrected=False) == pytest.approx(36 / 14, rel=1e-12)

    def test_more_units_than_rows_or_fewer(self):
        Z = noise(30, 12)
        wide = np.c_[Z, np.zeros((30, 40))]
        assert participation_ratio(wide) == pytest.approx(participation_ratio(Z), rel=1e-12)

    def test_rows_that_do_not_differ_have_none(self):
        assert participation_ratio(np.tile(1e3 * noise(1, 20), (50, 1))) == 0

    @pytest.mark.parametrize("n", [4, 5, 9, 100])
    def test_rows_at_right_angles_have_no_end(self, n):
        assert np.isnan(participation_ratio(0.3 * np.eye(n)))
        assert participation_ratio(np.eye(n), corrected=False) == pytest.approx(n - 1)


@pytest.mark.parametrize("measure", [rankme, participation_ratio])
@pytest.mark.parametrize(
    ("Z", "message"),
    [
        (noise(1, 5), r"Z has 1 row\(s\), and at least"),
        (noise(5, 3)[0], r"Z has shape \(3,\).*n_rows, n_units"),
        (np.zeros((4, 3, 2)), r"shape \(4, 3, 2\).*Z\[:, step\]"),
        (np.zeros((4, 0)), r"shape \(4, 0\)"),
        ([[1, 2], [3, np.nan], [1, 2], [2, 2]], "contains NaN or inf"),
        ([["a"]], "pass numbers"),
        (torch.ones(4, 2, dtype=torch.bfloat16), "half precision.*bfloat16.*float()"),
        (np.ones((4, 2), np.float16), "half precision"),
        (torch.ones(4, 2, requires_grad=True), "Z.detach()"),
    ],
)
def test_states_that_are_none_are_refused(measure, Z, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        measure(Z)


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="eps=-1 must be at least 0"):
        rankme(noise(5, 3), eps=-1)
    with pytest.raises(ValueError, match="eps='small' must be at least 0"):
        rankme(noise(5, 3), eps="small")
    with pytest.raises(ValueError, match="at least 4 are needed"):
        participation_ratio(noise(3, 3))
    assert participation_ratio(noise(3, 3), corrected=False) > 0


def test_tensors_are_states():
    Z = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
    assert rankme(Z) == rankme(Z.numpy())
