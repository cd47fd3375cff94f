"""Every setting, read from the environment in one place."""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.sealing import MasterKey

PREFIX = "MASAR_"
OF_THE_LAUNCHER = frozenset({"MASAR_EMBEDDED_PG"})


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
    simulator_port: int = Field(default=8090, ge=0, le=65_535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    most_waiting: int = Field(default=20_000, ge=1)
    """Touchpoints that may wait to be appended before the door answers 503."""
    requests_per_minute: int = Field(default=600_000, ge=1)
    """Per key and process, before 429."""
    readers: int = Field(default=8, ge=1, le=64)
    """Database connections for reading, per API process."""
    most_lag: int = Field(default=50_000, ge=1)
    """Facts a read model may be behind before `/readyz` says no."""
    worker_threads: int = Field(default=4, ge=1, le=64)
    send_test_events: bool = False
    """Use a dataset's test event code. Meta counts test events as live ones: never in production."""

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
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | OF_THE_LAUNCHER
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise BadSettings(f"unknown settings: {', '.join(unknown)}")
    try:
        return Settings()
    except ValidationError as refusal:
        wrong = [f"{PREFIX}{str(one['loc'][0]).upper()}: {one['msg']}" for one in refusal.errors(include_input=False)]
        raise BadSettings("; ".join(wrong)) from None
