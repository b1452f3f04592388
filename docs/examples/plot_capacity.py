"""
Gain against the number of units, with alternatives
===================================================

More units predict better: how much of that is training?
`CapacityCurveDisplay` draws trained networks beside their untrained twins, the best of all
alternatives, and the best predictor that is possible.
"""

from sklearn_emerge import CapacityCurveDisplay, load_cube

cube = load_cube("../../datasets/cubes/oscillator-gru-corrected.nc")
display = CapacityCurveDisplay.from_cube(cube, "hidden_size")

# %%
# The untrained core catches up as it grows: with enough random units, little is left for training.

gain = cube.delta_nll.sel(condition="structured").mean("seed")
lead = gain.sel(mode="full") - gain.sel(mode="readout")
assert (lead.diff("hidden_size") < 0).all()
lead.to_series().round(2)
