"""Look at a mail's bytes for what the relay must be told of them, and mark them for relays that dedupe."""

import hashlib
from dataclasses import replace

from outbox.delivery import mail
from outbox.delivery.relay import Dsn
from outbox.smtp import envelope


def described(given: mail.Envelope, dsn: Dsn | None) -> envelope.Envelope:
    """Return the SMTP envelope of a mail: its size, and whether it needs 8BITMIME or SMTPUTF8."""
    plain = given.body.isascii()
    # The last line goes out with its end (RFC 1870 §6 counts it).
    unended = bool(given.body) and not given.body.endswith(b"\r\n")
    return envelope.Envelope(
        given.sender,
        given.recipients,
        len(given.body) + 2 * unended,
        eightbit=not plain,
        utf8=not given.sender.isascii() or (not plain and _has_utf8_header(given.body)),
        notify=dsn.notify if dsn else (),
        ret=("FULL" if dsn.full else "HDRS") if dsn else None,
        envid=given.id or None,
    )


def identified(given: mail.Envelope, header: str | None) -> mail.Envelope:
    """Return a mail with the header by which the relay knows it again, where the relay has such a header.

    The same message goes out once for each group of recipients, so the group is part of the key: the same
    one for a mail that was in doubt, another for recipients that the relay has never seen.
    """
    if header is None:
        return given
    group = hashlib.sha256("\n".join(sorted(given.recipients)).encode()).hexdigest()[:16]
    return replace(given, body=f"{header}: {given.id}-{group}\r\n".encode("ascii") + given.body)


def _has_utf8_header(body: bytes) -> bool:
    """Whether the header section has UTF-8 beyond ASCII (RFC 6532); other 8-bit bytes are no reason."""
    head = body.partition(b"\r\n\r\n")[0]
    if head.isascii():
        return False
    try:
        head.decode()
    except UnicodeDecodeError:
        return False
    return True
