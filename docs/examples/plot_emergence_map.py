"""
When does which task emerge?
============================

A transformer learns eight tasks on digits at three levels.
`EmergenceMapDisplay` shows the update at which each emerged, and in grey what never did.
"""

from sklearn_emerge import (
    AlgorithmicWorld,
    EmergenceMapDisplay,
    emergence_step,
    load_cube,
)

cube = load_cube("../../datasets/cubes/anatomy-corrected.nc").sel(
    mode="full"
)
chance = AlgorithmicWorld().chance.sel(score="exact_match")


def emergence(condition):
    """Return when a tenth of what is possible beyond chance is reached."""
    match = cube.answers_trajectory.sel(
        condition=condition, score="exact_match"
    )
    return emergence_step((match - chance) / (1 - chance), 0.1)


here, null = emergence("structured"), emergence("permuted")
display = EmergenceMapDisplay.from_events(
    {"exact match": here}, cube.step, null_emergence=null
)

# %%
# In the null answers belong to other questions, so that nothing can emerge, and nothing does.

assert here.notnull().any()
assert null.isnull().all()
