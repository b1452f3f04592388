"""What more seeds cost: from 6 to 8, with a store and by `add_seeds`, against 2 from the start.

Run ``OMP_NUM_THREADS=1 python benchmarks/seeds.py``. Seconds of the processor, so that what else
runs there does not count; with one thread they are those of the work.
"""

import time
from tempfile import TemporaryDirectory

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld, TransformerPredictor

MODELS = {
    "GRU, 16 units": GRUPredictor(16, max_steps=1500, engine="numba"),
    "transformer, 16 units": TransformerPredictor(16, 1, 1, max_steps=60),
}


def seconds(model, n_seeds, memory=None, add=0):
    """Return the time of a fit, or of seeds that are added to one."""
    assessment = EmergenceAssessment(
        OscillatorWorld(n_steps=40),
        model,
        n_seeds=n_seeds,
        n_train=500,
        n_eval=200,
        alpha=0.6,
        memory=memory,
        random_state=0,
        progress=False,
    )
    if add:
        assessment.fit()
    start = time.process_time()
    assessment.add_seeds(add) if add else assessment.fit()
    return time.process_time() - start


def grown(model):
    """Return the time of 8 seeds where a store has 6."""
    with TemporaryDirectory() as memory:
        seconds(model, 6, memory)
        return seconds(model, 8, memory)


def main():
    """Print a line a model."""
    print(f"{'':24}{'2 seeds':>10}{'6 to 8':>10}{'ratio':>8}{'add_seeds':>11}{'8 seeds':>10}")
    for name, model in MODELS.items():
        # What is compiled or loaded once is no part of it.
        seconds(model, 2)
        two, more = seconds(model, 2), grown(model)
        added, eight = seconds(model, 6, add=2), seconds(model, 8)
        print(f"{name:24}{two:10.2f}{more:10.2f}{more / two:8.2f}{added:11.2f}{eight:10.2f}")


if __name__ == "__main__":
    main()
