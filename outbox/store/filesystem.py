"""Tell whether a file lies on another host's disk, where SQLite's locks and its shared memory do not work."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs",
        "fuse.sshfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
    }
)  # fmt: skip
_MOUNT_POINT = 4
_OCTAL = re.compile(r"\\([0-7]{3})")


def network_filesystem(file: str) -> str | None:
    """Return the kind of network file system that `file` lies on, or None; where nobody can tell, None."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = filesystem_of(os.path.realpath(file), mounts)
    return kind if kind in _NETWORK else None


def filesystem_of(path: str, mounts: str) -> str | None:
    """Return the kind of file system of an absolute `path`, by the text of /proc/self/mountinfo (proc(5))."""
    longest, kind = "", None
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) <= _MOUNT_POINT:
            continue
        point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[_MOUNT_POINT])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two mounts on one point the later hides the earlier.
        if inside and len(point) >= len(longest):
            longest, kind = point, after.split(" ")[0]
    return kind
