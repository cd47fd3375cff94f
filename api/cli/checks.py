"""Commands that check: the code, the tests, the speed, and a running system."""

import subprocess
import sys
from typing import Annotated

import typer

from api.cli.context import ROOT, Json, out, settings, show

CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "imports": [],
}


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(check)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(test)
    app.command()(bench)
    app.command()(doctor)


def check() -> None:
    """Check format, lint, types and import rules.

    Example: ./masar check
    """
    failed = []
    for name, command in CHECKS.items():
        module = [sys.executable, "-P", "-m", *command] if name != "imports" else [f"{sys.prefix}/bin/lint-imports"]
        code = subprocess.run(module, cwd=ROOT, check=False).returncode  # noqa: S603 - our own tools
        out.print(f"{name}: {'ok' if code == 0 else 'failed'}")
        failed += [name] if code else []
    raise typer.Exit(1 if failed else 0)


def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest.

    Example: ./masar test tests/domain -k tours
    """
    command = [sys.executable, "-m", "pytest", *context.args]
    raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)  # noqa: S603 - our own tools


def bench(
    json: Json = False, quick: Annotated[bool, typer.Option("--quick", help="Smaller, in about a minute.")] = False
) -> None:
    """Measure appends, HTTP, replay and delivery, each against the raw limit and the peer in the same run.

    Example: ./masar bench --quick --json > figures.json
    """
    from api.cli.bench import run

    raise typer.Exit(run(json, quick))


def doctor(
    consistency: Annotated[
        bool,
        typer.Option("--consistency", help="Also prove that every read model and every thread's desk equals the log."),
    ] = False,
    mend_desks: Annotated[
        bool, typer.Option("--mend-desks", help="Make desks of threads anew that are not what the log tells.")
    ] = False,
    json: Json = False,
) -> None:
    """Check everything, and say how to mend what is wrong.

    Example: ./masar doctor --consistency
    """
    from api.cli import examining

    findings = examining.examine(settings(), consistency=consistency)
    findings += examining.mend_desks(settings()) if mend_desks else []
    text = "\n".join(f"{'ok ' if one['ok'] else 'BAD'}  {one['check']:22} {one['says']}" for one in findings)
    show(findings, json, text)
    raise typer.Exit(0 if all(one["ok"] for one in findings) else 1)
