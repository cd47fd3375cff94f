"""A headless browser, driven over the pipe of its DevTools protocol; nothing but a browser is needed."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.patience import PATIENCE_S, eventually

NAMES = (
    "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge", "brave-browser",
)  # fmt: skip
PLACES = (
    ".cache/ms-playwright/chromium*/chrome-linux*/headless_shell",
    ".cache/ms-playwright/chromium*/chrome-*/chrome-headless-shell",
    ".cache/ms-playwright/chromium-*/chrome-linux*/chrome",
    "Library/Caches/ms-playwright/chromium*/chrome-*/chrome-headless-shell",
    ".cache/puppeteer/chrome*/*/chrome*/chrome-headless-shell",
    ".cache/puppeteer/chrome*/*/chrome*/chrome",
)
"""Where tools that download browsers keep them, below the home."""
APPLICATIONS = ("Google Chrome", "Chromium", "Microsoft Edge")
FLAGS = (
    "--headless", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--mute-audio", "--password-store=basic", "--use-mock-keychain",
)  # fmt: skip
NONE = (
    "no browser was found: set MASAR_BROWSER to a Chromium or Chrome, or have one on the PATH"
    " (apt-get install chromium, or: pip install playwright && playwright install chromium)"
)


def find_browser() -> str | None:
    """Return the path of a browser: the one that MASAR_BROWSER names, one on the PATH, or one that a tool keeps."""
    if named := os.environ.get("MASAR_BROWSER"):
        found = shutil.which(named)
        assert found, f"MASAR_BROWSER names no program: {named}"
        return found
    if found := next((path for name in NAMES if (path := shutil.which(name))), None):
        return found
    kept = [path for place in PLACES for path in sorted(Path.home().glob(place), reverse=True)]
    applications = [Path(f"/Applications/{name}.app/Contents/MacOS/{name}") for name in APPLICATIONS]
    return next((str(path) for path in (*kept, *applications) if os.access(path, os.X_OK)), None)


@dataclass
class Browser:
    """One browser process; `ask` sends a command of the protocol and returns its answer."""

    to: int
    answers: dict[int, Queue[dict[str, Any]]] = field(default_factory=dict)
    events: Queue[dict[str, Any]] = field(default_factory=Queue)
    lock: threading.Lock = field(default_factory=threading.Lock)
    number: int = 0

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command. Raises AssertionError where the browser refuses it or says nothing."""
        with self.lock:
            self.number += 1
            number = self.number
            self.answers[number] = Queue()
            message = {"id": number, "method": method, "params": parameters}
            message |= {"sessionId": session} if session else {}
            _write(self.to, json.dumps(message).encode() + b"\0")
        try:
            answer = self.answers[number].get(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError(f"the browser did not answer {method}") from None
        finally:
            del self.answers[number]
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def listen(self, come: int) -> None:
        """Hand answers to those who asked, until the browser closes its end."""
        rest = b""
        while piece := os.read(come, 65_536):
            *messages, rest = (rest + piece).split(b"\0")
            for message in map(json.loads, messages):
                if (asked := self.answers.get(message.get("id"))) is not None:
                    asked.put(message)
                else:
                    self.events.put(message)

    @contextmanager
    def page(self, before: str = "") -> Iterator["Page"]:
        """Open a page in a profile of its own; `before` runs at the start of every document in it."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Network", "Runtime"):
            page.ask(f"{domain}.enable")
        page.ask("Page.addScriptToEvaluateOnNewDocument", source=before)
        try:
            yield page
        finally:
            self.ask("Target.disposeBrowserContext", browserContextId=context)


@dataclass
class Page:
    """One tab."""

    browser: Browser
    session: str
    target: str

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command about this page."""
        return self.browser.ask(method, self.session, **parameters)

    def run(self, script: str) -> Any:
        """Return the value of an expression, a promise's once it is kept. Raises AssertionError where it throws."""
        told = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def open(self, url: str) -> None:
        """Go to an address and wait until the page and its scripts have loaded."""
        mark = "document.readyState"
        told = self.ask("Page.navigate", url=url)
        assert "errorText" not in told, told
        eventually(lambda: self.run(f"location.href !== 'about:blank' && {mark} === 'complete'"))

    def leave(self) -> None:
        """Go elsewhere, as by a link."""
        self.ask("Page.navigate", url="about:blank")
        eventually(lambda: self.run("location.href === 'about:blank'"))

    def click(self, identity: str) -> None:
        """Click what has this id."""
        self.run(f"document.getElementById({json.dumps(identity)}).click()")

    def connected(self, is_so: bool) -> None:
        """Pull the network's plug, or put it back."""
        self.ask(
            "Network.emulateNetworkConditions", offline=not is_so, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )


@contextmanager
def running_browser(program: str, folder: Path) -> Iterator[Browser]:
    """Run a headless browser with a fresh profile in the folder; killed at the end with all of its processes."""
    ours_read, its_write = os.pipe()
    its_read, ours_write = os.pipe()
    flags = [*FLAGS, f"--user-data-dir={folder / 'profile'}"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    said = os.open(folder / "browser.log", os.O_CREAT | os.O_WRONLY)
    # The browser reads from 3 and writes to 4; copies far above these keep one from overwriting the other.
    high_read, high_write = _high(its_read), _high(its_write)
    process = os.posix_spawn(
        program,
        [program, *flags],
        {**os.environ, "HOME": str(folder)},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, high_read, 3),
            (os.POSIX_SPAWN_DUP2, high_write, 4),
            (os.POSIX_SPAWN_DUP2, said, 1),
            (os.POSIX_SPAWN_DUP2, said, 2),
        ],
        setpgroup=0,
    )
    for end in (its_read, its_write, high_read, high_write, said):
        os.close(end)
    browser = Browser(ours_write)
    listener = threading.Thread(target=browser.listen, args=(ours_read,), daemon=True)
    listener.start()
    try:
        yield browser
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ours_write)
        listener.join(PATIENCE_S)
        os.close(ours_read)


def _high(end: int) -> int:
    import fcntl

    return fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 64)


def _write(to: int, message: bytes) -> None:
    while message:
        message = message[os.write(to, message) :]
