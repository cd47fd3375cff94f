"""Message templates of a WhatsApp Business Account: kept, listed by pages, made, taken away, and checked when sent."""

import itertools
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.simulator.messages.errors import listed, part, whatsapp
from adapters.simulator.refusals import Refusal

Status = Literal["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "LIMIT_EXCEEDED"]
Category = Literal["MARKETING", "UTILITY", "AUTHENTICATION"]

PAGE = 25
"""Templates on a page unless asked otherwise."""
MAX_PAGE = 100
"""… and at most, whatever is asked: who wants them all follows the cursors."""
MAX_OFFSET_PAGE = 1_000
"""The same of 360dialog's lists."""
MAX_HYDRATED = 1_024
"""Characters of a body with its parameters put in."""

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}").findall
_IS_NAME = re.compile(r"[a-z0-9_]{1,512}").fullmatch
_IS_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?").fullmatch
_MEDIA = ("image", "video", "document")


class Template(BaseModel):
    """One template in one language, as it is registered here and as Meta lists it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern="^[a-z0-9_]{1,512}$")
    language: str = Field(pattern="^[a-z]{2,3}(_[A-Z]{2})?$")
    category: Category = "UTILITY"
    status: Status = "APPROVED"
    components: list[dict[str, Any]] = Field(default_factory=lambda: [{"type": "BODY", "text": "Hello"}])
    parameter_format: Literal["POSITIONAL", "NAMED"] = "POSITIONAL"
    quality: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] = "UNKNOWN"
    rejected_reason: str = "NONE"
    id: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return the template as a list of Graph's shows it."""
        content = self.model_dump(exclude={"quality"})
        return {**content, "quality_score": {"score": self.quality}}

    def component(self, kind: str) -> dict[str, Any] | None:
        """Return the component of a type (`HEADER`, `BODY` …), None where the template has none."""
        return next((one for one in self.components if str(one.get("type", "")).upper() == kind), None)


class Templates:
    """All templates by their WhatsApp Business Account."""

    def __init__(self) -> None:
        self._known: dict[str, dict[tuple[str, str], Template]] = {}
        self._ids = itertools.count(660_000_001)

    def forget(self) -> None:
        """Drop every template."""
        self._known.clear()

    def register(self, waba_id: str, template: Template) -> Template:
        """Add a template or replace the one of the same name and language; it keeps its id."""
        mine = self._known.setdefault(waba_id, {})
        key = (template.name, template.language)
        former = mine[key].id if key in mine else None
        mine[key] = template.model_copy(update={"id": template.id or former or str(next(self._ids))})
        return mine[key]

    def listed(
        self, waba_id: str, asked: dict[str, Any], base: str, most: int = MAX_PAGE
    ) -> dict[str, Any] | Refusal:  # fmt: skip
        """Answer `GET /{waba}/message_templates` with `limit`, `after` and filters, as a page with cursors."""
        filters = {name: str(asked[name]) for name in ("name", "status", "language", "category") if asked.get(name)}
        found = [
            one.shown() for one in self._known.get(waba_id, {}).values()
            if all(str(getattr(one, name)) == value for name, value in filters.items())
        ]  # fmt: skip
        try:
            limit, start = int(asked.get("limit", PAGE)), int(asked.get("after") or 0)
        except (ValueError, TypeError):
            return whatsapp(100, "limit and after must be those of a page")
        if limit < 1 or not 0 <= start <= len(found):
            return whatsapp(100, "limit must be 1 or more, after the cursor of a page")
        limit = min(limit, most)
        page, following = found[start : start + limit], start + limit
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(following)}}
        if following < len(found):
            paging["next"] = f"{base}/{waba_id}/message_templates?limit={limit}&after={following}"
        return {"data": page, "paging": paging} if page else {"data": []}

    def create(self, waba_id: str, said: dict[str, Any]) -> dict[str, Any] | Refusal:
        """Answer `POST /{waba}/message_templates`: it is there at once, and pending until somebody approves it."""
        name, language, components = said.get("name"), said.get("language"), said.get("components")
        if not isinstance(name, str) or not _IS_NAME(name):
            return whatsapp(100, "name must be 1 to 512 lower-case letters, digits and underscores")
        if not isinstance(language, str) or not _IS_LANGUAGE(language):
            return whatsapp(100, "language must be a code such as ar or en_US")
        if said.get("category") not in ("MARKETING", "UTILITY", "AUTHENTICATION"):
            return whatsapp(100, "category must be MARKETING, UTILITY or AUTHENTICATION")
        if not isinstance(components, list) or not all(isinstance(one, dict) for one in components) or not components:
            return whatsapp(100, "components must be a list of at least one component")
        if (name, language) in self._known.get(waba_id, {}):
            return Refusal(100, 2388024, "Content in this language already exists", "the template exists already")
        format_ = "NAMED" if said.get("parameter_format") == "NAMED" else "POSITIONAL"
        made = Template(
            name=name, language=language, category=said["category"], status="PENDING", components=components,
            parameter_format=format_,
        )  # fmt: skip
        kept = self.register(waba_id, made)
        return {"id": kept.id, "status": kept.status, "category": kept.category}

    def delete(self, waba_id: str, name: str | None, template_id: str | None) -> dict[str, Any] | Refusal:
        """Answer `DELETE /{waba}/message_templates?name=…`: all languages, or the one whose `hsm_id` is given."""
        mine = self._known.get(waba_id, {})
        gone = [key for key, one in mine.items() if key[0] == name and template_id in (None, one.id)]
        if not gone:
            return whatsapp(100, "there is no such template")
        for key in gone:
            del mine[key]
        return {"success": True}

    def all(self) -> list[tuple[str, Template]]:
        """Return every template with its account."""
        return [(waba_id, one) for waba_id, mine in self._known.items() for one in mine.values()]

    def count(self, waba_id: str) -> int:
        """Return how many templates an account has."""
        return len(self._known.get(waba_id, {}))

    def get(self, waba_id: str, name: str, language: str) -> Template | None:
        """Return one template, None where there is none."""
        return self._known.get(waba_id, {}).get((name, language))


