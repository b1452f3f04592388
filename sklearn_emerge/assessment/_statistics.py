"""From what was measured to every statistic of a cube: gains, claims, verdicts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints

from .. import __version__
from .._docs import fill_doc
from .._names import did_you_mean
from ..inference import check_alpha, check_correction
from ..inference._labelled import INTERVALS
from ._assembly import compare
from ._claims import check_claims, decide_claims
from ._cube import CLAIM_VARIABLES, check_configured, cube_of, name_variables
from ._labels import grid_of
from ._verdict import judge
from ._words import has_own_baselines

if TYPE_CHECKING:
    from ._cube import CubeSource

# What follows from the other variables of a cube, and is computed anew.
STATISTICS = (
    "nll_reference",
    "nll_best_baseline",
    "delta_nll",
    "delta_nll_baseline",
    "efficiency",
    "efficiency_beyond_baseline",
    *(
        f"{of}_reservoir_size{end}"
        for of in ("equivalent", "flow")
        for end in ("", "_low", "_high")
    ),
    "operator_skill",
    "ci_low",
    "ci_high",
    "p_value",
    "p_value_adjusted",
    *CLAIM_VARIABLES,
    "verdict",
    "verdict_reason",
)
# By what a cube is judged. The other parameters of an assessment say what is measured.
JUDGED_BY: dict[str, Any] = {
    "claims": [str, "array-like"],
    "margin": [Interval(Real, 0, None, closed="left")],
    "operator_margin": [Interval(Real, 0, 1, closed="both")],
    "probe_margin": [Interval(Real, 0, 1, closed="left")],
    "n_flips": [Interval(Integral, 1, None, closed="left"), None],
    "interval": [StrOptions(set(INTERVALS))],
}
_SETTINGS = ("alpha", "correction", *JUDGED_BY)


@fill_doc
def judge_cube(cube: CubeSource, **settings: Any) -> xr.Dataset:
    r"""Judge a cube again: compute every statistic from what its cells have measured.

    Nothing is trained, and nothing of the old statistics is used. The measurements stay as they
    are, and so do the names of reference and best baseline, which were chosen on training
    sequences. Gains over the reference and their intervals, claims, p-values and verdicts follow
    from them as in `EmergenceAssessment`.

    Parameters
    ----------
    cube : xarray.Dataset, path-like or EmergenceAssessment
        %(cube)s
        A part of a cube is judged by its own seeds, and corrected over its own configurations.
    **settings
        Parameters of `EmergenceAssessment` to judge by: `alpha`, `correction`, `n_flips`,
        `interval`, `claims`, `margin`, `probe_margin` or `operator_margin`. What is not passed
        stays as it was.

    Returns
    -------
    xarray.Dataset
        A new cube, whose configuration has these settings. Its history says that it was judged
        again.

    Raises
    ------
    NotFittedError
        If it is an assessment that has not been fitted.
    FileNotFoundError
        If there is no such file.
    TypeError
        If another setting is passed.
    ValueError
        If it is not a cube, has lost its configuration, or a setting is not as described.

    See Also
    --------
    concat_cubes : Join the seeds, or the configurations, of several cubes.

    Notes
    -----
    A level, a margin or a correction that is chosen after the verdicts were seen has none of the
    guarantees of one that was chosen before.

    Examples
    --------
    >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, judge_cube
    >>> cube = EmergenceAssessment(
    ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=5), n_train=20, n_eval=10,
    ...     nulls=(), baselines=("mean", "linear_filter"), reservoir_sizes=None, probe=None,
    ...     random_state=0, progress=False,
    ... ).fit().cube_
    >>> cube.claim_state.sel(claim="prediction").item()
    'fails'
    >>> judge_cube(cube, margin=10, alpha=0.1).claim_state.sel(claim="gain").item()
    'fails'
    >>> judge_cube(cube.isel(seed=slice(3))).verdict_reason.item().partition(":")[0]
    'too few seeds or sign flips'
    """
    for name in settings:
        if name not in _SETTINGS:
            raise TypeError(
                f"judge_cube has no setting {name!r}; choose from {', '.join(_SETTINGS)}. Other "
                "parameters of an assessment say what is measured, which takes another fit."
                f"{did_you_mean(name, _SETTINGS)}"
            )
    check_alpha(settings.get("alpha", 0.5))
    check_correction(settings.get("correction"))
    constraints = {name: JUDGED_BY[name] for name in settings if name in JUDGED_BY}
    given = {name: settings[name] for name in constraints}
    validate_parameter_constraints(constraints, given, caller_name="judge_cube")
    if "claims" in settings:
        settings["claims"] = check_claims(settings["claims"])
    cube = check_configured(cube_of(cube))
    return recomputed(measured(cube), "judged again", **settings)


def measured(cube: xr.Dataset) -> xr.Dataset:
    """Return what the cells of a cube have measured, without what follows from it."""
    return cube.drop_vars([*STATISTICS, "claim"], errors="ignore")


def recomputed(cube: xr.Dataset, what: str, **settings: Any) -> xr.Dataset:
    """Return a cube whose statistics are computed anew, and whose history and settings say so."""
    run = json.loads(cube.attrs["configuration"]) | settings
    run["n_seeds"] = cube.sizes["seed"]
    run["n_configurations"] = int(np.prod([cube.sizes[dim] for dim in grid_of(cube)]))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    history = f"{cube.attrs.get('history', '')}\n{now} {what} by sklearn_emerge {__version__}"
    attributes = {"configuration": json.dumps(run, sort_keys=True), "history": history.lstrip()}
    return add_statistics(cube.assign_attrs(attributes))


def add_statistics(cube: xr.Dataset) -> xr.Dataset:
    """Return a cube of measurements with all that follows from them.

    Parameters
    ----------
    cube : xarray.Dataset
        What cells have measured, with the configuration of the assessment, see `annotate`.

    Returns
    -------
    xarray.Dataset
        With gains, claims and verdicts.
    """
    run = json.loads(cube.attrs["configuration"])
    units, claims = run.get("units"), check_claims(run["claims"])
    tests: dict[str, Any] = {name: run[name] for name in ("alpha", "correction", "n_flips")}
    tests["units"] = None if units is None else tuple(units)
    cube = compare(cube.copy(), run["interval"], **tests)
    cube = cube.merge(
        decide_claims(
            cube,
            claims=claims,
            margins=(run["margin"], run["probe_margin"]),
            operator_margin=run["operator_margin"],
            **tests,
        )
    )
    told: dict[str, Any] = {"given": "given_networks" in run}
    told["own_baselines"] = has_own_baselines(run)
    verdicts = judge(cube, claims=claims, margin=run["margin"], **told, **tests)
    return name_variables(cube.merge(verdicts))
