"""Milliseconds an update of five seeds: torch, JAX and the compiled scan, in one run.

    python benchmarks/recurrence.py [--sizes 4 8 16 32 64 128 256 384] [--updates 40]
        [--tokens 27 300] [--save FOLDER]

torch: torch.nn with Adam and batches by indexing, the best of one process on one thread, one on
all cores and one process a core; JAX, if installed (the extra "benchmark"): vmap over seeds and
lax.scan; ours: end to end through the fit of all seeds (batches, loss, optimiser, skorch), the
difference of a long and a short fit, the quicker of two each. Networks of channels have three
turns, in a whole run minutes apart, and the least of each counts, of long and short fits on their
own. T = 256, batches of 64, two input channels; fewer updates of large networks. More units than
`engine="numba"` takes are let through, to see where torch is faster.

`share` is that of the operations a second that the cores do at once in products of matrices of the
same single precision, which stay in their caches: measured before all and after each turn, one
thread a core, as the scans have, and the most counts. `least` is the milliseconds that an update
takes at that limit: these products, those of the head, and what is computed for each unit, an
operation in the time of a multiplication and addition. Quote the ratios; milliseconds are those of
one machine.

With --tokens, networks of as many tokens are measured in place of those of two channels: by the
package's own network and loss of tokens, which looks them up, and by ours. Both have three turns,
one after another, and the least of each counts. There is a line for five seeds and one for one,
which torch trains in one process, on one thread or on all cores.
"""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from itertools import product
from unittest.mock import patch

import numpy as np
import torch
from measure import CORES, SAVING, Table, alone, save, timed
from plain_torch import BATCH, SEQUENCES, STEPS, time_torch, tokens_of

from sklearn_emerge import GRUPredictor, OscillatorWorld, RNNPredictor
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.recurrence import _support

SEEDS = 5
# Rows of the square matrices of a product: three of 192 take 432 kB, less than the cache of a core.
SQUARES = 128, 192
# What is timed: updates for at least so many seconds, but within these numbers.
SECONDS, FEWEST, MOST = 4.0, 16, 4000
TURNS = 3
# Updates of a short fit: what else a fit takes is in both.
FEW = 10
GATES = {"rnn": 1, "gru": 3}
# Operations for a unit and step beside products, forward and backward. A tanh is 16: the quotient
# of two polynomials, of numbers between two limits.
POINTWISE = {"rnn": 16 + 2, "gru": 55 + 10}
UNIT = "milliseconds of the clock an update of all seeds; ratios are of theirs over ours"


def measure_limit(seconds=1.0):
    """Return the GFLOP/s of all cores at once, one thread each, in products that fit the cache."""
    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(_limit_of_a_core, [seconds] * CORES))


def _limit_of_a_core(seconds):
    """Return the GFLOP/s of this thread, of its own processor time."""
    torch.set_num_threads(1)
    best = 0.0
    for n in SQUARES:
        a, b, out = torch.randn(n, n), torch.randn(n, n), torch.empty(n, n)

        def multiply(a=a, b=b, out=out):
            for _ in range(10):
                torch.mm(a, b, out=out)

        end = time.perf_counter() + seconds / len(SQUARES)
        while time.perf_counter() < end:
            best = max(best, 10 * 2 * n**3 / timed(multiply, clock=time.thread_time)[0] / 1e9)
    return best


def operations(kind, n_units):
    """Return the operations of an update of all seeds in products with weights of the core.

    A product with the states is made forward, and backward for their gradient and for that of the
    weights; one with the two inputs needs no gradient of these.
    """
    terms = 3 * n_units + 2 * 2
    return 2 * SEEDS * BATCH * (STEPS - 1) * GATES[kind] * n_units * terms


def least_time(kind, n_units, limit):
    """Return milliseconds that an update of all seeds takes at so many GFLOP/s; see `least`."""
    for_a_step = POINTWISE[kind] * n_units + 2 * (3 * n_units + 2)
    others = 2 * SEEDS * BATCH * (STEPS - 1) * for_a_step
    return (operations(kind, n_units) + others) / limit / 1e6


