"""Commands that run processes: all of them under one supervisor, or each by itself."""

import gc
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from adapters.embedded.files import write_private
from adapters.embedded.keeper import hold
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.redis import EmbeddedRedis, find_redis
from adapters.embedded.service import EmbeddedError, Service
from adapters.embedded.supervisor import AlreadyRunning, Supervisor
from adapters.postgres.connections import connect
from api.cli.context import ENVIRONMENT, fail, need_database, out, own_settings, running_environment, settings
from api.cli.ready import answers, listens
from api.logs import set_up_logs
from api.settings import Settings

if TYPE_CHECKING:
    from adapters.assistant.settings import AssistantSettings

log = structlog.get_logger("masar.cli")
SIMULATED = "simulated"
"""Marks a data folder as a demo's: nothing of it leaves for the real platforms unless somebody says so."""
SWITCH_S = 0.0005
"""How long a thread may keep the others waiting; a tenth of Python's own, since ours hand over at every query."""
Data = Annotated[Path | None, typer.Option("--data", help="The data folder; .masar by default.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (up, api, projector, worker, scheduler, simulator, demo):
        app.command()(command)


def up(
    demo: Annotated[bool, typer.Option("--demo", help="Play a week of buyers against a simulated Meta.")] = False,
    data: Data = None,
) -> None:
    """Start everything on this machine: database, Redis, API, projector, relay, worker. Ctrl-C stops it all.

    Example: ./masar up --demo
    """
    if data is not None:
        os.environ["MASAR_DATA_DIR"] = str(data.absolute())
    for name in ("MASAR_LOG_FORMAT", "MASAR_LOG_LEVEL"):
        os.environ.setdefault(name, {"MASAR_LOG_FORMAT": "text", "MASAR_LOG_LEVEL": "warning"}[name])
    own = own_settings()
    home, ours = own.data_dir.absolute(), True
    try:
        home.mkdir(parents=True, exist_ok=True)
        supervisor = Supervisor(home, lambda: _services(home, own, demo))
        code = supervisor.run(on_ready=lambda: _ready(home, demo))
    except AlreadyRunning as refusal:
        ours = False  # what runs there still needs what it left for other commands
        fail(str(refusal), 3)
    except EmbeddedError as refusal:
        fail(str(refusal))
    except OSError as refusal:
        if not _about(home, refusal):
            raise
        fail(f"the data folder {home} cannot be used: {refusal.strerror}")
    finally:
        if ours:
            with suppress(OSError):
                (home / ENVIRONMENT).unlink(missing_ok=True)
    raise typer.Exit(code)


def _about(home: Path, refusal: OSError) -> bool:
    """Tell whether something could not be written in the data folder."""
    return refusal.errno in (ENOSPC, EROFS, EDQUOT) or str(refusal.filename or "").startswith(str(home))


def api() -> None:
    """Serve the HTTP API. Needs MASAR_DATABASE_URL and MASAR_MASTER_KEY.

    Example: MASAR_DATABASE_URL=postgresql://… MASAR_MASTER_KEY=… ./masar api
    """
    from api.app import create_app
    from api.server import serve

    own = _begin("api")
    serve(create_app(own), own.host, own.port)


def projector() -> None:
    """Fold facts into read models; several may run, one of them per read model works and the others stand by.

    Example: MASAR_DATABASE_URL=postgresql://… ./masar projector
    """
    from adapters.postgres.projector import run_projector

    own = _begin("projector")
    run_projector(need_database(own), _until_told())


def worker() -> None:
    """Do what the outbox holds: deliver conversions, answer and send messages, tell subscribers, close what is quiet.

    Example: MASAR_DATABASE_URL=postgresql://… MASAR_MASTER_KEY=… ./masar worker
    """
    from adapters.channels.rates import ChannelRates
    from adapters.dramatiq.hands import WorkerSettings
    from adapters.dramatiq.worker import run_worker
    from adapters.meta.settings import MetaSettings
    from adapters.openai.settings import ModelSettings

    own = _begin("worker")
    work = WorkerSettings(
        url=need_database(own),
        redis_url=own.redis_url,
        master=own.master(),
        graph_url=own.graph_url,
        graph_version=own.graph_version,
        meta=MetaSettings(
            instagram_business_field=own.meta_instagram_field,
            listing_content_type=own.meta_listing_type,
            website_needs_user_agent=own.meta_needs_user_agent,
            future_tolerance_s=own.meta_future_s,
        ),
        threads=own.worker_threads,
        outside=own.outside(),
        media_dir=own.media(),
        dialog360_url=own.dialog360_url,
        instagram_url=own.instagram_url,
        channel_rates=ChannelRates(own.whatsapp_per_second, own.messenger_per_second, own.instagram_per_second),
        clamav_url=own.clamav_url,
        windows=own.windows(),
        assistant=_assistant(own),
        test_events=own.send_test_events,
        messaging_at_least_once=own.messaging_delivery == "at_least_once",
        model=ModelSettings(own.openai_api_key, own.openai_base_url, own.openai_model) if own.openai_api_key else None,
    )
    run_worker(work, _until_told())


def _assistant(own: Settings) -> "AssistantSettings":
    from adapters.assistant.notices import MailSettings
    from adapters.assistant.office import Office
    from adapters.assistant.settings import AssistantSettings
    from application.quiet_thread import QuietRules
    from application.turn_taking import AnswerRules

    told = [one for one in own.notify_email.split(",") if one]
    return AssistantSettings(
        answers=AnswerRules(
            own.answer_quiet_s, own.answer_longest_s, own.answers_per_minute, own.answer_fresh_minutes * 60
        ),
        quiet=QuietRules(timedelta(minutes=own.idle_minutes), timedelta(hours=own.close_hours)),
        mail=MailSettings(own.smtp_url, told, own.notify_from) if own.smtp_url else None,
        link=own.conversation_link,
        office=Office(own.office_opens, own.office_closes, own.office_weekends, own.office_zone),
    )


def scheduler() -> None:
    """Hand due messages of the outbox to the workers, and free those whose worker went away.

    Example: MASAR_DATABASE_URL=postgresql://… MASAR_REDIS_URL=redis://… ./masar scheduler
    """
    from adapters.dramatiq.relay import run_relay

    own = _begin("scheduler")
    run_relay(need_database(own), own.redis_url, _until_told())


def simulator(
    port: Annotated[int | None, typer.Option(help="Where to listen.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="A file that keeps what was received.")] = None,
    observed: Annotated[bool, typer.Option("--observed", help="Accept what Meta was seen to accept.")] = False,
) -> None:
    """Stand in for Meta: conversions and messages; refuses what Meta refuses; faults by PUT /_simulator/faults.

    Example: ./masar simulator --port 8090 --ledger received.ndjson
    """
    from adapters.simulator.app import serve

    own = settings()
    serve(own.host, port or own.simulator_port, ledger_path=ledger, strict=not observed)


def demo() -> None:
    """Play the demo's week against a running `./masar up --demo`.

    Example: ./masar demo
    """
    from api.cli.demo import run_demo

    raise typer.Exit(run_demo(settings()))


def _begin(process: str) -> Settings:
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: walking it again and again cost a third of the time
    gc.set_threshold(20_000, 50, 100)
    own = settings()
    need_database(own)
    set_up_logs(process, own.log_level, own.log_format)
    return own


def _until_told() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    return stop


def _services(home: Path, own: Settings, with_simulator: bool) -> list[Service]:
    """Return everything to run, in order; called once the data folder is ours."""
    services: list[Service] = []
    _need_free(home, own.host, own.port, "api", "MASAR_PORT")
    environment: dict[str, str] = {"MASAR_HOST": own.host, "MASAR_PORT": str(own.port), "MASAR_DATA_DIR": str(home)}
    environment["MASAR_MASTER_KEY"] = own.master_key or _master_key(home, embedded=own.database_url is None)
    if own.database_url is None:
        postgres = EmbeddedPostgres(home)
        postgres.prepare()
        services.append(postgres.service())
        environment["MASAR_DATABASE_URL"] = postgres.url()
    else:
        environment["MASAR_DATABASE_URL"] = own.database_url
    if own.redis_url is not None:
        environment["MASAR_REDIS_URL"] = own.redis_url
    elif find_redis() is not None:
        redis = EmbeddedRedis(home)
        redis.prepare()
        services.append(redis.service())
        environment["MASAR_REDIS_URL"] = redis.url()
    if with_simulator:
        write_private(home / SIMULATED, "conversions and messages of this data folder go to the simulated Meta\n")
    if (home / SIMULATED).exists() and "MASAR_GRAPH_URL" not in os.environ:
        out.print(
            "conversions and messages go to a simulated Meta, as this data folder is a demo's; "
            "MASAR_GRAPH_URL changes it"
        )
        environment["MASAR_GRAPH_URL"] = f"http://127.0.0.1:{own.simulator_port}"
        for channel in ("MASAR_DIALOG360_URL", "MASAR_INSTAGRAM_URL"):
            environment[channel] = environment["MASAR_GRAPH_URL"]
        environment.setdefault("MASAR_ALLOWED_HOSTS", own.allowed_hosts or f"127.0.0.1:{own.simulator_port}")
        _need_free(home, "127.0.0.1", own.simulator_port, "simulator", "MASAR_SIMULATOR_PORT")
        ledger = str(home / "simulator.ndjson")
        services.append(_python(
            "simulator", environment, "--port", str(own.simulator_port), "--ledger", ledger,
            url=f"{environment['MASAR_GRAPH_URL']}/_simulator/health",
        ))  # fmt: skip
    address = f"http://{own.host}:{own.port}"
    services.append(_python("migrate", environment, once=True))
    services.append(_python("api", environment, url=f"{address}/healthz"))
    services += [_python(name, environment) for name in ("projector", "scheduler", "worker")]
    write_private(home / ENVIRONMENT, json.dumps(environment))
    return services


def _need_free(home: Path, host: str, port: int, service: str, setting: str) -> None:
    """End where somebody else listens already: else their answers would be taken for ours.

    A former process of our own, which is just ending, is waited for by the supervisor.
    """
    try:
        os.close(hold(home / "run" / f"{service}.lock", 0))
    except TimeoutError:
        return
    if port and listens(host, port):
        fail(f"something else listens on {host}:{port}: set {setting} to another port", 3)


def _python(
    name: str, environment: dict[str, str], *arguments: str, once: bool = False, url: str | None = None
) -> Service:
    return Service(
        name=name,
        argv=[sys.executable, "-m", "api.cli", name, *arguments],
        env=environment,
        ready=(lambda: answers(url)) if url else None,
        once=once,
        grace_s=25,
        url=url,
    )


def _master_key(home: Path, *, embedded: bool) -> str:
    """Return the master key kept in the data folder, made on first use for the embedded database only."""
    if not embedded:
        fail("MASAR_MASTER_KEY is not set; with a database of your own it is yours to keep: ./masar key master", 2)
    from adapters.sealing import MasterKey

    place = home / "master.key"
    if not place.exists():
        write_private(place, MasterKey.generate())
    return place.read_text().strip()


def _adopt(own: Settings) -> str | None:
    from api.cli.adopting import adopt

    try:
        return adopt(own, os.environ)
    except ValueError as refusal:
        out.print(f"what the environment names was not taken over: {refusal}", highlight=False)
        return None


def _ready(home: Path, with_demo: bool) -> None:
    for name, value in running_environment(home).items():
        os.environ.setdefault(name, value)
    own = settings()
    address = f"http://{own.host}:{own.port}"
    out.print(f"[bold]Masar is up[/bold] at {address}  ·  documentation at {address}/docs  ·  Ctrl-C stops everything")
    if with_demo:
        from api.cli.demo import run_demo

        run_demo(own)
    elif numbers := _adopt(own):
        out.print(f"took over {numbers} from the environment for the brokerage 'main'")
    elif not _any_brokerage(own):
        out.print(
            'first: ./masar brokerage create delta-homes --name "Delta Homes", then ./masar key create -b delta-homes'
        )


def _any_brokerage(own: Settings) -> bool:
    with connect(need_database(own), "masar_owner", name="cli") as connection:
        return connection.execute("SELECT 1 FROM auth.brokerages LIMIT 1").fetchone() is not None
