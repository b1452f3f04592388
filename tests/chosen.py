"""Cubes whose numbers are chosen, for tests of what is said of them."""

import json

import numpy as np
import xarray as xr

from sklearn_emerge.assessment._claims import CLAIMS, decide_claims
from sklearn_emerge.assessment._flow import skills
from sklearn_emerge.assessment._verdict import judge

# Losses of the trained network, its untrained core, and the trained network in the null; the
# best baseline and the reference have fixed ones.
REFERENCE, BEST, NULL = 1.0, 0.5, 2.0
OPERATOR = {"full": 0.3, "readout": 0.6, "null": 2.0, "memory": (0.2, 0.2)}
# Errors of networks that are left alone, and of what they are compared with.
FLOW = {
    "full": 0.1,
    "readout": 0.8,
    "resample": 0.9,
    "linear": 0.4,
    "reservoir": 0.3,
    "optimal": 0.05,
}


def cube_of(
    full=0.3,
    readout=0.6,
    null=2.0,
    memory=(0.2, 0.2),
    probes=None,
    n_seeds=6,
    optimal=0.2,
    flow=None,
    target="flow",
):
    """Return what an assessment has measured, with a little noise of each seed on top."""
    noise = 0.002 * np.random.default_rng(0).standard_normal((2, 2, n_seeds))
    nll = np.array([[full, readout], [null, null]])[..., np.newaxis] + noise
    cube = xr.Dataset(
        {
            "nll": (("condition", "mode", "seed"), nll),
            "nll_reference": (("condition", "seed"), np.full((2, n_seeds), [[REFERENCE], [NULL]])),
            "nll_best_baseline": (("condition", "seed"), np.full((2, n_seeds), [[BEST], [NULL]])),
            "best_baseline": ("condition", np.array(["linear_filter"] * 2, "O")),
            "status": (("condition", "mode", "seed"), np.full(nll.shape, "ok", "O")),
            "nll_optimal": (("condition", "seed"), np.full((2, n_seeds), optimal)),
            "ceiling": ("condition", np.array(["exact"] * 2, "O")),
        },
        coords={"condition": ["structured", "resample"], "mode": ["full", "readout"]},
    )
    if memory is not None:
        without, rise = memory
        curve = np.array([full + without, full])[:, np.newaxis] + np.zeros((2, 1, n_seeds))
        exchange = np.array([full, rise])[:, np.newaxis] + np.zeros((2, 1, n_seeds))
        cube["nll_memory"] = (("mode", "window", "seed"), curve)
        cube["state_exchange"] = (("mode", "exchange", "seed"), exchange)
        cube = cube.assign_coords(window=[1, 20], exchange=["loss", "rise"])
    if probes is not None:
        for name, values in probes.items():
            values = np.array(values)[..., np.newaxis] + noise[0, 0]
            dims = ("latent", "seed") if values.ndim == 2 else ("mode", "latent", "seed")
            if dims[0] == "mode":
                values, dims = np.stack([values, 0 * values]), ("condition", *dims)
            cube[name] = (dims, values)
        cube = cube.assign_coords(latent=["x", "y"])
    return cube if flow is None else with_flow(cube, flow, target)


def with_flow(cube, flow, target="flow"):
    """Add errors of networks that are left alone, larger by 1% in each further seed."""
    seeds = 1.01 ** np.arange(cube.sizes["seed"])

    def errors(error):
        # Those over shorter horizons have no say.
        return error * seeds[:, np.newaxis, np.newaxis] * np.array([[7.0, 1.0], [7.0, 1.0]])

    nulls = [flow[null] for null in cube.condition.values[1:]]
    arms = np.array([[errors(flow["full"]), errors(flow["readout"])]])
    arms = np.concatenate([arms, [[errors(e), np.full((len(seeds), 2, 2), np.nan)] for e in nulls]])
    dims = "seed", "prompt", "horizon"
    cube["flow_error"] = (("condition", "mode", *dims), arms)
    for name in ("linear", "reservoir", "optimal"):
        if name in flow:
            cube[f"flow_error_{name}"] = (dims, errors(flow[name]))
    cube["flow_target"] = np.array(target, "O")
    return cube.assign_coords(prompt=[4, 8], horizon=[1, 16])


