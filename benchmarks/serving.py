"""A small transformer below the C_c of its task and one above, served: accuracy and latency.

    python benchmarks/serving.py [--widths 8 32] [--steps 300] [--concurrent 200] [--requests 1000]

Both learn to translate the words of a language, are exported, and served by a process of their own
on loopback. A request is a prompt of 35 tokens and asks for four words. Latency is what the client
sees: one request after another, in turn with `predictor.generate` in this process, and with so
many under way at all times. Times are those of one machine; the ratio of the two travels.
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import numpy as np

from sklearn_emerge import TransformerPredictor, TriangleWorld
from sklearn_emerge.measures import draw_queries, words_right
from sklearn_emerge.serving import export_network

WORLD = TriangleWorld(2, 8, {"A->B": 4000})


def train(width, n_steps):
    """Return a transformer that has learned to translate, or tried."""
    X = WORLD.sample(WORLD.default_n_train, random_state=0).X
    return TransformerPredictor(
        width,
        2,
        4,
        likelihood="categorical",
        n_tokens=WORLD.n_tokens,
        max_steps=n_steps,
        lr=3e-3,
        random_state=0,
    ).fit(X)


@contextmanager
def served(path):
    """Serve a file from another process; gives the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sklearn_emerge", "serve", path, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                httpx2.get(f"{address}/health").raise_for_status()
                break
            except httpx2.TransportError:
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}") from None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def ask_in_turn(address, model, prompts):
    """Return the seconds of each request and of each call, and what the requests got."""
    seconds, direct, answers = [], [], []
    with httpx2.Client(base_url=address, timeout=60) as client:
        for prompt in prompts:
            body = {"prompts": [prompt.tolist()], "n_steps": 4}
            start = time.perf_counter()
            answer = client.post("/generate", json=body).raise_for_status()
            seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
            model.generate([prompt], 4)
            direct.append(time.perf_counter() - start)
            answers.append(answer.json()["continuations"][0])
    return seconds, direct, answers


async def ask_at_once(address, prompts, n_requests, n_concurrent):
    """Return the seconds of each request and of all together."""
    seconds, waiting = [], iter(range(n_requests))
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)

    async def ask(client):
        for i in waiting:
            body = {"prompts": [prompts[i % len(prompts)].tolist()], "n_steps": 4}
            start = time.perf_counter()
            (await client.post("/generate", json=body)).raise_for_status()
            seconds.append(time.perf_counter() - start)

    async with httpx2.AsyncClient(base_url=address, limits=limits, timeout=60) as client:
        start = time.perf_counter()
        await asyncio.gather(*(ask(client) for _ in range(n_concurrent)))
        return seconds, time.perf_counter() - start


def main():
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--widths", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--steps", type=int, default=300, help="updates of training")
    parser.add_argument("--concurrent", type=int, default=200)
    parser.add_argument("--requests", type=int, default=1000)
    options = parser.parse_args()
    queries = draw_queries(WORLD, "A->B", n_queries=200, random_state=1)
    print("ms of a request; ratio: p50 of one client to predictor.generate of the same prompt")
    print(f"{'':14}{'':>8}{'predictor':>10}{'one client':>20}{'ratio':>8}", end="")
    print(f"{f'{options.concurrent} clients':>20}")
    print(f"{'width':>6}{'weights':>8}{'words':>8}{'p50':>10}{'p50':>10}{'p99':>10}{'':8}", end="")
    print(f"{'p50':>10}{'p99':>10}{'a second':>10}", flush=True)
    for width in options.widths:
        model = train(width, options.steps)
        with TemporaryDirectory() as folder:
            path = Path(folder, "network.pt2")
            export_network(model, path)
            with served(path) as address:
                ask_in_turn(address, model, queries.prompts[:20])
                alone, direct, generated = ask_in_turn(address, model, queries.prompts)
                crowd, total = asyncio.run(
                    ask_at_once(address, queries.prompts, options.requests, options.concurrent)
                )
        words = words_right(WORLD, queries.answers, generated).mean()
        once = 1000 * np.median(direct)
        low, high = 1000 * np.quantile(alone, [0.5, 0.99])
        print(
            f"{width:>6}{model.n_parameters_:>8}{words:>8.2f}{once:>10.1f}{low:>10.1f}{high:>10.1f}"
            f"{low / once:>7.2f}x",
            end="",
        )
        low, high = 1000 * np.quantile(crowd, [0.5, 0.99])
        print(f"{low:>10.0f}{high:>10.0f}{len(crowd) / total:>10.0f}", flush=True)


if __name__ == "__main__":
    main()
