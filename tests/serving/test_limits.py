"""A service refuses what is too much at once, closes what is too slow, and lets clients take turns.

Each limit is tested with a service that would answer, or wait, without it.
"""

import asyncio
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import torch
from fastapi.testclient import TestClient
from served import serving

from sklearn_emerge.serving import ExportedNetwork, create_service
from sklearn_emerge.serving._server import impatient
from sklearn_emerge.serving._turns import Turns

DESCRIPTION = {"n_tokens": 3, "context": 64, "facts": {}}


def one_token(tokens):
    return torch.zeros(*tokens.shape, 3)


NETWORK = ExportedNetwork(one_token, DESCRIPTION)


def ask(address, n_prompts=1, n_steps=1):
    body = {"prompts": [[1]] * n_prompts, "n_steps": n_steps}
    return httpx2.post(f"{address}/generate", json=body, timeout=30)


def connect(address):
    place = urlsplit(address)
    return socket.create_connection((place.hostname, place.port), timeout=10)


def test_an_answer_has_a_limit():
    client = TestClient(create_service(NETWORK, max_answer=12))

    def ask(n_prompts, n_steps):
        return client.post("/generate", json={"prompts": [[0]] * n_prompts, "n_steps": n_steps})

    assert [ask(3, 4).status_code, ask(1, 12).status_code, ask(12, 1).status_code] == [200] * 3
    answer = ask(3, 5)
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "3 prompts with n_steps=5 ask for 15 tokens, more than max_answer=12; send fewer prompts "
        "or ask for fewer steps.",
    )


