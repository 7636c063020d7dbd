"""A Django project as a folder with a manage.py, whose commands run as processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integrations.django.project import database, mail_settings

_ROOT = Path(__file__).resolve().parents[3]
_MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "shop_settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
_SETTINGS = """
import json
from pathlib import Path
import pymysql
pymysql.install_as_MySQLdb()
SECRET_KEY = "tests only"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "outbox.integrations.django",
]
globals().update(json.loads(Path(__file__).with_suffix(".json").read_text()))
"""


class Project:
    """A folder with a project on one database; `settings` are Django's own, beside those that it needs.

    `mail` are those of its mail, by default our backend.
    """

    def __init__(
        self, folder: Path, kind: str, url: str, mail: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self.folder = folder
        (folder / "manage.py").write_text(_MANAGE)
        (folder / "shop_settings.py").write_text(_SETTINGS)
        given = {
            "DATABASES": {"default": database(kind, url)},
            **(mail_settings() if mail is None else mail),
            **settings,
        }
        (folder / "shop_settings.json").write_text(json.dumps(given))

    def command(self, *arguments: str) -> list[str]:
        """Return what a shell would call."""
        return [sys.executable, "-W", "error", str(self.folder / "manage.py"), *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a command, in which nothing of ours is set but `more`."""
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT), **more}

    def manage(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def done(self, *arguments: str, **more: str) -> str:
        """Run a command that must succeed, and return what it printed."""
        ended = self.manage(*arguments, **more)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr
