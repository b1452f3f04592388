"""Milliseconds an update of a small transformer: training of some seeds against a plain torch loop.

    python benchmarks/transformer.py [--sizes 16 32 64 128] [--seeds 1 5] [--updates 20]
        [--repetitions 3] [--steps 44] [--data tokens numbers] [--precision bfloat16]

The loop is what a tutorial would write, one seed after another: `torch.nn.TransformerEncoder` with
an embedding, AdamW and clipped gradients, batches of 64 by indexing. Ours are the same updates,
through `training.run`. Both have two layers of four heads and one thread. They take turns, and the
least processor time of all repetitions is what counts: other work on the machine takes time from
both. Quote the ratios; the absolute times are those of one machine. The first update, with which a
kernel is read from the disk or compiled in about two seconds, is left out of both.

Of tokens, loop over ours, on a core of an AMD EPYC: 2.4 with 16 units, 1.8 with 32, and 1.0 with
64 and 128, where heads are too large for the kernel of attention and both are bound by products of
matrices. Five seeds are as quick as one by one: they are trained one after another.
"""

import argparse
import time

import numpy as np
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn

from sklearn_emerge import OscillatorWorld, TransformerPredictor, TriangleWorld
from sklearn_emerge.training import TrainingContext, run
from sklearn_emerge.training._callbacks import StopTraining

N_LAYERS, N_HEADS, BATCH, SEQUENCES, DECAY = 2, 4, 64, 512, 0.01


class Plain(nn.Module):
    """What a tutorial would write."""

    def __init__(self, embedding, context, width, n_outputs):
        super().__init__()
        self.embedding = embedding
        self.positions = nn.Parameter(0.02 * torch.randn(context, width))
        layer = nn.TransformerEncoderLayer(
            width,
            N_HEADS,
            4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(
            layer, N_LAYERS, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head = nn.Linear(width, n_outputs)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(context))

    def forward(self, inputs):
        """Return the outputs for the next steps."""
        hidden = self.embedding(inputs) + self.positions
        return self.head(self.blocks(hidden, mask=self.mask, is_causal=True))


def plainly(X, width, n_seeds, n_updates, precision):
    """Return the processor seconds of updates by a loop."""
    seconds, tokens = 0.0, X.dtype.kind == "i"
    data = torch.as_tensor(X, dtype=torch.long if tokens else torch.float32)
    n_kinds = int(X.max()) + 1 if tokens else X.shape[2]
    for seed in range(n_seeds):
        torch.manual_seed(seed)
        embedding = nn.Embedding(n_kinds, width) if tokens else nn.Linear(n_kinds, width)
        model = Plain(embedding, X.shape[1] - 1, width, n_kinds)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=DECAY)
        order = torch.empty(0, dtype=torch.long)
        for update in range(n_updates + 1):
            if update == 1:
                start = time.process_time()
            if len(order) < BATCH:
                order = torch.randperm(len(data))
            batch, order = data[order[:BATCH]], order[BATCH:]
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                output = model(batch[:, :-1])
            output, target = output.float(), batch[:, 1:]
            if tokens:
                loss = nn.functional.cross_entropy(output.flatten(0, 1), target.flatten())
            else:
                loss = nn.functional.mse_loss(output, target)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds += time.process_time() - start
    return seconds


class Clock(Callback):
    """Measure some updates but the first of each training, and end it."""

    def __init__(self, n_updates):
        self.n_updates, self.seconds = n_updates, 0.0

    def on_train_begin(self, net, **kwargs):
        """Start."""
        self.times = []

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Look at the clock."""
        self.times.append(time.process_time())
        if len(self.times) > self.n_updates:
            self.seconds += self.times[-1] - self.times[0]
            raise StopTraining


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
    clock = Clock(n_updates)
    jobs = [each.training_job(prepared) for each in models]
    run(jobs, TrainingContext(progress=(clock,)))
    return clock.seconds


def main():
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--steps", type=int, default=44)
    parser.add_argument("--data", nargs="+", default=["tokens", "numbers"])
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("data     width  seeds   ours  plain  ratio   (ms an update and seed)")
    for data in options.data:
        if data == "tokens":
            X = TriangleWorld(row_length=options.steps + 1).sample(SEQUENCES, random_state=0).X
            X = X.astype(np.int64)
        else:
            X = OscillatorWorld(n_steps=options.steps + 1).sample(SEQUENCES, random_state=0).X
            X = X.reshape(*X.shape[:2], -1)
        for width in options.sizes:
            for n_seeds in options.seeds:
                arguments = X, width, n_seeds, options.updates, options.precision
                times = [
                    (ours(*arguments), plainly(*arguments)) for _ in range(options.repetitions)
                ]
                a, b = 1e3 * np.min(times, axis=0) / (n_seeds * options.updates)
                print(f"{data:8} {width:5} {n_seeds:6} {a:6.2f} {b:6.2f} {b / a:5.2f}x", flush=True)


if __name__ == "__main__":
    main()
