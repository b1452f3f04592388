"""A web service around an exported network."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import joblib

from ._gate import Gate, client_of
from ._limits import Limits, check_limit
from ._network import ExportedNetwork
from ._page import page_of
from ._turns import Turns

if TYPE_CHECKING:
    from fastapi import FastAPI

_SHAPE = '{"prompts": [[int, ...], ...], "n_steps": int}'


def create_service(
    network: ExportedNetwork,
    *,
    max_tokens: int | None = None,
    max_batch: int = 64,
    budget: int | None = None,
    max_answer: int = 1024,
    max_requests: int = 512,
    max_share: float = 0.5,
    timeout: float = 10.0,
    docs: bool = False,
) -> "FastAPI":
    """Return a FastAPI application that continues prompts.

    ``POST /generate`` takes ``{"prompts": [[int, ...], ...], "n_steps": int}`` and returns
    ``{"continuations": [[int, ...], ...]}``, the most probable tokens one after another. ``GET
    /health`` tells what the network is and what is allowed. What is wrong is refused with a
    status of 4xx and ``{"detail": message}``: 400 for a body that is not JSON, 408 for one that
    comes too slowly, 413 for one that is too large, 415 for one that does not say that it is
    JSON, 429 for a client that asks too much at once, and 422 for all else; 503 if there are too
    many requests.

    Networks compute in as many threads as there are processors, each with one thread of torch,
    and the event loop goes on meanwhile. Clients have these threads in turns, a step or a
    twentieth of a second at a time: the next turn is that of the client that has had the least
    time, so that long requests of one do not hold up another.

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
    max_answer : int, default=1024
        Tokens that a request may ask for: prompts times steps.
    max_requests : int, default=512
        Requests that are under way at once, those that wait among them.
    max_share : float, default=0.5
        Share of `max_requests` that one client may have, above 0 and at most 1. A client is an
        address; behind a proxy that hides those of its clients, pass 1.
    timeout : float, default=10.0
        Seconds in which the body of a request has to come.
    docs : bool, default=False
        Whether ``/docs`` and ``/openapi.json`` describe the service to whoever asks; the page
        needs no script, and nothing from elsewhere.

    Returns
    -------
    fastapi.FastAPI
        For a server such as uvicorn. Put what faces the outside, such as encryption, passwords
        and limits of rate, before it.

    Notes
    -----
    A client that is slow with the head of its request has not reached the application yet; that
    is up to the server. ``python -m sklearn_emerge serve`` closes its connection after `timeout`.

    Raises
    ------
    ImportError
        If FastAPI is not installed.
    ValueError
        If a limit is not in its range.

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
        from fastapi import FastAPI, HTTPException, Request
        from fastapi.exception_handlers import http_exception_handler
        from fastapi.exceptions import RequestValidationError
        from fastapi.responses import HTMLResponse, JSONResponse
        from pydantic import BaseModel, ConfigDict, StrictInt
        from starlette.exceptions import HTTPException as StarletteHTTPException
    except ImportError as error:
        raise ImportError(
            f'create_service needs FastAPI ({error}); run pip install "sklearn-emerge[serve]".'
        ) from error

    budget = network.context if budget is None else budget
    check_limit("budget", budget, 2)
    max_tokens = budget - 1 if max_tokens is None else max_tokens
    limits = Limits(budget, max_tokens, max_batch, max_answer, max_requests, max_share, timeout)
    turns = Turns(joblib.cpu_count())
    # The pages of FastAPI fetch scripts from elsewhere.
    service = FastAPI(
        title="sklearn_emerge",
        description="A small network for tokens.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if docs else None,
    )

    class Query(BaseModel):
        model_config = ConfigDict(extra="forbid")
        prompts: list[list[StrictInt]]
        n_steps: StrictInt

    @service.get("/health")
    async def health() -> dict:  # type: ignore[type-arg]  # FastAPI makes its schema of it
        """Tell what the network is and what is allowed."""
        return {"status": "ok", **network.description, **limits.as_dict()}

    @service.post("/generate", responses={422: {"description": "What is wrong, in words."}})
    async def generate(query: Query, request: Request) -> dict[str, list[list[int]]]:
        """Continue prompts by the most probable token, again and again."""
        try:
            limits.check(query.prompts, query.n_steps, network.n_tokens)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        steps = network._steps(query.prompts, query.n_steps)
        added = await turns.run(client_of(request.scope), steps)
        return {"continuations": added.tolist()}

    if docs:

        @service.get("/docs", include_in_schema=False)
        async def page() -> HTMLResponse:
            return HTMLResponse(page_of(service.openapi()))

    @service.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse(*_refusal(error.errors()[0]))

    @service.exception_handler(StarletteHTTPException)
    async def explain(request: Request, error: StarletteHTTPException) -> Any:
        # FastAPI does not say what was wrong.
        if error.status_code == 400:
            error = HTTPException(400, _unreadable(error.__cause__))
        return await http_exception_handler(request, error)

    service.add_middleware(Gate, limits=limits, refusal=HTTPException, response=JSONResponse)
    return service


def _unreadable(cause: BaseException | None) -> str:
    """Return what is said of a body that JSON cannot be read from, for reasons not of its form."""
    reason = "it cannot be read"
    if isinstance(cause, UnicodeDecodeError):
        reason = "it is not UTF-8"
    elif isinstance(cause, RecursionError):
        reason = "it is nested too deeply"
    elif isinstance(cause, ValueError):
        reason = "a number has too many digits"
    return f"There was an error parsing the body ({reason}); send {_SHAPE}."


def _refusal(error: Mapping[str, Any]) -> tuple[dict[str, str], int]:
    """Return what is said of a body that is not as described, and the status."""
    if error["type"] == "json_invalid":
        return {"detail": f"The body is not JSON ({error['ctx']['error']}); send {_SHAPE}."}, 400
    return {"detail": f"{_place(error['loc'])}: {error['msg']}; send {_SHAPE}."}, 422


def _place(location: Sequence[str | int]) -> str:
    """Return the place of an error as it would be written: prompts[0][2]."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".body").lstrip(".") or "body"
