"""Exported networks continue as their predictors do, and the service answers or says why not."""

import asyncio
import builtins
import json
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import httpx2
import numpy as np
import pytest
import torch
import uvicorn
from damage import flip
from fastapi.testclient import TestClient
from served import serving

import sklearn_emerge
from sklearn_emerge import GRUPredictor, TransformerPredictor
from sklearn_emerge.cli import main
from sklearn_emerge.serving import ExportedNetwork, create_service, export_network, load_network

RNG = np.random.default_rng(0)
X = RNG.integers(7, size=(60, 13))
TOKENS = dict(likelihood="categorical", n_tokens=7, max_steps=5, lr=0.05, random_state=0)
SGD = dict(head="sgd", **TOKENS)


@pytest.fixture(scope="module")
def model():
    return TransformerPredictor(12, 2, 3, context=8, **SGD).fit(X)


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "new" / "network.pt2"
    export_network(model, path, facts={"accuracy": 0.5, "threshold": 2e4})
    return path


@pytest.fixture(scope="module")
def network(path):
    return load_network(path)


@pytest.fixture(scope="module")
def client(network):
    return TestClient(create_service(network, max_batch=4))


def test_logits_are_those_of_the_predictor(model, network):
    """Against double precision; the exported network computes in single."""
    for n_sequences, n_steps in [(1, 2), (1, 8), (5, 2), (9, 5)]:
        tokens = X[:n_sequences, :n_steps]
        expected = model.at_length(n_steps).predict(tokens)
        found = torch.softmax(torch.from_numpy(network.logits(tokens)), dim=2)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_head_in_closed_form_travels_with_the_network(tmp_path):
    model = TransformerPredictor(12, 2, 3, **TOKENS).fit(X)
    export_network(model, tmp_path / "network")
    logits = load_network(tmp_path / "network").logits(X[:9, :12])
    found = torch.softmax(torch.from_numpy(logits), dim=2)
    np.testing.assert_allclose(found, model.at_length(12).predict(X[:9, :12]), atol=1e-5)


@pytest.mark.parametrize("n_prompt", [1, 3, 7, 8, 9, 13])
def test_continuations_are_those_of_the_predictor(model, network, n_prompt):
    """Below the context, as long, longer, and growing beyond it."""
    for n_sequences in (1, 20):
        prompts = X[:n_sequences, :n_prompt]
        expected = model.generate(prompts, 12)
        assert np.array_equal(network.generate(prompts, 12), expected)
    assert len(np.unique(expected)) > 1


def test_prompts_of_different_lengths_do_not_touch(model, network):
    prompts = [X[i, : 1 + i % 13].tolist() for i in range(30)]
    together = network.generate(prompts, 10)
    for prompt, continuation in zip(prompts, together, strict=True):
        assert np.array_equal(model.generate([prompt], 10)[0], continuation)
    assert network.generate(prompts, 0).shape == (30, 0)


@pytest.mark.parametrize("context", [1, 2])
def test_variant_of_the_source_and_shortest_contexts(context, tmp_path):
    variant = dict(norm="post", attention_scale="width", activate_output=True, extra_outputs=1)
    model = TransformerPredictor(2, 1, 2, context=context, **variant, **SGD).fit(X)
    export_network(model, tmp_path / "network")
    network = load_network(tmp_path / "network")
    assert network.logits(X[:3, :1]).shape == (3, 1, 7)
    for n_prompt in (1, 2, 5):
        expected = model.generate(X[:9, :n_prompt], 6)
        assert np.array_equal(network.generate(X[:9, :n_prompt], 6), expected)


def test_description_travels_with_the_network(model, network):
    assert (network.n_tokens, network.context) == (7, 8)
    assert network.facts == {"accuracy": 0.5, "threshold": 2e4}
    assert network.description["n_parameters"] == model.n_parameters_
    assert network.description["torch"] == torch.__version__


