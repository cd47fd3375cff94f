"""The tracker as a file: small, kept by browsers, and the same for everybody."""

from api.web.tracker import SOURCE, shortened, tracker
from tests.api.stage import Stage

SCRIPT = "/masar.js"


def test_it_is_small_and_has_no_comments(stage: Stage) -> None:
    response = stage.client().get(SCRIPT)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/javascript")
    assert len(response.content) < 10_000
    assert len(response.content) < len(SOURCE.read_bytes())
    assert "/*" not in response.text
    assert "// " not in response.text


def test_browsers_keep_it_and_ask_whether_it_changed(stage: Stage) -> None:
    first = stage.client().get(SCRIPT)
    assert first.headers.get_list("cache-control") == ["public, max-age=3600, stale-while-revalidate=86400"]
    again = stage.client().get(SCRIPT, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert stage.client().get(SCRIPT, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_named_version_is_kept_for_a_year(stage: Stage) -> None:
    kept = stage.client().get(SCRIPT, params={"v": tracker().version}).headers["cache-control"]
    assert kept == "public, max-age=31536000, immutable"
    assert "immutable" not in stage.client().get(SCRIPT, params={"v": "0"}).headers["cache-control"]


def test_any_site_may_load_it(stage: Stage) -> None:
    headers = stage.client().get(SCRIPT, headers={"origin": "https://any.example"}).headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert stage.client().head(SCRIPT).status_code == 200


def test_everything_else_is_kept_by_nobody(stage: Stage) -> None:
    assert stage.client().get("/healthz").headers.get_list("cache-control") == ["no-store"]


def test_shortening_leaves_texts_as_they_are() -> None:
    source = "/* why */\n  const a = 'b = c';  // then\n\n  // and\n  const d = a + ' // x';\n"
    assert shortened(source) == "const a='b = c';const d=a+' // x';"
