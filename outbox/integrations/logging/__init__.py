"""Error mails by way of the outbox: `OutboxHandler` in place of logging.handlers.SMTPHandler."""

from outbox.integrations.logging.handler import OutboxHandler

__all__ = ["OutboxHandler"]
