"""
Does a measure announce what emerges?
=====================================

The number of directions of hidden states falls early in training, then departs from its floor.
Does this departure announce that a task emerges?
`LeadsDisplay` shows the leads of each task beside two yardsticks that can announce nothing: other
tasks, and a null in which nothing is to be learned.
"""

from sklearn_emerge import (
    AlgorithmicWorld,
    LeadsDisplay,
    emergence_step,
    load_cube,
)
from sklearn_emerge.geometry import departure_step

cube = load_cube("../../datasets/cubes/anatomy-corrected.nc").sel(
    mode="full"
)
chance = AlgorithmicWorld().chance.sel(score="exact_match")
match = cube.answers_trajectory.sel(
    condition="structured", score="exact_match"
)
emerged = emergence_step((match - chance) / (1 - chance), 0.1)

rankme = cube.states_trajectory.sel(dimensionality="rankme", layer="hidden")
departed = departure_step(rankme.sel(condition="structured"))
in_null = departure_step(rankme.sel(condition="permuted"))

display = LeadsDisplay.from_events(
    departed, {"exact match": emerged}, cube.step, null_departure=in_null
)

# %%
# The departure comes before the emergence in nine of ten pairs, which looks like an announcement.
# But it comes as early before the emergence of *other* tasks: it is early, and nothing more.

print(display.result)
assert display.result.verdicts.verdict.item() == "early"
