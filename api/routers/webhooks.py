"""The door for platforms: their webhooks in, and what came in shown and replayed."""

import base64
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from adapters.meta.webhooks.signature import challenge_answer
from adapters.meta.webhooks.signature import check as which_signed
from adapters.postgres.channels import Routes
from adapters.postgres.connections import as_brokerage
from adapters.postgres.deliveries import list_deliveries, one_delivery
from adapters.postgres.receiver import names_of
from api.direct import Direct
from api.errors import Refusal
from api.reading import Limit, Word, answer, body_bytes, caller, decode_cursor, encode_cursor, services
from api.replaying import READER, NotKept, at_account, items_of, known_of, raw_of, read_again, shown
from api.webhook_docs import ASKED, FROM_360DIALOG, SIGNED
from application.ports.webhooks import AppSecrets, Part, Route, Source
from application.receive_webhook import Came, apps_named, deliveries_of

posted = APIRouter(tags=["webhooks"], route_class=Direct)
"""What platforms call; read by hand, since they call often."""
router = APIRouter(tags=["webhooks"])

LARGEST = 4 * 1024 * 1024
"""Bytes of a webhook's body."""
MOST_OF_NOBODY = 64 * 1024
"""Bytes of a body, naming none of our accounts, that every app's secret is tried on."""
HEARD = Response(b"EVENT_RECEIVED", media_type="text/plain")
KEPT_HEADERS = {
    name.encode(): name
    for name in ("content-type", "user-agent", "x-hub-signature-256", "x-360dialog-signature", "x-request-id")
}
"""Headers that are kept with a delivery: none that opens a door."""
LONGEST_HEADER = 300
SECRET_HEADERS = ("x-webhook-secret", "x-masar-secret")
"""Where 360dialog's webhooks may bring an account's secret, beside `Authorization`."""
SIGNED_BY_360DIALOG = "x-360dialog-signature"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@posted.get("/api/webhooks/meta/{app}", **ASKED)
async def verify_app(request: Request, app: str) -> Response:
    """Answer Meta's question whether this address is ours, asked with a token of this app."""
    return await _verify(request, app)


@posted.get("/api/webhooks/meta", **ASKED)
@posted.get("/api/webhooks/whatsapp", **ASKED)
@posted.get("/webhooks/whatsapp", **ASKED)
async def verify(request: Request) -> Response:
    """Answer Meta's question whether this address is ours: the challenge, where the token is right; else 403."""
    return await _verify(request, None)


async def _verify(request: Request, app: str | None) -> Response:
    routes = await services(request).routes.current()
    tokens = [token for one in _apps(routes, app) for token in one.verify_tokens]
    challenge = challenge_answer(request.query_params, tokens)
    if challenge is None:
        services(request).refusals.count("meta", "verification")
        raise Refusal(403, "Not allowed", "hub.mode must be subscribe and hub.verify_token one of ours")
    return Response(challenge, media_type="text/plain")


@posted.post("/api/webhooks/meta", **SIGNED)
@posted.post("/api/webhooks/whatsapp", **SIGNED)
@posted.post("/webhooks/whatsapp", **SIGNED)
async def receive_meta(request: Request) -> Response:
    """Take a webhook of WhatsApp, Messenger or Instagram, signed with an app's secret; 200 once it is durable.

    The secrets of the apps that own the accounts named are tried; where none of ours is named, those of all apps. An
    item of an account that is not the signing app's is stored nowhere.
    """
    return await _receive(request, None)


@posted.post("/api/webhooks/meta/{app}", **SIGNED)
async def receive_app(request: Request, app: str) -> Response:
    """Take a webhook at the address of one app: only its secrets may have signed it."""
    return await _receive(request, app)


