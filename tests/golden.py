"""Small assessments whose results a change of the house must not move.

``python tests/golden.py`` prints a digest of each; ``python tests/golden.py COMMIT`` compares them
with those of a commit, bit for bit, on this machine; ``--write`` writes what the test compares.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
STORED = Path(__file__).with_name("golden.json")
# What is compared on all processors, which round differently.
NUMBERS = ("nll", "nll_reference", "nll_best_baseline", "claim_effect")


def recordings():
    """Return random walks."""
    return np.random.default_rng(0).normal(size=(60, 12)).cumsum(axis=1)


def cubes():
    """Yield the name and the cube of each assessment."""
    from sklearn_emerge import (
        BernoulliWorld,
        DriftWorld,
        EmergenceAssessment,
        GRUPredictor,
        LinearSystemWorld,
        LSTMPredictor,
        OscillatorWorld,
        RegimeWorld,
        RNNPredictor,
        TransformerPredictor,
        TriangleWorld,
    )

    options = dict(n_seeds=2, random_state=0, progress=False, n_train=60, n_eval=40)
    options |= dict(reservoir_sizes=(4, 8), baselines=("mean", "persistence", "linear_filter"))

    def assess(*args, fit=(), **more):
        with warnings.catch_warnings():
            # They are small.
            warnings.simplefilter("ignore")
            return EmergenceAssessment(*args, **options | more).fit(*fit).cube_

    yield (
        "oscillator, GRU",
        assess(
            OscillatorWorld(n_steps=30),
            GRUPredictor(6, max_steps=30, lr=1e-3),
            nulls=("phase",),
            modes=("full", "readout", "random", "scrambled"),
            baselines=("time_varying_filter", "window", "echo_state", "seasonal"),
        ),
    )
    yield (
        "drift, a grid of RNNs",
        assess(
            DriftWorld(n_steps=20),
            RNNPredictor(4, max_steps=20, lr=1e-3, engine="numba"),
            param_grid={"hidden_size": [3, 4], "world__n_steps": [20, 24]},
        ),
    )
    yield "regime, LSTM", assess(RegimeWorld(n_steps=24), LSTMPredictor(4, max_steps=20, lr=1e-3))
    yield (
        "coin flips, torch",
        assess(BernoulliWorld(n_steps=24), GRUPredictor(4, max_steps=10, lr=1e-3, engine="torch")),
    )
    yield (
        "random walk, trajectory",
        assess(
            LinearSystemWorld.random_walk(n_steps=24),
            GRUPredictor(4, max_steps=10, lr=1e-3),
            record_at=[0, 5, 10],
            measures={"score": lambda predictor, s: predictor.score(s.X)},
        ),
    )
    yield (
        "triangle, transformer",
        assess(
            TriangleWorld(),
            TransformerPredictor(16, n_layers=1, max_steps=4),
            nulls=("redrawn",),
            shared_data=True,
            baselines=("mean", "markov"),
        ),
    )
    X = recordings()
    recorded = dict(model=GRUPredictor(3, max_steps=9, lr=1e-3), n_train=None, n_eval=None)
    yield "recordings", assess(fit=(X, 2 * X), **recorded)
    two = np.stack([X, X[::-1]], axis=2)
    yield "two channels", assess(fit=(two, two), **recorded)
    yield "binary recordings", assess(fit=((X > 0).astype(float), (X > 1).astype(int)), **recorded)


def digest(cube):
    """Return a digest of all values of a cube."""
    digest = hashlib.sha256()
    for name in sorted(set(cube.variables) - {"fit_seconds"}):
        values = cube[name].values
        content = repr(values.tolist()).encode() if values.dtype.kind in "OUT" else values.tobytes()
        digest.update(f"{name}{cube[name].dims}".encode() + content)
    return digest.hexdigest()[:16]


def numbers(cube):
    """Return the means of the main variables of a cube."""
    return {name: cube[name].mean(skipna=True).item() for name in NUMBERS}


def at(commit):
    """Return the lines that this file prints with the package of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(ROOT)]
        subprocess.run([*git, "worktree", "add", "--detach", folder, commit], check=True)
        try:
            command = [sys.executable, __file__]
            environment = os.environ | {"PYTHONPATH": folder}
            return subprocess.check_output(command, text=True, env=environment, cwd=folder)
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", folder], check=True)


def main():
    """Print digests, compare them with those of a commit, or write what the test compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", nargs="?")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = dict(cubes())
    if options.write:
        STORED.write_text(json.dumps({k: numbers(v) for k, v in found.items()}, indent=1) + "\n")
    lines = [f"{digest(cube)} {name}" for name, cube in found.items()]
    if options.commit is None:
        print("\n".join(lines))
        return 0
    before = at(options.commit).splitlines()
    changed = [line for line in lines if line not in before]
    print("\n".join(changed) or f"{len(lines)} assessments are the same, bit for bit")
    return bool(changed)


if __name__ == "__main__":
    sys.exit(main())
