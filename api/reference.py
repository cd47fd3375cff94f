"""The API's documentation as one page that needs nothing from elsewhere: no script, no style, no font of others."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

Schema = Mapping[str, Any]
Operation = tuple[str, str, Mapping[str, Any]]
"""Method, path, and what the document says of them."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
h2 { margin: 2.5rem 0 .3rem; border-bottom: 1px solid #d5dbe1 } h3 { margin: 1.6rem 0 .2rem }
code, pre { font: 14px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { white-space: pre-wrap; background: #f4f6f8; padding: 1rem }
.method { display: inline-block; min-width: 3.2rem; font-weight: 600; color: #0a6b52 }
table { border-collapse: collapse; margin: .5rem 0 } td { padding: .15rem 1rem .15rem 0; vertical-align: top }
summary { cursor: pointer; color: #0a6b52 } details details { margin-left: 1rem }
nav a { display: block; padding: .15rem 0 .15rem 1.2rem }
a { text-decoration: none; color: inherit } p a, td a { color: #0a58a8 }
nav small { color: #57606a; display: block; font-size: 14px } .key { color: #57606a; font-size: 14px }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'"
)
"""What the page may load: its own style, and nothing else."""

# fmt: off
GROUPS = (
    ("people",        "People: who they are, how serious, why"),
    ("conversations", "Conversations: the inbox"),
    ("messaging",     "Sending messages"),
    ("conversions",   "Conversions: what Meta is told, and why not"),
    ("operating",     "Mending and testing conversions"),
    ("analytics",     "Figures of conversions"),
    ("policies",      "Policies: the rules, and trying out others"),
    ("viewings",      "Viewings"),
    ("tours",         "Tours"),
    ("rentals",       "Rentals"),
    ("ingest",        "Telling what happened"),
    ("appraisals",    "Telling of appraisals"),
    ("investors",     "Telling of investors"),
    ("funnels",       "Funnels"),
    ("audiences",     "Audiences"),
    ("experiments",   "Experiments"),
    ("log",           "The log"),
    ("subscriptions", "Telling your own systems"),
    ("channels",      "Accounts on WhatsApp, Messenger and Instagram"),
    ("webhooks",      "Webhooks of platforms"),
    ("operations",    "Is it well?"),
)
"""Tags in the order of the page, and what they are called; others come last under their own name."""

WISHES = (
    ("see my hottest leads",                  "get",  "/api/people",                                   "?quality=hot"),
    ("know why a score is what it is",        "get",  "/api/people/{person_id}",                       ": reasons"),
    ("see everything somebody did",           "get",  "/api/people/{person_id}/journey",               ""),
    ("see who waits for a human",             "get",  "/api/notifications",                            ""),
    ("read a conversation",                   "get",  "/api/conversations/{conversation_id}/messages", ""),
    ("take it over from the assistant",       "post", "/api/conversations/{conversation_id}/takeover", ""),
    ("answer the customer",                   "post", "/api/conversations/{conversation_id}/messages", ""),
    ("count what Meta was not told, and why", "get",  "/api/conversions",                              "?summary=true"),
    ("see why one was withheld",              "get",  "/api/conversions/{conversion_id}",              ": reason"),
    ("copy the rules",                        "post", "/api/policies/{name}/copy",                     ""),
    ("change a copy",                         "put",  "/api/policies/{name}",                          ""),
    ("see what it would have sent",           "post", "/api/policies/simulate",                        ""),
    ("tell what somebody did",                "post", "/api/touchpoints",                              ""),
    ("be told of what happens",               "post", "/api/webhook-subscriptions",                    ""),
)
"""What people come for, and where it is: words, method, path, what to add."""
# fmt: on


def reference_page(document: Mapping[str, Any]) -> str:
    """Return the HTML page of an OpenAPI document: what people come for, a list of paths by group, then each path."""
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    groups = list(_grouped(operations))
    title = f"{escape(document['info']['title'])} {escape(document['info']['version'])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(document["info"]["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><h1>{title}</h1>'
        "<p>Every path under <code>/api/</code> wants <code>Authorization: Bearer &lt;key&gt;</code>, but webhooks, "
        "which are signed. Keys are of a <strong>producer</strong>, who tells what happened; a "
        "<strong>reader</strong>; an <strong>operator</strong>, who reads as well, answers and changes; a "
        "<strong>browser</strong>, for pages: "
        "<code>./masar key create -b … --kind …</code>. A refusal is an "
        "<code>application/problem+json</code> document that names field and rule. Times are RFC 3339 with their "
        "offset. A list goes on with its <code>next_cursor</code> as <code>cursor</code>. For tools: "
        '<a href="/openapi.json">/openapi.json</a>.</p>'
        f"{_wishes(document['paths'])}"
        f"{''.join(_contents(name, members) for name, members in groups)}"
        f"{''.join(_group(name, members) for name, members in groups)}</body></html>"
    )


def _grouped(operations: list[Operation]) -> Iterator[tuple[str, list[Operation]]]:
    """Yield each group's name and operations, in the order of the page."""
    by_tag: dict[str, list[Operation]] = {}
    for one in operations:
        by_tag.setdefault((one[2].get("tags") or ["other"])[0], []).append(one)
    for tag, name in GROUPS:
        if members := by_tag.pop(tag, None):
            yield name, sorted(members, key=lambda one: (one[0] != "get", one[1].count("/"), one[1]))
    yield from by_tag.items()


def _wishes(paths: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><td>{words}</td><td><a href="#{_anchor(method, path)}">{_name(method, path)}</a>'
        f"<code>{escape(more)}</code></td></tr>"
        for words, method, path, more in WISHES
        if method in paths.get(path, {})
    )
    return f"<h2>I want to …</h2><table>{rows}</table>" if rows else ""


def _contents(name: str, members: list[Operation]) -> str:
    links = "".join(
        f'<a href="#{_anchor(method, path)}">{_name(method, path)}<small>{_said(_brief(operation))}</small></a>'
        for method, path, operation in members
    )
    return f"<details><summary><strong>{escape(name)}</strong></summary><nav>{links}</nav></details>"


def _brief(operation: Mapping[str, Any]) -> str:
    """Return the beginning of a description: up to its first colon, semicolon or full stop."""
    return re.split(r"(?<=[^.])[:;.](?:\s|$)", " ".join(operation.get("description", "").split()), maxsplit=1)[0]


def _group(name: str, members: list[Operation]) -> str:
    return f"<h2>{escape(name)}</h2>{''.join(_operation(*one) for one in members)}"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    said = "".join(f"<p>{_said(part)}</p>" for part in operation.get("description", "").split("\n\n"))
    keys = operation.get("x-keys", [])
    return (
        f'<h3 id="{_anchor(method, path)}">{_name(method, path)}</h3>'
        + (f'<div class="key">key: {escape(" or ".join(keys))}</div>' if keys else "")
        + said
        + _parameters(operation.get("parameters", []))
        + "".join(_body(kind, one["schema"]) for kind, one in _contents_of(operation).items() if "schema" in one)
    )


def _contents_of(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(operation.get("requestBody", {}).get("content", {}))


def _body(kind: str, schema: Schema) -> str:
    named = "" if kind == "application/json" else f" ({escape(kind)})"
    return f"<details><summary>Body{named}</summary>{_outline(schema)}</details>"


def _outline(schema: Schema) -> str:
    """Write a body's fields one a line, those within others indented; kinds to choose from open one by one."""
    choices: list[Schema] = []
    lines = "\n".join(_lines(schema, 0, choices))
    chosen = "".join(
        f"<details><summary><code>{escape(str(one.get('title', 'one of them')))}</code></summary>{_outline(one)}"
        "</details>"
        for one in choices
    )
    said = _said(schema.get("description", ""))
    return (f"<p>{said}</p>" if said else "") + (f"<pre>{lines}</pre>" if lines else "") + chosen


def _lines(schema: Schema, depth: int, choices: list[Schema]) -> Iterator[str]:
    """Yield a line for each field of an object; bodies to choose from are put into `choices`."""
    if "oneOf" in schema:
        choices.extend(schema["oneOf"])
        return
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        need = "  required" if name in required else ""
        said = " ".join(field.get("description", "").split())
        yield f"{'    ' * depth}<strong>{escape(name)}</strong>  {escape(_kind(field))}{need}" + (
            f"  · {escape(said)}" * bool(said)
        )
        for inner in _inside(field):
            yield from _lines(inner, depth + 1, choices)


def _inside(field: Schema) -> Iterator[Schema]:
    """Yield the schemas of the objects that a field may be or hold."""
    for one in (field, *field.get("anyOf", ())):
        item = one.get("items", one) if isinstance(one, Mapping) else {}
        if isinstance(item, Mapping) and ("properties" in item or ("oneOf" in item and item is not field)):
            yield item


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(_kind(one['schema']))}{_default(one['schema'])}</td>"
        f"<td>{_said(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _default(schema: Schema) -> str:
    given = schema.get("default")
    return (
        ""
        if given is None
        else f"; {escape(str(given).lower() if isinstance(given, bool) else str(given))} unless told"
    )


def _kind(schema: Schema) -> str:
    """Say in a few words what a parameter or a field may be."""
    options = [_kind(one) for one in schema.get("anyOf", schema.get("oneOf", [])) if one.get("type") != "null"]
    if options:
        return " or ".join(dict.fromkeys(options))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return f"list of {_kind(items)}" if isinstance(items, Mapping) and items else "list"
    words = str(schema.get("format") or schema.get("type", ""))
    bounds = [
        f"{word} {schema[name]}"
        for name, word in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if name in schema
    ]
    return ", ".join([words, *bounds])


def _said(text: str) -> str:
    """Return words as HTML; what stands in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _name(method: str, path: str) -> str:
    return f'<code><span class="method">{method.upper()}</span> {escape(path)}</code>'


def _anchor(method: str, path: str) -> str:
    return escape(f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""), quote=True)
