"""Cut our secrets out of a relay's words: some repeat what they do not understand."""

from dataclasses import replace

from outbox.smtp.reply import Reply

_LEAST = 4
"""Shorter secrets are no secrets, and stand in innocent words."""
_TELLING = 8
"""The beginning of a secret is enough: what was said may have been cut."""
_CUT = b"<secret>"


class Scrubber:
    """Knows what must not be repeated."""

    def __init__(self) -> None:
        self._beginnings: list[bytes] = []

    def remember(self, secret: str) -> None:
        """Cut `secret`, and what follows it in its line, out of all words from now on."""
        data = secret.encode("utf-8", "surrogatepass")
        if len(data) >= _LEAST:
            self._beginnings.append(data[:_TELLING])

    def reply(self, reply: Reply) -> Reply:
        """Return `reply` without the secrets."""
        if not self._beginnings or not any(self._has_secret(line) for line in reply.lines):
            return reply
        return replace(reply, lines=tuple(map(self.line, reply.lines)))

    def _has_secret(self, line: bytes) -> bool:
        return any(beginning in line for beginning in self._beginnings)

    def line(self, line: bytes) -> bytes:
        """Return `line` without the secrets."""
        for beginning in self._beginnings:
            before, found, _ = line.partition(beginning)
            line = before + _CUT if found else line
        return line
