"""
Sweeps, resuming, clusters
==========================

One network is an anecdote, and many take hours.
This tutorial plans a sweep, interrupts it, goes on, adds to it, and shares it between machines.
"""

# %%
# Plan before you run
# -------------------
#
# `param_grid` makes an assessment of each combination.
# `plan` says what there is to do, and the smallest p-value that so many seeds can have.

import tempfile

from sklearn_emerge import (
    EmergenceAssessment,
    GRUPredictor,
    OscillatorWorld,
)

folder = tempfile.TemporaryDirectory()


def sweep(sizes, n_seeds=6):
    """Return an assessment of GRUs, which keeps what is finished."""
    return EmergenceAssessment(
        OscillatorWorld(n_steps=30),
        GRUPredictor(max_steps=100, lr=0.02),
        param_grid={"hidden_size": sizes},
        baselines=("mean", "persistence"),
        claims=("gain", "core"),
        nulls=(),
        probe=None,
        reservoir_sizes=None,
        n_train=100,
        n_eval=50,
        n_seeds=n_seeds,
        correction=None,
        memory=folder.name,
        random_state=0,
        progress=False,
    )


print(sweep([4, 8]).plan())

# %%
# More configurations are one family of tests, and need more seeds under a correction:

from sklearn_emerge.inference import seeds_needed, smallest_p_value

print(smallest_p_value(6), seeds_needed(0.05, n_tests=8))
assert smallest_p_value(6) < 0.05
assert seeds_needed(0.05, n_tests=8) > 6

# %%
# Interrupt, and go on
# --------------------
#
# With `memory` each finished cell is kept, seed by seed.
# Stop with Ctrl-C, or lose the machine: the same `fit` goes on from what is there.
# Here the first size is finished, and the sweep of both sizes finds it.

first = sweep([4]).fit()
plan = sweep([4, 8]).plan()
print(plan)

assert plan.n_networks_stored == 12

# %%
# Results are the same to the last bit, whether they were read or computed, and in which order.
# Random numbers derive from what a cell is, not from when it runs.

together = sweep([4, 8]).fit()
assert (
    together.cube_.nll.sel(hidden_size=4)
    == first.cube_.nll.sel(hidden_size=4)
).all()

# %%
# Add seeds
# ---------
#
# `add_seeds` gives what a fit with all seeds would have given.
# Decide on their number before you look: adding seeds until something is significant finds it too
# often.

nll = together.cube_.nll.copy()
together.add_seeds(1)
assert together.cube_.sizes["seed"] == 7
assert (together.cube_.nll.isel(seed=slice(6)) == nll).all()

# %%
# Many processes, many machines
# -----------------------------
#
# - ``n_jobs=8`` runs eight cells at once, each on one core.
# - ``joblib.parallel_config`` chooses another backend.
# - A job array of a cluster shares one folder: each job fits its part of the grid with the same
#   ``memory``, and a last one fits the whole grid, which it reads.
#
# Where machines share no folder, each writes its result to a file, and `concat_cubes` joins them,
# along ``dim="hidden_size"`` or along seeds.
# Everything is judged anew then, because more seeds and more configurations have other p-values:
# `How do I judge cubes again, join them and compare them? <../how-to/judge-join-compare.html>`__

# %%
# Read a sweep
# ------------
#
# `CapacityCurveDisplay` draws gains against a parameter.
# This is the sweep of four sizes that is stored with the package, with seven seeds each.

from sklearn_emerge import CapacityCurveDisplay, load_cube

cube = load_cube("../../datasets/cubes/oscillator-gru-corrected.nc")
display = CapacityCurveDisplay.from_cube(cube, "hidden_size")
cube.verdict.to_series()

# %%
# The verdict changes with the size: small untrained cores do not show the latents, so that there
# training built a representation.
# With 16 units and more the untrained core shows them as well.

assert "representation" in cube.verdict.sel(hidden_size=4).item()
assert cube.verdict.sel(hidden_size=16).item() == "operator"

folder.cleanup()

# %%
# `How do I interrupt, resume and use many cores? <../how-to/resume.html>`__ has the details: what
# counts as the same, what is kept, and how to tidy up.
