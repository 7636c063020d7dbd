"""Debian packages that only one test server sees: unpacked under build/, laid over the system in a namespace.

So Exim, which Debian does not install beside Postfix, runs unchanged with its built-in paths and its user,
while the machine stays as it was. It needs root, as the servers do.
"""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.folder import is_root
from tests.support.missing import binary, missing

_CACHE = Path(__file__).resolve().parents[2] / "build" / "debian"
_TIMEOUT = 300


def unpacked(package: str) -> Path:
    """Return the folder where `package`, and what it needs and the machine lacks, stand unpacked."""
    if not is_root() or shutil.which("apt-get") is None:
        missing(f"{package} is missing: only root on Debian can unpack it for these tests.")
    if _run("unshare", "--mount", "true"):
        missing(f"{package} cannot run here: it needs the right to make mount namespaces.")
    root = _CACHE / package
    _CACHE.mkdir(parents=True, exist_ok=True)
    # Tests that run at the same moment fetch a package once, and apt's lists have one writer.
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _unpack(root, package)
    return root


def over_the_system(root: Path, own: Path, *command: str) -> list[str]:
    """Return `command` as it runs with `root`, and over that `own`, laid over /usr and /etc."""
    script = 'for d in usr etc; do mount -t overlay -o "ro,lowerdir=$2/$d:$1/$d:/$d" overlay "/$d"; done'
    for folder in ("usr", "etc"):
        (own / folder).mkdir(parents=True, exist_ok=True)
    return [
        binary("unshare", "util-linux"), "--mount",
        "sh", "-ec", f'{script}; shift 2; exec "$@"', "sh", str(root), str(own), *command,
    ]  # fmt: skip


def make_user(own: Path, name: str, number: int) -> None:
    """Give the namespace of `own` a user and a group, which the package's script would have made."""
    for file, entry in (
        ("passwd", f"{name}:x:{number}:{number}::/:/usr/sbin/nologin"),
        ("group", f"{name}:x:{number}:"),
    ):
        path = own / "etc" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (path if path.exists() else Path("/etc", file)).read_text().splitlines()
        others = [line for line in lines if not line.startswith(f"{name}:")]
        path.write_text("\n".join([*others, entry, ""]))


def _unpack(root: Path, package: str) -> None:
    """Fetch and unpack; `root` appears only when all is there."""
    unfinished = root.with_suffix(".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    archives = unfinished / "archives"
    (archives / "partial").mkdir(parents=True)
    # Exim's programs are setuid: nobody but root may reach them here.
    unfinished.chmod(0o700)
    fetch = (
        "apt-get", "install", "--download-only", "--yes", "--quiet", "--no-install-recommends",
        "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root", "-o", f"Dir::Cache::archives={archives}",
        package,
    )  # fmt: skip
    # Lists of packages that are missing or old name files that are not there.
    problem = _run(*fetch) and (_run("apt-get", "update", "--quiet") or _run(*fetch))
    for archive in sorted(archives.glob("*.deb")):
        problem = problem or _run("dpkg-deb", "--extract", str(archive), str(unfinished))
    if problem:
        missing(f"{package} is missing: apt cannot fetch it ({problem}).")
    shutil.rmtree(archives)
    for folder in ("usr", "etc"):
        (unfinished / folder).mkdir(exist_ok=True)
    unfinished.rename(root)


def _run(*command: str) -> str:
    """Run a command; return the end of what it complained of, or nothing where it succeeded."""
    outcome = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"}, text=True, timeout=_TIMEOUT, check=False,
    )  # fmt: skip
    return outcome.stderr.strip()[-500:] or f"exit code {outcome.returncode}" if outcome.returncode else ""
