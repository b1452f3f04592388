"""Tokens as numbers against a channel each: memory of the data, and time of an update.

    python benchmarks/tokens.py [--steps 200]

For several vocabularies a transformer of 16 units is trained on the same rows of 20 tokens, from
the same weights: by `TransformerPredictor`, which looks tokens up, and on preloaded channels, of
which one a step is 1, as inputs and as targets. Each runs in a process of its own, whose peak of
memory is what it has beyond what it had after a few rows. Then the largest vocabulary alone, with
the defaults, and an assessment of 100,000 rows of `AlgorithmicWorld`. Times are those of one
machine; ratios travel.
"""

import argparse
import time

import numpy as np
import torch
from measure import Table, alone

from sklearn_emerge import AlgorithmicWorld, EmergenceAssessment, TransformerPredictor
from sklearn_emerge.networks import SequenceNetwork, TransformerCore

WIDTH, N_STEPS, BATCH = 16, 20, 64
# Vocabulary and rows.
CASES = (27, 100_000), (256, 10_000), (2000, 2000)
LARGEST = 50_000, 2000


def rows_of(n_tokens, n_rows):
    """Return rows of random tokens."""
    return np.random.default_rng(0).integers(n_tokens, size=(n_rows, N_STEPS), dtype=np.int32)


def network_of(n_tokens, max_steps):
    """Return a predictor that trains for so many updates."""
    return TransformerPredictor(
        WIDTH,
        1,
        2,
        likelihood="categorical",
        n_tokens=n_tokens,
        head="sgd",
        max_steps=max_steps,
        batch_size=BATCH,
        random_state=0,
    )


def as_numbers(n_tokens, n_rows, n_updates):
    """Train as the package does; returns seconds an update, without what is done once."""
    X, seconds = rows_of(n_tokens, n_rows), []
    for n in (1, n_updates + 1):
        start = time.perf_counter()
        network_of(n_tokens, n).fit(X)
        seconds.append(time.perf_counter() - start)
    return (seconds[1] - seconds[0]) / n_updates


def as_channels(n_tokens, n_rows, n_updates):
    """Train on channels; returns seconds an update."""
    X = torch.from_numpy(rows_of(n_tokens, n_rows)).long()
    channels = torch.zeros(n_rows, N_STEPS, n_tokens)
    channels.scatter_(2, X[:, :, None], 1.0)
    inputs, targets = channels[:, :-1], channels[:, 1:]
    options = dict(n_heads=2, scale=8**-0.5, dropout=0.0, feedforward_size=4 * WIDTH)
    options |= dict(bias=False, norm="pre", activate_output=False)
    core = TransformerCore(n_tokens, N_STEPS - 1, WIDTH, 1, **options)
    torch.nn.init.zeros_(core.positions)
    network = SequenceNetwork(core, WIDTH, n_tokens)
    optimizer = torch.optim.Adam(network.parameters(), foreach=True)
    rng, seconds = np.random.default_rng(0), []
    for n in (1, n_updates + 1):
        start = time.perf_counter()
        for _ in range(n):
            rows = torch.from_numpy(rng.choice(n_rows, BATCH, replace=False))
            logits = network(inputs[rows])
            loss = -(targets[rows] * logits.log_softmax(dim=2)).sum(dim=2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    return (seconds[1] - seconds[0]) / n_updates


def largest(n_tokens, n_rows, n_updates):
    """Fit and score with the defaults, a head in closed form among them; returns seconds."""
    X, start = rows_of(n_tokens, n_rows), time.perf_counter()
    model = network_of(n_tokens, n_updates).set_params(head="exact").fit(X)
    fitted = time.perf_counter()
    model.score(X)
    return fitted - start, time.perf_counter() - fitted


def assessed(_, n_rows, n_updates):
    """Assess rows of a world; returns seconds."""
    world = AlgorithmicWorld(["COPY"], row_length=N_STEPS)
    start = time.perf_counter()
    model = network_of(world.n_tokens, n_updates)
    options = dict(n_seeds=2, n_train=n_rows, n_eval=1000, nulls=("permuted",), progress=False)
    EmergenceAssessment(world, model, random_state=0, **options).fit()
    return time.perf_counter() - start


def main():
    """Print both ways side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200, help="updates that are timed")
    options = parser.parse_args()
    few, table = max(1, options.steps // 20), Table()
    for case in CASES:
        ours, theirs = (
            alone(way, *case, options.steps, warm_up=(5, BATCH, 2))
            for way in (as_numbers, as_channels)
        )
        row = dict(tokens=case[0], rows=case[1], MiB=ours.more, channels_MiB=theirs.more)
        row |= dict(memory_ratio=theirs.more / ours.more, ms=1e3 * ours.result)
        row |= dict(channels_ms=1e3 * theirs.result, ratio=theirs.result / ours.result)
        table.add(**row)
    found = alone(largest, *LARGEST, few, warm_up=(5, BATCH, 2))
    fit, score = found.result
    print(f"{LARGEST[0]} tokens, {LARGEST[1]} rows: {few} updates {fit:.1f} s, ", end="")
    print(f"score {score:.1f} s, peak of the process {found.peak:.0f} MiB", flush=True)
    found = alone(assessed, *CASES[0], few, warm_up=(5, BATCH, 2))
    print(f"assessment of {CASES[0][1]} rows: {found.result:.1f} s, {found.more:.0f} MiB", end=" ")
    print(f"more than one of {BATCH} rows, peak of the process {found.peak:.0f} MiB")


if __name__ == "__main__":
    main()
