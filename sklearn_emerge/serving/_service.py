"""A web service around an exported network."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

import joblib
import torch

from ._network import ExportedNetwork, check_prompts

if TYPE_CHECKING:
    from fastapi import FastAPI

# Of ASGI.
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# Bytes that a body may have: for each token, white space included, and beside them.
_BYTES_OF_TOKEN, _OTHER_BYTES = 16, 1024
_SHAPE = '{"prompts": [[int, ...], ...], "n_steps": int}'


def create_service(
    network: ExportedNetwork,
    *,
    max_tokens: int | None = None,
    max_batch: int = 64,
    budget: int | None = None,
) -> "FastAPI":
    """Return a FastAPI application that continues prompts.

    ``POST /generate`` takes ``{"prompts": [[int, ...], ...], "n_steps": int}`` and returns
    ``{"continuations": [[int, ...], ...]}``, the most probable tokens one after another. ``GET
    /health`` tells what the network is and what is allowed. What is wrong is refused with a
    status of 4xx and ``{"detail": message}``: 400 for a body that is not JSON, 413 for one that
    is too large, 422 for all else.

    Networks compute in as many threads as there are processors, each with one thread of torch;
    other requests wait for their turn, and the event loop goes on meanwhile.

    Parameters
    ----------
    network : ExportedNetwork
        What `load_network` returns.
    max_tokens : int, default=None
        Tokens that may be added to a prompt; None is what the budget leaves.
    max_batch : int, default=64
        Prompts of a request.
    budget : int, default=None
        Tokens of a prompt and its continuation together. None is the context, so that nothing
        of a prompt is forgotten; beyond it the network sees the last tokens only.

    Returns
    -------
    fastapi.FastAPI
        For a server such as uvicorn. Put what faces the outside, such as encryption, passwords
        and limits of rate, before it.

    Raises
    ------
    ImportError
        If FastAPI is not installed.
    ValueError
        If a limit is not an integer in its range.

    Examples
    --------
    >>> import torch
    >>> from fastapi.testclient import TestClient
    >>> from sklearn_emerge.serving import ExportedNetwork, create_service
    >>> network = ExportedNetwork(
    ...     lambda tokens: torch.eye(5)[(tokens + 1) % 5],
    ...     {"n_tokens": 5, "context": 8, "facts": {}},
    ... )
    >>> client = TestClient(create_service(network))
    >>> client.post("/generate", json={"prompts": [[0, 1], [4]], "n_steps": 3}).json()
    {'continuations': [[2, 3, 4], [0, 1, 2]]}
    >>> refused = client.post("/generate", json={"prompts": [[0, 5]], "n_steps": 3})
    >>> refused.status_code, refused.json()["detail"]
    (422, 'prompts[0][1] is 5, which is not a token; tokens are the integers 0 to 4.')
    """
    try:
        from fastapi import FastAPI, HTTPException
        from fastapi.exceptions import RequestValidationError
        from fastapi.responses import JSONResponse
        from pydantic import BaseModel, ConfigDict, StrictInt
    except ImportError as error:
        raise ImportError(
            f'create_service needs FastAPI ({error}); run pip install "sklearn-emerge[serve]".'
        ) from error

    limits = _limits(network.context if budget is None else budget, max_tokens, max_batch)
    # Threads of torch are a setting of each thread.
    pool = ThreadPoolExecutor(joblib.cpu_count(), "network", partial(torch.set_num_threads, 1))
    service = FastAPI(title="sklearn_emerge", description="A small network for tokens.")

    class Query(BaseModel):
        model_config = ConfigDict(extra="forbid")
        prompts: list[list[StrictInt]]
        n_steps: StrictInt

    @service.get("/health")
    async def health() -> dict:  # type: ignore[type-arg]  # FastAPI makes its schema of it
        """Tell what the network is and what is allowed."""
        return {"status": "ok", **network.description, **limits}

    @service.post("/generate")
    async def generate(query: Query) -> dict[str, list[list[int]]]:
        """Continue prompts by the most probable token, again and again."""
        try:
            _check_query(query.prompts, query.n_steps, network.n_tokens, **limits)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        work = partial(network.generate, query.prompts, query.n_steps)
        added = await asyncio.get_running_loop().run_in_executor(pool, work)
        return {"continuations": added.tolist()}

    @service.exception_handler(RequestValidationError)
    async def refuse(request: object, error: RequestValidationError) -> JSONResponse:
        return JSONResponse(*_refusal(error.errors()[0]))

    most = _OTHER_BYTES + limits["max_batch"] * limits["budget"] * _BYTES_OF_TOKEN
    service.add_middleware(_LimitBody, most=most, refusal=HTTPException, response=JSONResponse)
    return service


class _LimitBody:
    """Middleware of ASGI that refuses large bodies, by what they declare and by what comes."""

    def __init__(
        self,
        app: App,
        most: int,
        refusal: Callable[[int, str], Exception],
        response: Callable[[dict[str, str], int], App],
    ) -> None:
        self.app, self.most, self.refusal, self.response = app, most, refusal, response
        self.detail = f"The body is larger than {most} bytes; send fewer or shorter prompts."

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self.most:
            return await self.response({"detail": self.detail}, 413)(scope, receive, send)
        received = 0

        async def receive_no_more() -> MutableMapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.most:
                raise self.refusal(413, self.detail)
            return message

        await self.app(scope, receive_no_more, send)


def _limits(budget: int, max_tokens: int | None, max_batch: int) -> dict[str, int]:
    """Return what is allowed by name; without `max_tokens` that is what the budget leaves."""
    _check_limit("budget", budget, 2)
    max_tokens = budget - 1 if max_tokens is None else max_tokens
    _check_limit("max_tokens", max_tokens, 1, budget - 1)
    _check_limit("max_batch", max_batch, 1)
    return {"budget": budget, "max_tokens": max_tokens, "max_batch": max_batch}


def _check_limit(name: str, value: int, least: int, most: int | None = None) -> None:
    """Raise a ValueError unless a limit is an integer in its range."""
    if not isinstance(value, Integral) or value < least or (most is not None and value > most):
        range_ = f"at least {least}" if most is None else f"{least} to {most}, one below the budget"
        raise ValueError(f"{name}={value!r} must be an integer of {range_}.")


def _check_query(
    prompts: Sequence[Sequence[int]],
    n_steps: int,
    n_tokens: int,
    budget: int,
    max_tokens: int,
    max_batch: int,
) -> None:
    """Raise a ValueError unless a request is allowed."""
    if len(prompts) > max_batch:
        raise ValueError(f"prompts has {len(prompts)} prompts; send at most {max_batch} at once.")
    check_prompts(prompts, n_tokens)
    if not 1 <= n_steps <= max_tokens:
        raise ValueError(f"n_steps={n_steps} is out of range; ask for 1 to {max_tokens}.")
    for i, prompt in enumerate(prompts):
        if len(prompt) + n_steps > budget:
            raise ValueError(
                f"prompts[{i}] has {len(prompt)} tokens, with n_steps={n_steps} more than the "
                f"budget of {budget}; shorten it or ask for fewer steps."
            )


def _refusal(error: Mapping[str, Any]) -> tuple[dict[str, str], int]:
    """Return what is said of a body that is not as described, and the status."""
    if error["type"] == "json_invalid":
        return {"detail": f"The body is not JSON ({error['ctx']['error']}); send {_SHAPE}."}, 400
    return {"detail": f"{_place(error['loc'])}: {error['msg']}; send {_SHAPE}."}, 422


def _place(location: Sequence[str | int]) -> str:
    """Return the place of an error as it would be written: prompts[0][2]."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".body").lstrip(".") or "body"
