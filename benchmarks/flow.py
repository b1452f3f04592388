"""Seconds of a core that `flow_errors` takes, with the number of sequences that it takes by itself.

    python benchmarks/flow.py

Prints a row a network, least of some runs, on one thread. Networks are hardly trained, which does
not matter for the time.
"""

import time

from sklearn_emerge import GRUPredictor, OscillatorWorld, RegimeWorld, TransformerPredictor
from sklearn_emerge._threads import one_thread
from sklearn_emerge.operators import flow_errors

QUICK = dict(max_steps=2, random_state=0)
CASES = {
    "GRU, 16 units, 256 steps, quantities": (OscillatorWorld(), GRUPredictor(16, **QUICK)),
    "GRU, 16 units, 256 steps, outcomes": (
        RegimeWorld(n_steps=256),
        GRUPredictor(16, likelihood="bernoulli", **QUICK),
    ),
    "transformer, width 16, 64 steps, quantities": (
        OscillatorWorld(n_steps=64),
        TransformerPredictor(16, **QUICK),
    ),
}
N_REPEATS = 3


def main():
    """Print the table."""
    for name, (world, model) in CASES.items():
        train, evaluation = world.split(100, 500, random_state=0)
        model.fit(train.X)
        seconds = []
        for _ in range(N_REPEATS):
            start = time.process_time()
            with one_thread():
                flow_errors(model, evaluation)
            seconds.append(time.process_time() - start)
        print(f"{name:46s}{min(seconds):6.2f} s")


if __name__ == "__main__":
    main()
