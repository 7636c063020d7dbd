"""Take a message as programs hand it to sendmail, and find out from and to whom it is.

Its bytes stay as they are, but for line ends, what only sendmail was told, and addresses without a domain.
"""

import re
from collections.abc import Iterable, Sequence
from email.errors import NonASCIILocalPartDefect, ObsoleteHeaderDefect
from email.headerregistry import Address as Mailbox
from email.headerregistry import AddressHeader, HeaderRegistry
from itertools import chain

from outbox.errors import InvalidEmailError
from outbox.mail.address import Address, parse_address
from outbox.mail.fields import Field, lines_ended, taken_apart
from outbox.mail.phrases import ADDRESS_FIELDS
from outbox.mail.words import address_field, sealed

_RECIPIENTS = ("to", "cc", "bcc")
_RESENT = "resent-"
# The line that a mailbox (mbox) puts before a message; some programs hand it on.
_MAILBOX_LINE = re.compile(rb">?From [^\n]*\n")
_COMMENTED = re.compile(r"[^\s()<>,;:\"]+ \(([^()\\]*)\)")
_NO_DOMAIN = "addr-spec local part with no domain"
_REMEDY = "Write one plain address, or several with commas between them."
_header = HeaderRegistry()


def until_dot(data: bytes) -> bytes:
    """Return what stands before the first line that is a lone dot, which ends a message."""
    end = re.search(rb"^\.\r?(?:\n|\Z)", data, re.MULTILINE)
    return data if end is None else data[: end.start()]


class Received:
    """A message as it came; `domain` completes addresses that have none, as cron's `root`."""

    def __init__(self, data: bytes, domain: str) -> None:
        line = _MAILBOX_LINE.match(data)
        self._domain = domain
        self._fields, self._body = taken_apart(lines_ended(data[line.end() if line else 0 :]))

    @property
    def mime(self) -> bytes:
        """The message, with a domain in each address of its header."""
        return b"".join([*(self._qualified(field).raw for field in self._fields), self._body])

    def recipients(self) -> list[Address]:
        """Return to whom the header says that it goes: by Resent- fields, where there are any.

        Raises InvalidEmailError for what is not plainly addresses.
        """
        names = [f"{_RESENT}{name}" for name in _RECIPIENTS]
        if not any(field.name in names for field in self._fields):
            names = [*_RECIPIENTS]
        found = (self._addresses(field) for field in self._fields if field.name in names)
        return list(dict.fromkeys(chain.from_iterable(found)))

    def sender(self) -> Address | None:
        """Return the one mailbox in Sender, or else in From; None where there is none, or not one."""
        for name in ("sender", "from"):
            fields = [field for field in self._fields if field.name == name and field.text]
            if fields:
                return self._only_address(fields)
        return None

    def has(self, name: str) -> bool:
        """Tell whether there is a field of this name, in lower case, that says something."""
        return any(field.name == name and field.text for field in self._fields)

    def _only_address(self, fields: Sequence[Field]) -> Address | None:
        try:
            found = self._addresses(fields[0])
        except InvalidEmailError:
            return None
        return found[0] if len(found) == len(fields) == 1 else None

    def _addresses(self, field: Field) -> list[Address]:
        return [qualified(field.name, _spelt(mailbox), self._domain) for mailbox in _mailboxes(field)]

    def _qualified(self, field: Field) -> Field:
        """Return an address field with all of its domains; as it is, where none is missing."""
        if field.name not in ADDRESS_FIELDS:
            return field
        try:
            found = _mailboxes(field)
            if not found or all(mailbox.domain for mailbox in found):
                return field
            told = [
                Address(mailbox.display_name or "", each.email)
                for mailbox, each in zip(found, self._addresses(field), strict=True)
            ]
        except InvalidEmailError:
            # Whom it goes to is asked apart; what a reader is shown is the writer's business.
            return field
        return Field(field.name, sealed([address_field(ADDRESS_FIELDS[field.name], told)]))


def qualified(field: str, given: str, domain: str) -> Address:
    """Return the address that `given` is, or the mailbox `given` at `domain`. Raises InvalidEmailError."""
    bare = given.strip()
    return parse_address(field, bare if "@" in bare or not bare else f"{bare}@{domain}")


def split_addresses(field: str, given: Iterable[str], domain: str) -> list[Address]:
    """Return the addresses of arguments, each of which may hold several with commas between them."""
    fields = [Field(field, f"{field}: {each}\r\n".encode()) for each in given]
    return [qualified(field, _spelt(mailbox), domain) for each in fields for mailbox in _mailboxes(each)]


def _mailboxes(field: Field) -> Sequence[Mailbox]:
    """Return the mailboxes of a field, those within groups too. Raises InvalidEmailError."""
    value = field.value
    try:
        header = _header("to", value)
    except Exception as error:
        raise InvalidEmailError(field.name, value, "is no list of addresses", _REMEDY) from error
    assert isinstance(header, AddressHeader)  # noqa: S101 - by its name
    broken = [defect for defect in header.defects if not _is_harmless(defect)]
    if broken:
        raise InvalidEmailError(field.name, value, f"is no list of addresses ({broken[0]})", _REMEDY)
    if commented := _COMMENTED.fullmatch(value):
        # Cron's old way to write a name.
        (only,) = header.addresses
        return [Mailbox(commented[1], only.username, only.domain)]
    return header.addresses


def _is_harmless(defect: Exception) -> bool:
    """Tell whether we know what is meant all the same: each address is looked at closely behind this."""
    return isinstance(defect, ObsoleteHeaderDefect | NonASCIILocalPartDefect) or str(defect) == _NO_DOMAIN


def _spelt(mailbox: Mailbox) -> str:
    return f"{mailbox.username}@{mailbox.domain}" if mailbox.domain else mailbox.username
