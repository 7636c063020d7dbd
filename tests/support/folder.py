"""A folder for a private server that may run as another user than the tests."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path

from tests.support.missing import missing


def is_root() -> bool:
    """Tell whether the tests run as root, so that servers must be given another user."""
    return os.geteuid() == 0


def server_user(name: str) -> str | None:
    """Return `name` where the tests are root, to hand to subprocess; None to stay who we are."""
    return name if is_root() else None


def make_folder(name: str, owner: str | None) -> Path:
    """Make a new folder that `owner` owns and everybody may enter; short, since sockets stand in it."""
    try:
        entry = pwd.getpwnam(owner) if owner is not None else None
    except KeyError:
        missing(f"the user {owner} is missing: install the package that brings {name}.")
    folder = Path(tempfile.mkdtemp(prefix=f"outbox-{name}-"))
    folder.chmod(0o755)
    if entry is not None:
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove it with all that the server left."""
    shutil.rmtree(folder, ignore_errors=True)
