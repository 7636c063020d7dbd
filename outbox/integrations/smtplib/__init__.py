"""An object with the interface of smtplib.SMTP that enqueues what it is told to send."""

from outbox.integrations.smtplib.client import SMTP

__all__ = ["SMTP"]