def test_file_is_a_program_of_torch(path):
    program = torch.export.load(path)
    logits = program.module()(torch.zeros(3, 4, dtype=torch.long))
    assert logits.shape == (3, 4, 7)
    assert str(Path(sklearn_emerge.__file__).parent).encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (GRUPredictor(2, **TOKENS), "a GRUPredictor, which cannot be exported; pass"),
        (TransformerPredictor(4, 1, 2, **TOKENS), "not fitted"),
        (TransformerPredictor(4, 1, 2, max_steps=0).fit(X), "'gaussian'; only networks for tokens"),
    ],
)
def test_what_cannot_be_exported(predictor, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_network(predictor, tmp_path / "network.pt2")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("facts", [{"a": float("nan")}, {"a": np.int64(3)}, [1], "text"])
def test_facts_must_be_json(model, facts, tmp_path):
    with pytest.raises(ValueError, match="facts=.* cannot be written as JSON"):
        export_network(model, tmp_path / "network.pt2", facts=facts)


def test_interrupted_export_leaves_the_old_file(model, path, tmp_path, monkeypatch):
    target = tmp_path / "network.pt2"
    target.write_bytes(b"old")

    def fail(program, file, extra_files):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch.export, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        export_network(model, target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_unreadable_files(path, tmp_path):
    whole = path.read_bytes()
    other = tmp_path / "other.zip"
    with ZipFile(other, "w") as archive:
        archive.writestr("a/b", "c")
    damaged = bytearray(whole)
    with ZipFile(path) as archive:
        # Its name in torch 2.6, and in newer ones.
        names = ("serialized_exported_program.json", "models/model.json")
        (program,) = (i for i in archive.infolist() if i.filename.endswith(names))
    start = program.header_offset + 200
    damaged[start : start + 50] = bytes(50)
    contents = {"empty": b"", "text": b"tokens", "half": whole[: len(whole) // 2]}
    for name, content in (contents | {"damaged": bytes(damaged)}).items():
        (tmp_path / name).write_bytes(content)
    for name in ("empty", "text", "half", "damaged", "other.zip", "."):
        with pytest.raises(ValueError, match="cannot be read as a network .*export_network"):
            load_network(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="missing.pt2' does not exist"):
        load_network(tmp_path / "missing.pt2")
    with pytest.raises(ValueError, match="cannot be read as a network .it is no regular file"):
        load_network("/dev/zero")


def test_a_network_without_its_checksum_is_refused(path, network, tmp_path):
    cut = tmp_path / "network.pt2"
    cut.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="the checksum at its end is gone"):
        load_network(cut)
    assert "checksum" not in network.description


def test_a_flipped_bit_is_not_used(path, network, tmp_path):
    whole, damaged = path.read_bytes(), tmp_path / "network.pt2"
    tokens, messages = X[:3, :5], []
    for bit in np.random.default_rng(0).integers(8 * len(whole), size=60).tolist():
        damaged.write_bytes(whole)
        flip(damaged, bit)
        try:
            logits = load_network(damaged).logits(tokens)
        except ValueError as error:
            messages.append(str(error))
        else:
            # It is one of those that say that there is a checksum.
            assert np.array_equal(logits, network.logits(tokens))
    assert len(messages) >= 59
    assert all("it is damaged" in message for message in messages)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], r"prompts=\[\] must be a list of at least one list"),
        (3, "prompts=3 must be a list"),
        ("010", "prompts='010' must be a list"),
        # Read once, they would be gone.
        (iter([[0]]), "prompts=<list_iterator .* must be a list"),
        ([iter([0])], r"prompts\[0\] is <list_iterator .*; pass a list"),
        ([0, 1], r"prompts\[0\] is 0; pass a list"),
        ([[0], []], r"prompts\[1\] is \[\]; pass a list of at least one token"),
        ([[0, 7]], r"prompts\[0\]\[1\] is 7, which is not a token; tokens are the integers 0 to 6"),
        ([[-1]], r"prompts\[0\]\[0\] is -1"),
        ([[10**30]], r"prompts\[0\]\[0\] is 1000"),
        ([[True]], r"prompts\[0\]\[0\] is True"),
        ([[1.0]], r"prompts\[0\]\[0\] is 1.0"),
    ],
)
def test_what_is_not_a_prompt(network, prompts, message):
    with pytest.raises(ValueError, match=message):
        network.generate(prompts, 2)


def test_wrong_steps_and_lengths(network):
    for n_steps in (-1, 1.0, "1"):
        with pytest.raises(ValueError, match=f"n_steps={n_steps!r} must be an integer"):
            network.generate([[0]], n_steps)
    with pytest.raises(ValueError, match="rows of 1, 2 steps; pass rows of one length"):
        network.logits([[0], [0, 1]])
    with pytest.raises(ValueError, match="rows of 9 steps; .* at most the context, 8"):
        network.logits(X[:2, :9])


def test_service_answers(model, client):
    answer = client.post("/generate", json={"prompts": X[:3, :4].tolist(), "n_steps": 4})
    assert answer.status_code == 200
    assert answer.json() == {"continuations": model.generate(X[:3, :4], 4).tolist()}
    health = client.get("/health").json()
    expected = {"status": "ok", "n_tokens": 7, "context": 8, "budget": 8, "max_tokens": 7}
    assert expected.items() <= health.items()
    assert health["facts"] == {"accuracy": 0.5, "threshold": 2e4}


def as_json(prompts=((0, 1),), n_steps=2, **others):
    return json.dumps({"prompts": prompts, "n_steps": n_steps, **others})


