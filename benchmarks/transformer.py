"""Milliseconds an update of a small transformer: training of some seeds against a plain torch loop.

    python benchmarks/transformer.py [--sizes 16 32 64 128] [--seeds 1 5] [--updates 20]
        [--repetitions 3] [--steps 44] [--data tokens numbers] [--precision bfloat16]
        [--save FOLDER]

The loop is what a tutorial would write, one seed after another: `torch.nn.TransformerEncoder` with
an embedding, AdamW and clipped gradients, batches of 64 by indexing. Ours are the same updates,
through `training.run`. `stacked` is the loop with the weights of all seeds in one tensor each, by
torch.vmap. All have two layers of four heads and one thread. They take turns, and the least
processor time of all repetitions is what counts: other work on the machine takes time from all.
Quote the ratios, those of the loop over ours and over the stacked one; the absolute times are those
of one machine. The first update, with which a kernel is read from the disk or compiled in about two
seconds, is left out of all.

Above 32 units heads are too large for the kernel of attention, and both are bound by products of
matrices. Five seeds are trained one after another. docs/numbers.md has the ratios.
"""

import argparse
import time

import numpy as np
import torch
from measure import SAVING, Clock, Table, save
from plain_torch import BATCH, DECAY, N_HEADS, N_LAYERS, time_stacked, time_transformer
from sklearn.base import clone

from sklearn_emerge import OscillatorWorld, TransformerPredictor, TriangleWorld
from sklearn_emerge.training import TrainingContext, run

SEQUENCES = 512
UNIT = "milliseconds of the processor an update and seed; ratios of the plain loop over others"


def ours(X, width, n_seeds, n_updates, precision):
    """Return the processor seconds of updates by this package."""
    # Of a training as long as they usually are.
    model = TransformerPredictor(
        width,
        N_LAYERS,
        N_HEADS,
        likelihood="categorical" if X.dtype.kind == "i" else "gaussian",
        max_steps=10_000,
        batch_size=BATCH,
        weight_decay=DECAY,
        precision=precision,
    )
    models = [clone(model).set_params(random_state=seed) for seed in range(n_seeds)]
    prepared = model.prepare(X)
    for each in models:
        each.prepare(X)
    clock = Clock(time.process_time, n_updates)
    jobs = [each.training_job(prepared) for each in models]
    run(jobs, TrainingContext(progress=(clock,)))
    return clock.seconds


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=44)
    parser.add_argument("--data", nargs="+", default=["tokens", "numbers"])
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(UNIT)
    table = Table()
    for data in options.data:
        if data == "tokens":
            X = TriangleWorld(row_length=options.steps + 1).sample(SEQUENCES, random_state=0).X
            X = X.astype(np.int64)
        else:
            X = OscillatorWorld(n_steps=options.steps + 1).sample(SEQUENCES, random_state=0).X
            X = X.reshape(*X.shape[:2], -1)
        for units in options.sizes:
            for seeds in options.seeds:
                case = X, units, seeds, options.updates, options.precision
                functions = ours, time_transformer, time_stacked
                times = [[f(*case) for f in functions] for _ in range(options.repetitions)]
                a, b, c = 1e3 * np.min(times, axis=0) / (seeds * options.updates)
                row = dict(ours=a, plain=b, stacked=c, ratio=b / a, stacked_ratio=b / c)
                table.add(data=data, units=units, seeds=seeds, **row)
    name = "" if options.precision == "float32" else f"transformer_{options.precision}"
    save(options.save, table.rows, UNIT, name)


if __name__ == "__main__":
    main()
