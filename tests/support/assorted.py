"""A handful of mails of every awkward shape, which any server must store byte for byte."""

from outbox.delivery.mail import Envelope

_HEADER = (
    "From: Shop <shop@example.com>\r\n"
    "To: undisclosed-recipients:;\r\n"
    "Date: Tue, 03 Nov 2026 10:00:00 +0000\r\n"
    "Message-ID: <{name}@example.com>\r\n"
    "Subject: {name}\r\n"
    "\r\n"
)
_DOTS = b".\r\n..\r\n...\r\n.one\r\n..two\r\n \t.\r\n\r\n.\r\n\r\n.\r\n"
_LONG = b".".join([b"x" * 498, b"y" * 499]) + b"\r\n." + b"z" * 997 + b"\r\n"
_LARGE = (b"0123456789abcdef" * 4 + b"\r\n" + b".fedcba9876543210" * 4 + b"\r\n") * (1024 * 1024 // 136 + 1)


def assorted() -> list[Envelope]:
    """Return them: small, dots at line starts, lines of 998, nothing, 20 recipients, 1 MB, small again."""
    return [
        _mail("small", b"Hello.\r\n"),
        _mail("dots", _DOTS),
        _mail("long lines", _LONG * 5),
        _mail("empty", b""),
        _mail("many", b"Hello, all.\r\n", *(f"many{n}@example.org" for n in range(20))),
        _mail("large", _LARGE),
        _mail("last", b"Bye.\r\n.\r\n"),
    ]


def _mail(name: str, body: bytes, *recipients: str) -> Envelope:
    word = name.replace(" ", "-")
    header = _HEADER.format(name=word).encode()
    return Envelope("shop@example.com", recipients or (f"{word}@example.org",), header + body)
