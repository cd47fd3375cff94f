"""JSON lines of raw fields in, JSON lines of what Meta would see out."""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from adapters.meta.user_data import Normalised, normalise

# Some readers take these for line ends; JSON may write them as escapes.
_LINE_ENDS: Final = str.maketrans({"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def hash_lines(lines: Iterable[str], region: str = "EG") -> Iterator[str]:
    """Yield one `{"normalised", "sha256", "dropped"}` per `{"field", "value"}`, in order, without line ends.

    A line that cannot be read gives an object too, with the reason in `dropped`, so that the lines of both
    sides stay side by side. `region` is where phone numbers without country code belong.
    """
    for line in lines:
        result = _normalise_line(line, region)
        document = {"normalised": result.normalised, "sha256": result.sha256, "dropped": result.dropped}
        yield json.dumps(document, ensure_ascii=False).translate(_LINE_ENDS)


def _normalise_line(line: str, region: str) -> Normalised:
    text = line.strip().removeprefix("\ufeff")
    if not text:
        return _dropped("an empty line")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: thousands of brackets inside each other
        return _dropped("not JSON")
    if not isinstance(document, dict):
        return _dropped("not a JSON object")
    field = document.get("field")
    if not isinstance(field, str):
        return _dropped("no field named")
    if "value" not in document:
        return _dropped("no value given")
    return normalise(field, document["value"], region=region)


def _dropped(reason: str) -> Normalised:
    return Normalised("", None, None, reason)
