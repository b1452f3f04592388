"""
How many random units is a network worth?
=========================================

Two yardsticks need no training of a network: filters, and random cores of growing size.
A trained network is worth as many random units as predict as well.
"""

from sklearn_emerge import ReservoirCurveDisplay, load_cube

cube = load_cube("../../datasets/cubes/oscillator-gru-corrected.nc")
ReservoirCurveDisplay.from_cube(cube, hidden_size=16)

# %%
# Training has put into 16 units what a random core needs many times as many for.

here = cube.sel(hidden_size=16, condition="structured")
assert here.equivalent_reservoir_size_low.sel(mode="full") > 100
