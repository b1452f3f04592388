"""The values of docs/templates/calibration.md: what tests and verdicts do where the truth is known."""

from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

from sklearn_emerge.inference import smallest_p_value

CALIBRATION = Path(__file__).parent.parent / "datasets" / "calibration"
# In words, the files and the test that are meant. Where nothing is to be found ...
_LEVELS = {
    "step of an emergence curve, smooth curves": (
        "a_step_is_found_where_there_is_one_only.csv",
        "steeper than smooth",
    ),
    "step of an emergence curve, networks that jump one by one": (
        "networks_that_jump_*.csv",
        "steeper than smooth",
    ),
    "claim of prediction, no gain at a margin of 0": (
        "recordings_at_the_boundary.csv",
        "prediction",
    ),
    "sign flips of sequences, two independent AR(1)": (
        "permuting_rows_*.csv",
        "signs of sequences",
    ),
    "corrected resampled test, independent recordings": (
        "more_splits_*-recordings.csv",
        "corrected resampled",
    ),
    "corrected resampled test, recordings in groups": (
        "more_splits_*-groups.csv",
        "corrected resampled",
    ),
    "corrected resampled test, 5 folds": ("splits_of_*-5-fold.csv", "corrected"),
    "corrected resampled test, random splits of 40 units": ("splits_of_*-random.csv", "corrected"),
}
# ... what another rule would find there ...
_OTHERS = {
    "rows permuted, two independent AR(1)": ("permuting_rows_*.csv", "permuting rows"),
    "data shared by all seeds": ("seeds_that_share_*.csv", "gain_over_null_resample"),
    "groups of recordings ignored": ("more_splits_*-groups_ignored.csv", "corrected resampled"),
    "sign flips of 5 folds": ("splits_of_*-5-fold.csv", "sign_flip_test"),
    "sign flips of random splits": ("splits_of_*-random.csv", "sign_flip_test"),
}
# ... and where there is a step.
_STEPS = ("a_step_is_found_where_there_is_one_only.csv", "a_step_of_networks_*.csv")
_SHARP = "sharpness|at one size"


def read(*patterns):
    """Return the rows of files of these names; none if nothing was measured."""
    paths = [path for pattern in patterns for path in sorted(CALIBRATION.glob(pattern))]
    columns = ["setting", "test", "rate", "assessments"]
    return pd.concat(map(pd.read_csv, paths)) if paths else pd.DataFrame(columns=columns)


def rates_of(tests):
    """Return the least and the largest rate of each test, over its settings."""
    rows = []
    for words, (pattern, test) in tests.items():
        found = read(pattern)
        found = found[(found.test == test) & ~found.setting.str.contains(_SHARP)]
        most = found.iloc[found.rate.argmax()]
        count, of = round(most.rate * most.assessments), int(most.assessments)
        rows.append(
            {
                "test": words,
                "settings": len(found),
                "simulations of each": found.assessments.max(),
                "least": found.rate.min(),
                "largest": most.rate,
                "limit": binomtest(count, of).proportion_ci().high,
            }
        )
    return pd.DataFrame(rows)


def steps_found():
    """Return how often a step was found where there is one."""
    found = read(*_STEPS)
    found = found[found.setting.str.contains(_SHARP)]
    return found.drop(columns="test").rename(columns={"rate": "found"})


def random_splits():
    """Return how often the corrected test rejects, by the number of random splits."""
    found = read("splits_of_*-random.csv")
    found = found[found.test == "corrected"]
    n_splits = found.setting.str.extract(r"(\d+) random")[0].astype(int)
    return dict(zip(n_splits, found.rate, strict=True))


def given(pattern, verdict):
    """Return how many assessments of each setting were given a verdict, and out of how many."""
    rates = read(pattern)
    said = rates.test.str.startswith(verdict)
    count = (rates.rate * rates.assessments).where(said, 0)
    by_setting = rates.assign(given=count.round().astype(int)).groupby("setting")
    of = by_setting.assessments.first()
    # Rows of one setting may be out of different numbers.
    meant = rates[said].groupby("setting").assessments.first()
    of = meant.reindex(of.index).fillna(of).astype(int)
    return pd.DataFrame({"given": by_setting.given.sum(), "of": of})


def with_limits(counts):
    """Return counts as a table, with exact limits of 95%."""
    limits = [binomtest(k, n).proportion_ci() for k, n in zip(counts.given, counts.of, strict=True)]
    shown = [f"{low:.3f} to {high:.3f}" for low, high in limits]
    return pd.DataFrame(
        {
            "setting": counts.index,
            "called operator": counts.given.values,
            "of": counts.of.values,
            "limits": shown,
        }
    )


def verdict_rates():
    """Return how verdicts are given where there is an operator, and where there is none."""
    none = given("what_is_no_operator_*.csv", "operator")
    undecided = given("what_is_no_operator_*.csv", "undecided")
    highest = [
        binomtest(k, n).proportion_ci().high for k, n in zip(none.given, none.of, strict=True)
    ]
    found, close = (
        given("operators_are_found-*.csv", "operator"),
        given("what_is_close_*.csv", "op"),
    )
    false = with_limits(none)
    false["undecided"] = (undecided.given / undecided.of).map("{:.0%}".format).values
    return {
        "settings": len(none),
        "assessments": int(none.of.sum()),
        "called": none.given,
        "highest": pd.Series(highest, none.index),
        "undecided": undecided.given / undecided.of,
        "false": false,
        "found": found,
        "missed": given("operators_are_found-*.csv", "undecided"),
        "close": close,
        "close_undecided": given("what_is_close_*.csv", "undecided"),
        "power": with_limits(pd.concat([found, close])),
        "representations": given("what_is_no_representation_*.csv", "representation"),
        "lack": given("what_is_no_operator_*.csv", "prediction or core does not"),
    }


def calibration_values():
    """Return the named values."""
    return {
        "smallest_p_of_five": smallest_p_value(5),
        "levels": rates_of(_LEVELS),
        "random_splits": random_splits(),
        "others": rates_of(_OTHERS),
        "steps": steps_found(),
        "verdicts": verdict_rates(),
        "all": read("*.csv"),
    }
