"""Make of a message what DKIM signs of it: the form `relaxed` (RFC 6376 §3.4.2 and §3.4.4).

Plain replacements and no regular expression: one holds Python's lock while it runs through a whole body, and
the event loop would wait for as long.
"""

from outbox.mail.fields import Field


def relaxed_field(field: Field) -> bytes:
    """Return a header field on one line: its name in lower case, single spaces, CRLF at the end."""
    value = field.raw.partition(b":")[2].replace(b"\r\n", b"")
    return b"%s:%s\r\n" % (field.name.encode("ascii"), _single_spaced(value).strip(b" "))


def relaxed_body(body: bytes) -> bytes:
    """Return a body of CRLF lines with single spaces, none before a CRLF, and no empty line at its end."""
    lines = _single_spaced(body).replace(b" \r\n", b"\r\n").rstrip(b"\r\n")
    return lines + b"\r\n" if lines else b""


def _single_spaced(text: bytes) -> bytes:
    text = text.replace(b"\t", b" ")
    # Each turn halves the longest run.
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text
