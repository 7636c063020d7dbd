"""What a server stored, as a count of copies: (recipient, SHA-256 of the message as it was sent).

Servers put header fields on top of a message, and that is all that they may do to it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from outbox.delivery.mail import Envelope

Copies = Counter[tuple[str, str]]

_FIELD = re.compile(rb"([!-9;-~]+):[^\n]*\n(?:[ \t][^\n]*\n)*")
_THEIRS = {
    b"delivered-to", b"delivery-date", b"envelope-to", b"received", b"return-path", b"x-original-to",
    b"x-client-addr", b"x-client-proto", b"x-helo-args", b"x-mail-args", b"x-rcpt-args",
}  # fmt: skip
_RECIPIENT = re.compile(rb"(?im)^(?:delivered-to|envelope-to|x-rcpt-args):[ \t]*<?([^>\s]+)")


def copies_of(*envelopes: Envelope) -> Copies:
    """Return what a server holds that stored each of these once for each recipient."""
    return Counter(
        (recipient, sha256(envelope.body).hexdigest())
        for envelope in envelopes
        for recipient in envelope.recipients
    )


def in_maildirs(folder: Path) -> Copies:
    """Count the mails in the Maildirs under `folder`; a mail or its Maildir names the recipient."""
    return _count((path.parent.parent.name, path.read_bytes()) for path in folder.rglob("new/*"))


def in_dumps(folder: Path) -> Copies:
    """Count the files that `smtp-sink -d` wrote; it ends each with an empty line of its own."""
    return _count(("", path.read_bytes().removesuffix(b"\n")) for path in folder.iterdir())


def _count(files: Iterable[tuple[str, bytes]]) -> Copies:
    counted: Copies = Counter()
    for owner, file in files:
        end = _end_of_their_fields(file)
        digest = sha256(file[end:].replace(b"\n", b"\r\n")).hexdigest()
        named = [name.decode() for name in _RECIPIENT.findall(file[:end])]
        counted.update((name, digest) for name in named or [owner])
    return counted


def _end_of_their_fields(file: bytes) -> int:
    end = 0
    while (field := _FIELD.match(file, end)) and field[1].lower() in _THEIRS:
        end = field.end()
    return end
