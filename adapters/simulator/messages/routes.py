"""Where the messaging platforms are found: Graph's paths, and 360dialog's, on one address."""

from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from adapters.simulator.answers import CutConnection, hold_back, json_answer, new_trace_id
from adapters.simulator.call import Call, read_call
from adapters.simulator.datasets import NO_SUCH_OBJECT
from adapters.simulator.messages.errors import planned_refusal, told, whatsapp
from adapters.simulator.messages.hooks import Hook
from adapters.simulator.messages.media import NO_SUCH_FILE
from adapters.simulator.messages.platform import ROUTE, VERSION_REFUSED, Messaging
from adapters.simulator.messages.templates import MAX_OFFSET_PAGE
from adapters.simulator.refusals import Refusal

KEY_REFUSED = {"meta": {"success": False, "http_code": 401, "developer_message": "Invalid api key"}}


def add_message_routes(app: FastAPI, messaging: Messaging) -> None:
    """Add the routes; they come before Graph's general ones, which take any path."""
    _add_sending(app, messaging)
    _add_media(app, messaging)
    _add_templates(app, messaging)
    _add_360dialog(app, messaging)
    _add_360dialog_settings(app, messaging)


async def call_of(request: Request) -> Call:
    """Return the call of a request; the content of a form with files is read elsewhere."""
    form = request.headers.get("content-type", "").startswith("multipart/")
    return read_call(request.headers, request.query_params, b"" if form else await request.body())


def base_of(request: Request) -> str:
    """Return the address under which the caller reached us."""
    return str(request.base_url).rstrip("/")


def _add_sending(app: FastAPI, messaging: Messaging) -> None:
    @app.post("/{version}/{account_id}/messages")
    async def send(version: str, account_id: str, request: Request) -> Response:
        call = await call_of(request)
        if account_id == "me":
            account_id = messaging.accounts.of_token(call.token or "") or "me"
        delay_s = messaging.faults.of(account_id, ROUTE).draw_delay_s()
        answer = await messaging.send(version, account_id, call)
        if delay_s:
            await hold_back(request.scope, delay_s)  # the work is done; who gives up now cannot know
        return answer


def _told(content: dict[str, Any] | Refusal) -> Response:
    if isinstance(content, Refusal):
        return json_answer(told(content, "whatsapp", new_trace_id()), content.status)
    return json_answer(content)


async def _met(request: Request, messaging: Messaging, route: str) -> Response | None:
    """Wait as planned for a route, and return the failure that is planned for this call, if one is."""
    fate = messaging.faults.of(route)
    if fate is messaging.faults.of():  # that for everything is of conversions and messages alone
        return None
    planned = fate.draw()
    if delay_s := fate.draw_delay_s():
        await hold_back(request.scope, delay_s)
    if planned.outcome.startswith("lost"):
        return CutConnection()
    refusal = planned_refusal(planned, "whatsapp")
    return None if refusal is None else _told(refusal)


def _add_media(app: FastAPI, messaging: Messaging) -> None:
    @app.post("/{version}/{account_id}/media")
    async def upload(version: str, account_id: str, request: Request) -> Response:
        refusal = messaging.refuse_caller(version, account_id, await call_of(request))
        return await _upload(request, messaging, account_id, refusal)

    @app.get("/whatsapp_business/attachments/")
    async def download(request: Request, mid: str = "", ext: str = "", hash: str = "") -> Response:  # noqa: A002
        return await _download(request, messaging, mid, ext, hash)

    @app.get("/_cdn/{media_id}")
    async def public_file(media_id: str, request: Request) -> Response:
        """Serve a file of Messenger or Instagram: whoever has the address may read it."""
        if failed := await _met(request, messaging, "media"):
            return failed
        found = messaging.media.get(media_id)
        if found is None or found.broken:
            return Response(status_code=404)
        return Response(found.content, media_type=found.mime_type)


async def _upload(request: Request, messaging: Messaging, account_id: str, refusal: Refusal | None) -> Response:
    if refusal is not None:
        return _told(refusal)
    if failed := await _met(request, messaging, "media"):
        return failed
    content_type = request.headers.get("content-type", "")
    return _told(messaging.media.upload(content_type, await request.body(), account_id))


async def _download(request: Request, messaging: Messaging, media_id: str, expires: str, seal: str) -> Response:
    """Serve a file to whoever has an address that has not expired, and the token or key of its account."""
    key, call = request.headers.get("d360-api-key"), await call_of(request)
    found = messaging.media.fetch(media_id, expires, seal)
    if found is None:
        return Response(status_code=404)
    account_id = found.account_id or ""
    if failed := await _met(request, messaging, "media"):
        return failed
    if key is not None:
        allowed = messaging.accounts.of_key(key) == account_id
    else:
        allowed = messaging.refuse_caller("v26.0", account_id, call, proved=False) is None
    return Response(found.content, media_type=found.mime_type) if allowed else Response(status_code=401)


async def media_node(
    messaging: Messaging, version: str, media_id: str, call: Call, request: Request
) -> Response | None:
    """Answer `GET` and `DELETE /{version}/{media_id}`; None where the id was never a file's."""
    account_id = messaging.media.account_of(media_id)
    if account_id is None:
        return None
    if refusal := messaging.refuse_caller(version, account_id, call):
        return _told(refusal)
    if failed := await _met(request, messaging, "media"):
        return failed
    if request.method == "DELETE":
        return _told(messaging.media.drop(media_id))
    found = messaging.media.get(media_id)
    if found is None:
        return _told(NO_SUCH_FILE)
    return json_answer(found.shown(messaging.media.address(media_id, base_of(request))))


