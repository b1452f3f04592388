"""How much faster probes of quantities are than the scikit-learn pipelines that they equal.

    python benchmarks/probes.py

Prints, by numbers of sequences, steps and hidden units, the seconds of both in one run, their ratio
and the largest difference of the scores. Times are those of one core; ratios travel.
"""

import time

import numpy as np

from sklearn_emerge import make_probe
from sklearn_emerge._threads import one_thread
from sklearn_emerge.probes import cross_validate_probe

SIZES = ((500, 256, 16), (500, 256, 64), (100, 50, 64), (30, 20, 512))
N_REPEATS = 3


def timed(probe, hidden, latents):
    """Return the least seconds of some runs, and the scores."""
    seconds = []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        scores = cross_validate_probe(hidden, latents, probe=probe).score
        seconds.append(time.perf_counter() - start)
    return min(seconds), scores


def main():
    """Print the table."""
    rng = np.random.default_rng(0)
    print("sequences  steps  units   sums  pipelines  ratio  largest difference")
    for n_sequences, n_steps, n_hidden in SIZES:
        hidden = rng.normal(size=(n_sequences, n_steps, n_hidden)).cumsum(axis=1)
        noise = rng.normal(size=(n_sequences, n_steps, 2))
        latents = hidden @ rng.normal(size=(n_hidden, 2)) + noise
        with one_thread():
            (ours, scores), (theirs, expected) = (
                timed(probe, hidden, latents) for probe in ("auto", make_probe())
            )
        print(
            f"{n_sequences:9d}{n_steps:7d}{n_hidden:7d}{ours:7.3f}{theirs:11.3f}"
            f"{theirs / ours:7.1f}{np.abs(scores - expected).max():20.1e}"
        )


if __name__ == "__main__":
    main()
