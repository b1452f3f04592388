"""What is lost when processes are killed: a small assessment with `memory`, cut off and resumed.

    python benchmarks/faults.py [--kills 100] [--minutes 60] [--seed 0] [--save FOLDER]
        [--engines serial loky multiprocessing dask]

Each kill is a SIGKILL at a random time, of the process that fits or of one of its workers; then the
same fit is started again, until one has ended. Counted is, over all kills: files of finished cells
that are gone or were written anew, processes that are alive a minute later, and the most seconds
until all were gone (a worker that is loading libraries ends when it has), fits that have not ended
five minutes after a worker was killed, temporary folders that stay when the last fit has
ended, and cubes that differ in any bit from one that nobody has disturbed. Before that, single bits
of kept files are flipped, two processes have one folder at once, and files may not grow beyond 1 kB
(RLIMIT_FSIZE), as on a full disk. Needs the extra "benchmark", and "cluster" for Dask.
"""

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import xarray as xr
from measure import SAVING, Table, save

ENGINES = ("serial", "loky", "multiprocessing", "dask")
# Seconds in which what was killed has to be gone.
_PATIENCE = 60
# Seconds in which a fit has to end that lost a worker.
_ENDING = 300
# The name of a cube that is not written.
NOWHERE = "nowhere"


def fit(engine, memory, path):
    """Fit in this process, and write the cube."""
    from engines import engine as on

    from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld

    assessment = EmergenceAssessment(
        OscillatorWorld(n_steps=10),
        GRUPredictor(max_steps=50, engine="torch"),
        param_grid={"hidden_size": [2, 3, 4]},
        modes=("full",),
        nulls=(),
        baselines=("mean", "persistence"),
        n_seeds=2,
        n_train=20,
        n_eval=20,
        alpha=0.6,
        claims=("gain",),
        reservoir_sizes=None,
        random_state=0,
        memory=memory,
        progress="log",
    )
    with on(engine):
        assessment.fit()
    if Path(path).name != NOWHERE:
        assessment.to_netcdf(path)


def start(folder, engine, memory, name="cube.nc", limit=None):
    """Start a process that fits."""

    def limited():
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, __file__, "--fit", engine, str(memory), str(folder / name)]
    return subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=limited,
    )


def kept(memory):
    """Return the time of each file of a finished cell."""
    files = (path for path in Path(memory).rglob("seed-*.pkl") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}


def members(session):
    """Return the processes of a session that are alive."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def same(path, expected):
    """Return whether a cube has the bits of another."""
    return xr.load_dataset(path).drop_vars("fit_seconds").equals(expected)


def kill(folder, engine, n_kills, seconds, expected, rng):
    """Kill and resume until there were so many kills, or time is up; return what was counted."""
    names = "kills", "of workers", "fits", "lost", "anew", "orphans", "hung", "folders", "differ"
    slowest = 0.0
    counts, memory = dict.fromkeys(names, 0), folder / "memory"

    def finish():
        counts["fits"] += 1
        counts["differ"] += not same(folder / "cube.nc", expected)
        shutil.rmtree(memory)

    begun = time.monotonic()
    assert start(folder, engine, memory).wait() == 0
    longest = time.monotonic() - begun
    finish()
    while counts["kills"] < n_kills and time.monotonic() - begun < seconds:
        before = kept(memory)
        process = start(folder, engine, memory)
        try:
            process.wait(rng.uniform(0, 0.8 * longest))
        except subprocess.TimeoutExpired:
            counts["kills"] += 1
            workers = [each for each in members(process.pid) if each.pid != process.pid]
            if workers and rng.random() < 0.5:
                counts["of workers"] += 1
                rng.choice(workers).kill()
            else:
                process.kill()
            try:
                process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                counts["hung"] += 1
                process.kill()
                process.wait()
        ended = time.monotonic()
        while members(process.pid) and time.monotonic() < ended + _PATIENCE:
            time.sleep(0.1)
        slowest = max(slowest, time.monotonic() - ended)
        left = members(process.pid)
        counts["orphans"] += len(left)
        for each in left:
            each.kill()
        after = kept(memory)
        counts["lost"] += len(before.keys() - after.keys())
        counts["anew"] += sum(after.get(path, when) != when for path, when in before.items())
        if process.returncode == 0:
            finish()
    assert start(folder, engine, memory).wait() == 0
    finish()
    counts["folders"] = len(list((folder / "tmp").glob("sklearn_emerge-*")))
    return counts | {"slowest": slowest}


def flip(folder, expected, n_files, rng):
    """Flip a bit of kept files, one after the other; return how many cubes differ."""
    differ = 0
    for _ in range(n_files):
        path = rng.choice(sorted(kept(folder / "memory")))
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        differ += start(folder, "serial", folder / "memory").wait() != 0
        differ += not same(folder / "cube.nc", expected)
    return differ


def main():
    """Print a row an engine, after what happened to files."""
    parser = argparse.ArgumentParser(parents=[SAVING])
    parser.add_argument("--kills", type=int, default=100, help="of all engines together")
    parser.add_argument("--minutes", type=float, default=60, help="of all engines together")
    parser.add_argument("--flips", type=int, default=10)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        fit(*options.fit)
        return
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "tmp").mkdir()
        assert start(folder, "serial", folder / "memory", "whole.nc").wait() == 0
        expected = xr.load_dataset(folder / "whole.nc").drop_vars("fit_seconds")
        files = Table()
        differ = flip(folder, expected, options.flips, rng)
        files.add(what="bits flipped", tried=options.flips, differ=differ)
        both = [start(folder, "serial", folder / "both", f"{i}.nc") for i in range(2)]
        differ = sum(each.wait() != 0 for each in both)
        differ += sum(not same(folder / f"{i}.nc", expected) for i in range(2))
        files.add(what="two fits at once", tried=2, differ=differ)
        full = start(folder, "serial", folder / "full", NOWHERE, limit=1024).wait()
        files.add(what="a full disk", tried=1, differ=int(full != 0))
        shutil.rmtree(folder / "memory")
        share = -(-options.kills // len(options.engines))
        seconds = 60 * options.minutes / len(options.engines)
        kills = Table()
        for i, engine in enumerate(options.engines):
            n_kills = min(share, options.kills - i * share)
            kills.add(engine=engine, **kill(folder, engine, n_kills, seconds, expected, rng))
    save(options.save, {"files": files.rows, "kills": kills.rows}, "counts")


if __name__ == "__main__":
    main()
