"""
How few directions are left, and in which layer
===============================================

Early in training hidden states collapse onto few directions.
`LayerProfileDisplay` shows in which layers, at the floor and at the end of training.
"""

from sklearn_emerge import LayerProfileDisplay, load_cube

cube = load_cube("../../datasets/cubes/anatomy-corrected.nc")
states = cube.states_trajectory.sel(
    condition="structured", mode="full", dimensionality="rankme"
)
display = LayerProfileDisplay.from_measure(states)

# %%
# At the floor every task has fewer directions than in the end; parity has fewest.

last = states.sel(layer="hidden").mean(["seed", "level"])
floor, end = last.sel(step=slice(0, 200)).min("step"), last.isel(step=-1)
assert (floor < end).all()
assert floor.idxmin("task") == "PAR"
