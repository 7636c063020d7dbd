"""smtplib over one connection that is kept: ready bytes, nothing but sending."""

import smtplib
from datetime import UTC, datetime
from uuid import UUID

from bench.clients.meter import measured
from bench.corpus import SENDER, email, recipient
from bench.postfix import HOST
from outbox.mail.address import parse_address
from outbox.mail.compose import compose


def send_all(port: int, mails: int) -> None:
    """Send one composed message `mails` times."""
    message = compose(email(0), id=UUID(int=0), sender=parse_address("sender", SENDER), at=datetime.now(UTC))
    with smtplib.SMTP(HOST, port) as connection:
        for n in range(mails):
            connection.sendmail(SENDER, recipient(n), message)


if __name__ == "__main__":
    measured(send_all)
