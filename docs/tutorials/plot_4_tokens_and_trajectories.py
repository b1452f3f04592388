"""
Tokens and trajectories
=======================

A transformer learns eight tasks on digits.
When does it learn which, and does it learn them at all, or by heart?
This tutorial follows networks while they train, and reads the curves beside those of a null.
"""

# %%
# A world of tokens
# -----------------
#
# `AlgorithmicWorld` writes a question and its answer in a row.
# Answers follow from their questions, so that the best possible loss is 0.

from sklearn_emerge import AlgorithmicWorld

digits = AlgorithmicWorld(["COPY", "SORT", "ADD"], levels=[1, 2])
sample = digits.sample(4, random_state=0)
for row in sample.X:
    print(digits.decode(row))

# %%
# In the null `permuted`, answers belong to other questions.
# Its marginals are those of the world, so that a network can learn to guess, and no more.

for row in digits.null("permuted").sample(4, random_state=0).X:
    print(digits.decode(row))

# %%
# Not every guess is equally wrong: `chance` has what the best guess scores without the question.

chance = AlgorithmicWorld().chance.sel(score="exact_match")
assert chance.sel(task="CMP", level=1) > chance.sel(task="COPY", level=1)
chance.to_series().unstack("task").round(3)

# %%
# Follow networks while they train
# --------------------------------
#
# `record_at` measures at chosen updates, and `measures` says what.
# `answer_scores` tells tasks and levels apart.
# This network is too small and stops too early, to end in seconds.

from functools import partial

from sklearn_emerge import EmergenceAssessment, TransformerPredictor
from sklearn_emerge.measures import answer_scores

quick = EmergenceAssessment(
    AlgorithmicWorld(["COPY", "SORT"], levels=[1], row_length=10),
    TransformerPredictor(16, n_layers=1, max_steps=20),
    modes=("full",),
    nulls=(),
    claims=("gain",),
    probe=None,
    reservoir_sizes=None,
    n_train=200,
    n_eval=50,
    n_seeds=2,
    alpha=0.6,
    record_at=[0, 10, 20],
    measures={"answers": partial(answer_scores, n_rows=50)},
    random_state=0,
    progress=False,
).fit()
print(quick.cube_.answers_trajectory.dims)

# %%
# The real one
# ------------
#
# Five networks of 400,000 weights, trained for 10,000 updates in the world and as many in its null,
# take some hours.
# Their result is stored.
# `TrajectoryDisplay` draws the share of answers that are right as a whole, at the second level.

from sklearn_emerge import TrajectoryDisplay, load_cube

cube = load_cube("../../datasets/cubes/anatomy-corrected.nc")
chosen = {"mode": "full", "score": "exact_match", "level": 2}
display = TrajectoryDisplay.from_cube(
    cube,
    "answers",
    along="task",
    condition="structured",
    bounds=(0, 1),
    xscale="log",
    **chosen,
)

# %%
# The same networks in the null: no curve rises beyond chance.
# What rises above is therefore owed to questions and answers that belong together.

display = TrajectoryDisplay.from_cube(
    cube,
    "answers",
    along="task",
    condition="permuted",
    bounds=(0, 1),
    xscale="log",
    **chosen,
)
last = cube.answers_trajectory.isel(step=-1).sel(chosen).mean("seed")
beyond = last - chance.sel(level=2)
assert beyond.sel(condition="structured").min() > 0.1
assert beyond.sel(condition="permuted").max() < 0.1

# %%
# When a task emerges
# -------------------
#
# `emergence_step` finds the first update from which a score stays beyond a level: here a tenth of
# the way from chance to perfect.

from sklearn_emerge import EmergenceMapDisplay, emergence_step

match = cube.answers_trajectory.sel(
    mode="full", score="exact_match", drop=True
)
emerged = emergence_step((match - chance) / (1 - chance), 0.1)
here, null = (
    emerged.sel(condition="structured"),
    emerged.sel(condition="permuted"),
)
display = EmergenceMapDisplay.from_events(
    {"exact match": here}, cube.step, null_emergence=null
)

# %%
# Copying emerges within hundreds of updates, parity of many bits after thousands, and one product
# never.
# In the null nothing emerges.

median = here.median("seed", skipna=False)
assert (
    median.sel(task="COPY", level=2)
    < 1000
    < median.sel(task="PAR", level=2)
)
assert here.sel(task="MUL", level=3).isnull().all()
assert null.isnull().all()

# %%
# A jump, or a slope in disguise?
# -------------------------------
#
# A whole answer is right only if each of its tokens is.
# A smooth rise of tokens can therefore look like a jump of answers: always draw both.

from sklearn_emerge import EventTrajectoryDisplay

scores = cube.answers_trajectory.sel(condition="structured", mode="full")
states = cube.states_trajectory.sel(
    condition="structured",
    mode="full",
    dimensionality="rankme",
    layer="hidden",
)
behaviours = {
    name: scores.sel(score=name)
    for name in ("exact_match", "token_accuracy")
}
display = EventTrajectoryDisplay.from_trajectories(
    behaviours,
    states,
    emergence={"exact_match": here},
    task="SORT",
    level=2,
)

# %%
# The lower curve counts the directions of hidden states.
# Whether such a measure announces what emerges has `an example of its own
# <../gallery/plot_precursor.html>`__, and `the page of that paper <../anatomy.html>`__ the numbers.
