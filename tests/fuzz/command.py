"""Say any string as every command: each is refused, or is one clean line that holds it and nothing else."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from outbox.smtp import auth, command
from outbox.smtp.body import dot_stuff
from outbox.smtp.command import UnsendableError
from tests.support.unstuffing import take_message

Saying = tuple[Callable[[], bytes], str, str]
"""How to say something, the words that must come out, and the encoding that they may need."""

_is_clean = re.compile(rb"[\x20-\x7e]+\r\n").fullmatch
_is_broken = re.compile(rb"\r(?!\n)|(?<!\r)\n").search
_PASSWORD = "hunter2-hunter2"
"""What no text of ours holds by chance."""


def check(data: bytes) -> None:
    """Say `data` as each command, as a password, and as a message."""
    # What is not UTF-8 becomes lone surrogates: what a str can hold and no line can.
    text = data.decode("utf-8", "surrogateescape")
    check_commands(text)
    check_secret(*text.partition(":")[::2])
    check_message(data)


def check_commands(text: str) -> None:
    """Check all commands that are not secret."""
    for say, words, encoding in sayings(text):
        with suppress(UnsendableError):
            check_line(say(), words, encoding)
    with suppress(UnsendableError):
        quoted = command.xtext(text).replace("%", "%25").replace("+", "%")
        assert text.encode() == unquote_to_bytes(quoted)


def sayings(text: str) -> Iterator[Saying]:
    """Yield each command that can hold `text`."""
    yield lambda: command.ehlo(text), f"EHLO {text}", "ascii"
    yield lambda: command.helo(text), f"HELO {text}", "ascii"
    yield lambda: command.lhlo(text), f"LHLO {text}", "ascii"
    yield lambda: command.mail_from(text), f"MAIL FROM:<{text}>", "ascii"
    yield lambda: command.rcpt_to(text), f"RCPT TO:<{text}>", "ascii"
    yield lambda: command.mail_from(text, utf8=True), f"MAIL FROM:<{text}>", "utf-8"
    yield lambda: command.rcpt_to(text, utf8=True), f"RCPT TO:<{text}>", "utf-8"
    yield lambda: command.mail_from("", text), f"MAIL FROM:<> {text}", "ascii"
    yield lambda: command.rcpt_to("a@b", "A=1", text, utf8=True), f"RCPT TO:<a@b> A=1 {text}", "ascii"


def check_line(line: bytes, words: str, encoding: str) -> None:
    """Check that `line` is `words` without any control, that a CRLF ends it, and that it is not too long."""
    assert line == words.encode(encoding) + b"\r\n"
    assert words.isprintable(), line
    assert len(line) <= command.MAX_LINE


def check_secret(username: str, password: str) -> None:
    """Check that credentials stay one line, and that no refusal repeats them."""
    secret = f"{password}{_PASSWORD}"
    says: list[Callable[[], bytes]] = [
        lambda: _plain(auth.Credentials(username, secret)),
        lambda: command.auth(username, secret),
    ]
    for say in says:
        refusal, line = "", b"-\r\n"
        try:
            line = say()
        except (UnsendableError, auth.NoMechanismError) as error:
            refusal = str(error)
        assert _PASSWORD not in refusal
        assert _is_clean(line), line
        assert len(line) <= command.MAX_AUTH_LINE


def _plain(credentials: auth.Credentials) -> bytes:
    """Return AUTH PLAIN with its initial response, as the handshake says it."""
    initial = auth.choose(credentials, frozenset({"PLAIN"})).initial()
    assert initial is not None
    return command.auth("PLAIN", b64encode(initial).decode("ascii"))


def check_message(body: bytes) -> None:
    """Check that a server reads back `body`, and finds the end only behind it; lone CR and LF are refused."""
    try:
        wire = dot_stuff(body) + command.DOT
    except UnsendableError:
        assert _is_broken(body)
        return
    assert _is_broken(wire) is None
    ended = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    assert take_message(wire) == (ended, b"")
    # The CRLF of the DATA command stands before a message.
    assert (b"\r\n" + wire).index(b"\r\n.\r\n") == len(wire) - len(command.DOT)
