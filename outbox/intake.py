"""Where mail enters: in the application's own transaction, which alone decides whether it exists.

Nothing here commits, opens a connection or talks to a server. Bad input raises before anything is inserted.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Unpack
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from outbox.errors import InvalidEmailError, MessageTooLargeError, SuppressedError
from outbox.handover import Fields, Given, Prepared, email_of
from outbox.mail.address import Address, parse_address
from outbox.mail.complete import Completed, completed
from outbox.mail.compose import compose
from outbox.mail.email import Email
from outbox.mail.identity import message_id, uuid7
from outbox.mail.payload import payload_hash
from outbox.render.lint import Finding, lint
from outbox.render.templates import Templates
from outbox.store.apart import apart
from outbox.store.dialects import dialect_of
from outbox.store.insert import NewMessage, insert_messages
from outbox.store.suppressions import suppressed
from outbox.store.transaction import AsyncTarget, Target, explained, run_sync, usable_connection
from outbox.tracing import traceparent

MAX_SIZE = 25 * 1024 * 1024
"""The default limit of a composed message, in bytes; most receivers refuse more."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Outbox:
    """An outbox with its own templates, default sender and size limit; makes emails and inserts them."""

    needs_database: ClassVar[bool] = True
    """False while `outbox.testing.captured()` takes all mail: then nobody needs to look for tables."""

    def __init__(
        self,
        *,
        templates: str | Path | Sequence[str | Path] = (),
        translations: str | Path | Sequence[str | Path] = (),
        sandboxed: bool = False,
        sender: str | Address | None = None,
        max_size: int = MAX_SIZE,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._templates = Templates(
            templates, translations=translations, sandboxed=sandboxed, largest=max_size
        )
        self._sender = sender
        self._max_size = max_size
        self._clock = clock
        self._largest: WeakKeyDictionary[Engine, int | None] = WeakKeyDictionary()

    def enqueue(
        self,
        transaction: Target,
        email: Email | None = None,
        /,
        *,
        check_suppressed: bool = False,
        **fields: Unpack[Fields],
    ) -> UUID:
        """Insert one email, or the fields of one, into `transaction`; return the id of its message.

        The mail exists when the caller commits, and never did when the caller rolls back. An email whose
        `key` is already taken by the same payload is not inserted again: the first one's id is returned.
        A suppressed address is found by the daemon, whose verdict you read later; with `check_suppressed` it
        raises SuppressedError here.

        Raises InvalidEmailError, TemplateError, KeyConflictError or UnusableConnectionError, none of which
        has inserted anything, and whatever the database raises.
        """
        if email is not None and fields:
            raise InvalidEmailError(
                "email",
                email,
                f"is given beside fields ({', '.join(sorted(fields))})",
                "Give an Email or the fields of one, not both.",
            )
        emails = [fields if email is None else email]
        return self.enqueue_many(transaction, emails, check_suppressed=check_suppressed)[0]

    def enqueue_many(
        self, transaction: Target, emails: Iterable[Given], /, *, check_suppressed: bool = False
    ) -> list[UUID]:
        """Insert many emails in a few statements; return their ids in order.

        All are composed and checked before the first is inserted. Raises as `enqueue` does.
        """
        connection = usable_connection(transaction)
        new = [self.prepare(email).new for email in emails]
        self._refuse_unstorable(connection, new)
        if check_suppressed:
            _refuse_suppressed(connection, new)
        return insert_messages(connection, new) if new else []

    def enqueue_apart(self, bind: Engine | Connection, emails: Iterable[Given], /) -> list[UUID]:
        """Do what `enqueue_many` does, in a short transaction of its own that is committed here.

        For what stands in for a mail server, and must not lose a mail with somebody's transaction.
        """
        new = [self.prepare(email).new for email in emails]
        if not new:
            return []
        with explained(bind), apart(bind, new) as connection:
            self._refuse_unstorable(connection, new)
            return insert_messages(connection, new)

    def prepare(self, email: Given, /) -> Prepared:
        """Return `email` composed, for `enqueue_many` or `enqueue_apart` later; asks no database anything.

        Raises what `enqueue` would raise for it before that does.
        """
        if isinstance(email, Prepared):
            return email
        checked = email_of(email, self._templates)
        return Prepared(checked, self._compose(checked))

    async def enqueue_async(
        self,
        transaction: AsyncTarget,
        email: Email | None = None,
        /,
        *,
        check_suppressed: bool = False,
        **fields: Unpack[Fields],
    ) -> UUID:
        """Do what `enqueue` does, in the transaction of an AsyncSession or an AsyncConnection."""
        return await run_sync(
            transaction,
            lambda carrier: self.enqueue(carrier, email, check_suppressed=check_suppressed, **fields),
        )

    async def enqueue_many_async(
        self, transaction: AsyncTarget, emails: Iterable[Given], /, *, check_suppressed: bool = False
    ) -> list[UUID]:
        """Do what `enqueue_many` does, in the transaction of an AsyncSession or an AsyncConnection."""
        return await run_sync(
            transaction,
            lambda carrier: self.enqueue_many(carrier, emails, check_suppressed=check_suppressed),
        )

    def lint(
        self,
        *names: str,
        context: Mapping[str, object] | None = None,
        locales: Sequence[str | None] = (),
        bulk: Sequence[str] = (),
    ) -> list[Finding]:
        """Return what is wrong with the templates `names`, by default all of yours, in all their languages.

        Found are missing variables, a missing text part, relative links, pictures without alt, HTML that
        Gmail cuts, and all that would raise at `enqueue`. `context` is by default NAME.example.json beside
        each mail. Mails that fit a pattern in `bulk`, such as "news/*", must have a link to unsubscribe.
        As a test: `assert shop.lint() == []`.
        """
        return lint(self._templates, names, context=context, locales=locales, bulk=bulk)

    def _compose(self, email: Email) -> NewMessage:
        sender = self._sender_of(email)
        now = self._clock()
        id_ = uuid7(int(now.timestamp() * 1000), os.urandom(10))
        message = _message(email, id_, sender, now)
        if len(message.mime) > self._max_size:
            raise MessageTooLargeError(
                "size",
                len(message.mime),
                f"the composed message is above the limit of {self._max_size} bytes",
                "Send a link in place of the attachment, or raise max_size.",
            )
        return NewMessage(
            id=id_,
            sender=sender.email,
            recipients=email.recipients,
            subject=message.subject,
            message_id=message.message_id,
            mime=message.mime,
            # Only a key is ever taken twice, and asks whether it is the same mail.
            payload_hash="" if email.key is None else payload_hash(email, sender),
            on_doubt=email.on_doubt.value,
            key=email.key,
            send_at=email.send_at,
            expires_at=email.expires_at,
            tags=email.tags,
            stream=email.stream,
            traceparent=traceparent(),
        )

    def _sender_of(self, email: Email) -> Address:
        if email.sender is not None:
            return email.sender
        if self._sender is None:
            raise InvalidEmailError(
                "sender",
                None,
                "nobody sends this email",
                "Give sender=…, or a default: Outbox(sender=…) or OUTBOX_SENDER in the environment.",
            )
        return parse_address("sender", self._sender)

    def _refuse_unstorable(self, connection: Connection, new: Iterable[NewMessage]) -> None:
        """Raise MessageTooLargeError for what the database would not take; it is asked once an engine."""
        dialect = dialect_of(connection.dialect.name)
        if connection.engine not in self._largest:
            self._largest[connection.engine] = dialect.largest_message(connection)
        largest = self._largest[connection.engine]
        for mail in new:
            if largest is not None and (size := dialect.carried(mail.mime)) > largest:
                raise MessageTooLargeError(
                    "size",
                    size,
                    f"the composed message is, as it travels, above the database's limit of {largest} bytes",
                    "Send a link in place of the attachment, or raise the server's max_allowed_packet.",
                )


def _message(email: Email, id_: UUID, sender: Address, now: datetime) -> Completed:
    if email.mime is not None:
        return completed(email.mime, id=id_, sender=sender.email, at=now)
    mime = compose(email, id=id_, sender=sender, at=now)
    return Completed(mime, message_id(id_, sender), email.subject)


def _refuse_suppressed(connection: Connection, new: Iterable[NewMessage]) -> None:
    found = suppressed(connection, {address for mail in new for address in mail.recipients})
    if found:
        raise SuppressedError({address: each.why for address, each in found.items()})
