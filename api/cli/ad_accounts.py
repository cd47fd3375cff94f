"""Commands for ad accounts: what opens those in which audiences are kept."""

import re
from typing import Annotated

import typer

from adapters.postgres.connections import connect
from adapters.postgres.secrets import ACCOUNT_SECRET, ACCOUNT_TOKEN, SecretStore
from api.cli.context import Brokerage, Json, fail, known, need_database, settings, show

NUMBER = re.compile(r"(act_)?(\d{1,20})")

accounts = typer.Typer(no_args_is_help=True, help="Ad accounts in which audiences are kept.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(accounts, name="ad-account")


@accounts.callback()
def group() -> None:
    """Ad accounts in which audiences are kept."""


@accounts.command("connect")
def connect_command(
    account: Annotated[str, typer.Argument(help="The ad account's number, with or without act_ before it.")],
    brokerage: Brokerage,
    token: Annotated[str, typer.Option(help="A token that may manage it.", envvar="META_AD_ACCOUNT_TOKEN")],
    app_secret: Annotated[
        str | None, typer.Option(help="The app's secret, for appsecret_proof.", envvar="META_APP_SECRET")
    ] = None,
    json: Json = False,
) -> None:
    """Store what opens an ad account. Without it audiences in it are kept with a dataset's token.

    Example: ./masar ad-account connect act_1234567890 -b nile-homes --token …
    """
    named = NUMBER.fullmatch(account)
    if named is None:
        fail("an ad account is named by its number, such as act_1234567890", 2)
    if not token.strip():
        fail("--token must not be empty", 2)
    own, whose, number = settings(), known(brokerage), named[2]
    with connect(need_database(own), "masar_registry", name="cli") as registry:
        store = SecretStore(lambda: registry, own.master())
        store.put(whose, ACCOUNT_TOKEN.format(number), token.strip())
        if app_secret:
            store.put(whose, ACCOUNT_SECRET.format(number), app_secret)
    show({"ad_account_id": number}, json, f"audiences of {brokerage} may be kept in act_{number}")
