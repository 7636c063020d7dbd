"""The helpers that Flask-Mail has for texts and addresses, for code that calls them; we do not."""

from collections.abc import Iterable
from email.header import Header
from email.utils import formataddr, parseaddr
from typing import Any

Mailbox = str | tuple[str, str]
"""An address as Flask-Mail takes it: a text, or a name and an address."""


class FlaskMailUnicodeDecodeError(UnicodeDecodeError):
    """Bytes that are not in the charset that they were said to be in; `obj` is what was given."""

    def __init__(self, obj: Any, *args: Any) -> None:
        self.obj = obj
        super().__init__(*args)

    def __str__(self) -> str:
        return f"{super().__str__()}. You passed in {self.obj!r} ({type(self.obj)})"


def force_text(s: Any, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return `s` as a text: bytes are decoded, anything else, such as a lazy translation, is asked for it."""
    if isinstance(s, str):
        return s
    try:
        return str(s, encoding, errors) if isinstance(s, bytes) else str(s)
    except UnicodeDecodeError as error:
        if isinstance(s, Exception):
            return " ".join(force_text(argument, encoding, errors) for argument in s.args)
        raise FlaskMailUnicodeDecodeError(s, *error.args) from error


def sanitize_subject(subject: str, encoding: str = "utf-8") -> str:
    """Return a subject as it stands when ASCII, else as encoded words."""
    return subject if subject.isascii() else _header(subject, encoding)


def sanitize_address(addr: Mailbox, encoding: str = "utf-8") -> str:
    """Return a mailbox in ASCII: its name in encoded words, its domain as an A-label."""
    name, address = parseaddr(force_text(addr)) if isinstance(addr, str) else addr
    if not address.isascii():
        address = _ascii(address, encoding)
    return formataddr((_header(name or "", encoding), address))


def sanitize_addresses(addresses: Iterable[Mailbox], encoding: str = "utf-8") -> list[str]:
    """Return each of them as `sanitize_address` does."""
    return [sanitize_address(each, encoding) for each in addresses]


def _ascii(address: str, encoding: str) -> str:
    local, at, domain = address.partition("@")
    if not at:
        return _header(address, encoding)
    return f"{Header(local, encoding)}@{domain.encode('idna').decode('ascii')}"


def _header(text: str, encoding: str) -> str:
    try:
        return Header(text, encoding).encode()
    except UnicodeEncodeError:
        return Header(text, "utf-8").encode()
