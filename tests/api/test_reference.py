"""The documentation page: every path, readable with nothing from elsewhere."""

import re
from uuid import uuid4

from api.reference import WISHES, reference_page
from tests.api.stage import Stage


def test_the_page_lists_every_path_and_needs_nothing_from_elsewhere(stage: Stage) -> None:
    with stage.client() as client:
        page, document = client.get("/docs"), client.get("/openapi.json").json()
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for path, methods in document["paths"].items():
        assert f"{path}</code>" in page.text
        for operation in methods.values():
            assert re.split("[;'`]", operation["description"])[0][:40] in page.text
    assert re.findall(r"(?:src|href)=[\"'](?![#/])", page.text) == []
    assert "<script" not in page.text


def test_what_people_come_for_leads_to_paths_that_there_are(stage: Stage) -> None:
    with stage.client() as client:
        page, paths = client.get("/docs").text, client.get("/openapi.json").json()["paths"]
    assert [wish for wish in WISHES if wish[1] not in paths.get(wish[2], {})] == []
    assert set(re.findall(r'href="#([^"]+)"', page)) == set(re.findall(r'<h3 id="([^"]+)"', page))


def test_a_path_says_which_keys_it_takes(stage: Stage) -> None:
    keys = {kind: stage.brokerage().keys[kind] for kind in ("producer", "reader", "operator")}
    with stage.client() as client:
        for path, methods in client.get("/openapi.json").json()["paths"].items():
            place = re.sub(r"\{(\w*)\}", lambda name: str(uuid4()) if name[1].endswith(("id", "ref")) else "1", path)
            for method, operation in methods.items():
                if path.endswith("/stream") or "x-keys" not in operation:
                    continue
                body = {"content": "{", "headers": {"content-type": "application/json"}} if method != "get" else {}
                for kind, key in keys.items():
                    sent = {**body, "headers": {**body.get("headers", {}), "authorization": f"Bearer {key}"}}
                    status = client.request(method, place, **sent).status_code
                    assert (status != 403) == (kind in operation["x-keys"]), (method, path, kind, status)


def test_fields_within_fields_and_bodies_to_choose_from_are_written_out() -> None:
    item = {"title": "a.seen.v1", "properties": {"price": {"type": "integer", "minimum": 0}}, "required": ["price"]}
    body = {"properties": {"test": {"type": "boolean"}, "items": {"type": "array", "items": {"oneOf": [item]}}}}
    operation = {"requestBody": {"content": {"application/json": {"schema": body}}}, "x-keys": ["producer", "browser"]}
    page = reference_page({"info": {"title": "T", "version": "1"}, "paths": {"/api/x": {"post": operation}}})
    assert "<strong>test</strong>  boolean" in page
    assert "<code>a.seen.v1</code></summary><pre><strong>price</strong>  integer, ≥ 0  required</pre>" in page
    assert "key: producer or browser" in page


def test_what_a_document_says_stays_text() -> None:
    document = {
        "info": {"title": "<b>", "version": "1"},
        "paths": {"/api/<x>": {"get": {"description": "<script>alert(1)</script>"}}},
    }
    assert "<script>" not in reference_page(document)
    assert "<b>" not in reference_page(document)
