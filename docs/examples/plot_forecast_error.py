"""
Chaos, and how far a network follows it
=======================================

In the world of Lorenz neighbours separate, so that no forecast stays near for long.
`ForecastErrorDisplay` shows how fast the error grows, behind three prompts, and what linear filters,
untrained cores and networks of the null do.
"""

from sklearn_emerge import ForecastErrorDisplay, load_cube

cube = load_cube("../../datasets/cubes/operators-lorenz.nc")
display = ForecastErrorDisplay.from_cube(cube)

# %%
# The claim *dynamics* tests this figure, over seeds.

assert cube.claim_state.sel(claim="dynamics").item() == "holds"
