"""Draw the figure of docs/operators.md.

    python docs/make_operators.py

It trains a network for half a minute.
"""

from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.base import clone

from sklearn_emerge import GRUPredictor, OscillatorWorld, PhasePortraitDisplay

FIGURES = Path(__file__).parent / "figures"


def phase_figure():
    """Paths of a trained network and of its untrained twin when they are left alone."""
    train, evaluation = OscillatorWorld(n_steps=128).split(1000, 300, random_state=0)
    network = GRUPredictor(16, max_steps=1500, lr=0.01, time_channel=None, random_state=0)
    network.fit(train.X)
    twin = clone(network).set_params(training="readout").fit(train.X)
    return PhasePortraitDisplay.from_estimator(network, evaluation, twin=twin, n_steps=200).figure_


if __name__ == "__main__":
    plt.switch_backend("Agg")
    phase_figure().savefig(FIGURES / "operators-phase.png", dpi=100)
