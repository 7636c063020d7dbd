"""One mail on its way: its envelope, and the verdict on each recipient, each decided once."""

from dataclasses import dataclass

from outbox.mail.verdict import InDoubt, Rejected, Verdict
from outbox.smtp import command
from outbox.smtp.stage import Stage


@dataclass(frozen=True, slots=True)
class Envelope:
    """What one transaction carries; `body` is the message's exact bytes, with CRLF line ends, not stuffed."""

    sender: str
    recipients: tuple[str, ...]
    body: bytes


class Transaction:
    """The verdicts of one mail while they come in."""

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self._verdicts: list[Verdict | None] = [None] * len(envelope.recipients)
        # The recipients that the relay hears of, by their number in the envelope.
        self._said = list(range(len(envelope.recipients)))

    @property
    def recipients(self) -> list[str]:
        """The recipients that the relay hears of."""
        return [self.envelope.recipients[n] for n in self._said]

    def withhold_unsendable(self) -> None:
        """Reject here what must never reach the wire, so that the relay hears only of the rest."""
        try:
            command.mail_from(self.envelope.sender)
        except command.UnsendableError as error:
            self.settle(_rejected(Stage.MAIL_FROM, error))
        for n, recipient in enumerate(self.envelope.recipients):
            try:
                command.rcpt_to(recipient)
            except command.UnsendableError as error:
                self._verdicts[n] = self._verdicts[n] or _rejected(Stage.RCPT_TO, error)
        self._said = [n for n, verdict in enumerate(self._verdicts) if verdict is None]

    def refuse(self, n: int, verdict: Verdict) -> None:
        """Decide on the `n`th recipient that the relay heard of."""
        self._verdicts[self._said[n]] = verdict

    def settle(self, verdict: Verdict) -> None:
        """Give `verdict` to every recipient that has none yet."""
        self._verdicts = [verdict if known is None else known for known in self._verdicts]

    def verdicts(self) -> list[Verdict]:
        """Return one verdict for each recipient of the envelope, in order."""
        # Every end of a transaction settles it; were one forgotten, nobody would know of the mail.
        unknown = InDoubt(Stage.END_OF_DATA.value, "the transaction ended without a verdict", None)
        return [unknown if verdict is None else verdict for verdict in self._verdicts]


def _rejected(stage: Stage, error: Exception) -> Rejected:
    return Rejected(stage.value, f"{stage}: {error}", None)
