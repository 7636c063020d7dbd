"""The one encoder of every string that reaches the wire as a command (RFC 5321 §4.1).

Whatever the rooms above have checked, a CR, LF, NUL, other control or 8-bit character ends here.
"""

import re
from base64 import b64encode

MAX_LINE = 512
"""Bytes of a command line with its CRLF (RFC 5321 §4.5.3.1.4)."""
MAX_AUTH_LINE = 12288
"""Bytes of an AUTH command line (RFC 4954 §4)."""
MAX_PATH = 256
"""Bytes of an address with its brackets (RFC 5321 §4.5.3.1.3)."""

STARTTLS = b"STARTTLS\r\n"
DATA = b"DATA\r\n"
DOT = b".\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"
CANCEL = b"*\r\n"
"""The end of an AUTH whose challenge we cannot answer (RFC 4954 §4)."""

_DOMAIN = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[\x21-\x5a\x5e-\x7e]+\])"
# Dots may stand anywhere: this is a guard of the wire. What is a good address is decided at enqueue.
_LOCAL = r"(?:[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+|\"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*\")"
# RFC 6531 §3.3: letters beyond ASCII in the local part, none of them a control or an invisible character.
_WIDE = r"(?:[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+)"
_is_domain = re.compile(_DOMAIN).fullmatch
_is_mailbox = re.compile(f"{_LOCAL}@{_DOMAIN}").fullmatch
_is_wide_mailbox = re.compile(f"{_WIDE}@{_DOMAIN}").fullmatch
_is_plain = re.compile(r"[\x20-\x7e]*").fullmatch
# RFC 5321 §4.1.2, esmtp-param.
_is_parameter = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:=[\x21-\x3c\x3e-\x7e]+)?").fullmatch


class UnsendableError(ValueError):
    """A string that must not reach the wire, with the reason; nothing was written."""


def ehlo(name: str) -> bytes:
    """Encode EHLO; `name` is our domain or address literal."""
    return _line(f"EHLO {_hello_name(name)}")


def helo(name: str) -> bytes:
    """Encode HELO, for servers without extensions."""
    return _line(f"HELO {_hello_name(name)}")


def auth(mechanism: str, initial: str | None) -> bytes:
    """Encode AUTH with its initial response, already in base64, or without any (RFC 4954 §4)."""
    # An empty response is said as "=", so that it is not taken for none.
    said = "" if initial is None else f" {initial or '='}"
    return _line(f"AUTH {mechanism}{said}", limit=MAX_AUTH_LINE, secret=True)


def auth_response(response: bytes) -> bytes:
    """Encode the answer to one challenge, which may be empty (RFC 4954 §4)."""
    return _line(b64encode(response).decode("ascii"), limit=MAX_AUTH_LINE, secret=True)


def lhlo(name: str) -> bytes:
    """Encode LHLO, the EHLO of LMTP (RFC 2033 §4.1)."""
    return _line(f"LHLO {_hello_name(name)}")


def mail_from(sender: str, *parameters: str, utf8: bool = False) -> bytes:
    """Encode MAIL FROM; an empty `sender` is the null reverse-path `<>`. `utf8`: SMTPUTF8 is among them."""
    return _line(f"MAIL FROM:{_path(sender, utf8=utf8) if sender else '<>'}", *parameters, utf8=utf8)


def rcpt_to(recipient: str, *parameters: str, utf8: bool = False) -> bytes:
    """Encode RCPT TO."""
    return _line(f"RCPT TO:{_path(recipient, utf8=utf8)}", *parameters, utf8=utf8)


def xtext(text: str) -> str:
    """Encode the value of a parameter that may hold anything (RFC 3461 §4); raises UnsendableError."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise UnsendableError(f"a parameter that UTF-8 cannot carry: {text!r}") from None
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in b"+=" else f"+{byte:02X}"  # noqa: PLR2004 "!" to "~"
        for byte in data
    )


def _hello_name(name: str) -> str:
    if _is_domain(name) is None:
        raise UnsendableError(f"the EHLO name must be a domain or an address literal: {name!r}")
    return name


def _path(address: str, *, utf8: bool) -> str:
    if _is_mailbox(address) is None and not (utf8 and _is_wide(address)):
        raise UnsendableError(f"not an address that plain SMTP can carry: {address!r}")
    if len(address.encode()) + 2 > MAX_PATH:
        raise UnsendableError(f"an address longer than {MAX_PATH - 2} bytes: {address!r}")
    return f"<{address}>"


def _is_wide(address: str) -> bool:
    return _is_wide_mailbox(address) is not None and address.isprintable()


def _line(
    text: str, *parameters: str, limit: int = MAX_LINE, secret: bool = False, utf8: bool = False
) -> bytes:
    # A path that may hold more than ASCII was checked letter by letter.
    if not utf8 and _is_plain(text) is None:
        raise UnsendableError(f"a command must be printable ASCII: {'a secret' if secret else repr(text)}")
    for parameter in parameters:
        if _is_parameter(parameter) is None:
            raise UnsendableError(f"not a parameter that SMTP can carry: {parameter!r}")
    line = " ".join((text, *parameters)).encode("utf-8" if utf8 else "ascii") + b"\r\n"
    if len(line) > limit:
        raise UnsendableError(f"a command longer than {limit} bytes: {'a secret' if secret else repr(text)}")
    return line
