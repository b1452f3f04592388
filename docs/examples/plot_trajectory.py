"""
A measure while networks train
==============================

`record_at` measures networks at chosen updates.
`TrajectoryDisplay` draws the result, a line for each task, with seeds and intervals.
"""

from sklearn_emerge import TrajectoryDisplay, load_cube

cube = load_cube("../../datasets/cubes/anatomy-corrected.nc")
display = TrajectoryDisplay.from_cube(
    cube,
    "answers",
    along="task",
    condition="structured",
    mode="full",
    score="token_accuracy",
    level=2,
    bounds=(0, 1),
    xscale="log",
)

# %%
# Copying and reversing are learned early.
# Parity stays at the share of a coin for thousands of updates, and is learned at last.

accuracy = cube.answers_trajectory.sel(
    condition="structured", mode="full", score="token_accuracy", level=2
).mean("seed")
first = (
    accuracy.step.where(accuracy > 0.9)
    .min("step")
    .to_series()
    .sort_values()
)
assert max(first[["COPY", "REV"]]) < first["PAR"] / 10
first
