"""Rates of simulations beside a level."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_checks import check_texts
from scipy.stats import beta

from sklearn_emerge import RatesDisplay

pytestmark = pytest.mark.usefixtures("close_figures")
TABLE = pd.DataFrame(
    {
        "kind": ["none", "none", "some"],
        "setting": ["white noise", "cycle", "oscillator"],
        "rate": [0.0, 0.05, 0.9],
        "assessments": [200, 100, 20],
    }
)


def test_bars_are_the_intervals_of_clopper_and_pearson():
    display = RatesDisplay.from_table(TABLE, nominal=0.05, what="false verdicts")
    k, n = np.array([0, 5, 18]), np.array([200, 100, 20])
    low = np.where(k == 0, 0, beta.ppf(0.025, np.maximum(k, 1), n - k + 1))
    high = beta.ppf(0.975, k + 1, n - k)
    np.testing.assert_allclose(display.table.low, low, atol=1e-9)
    np.testing.assert_allclose(display.table.high, high, atol=1e-9)
    bars = np.concatenate([lines.get_segments() for lines in display.ax_.collections])
    np.testing.assert_allclose(bars[:, :, 0], np.transpose([low, high]), atol=1e-9)
    dots = [line.get_xdata() for line in display.ax_.lines if line.get_marker() == "o"]
    assert np.concatenate(dots).tolist() == [0.0, 0.05, 0.9]
    assert [line.get_xdata()[0] for line in display.ax_.lines if line.get_ls() == "--"] == [0.05]
    (names,) = display.figure_.legends
    assert [text.get_text() for text in names.get_texts()] == [
        *("nominal level, 0.05", "none", "some"),
    ]
    assert "3 settings, 0 to 0.9, nominal 0.05" in repr(display)
    check_texts(display.figure_)


def test_the_counts_are_at_the_right():
    ax = RatesDisplay.from_table(TABLE).ax_
    (counts,) = ax.child_axes
    assert [text.get_text() for text in counts.get_yticklabels()] == [
        *("0 of 200", "5 of 100", "18 of 20"),
    ]


def test_names_of_other_axes_are_not_its_own():
    figure, (other, ax) = plt.subplots(1, 2)
    other.plot([0, 1], label="something else")
    RatesDisplay.from_table(TABLE, ax=ax)
    (names,) = figure.legends
    assert [text.get_text() for text in names.get_texts()] == ["none", "some"]


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (TABLE.drop(columns="rate"), {}, "table has no column 'rate'; pass a DataFrame"),
        (TABLE[:0], {}, "table has no rows"),
        (TABLE.assign(rate=1.2), {}, "rate=1.2 in 'white noise' is none of 200"),
        (TABLE.assign(rate=0.123), {}, "rate=0.123 in 'white noise' is none of 200"),
        (TABLE.assign(rate=0, assessments=10.5), {}, "rate=0 in 'white noise' is none of 10.5"),
        (TABLE.assign(kind=["none", None, "some"]), {}, "'cycle' has no kind"),
        (
            TABLE.assign(setting="cycle", test=["a", "b", "c"]),
            {},
            r"'cycle' stands in 2 rows; select one test, as by table\[table\['test'\] == 'a'\]",
        ),
        (TABLE.assign(setting="cycle"), {}, "'cycle' stands in 2 rows; give each row another"),
        (TABLE, {"nominal": 5}, "nominal=5 is no share"),
        (TABLE, {"nominal": "5%"}, "nominal='5%' is no share"),
        (TABLE, {"confidence": 95}, "confidence=95 is no share"),
    ],
)
def test_what_is_no_rate_is_refused(table, options, said):
    with pytest.raises(ValueError, match=said):
        RatesDisplay.from_table(table, **options)
