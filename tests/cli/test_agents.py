"""Agents from the command line: set, listed, removed."""

import json

from tests.cli.conftest import Run


def test_an_agent_is_set_listed_and_removed(masar: Run) -> None:
    assert "none yet" in masar("agent", "list", "-b", "nile").output
    words = ["agent", "set", "omar", "-b", "nile", "--phone", "+201001112233", "--template", "wanted"]
    assert masar(*words, "--language", "ar").exit_code == 0
    assert json.loads(masar("agent", "list", "-b", "nile", "--json").stdout) == [
        {"agent": "omar", "phone": "+201001112233", "email": None, "template": "wanted", "language": "ar"}
    ]
    assert masar("agent", "remove", "omar", "-b", "nile").exit_code == 0
    assert masar("agent", "remove", "omar", "-b", "nile").exit_code == 1


def test_who_could_not_be_reached_is_not_set(masar: Run) -> None:
    assert masar("agent", "set", "omar", "-b", "nile").exit_code == 2
    assert masar("agent", "set", "omar", "-b", "nile", "--email", "nobody").exit_code == 2
    assert masar("agent", "set", "omar", "-b", "nile", "--phone", "+201001112233").exit_code == 2
    assert masar("agent", "list", "-b", "nile", "--json").stdout.strip() == "[]"
