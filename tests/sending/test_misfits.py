"""The parameters given for a template are counted before WhatsApp does."""

from typing import Any

import pytest

from application.outgoing_templates import misfits

BODY = {"type": "BODY", "text": "Dear {{name}}, see you at {{time}}"}
PICTURE = {"type": "HEADER", "format": "IMAGE"}


def filled(kind: str, count: int) -> dict[str, Any]:
    return {"type": kind, "parameters": [{"type": "text", "text": "x"}] * count}


@pytest.mark.parametrize(("components", "given", "wrong"), [
    ([],              [],                                         []),
    ([{"type": "BODY", "text": "Hello"}], [],                     []),
    ([BODY],          [filled("body", 2)],                        []),
    ([BODY],          [filled("BODY", 2)],                        []),
    ([BODY],          [],                                         ["template.components.body"]),
    ([BODY],          [filled("body", 3)],                        ["template.components.body"]),
    ([BODY, PICTURE], [filled("body", 2)],                        ["template.components.header"]),
    ([BODY, PICTURE], [filled("body", 2), filled("header", 1)],   []),
    ([BODY],          [filled("body", 2), filled("header", 1)],   ["template.components.header"]),
    ([BODY],          "nonsense",                                 ["template.components"]),
])  # fmt: skip
def test_header_and_body_take_what_they_have_places_for(components: Any, given: Any, wrong: list[str]) -> None:
    assert [one.field for one in misfits(components, given)] == wrong
