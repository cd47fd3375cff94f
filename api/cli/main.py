"""The command line: one door to everything, `./masar --help`."""

import typer

from api.cli import checks, processes, setting_up, watching

app = typer.Typer(
    name="masar", no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False,
    help="The path of a buyer, kept as facts: scores, journeys, and conversions that Meta counts once.",
)  # fmt: skip

for group in (processes, setting_up, watching, checks):
    group.register(app)


def run() -> None:
    """Run the command line."""
    app(prog_name="masar")
