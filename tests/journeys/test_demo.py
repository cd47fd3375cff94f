"""The demo's week against everything for real: as it should be, counted once by Meta, and nothing new the next time."""

import subprocess
import sys
from pathlib import Path

from tests.journeys.running import ROOT, Masar, running
from tests.patience import PATIENCE_S

PEOPLE = 60
"""Enough for every story but the rarest, the refused conversion among them."""
ASSISTED = (
    "the assistant answered once", "Karim took over from the assistant", "held by another",
    "with her click: ", "Sherif hides his number",
    "a photo, which is kept, and a script that said it was one, which is refused",
    "it stands in the thread once", "in 2 parts",
    "marketing to him is refused", "the approved template went instead",
    "it was not sent again, its receipt settled it",
    "(131026)", "2 on instagram, 2 on messenger", "One thread, as it is exported",
)  # fmt: skip
"""What the inbox tells: every channel, who took over, what was refused and why, what nobody knew for a while."""
PLAY = f"""
from api.cli.context import settings
from api.cli.demo import run_demo
raise SystemExit(run_demo(settings(), people={PEOPLE}))
"""


def play(masar: Masar) -> str:
    """Play the week; its exit code says that nothing surprised and everything was delivered."""
    done = subprocess.run(
        [sys.executable, "-c", PLAY], env=masar.environment, cwd=ROOT, capture_output=True, text=True,
        timeout=3 * PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def test_the_week_surprises_nobody_and_played_again_it_adds_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as masar:
        said = play(masar)
        assert "0 counted twice: they agree." in said
        for what in ("to WhatsApp", "a value model of 160 guests", "Mended DepositPaid", "brief@2 stays in force"):
            assert what in said, said
        for what in ASSISTED:
            assert what in said, said
        sent = len(masar.ledger())
        again = play(masar)
        assert "played here before, so nothing is new" in again
        assert "played here before, so nobody writes anew" in again
        assert len(masar.ledger()) == sent
