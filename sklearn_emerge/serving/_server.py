"""The server of the command line, which closes connections that do not ask in time."""

from typing import TYPE_CHECKING, Any

from ._limits import check_timeout

if TYPE_CHECKING:
    from fastapi import FastAPI


def run_server(service: "FastAPI", host: str, port: int, timeout: float) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    service : fastapi.FastAPI
        What `create_service` returns.
    host : str
        Address to listen at.
    port : int
        Port to listen at.
    timeout : float
        Seconds in which the head of a request has to come, once its connection is open or its
        last answer was given.

    Raises
    ------
    ImportError
        If uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise ImportError(
            'serve needs uvicorn; run pip install "sklearn-emerge[serve]".'
        ) from error

    uvicorn.run(service, host=host, port=port, http=impatient(timeout))


def impatient(timeout: float) -> Any:
    """Return a protocol of uvicorn that closes connections without a request after a time.

    uvicorn itself waits for the first request of a connection, and for the end of one that has
    begun, as long as it takes.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    check_timeout(timeout)

    class ImpatientProtocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait_for_request()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait_for_request()

        def _wait_for_request(self) -> None:
            self.loop.call_later(timeout, self._close_without_request, self.cycle)

        def _close_without_request(self, last: Any) -> None:
            """Close the connection if no request has come since the last."""
            if self.cycle is last and (last is None or last.response_complete):
                self.transport.close()

    return ImpatientProtocol
