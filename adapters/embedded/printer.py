"""One stream of lines for several services, each line under its service's name."""

import os
import sys
from collections.abc import Iterable
from typing import TextIO

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # ANSI foreground codes, told apart on dark and light


class Printer:
    """Writes `name | line`; the names are coloured on a terminal, unless NO_COLOR is set (no-color.org)."""

    def __init__(self, names: Iterable[str], stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.closed = False  # nobody reads any more
        names = list(names)
        width = max(map(len, names), default=0)
        coloured = self.stream.isatty() and not os.environ.get("NO_COLOR")
        self.heads = {name: f"{name:<{width}} |" for name in names}
        if coloured:
            for index, name in enumerate(names):
                self.heads[name] = f"\033[{COLOURS[index % len(COLOURS)]}m{self.heads[name]}\033[0m"

    def line(self, name: str, text: str) -> None:
        """Write one line of a service."""
        if not self.closed:
            try:
                print(self.heads[name], text, file=self.stream, flush=True)
            except OSError:
                self.closed = True


class Lines:
    """Cuts what comes out of a pipe into lines."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, part: bytes) -> list[str]:
        """Return the lines that this part completes; an empty part completes the last one."""
        *whole, self.rest = (self.rest + part).split(b"\n")
        if not part and self.rest:
            whole, self.rest = [self.rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]
