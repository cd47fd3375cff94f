"""Settings come from the environment; a wrong or unknown one is refused by its name, a secret is never shown."""

import pytest

from api.settings import BadSettings, Settings, read_settings
from tests.api.served import MASTER_KEY


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.upper().startswith("MASAR_")]:
        monkeypatch.delenv(name)


WRONG = {
    "MASAR_DATABASE_URL": ("mysql://x", "localhost", "://"),
    "MASAR_REDIS_URL": ("http://x", "localhost:6379"),
    "MASAR_MASTER_KEY": ("short", "a" * 44, "a2tr", "not base64 at all!"),
    "MASAR_PORT": ("-1", "65536", "http", "8000.5"),
    "MASAR_GRAPH_URL": ("graph.facebook.com", "ftp://x"),
    "MASAR_GRAPH_VERSION": ("25", "v26", "latest"),
    "MASAR_LOG_LEVEL": ("loud",),
    "MASAR_LOG_FORMAT": ("xml",),
    "MASAR_MOST_WAITING": ("0", "many"),
    "MASAR_REQUESTS_PER_MINUTE": ("0", "-5"),
    "MASAR_BROWSER_REQUESTS_PER_MINUTE": ("0", "many"),
    "MASAR_ADDRESS_REQUESTS_PER_MINUTE": ("0",),
    "MASAR_ADDRESS_TOTAL_PER_MINUTE": ("0",),
    "MASAR_ADDRESS_STRANGERS_PER_MINUTE": ("0", "many"),
    "MASAR_ADDRESS_FAILURES_PER_MINUTE": ("-1",),
    "MASAR_BEHIND_TLS": ("perhaps",),
    "MASAR_TRUSTED_PROXIES": ("-1", "11"),
    "MASAR_READERS": ("0", "65"),
    "MASAR_SEND_TEST_EVENTS": ("perhaps",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings, match=name):
        read_settings()


def test_the_model_is_set_by_the_names_that_people_know(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    own = read_settings()
    assert (own.openai_api_key, own.openai_base_url, own.openai_model) == ("sk-canary", None, "gpt-6-luna")
    assert "sk-canary" not in repr(own)
    monkeypatch.setenv("OPENAI_BASE_URL", "ftp://x")
    with pytest.raises(BadSettings, match=r"^OPENAI_BASE_URL"):
        read_settings()
    monkeypatch.setenv("MASAR_OPENAI_API_KEY", "sk")
    with pytest.raises(BadSettings, match="unknown settings: MASAR_OPENAI_API_KEY"):
        read_settings()


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASAR_PORT", "http")
    monkeypatch.setenv("MASAR_LOG_LEVEL", "loud")
    with pytest.raises(BadSettings, match=r"(?s)MASAR_PORT.*MASAR_LOG_LEVEL|MASAR_LOG_LEVEL.*MASAR_PORT"):
        read_settings()


@pytest.mark.parametrize("name", ["MASAR_DATABASE", "MASAR_PROT", "MASAR_", "masar_databse_url", "MASAR_MODEL_CONFIG"])
def test_an_unknown_setting_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(BadSettings, match=name):
        read_settings()


def test_a_refusal_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASAR_MASTER_KEY", "canary-secret")
    monkeypatch.setenv("MASAR_DATABASE_URL", "mysql://owner:canary-secret@db/masar")
    with pytest.raises(BadSettings) as refused:
        read_settings()
    assert "canary" not in str(refused.value)


def test_settings_do_not_show_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASAR_DATABASE_URL", "postgresql://owner:canary-secret@db/masar")
    monkeypatch.setenv("MASAR_REDIS_URL", "redis://:canary-secret@redis/0")
    monkeypatch.setenv("MASAR_MASTER_KEY", MASTER_KEY)
    own = read_settings()
    assert "canary" not in repr(own) + str(own)
    assert MASTER_KEY not in repr(own) + str(own)


def test_an_empty_value_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASAR_PORT", "")
    monkeypatch.setenv("MASAR_DATABASE_URL", "")
    assert (read_settings().port, read_settings().database_url) == (8000, None)


def test_either_spelling_of_the_database_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASAR_DATABASE_URL", "postgres://owner@db/masar")
    assert read_settings().database() == "postgresql://owner@db/masar"


def test_what_is_needed_and_not_set_is_named() -> None:
    with pytest.raises(BadSettings, match="MASAR_DATABASE_URL"):
        Settings().database()
    with pytest.raises(BadSettings, match="MASAR_MASTER_KEY"):
        Settings().master()
