"""Sign a mail by the keys of its From domain, or leave it as it is."""

import hashlib
from collections.abc import Iterable, Sequence

from outbox.delivery.dkim.canonical import relaxed_body
from outbox.delivery.dkim.signature import Signatory, signature
from outbox.errors import InvalidEmailError
from outbox.mail.address import parse_address
from outbox.mail.fields import Field, lines_ended, taken_apart


class Signer:
    """Signs by all keys of one domain: by an RSA and an Ed25519 key both, where there are both."""

    def __init__(self, signatories: Iterable[Signatory]) -> None:
        self.signatories = tuple(signatories)

    def signed(self, mime: bytes, at: int) -> bytes:
        """Return `mime` with its signatures in front, signed at `at`, in seconds since 1970.

        A mail without one From field of one plain mailbox, or of a domain that there is no key for, comes
        back as it is: who signs for another domain than the reader sees has proven nothing (RFC 7489 §3.1).
        """
        # As it is sent: the last line goes out with its end.
        fields, body = taken_apart(lines_ended(mime))
        domain = _domain_in(fields)
        ours = [each for each in self.signatories if each.domain == domain]
        if not ours:
            return mime
        # The body stands behind the empty line.
        body_hash = hashlib.sha256(relaxed_body(body[2:])).digest()
        return b"".join((*(signature(each, fields, body_hash, at) for each in ours), mime))


def domain_of(mime: bytes) -> str | None:
    """Return the domain in whose name a message is sent, that of its From; None where nobody can be sure."""
    return _domain_in(taken_apart(lines_ended(mime))[0])


def _domain_in(fields: Sequence[Field]) -> str | None:
    found = [field for field in fields if field.name == "from"]
    if len(found) != 1:
        return None
    try:
        return parse_address("From", found[0].value.replace("\t", " ")).domain
    except InvalidEmailError:
        return None
