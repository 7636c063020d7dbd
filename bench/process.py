"""What a process has cost so far, from /proc: CPU seconds and peak memory."""

import os
from pathlib import Path

_STAT = Path("/proc/stat")
_TICK = os.sysconf("SC_CLK_TCK")
# proc(5): the fields of /proc/PID/stat after the name in brackets, which begin with the third.
_UTIME, _STIME = 14 - 3, 15 - 3


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICK


def busy_seconds() -> float:
    """Return the CPU time that all processes of this machine have used, theirs and the kernel's for them."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = _STAT.read_text().split("\n", 1)[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / _TICK


def peak_memory(pid: int) -> int:
    """Return the most bytes that a process has had resident; 0 once it has ended.

    Not getrusage: its figure starts with the memory of the parent that forked the process.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    lines = (line.split() for line in status.splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == "VmHWM:"), 0)
