"""Commands for rentals: the value model, and the secret with which Paymob signs."""

from typing import Annotated

import typer

from adapters.lifetime_value.later import LoadedLater
from adapters.postgres.connections import connect
from adapters.postgres.door_secrets import PAYMOB_SECRET
from adapters.postgres.rental_history import LogOfRentals
from adapters.postgres.secrets import SecretStore
from adapters.postgres.value_models import ValueModels
from adapters.postgres.work import Line
from api.cli.context import Brokerage, Json, fail, known, need_database, settings, show
from application.fit_value_model import FitValueModel

values = typer.Typer(no_args_is_help=True, help="What rental customers may still bring.")
paymob = typer.Typer(no_args_is_help=True, help="Payments of rentals by Paymob.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(values, name="value")
    app.add_typer(paymob, name="paymob")


@values.callback()
def _values() -> None:
    """What rental customers may still bring."""


@paymob.callback()
def _paymob() -> None:
    """Payments of rentals by Paymob."""


@values.command("fit")
def fit(brokerage: Brokerage, json: Json = False) -> None:
    """Learn from a brokerage's bookings now; else it is done the night after a booking. Holds from here on.

    Example: ./masar value fit -b nile-homes
    """
    own = settings()
    brokerage_id, url = known(brokerage), need_database(own)
    line = Line(url, "masar_projector", name="cli")
    try:
        model = FitValueModel(LogOfRentals(line), LoadedLater(), ValueModels(line)).now(brokerage_id).model
    except ValueError as refusal:
        fail(f"nothing was fitted, the model before holds: {refusal}")
    finally:
        line.close()
    told = "predictions are personal" if model.enough_data else "not enough data for personal predictions"
    found = {"customers": model.customers, "repeaters": model.repeaters, "enough_data": model.enough_data,
             "frequency": model.frequency and model.frequency.model_dump(),
             "value": model.value and model.value.model_dump()}  # fmt: skip
    show(found, json, f"{model.customers:,} customers, {model.repeaters:,} of them booked again: {told}")


@paymob.command("secret")
def put_secret(
    brokerage: Brokerage,
    secret: Annotated[
        str | None, typer.Option(help="The HMAC secret of Paymob's dashboard.", envvar="PAYMOB_HMAC_SECRET")
    ] = None,
    json: Json = False,
) -> None:
    """Keep the secret with which Paymob signs its callbacks; it holds within seconds.

    Their callbacks go to /api/webhooks/paymob/<brokerage>. Example: ./masar paymob secret -b nile-homes --secret …
    """
    if not secret:
        fail("give --secret, or set PAYMOB_HMAC_SECRET", 2)
    own, brokerage_id = settings(), known(brokerage)
    with connect(need_database(own), "masar_registry", name="cli") as registry:
        SecretStore(lambda: registry, own.master()).put(brokerage_id, PAYMOB_SECRET, secret)
    path = f"/api/webhooks/paymob/{brokerage}"
    show({"brokerage": brokerage, "callback": path}, json, f"callbacks of Paymob are taken at {path}")
