"""Commands for accounts on messaging channels, and for the secrets of the apps that sign their webhooks."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from adapters.postgres.channels import APP_SECRETS, TOKEN, VERIFY_TOKEN, WEBHOOK_SECRET, PostgresChannels
from adapters.postgres.setups import Setups
from api.channel_page import APP_NAME, shown
from api.cli.context import Brokerage, Json, fail, known, need_database, settings, show
from application.brokerages import NotRegistered
from application.channels import AccountTaken, NotConnected, connect_channel, disconnect_channel
from domain.brokerage.events import ChannelConnected

App = Annotated[str, typer.Argument(help="What the app is called here; it stands in the address of its webhooks.")]

channels = typer.Typer(no_args_is_help=True, help="Accounts on WhatsApp, Messenger and Instagram.")
apps = typer.Typer(no_args_is_help=True, help="Meta apps that sign webhooks.")
secrets = typer.Typer(no_args_is_help=True, help="Secrets of an app; several hold while they rotate.")
apps.add_typer(secrets, name="secret")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(channels, name="channel")
    app.add_typer(apps, name="app")


@channels.command("connect")
def connect_command(
    channel: Annotated[str, typer.Argument(help="whatsapp, messenger or instagram.")],
    account_id: Annotated[str, typer.Argument(help="The phone number's, page's or Instagram account's id.")],
    brokerage: Brokerage,
    provider: Annotated[str, typer.Option(help="meta or 360dialog.")] = "meta",
    app: Annotated[str | None, typer.Option(help="The Meta app that signs its webhooks; main if not told.")] = None,
    business_id: Annotated[str | None, typer.Option(help="The WhatsApp business account it belongs to.")] = None,
    page_id: Annotated[str | None, typer.Option(help="The page of an Instagram account.")] = None,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    agent: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    token: Annotated[str | None, typer.Option(help="The access token, or 360dialog's API key.")] = None,
    webhook_secret: Annotated[str | None, typer.Option(help="What 360dialog's webhooks bring along.")] = None,
    json: Json = False,
) -> None:
    """Connect an account: what comes to it is this brokerage's. Again changes how; secrets not given stay.

    Example: ./masar channel connect whatsapp 106540352242922 -b nile-homes --business-id 102290129340398 --token …
    """
    if app is not None and not APP_NAME.fullmatch(app):
        fail("--app must be letters, digits, dots, dashes and underscores", 2)
    if provider == "360dialog" and channel != "whatsapp":
        fail("360dialog hosts WhatsApp only", 2)
    own, whose = _channels(), known(brokerage)
    told: dict[str, Any] = {
        "channel": channel, "account_id": account_id, "provider": provider, "app": app, "business_id": business_id,
        "page_id": page_id, "name": name, "agent": agent, "occurred_at": datetime.now(UTC),
    }  # fmt: skip
    place = (channel, account_id)
    try:
        wanted = ChannelConnected.model_validate(told)
        kept = {TOKEN.format(*place): token, WEBHOOK_SECRET.format(*place): webhook_secret}
        connected = connect_channel(_setups(), own, whose, wanted, kept)
    except ValidationError as refusal:
        fail("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in refusal.errors()), 2)
    except (AccountTaken, NotRegistered) as refusal:
        fail(str(refusal))
    told_now = shown(connected, own.are_set(whose))
    show(told_now, json, f"{channel} {account_id} is {brokerage}'s; its webhooks go to {told_now['webhook']}")


@channels.command("list")
def list_command(brokerage: Brokerage, json: Json = False) -> None:
    """List a brokerage's accounts, and which of their secrets are set.

    Example: ./masar channel list -b nile-homes
    """
    whose = known(brokerage)
    kept = _channels().are_set(whose)
    listed = [shown(one, kept) for _, one in sorted(_setups().setup(whose).house.channels.items())]
    lines = [
        f"{one['channel']:10} {one['account_id']:20} {one['provider']:10} "
        f"{'token set' if one['token_set'] else 'no token':10} {one['webhook']}"
        for one in listed
    ]
    show(listed, json, "\n".join(lines) or "none yet")


@channels.command("disconnect")
def disconnect_command(channel: str, account_id: str, brokerage: Brokerage, json: Json = False) -> None:
    """Take an account away: what comes for it is refused, its secrets are forgotten, its threads stay.

    Example: ./masar channel disconnect whatsapp 106540352242922 -b nile-homes
    """
    try:
        disconnect_channel(_setups(), _channels(), known(brokerage), channel, account_id, datetime.now(UTC))
    except NotConnected as refusal:
        fail(str(refusal))
    show({"disconnected": f"{channel}/{account_id}"}, json, f"{channel} {account_id} is no longer {brokerage}'s")


@secrets.command("add")
def add_secret(
    app: App,
    brokerage: Brokerage,
    secret: Annotated[str | None, typer.Option(help="The app's secret.", envvar="META_APP_SECRET")] = None,
    json: Json = False,
) -> None:
    """Add a secret; those before hold until they are retired.

    Example: ./masar app secret add main -b nile-homes --secret …
    """
    _show_count(app, brokerage, APP_SECRETS, secret, json)


@secrets.command("retire")
def retire_secret(
    app: App,
    ending: Annotated[str, typer.Argument(help="The last four characters of the secret, as `list` shows them.")],
    brokerage: Brokerage,
    json: Json = False,
) -> None:
    """Take a secret away: what it signs is refused within seconds.

    Example: ./masar app secret retire main 9f3c -b nile-homes
    """
    try:
        left = _channels().retire(known(brokerage), APP_SECRETS.format(app), ending)
    except LookupError as refusal:
        fail(str(refusal.args[0]))
    show({"app": app, "secrets": left}, json, f"{app} has {left} secrets left")


@secrets.command("list")
def list_secrets(app: App, brokerage: Brokerage, json: Json = False) -> None:
    """List the endings of an app's secrets, the newest first.

    Example: ./masar app secret list main -b nile-homes
    """
    endings = _channels().endings(known(brokerage), APP_SECRETS.format(app))
    show({"app": app, "endings": endings}, json, "\n".join(f"…{one}" for one in endings) or "none yet")


@apps.command("verify-token")
def verify_token(
    app: App,
    brokerage: Brokerage,
    token: Annotated[
        str | None, typer.Option(help="The token given to Meta.", envvar="META_WEBHOOK_VERIFY_TOKEN")
    ] = None,
    json: Json = False,
) -> None:
    """Add a token with which Meta verifies the address of an app's webhooks; those before hold as well.

    Example: ./masar app verify-token main -b nile-homes --token …
    """
    _show_count(app, brokerage, VERIFY_TOKEN, token, json)


def _show_count(app: str, brokerage: str, name: str, secret: str | None, json: bool) -> None:
    if not APP_NAME.fullmatch(app):
        fail("an app's name must be letters, digits, dots, dashes and underscores", 2)
    if not secret or not secret.isprintable():
        fail("give a secret of printable characters", 2)
    own, whose = _channels(), known(brokerage)
    own.note_app(whose, app)
    count = own.add_to(whose, name.format(app), secret)
    path = f"/api/webhooks/meta/{app}"
    what = ("token" if name == VERIFY_TOKEN else "secret") + ("s" if count > 1 else "")
    show({"app": app, "held": count, "webhook": path}, json, f"{app} has {count} {what}; its webhooks go to {path}")


def _channels() -> PostgresChannels:
    own = settings()
    return PostgresChannels(need_database(own), own.master())


def _setups() -> Setups:
    return Setups(need_database(settings()))