def time_ours(kind, n_units, updates, n_tokens=None, n_seeds=SEEDS):
    """Return seconds of a short fit of all seeds, end to end, and of one with more updates."""
    torch.set_num_threads(CORES)
    model = {"rnn": RNNPredictor, "gru": GRUPredictor}[kind](n_units, engine="numba")
    if n_tokens is None:
        X = OscillatorWorld(n_steps=STEPS).sample(SEQUENCES, random_state=0).X
        model.set_params(noise_std=0.05)
    else:
        X = tokens_of(n_tokens)
        # Without a head in closed form, whose time would hide that of the updates.
        model.set_params(likelihood="categorical", n_tokens=n_tokens, head="sgd")

    def seconds(n):
        fit = partial(fit_replicas, model.set_params(max_steps=n), [X], range(n_seeds))
        return timed(fit, n_repeats=2, clock=time.perf_counter)[0]

    # The first compiles, or reads from the disk.
    seconds(1)
    return seconds(FEW), seconds(FEW + updates)


def time_all(kind, n_units, updates, updates_ours):
    """Return milliseconds of an update by torch and by JAX, NaN if missing; seconds of ours."""
    plain, jax = time_torch(kind, n_units, updates, None, SEEDS), np.nan
    if find_spec("jax"):
        from plain_jax import time_jax

        # Its threads would be in the way of processes that torch forks.
        shape = SEQUENCES, STEPS - 1, 2
        jax = alone(time_jax, kind, n_units, updates, SEEDS, shape, BATCH).result
    return plain, jax, *time_ours(kind, n_units, updates_ours)


def least_of(turns, updates_ours):
    """Return the least milliseconds of an update in some turns, the last of them ours."""
    *theirs, short, long = np.min(turns, axis=0)
    return *theirs, 1e3 * (long - short) / updates_ours


def compare_tokens(sizes, vocabularies, updates, table):
    """Add a row for each network of tokens."""
    for kind, units, tokens, seeds in product(("rnn", "gru"), sizes, vocabularies, (SEEDS, 1)):
        case = kind, units, updates, tokens, seeds
        ours = kind, units, 4 * updates, tokens, seeds
        turns = [(time_torch(*case), *time_ours(*ours)) for _ in range(TURNS)]
        a, c = least_of(turns, 4 * updates)
        table.add(model=kind, units=units, tokens=tokens, seeds=seeds, torch=a, ours=c, ratio=a / c)


def compare_channels(sizes, updates, table):
    """Add a row for each network of two channels."""
    limit = measure_limit()
    cases = list(product(("rnn", "gru"), sizes))
    # Some seconds of updates: what else a fit takes varies by a tenth of one.
    n_ours = {
        case: int(np.clip(1e3 * SECONDS / least_time(*case, limit), FEWEST, MOST)) for case in cases
    }
    times = {case: [] for case in cases}
    # Other work on the machine comes and goes in minutes: a case has its turns far apart.
    for turn, case in product(range(TURNS), cases):
        kind, units = case
        n = max(4, 16 * updates // max(16, units))
        times[case].append(time_all(kind, units, n, n_ours[case]))
        here = measure_limit()
        ms = "torch {:.4g}, JAX {:.4g}, ours {:.4g} ms".format(
            *least_of(times[case][-1:], n_ours[case])
        )
        print(f"turn {turn + 1}, {kind} of {units}: {ms}; {here:.0f} GFLOP/s", file=sys.stderr)
        limit = max(limit, here)
    print(f"products of matrices on all cores: {limit:.0f} GFLOP/s")
    for kind, units in cases:
        a, b, c = least_of(times[kind, units], n_ours[kind, units])
        jax = {"jax": None, "jax_ratio": None} if np.isnan(b) else {"jax": b, "jax_ratio": b / c}
        speed, least = operations(kind, units) / c / 1e6, least_time(kind, units, limit)
        row = dict(torch=a, ours=c, ratio=a / c, **jax, gflops=speed, share=speed / limit)
        table.add(model=kind, units=units, seeds=SEEDS, **row, least=least)


def main():
    """Print a line for each network."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 8, 16, 32, 64, 128, 256, 384])
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--tokens", type=int, nargs="+", help="sizes of vocabularies")
    options = parser.parse_args()
    print(f"T={STEPS}, batch {BATCH}, {CORES} cores; {UNIT}")
    table = Table()
    with patch.object(_support, "MAX_HIDDEN", max(options.sizes)):
        if options.tokens:
            compare_tokens(options.sizes, options.tokens, options.updates, table)
        else:
            compare_channels(options.sizes, options.updates, table)
    save(options.save, table.rows, UNIT, "recurrence_tokens" if options.tokens else "")


if __name__ == "__main__":
    main()
