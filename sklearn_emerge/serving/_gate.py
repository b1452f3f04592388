"""What comes before a service: how many requests, how large, and how long they may take to come."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ._limits import Limits

# Of ASGI.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Gate:
    """Middleware of ASGI that refuses requests beyond the limits, before they are read.

    Parameters
    ----------
    app : callable
        What comes behind it.
    limits : Limits
        Of the service.
    refusal : callable
        Makes an error of a status, a text and headers.
    response : callable
        Makes an answer of a content, a status and headers.
    """

    def __init__(
        self,
        app: App,
        limits: Limits,
        refusal: Callable[..., Exception],
        response: Callable[..., App],
    ) -> None:
        self.app, self.limits, self.refusal, self.response = app, limits, refusal, response
        # Requests that are under way; a client without any is not among them.
        self.of_client: Counter[str] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer why not."""
        # Whether the service is well is told however busy it is.
        if scope["type"] != "http" or scope["path"] == "/health":
            return await self.app(scope, receive, send)
        client = client_of(scope)
        if refused := self._refuse(scope, client):
            status, detail = refused
            headers = {"Retry-After": "1"} if status in (429, 503) else None
            return await self.response({"detail": detail}, status, headers)(scope, receive, send)
        self.of_client[client] += 1
        try:
            await self.app(scope, self._limited(receive), send)
        finally:
            self.of_client[client] -= 1
            if not self.of_client[client]:
                del self.of_client[client]

    def _refuse(self, scope: Message, client: str) -> tuple[int, str] | None:
        """Return the status and the reason, None if a request may begin."""
        limits, n_own = self.limits, self.of_client[client]
        headers = dict(scope["headers"])
        # Frameworks differ in what they take a body for that says nothing.
        given = headers.get(b"content-type", b"").decode("latin-1")
        if scope["method"] == "POST" and not _is_json(given):
            what = f"is {given!r}" if b"content-type" in headers else "is missing"
            return 415, f"Content-Type {what}; send application/json."
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limits.max_bytes:
            return 413, self._too_large
        if self.of_client.total() >= limits.max_requests:
            return 503, (
                f"As many requests are under way as max_requests={limits.max_requests} allows; "
                "ask again later."
            )
        if n_own >= limits.max_requests_of_client:
            return 429, (
                f"{n_own} requests of this client are under way, its share "
                f"(max_share={limits.max_share}) of max_requests={limits.max_requests}; wait for "
                "an answer before you ask again."
            )
        return None

    @property
    def _too_large(self) -> str:
        most = self.limits.max_bytes
        return f"The body is larger than {most} bytes; send fewer or shorter prompts."

    def _limited(self, receive: Receive) -> Receive:
        """Return what receives a body that comes in time, and no more than there may be."""
        deadline = asyncio.get_running_loop().time() + self.limits.timeout
        n_bytes, complete = 0, False

        async def limited() -> Message:
            nonlocal n_bytes, complete
            if complete:
                # What comes then is the end of the connection.
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                detail = (
                    f"The body did not come within timeout={self.limits.timeout:g} seconds; send "
                    "it at once."
                )
                raise self.refusal(408, detail, {"Connection": "close"}) from None
            complete = not message.get("more_body", False)
            n_bytes += len(message.get("body", b""))
            if n_bytes > self.limits.max_bytes:
                raise self.refusal(413, self._too_large)
            return message

        return limited


def _is_json(content_type: str) -> bool:
    """Return whether a header says that the body is JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def client_of(scope: Message) -> str:
    """Return the address that a request came from; a socket that is a file has one for all."""
    return scope["client"][0] if scope.get("client") else ""