REFUSALS = {
    "no prompts": (as_json([]), 422, "prompts=[] must be a list of at least one list"),
    "empty prompt": (as_json([[0], []]), 422, "prompts[1] is []; pass a list of at least one"),
    "outside": (as_json([[0, 1], [3, 7]]), 422, "prompts[1][1] is 7, which is not a token"),
    "negative": (as_json([[-1]]), 422, "prompts[0][0] is -1, which is not a token"),
    "huge": (as_json([[10**30]]), 422, "which is not a token"),
    "float": (as_json([[0, 1.0]]), 422, "prompts[0][1]: Input should be a valid integer"),
    "nan": (
        '{"prompts": [[NaN]], "n_steps": 1}',
        422,
        "prompts[0][0]: Input should be a valid",
    ),
    "string": (as_json([[0, "1"]]), 422, "prompts[0][1]: Input should be a valid integer"),
    "surrogate": (as_json([["\ud800"]]), 422, "prompts[0][0]: Input should be a valid integer"),
    "boolean": (as_json([[True]]), 422, "prompts[0][0]: Input should be a valid integer"),
    "null": (as_json([None]), 422, "prompts[0]: Input should be a valid list"),
    "flat": (as_json([0, 1]), 422, "prompts[0]: Input should be a valid list"),
    "text": (as_json("0 1"), 422, "prompts: Input should be a valid list"),
    "over-long": (
        as_json([[0], [1] * 7]),
        422,
        "prompts[1] has 7 tokens, with n_steps=2 more than",
    ),
    "too many": (as_json([[0]] * 5), 422, "prompts has 5 prompts; send at most 4 at once"),
    "no steps": (as_json(n_steps=0), 422, "n_steps=0 is out of range; ask for 1 to 7"),
    "many steps": (as_json(n_steps=8), 422, "n_steps=8 is out of range; ask for 1 to 7"),
    "float steps": (as_json(n_steps=1.5), 422, "n_steps: Input should be a valid integer"),
    "missing": ('{"prompts": [[0]]}', 422, "n_steps: Field required"),
    "unknown": (as_json(temperature=1), 422, "temperature: Extra inputs are not permitted"),
    "list": ("[[0, 1]]", 422, "body: Input should be a valid dictionary"),
    "nothing": ("", 422, "body: Field required"),
    "not JSON": ('{"prompts": [[0, 1]', 400, "The body is not JSON (Expecting"),
    "not text": (b"\xff\xfe\x00", 400, "error parsing the body (it is not UTF-8); send {"),
    "nested": ("[" * 1200, 400, "error parsing the body (it is nested too deeply); send {"),
    "large": (as_json([[0]], text="x" * 2000), 413, "The body is larger than 1536 bytes"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(client, name):
    content, status, message = REFUSALS[name]
    answer = client.post("/generate", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert message in answer.json()["detail"]


def test_numbers_of_thousands_of_digits(network):
    client = TestClient(create_service(network))
    content = '{"prompts": [[%s]], "n_steps": 1}' % ("1" * 5000)
    answer = client.post("/generate", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "(a number has too many digits); send {" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", None])
def test_content_that_is_not_said_to_be_json(client, kind):
    headers = {} if kind is None else {"content-type": kind}
    answer = client.post("/generate", content=as_json().encode(), headers=headers)
    assert answer.status_code == 415
    what = "is missing" if kind is None else f"is {kind!r}"
    assert answer.json() == {"detail": f"Content-Type {what}; send application/json."}


def test_json_of_another_name_is_json(client):
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/a+json"):
        answer = client.post("/generate", content=as_json(), headers={"content-type": kind})
        assert answer.status_code == 200


def test_documents_are_off_unless_asked_for_and_need_nothing_from_elsewhere(network, client):
    pages = ["/docs", "/redoc", "/openapi.json"]
    assert [client.get(page).status_code for page in pages] == [404] * 3
    client = TestClient(create_service(network, docs=True))
    assert [client.get(page).status_code for page in pages] == [200, 404, 200]
    page = client.get("/docs").text
    assert "POST /generate" in page
    assert "n_steps" in page
    assert "<script" not in page
    assert "//" not in page
    assert set(client.get("/openapi.json").json()["paths"]) == {"/generate", "/health"}


def test_unknown_paths_and_methods(client):
    assert client.get("/nothing").status_code == 404
    assert client.get("/generate").status_code == 405


def test_limits_can_be_set(model, network):
    client = TestClient(create_service(network, max_tokens=12, max_batch=1, budget=20))

    def ask(n_prompt, n_steps):
        body = {"prompts": X[:1, :n_prompt].tolist(), "n_steps": n_steps}
        return client.post("/generate", json=body)

    # Beyond the context the network sees a window.
    assert ask(8, 12).json()["continuations"] == model.generate(X[:1, :8], 12).tolist()
    assert "budget of 20" in ask(9, 12).json()["detail"]
    assert "ask for 1 to 12" in ask(1, 13).json()["detail"]
    for wrong, message in [
        (dict(budget=1), "budget=1 must be an integer of at least 2"),
        (dict(max_batch=0), "max_batch=0 must be an integer of at least 1"),
        (dict(max_batch=2.5), "max_batch=2.5 must be an integer"),
        (dict(max_tokens=8), "max_tokens=8 must be an integer of 1 to 7, one below the budget"),
        (dict(max_answer=0), "max_answer=0 must be an integer of at least 1"),
        (dict(max_requests=True), "max_requests=True must be an integer of at least 1"),
        (dict(max_share=0), "max_share=0 must be a number above 0 and at most 1; pass 1 to let"),
        (dict(max_share=float("nan")), "max_share=nan must be a number"),
        (dict(timeout=0), "timeout=0 must be a finite number of seconds above 0, such as 10"),
        (dict(timeout=float("inf")), "timeout=inf must be a finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            create_service(network, **wrong)


@pytest.mark.slow
def test_two_hundred_requests_at_once(model, network):
    """Right ones are answered, wrong ones among them refused, and the server goes on."""
    prompts = [X[i, : 1 + i % 5].tolist() for i in range(20)] * 10
    expected = [model.generate([prompt], 3).tolist() for prompt in prompts[:20]] * 10
    wrong = [(content, status) for content, status, _ in REFUSALS.values()]

    async def ask(address):
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(base_url=address, limits=limits, timeout=30) as client:
            json_ = {"content-type": "application/json"}
            right = [
                client.post("/generate", json={"prompts": [prompt], "n_steps": 3})
                for prompt in prompts
            ]
            bad = [client.post("/generate", content=c, headers=json_) for c, _ in wrong]
            answers = await asyncio.gather(*right, *bad, client.get("/health"))
            return answers[:200], answers[200:-1], answers[-1]

    with serving(create_service(network, max_batch=4)) as address:
        right, bad, health = asyncio.run(ask(address))
        assert [answer.status_code for answer in right] == [200] * 200
        assert [answer.json()["continuations"] for answer in right] == expected
        assert [answer.status_code for answer in bad] == [status for _, status in wrong]
        assert health.status_code == 200
        assert httpx2.get(f"{address}/health").status_code == 200


def test_body_that_does_not_tell_its_size(network):
    """In chunks: refused once too much has come, which need not be the end."""
    chunk = b'{"prompts": [[' + b" " * 1000
    with serving(create_service(network, max_batch=4)) as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
            connection.sendall(
                b"POST /generate HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for _ in range(2):
                connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            answer = connection.recv(10_000).decode()
        assert answer.startswith("HTTP/1.1 413")
        small = iter([as_json([[0, 1]]).encode()])
        answer = httpx2.post(
            f"{address}/generate", content=small, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200


def test_health_answers_while_networks_compute():
    release = threading.Event()

    def wait(tokens):
        assert release.wait(10)
        assert torch.get_num_threads() == 1
        return torch.zeros(*tokens.shape, 3)

    network = ExportedNetwork(wait, {"n_tokens": 3, "context": 4, "facts": {}})
    with serving(create_service(network)) as address:
        answers = []

        def ask():
            body = {"prompts": [[1]], "n_steps": 1}
            answers.append(httpx2.post(f"{address}/generate", json=body, timeout=20).json())

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        try:
            assert httpx2.get(f"{address}/health", timeout=5).json()["status"] == "ok"
            assert not answers
        finally:
            release.set()
            for thread in threads:
                thread.join()
    assert answers == [{"continuations": [[0]]}] * 20


def test_without_the_extra(network, path, monkeypatch, capsys):
    import_ = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "fastapi":
            raise ModuleNotFoundError("No module named 'fastapi'")
        return import_(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r'run pip install "sklearn-emerge\[serve\]"'):
        create_service(network)
    assert main(["serve", str(path)]) == 2
    assert 'pip install "sklearn-emerge[serve]"' in capsys.readouterr().err


def test_serve_from_the_command_line(path, tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(uvicorn, "run", lambda service, **options: calls.append((service, options)))
    assert main(["serve", str(path), "--port", "8123", "--budget", "6"]) == 0
    ((service, options),) = calls
    assert options.pop("http").__name__ == "ImpatientProtocol"
    assert options == {"host": "127.0.0.1", "port": 8123}
    assert TestClient(service).get("/health").json()["budget"] == 6
    assert main(["serve", str(tmp_path / "missing.pt2")]) == 2
    assert "does not exist" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(path)]) == 2
    assert "serve needs uvicorn" in capsys.readouterr().err
