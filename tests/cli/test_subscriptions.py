"""Subscriptions and n8n's secret from the command line."""

import json
from uuid import uuid4

from adapters.postgres.connections import connect
from adapters.postgres.door_secrets import DoorSecrets
from adapters.postgres.endpoints import Endpoints, Wanted
from adapters.postgres.subscriptions import EndpointSecrets, feed_once
from adapters.sealing import MasterKey
from application.brokerages import brokerage_id_of
from application.subscriptions import new_secret
from tests.cli.conftest import MASTER, Run

NILE = brokerage_id_of("nile")


def test_subscriptions_are_listed_and_what_failed_is_sent_again(masar: Run, own_url: str) -> None:
    assert "none yet" in masar("subscription", "list", "-b", "nile").output
    with connect(own_url, "masar_projector") as connection:
        endpoints = Endpoints(connection, EndpointSecrets(MasterKey.parse(MASTER)), NILE, "op1")
        wanted = Wanted("https://hooks.example/x", ["brokerage.*"], "", enabled=True, personal=False)
        made = endpoints.create(wanted, new_secret())
        assert masar("dataset", "connect", "1234567890", "-b", "nile").exit_code == 0
        feed_once(connection)
        connection.execute("UPDATE subscriptions.deliveries SET state = 'failed'")
    listed = json.loads(masar("subscription", "list", "-b", "nile", "--json").stdout)
    assert [(one["id"], one["url"]) for one in listed] == [(str(made), "https://hooks.example/x")]
    failed = json.loads(masar("subscription", "deliveries", str(made), "-b", "nile", "--json").stdout)
    assert [(one["kind"], one["state"]) for one in failed] == [("brokerage.dataset_connected.v1", "failed")]
    again = masar("subscription", "replay", str(made), "-b", "nile", "--json")
    assert json.loads(again.stdout)["replayed"] == 1


def test_what_is_not_there_is_said(masar: Run) -> None:
    told = masar("subscription", "replay", str(uuid4()), "-b", "nile")
    assert told.exit_code == 1
    assert masar("subscription", "list", "-b", "nobody").exit_code == 1


def test_the_secret_of_n8n_is_made_and_kept_sealed(masar: Run, own_url: str) -> None:
    made = [json.loads(masar("n8n", "secret", "-b", "nile", "--json").stdout)["secret"] for _ in range(2)]
    assert made[0] != made[1]
    assert DoorSecrets(own_url, MasterKey.parse(MASTER), "n8n/secret").of(NILE) == made[1]
