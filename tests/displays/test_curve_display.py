"""Accuracy against capacity with its fitted curve."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figure_checks import check_texts, names_beside

from sklearn_emerge import EmergenceCurve, EmergenceCurveDisplay

pytestmark = pytest.mark.usefixtures("close_figures")


def test_emergence_curve_display_writes_its_location():
    X = np.array([1, 4, 16, 64, 256.0])
    curve = EmergenceCurve().fit(X[:, np.newaxis], 1 / (1 + (X / 20) ** -2))
    display = EmergenceCurveDisplay.from_estimator(curve, label="width")
    (said,) = display.ax_.get_legend().get_texts()
    low, high = curve.interval("location")
    assert said.get_text() == f"width: location 20 (95%: {low:.3g} to {high:.3g})"
    assert "location 20" in repr(display)
    assert [t.get_text() for t in display.ax_.get_xticklabels() if t.get_text()]
    check_texts(display.figure_)


def test_a_fitted_curve_says_what_it_found():
    X = np.array([1, 4, 16, 64, 256.0])
    curve = EmergenceCurve(chance=0.1)
    assert repr(curve) == "EmergenceCurve(chance=0.1)"
    curve = EmergenceCurve().fit(X, 1 / (1 + (X / 20) ** -2))
    assert repr(curve) == "<EmergenceCurve() fitted to 5 points: location 20, sharpness 2>"


def test_the_figure_of_a_curve_names_its_location_and_its_bands():
    X = np.array([1, 4, 16, 64, 256.0])
    curve = EmergenceCurve().fit(X, 1 / (1 + (X / 20) ** -2))
    ax = EmergenceCurveDisplay.from_estimator(curve, confidence=0.9).ax_
    names = names_beside(ax)
    assert "location" in names
    assert any(text.startswith("5 points. Curve and band: fitted, pointwise 90%") for text in names)
    # Several curves may be drawn into given axes: what a footer says of one is not true of all.
    _, ax = plt.subplots()
    for label in ("one", "two"):
        EmergenceCurveDisplay.from_estimator(curve, label=label, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["location", "location"]
