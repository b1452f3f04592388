"""
Four recordings, four answers
=============================

The same GRU on sunspots, on the sea of El Niño, on motions of a watch, and on spoken vowels.
`AssessmentDisplay` draws gains beside the best alternative; its title is the verdict.
"""

from sklearn_emerge import AssessmentDisplay, load_cube

names = ["sunspots", "el-nino", "basic-motions", "japanese-vowels"]
cubes = [
    load_cube(f"../../datasets/cubes/recordings-{name}.nc")
    for name in names
]
for cube in cubes:
    AssessmentDisplay.from_cube(cube)

# %%
# Only networks for the motions beat the best alternative.
# That is no operator yet: whether they go on as the motions do is open.

holds = [
    name
    for name, cube in zip(names, cubes, strict=True)
    if cube.claim_state.sel(claim="prediction") == "holds"
]
assert holds == ["basic-motions"]
assert cubes[2].claim_state.sel(claim="dynamics").item() == "open"

# sphinx_gallery_thumbnail_number = 3
