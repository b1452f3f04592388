"""
Is it a step, and a step of what?
=================================

A transformer learns to translate A to B and B to C.
With more examples of A to C it suddenly translates these, too.
`EmergenceCurve` fits the rise and `EmergenceCurveDisplay` draws it, in the world and in a null.
"""

import matplotlib.pyplot as plt

from sklearn_emerge import EmergenceCurveDisplay, load_cube
from sklearn_emerge.emergence import fit_curve

cube = load_cube(
    "../../datasets/cubes/triangle-sparse-transformer-corrected.nc"
).sel(mode="full")
words = cube.tasks_trajectory.sel(task="A->C", score="words").isel(step=-1)

figure, axes = plt.subplots(
    1, 2, figsize=(10, 4), sharey=True, layout="constrained"
)
titles = {
    "structured": "A to C follows from the others",
    "redrawn": "null: it follows from nothing",
}
curves = {}
for ax, (condition, title) in zip(axes, titles.items(), strict=True):
    curves[condition] = fit_curve(
        words.sel(condition=condition), "world__sparse_examples"
    )
    EmergenceCurveDisplay.from_estimator(curves[condition], ax=ax)
    ax.set_title(title, pad=24)
    ax.set_xlabel("examples of A to C")

# %%
# Both rises are steps, steeper than every smooth curve.
# Both begin between 10 and 25 examples, and the intervals of their places overlap.
# In the null A to C cannot be composed, and rises nevertheless.
# The step is one of learning examples, not of composition.

assert words.sel(world__sparse_examples=10).max() < 0.15
assert words.sel(world__sparse_examples=25).min() > 0.25
for curve in curves.values():
    assert curve.compare(random_state=0).steeper_than_smooth
world, null = (curve.interval("location") for curve in curves.values())
assert max(world[0], null[0]) < min(world[1], null[1])
