"""
Is one architecture better than another?
========================================

Two results of the same world are compared seed by seed, because seeds share their data.
`CubeComparisonDisplay` has the effects on the left, and the differences with p-values on the right.
"""

from sklearn_emerge import CubeComparisonDisplay, load_cube

cubes = {
    name: load_cube(
        f"../../datasets/cubes/oscillator-{name.lower()}-corrected.nc"
    ).sel(hidden_size=16)
    for name in ("GRU", "RNN")
}
display = CubeComparisonDisplay.from_cubes(cubes, "prediction")

# %%
# Both networks are better than every alternative, and the GRU by more.

assert all(
    cube.claim_state.sel(claim="prediction").item() == "holds"
    for cube in cubes.values()
)
table = display.table.loc[["prediction"]]
assert (table["ci_low"] > 0).all()
table[["difference", "ci_low", "ci_high", "p_value", "paired"]]
