"""A service on a port of its own."""

import socket
import threading
import time
from contextlib import contextmanager

import uvicorn


@contextmanager
def serving(service, **options):
    """Serve on a free port of loopback from a thread; gives the address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(service, log_level="error", **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