def judged(
    cube,
    claims=tuple(CLAIMS),
    margin=0.01,
    probe_margin=0.05,
    operator_margin=0.5,
    units=None,
    own_baselines=False,
    **options,
):
    options = {"alpha": 0.05, "correction": "holm", "units": units} | options
    margins = {"margins": (margin, probe_margin), "operator_margin": operator_margin}
    cube = cube.merge(decide_claims(cube, claims=claims, **margins, **options))
    options |= {"claims": claims, "own_baselines": own_baselines}
    return cube.merge(judge(cube, margin=margin, **options))


def states(cube):
    return dict(zip(cube.claim.values.tolist(), cube.claim_state.values.tolist(), strict=True))


def probed(full, readout, window, shuffled=0.0):
    """Scores of latents x and y."""
    return {
        "probe_score": [full, readout],
        "probe_score_shuffled": [[shuffled, shuffled]] * 2,
        "probe_score_window": window,
        "probe_score_window_shuffled": [shuffled, shuffled],
    }


def with_curve(cube, loss, mode="full", condition="structured"):
    """Return a cube whose networks of one mode and condition had a curve of the training loss."""
    curve = xr.DataArray(
        np.full((2, 2, 6, 20), np.nan),
        {name: cube[name] for name in ("condition", "mode")} | {"block": BLOCK},
        ("condition", "mode", "seed", "block"),
    )
    curve.loc[{"mode": mode, "condition": condition}] = loss
    return cube.assign(training_loss=curve)


def with_looks(cube, loss, stopped_at=np.nan):
    """Return a cube with curves whose networks of the world looked at held-out sequences."""
    looks = xr.full_like(cube.training_loss, np.nan)
    looks.loc[{"mode": "full", "condition": "structured"}] = loss
    ends = xr.full_like(looks.isel(block=0, drop=True), np.nan)
    ends.loc[{"mode": "full", "condition": "structured"}] = stopped_at
    return cube.assign(validation_loss=looks, stopped_at=ends)


BLOCK = np.arange(1, 21) / 20
# It falls by .02 nats per step in the last fifth.
STEEP = 1 - 0.1 * BLOCK

# How they would have been made.
RUN = {
    "alpha": 0.05,
    "correction": "holm",
    "margin": 0.01,
    "probe_margin": 0.05,
    "claims": "auto",
    "n_flips": None,
    "shared_data": False,
    "units": None,
    "reference": "auto",
    "model": {"type": "GRUPredictor", "max_steps": 1000, "hidden_size": 16},
    "world": {"type": "OscillatorWorld"},
}


def told(cube, optimal=0.2, ceiling="exact", sizes=None, run=RUN, **options):
    """Return a cube as an assessment makes it, with its verdict."""
    cube["reference"] = xr.full_like(cube.best_baseline, "persistence")
    cube["ceiling"] = xr.full_like(cube.best_baseline, ceiling)
    if optimal is not None:
        cube["nll_optimal"] = xr.full_like(cube.nll_reference, optimal)
    cube["delta_nll"] = (cube.nll_reference - cube.nll).transpose(*cube.nll.dims)
    cube["ci_low"], cube["ci_high"] = cube.delta_nll.min("seed"), cube.delta_nll.max("seed")
    cube["p_value"] = cube["p_value_adjusted"] = xr.zeros_like(cube.ci_low)
    cube["efficiency"] = cube.delta_nll
    cube["nll_baseline"] = cube.nll_best_baseline.expand_dims(baseline=["linear_filter"])
    cube["delta_nll_baseline"] = cube.nll_reference - cube.nll_baseline
    if (found := skills(cube)) is not None:
        cube["operator_skill"] = found
    if sizes is not None:
        cube = cube.assign_coords(n_units=[16, 512])
        cube["nll_reservoir"] = (("seed", "n_units"), np.ones((cube.sizes["seed"], 2)))
        for end, size in zip(("", "_low", "_high"), sizes, strict=True):
            cube[f"equivalent_reservoir_size{end}"] = ("mode", np.array([size, 0.0]))
    options = {key: run[key] for key in ("alpha", "correction", "n_flips", "units")} | options
    if run["claims"] != "auto":
        options["claims"] = tuple(run["claims"])
    run = {"n_seeds": cube.sizes["seed"]} | run
    return judged(cube, **options).assign_attrs(configuration=json.dumps(run))
