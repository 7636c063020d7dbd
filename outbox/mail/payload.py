"""Say whether two emails are the same mail, for idempotency keys."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from outbox.mail.address import Address
from outbox.mail.email import Email

# Part of the hash: a later release that hashes otherwise must not take its hash for one of ours.
_FORM = b"outbox payload 1"


def payload_hash(email: Email, sender: Address) -> str:
    """Return the SHA-256, in hex, of an email as it was handed over.

    Covers sender, addresses with names, subject, bodies, attachments and headers, or the message that was
    handed over ready; not what differs between two calls (Date, Message-ID, boundaries) nor the queue's
    options (key, times, tags, on_doubt). Every value is preceded by its length and every list by its count,
    so no two emails share an encoding.
    """
    digest = sha256(_FORM)
    for value in _values(email, sender):
        # A byte string never starts like the marker of an absent one.
        digest.update(b"-;" if value is None else b"%d:" % len(value))
        if value is not None:
            digest.update(value)
    return digest.hexdigest()


def _values(email: Email, sender: Address) -> Iterator[bytes | None]:
    yield from _addresses((sender,))
    for addresses in (email.to, email.cc, email.bcc, email.reply_to):
        yield b"%d" % len(addresses)
        yield from _addresses(addresses)
    yield email.subject.encode()
    yield None if email.text is None else email.text.encode()
    yield None if email.html is None else email.html.encode()
    yield b"%d" % len(email.attachments)
    for attachment in email.attachments:
        yield attachment.filename.encode()
        yield str(attachment.content_type).encode()
        yield attachment.content
    yield b"%d" % len(email.headers)
    # A mapping has no order of its own: two equal ones are one payload.
    for name, value in sorted(email.headers.items()):
        yield name.encode()
        yield value.encode()
    # Behind all that every mail has, each with its name: what is absent changes no hash.
    for number, file in enumerate(email.attachments):
        if file.cid is not None:
            yield from (b"cid", b"%d" % number, file.cid.encode())
    if email.calendar is not None:
        yield from (b"calendar", email.calendar.encode())
    if email.mime is not None:
        yield from (b"mime", email.mime)


def _addresses(addresses: Iterable[Address]) -> Iterator[bytes]:
    for address in addresses:
        yield address.name.encode()
        yield address.email.encode()
