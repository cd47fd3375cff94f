"""Every setting, read from the environment in one place."""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.sealing import MasterKey

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
    """Per address that browsers call from, and process; many phones share one."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """Proxies of our own before the API, whose X-Forwarded-For is believed."""
    readers: int = Field(default=8, ge=1, le=64)
    """Database connections for reading, per API process."""
    most_lag: int = Field(default=50_000, ge=1)
    """Facts a read model may be behind before `/readyz` says no."""
    worker_threads: int = Field(default=4, ge=1, le=64)
    send_test_events: bool = False
    """Use a dataset's test event code. Meta counts test events as live ones: never in production."""
    messaging_delivery: Literal["at_most_once", "at_least_once"] = "at_most_once"
    """What to do with an event of business messaging that got no answer: Meta would count a repeat again."""

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
