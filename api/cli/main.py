"""The command line: one door to everything, `./masar --help`."""

import sys

import psycopg
import typer
from eventsourcing.persistence import OperationalError

from api.cli import (
    ad_accounts,
    agents,
    channels,
    checks,
    evaluating,
    policies,
    processes,
    renting,
    setting_up,
    subscriptions,
    watching,
    webhooks,
)
from api.cli.context import err

app = typer.Typer(
    name="masar", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="The path of a buyer, kept as facts: scores, journeys, and conversions that Meta counts once.",
)  # fmt: skip

for group in (
    processes, setting_up, policies, watching, checks, evaluating, renting, subscriptions, channels, agents, webhooks,
    ad_accounts,
):  # fmt: skip
    group.register(app)


def run() -> None:
    """Run the command line; a database that is away ends it with one line, a defect with its trace."""
    try:
        app(prog_name="masar")
    except (psycopg.OperationalError, OperationalError) as away:
        err.print(f"[red]masar:[/red] the database does not answer: {str(away).splitlines()[0]}", highlight=False)
        sys.exit(1)
