"""Read the relay's replies from bytes, within strict limits (RFC 5321 §4.2, §4.5.3.1.5)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_LINE = 8 * 1024
"""Bytes of one reply line; RFC 5321 asks for 512, servers are known to send 2 KB."""
MAX_REPLY = 64 * 1024
"""Bytes of one reply with all its lines."""
MAX_LINES = 512
"""Lines of one reply: an endless `250-` must end somewhere."""
MAX_TEXT = 512
"""Characters of a reply that we keep for people."""

_MAX_KNOWN = 32
"""Reply lines that are known again; those with a queue id are new each time."""
_MAX_KNOWN_LINE = 128

# Another reply behind a CR: the LF between was changed on the way.
_BEGINS_ANOTHER = re.compile(rb"\r.?[2-5][0-9]{2}(?:[ -]|$)", re.DOTALL)
CLOSING = 421
"""The one code that may answer any command, or none, and says that the server closes (RFC 5321 §3.8)."""

_ENHANCED = re.compile(rb"(([245])\.\d{1,3}\.\d{1,3})(?=[ \t]|$)[ \t]*")


class ProtocolError(Exception):
    """The relay broke the protocol: nothing that it says on this connection can be paired any more."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply: its code (0…999) and the text of each line, without code and line end."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def kind(self) -> int:
        """The first digit of the code, on which alone RFC 5321 lets a client act."""
        return self.code // 100

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code of the first line, where its class fits the code (RFC 3463).

        Read whether or not the relay offers ENHANCEDSTATUSCODES (RFC 2034): many send them before EHLO, too.
        """
        found = self._status()
        return None if found is None else found[1].decode("ascii")

    @property
    def text(self) -> str:
        """The words without enhanced codes, in one printable line of at most 512 characters."""
        found = self._status()
        words = self.lines
        if found is not None:
            first, *others = words
            words = (
                first[found.end() :],
                *(_ENHANCED.sub(b"", line, 1) if line.startswith(found[1]) else line for line in others),
            )
        # 64 KB of hostile text need not be escaped to keep 512 characters of it.
        joined = b" ".join(words)[: 4 * MAX_TEXT]
        return printable(joined.decode("utf-8", "backslashreplace"))[:MAX_TEXT].strip()

    def _status(self) -> re.Match[bytes] | None:
        found = _ENHANCED.match(self.lines[0])
        return None if found is None or int(found[2]) != self.kind else found


def printable(text: str) -> str:
    """Escape what a terminal or a log must not obey: C0, C1, bidi and other invisible characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class ReplyParser:
    """Turn bytes, cut anywhere, into replies."""

    def __init__(self, scrub: Callable[[bytes], bytes] = bytes) -> None:
        self._scrub = scrub
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = b""
        self._size = 0
        # A relay says the same few lines to every mail: those are read once.
        self._known: dict[bytes, Reply] = {}
        self.fault: str | None = None
        """What is wrong with the bytes so far; a broken parser stays broken."""

    @property
    def unread(self) -> bool:
        """Whether bytes of an unfinished or broken reply are waiting."""
        return bool(self._rest or self._lines or self.fault)

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that `data` completes.

        Raises ProtocolError on bytes that no reply can have, for ever after. Whole replies before such bytes
        are returned first, and the next call raises: what was truly said still counts.
        """
        replies: list[Reply] = []
        if self.fault is None:
            try:
                self._read(data, replies)
            except ProtocolError as error:
                self.fault = str(error)
                if replies:
                    return replies
        if self.fault is not None:
            raise ProtocolError(self.fault)
        return replies

    def _read(self, data: bytes, replies: list[Reply]) -> None:
        # A lone LF ends a line too: some servers send it, and it cannot be mistaken for anything else.
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            reply = None if self._lines else self._known.get(line)
            if reply is None:
                reply = self._read_line(line[:-1] if line.endswith(b"\r") else line)
                if reply is None:
                    continue
                self._remember(line, reply)
            replies.append(reply)
        # A CR may be half of the line's end: where the network cuts must not decide.
        if len(self._rest) - self._rest.endswith(b"\r") > MAX_LINE:
            raise ProtocolError(f"a reply line is longer than {MAX_LINE} bytes")

    def _remember(self, line: bytes, reply: Reply) -> None:
        if len(reply.lines) == 1 and len(line) <= _MAX_KNOWN_LINE and len(self._known) < _MAX_KNOWN:
            self._known[line] = reply

    def _read_line(self, line: bytes) -> Reply | None:
        """Take one line; return the reply that it ends."""
        if len(line) > MAX_LINE:
            raise ProtocolError(f"a reply line is longer than {MAX_LINE} bytes")
        code, mark = line[:3], line[3:4]
        if len(code) != 3 or not code.isdigit() or mark not in (b" ", b"-", b""):  # noqa: PLR2004 three digits
            shown = printable(self._scrub(line)[:40].decode("ascii", "backslashreplace"))
            raise ProtocolError(f"not an SMTP reply: {shown!r}")
        # Read as one, each later answer would go to the question before its own: a 550 to another recipient.
        if b"\r" in line and _BEGINS_ANOTHER.search(line) is not None:
            raise ProtocolError("two replies in one line: its end is damaged")
        if mark != b"-" and not self._lines:
            return Reply(int(code), (line[4:],))
        return self._continue(code, line, last=mark != b"-")

    def _continue(self, code: bytes, line: bytes, *, last: bool) -> Reply | None:
        """Take one line of a multi-line reply (RFC 5321 §4.2.1)."""
        if self._lines and code != self._code:
            raise ProtocolError(f"one reply has two codes: {self._code.decode()} and {code.decode()}")
        self._code = code
        self._lines.append(line[4:])
        self._size += len(line)
        if self._size > MAX_REPLY or len(self._lines) > MAX_LINES:
            raise ProtocolError(f"a reply is longer than {MAX_REPLY} bytes or {MAX_LINES} lines")
        if not last:
            return None
        reply = Reply(int(code), tuple(self._lines))
        self._lines.clear()
        self._size = 0
        return reply
