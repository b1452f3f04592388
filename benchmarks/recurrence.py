"""Milliseconds an update of all seeds: torch, JAX and the compiled scan, in one run.

    python benchmarks/recurrence.py [--models rnn gru lstm]
        [--sizes 4 8 16 32 64 128 256 512 1024] [--updates 40] [--seeds 5] [--tokens 27 300]
        [--save FOLDER]

torch: torch.nn with Adam and batches by indexing, the best of one process on one thread, one on
all cores and one process a core; JAX, if installed (the extra "benchmark"): vmap over seeds and
lax.scan; ours: the updates of a fit of all seeds (batches, loss, optimiser, skorch), by the clock
at the end of each. Networks of channels have three turns, in a whole run minutes apart, and the
least of each counts. T = 256, batches of 64, two input channels; fewer updates of large networks,
and one seed of those with more than 512 units, as five would take minutes. More units than
`engine="numba"` takes are let through, to see where torch is faster.

`share` is that of the operations a second that the cores do at once in products of matrices of the
same single precision, which stay in their caches: by MKL and by oneDNN, of which the first leaves
half of some processors unused; measured before all and after each turn, one thread a core, as the
scans have, and the most counts. `least` is the milliseconds that an update
takes at that limit: these products, those of the head, and what is computed for each unit, an
operation in the time of a multiplication and addition. Quote the ratios; milliseconds are those of
one machine.

With --tokens, networks of as many tokens are measured in place of those of two channels: by the
package's own network and loss of tokens, which looks them up, and by ours. Both have three turns,
one after another, and the least of each counts. One seed is trained by torch in one process, on
one thread or on all cores.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import product
from unittest.mock import patch

import numpy as np
import torch
from measure import CORES, SAVING, Clock, Table, alone, save, timed
from plain_torch import BATCH, SEQUENCES, STEPS, time_torch, tokens_of

from sklearn_emerge import GRUPredictor, LSTMPredictor, OscillatorWorld, RNNPredictor
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.recurrence import _support
from sklearn_emerge.training import TrainingContext

# Rows of the square matrices of a product: three of 256 take 768 kB, less than the cache of a core.
SQUARES = 128, 192, 256
# What is timed: updates for at least so many seconds, but within these numbers.
SECONDS, FEWEST, MOST = 4.0, 8, 4000
TURNS = 3
# Above so many units one seed is measured.
LARGE = 512
# Updates of a fit before the time is taken.
FIRST = 3
MODELS = {"rnn": RNNPredictor, "gru": GRUPredictor, "lstm": LSTMPredictor}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
# Operations for a unit and step beside products, forward and backward. A tanh is 16: the quotient
# of two polynomials, of numbers between two limits.
POINTWISE = {"rnn": 16 + 2, "gru": 55 + 10, "lstm": 89 + 13}
UNIT = "milliseconds of the clock an update of all seeds; ratios are of theirs over ours"


def measure_limit(seconds=1.0):
    """Return the GFLOP/s of all cores at once, one thread each, in products that fit the cache."""
    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(_limit_of_a_core, [seconds] * CORES))


def _limit_of_a_core(seconds):
    """Return the GFLOP/s of this thread, of its own processor time."""
    torch.set_num_threads(1)
    best, libraries = 0.0, [torch.Tensor.contiguous]
    if torch.backends.mkldnn.is_available():
        libraries.append(torch.Tensor.to_mkldnn)
    for n, library in product(SQUARES, libraries):
        a, b = library(torch.randn(n, n)), library(torch.randn(n, n))

        def multiply(a=a, b=b):
            for _ in range(10):
                torch.nn.functional.linear(a, b)

        end = time.perf_counter() + seconds / len(SQUARES) / len(libraries)
        with torch.no_grad():
            while time.perf_counter() < end:
                best = max(best, 10 * 2 * n**3 / timed(multiply, clock=time.thread_time)[0] / 1e9)
    return best


def operations(kind, n_units, n_seeds):
    """Return the operations of an update of all seeds in products with weights of the core.

    A product with the states is made forward, and backward for their gradient and for that of the
    weights; one with the two inputs needs no gradient of these.
    """
    terms = 3 * n_units + 2 * 2
    return 2 * n_seeds * BATCH * (STEPS - 1) * GATES[kind] * n_units * terms


def least_time(kind, n_units, n_seeds, limit):
    """Return milliseconds that an update of all seeds takes at so many GFLOP/s; see `least`."""
    for_a_step = POINTWISE[kind] * n_units + 3 * n_units + 2
    others = 2 * n_seeds * BATCH * (STEPS - 1) * for_a_step
    return (operations(kind, n_units, n_seeds) + others) / limit / 1e6


def time_ours(kind, n_units, updates, n_tokens, n_seeds):
    """Return milliseconds of an update of all seeds in a fit."""
    torch.set_num_threads(CORES)
    # A head in closed form would follow the updates, and is not what is measured.
    model = MODELS[kind](n_units, engine="numba", head="sgd", max_steps=FIRST + updates)
    if n_tokens is None:
        X = OscillatorWorld(n_steps=STEPS).sample(SEQUENCES, random_state=0).X
        model.set_params(noise_std=0.05)
    else:
        X = tokens_of(n_tokens)
        model.set_params(likelihood="categorical", n_tokens=n_tokens)
    clock = Clock(time.perf_counter, updates, FIRST)
    fit_replicas(model, [X], range(n_seeds), TrainingContext(progress=(clock,)))
    return 1e3 * clock.seconds / updates


def time_all(kind, n_units, n_seeds, updates, updates_ours):
    """Return milliseconds of an update by torch, by JAX (NaN if missing) and by ours."""
    plain, jax = time_torch(kind, n_units, updates, None, n_seeds), np.nan
    if find_spec("jax"):
        from plain_jax import time_jax

        # Its threads would be in the way of processes that torch forks.
        shape = SEQUENCES, STEPS - 1, 2
        jax = alone(time_jax, kind, n_units, updates, n_seeds, shape, BATCH).result
    return plain, jax, time_ours(kind, n_units, updates_ours, None, n_seeds)


def compare_tokens(cases, vocabularies, updates, table):
    """Add a row for each network of tokens."""
    for (kind, units, seeds), tokens in product(cases, vocabularies):
        more = units, 4 * updates, tokens, seeds
        turns = [
            (time_torch(kind, units, updates, tokens, seeds), time_ours(kind, *more))
            for _ in range(TURNS)
        ]
        a, c = np.min(turns, axis=0)
        table.add(model=kind, units=units, tokens=tokens, seeds=seeds, torch=a, ours=c, ratio=a / c)


def compare_channels(cases, updates, table):
    """Add a row for each network of two channels."""
    limit = measure_limit()
    # Some seconds of updates.
    n_ours = {
        case: int(np.clip(1e3 * SECONDS / least_time(*case, limit), FEWEST, MOST)) for case in cases
    }
    turns = {case: [] for case in cases}
    # Other work on the machine comes and goes in minutes: a case has its turns far apart.
    for turn, case in product(range(TURNS), cases):
        kind, units, seeds = case
        n = max(4, 16 * updates // max(16, units))
        turns[case].append(time_all(*case, n, n_ours[case]))
        here = measure_limit()
        ms = "torch {:.4g}, JAX {:.4g}, ours {:.4g} ms".format(*turns[case][-1])
        said = f"turn {turn + 1}, {kind} of {units}, seeds {seeds}: {ms}; {here:.0f} GFLOP/s"
        print(said, file=sys.stderr)
        limit = max(limit, here)
    print(f"products of matrices on all cores: {limit:.0f} GFLOP/s")
    for case in cases:
        a, b, c = np.min(turns[case], axis=0)
        jax = {"jax": None, "jax_ratio": None} if np.isnan(b) else {"jax": b, "jax_ratio": b / c}
        speed, least = operations(*case) / c / 1e6, least_time(*case, limit)
        row = dict(torch=a, ours=c, ratio=a / c, **jax, gflops=speed, share=speed / limit)
        table.add(**dict(zip(("model", "units", "seeds"), case, strict=True)), **row, least=least)


def main():
    """Print a line for each network."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    sizes = [4, 8, 16, 32, 64, 128, 256, 512, 1024]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5])
    parser.add_argument("--tokens", type=int, nargs="+", help="sizes of vocabularies")
    options = parser.parse_args()
    print(f"T={STEPS}, batch {BATCH}, {CORES} cores; {UNIT}")
    cases = [
        (kind, units, seeds if units <= LARGE else 1)
        for kind, units, seeds in product(options.models, options.sizes, options.seeds)
    ]
    table, cases = Table(), list(dict.fromkeys(cases))
    with patch.object(_support, "MAX_HIDDEN", max(options.sizes)):
        if options.tokens:
            compare_tokens(cases, options.tokens, options.updates, table)
        else:
            compare_channels(cases, options.updates, table)
    save(options.save, table.rows, UNIT, "recurrence_tokens" if options.tokens else "")


if __name__ == "__main__":
    main()
