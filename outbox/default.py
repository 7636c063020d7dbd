"""The outbox that nobody has made: its settings in the environment, and its verbs as functions of the module.

An application of one outbox writes `outbox.enqueue(…)`; one of several, or of other settings, makes its own.
"""

import functools
import os
from collections.abc import Iterable
from typing import Unpack
from uuid import UUID

from outbox.errors import SettingsError
from outbox.handover import Fields, Given
from outbox.intake import MAX_SIZE, Outbox
from outbox.mail.email import Email
from outbox.store.transaction import AsyncTarget, Target


def _bytes(number: str) -> int:
    if not number.isdecimal() or not int(number):
        raise SettingsError([f"max_size (environment OUTBOX_MAX_SIZE): {number!r}. Give a number of bytes."])
    return int(number)


def _folders(variable: str) -> list[str]:
    return [path for path in os.environ.get(variable, "").split(os.pathsep) if path]


@functools.cache
def default_outbox() -> Outbox:
    """Return the outbox behind the module's functions, built on first use from `OUTBOX_*`.

    The one piece of module state: it lets an application of one outbox write `outbox.enqueue(…)`.
    """
    return Outbox(
        templates=_folders("OUTBOX_TEMPLATES"),
        translations=_folders("OUTBOX_TRANSLATIONS"),
        sender=os.environ.get("OUTBOX_SENDER") or None,
        max_size=_bytes(os.environ.get("OUTBOX_MAX_SIZE") or str(MAX_SIZE)),
    )


def enqueue(
    transaction: Target,
    email: Email | None = None,
    /,
    *,
    check_suppressed: bool = False,
    **fields: Unpack[Fields],
) -> UUID:
    """Insert one email into `transaction` by the default outbox; see `Outbox.enqueue`."""
    return default_outbox().enqueue(transaction, email, check_suppressed=check_suppressed, **fields)


def enqueue_many(
    transaction: Target, emails: Iterable[Given], /, *, check_suppressed: bool = False
) -> list[UUID]:
    """Insert many emails into `transaction` by the default outbox; see `Outbox.enqueue_many`."""
    return default_outbox().enqueue_many(transaction, emails, check_suppressed=check_suppressed)


async def enqueue_async(
    transaction: AsyncTarget,
    email: Email | None = None,
    /,
    *,
    check_suppressed: bool = False,
    **fields: Unpack[Fields],
) -> UUID:
    """Insert one email into `transaction` by the default outbox; see `Outbox.enqueue_async`."""
    return await default_outbox().enqueue_async(
        transaction, email, check_suppressed=check_suppressed, **fields
    )


async def enqueue_many_async(
    transaction: AsyncTarget, emails: Iterable[Given], /, *, check_suppressed: bool = False
) -> list[UUID]:
    """Insert many emails into `transaction` by the default outbox; see `Outbox.enqueue_many_async`."""
    return await default_outbox().enqueue_many_async(transaction, emails, check_suppressed=check_suppressed)
