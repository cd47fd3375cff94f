"""Runs an ASGI application behind a real socket for the length of a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from tests.patience import PATIENCE_S, eventually


@contextmanager
def running(app: FastAPI, *, http: str = "auto") -> Iterator[str]:
    """Yield the base URL of `app` on a free local port; stop the server afterwards."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, http=http, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, "the server")
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=PATIENCE_S)
