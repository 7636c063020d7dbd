"""One mail on its way: what the relay hears of it, and the verdict on each recipient, each decided once."""

from dataclasses import replace

from outbox.delivery.mail import Mail
from outbox.delivery.prepare import described, identified
from outbox.delivery.relay import Relay
from outbox.mail.verdict import Deferred, Evidence, InDoubt, Rejected, Untouched, Verdict
from outbox.smtp.body import dot_stuff
from outbox.smtp.command import DOT, UnsendableError
from outbox.smtp.envelope import Envelope
from outbox.smtp.extensions import Extensions
from outbox.smtp.stage import Stage

# Every end of a transaction settles it; were one forgotten, nobody would know of the mail.
_UNKNOWN = InDoubt(Stage.END_OF_DATA.value, "the transaction ended without a verdict", None)


class Transaction:
    """The state of one mail between its MAIL FROM and its last verdict.

    `body` is what is written before the dot.
    """

    def __init__(self, mail: Mail, relay: Relay) -> None:
        self.mail = mail
        self.body = b""
        self._relay = relay
        self._dotted_at: float | None = None
        self._verdicts: list[Verdict | None] = [None] * len(mail.envelope.recipients)
        # The recipients that the relay hears of, by their number in the envelope.
        self._said = list(range(len(mail.envelope.recipients)))
        self._answered: list[int] = []

    def envelope(self, most: int | None) -> Envelope | None:
        """Return what the relay shall hear first, of at most `most` recipients; None if its body cannot go.

        The other recipients are untouched: they go in the next transaction.
        """
        given = self.mail.envelope
        if most is not None and len(given.recipients) > most:
            for n in self._said[most:]:
                self._verdicts[n] = Untouched(f"the relay takes {most} recipients in one transaction")
            del self._said[most:]
            given = replace(given, recipients=given.recipients[:most])
        envelope = identified(given, self._relay.idempotency_header)
        try:
            self.body = dot_stuff(envelope.body)
        except UnsendableError as error:
            self.settle(_rejected(Stage.BODY, error))
            return None
        return described(envelope, self._relay.dsn)

    def withhold(self, envelope: Envelope, offered: Extensions) -> Envelope | None:
        """Reject here what must not reach the wire; return what is left, or None."""
        for n, recipient in enumerate(envelope.recipients):
            try:
                envelope.rcpt(recipient, offered)
            except UnsendableError as error:
                self._verdicts[n] = _rejected(Stage.RCPT_TO, error)
        self._said = [n for n in self._said if self._verdicts[n] is None]
        left = replace(envelope, recipients=tuple(envelope.recipients[n] for n in self._said))
        try:
            left.mail(offered)
        except UnsendableError as error:
            self.settle(_rejected(Stage.MAIL_FROM, error))
            return None
        return left if self._said else None

    def dotted(self, now: float) -> None:
        """Note that the dot is being written."""
        self._dotted_at = now

    @property
    def is_dotted(self) -> bool:
        """Whether the dot may have gone out."""
        return self._dotted_at is not None

    def evidence(self, now: float) -> Evidence | None:
        """Return what is known of a doubt at `now`."""
        if self._dotted_at is None:
            return None
        return Evidence(len(self.body) + len(DOT), now - self._dotted_at)

    def decide(self, n: int, verdict: Verdict) -> None:
        """Decide on the `n`th recipient that the relay heard of."""
        self._verdicts[self._said[n]] = verdict

    def answer(self, n: int, verdict: Verdict) -> None:
        """Decide on the `n`th recipient that the relay heard of, by its answer to the dot."""
        self.decide(n, verdict)
        self._answered.append(self._said[n])

    def doubt_answers(self, doubt: InDoubt) -> None:
        """Take back what answers to the dot decided: they may have been answers to something else."""
        for n in self._answered:
            self._verdicts[n] = doubt

    def soften(self) -> None:
        """Make of refusals for good refusals for now."""
        for n in self._said:
            verdict = self._verdicts[n]
            if isinstance(verdict, Rejected):
                self._verdicts[n] = Deferred(verdict.stage, verdict.reason, verdict.answer)

    def unhear(self) -> None:
        """Take back what the relay decided so far."""
        for n in self._said:
            self._verdicts[n] = None

    def settle(self, verdict: Verdict) -> None:
        """Give `verdict` to every recipient that has none yet."""
        self._verdicts = [verdict if known is None else known for known in self._verdicts]

    def finish(self) -> None:
        """Tell the verdicts."""
        self.mail.settled([_UNKNOWN if verdict is None else verdict for verdict in self._verdicts])


def _rejected(stage: Stage, error: Exception) -> Rejected:
    return Rejected(stage.value, f"{stage}: {error}", None)
