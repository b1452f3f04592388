"""
Lyapunov exponents: memory and dynamics
=======================================

Driven by sequences, exponents say how long a network remembers.
Left alone, they say how its own operator stretches.
`LyapunovDisplay` has both, with the exponents of the world's flow.
"""

from sklearn_emerge import LorenzWorld, LyapunovDisplay, load_cube

cube = load_cube("../../datasets/cubes/operators-lorenz.nc")
found = cube.exponents_trajectory.sel(condition="structured").isel(step=-1)
driven, closed = (
    {
        mode: found.sel(mode=mode, loop=loop)
        .transpose("seed", "exponent")
        .values
        for mode in ("full", "readout")
    }
    for loop in ("driven", "closed")
)
# Of the flow, in nats a unit of time (Sprott 2003).
world = [
    exponent * LorenzWorld().time_step
    for exponent in (0.9056, 0.0, -14.572)
]
display = LyapunovDisplay.from_spectra(driven, closed, world=world)

# %%
# Trained networks are chaotic where they are left alone, as the world is.

assert (closed["full"][:, 0] > 0).all()
