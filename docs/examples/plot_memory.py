"""
What memory is worth
====================

How much worse does a network predict if it sees only the last k inputs?
`MemoryDisplay` draws the loss against k, beside predictors without a state.
"""

from sklearn_emerge import MemoryDisplay, load_cube

cube = load_cube("../../datasets/cubes/random-walk-gru-corrected.nc").sel(
    world__Q=0.1
)
display = MemoryDisplay.from_cube(cube)

# %%
# The rise to the left is what the network owes to its memory.
# A random walk is told from its noise by a few steps: beyond eight there is next to nothing to gain.

loss = cube.nll_memory.sel(mode="full").mean("seed")
assert loss.sel(window=1) > loss.sel(window=8) + 0.1
assert abs(loss.sel(window=8) - loss.isel(window=-1)) < 0.01
