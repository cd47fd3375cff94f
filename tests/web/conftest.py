"""The example page on a site of its own, the API on another, and a browser that goes there."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.api.conftest import busy, delta, nile, stage
from tests.embedded.processes import ROOT
from tests.web.browser import NONE, Browser, find_browser, running_browser

__all__ = ["browser", "busy", "delta", "nile", "site", "stage"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The origin of a site that serves the example page."""
    handler = partial(Quiet, directory=str(ROOT / "docs" / "embedding"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless browser; without one on this machine, what needs it is skipped and says so."""
    program = find_browser()
    if program is None:
        pytest.skip(NONE)
    with running_browser(program, tmp_path_factory.mktemp("browser")) as running:
        yield running
