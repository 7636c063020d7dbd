"""What each Django migration of ours does: bring the tables to a version, by the outbox's migrations."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.migrations import RunPython

from outbox.integrations.django.lending import lent
from outbox.store.dialects import dialect_of
from outbox.store.migration import upgrade


def to_version(version: str) -> RunPython:
    """Return the operation; it does nothing where `outbox db upgrade` has been there before.

    There is no way back, as there is none by `outbox db`: it would throw mail away.
    """
    return RunPython(partial(_upgrade, version))


def _upgrade(version: str, apps: object, schema_editor: Any) -> None:  # noqa: ARG001 - Django's signature
    with lent(schema_editor.connection.alias) as connection, connection.begin():
        dialect_of(connection.dialect.name).check_version(connection)
        upgrade(connection, version)
