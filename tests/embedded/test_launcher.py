"""The launcher sets itself up once, also when called twice at a time, cut short, or from somewhere else."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded.processes import ROOT
from tests.patience import eventually

TOOLS = [
    "sh",
    "dirname",
    "readlink",
    "cmp",
    "cp",
    "rm",
    "rmdir",
    "mkdir",
    "mv",
    "ln",
    "find",
    "sleep",
    "cat",
    "kill",
]
CLI = "import os, sys; print(sys.argv[1:], os.getcwd(), sys.prefix)\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that needs no packages, in a folder with a space."""
    root = tmp_path / "a repository"
    (root / "api" / "cli").mkdir(parents=True)
    (root / "api" / "__init__.py").touch()
    (root / "api" / "cli" / "__init__.py").touch()
    (root / "api" / "cli" / "__main__.py").write_text(CLI)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (root / name).write_text("# nothing\n")
    shutil.copy(ROOT / "masar", root)
    return root


def tools(folder: Path, *more: str) -> Path:
    """Return a PATH of the bare tools: no Python, no uv."""
    folder.mkdir()
    for name in (*TOOLS, *more):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with the tools and a Python."""
    folder = tools(tmp_path / "bin", "flock")
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" "$@"\n')
    python.chmod(0o755)
    return folder


def launch(root: Path, path: Path, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [root / "masar", *arguments],
        env={"PATH": str(path), "HOME": str(path)},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_it_sets_up_once_and_hands_over(repository: Path, path: Path, tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()  # of the user, not ours
    first = launch(repository, path, "up", "some file", cwd=tmp_path)
    second = launch(repository, path, "up", "some file", cwd=tmp_path)
    (out, err), (out_2, err_2) = first.communicate(), second.communicate()
    assert out == out_2 == f"{['up', 'some file']} {tmp_path} {repository / '.venv'}\n", err + err_2
    assert (err + err_2).count("setting up") == 1

    link = tmp_path / "link"
    link.symlink_to(repository / "masar")
    again = subprocess.run([link, "log"], env={"PATH": str(path)}, capture_output=True, text=True, check=True)
    assert (again.stdout.startswith("['log']"), again.stderr) == (True, "")

    assert "requirements-dev.txt" in launch(repository, path, "test").communicate()[1]
    assert launch(repository, path, "up").communicate()[1] == ""
    (repository / "requirements.txt").write_text("# changed\n")
    assert "requirements.txt" in launch(repository, path, "up").communicate()[1]

    (repository / "requirements.txt").write_text("./no-such-package\n")
    failed = launch(repository, path, "up")
    out, err = failed.communicate()
    assert (failed.returncode, out) == (1, "")
    assert "could not be installed" in err
    assert (repository / ".venv" / ".unfinished").exists()


def test_without_flock_two_at_a_time_still_take_turns(repository: Path, path: Path) -> None:
    (path / "flock").unlink(missing_ok=True)
    (repository / ".venv").mkdir()
    (repository / ".venv" / ".lock.link").symlink_to(str(dead_process()))  # of a killed set-up
    both = [launch(repository, path, "up") for _ in range(2)]
    heard = [process.communicate() for process in both]
    assert all(out.startswith("['up']") for out, _ in heard), heard
    assert "".join(err for _, err in heard).count("setting up") == 1


def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_set_up_cut_short_is_begun_anew(repository: Path, path: Path) -> None:
    killed = launch(repository, path, "up")
    eventually((repository / ".venv" / ".unfinished").exists)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    out, err = launch(repository, path, "up").communicate()
    assert out.startswith("['up']"), err
    assert not (repository / ".venv" / ".unfinished").exists()


def test_without_a_python_it_says_so_in_one_line(repository: Path, tmp_path: Path) -> None:
    process = launch(repository, tools(tmp_path / "bin"), "up")
    out, err = process.communicate()
    assert (process.returncode, out, err.count("\n")) == (1, "", 2)
    assert "masar: needs Python 3.11" in err


def test_without_the_venv_module_it_names_the_package(repository: Path, tmp_path: Path) -> None:
    path = tools(tmp_path / "bin")
    python = path / "python3"
    refuse = 'case "$2" in *ensurepip*) exit 1;; esac'
    python.write_text(f'#!/bin/sh\n{refuse}\nexec "{Path(sys.executable).resolve()}" "$@"\n')
    python.chmod(0o755)
    process = launch(repository, path, "up")
    assert "apt-get install python3." in process.communicate()[1]
    assert process.returncode == 1
