"""A machine that runs under a real systemd: process 1 of its own namespaces, over an overlay of this system.

It has the units that it is given and no others, the network of this machine, and a few devices. Its folders
`etc` (/etc/outbox), `units` (/etc/systemd/system), `lib` (/var/lib) and `srv` can be seen from here; all that
it writes is gone with it. It changes nothing here: /proc/sys and /sys are read-only, and its control groups
are removed.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.folder import is_root, make_folder, remove_folder
from tests.support.missing import binary, missing
from tests.support.waiting import wait_until

_ROOT = Path(__file__).resolve().parents[2]
_SYSTEMD = Path("/lib/systemd")
USERS = {"outbox": 64102, "app": 64103}
"""Its users, each with a group of the same name and number; Debian gives out none of these."""

# $1 is the folder, $2 the name of the control group, which becomes the root of all that the machine sees.
_ENTER = """
mkdir "$1/groups"
mount -t cgroup2 cgroup2 "$1/groups"
mkdir "$1/groups/$2"
echo 0 > "$1/groups/$2/cgroup.procs"
exec unshare --cgroup sh -ec "$3" sh "$1"
"""
_BOOT = """
mkdir "$1/own"
mount -t tmpfs tmpfs "$1/own"
cd "$1/own"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
cd root
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind /sys sys
mount -o remount,bind,ro sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for fresh in run tmp dev; do mount -t tmpfs tmpfs "$fresh"; done
chmod 1777 tmp
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for place in etc/outbox opt/outbox/python opt/outbox/packages opt/outbox/code opt/outbox/hooks; do
    mkdir -p "$place"
done
mount --bind "$1/etc" etc/outbox
mount --bind "$1/units" etc/systemd/system
mount --bind "$1/lib" var/lib
mount --bind "$1/srv" srv
mount --bind "$PYTHON" opt/outbox/python
mount --bind "$PACKAGES" opt/outbox/packages
mount --bind "$CODE" opt/outbox/code
# Where this Python looks for its library may be hidden from a service, and the system have another.
mkdir -p etc/systemd/system.conf.d
cat > etc/systemd/system.conf.d/tests.conf <<'END'
[Manager]
DefaultEnvironment=LD_LIBRARY_PATH=/opt/outbox/python/lib
END
if [ -n "$HOOKS" ]; then
    mount --bind "$HOOKS" opt/outbox/hooks
    cat "$1/passwd" >> etc/passwd
    cat "$1/group" >> etc/group
    mkdir -p opt/outbox/.venv/bin
    install -m 755 "$1/outbox" opt/outbox/.venv/bin/outbox
fi
mkdir old
pivot_root . old
umount -l old
# As on any machine: credentials are mounted by a child, and come to the service by propagation.
mount --make-rshared /
exec env -i container=tests SYSTEMD_UNIT_PATH=/etc/systemd/system SYSTEMD_GENERATOR_PATH=/nowhere \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target --log-target=journal
"""
_OUTBOX = """#!/bin/sh
export LD_LIBRARY_PATH=/opt/outbox/python/lib
export PYTHONPATH=/opt/outbox/hooks:/opt/outbox/code:/opt/outbox/packages
exec /opt/outbox/python/bin/python3 -m outbox "$@"
"""
_TARGETS = ("sysinit", "network-online", "shutdown", "multi-user")


class Machine:
    """One machine in a `with` block, on which the outbox is installed, with its units and its user.

    `hooks` is a folder whose `sitecustomize` its Python loads. Without it nothing is installed.
    """

    def __init__(self, hooks: Path | None = None) -> None:
        if not is_root():
            missing("systemd cannot be booted: only root can do that for these tests.")
        binary("systemd-analyze", "systemd")
        self._folder = make_folder("systemd", None)
        names = ("etc", "units", "lib", "srv")
        self.etc, self.units, self.lib, self.srv = (self._folder / name for name in names)
        self._group = self._folder.name
        self._log = self._folder / "boot.log"
        self._environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHON": sys.base_prefix,
            "PACKAGES": sysconfig.get_path("purelib"),
            "CODE": str(_ROOT),
            "HOOKS": "" if hooks is None else str(hooks),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def call(
        self, *command: str, user: str | None = None, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run a command in the machine, as root or this user, and return what it prints."""
        names = ("mount", "uts", "ipc", "pid", "cgroup", "root")
        whose = [f"--setuid={USERS[user]}", f"--setgid={USERS[user]}"] if user else []
        variables = [f"{name}={value}" for name, value in (environment or {}).items()]
        outcome = subprocess.run(
            ["nsenter", f"--target={self._init}", *(f"--{name}" for name in names), "--wd=/", *whose,
             "env", *variables, *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if outcome.returncode:
            raise RuntimeError(f"{command}: {outcome.returncode} {outcome.stdout} {outcome.stderr}")
        return outcome.stdout

    def show(self, unit: str) -> dict[str, str]:
        """Return all that systemd knows of a unit."""
        lines = self.call("systemctl", "show", unit).splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def journal(self, unit: str) -> str:
        """Return what a unit has logged, and systemd of it."""
        return self.call("journalctl", "--quiet", "--output=cat", f"--unit={unit}")

    def __enter__(self) -> Self:
        try:
            self._install()
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # With process 1 all others of its namespace die, before it is reaped.
            os.kill(self._init or self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._remove_groups()
        remove_folder(self._folder)

    def _install(self) -> None:
        for folder in (self.etc, self.lib, self.srv, self.units):
            folder.mkdir()
        if self._environment["HOOKS"]:
            self._install_ours()
        for name in _TARGETS:
            (self.units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        journal = ["systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket"]
        for name in journal:
            shutil.copy(_SYSTEMD / "system" / name, self.units)
        (self.units / "basic.target").write_text(
            f"[Unit]\nDefaultDependencies=no\nWants={' '.join(journal)}\n"
        )

    def _install_ours(self) -> None:
        for unit in (_ROOT / "deploy").glob("*.service"):
            shutil.copy(unit, self.units)
        entries = [f"{name}:x:{number}:" for name, number in USERS.items()]
        (self._folder / "group").write_text("\n".join([*entries, ""]))
        entries = [f"{entry}{entry.split(':')[2]}::/nowhere:/usr/sbin/nologin" for entry in entries]
        (self._folder / "passwd").write_text("\n".join([*entries, ""]))
        (self._folder / "outbox").write_text(_OUTBOX)

    def _boot(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child",
                 "sh", "-ec", _ENTER, "sh", str(self._folder), self._group, _BOOT],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
            )  # fmt: skip
        wait_until(self._is_up, "systemd has booted")

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            missing(f"systemd cannot be booted here: {self._log.read_text(errors='replace')[-2000:]}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            return False
        self._init = int(children[0])
        with suppress(RuntimeError, OSError):
            return self.call("systemctl", "is-active", "basic.target").strip() == "active"
        return False

    def _remove_groups(self) -> None:
        script = 'mount -t cgroup2 cgroup2 "$1/groups"; find "$1/groups/$2" -depth -type d -exec rmdir {} +'
        command = ["unshare", "--mount", "sh", "-ec", script, "sh", str(self._folder), self._group]
        subprocess.run(command, check=True)
