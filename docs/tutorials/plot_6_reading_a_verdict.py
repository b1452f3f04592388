"""
Reading a verdict
=================

An assessment ends in a `verdict <../glossary.html#verdict>`__: a word or two that follow from
tested claims.
This tutorial reads four verdicts, and says of each what it means and what it does not.
Nothing is trained here: the four results are stored with the package.
"""

# %%
# What a verdict is made of
# -------------------------
#
# An assessment compares a trained network with everything that could explain its success without
# training.
# Each comparison is a *claim*.
# A claim **holds** if its effect is significantly above a margin, **fails** if it is significantly
# below it, and is **open** otherwise.
# The margin is .01 nats per step, unless it is set: what is smaller is of no interest, however
# certain it is.

from sklearn_emerge import AssessmentDisplay, explain, load_cube

CUBES = "../../datasets/cubes/"


def claims(cube):
    """Return effects, bounds and states, a row a claim."""
    columns = ["claim_effect", "claim_low", "claim_high", "claim_state"]
    return cube[columns].to_dataframe()[columns].round(3)


def said(cube):
    """Return what `explain` says first: model, world and verdict."""
    return (
        explain(cube)
        .partition("\n\nWhat it is worth")[0]
        .partition("\n\nWhat was found")[0]
    )


# %%
# An operator
# -----------
#
# A GRU of 16 units sees one coordinate of a noisy oscillator, and predicts its next value.

oscillator = load_cube(CUBES + "oscillator-gru-corrected.nc").sel(
    hidden_size=16
)
print(said(oscillator))
claims(oscillator)

# %%
# The word *operator* needs five claims at once.
#
# - **prediction**: it beats the best of all alternatives, here a linear filter whose weights
#   change over time;
# - **core**: it beats its own untrained twin, so that training did it;
# - **order**: it gains more than in a null, where the order in time is destroyed;
# - **memory**: it gets worse with the memory of another sequence, so that its hidden state matters;
# - **dynamics**: left alone with its own predictions, it goes on as the world does.
#
# One row surprises many readers: *representation* fails for both latents.
# The state of the world can be decoded nearly perfectly from the trained network, and nearly as
# well from the untrained one.
# A good probe score is therefore no evidence of learning in this world.

verdict = oscillator.verdict.item()
state = oscillator.claim_state.to_series()
assert verdict == "operator"
assert (
    state[["prediction", "core", "order", "memory", "dynamics"]] == "holds"
).all()
assert (state[["representation x", "representation y"]] == "fails").all()
scores = oscillator.probe_score.sel(condition="structured").mean("seed")
assert (scores.sel(mode="readout") > 0.9).all()

# %%
# The figure shows why *gain* alone would not do.
# The untrained twin ("readout only") gains most of what there is to gain.
# The dotted line, the best alternative, lies just below the trained network.

display = AssessmentDisplay.from_cube(oscillator)

# %%
# A reservoir
# -----------
#
# The same kind of network, in a random walk that is seen in noise.
# The best possible predictor of this world is a linear filter, with a memory that fades.

walk = load_cube(CUBES + "random-walk-gru-corrected.nc").sel(world__Q=0.1)
print(said(walk))
claims(walk)

# %%
# The network gains as much as is possible at all, so that a paper could call it a success.
# But its untrained core gains the same: training added less than the margin.
# That is the verdict *reservoir*: random recurrent weights with a good head were enough.
#
# Note that *memory* holds.
# The network does use its hidden state; training was not what made the state useful.
# And *dynamics* fails for a reason that is no fault of the network: in this world a linear
# predictor that is left alone is as good as the best possible one.

state = walk.claim_state.to_series()
assert walk.verdict.item() == "reservoir"
assert state["reservoir"] == state["memory"] == "holds"
assert state["core"] == state["prediction"] == "fails"
efficiency = (
    walk.efficiency.sel(condition="structured", mode="full")
    .mean("seed")
    .item()
)
assert efficiency > 0.99

display = AssessmentDisplay.from_cube(walk)

# %%
# Learned, not beyond a linear filter
# -----------------------------------
#
# Now recordings: nine men say two vowels, in 640 utterances of twelve channels.
# Networks are trained on four fifths of the utterances, and evaluated on the others.

vowels = load_cube(CUBES + "recordings-japanese-vowels.nc")
print(said(vowels))
claims(vowels)

# %%
# Training did something here, and much of it: *gain* and *core* hold, by nats.
# But a linear filter predicts the same utterances better.
# So the verdict names what one would have to beat.
# It does not say that the network is a linear filter inside; it says that nothing that needs a
# network has been shown.
#
# The margin is wider here, because twelve channels are predicted at once: .01 nats each.

state = vowels.claim_state.to_series()
assert vowels.verdict.item() == "learned, not beyond a linear filter"
assert state["gain"] == state["core"] == "holds"
assert vowels.claim_high.sel(claim="prediction").item() < 0
assert round(vowels.claim_margin.sel(claim="prediction").item(), 6) == 0.12

display = AssessmentDisplay.from_cube(vowels)

# %%
# Undecided
# ---------
#
# The last one has few recordings: temperatures of the sea in the Pacific, a year a recording, in
# eleven groups of six years.

el_nino = load_cube(CUBES + "recordings-el-nino.nc")
print(said(el_nino))
claims(el_nino)

# %%
# *Undecided* is a finding about the data, not about the network.
# The bounds of *prediction* reach from worse to better than the best alternative.
# Neither "it works" nor "it does not work" may be reported.
# What can be reported are the bounds.
#
# `explain` says how many recordings would decide it, if the effect is as large as it looks:

print(explain(el_nino).partition("run next\n")[2].partition("\n\n")[0])

bounds = el_nino.sel(claim="prediction")
assert el_nino.verdict.item() == "undecided"
assert bounds.claim_low < -bounds.claim_margin
assert bounds.claim_high > bounds.claim_margin

# %%
# What to take along
# ------------------
#
# - A verdict is the short form of a table of claims: read the table.
# - *Fails* is a result, *open* is none.
# - A high gain and a high probe score do not tell an operator from a reservoir.
# - Where the best possible predictor is known, as in simulated worlds, look at the share of its
#   gain: it says how much there was to learn.
#
# `How does an assessment decide? <../how-to/how-it-decides.html>`__ has each claim as a formula.
