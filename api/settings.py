"""Every setting, read from the environment in one place."""

import os
from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.outside.addresses import Rules
from adapters.sealing import MasterKey
from domain.messaging.windows import WindowRules

PREFIX = "MASAR_"
OF_THE_LAUNCHER = frozenset({"MASAR_EMBEDDED_PG", "MASAR_BROWSER"})


class BadSettings(ValueError):
    """A setting is wrong; the message names each and says why."""


def _postgres(url: str) -> str:
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise ValueError("must be a postgresql:// address")
    return url.replace("postgres://", "postgresql://", 1)


def _redis(url: str) -> str:
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must be a redis:// address")
    return url


def _http(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("must be an http:// or https:// address")
    return url.rstrip("/")


def _key(text: str) -> str:
    MasterKey.parse(text)
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be the name of a time zone, such as Africa/Cairo")
    return name


def _smtp(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("must be smtp://host:port or smtps://host:port")
    return url


def _clamav(url: str) -> str:
    parts = urlsplit(url)
    if not ((parts.scheme == "tcp" and parts.hostname) or (parts.scheme == "unix" and parts.path)):
        raise ValueError("must be tcp://host:port or unix:///path")
    return url


def _hosts(text: str) -> str:
    for one in filter(None, text.split(",")):
        host, colon, port = one.strip().rpartition(":")
        if not (host and colon and port.isdecimal()):
            raise ValueError("must be a list of host:port, such as 127.0.0.1:8090")
    return text


def _ports(text: str) -> str:
    if not all(one.strip().isdecimal() and 0 < int(one) < 65_536 for one in text.split(",")):
        raise ValueError("must be a list of ports, such as 80,443")
    return text


class Settings(BaseSettings):
    """Settings of all processes; what is not set has the default shown. Secrets never appear in `repr`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: Annotated[str, AfterValidator(_postgres)] | None = Field(default=None, repr=False)
    """Postgres ≥ 16 with pgvector, logging in as `masar_owner`; without it `masar up` starts its own."""
    redis_url: Annotated[str, AfterValidator(_redis)] | None = Field(default=None, repr=False)
    """Redis ≥ 6.2; without it work is handed out within the worker's process."""
    master_key: Annotated[str, AfterValidator(_key)] | None = Field(default=None, repr=False)
    """32 bytes of base64 that wrap every key; generated into the data folder on the embedded default."""
    data_dir: Path = Path(".masar")
    """Where the embedded servers keep their data."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    graph_url: Annotated[str, AfterValidator(_http)] = "https://graph.facebook.com"
    """Where conversions are delivered; the simulator's address in a demo."""
    graph_version: str = Field(default="v26.0", pattern=r"^v\d{2}\.0$")
    meta_instagram_field: Literal["instagram_business_account_id", "ig_account_id"] = "instagram_business_account_id"
    """How Meta is told the brokerage's account on Instagram: its guides name two fields."""
    meta_listing_type: str = Field(default="home_listing", pattern=r"^[a-z_]{1,40}$")
    """`content_type` of events about a property."""
    meta_needs_user_agent: bool = True
    """Call an event a website's only with the browser's user agent, as Meta documents."""
    meta_future_s: float = Field(default=60.0, ge=0, le=3600)
    """How far ahead of our clock an event may lie, in seconds."""
    simulator_port: int = Field(default=8090, ge=0, le=65_535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    most_waiting: int = Field(default=20_000, ge=1)
    """Touchpoints that may wait to be appended before the door answers 503."""
    requests_per_minute: int = Field(default=600_000, ge=1)
    """Per key and process, before 429."""
    browser_requests_per_minute: int = Field(default=6_000, ge=1)
    """Per key of a browser and process, before 429: such a key is on a public page."""
    address_requests_per_minute: int = Field(default=600, ge=1)
    """Per address that browsers call from; many phones share one."""
    address_total_per_minute: int = Field(default=600_000, ge=1)
    """Per address, whatever it asks, before 429."""
    address_strangers_per_minute: int = Field(default=6_000, ge=1)
    """Per address, what shows neither a valid key nor a good signature, before 429."""
    address_failures_per_minute: int = Field(default=300, ge=1)
    """Per address, what is answered 401 or 403, before 429."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """Proxies of our own before the API, whose X-Forwarded-For is believed."""
    behind_tls: bool = False
    """Callers reach the API by https alone: browsers are told to keep to it."""
    readers: int = Field(default=8, ge=1, le=64)
    """Database connections for reading, per API process."""
    most_lag: int = Field(default=50_000, ge=1)
    """Facts a read model may be behind before `/readyz` says no."""
    worker_threads: int = Field(default=4, ge=1, le=64)
    send_test_events: bool = False
    """Use a dataset's test event code. Meta counts test events as live ones: never in production."""
    instagram_url: Annotated[str, AfterValidator(_http)] = "https://graph.instagram.com"
    """Where Instagram's direct messages are sent; Graph's host for accounts that are reached through a page."""
    whatsapp_per_second: float = Field(default=80, ge=1, le=5_000)
    """Messages that one WhatsApp number may send in a second; Meta raises it to 1,000 by itself."""
    whatsapp_ad_window: bool = True
    """Whether a click on an advertisement that opens WhatsApp lets anything be sent for 72 hours, once answered."""
    messenger_per_second: float = Field(default=300, ge=1, le=5_000)
    instagram_per_second: float = Field(default=100, ge=1, le=5_000)
    answer_quiet_s: float = Field(default=1.0, ge=0, le=60)
    """The assistant answers when a customer has been quiet for so many seconds."""
    answer_longest_s: float = Field(default=2.5, ge=0, le=60)
    """And no later than this after the first message that is not answered."""
    answers_per_minute: int = Field(default=4, ge=1, le=60)
    """Answers of the assistant in one thread within a minute, before a human has to look."""
    answer_fresh_minutes: float = Field(default=10, gt=0, le=1_440)
    """What reaches us later than this after it was written waits for a human: no machine answers it."""
    idle_minutes: float = Field(default=30, gt=0, le=1_440)
    """A thread is IDLE after so long without a message."""
    close_hours: float = Field(default=24, gt=0, le=8_760)
    """An IDLE thread is CLOSED after so long."""
    office_opens: time = time(9)
    office_closes: time = time(21)
    office_weekends: bool = True
    """Whether somebody is there on the weekend of the brokerage's country."""
    office_zone: Annotated[str, AfterValidator(_zone)] | None = None
    """Where the office's clock is read; the brokerage's country says unless set (Africa/Cairo in Egypt)."""
    smtp_url: Annotated[str, AfterValidator(_smtp)] | None = Field(default=None, repr=False)
    """Where mail is handed in, `smtp://user:password@host:587` or `smtps://…`; without it nobody is told by e-mail."""
    notify_email: str = Field(default="", pattern=r"^[^\s]*$")
    """Who is told by e-mail that a human is wanted, with commas between, where a brokerage has set no agents."""
    notify_from: str = Field(default="masar@localhost", pattern=r"^[^\s@]+@[^\s@]+$")
    conversation_link: str = Field(default="/api/conversations/{id}", pattern=r"^\S*\{id\}\S*$", max_length=500)
    """Where people open a conversation, as notices tell them; `{id}` stands for its id."""
    messaging_delivery: Literal["at_most_once", "at_least_once"] = "at_most_once"
    """What to do with an event of business messaging that got no answer: Meta would count a repeat again."""

    dialog360_url: Annotated[str, AfterValidator(_http)] = "https://waba-v2.360dialog.io"
    """Where 360dialog's accounts on WhatsApp are served."""
    media_dir: Path | None = None
    """Where files that customers send are kept, encrypted; `media` in the data folder unless set."""
    clamav_url: Annotated[str, AfterValidator(_clamav)] | None = None
    """Where clamd listens, `tcp://host:3310` or `unix:///path`; without it files are not scanned."""
    allowed_hosts: Annotated[str, AfterValidator(_hosts)] = ""
    """`host:port` of places that may be fetched from and told though they are none of the public internet."""
    allowed_ports: Annotated[str, AfterValidator(_ports)] = "80,443,8443"
    """Ports on which others' addresses are called."""

    openai_api_key: str | None = Field(default=None, repr=False, validation_alias="OPENAI_API_KEY")
    """Lets a language model analyse conversations; without it our own rules do."""
    openai_base_url: Annotated[str, AfterValidator(_http)] | None = Field(
        default=None, validation_alias="OPENAI_BASE_URL"
    )
    """Another server that speaks the same language."""
    openai_model: str = Field(default="gpt-6-luna", pattern=r"^[\x21-\x7e]{1,80}$", validation_alias="OPENAI_MODEL")

    def database(self) -> str:
        """Return the database's address; raises BadSettings where there is none."""
        if self.database_url is None:
            raise BadSettings("MASAR_DATABASE_URL is not set (`./masar up` starts a database of its own)")
        return self.database_url

    def media(self) -> Path:
        """Return the folder of files that customers sent."""
        return (self.media_dir or self.data_dir / "media").absolute()

    def outside(self) -> Rules:
        """Return which addresses that others gave us may be called."""
        return Rules.of(map(int, self.allowed_ports.split(",")), self.allowed_hosts.split(","))

    def windows(self) -> WindowRules:
        """Return the rules of when what may be sent."""
        return WindowRules(after_ad=self.whatsapp_ad_window)

    def master(self) -> MasterKey:
        """Return the master key; raises BadSettings where there is none."""
        if self.master_key is None:
            raise BadSettings("MASAR_MASTER_KEY is not set; make one with `./masar key master`")
        return MasterKey.parse(self.master_key)


def read_settings() -> Settings:
    """Read the environment. Raises BadSettings naming every wrong or unknown MASAR_ variable."""
    known = {
        _named(name) for name, field in Settings.model_fields.items() if not field.validation_alias
    } | OF_THE_LAUNCHER
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise BadSettings(f"unknown settings: {', '.join(unknown)}")
    try:
        return Settings()
    except ValidationError as refusal:
        wrong = [f"{_named(str(one['loc'][0]))}: {one['msg']}" for one in refusal.errors(include_input=False)]
        raise BadSettings("; ".join(wrong)) from None


def _named(setting: str) -> str:
    """Return the variable of a setting; some have names that people know from elsewhere."""
    return setting if setting.isupper() else f"{PREFIX}{setting}".upper()
