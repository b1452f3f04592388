"""
What can be decoded, and from which network
===========================================

A linear map reads latents off hidden states.
`DecodingDisplay` sets scores of trained networks beside those of untrained ones and of the last
inputs, and beside what each network gains.
"""

from sklearn_emerge import DecodingDisplay, load_cube

cubes = "../../datasets/cubes/"
display = DecodingDisplay.from_cube(
    {
        "oscillator": load_cube(cubes + "oscillator-gru-corrected.nc").sel(
            hidden_size=16
        ),
        "regimes": load_cube(cubes + "regime-time-gru-corrected.nc").sel(
            time_channel="no_time"
        ),
    }
)

# %%
# In the oscillator the untrained core shows the latents nearly as well.
# In the world of regimes only training makes the regime visible.

claim = display.cubes["regimes"].claim_state.sel(
    claim="representation regime"
)
assert claim.item() == "holds"
