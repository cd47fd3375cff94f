"""Commands that set things up: brokerages, keys, datasets, the schema."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from adapters.postgres.connections import connect
from adapters.postgres.migrate import migrate, newest_revision
from adapters.postgres.secrets import APP_SECRET, TEST_CODE, TOKEN, SecretStore
from adapters.sealing import MasterKey
from api.auth.issuing import SCOPES, BadKey, create_key, revoke_key
from api.auth.origins import BadOrigin
from api.cli.context import Brokerage, Json, SetUp, fail, known_to, need_database, set_up, settings, show
from api.settings import Settings
from application.brokerages import (
    AlreadyRegistered,
    NotRegistered,
    brokerage_id_of,
    decide_dataset,
    decide_registration,
    fold,
    stream_of,
)
from application.policies import SHIPPED
from domain.brokerage.events import BrokerageRegistered, DatasetConnected
from domain.scoring.policy import Policy

SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")

brokerages = typer.Typer(no_args_is_help=True, help="Brokerages: our customers.")
keys = typer.Typer(no_args_is_help=True, help="Keys of producers, readers, operators and browsers.")
datasets = typer.Typer(no_args_is_help=True, help="Meta datasets that take conversions.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("migrate")(migrate_command)
    app.add_typer(brokerages, name="brokerage")
    app.add_typer(keys, name="key")
    app.add_typer(datasets, name="dataset")


def migrate_command(json: Json = False) -> None:
    """Bring the database to this release's schema; safe at any time and from several places at once.

    Example: MASAR_DATABASE_URL=postgresql://… ./masar migrate
    """
    migrate(need_database(settings()))
    show({"revision": newest_revision()}, json, f"the schema is at {newest_revision()}")


def register_brokerage(own: SetUp, slug: str, wanted: BrokerageRegistered, policy: Policy) -> UUID:
    """Register a brokerage with its first policy and return its id; just so already: nothing changes.

    Raises AlreadyRegistered where it is there under other settings.
    """
    brokerage_id = brokerage_id_of(slug)
    own.owner.execute(
        "INSERT INTO auth.brokerages (brokerage_id, slug) VALUES (%s, %s) ON CONFLICT DO NOTHING", (brokerage_id, slug)
    )
    own.streams.change(
        brokerage_id, stream_of(brokerage_id), lambda facts: decide_registration(fold(facts), wanted, policy)
    )
    return brokerage_id


def give_dataset(
    own: SetUp, with_settings: Settings, brokerage_id: UUID, wanted: DatasetConnected, secrets: Mapping[str, str | None]
) -> None:
    """Connect a dataset and keep its secrets, by name; those that are None or empty are left as they were.

    Raises NotRegistered.
    """
    own.streams.change(brokerage_id, stream_of(brokerage_id), lambda facts: decide_dataset(fold(facts), wanted))
    with connect(need_database(with_settings), "masar_registry", name="cli") as registry:
        store = SecretStore(lambda: registry, with_settings.master())
        for name, secret in secrets.items():
            if secret:
                store.put(brokerage_id, name.format(wanted.dataset_id), secret)


@brokerages.command("create")
def create_brokerage(
    slug: Annotated[str, typer.Argument(help="A short name: lower-case letters, digits and dashes.")],
    name: Annotated[str | None, typer.Option(help="The name people know.")] = None,
    currency: str = "EGP",
    region: Annotated[str, typer.Option(help="Where local phone numbers are read, such as EG.")] = "EG",
    ask_first: Annotated[bool, typer.Option("--ask-first", help="No conversion without a consent given.")] = False,
    policy: Annotated[str, typer.Option(help=f"One of {', '.join(SHIPPED)}.")] = "brief",
    effective_days_ago: Annotated[
        int, typer.Option(min=0, max=9_000, help="Conversions for what happened since so many days.")
    ] = 0,
    json: Json = False,
) -> None:
    """Register a brokerage with its settings and first policy. Again with the same settings: nothing changes.

    Example: ./masar brokerage create nile-homes --name "Nile Homes"
    """
    if not SLUG.fullmatch(slug):
        fail("the short name must be 2 to 40 lower-case letters, digits and dashes, beginning with a letter", 2)
    if policy not in SHIPPED:
        fail(f"--policy must be one of {', '.join(SHIPPED)}", 2)
    now = datetime.now(UTC)
    since = int((now - timedelta(days=effective_days_ago)).timestamp())
    chosen = SHIPPED[policy].model_copy(update={"effective_from_s": since})
    with set_up(settings()) as own:
        try:
            wanted = BrokerageRegistered(
                name=name or slug, currency=currency, region=region, ask_first=ask_first, occurred_at=now
            )
            brokerage_id = register_brokerage(own, slug, wanted, chosen)
        except (ValidationError, AlreadyRegistered) as refusal:
            fail(_words(refusal))
    show({"brokerage_id": brokerage_id, "slug": slug}, json, f"{slug} is {brokerage_id}")


@brokerages.command("list")
def list_brokerages(json: Json = False) -> None:
    """List brokerages.

    Example: ./masar brokerage list --json
    """
    with set_up(settings()) as own:
        rows = own.owner.execute("SELECT slug, brokerage_id, created_at FROM auth.brokerages ORDER BY slug").fetchall()
    listed = [{"slug": slug, "brokerage_id": one, "created_at": at} for slug, one, at in rows]
    show(listed, json, "\n".join(f"{one['slug']:24} {one['brokerage_id']}" for one in listed) or "none yet")


@keys.command("create")
def create_key_command(
    brokerage: Brokerage,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(SCOPES)}.")] = "producer",
    producer: Annotated[str, typer.Option(help="Who sends with it; a later key of the same name goes on.")] = "default",
    origin: Annotated[
        list[str] | None,
        typer.Option(help="A site of a browser key, such as https://www.site.example or https://*.site.example."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a key and show it this once. A browser's key is public: it is bound to the origins of its sites.

    Example: ./masar key create -b nile-homes --kind producer --producer tour-player
    Example: ./masar key create -b nile-homes --kind browser --origin https://www.nile-homes.example
    """
    if kind not in SCOPES:
        fail(f"--kind must be one of {', '.join(SCOPES)}", 2)
    with set_up(settings()) as own:
        try:
            text = create_key(own.owner, known_to(own.owner, brokerage), kind, producer, origin or ())  # type: ignore[arg-type]
        except (BadKey, BadOrigin) as refusal:
            fail(f"--origin: {refusal}" if isinstance(refusal, BadOrigin) else str(refusal), 2)
    show({"key": text, "kind": kind}, json, text)


