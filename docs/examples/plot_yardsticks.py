"""
How many random units is a network worth?
=========================================

Two yardsticks need no training of a network: filters, and random cores of growing size.
A trained network is worth as many random units as predict as well.
"""

import matplotlib.pyplot as plt

from sklearn_emerge import load_cube

cube = load_cube("../../datasets/cubes/oscillator-gru-corrected.nc").sel(
    hidden_size=16
)
here = cube.sel(condition="structured")
gains = (here.nll_reference - here.nll_reservoir).dropna("seed")
levels = {
    "best possible": here.nll_reference - here.nll_optimal,
    "trained GRU of 16 units": here.delta_nll.sel(mode="full"),
    "time-varying linear filter": here.nll_reference
    - here.nll_best_baseline,
    "untrained GRU of 16 units": here.delta_nll.sel(mode="readout"),
}
size = here.equivalent_reservoir_size.sel(mode="full").item()

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.semilogx(gains.n_units, gains.T, "o-", color="C1", base=2)
for style, (name, level) in zip(
    ("-", "--", ":", "-."), levels.items(), strict=True
):
    ax.axhline(level.mean("seed"), linestyle=style, color="k", label=name)
ax.axvline(size, color="C0", label=f"worth {size:.0f} random units")
ax.set_xlabel("units of random cores, three seeds")
ax.set_ylabel("gain over persistence (nats per step)")
figure.legend(loc="outside right upper")

# %%
# Training has put into 16 units what a random core needs many times as many for.

assert here.equivalent_reservoir_size_low.sel(mode="full") > 100
