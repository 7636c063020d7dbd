"""What the daemon is told from outside: one typed model, and one way to load it.

Sources, strongest first: flags, environment variables `OUTBOX_…`, systemd credential files named `outbox_…`,
the file `outbox.toml` (current directory, or the path in `OUTBOX_CONFIG`), Flask-Mail's variables `MAIL_…`,
defaults; beside them what an application says that runs our commands itself (`application.py`). Imported by
the daemon's side only: applications never load pydantic.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outbox.settings.model import Settings
    from outbox.settings.sources import load

__all__ = ["Settings", "load"]


def __getattr__(name: str) -> Any:
    """Load pydantic when all settings are asked for: `named.py` and `ways.py` do without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from outbox.settings import model, sources  # noqa: PLC0415 - see above

    globals().update(Settings=model.Settings, load=sources.load)
    return globals()[name]
