"""Commands that check a model against data: lifetime value."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.context import Json, fail, show

evaluations = typer.Typer(no_args_is_help=True, help="Models, checked against data.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(evaluations, name="eval")


@evaluations.callback()
def _group() -> None:
    """Models, checked against data."""


@evaluations.command("ltv")
def evaluate_ltv(
    data: Annotated[Path | None, typer.Option(help="CSV: frequency, recency, T, monetary_value.")] = None,
    transactions: Annotated[
        Path | None, typer.Option(help="CSV: customer_id, date, value; for a true holdout.")
    ] = None,
    model: Annotated[Literal["mbg", "bg"], typer.Option(help="May a customer leave after the first booking?")] = "mbg",
    mle: Annotated[bool, typer.Option("--mle", help="Backtest by maximum likelihood, without priors.")] = False,
    horizon: Annotated[float | None, typer.Option(min=0.001, help="Time held out, in the data's unit.")] = None,
    json: Json = False,
) -> None:
    """Fit lifetime value to customers, print parameters and a backtest. Ends with 3 where there is not enough data.

    Times are in the unit of the data; those of transactions are days.
    Example: ./masar eval ltv --data customers.csv --model bg --mle
    """
    if (data is None) == (transactions is None):
        fail("give either --data or --transactions", 2)
    if horizon is not None and transactions is None:
        fail("--horizon needs --transactions: rows of --data do not say when single bookings were", 2)
    from api.cli.lifetime_value import BadInput, evaluate, page  # here: scipy takes half a second to load

    try:
        found = evaluate(data, transactions, model, mle, horizon)
    except BadInput as refusal:
        fail(str(refusal), 2)
    show(found, json, page(found))
    if not found["enough_data"]:
        raise typer.Exit(3)
