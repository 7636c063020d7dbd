"""Every way of sending that is measured, by its name on the command line."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.daemon import CONNECTIONS
from bench.databases import NAMES, title
from bench.drain import drain
from bench.others import python_client, smtp_source
from bench.run import Run

POSTGRESQL = "postgresql"
SMTP_SOURCE = "smtp-source"
FLASK_MAIL = "flask-mail"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of sending: `run` takes a number of mails, of which the slow ones are asked for a part."""

    name: str
    title: str
    share: float
    run: Callable[[int], Run]

    def mails(self, wanted: int) -> int:
        """Return how many mails it sends where `wanted` were asked for."""
        return max(1, int(wanted * self.share))


def _ours(kind: str) -> Contestant:
    return Contestant(
        kind, f"outbox, {title(kind)}, {CONNECTIONS} connections", 1, lambda mails: drain(kind, mails)
    )


CONTESTANTS = (
    *map(_ours, NAMES),
    Contestant(
        SMTP_SOURCE, "smtp-source -s 4, a connection a mail", 1, lambda mails: smtp_source(mails, kept=False)
    ),
    Contestant(
        "smtp-source-kept",
        "smtp-source -s 4 -d, kept connections",
        1,
        lambda mails: smtp_source(mails, kept=True),
    ),
    Contestant(
        "smtplib", "smtplib, one kept connection", 0.25, lambda mails: python_client("smtplib_reused", mails)
    ),
    Contestant(
        FLASK_MAIL, "Flask-Mail, mail.send() each", 0.1, lambda mails: python_client("flask_mail_each", mails)
    ),
)
