"""Which database is meant, for commands that ask it one thing and need no other setting."""

from __future__ import annotations

import os
from typing import Any

from outbox.settings.application import application
from outbox.store.url import usable_url

_VARIABLE = "OUTBOX_DATABASE_URL"


def database_url(flag: str | None) -> str:
    """Return the `database_url` of `load_without_relays`, at once where no weaker source has to be asked.

    All the settings take longer to load than their answer: pydantic and the model. What is wrong with the
    others is then not told. Raises SettingsError where the URL is wrong, or they had to be loaded.
    """
    told = application().overrides.get("database_url")
    given: Any = flag if flag is not None else told.value if told else os.environ.get(_VARIABLE)
    if isinstance(given, str) and given:
        try:
            return usable_url(given)
        except ValueError:
            pass  # the settings say it, and where it stands
    from outbox.settings.sources import load_without_relays  # noqa: PLC0415 - see above

    return load_without_relays(database_url=flag).database_url
