"""What a transaction says before its body, in the parameters that the relay offers to take."""

from dataclasses import dataclass

from outbox.smtp import command
from outbox.smtp.command import UnsendableError
from outbox.smtp.extensions import Extensions

_NO_UTF8 = "an address or header is not ASCII, and the relay does not offer SMTPUTF8"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sender ("" for the null reverse-path), recipients, and what the relay must know of the body.

    `size` is the body's bytes before dot-stuffing (RFC 1870 §6). `eightbit`: the body has bytes above 127;
    `utf8`: its header has, or the sender (RFC 6531); recipients speak for themselves. `notify`, `ret` and
    `envid` ask for reports (RFC 3461).
    """

    sender: str
    recipients: tuple[str, ...]
    size: int
    eightbit: bool = False
    utf8: bool = False
    notify: tuple[str, ...] = ()
    ret: str | None = None
    envid: str | None = None

    def mail(self, offered: Extensions) -> bytes:
        """Encode MAIL FROM; raises UnsendableError where the relay cannot take this mail at all."""
        parameters = []
        if offered.size is not None:
            if 0 < offered.size < self.size:
                raise UnsendableError(
                    f"the message has {self.size} bytes and the relay takes at most {offered.size} (SIZE)"
                )
            parameters.append(f"SIZE={self.size}")
        if self.eightbit:
            if not offered.eightbitmime:
                raise UnsendableError("the message has 8-bit bytes and the relay does not offer 8BITMIME")
            parameters.append("BODY=8BITMIME")
        if self._needs_utf8():
            if not offered.smtputf8:
                raise UnsendableError(_NO_UTF8)
            parameters.append("SMTPUTF8")
        if self.notify and offered.dsn:
            parameters += [f"RET={self.ret}"] if self.ret else []
            parameters += [f"ENVID={command.xtext(self.envid)}"] if self.envid else []
        return command.mail_from(self.sender, *parameters, utf8=self._needs_utf8())

    def rcpt(self, recipient: str, offered: Extensions) -> bytes:
        """Encode RCPT TO; raises UnsendableError."""
        wide = not recipient.isascii()
        if wide and not offered.smtputf8:
            raise UnsendableError(_NO_UTF8)
        if self.notify and offered.dsn:
            return command.rcpt_to(recipient, f"NOTIFY={','.join(self.notify)}", utf8=wide)
        return command.rcpt_to(recipient, utf8=wide)

    def _needs_utf8(self) -> bool:
        return self.utf8 or not all(map(str.isascii, self.recipients))
