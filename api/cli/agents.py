"""Commands for agents: how each is told that a human is wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import ValidationError

from adapters.postgres.connections import connect
from adapters.postgres.notices import PostgresAgents
from api.agent_page import AgentBody, shown
from api.cli.context import Brokerage, Json, fail, known, need_database, settings, show
from application.ports.notices import AgentContact

Agent = Annotated[str, typer.Argument(help="The agent's name, as channels and takeovers name them.")]
LONGEST_NAME = 80

agents = typer.Typer(no_args_is_help=True, help="How agents are told that a human is wanted.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.add_typer(agents, name="agent")


@agents.command("set")
def set_command(
    agent: Agent,
    brokerage: Brokerage,
    phone: Annotated[str | None, typer.Option(help="A WhatsApp number, such as +201001112233.")] = None,
    template: Annotated[str | None, typer.Option(help="The approved template that they are told with.")] = None,
    language: Annotated[str | None, typer.Option(help="The template's language, such as ar.")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address.")] = None,
    json: Json = False,
) -> None:
    """Set how an agent is reached, in place of what was set before.

    Example: ./masar agent set omar -b nile-homes --phone +201001112233 --template human_wanted --language ar
    Example: ./masar agent set sara -b nile-homes --email sara@nile-homes.example
    """
    if not 0 < len(agent) <= LONGEST_NAME or not agent.isprintable():
        fail(f"an agent's name must be 1 to {LONGEST_NAME} printable characters", 2)
    try:
        body = AgentBody.model_validate({"phone": phone, "email": email, "template": template, "language": language})
    except ValidationError as refusal:
        from api.bodies import problems_of  # a web framework: only who is refused waits for it

        fail("; ".join(f"{one.field}: {one.message}".removeprefix(": ") for one in problems_of(refusal)), 2)
    contact, whose = AgentContact(agent, **body.model_dump()), known(brokerage)
    with _agents() as own:
        own.put(whose, contact)
    by = " and ".join(filter(None, (phone and "WhatsApp", email and "e-mail")))
    show(shown(contact), json, f"{agent} is told by {by}")


@agents.command("list")
def list_command(brokerage: Brokerage, json: Json = False) -> None:
    """List a brokerage's agents and how each is reached.

    Example: ./masar agent list -b nile-homes
    """
    whose = known(brokerage)
    with _agents() as own:
        listed = [shown(one) for one in own.agents(whose)]
    lines = [
        f"{one['agent']:20} {one['phone'] or '-':18} {one['template'] or '-':24} {one['language'] or '-':6} "
        f"{one['email'] or '-'}"
        for one in listed
    ]
    show(listed, json, "\n".join(lines) or "none yet")


@agents.command("remove")
def remove_command(agent: Agent, brokerage: Brokerage, json: Json = False) -> None:
    """Forget how an agent is reached; they are told nothing any more.

    Example: ./masar agent remove omar -b nile-homes
    """
    whose = known(brokerage)
    with _agents() as own:
        if not own.remove(whose, agent):
            fail(f"there is no agent {agent!r}; `./masar agent list` shows them")
    show({"removed": agent}, json, f"{agent} is told nothing any more")


@contextmanager
def _agents() -> Iterator[PostgresAgents]:
    own = settings()
    with connect(need_database(own), "masar_projector", name="cli") as connection:
        yield PostgresAgents(lambda: connection, own.master())
