"""The API's documentation as one page that needs nothing from elsewhere: no script, no style, no font of others."""

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
h3 { margin-bottom: .2rem }
code, pre { font: 14px/1.45 ui-monospace, monospace } pre { overflow: auto; background: #f4f6f8; padding: 1rem }
.method { display: inline-block; min-width: 3.2rem; font-weight: 600; color: #0a6b52 }
table { border-collapse: collapse; margin: .5rem 0 } td { padding: .15rem 1rem .15rem 0; vertical-align: top }
summary { cursor: pointer; color: #0a6b52 } nav a { display: block; text-decoration: none; color: inherit }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'"
)
"""What the page may load: its own style, and nothing else."""


def reference_page(document: Mapping[str, Any]) -> str:
    """Return the HTML page of an OpenAPI document: a list of paths, then each with its parameters and body."""
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    links = "".join(f'<a href="#{_anchor(method, path)}">{_name(method, path)}</a>' for method, path, _ in operations)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(document["info"]["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(document['info']['title'])} {escape(document['info']['version'])}</h1>"
        "<p>Every path under <code>/api/</code> wants <code>Authorization: Bearer &lt;key&gt;</code>; a refusal is a "
        '<code>application/problem+json</code> document. For tools: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"<nav>{links}</nav>{''.join(_operation(*one) for one in operations)}</body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return (
        f'<h3 id="{_anchor(method, path)}">{_name(method, path)}</h3>'
        f"<p>{escape(operation.get('description', ''))}</p>{_parameters(operation.get('parameters', []))}"
        + (f"<details><summary>Body</summary><pre>{escape(json.dumps(body, indent=2))}</pre></details>" if body else "")
    )


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(_kind(one['schema']))}</td></tr>"
        for one in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _kind(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a parameter may be."""
    options = [_kind(one) for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if options:
        return " or ".join(options)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    words = str(schema.get("format") or schema.get("type", ""))
    bounds = [f"{word} {schema[name]}" for name, word in (("minimum", "≥"), ("maximum", "≤")) if name in schema]
    return ", ".join([words, *bounds])


def _name(method: str, path: str) -> str:
    return f'<code><span class="method">{method.upper()}</span> {escape(path)}</code>'


def _anchor(method: str, path: str) -> str:
    return escape(f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""), quote=True)
