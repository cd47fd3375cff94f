"""The house keeps its own rules: who may import whom, no address or secret in a file, one kind per fact."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("domain", "application", "projections", "adapters", "api")


def lint_imports(folder: Path) -> int:
    command = [f"{sys.prefix}/bin/lint-imports", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_import_rules_hold(copy: Path) -> None:
    assert lint_imports(copy) == 0


@pytest.mark.parametrize(
    ("place", "planted"),
    [
        ("domain/tours/rooms.py", "import adapters.sealing"),
        ("domain/tours/rooms.py", "import psycopg"),
        ("application/record_touchpoints.py", "import adapters.sealing"),
        ("projections/people.py", "import application.brokerages"),
        ("adapters/sealing.py", "import api.settings"),
        ("adapters/meta/graph.py", "import adapters.simulator.app"),
    ],
)
def test_a_planted_import_is_caught(copy: Path, place: str, planted: str) -> None:
    before = (copy / place).read_text()
    (copy / place).write_text(f"{before}\n{planted}\n")
    try:
        assert lint_imports(copy) != 0
    finally:
        (copy / place).write_text(before)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_lock_file_holds_an_address() -> None:
    locks = [path for path in tracked() if path.name.startswith("requirements") or path.suffix in (".lock", ".toml")]
    assert locks
    assert [path.name for path in locks if re.search(r"https?://|--index-url|--find-links", path.read_text())] == []


def test_no_file_holds_what_looks_like_a_credential() -> None:
    secret = re.compile(rb"EAA[A-Za-z0-9]{30,}|sk-[A-Za-z0-9]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY")
    assert [path.name for path in tracked() if secret.search(path.read_bytes())] == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    place = re.compile(rb"(?<![\w./])/(work|home|Users|root)/\w")
    assert [path.name for path in tracked() if place.search(path.read_bytes())] == []