@keys.command("list")
def list_keys(brokerage: Brokerage, json: Json = False) -> None:
    """List a brokerage's keys, without their secrets.

    Example: ./masar key list -b nile-homes
    """
    with set_up(settings()) as own:
        rows = own.owner.execute(
            "SELECT key_id, kind, producer, origins, created_at, revoked_at FROM auth.keys"
            " WHERE brokerage_id = %s ORDER BY created_at",
            (known_to(own.owner, brokerage),),
        ).fetchall()
    names = ("key_id", "kind", "producer", "origins", "created_at", "revoked_at")
    listed = [dict(zip(names, row, strict=True)) for row in rows]
    text = "\n".join(
        f"{one['key_id']}  {one['kind']:9} {one['producer']:20} {_age(one)}"
        + "".join(f"  {site}" for site in one["origins"])
        for one in listed
    )
    show(listed, json, text or "none yet")


@keys.command("revoke")
def revoke_key_command(key_id: str, json: Json = False) -> None:
    """Revoke a key by its id (the part after the kind); it stops working within seconds.

    Example: ./masar key revoke 3d769687f070
    """
    with set_up(settings()) as own:
        if not revoke_key(own.owner, key_id):
            fail("there is no such key, or it is revoked already")
    show({"revoked": key_id}, json, f"{key_id} is revoked")


@keys.command("master")
def make_master_key() -> None:
    """Print a new master key, for MASAR_MASTER_KEY. Lose it, and everything personal is lost.

    Example: MASAR_MASTER_KEY=$(./masar key master)
    """
    typer.echo(MasterKey.generate())


