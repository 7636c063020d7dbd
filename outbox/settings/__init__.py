"""What the daemon is told from outside: one typed model, and one way to load it.

Sources, strongest first: flags, environment variables `OUTBOX_…`, systemd credential files named `outbox_…`,
the file `outbox.toml` (current directory, or the path in `OUTBOX_CONFIG`), Flask-Mail's variables `MAIL_…`,
defaults; beside them what an application says that runs our commands itself (`application.py`). Imported by
the daemon's side only: applications never load pydantic.
"""

from outbox.settings.model import Settings
from outbox.settings.sources import load

__all__ = ["Settings", "load"]
