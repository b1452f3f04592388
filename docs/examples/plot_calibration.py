"""
How often is a verdict wrong?
=============================

Where the truth is known, whole assessments are simulated, and verdicts are counted.
This picture shows how often *operator* is said.
In some worlds and recordings no network can be one, in others networks are.
The rates are what ``make test-slow`` measured.
"""

from pathlib import Path

import pandas as pd

from sklearn_emerge import RatesDisplay

kinds = {
    "there is none": "what_is_no_operator_is_not_called_one",
    "there is one": "operators_are_found",
}
rows = []
for kind, name in kinds.items():
    for path in sorted(
        Path("../../datasets/calibration").glob(f"{name}-*.csv")
    ):
        table = pd.read_csv(path)
        said = table.rate[table.test.str.startswith("operator")].sum()
        first = table.iloc[0]
        rows.append((kind, first.setting, said, first.assessments))
rates = pd.DataFrame(
    rows, columns=["kind", "setting", "rate", "assessments"]
)
display = RatesDisplay.from_table(rates, what="called operator")

# %%
# Of all assessments without an operator a single one said so.
# A wide bar says that few assessments were simulated.
# Settings in which it is a close call are left out here; rates of these are stored as well.

wrong = rates[rates.kind == "there is none"]
assert round((wrong.rate * wrong.assessments).sum()) == 1
assert (rates.rate[rates.kind == "there is one"] >= 0.9).all()
