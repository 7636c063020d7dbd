"""What mail is sent through: a mail at a time, or many in a `with` block."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from flask import current_app

from outbox.default import default_outbox
from outbox.integrations.flask.compose import email_of
from outbox.integrations.flask.message import Message
from outbox.integrations.flask.signals import email_dispatched

if TYPE_CHECKING:
    from outbox.handover import Prepared
    from outbox.integrations.flask.mail import _Mail
    from outbox.integrations.flask.sanitize import Mailbox
    from outbox.mail.email import Email

_PORTION = 100
"""Mails that are inserted together: what a crash in the middle of many can lose, and what memory holds."""


class Connection:
    """Hands mail over. There is no connection to a relay, so `host` is None.

    In a `with` block mails that get a transaction of their own share one: MAIL_MAX_EMAILS of them, else a
    hundred, and the rest at the end of the block, even if it ends by an exception: they were sent before it.
    """

    def __init__(self, mail: _Mail) -> None:
        self.mail = mail
        self.host: None = None
        self.num_emails = 0
        self._together: list[Prepared] | None = None

    def __enter__(self) -> Self:
        self.num_emails = 0
        self._together = []
        return self

    def __exit__(self, *_: object) -> None:
        self._insert()
        self._together = None

    def send(self, message: Message, envelope_from: Mailbox | None = None) -> None:
        """Check `message` and hand it over; `envelope_from` gets the bounces in place of the sender.

        Raises AssertionError without a recipient or a sender, BadHeaderError, and what `outbox.enqueue`
        raises.
        """
        if not message.send_to:
            raise AssertionError("No recipients have been added")
        if not message.sender:
            raise AssertionError(
                "The message does not specify a sender and a default sender has not been configured"
            )
        message.refuse_bad_headers()
        if message.date is None:
            message.date = time.time()
        if not self.mail.suppress:
            self._hand_over(email_of(message, envelope_from))
        app = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's name
        email_dispatched.send(app, message=message)
        self.num_emails += 1
        if self.num_emails == self.mail.max_emails:
            self.num_emails = 0
            self._insert()

    def send_message(self, *args: Any, **kwargs: Any) -> None:
        """Send the Message of these arguments."""
        self.send(Message(*args, **kwargs))

    def _hand_over(self, email: Email) -> None:
        # What is inserted later is proven to fit now.
        prepared = default_outbox().prepare(email)
        if self._together is None or not self.mail.destination.is_idle():
            self.mail.destination.hand_over([prepared])
            return
        self._together.append(prepared)
        if len(self._together) == _PORTION:
            self._insert()

    def _insert(self) -> None:
        """Hand over what was collected; a transaction that has begun meanwhile takes it along."""
        if self._together:
            emails, self._together = self._together, []
            self.mail.destination.hand_over(emails)
