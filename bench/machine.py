"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version as installed
from pathlib import Path

from bench.databases import NAMES, title, version
from outbox import __version__

_PACKAGES = ("SQLAlchemy", "psycopg", "PyMySQL", "Flask-Mail", "aiosmtplib")


def facts() -> dict[str, str]:
    """Return the machine, the interpreter and the versions of everything measured."""
    return {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "load": f"{os.getloadavg()[0]:.2f} in the minute before the start",
        "system": platform.platform(),
        "Python": platform.python_version(),
        **{title(name): version(name) for name in NAMES},
        "email-outbox": __version__,
        **{name: installed(name) for name in _PACKAGES},
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