async def _receive(request: Request, app: str | None) -> Response:
    own = services(request)
    raw, kept = await body_bytes(request, LARGEST), _headers(request)
    header = kept.get("x-hub-signature-256")
    if header is None:
        raise _turned_away(request, "meta", "no_signature")
    routes = await own.routes.current()
    body, parts = (None, []) if app else _readable(raw)
    signed = _signed(raw, header, _known(routes, app, parts, len(raw)))
    if not signed:
        routes = await own.routes.again()
        signed = _signed(raw, header, _known(routes, app, parts, len(raw)))
    if not signed:
        raise _turned_away(request, "meta", "bad_signature")
    if body is None:
        body, parts = _read(raw)
    if any(not routes.owners(part) for part in parts if part.problem is None):
        routes = await own.routes.again()
    signers, place = signed
    may = {(one.brokerage_id, one.app) for one in signers}
    verified_by = f"{signers[0].app}#{place}"
    came = Came("meta", app or signers[0].app, own.now(), kept, verified_by, raw, body)
    return await _store(
        request,
        came,
        parts,
        routes,
        lambda route: route.provider == "meta" and (route.brokerage_id, route.app) in may,
        [one.brokerage_id for one in signers],
    )


@posted.post("/api/webhooks/360dialog/{account}", **FROM_360DIALOG)
async def receive_360dialog(request: Request, account: str) -> Response:
    """Take a webhook of a WhatsApp number hosted by 360dialog, named by its phone-number id; 200 once it is durable.

    The account's secret comes in `X-Webhook-Secret`, as a bearer token, as the password or the whole of basic auth; or
    it signed the body in `X-360dialog-Signature`.
    """
    own = services(request)
    raw = await body_bytes(request, LARGEST)
    routes = await own.routes.current()
    found = routes.of_360dialog(account)
    how = _secret_shown(request, raw, found[1]) if found else None
    if found is None or how is None:
        routes = await own.routes.again()
        found = routes.of_360dialog(account)
        how = _secret_shown(request, raw, found[1]) if found else None
    if found is None or how is None:
        raise _turned_away(request, "360dialog", "bad_secret" if found else "unknown_account")
    body, read = _read(raw)
    route = found[0]
    parts = [at_account(one, route) for one in read]
    came = Came("360dialog", None, own.now(), _headers(request), f"{account}#{how}", raw, body)
    return await _store(request, came, parts, routes, lambda one: one == route, [route.brokerage_id])


async def _store(
    request: Request,
    came: Came,
    parts: Sequence[Part],
    routes: Routes,
    owns: Callable[[Route], bool],
    signers: Sequence[UUID],
) -> Response:
    own = services(request)
    request.scope["seen"] = {"source": came.source}
    names = partial(names_of, own.settings.master())
    deliveries, refused = deliveries_of(came, parts, routes, owns, signers, READER, names)
    if refused:
        own.refusals.count(came.source, "not_owned", refused)
    for one in deliveries:
        await own.deliveries.append([one])
    return HEARD


def _read(raw: bytes) -> tuple[dict[str, Any], list[Part]]:
    try:
        body = READER.body(raw)
    except ValueError as bad:
        raise Refusal(400, "Invalid JSON", str(bad)[:200]) from None
    return body, READER.parts(body)


def _readable(raw: bytes) -> tuple[dict[str, Any] | None, list[Part]]:
    """Return a body and its items; nothing of one that cannot be read: only who signed it is told what is wrong."""
    try:
        return _read(raw)
    except Refusal:
        return None, []


def _known(routes: Routes, app: str | None, parts: Sequence[Part], size: int) -> Sequence[AppSecrets]:
    """Return the apps that may have signed a body: that of the address, else those that own the accounts named.

    A small body that names none of our accounts, such as Meta's trial of an address or one of a number that was taken
    away, may be of any: were it refused, Meta would try for days and then end the subscription of all its neighbours.
    """
    if app is not None:
        return routes.app(app)
    return apps_named(parts, routes) or (_apps(routes, None) if size <= MOST_OF_NOBODY else [])


def _apps(routes: Routes, app: str | None) -> Sequence[AppSecrets]:
    return routes.app(app) if app else [one for apps in routes.apps.values() for one in apps]


def _signed(raw: bytes, header: str, apps: Sequence[AppSecrets]) -> tuple[list[AppSecrets], int] | None:
    """Return the apps whose secret signed a body, and which of the first one's it was, from 1; None for none."""
    secrets = list(dict.fromkeys(secret for one in apps for secret in one.secrets))
    place = which_signed(raw, header, secrets)
    if place is None:
        return None
    signers = [one for one in apps if secrets[place] in one.secrets]
    return signers, signers[0].secrets.index(secrets[place]) + 1


