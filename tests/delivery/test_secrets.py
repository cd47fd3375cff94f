"""Credentials are kept sealed, by brokerage and name."""

from uuid import uuid4

from adapters.postgres.secrets import SecretStore
from adapters.postgres.work import Line
from adapters.sealing import MasterKey
from application.ports.conversions import Credentials
from tests.delivery.stage import MASTER, Stage


def test_a_secret_is_read_back_replaced_and_named(stage: Stage) -> None:
    brokerage = uuid4()
    assert stage.secrets.get(brokerage, "dataset/1/token") is None
    stage.secrets.put(brokerage, "dataset/1/token", "EAAone")
    stage.secrets.put(brokerage, "dataset/1/token", "EAAtwo")
    stage.secrets.put(brokerage, "dataset/1/app_secret", "s3cret")
    assert stage.secrets.get(brokerage, "dataset/1/token") == "EAAtwo"
    assert stage.secrets.names(brokerage) == ["dataset/1/app_secret", "dataset/1/token"]


def test_a_secret_is_stored_sealed_and_opens_with_its_master_key_alone(stage: Stage) -> None:
    stage.store_token("EAAvisible")
    ((sealed,),) = stage.db.rows("SELECT sealed FROM registry.secrets WHERE brokerage_id = %s", stage.brokerage_id)
    assert b"EAAvisible" not in bytes(sealed)
    other = SecretStore(Line(stage.db.url, "masar_registry"), MasterKey(b"another key of thirty-two bytes!"))
    assert other.get(stage.brokerage_id, f"dataset/{stage.dataset_id}/token") is None


def test_one_brokerages_secret_is_not_anothers(stage: Stage) -> None:
    assert stage.secrets.get(uuid4(), f"dataset/{stage.dataset_id}/token") is None


def test_a_test_code_is_given_out_only_where_allowed(stage: Stage) -> None:
    stage.store_token("EAA")
    stage.secrets.put(stage.brokerage_id, f"dataset/{stage.dataset_id}/test_event_code", "TEST1")
    rehearsing = SecretStore(Line(stage.db.url, "masar_registry"), MASTER, test_events=True)
    assert stage.secrets.credentials(stage.lane) == Credentials("EAA")
    assert rehearsing.credentials(stage.lane) == Credentials("EAA", None, "TEST1")
    assert "EAA" not in repr(stage.secrets.credentials(stage.lane))
