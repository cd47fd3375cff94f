"""Where the demo refuses to play."""

import pytest

from api.cli.demo import is_meta, run_demo
from api.settings import Settings


def test_it_does_not_play_against_meta_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo(Settings(graph_url="https://graph.facebook.com")) == 2
    assert "MASAR_GRAPH_URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "theirs"),
    [
        ("https://graph.facebook.com", True),
        ("https://GRAPH.facebook.com:443/", True),
        ("http://127.0.0.1:8090", False),
        ("http://notfacebook.com", False),
    ],
)
def test_meta_is_told_from_its_stand_in(address: str, theirs: bool) -> None:
    assert is_meta(address) is theirs