def _secret_shown(request: Request, raw: bytes, secret: str) -> str | None:
    """Return where a request shows an account's secret, None where it does not."""
    headers = request.headers
    for name in SECRET_HEADERS:
        if _same(headers.get(name), secret):
            return name
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _same(given, secret):
        return "bearer"
    if scheme.lower() == "basic" and _same_basic(given, secret):
        return "basic"
    signature = headers.get(SIGNED_BY_360DIALOG)
    if signature and which_signed(raw, f"sha256={signature.removeprefix('sha256=')}", (secret,)) is not None:
        return SIGNED_BY_360DIALOG
    return None


def _same_basic(given: str, secret: str) -> bool:
    try:
        shown = base64.b64decode(given, validate=True).decode("utf-8", "replace")
    except ValueError:
        return False
    whole, password = _same(shown, secret), _same(shown.partition(":")[2], secret)
    return whole or password


def _same(given: str | None, secret: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def _turned_away(request: Request, source: Source, reason: str) -> Refusal:
    services(request).refusals.count(source, reason)
    return Refusal(401, "Not authenticated", "the webhook is not signed by anybody known for its accounts")


def _headers(request: Request) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in request.scope["headers"]:
        if (known := KEPT_HEADERS.get(name)) is not None:
            kept.setdefault(known, value[:LONGEST_HEADER].decode("latin-1"))
    return kept


@router.get("/api/webhook-deliveries")
async def list_webhook_deliveries(
    request: Request,
    source: Literal["meta", "360dialog"] | None = None,
    account: Word | None = None,
    problems: bool | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List webhooks as they came, the newest first; `problems` asks for those with, or without, unreadable items."""
    principal = await caller(request, "read")
    place = decode_cursor(cursor, int, UUID)
    after = (_moment(place[0]), UUID(place[1])) if place else None
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        rows = await list_deliveries(
            connection, source=source, account=account, problems=problems, since=since, until=until, after=after,
            limit=limit,
        )  # fmt: skip
    last = rows[-1] if len(rows) == limit else None
    following = encode_cursor(_micros(last["received_at"]), last["id"]) if last else None
    return answer({"items": rows, "next_cursor": following})


@router.get("/api/webhook-deliveries/{delivery_id}")
async def get_webhook_delivery(request: Request, delivery_id: UUID) -> Response:
    """Show one: headers, by what it was known to be genuine, and each item with the fact that it became.

    An item's verdict is `new` (this delivery brought the fact), `known` (an earlier one did), `conflict` (known with
    other content: the first holds) or `lost`. The body as it came is shown to operators, for thirty days.
    """
    principal = await caller(request, "read")
    row = await _one(request, principal.brokerage_id, delivery_id)
    raw = None
    if principal.may("operate"):
        raw = raw_of(row, services(request).settings.master(), principal.brokerage_id)
    return answer(shown(row, raw))


@router.post("/api/webhook-deliveries/{delivery_id}/replay")
async def replay_webhook_delivery(request: Request, delivery_id: UUID, dry_run: bool = False) -> Response:
    """Read a delivery again and record its facts, each once: what is known changes nothing.

    With `dry_run` nothing is recorded; the answer says what would be new. 409 where the body is no longer kept.
    """
    principal = await caller(request, "operate")
    own, whose = services(request), principal.brokerage_id
    row = await _one(request, whose, delivery_id)
    master = own.settings.master()
    try:
        again = read_again(row, master, whose, await own.routes.refreshed())
    except NotKept as gone:
        raise Refusal(409, "Not kept", str(gone)) from None
    async with as_brokerage(own.pool, whose) as connection:
        known = await known_of(connection, again, master, whose)
    if not dry_run:
        await own.deliveries.append([again])
    return answer({"id": delivery_id, "dry_run": dry_run, "items": items_of(again, master, known)})


async def _one(request: Request, brokerage_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    async with as_brokerage(services(request).pool, brokerage_id) as connection:
        row = await one_delivery(connection, delivery_id)
    if row is None:
        raise Refusal(404, "Not found", "there is no such delivery")
    return row


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=min(max(micros, 0), 4_102_444_800_000_000))
