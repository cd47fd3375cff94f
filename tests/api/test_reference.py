"""The documentation page: every path, readable with nothing from elsewhere."""

import re

from api.reference import reference_page
from tests.api.stage import Stage


def test_the_page_lists_every_path_and_needs_nothing_from_elsewhere(stage: Stage) -> None:
    with stage.client() as client:
        page, document = client.get("/docs"), client.get("/openapi.json").json()
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for path, methods in document["paths"].items():
        assert f"{path}</code>" in page.text
        for operation in methods.values():
            assert operation["description"].split(";")[0].split("'")[0][:40] in page.text
    assert re.findall(r"(?:src|href)=[\"'](?![#/])", page.text) == []
    assert "<script" not in page.text


def test_what_a_document_says_stays_text() -> None:
    document = {
        "info": {"title": "<b>", "version": "1"},
        "paths": {"/api/<x>": {"get": {"description": "<script>alert(1)</script>"}}},
    }
    assert "<script>" not in reference_page(document)
    assert "<b>" not in reference_page(document)