@datasets.command("connect")
def connect_dataset(
    brokerage: Brokerage,
    dataset_id: Annotated[str, typer.Argument(help="The dataset's (pixel's) number.")],
    token: Annotated[
        str | None,
        typer.Option(help="Its access token; without it conversions wait.", envvar="META_CONVERSIONS_API_TOKEN"),
    ] = None,
    app_secret: Annotated[
        str | None, typer.Option(help="The app's secret, for appsecret_proof.", envvar="META_APP_SECRET")
    ] = None,
    test_event_code: Annotated[
        str | None,
        typer.Option(help="From Meta's test page. Sent only by tests of the set-up: Meta counts such events."),
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="website, messaging, crm or offline; website unless told before.")
    ] = None,
    page_id: Annotated[str | None, typer.Option(help="The Page of a messaging dataset, for Messenger.")] = None,
    whatsapp_account: Annotated[str | None, typer.Option(help="The WhatsApp business account of one.")] = None,
    instagram_account: Annotated[str | None, typer.Option(help="The Instagram business account of one.")] = None,
    fb_login_id: Annotated[str | None, typer.Option(help="Added to every event's user data.")] = None,
    partner_agent: Annotated[str | None, typer.Option(help="Who integrates, told with every request.")] = None,
    crm_name: Annotated[str | None, typer.Option(help="Where stages of leads come from, for a crm dataset.")] = None,
    limited_data_use: Annotated[
        str | None,
        typer.Option(help="LDU as country,state, such as 1,1000; 0,0 lets Meta locate the person; no ends it."),
    ] = None,
    json: Json = False,
) -> None:
    """Send a brokerage's conversions to a Meta dataset. Again with a new token: what waited goes out.

    What is not given stays as it was. A messaging dataset names its Page, WhatsApp or Instagram account.

    Example: ./masar dataset connect 1234567890 -b nile-homes --token …
    Example: ./masar dataset connect 1234567891 -b nile-homes --role messaging --whatsapp-account 104996122399160
    """
    own_settings = settings()
    told = {
        "role": role, "page_id": page_id, "whatsapp_business_account_id": whatsapp_account,
        "instagram_business_account_id": instagram_account, "fb_login_id": fb_login_id,
        "partner_agent": partner_agent, "crm_name": crm_name,
    }  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    if limited_data_use is not None:
        given["data_processing"] = _limited(limited_data_use)
    with set_up(own_settings) as own:
        brokerage_id = known_to(own.owner, brokerage)
        before = fold(own.streams.load(brokerage_id, stream_of(brokerage_id))).house.datasets.get(dataset_id)
        kept = before.model_dump(exclude={"kind", "occurred_at"}) if before else {}
        try:
            wanted = DatasetConnected.model_validate(
                kept | given | {"dataset_id": dataset_id, "occurred_at": datetime.now(UTC)}
            )
            _names_its_side(wanted)
            secrets = {TOKEN: token, APP_SECRET: app_secret, TEST_CODE: test_event_code}
            give_dataset(own, own_settings, brokerage_id, wanted, secrets)
        except (ValidationError, NotRegistered) as refusal:
            fail(_words(refusal))
    shown = {"dataset_id": dataset_id, "role": wanted.role, "token": bool(token)}
    show(shown, json, f"{dataset_id} ({wanted.role}) takes {brokerage}'s conversions")


def _limited(said: str) -> dict[str, Any] | None:
    if said == "no":
        return None
    country, comma, state = said.partition(",")
    if not (comma and country.isdecimal() and state.isdecimal()):
        fail("--limited-data-use must be country,state, such as 1,1000, or no", 2)
    return {"country": int(country), "state": int(state)}


def _names_its_side(wanted: DatasetConnected) -> None:
    ours = (wanted.page_id, wanted.whatsapp_business_account_id, wanted.instagram_business_account_id)
    if wanted.role == "messaging" and not any(ours):
        fail("a messaging dataset needs --page-id, --whatsapp-account or --instagram-account", 2)


def _age(key: dict[str, Any]) -> str:
    return f"revoked {key['revoked_at']:%Y-%m-%d}" if key["revoked_at"] else f"since {key['created_at']:%Y-%m-%d}"


def _words(refusal: Exception) -> str:
    if isinstance(refusal, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in refusal.errors())
    return str(refusal)
