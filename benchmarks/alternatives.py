"""Seconds of the alternatives to a network, against the training of one.

    python benchmarks/alternatives.py [--steps 256] [--sequences 2000] [--sizes 16 128]

Each is fitted in the oscillator world; beside it a GRU of 16 units, 1,000 updates, one seed.
"""

import argparse
import time

from sklearn_emerge import (
    EchoStatePredictor,
    GRUPredictor,
    LinearFilterPredictor,
    OscillatorWorld,
    TimeVaryingFilterPredictor,
    WindowPredictor,
)


def main():
    """Print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 128, 256, 512])
    options = parser.parse_args()
    X = OscillatorWorld(n_steps=options.steps).sample(options.sequences, random_state=0).X
    models = {
        "GRU 16": GRUPredictor(16, max_steps=1000, random_state=0),
        "linear filter": LinearFilterPredictor(),
        "time-varying": TimeVaryingFilterPredictor(),
        "window": WindowPredictor(random_state=0),
        **{f"echo state {n}": EchoStatePredictor(n, random_state=0) for n in options.sizes},
    }
    # Compile the scans.
    GRUPredictor(16, max_steps=1, random_state=0).fit(X)
    print(f"T={options.steps}, {options.sequences} sequences{'':6}s   CPU s   of GRU (CPU)")
    for name, model in models.items():
        start, cpu = time.perf_counter(), time.process_time()
        model.fit(X)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        if name == "GRU 16":
            whole = cpu
        print(f"{name:24}{seconds:9.2f}{cpu:8.2f}{cpu / whole:10.2f}", flush=True)


if __name__ == "__main__":
    main()