def check_template(sent: dict[str, Any], waba_id: str, templates: Templates) -> Refusal | Template:
    """Return the template that a message uses, or why it cannot: unknown, not approved, or parameters that do not fit.

    Source: WhatsApp Cloud API, *Error codes* 132000 to 132016.
    """
    name, language = sent.get("name"), sent.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(name, str) or not isinstance(code, str):
        return whatsapp(131008, "template.name and template.language.code are required")
    template = templates.get(waba_id, name, code)
    if template is None:
        return whatsapp(132001, f"template name ({name}) does not exist in {code}")
    if template.status == "PAUSED":
        return whatsapp(132015, "the template is paused for its low quality")
    if template.status == "DISABLED":
        return whatsapp(132016, "the template is disabled for its low quality")
    if template.status != "APPROVED":
        return whatsapp(132001, f"template name ({name}) is not approved in {code}")
    given = sent.get("components", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        return whatsapp(100, "template.components must be a list of objects")
    checks = (_check_body, _check_header, _check_buttons)
    return next((refusal for check in checks if (refusal := check(template, given)) is not None), template)


def _kind(component: dict[str, Any]) -> str:
    return str(component.get("type")).lower()  # Meta takes either case


def _given(components: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    parameters = next((one.get("parameters") for one in components if _kind(one) == kind), None)
    return [one for one in listed(parameters) if isinstance(one, dict)]


def _check_body(template: Template, components: list[dict[str, Any]]) -> Refusal | None:
    return _check_text(template, "BODY", components)


def _check_text(template: Template, kind: str, components: list[dict[str, Any]]) -> Refusal | None:
    text = str((template.component(kind) or {}).get("text", ""))
    wanted = list(dict.fromkeys(_VARIABLE(text)))
    given = _given(components, kind.lower())
    where = kind.lower()
    if len(given) != len(wanted):
        return whatsapp(
            132000, f"{where}: number of localizable_params ({len(given)}) does not match the expected ({len(wanted)})"
        )
    values = []
    for one in given:
        value = one.get("text") or part(one.get(str(one.get("type")))).get("fallback_value")
        if one.get("type") not in ("text", "currency", "date_time") or not isinstance(value, str):
            return whatsapp(132012, f"{where}: a parameter is no text")
        if "\n" in value or "\t" in value or "     " in value:
            return whatsapp(132007, f"{where}: a parameter has new lines, tabs or more than four spaces together")
        values.append(value)
    named = template.parameter_format == "NAMED"
    if named and sorted(str(one.get("parameter_name")) for one in given) != sorted(wanted):
        return whatsapp(132012, f"{where}: the parameters' names are not those of the template")
    if len(text) - sum(len(one) + 4 for one in wanted) + sum(len(value) for value in values) > MAX_HYDRATED:
        return whatsapp(132005, f"{where}: longer than {MAX_HYDRATED} characters with its parameters")
    return None


def _check_header(template: Template, components: list[dict[str, Any]]) -> Refusal | None:
    header = template.component("HEADER")
    if header is None:
        return whatsapp(132000, "the template has no header") if _given(components, "header") else None
    form = str(header.get("format", "TEXT")).lower()
    if form == "text":
        return _check_text(template, "HEADER", components)
    given = _given(components, "header")
    if len(given) != 1:
        return whatsapp(132000, f"header: one parameter is expected, of type {form}")
    if given[0].get("type") != form or not isinstance(given[0].get(form), dict):
        return whatsapp(132012, f"header: a parameter of type {form} is expected")
    place = given[0][form]
    if form in _MEDIA and not isinstance(place.get("id") or place.get("link"), str):
        return whatsapp(132012, f"header: {form} needs an id or a link")
    return None


def _check_buttons(template: Template, components: list[dict[str, Any]]) -> Refusal | None:
    """A button whose address ends in a variable needs it; one that is not there must not be given any."""
    buttons = [part(one) for one in listed((template.component("BUTTONS") or {}).get("buttons"))]
    given: dict[int, dict[str, Any]] = {}
    for one in components:
        if _kind(one) == "button":
            if not str(one.get("index", "")).isdecimal() or int(one["index"]) >= len(buttons):
                return whatsapp(132000, "button: index names no button of the template")
            given[int(one["index"])] = one
    for index, button in enumerate(buttons):
        if _VARIABLE(str(button.get("url", ""))) and not _given([given.get(index, {})], "button"):
            return whatsapp(132000, f"button {index}: the address needs a parameter")
    return None
