"""The tracker as it is served: its source without comments, and without blanks that say nothing."""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

SOURCE = Path(__file__).parent / "masar.js"
BLOCK = re.compile(r"^[ ]*/\*.*?\*/", re.DOTALL | re.MULTILINE)
LINE = re.compile(r"(^|[ ]{2,})//[ ].*$")
TEXT = re.compile(r"('[^'\n]*')")
BLANKS = re.compile(r"[ ]*([-=+*<>?:&|{}(),;\[\]!]+)[ ]*")
GOES_ON = re.compile(r"(?<=[;{,(\[?:&|=])\n|\n(?=[?:&|)\]}])")
"""A line break that ends no statement."""
VERSION = re.compile(r"VERSION = '([^']+)'")


@dataclass(frozen=True, slots=True)
class Tracker:
    """A script, its version, and the tag that names exactly these bytes."""

    script: bytes
    version: str
    tag: str


@cache
def tracker() -> Tracker:
    """Return the tracker, read once."""
    source = SOURCE.read_text()
    script = shortened(source).encode()
    version = VERSION.search(source)
    assert version, "the tracker says its version"
    return Tracker(script, version[1], f'"{version[1]}-{sha256(script).hexdigest()[:16]}"')


def shortened(source: str) -> str:
    """Return a script without comments that stand alone or after two blanks, and without needless blanks.

    Fit for our own source: no text over several lines, none within double quotes, no blanks in patterns.
    """
    lines = (LINE.sub("", line).strip() for line in BLOCK.sub("", source).splitlines())
    parts = TEXT.split("\n".join(line for line in lines if line))
    return GOES_ON.sub("", "".join(part if nth % 2 else BLANKS.sub(r"\1", part) for nth, part in enumerate(parts)))
