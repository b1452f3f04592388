"""
How often is a verdict wrong?
=============================

Where the truth is known, whole assessments are simulated, and verdicts are counted.
This picture shows how often *operator* is said.
Red are worlds and recordings in which no network can be one, blue are worlds in which networks are.
The rates are what ``make test-slow`` measured.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from scipy.stats import binomtest

rows = []
for kind in (
    "what_is_no_operator_is_not_called_one",
    "operators_are_found",
):
    for path in sorted(
        Path("../../datasets/calibration").glob(f"{kind}-*.csv")
    ):
        table = pd.read_csv(path)
        n = table.assessments.iloc[0]
        said = round(
            table.rate[table.test.str.startswith("operator")].sum() * n
        )
        low, high = binomtest(said, n).proportion_ci()
        rows.append((kind, table.setting[0], said / n, low, high, n))
rates = pd.DataFrame(
    rows, columns=["kind", "setting", "rate", "low", "high", "n"]
)

figure, ax = plt.subplots(figsize=(9, 6.5), layout="constrained")
for (kind, group), color in zip(
    rates.groupby("kind", sort=False), ("C3", "C0"), strict=True
):
    bars = [group.rate - group.low, group.high - group.rate]
    ax.errorbar(
        group.rate,
        group.setting,
        xerr=bars,
        fmt="o",
        color=color,
        label=kind.replace("_", " "),
    )
ax.invert_yaxis()
ax.set_xlabel(
    "share of assessments that say operator, with its 95% interval"
)
figure.legend(loc="outside upper right", ncols=2)

# %%
# Of all assessments without an operator a single one said so.
# A wide bar says that few assessments were simulated.
# Settings in which it is a close call are left out here; rates of these are stored as well.

wrong = rates[rates.kind != "operators_are_found"]
assert (wrong.rate * wrong.n).sum() == 1
assert (rates.rate[rates.kind == "operators_are_found"] >= 0.9).all()