@pytest.mark.parametrize(
    ("limits", "status", "message"),
    [
        (
            dict(max_requests=3, max_share=1),
            503,
            "As many requests are under way as max_requests=3 allows; ask again later.",
        ),
        (
            dict(max_requests=6, max_share=0.5),
            429,
            "3 requests of this client are under way, its share (max_share=0.5) of "
            "max_requests=6; wait for an answer before you ask again.",
        ),
    ],
)
def test_requests_under_way_have_a_limit(limits, status, message):
    release, under_way = threading.Event(), []

    def wait(tokens):
        assert release.wait(20)
        return one_token(tokens)

    service = create_service(ExportedNetwork(wait, DESCRIPTION), **limits)
    with serving(service) as address:

        def keep_asking():
            # The one that asks below may be under way, too, for a moment.
            while (answer := ask(address)).status_code == status:
                time.sleep(0.01)
            under_way.append(answer.status_code)

        threads = [threading.Thread(target=keep_asking) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            # Until they are under way another is one of the three.
            refused, end = [], time.monotonic() + 10
            while not refused:
                assert time.monotonic() < end
                time.sleep(0.1)
                body = {"prompts": [[1]], "n_steps": 99}
                answer = httpx2.post(f"{address}/generate", json=body, timeout=30)
                refused = [answer] if answer.status_code != 422 else []
            assert httpx2.get(f"{address}/health").json()["max_requests"] == limits["max_requests"]
        finally:
            release.set()
            for thread in threads:
                thread.join()
        assert (answer.status_code, answer.json()["detail"]) == (status, message)
        assert answer.headers["retry-after"] == "1"
        assert under_way == [200] * 3
        # What has been answered is not under way.
        assert ask(address).status_code == 200


def test_a_body_that_comes_slowly_is_given_up():
    with serving(create_service(NETWORK, timeout=0.3)) as address, connect(address) as slow:
        slow.sendall(
            b"POST /generate HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            b"Content-Length: 40\r\n\r\n{"
        )
        answer = b""
        while part := slow.recv(10_000):
            answer += part
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"The body did not come within timeout=0.3 seconds; send it at once." in answer
        assert ask(address).status_code == 200


@pytest.mark.parametrize("begun", [b"", b"POST /generate HTTP/1.1\r\nHost: local"])
def test_connections_that_do_not_ask_are_closed(begun):
    with serving(create_service(NETWORK), http=impatient(0.3)) as address:
        with connect(address) as slow:
            slow.sendall(begun)
            assert slow.recv(10_000) == b""
        with connect(address) as slow:
            slow.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
            answer = slow.recv(10_000)
            assert answer.startswith(b"HTTP/1.1 200")
            slow.sendall(begun)
            # The rest of the answer, and then nothing.
            while part := slow.recv(10_000):
                answer += part
            assert answer.endswith(b"}")
            assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.slow
def test_a_request_that_is_under_way_is_not_slow():
    """Its answer takes longer than the head of another may."""

    def wait(tokens):
        time.sleep(0.4)
        return one_token(tokens)

    service = create_service(ExportedNetwork(wait, DESCRIPTION))
    with serving(service, http=impatient(0.2)) as address, httpx2.Client() as client:
        for _ in range(2):
            body = {"prompts": [[1]], "n_steps": 2}
            assert client.post(f"{address}/generate", json=body).status_code == 200


def test_a_time_that_is_none_is_refused_before_serving():
    with pytest.raises(ValueError, match="timeout=-1 must be a finite number of seconds"):
        impatient(-1)


def steps(name, n_steps, done):
    """Yield None as a network does, and say who had which turn."""
    for _ in range(n_steps):
        time.sleep(0.06)
        done.append(name)
        yield None
    yield name


def test_clients_take_turns():
    """A long request is under way, and two more wait, when another client asks for a short one."""
    done = []

    async def run():
        turns = Turns(1)
        long = [asyncio.create_task(turns.run("a", steps(f"a{i}", 6, done))) for i in range(3)]
        await asyncio.sleep(0.1)
        short = asyncio.create_task(turns.run("b", steps("b", 2, done)))
        assert await asyncio.gather(*long, short) == ["a0", "a1", "a2", "b"]
        # Nothing is kept of clients who have what they asked for.
        assert (turns._clients, turns._waiting, turns._n_free) == ({}, [], 1)

    asyncio.run(run())
    # As much time each: the last turn of the short one, after at most two more of the others.
    assert max(i for i, name in enumerate(done) if name == "b") <= 7
    # Those of one client come in order.
    assert [name for name in done if name != "b"] == ["a0"] * 6 + ["a1"] * 6 + ["a2"] * 6


def test_a_client_that_comes_later_has_saved_nothing_up():
    done = []

    async def run():
        turns = Turns(1)
        first = asyncio.create_task(turns.run("a", steps("a", 8, done)))
        await asyncio.sleep(0.3)
        await asyncio.gather(first, turns.run("b", steps("b", 4, done)))

    asyncio.run(run())
    begin = done.index("b")
    # Had it, its four turns would come one after another.
    assert done[begin : begin + 4] != ["b"] * 4


def test_a_request_that_fails_or_is_given_up_leaves_its_turn():
    def fail():
        raise RuntimeError("this one")
        yield

    async def run():
        turns = Turns(1)
        with pytest.raises(RuntimeError, match="this one"):
            await turns.run("a", fail())
        long = asyncio.create_task(turns.run("a", steps("a", 2, [])))
        given_up = asyncio.create_task(turns.run("b", steps("b", 2, [])))
        await asyncio.sleep(0.01)
        given_up.cancel()
        assert await long == "a"
        assert await turns.run("c", steps("c", 1, [])) == "c"
        assert (turns._clients, turns._n_free) == ({}, 1)

    asyncio.run(run())


def resident():
    """Return the megabytes that this process has in memory."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * 4096 / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells it so")
def test_two_thousand_requests_leave_no_memory_behind():
    bodies = [
        {"prompts": [[1, 2]], "n_steps": 3},
        {"prompts": [[7]], "n_steps": 3},
        {"prompts": [[1]] * 64, "n_steps": 60},
        {"prompts": [[1]] * 80, "n_steps": 1},
    ]
    statuses = [200, 422, 422, 422]
    with serving(create_service(NETWORK), http=impatient(10)) as address:
        with httpx2.Client(base_url=address, timeout=30) as client:

            def ask(n):
                for i in range(n):
                    answer = client.post("/generate", json=bodies[i % 4])
                    assert answer.status_code == statuses[i % 4]

            ask(400)
            before = resident()
            ask(2000)
            assert resident() - before < 3