def account_node(messaging: Messaging, version: str, account_id: str, call: Call) -> Response | None:
    """Answer `GET /{version}/{account}`; None where the id is that of no account."""
    account = messaging.accounts.get(account_id)
    if account is None or account.provider != "meta":
        return None
    if refusal := messaging.refuse_caller(version, account_id, call):
        return _told(refusal)
    if account.channel != "whatsapp":
        return json_answer({"id": account_id, "name": account.name or account_id})
    level = "STANDARD" if account.per_second() <= 80 else "HIGH"
    return json_answer(
        {
            "id": account_id, "display_phone_number": account.display_phone_number,
            "verified_name": account.name or account_id, "quality_rating": "GREEN", "throughput": {"level": level},
        }
    )  # fmt: skip


def _add_templates(app: FastAPI, messaging: Messaging) -> None:
    @app.api_route("/{version}/{waba_id}/message_templates", methods=["GET", "POST", "DELETE"])
    async def message_templates(version: str, waba_id: str, request: Request) -> Response:
        call = await call_of(request)
        account_id = messaging.accounts.of_waba(waba_id)
        if account_id is None and call.token:
            return _told(NO_SUCH_OBJECT)
        if refusal := messaging.refuse_caller(version, account_id or "", call):
            return _told(refusal)
        if failed := await _met(request, messaging, "templates"):
            return failed
        return _told(_templates(messaging, request.method, waba_id, call, f"{base_of(request)}/{version}"))


def _templates(
    messaging: Messaging, method: str, waba_id: str, call: Call, base: str
) -> dict[str, Any] | Refusal:  # fmt: skip
    match method:
        case "GET":
            return messaging.templates.listed(waba_id, dict(call.parameters), base)
        case "POST":
            return messaging.templates.create(waba_id, dict(call.parameters))
        case _:
            return messaging.templates.delete(waba_id, call.text("name"), call.text("hsm_id"))


def _add_360dialog(app: FastAPI, messaging: Messaging) -> None:
    refused = json_answer(KEY_REFUSED, 401)

    @app.post("/messages")
    async def send(request: Request) -> Response:
        if (found := _owner(request, messaging)) is None:
            return refused
        delay_s = messaging.faults.of(found[0], ROUTE).draw_delay_s()
        answer = await messaging.send(None, found[0], await call_of(request), key=found[1])
        if delay_s:
            await hold_back(request.scope, delay_s)
        return answer

    @app.post("/media")
    async def upload(request: Request) -> Response:
        if (found := _owner(request, messaging)) is None:
            return refused
        return await _upload(request, messaging, found[0], None)

    @app.get("/media/{media_id}")
    @app.get("/{media_id}")
    async def media(media_id: str, request: Request) -> Response:
        if "d360-api-key" not in request.headers:
            return _told(VERSION_REFUSED)
        if (found := _owner(request, messaging)) is None:
            return refused
        if failed := await _met(request, messaging, "media"):
            return failed
        file = messaging.media.get(media_id)
        if file is None or file.account_id != found[0]:
            return _told(NO_SUCH_FILE)
        return json_answer(file.shown(messaging.media.address(file.id, base_of(request))))


def _add_360dialog_settings(app: FastAPI, messaging: Messaging) -> None:
    refused = json_answer(KEY_REFUSED, 401)

    @app.api_route("/v1/configs/webhook", methods=["GET", "POST"])
    async def webhook(request: Request) -> Response:
        if (found := _owner(request, messaging)) is None:
            return refused
        hook = messaging.hook_of(found[0])
        if request.method == "POST":
            asked = await call_of(request)
            url, headers = asked.parameters.get("url"), asked.parameters.get("headers", {})
            texts = isinstance(headers, dict) and all(isinstance(one, str) for one in headers.values())
            if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not texts:
                return _told(whatsapp(100, "url must be an address, headers an object of texts"))
            hook = Hook(**{**hook.model_dump(), "url": url, "headers": headers, "app_secret": None})
            messaging.set_hook(hook, found[0])
        return json_answer({"url": hook.url, "headers": hook.headers})

    @app.api_route("/v1/configs/templates", methods=["GET", "POST"])
    async def templates(request: Request) -> Response:
        if (found := _owner(request, messaging)) is None:
            return refused
        account = messaging.accounts.get(found[0])
        waba_id = str(account.waba_id if account else "")
        if failed := await _met(request, messaging, "templates"):
            return failed
        call = await call_of(request)
        if request.method == "POST":
            return _told(messaging.templates.create(waba_id, dict(call.parameters)))
        return _told(_page_of_360dialog(messaging, waba_id, call))

    @app.delete("/v1/configs/templates/{name}")
    async def delete_template(name: str, request: Request) -> Response:
        if (found := _owner(request, messaging)) is None:
            return refused
        account = messaging.accounts.get(found[0])
        return _told(messaging.templates.delete(str(account.waba_id if account else ""), name, None))


def _owner(request: Request, messaging: Messaging) -> tuple[str, str] | None:
    """Return the number that the request's key belongs to, and the key; None where it opens nothing."""
    key = request.headers.get("d360-api-key", "")
    account_id = messaging.accounts.of_key(key) if key else None
    return (account_id, key) if account_id else None


def _page_of_360dialog(messaging: Messaging, waba_id: str, call: Call) -> dict[str, Any] | Refusal:
    """Return templates as 360dialog lists them: by `limit` and `offset`, with their count."""
    asked = {"limit": call.parameters.get("limit", 100), "after": call.parameters.get("offset", 0)}
    page = messaging.templates.listed(waba_id, asked, "", MAX_OFFSET_PAGE)
    if isinstance(page, Refusal):
        return page
    found, total = page["data"], messaging.templates.count(waba_id)
    return {
        "waba_templates": found, "count": len(found), "total": total,
        "limit": int(asked["limit"]), "offset": int(asked["after"]),
    }  # fmt: skip
