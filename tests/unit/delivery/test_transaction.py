"""Each recipient gets one verdict, the first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from outbox.delivery.mail import Envelope, Mail
from outbox.delivery.relay import Dsn, Relay
from outbox.delivery.transaction import Transaction
from outbox.mail.verdict import Evidence, InDoubt, Rejected, Untouched, Verdict
from outbox.smtp.extensions import Extensions

RELAY = Relay(name="main", host="mail.example", port=587)
ALL = Extensions(pipelining=True, size=0, eightbitmime=True, smtputf8=True, dsn=True)
NO = Rejected("RCPT TO", "no", None)
CUT = Untouched("cut")


class Told:
    """A transaction, and what its owner was told at the end."""

    def __init__(
        self, *recipients: str, sender: str = "a@example.com", body: bytes = b"", **relay: Any
    ) -> None:
        self.verdicts: list[Verdict] = []
        envelope = Envelope(sender, recipients, body, "an-id")
        mail = Mail(envelope, lambda: None, self._told)
        self.mail = Transaction(mail, replace(RELAY, **relay))

    def _told(self, verdicts: Sequence[Verdict]) -> None:
        assert self.verdicts == []
        self.verdicts += verdicts

    def lines(self, offered: Extensions = ALL, most: int = 50) -> list[bytes]:
        envelope = self.mail.envelope(most)
        left = envelope and self.mail.withhold(envelope, offered)
        if left is None:
            return []
        return [left.mail(offered), *(left.rcpt(recipient, offered) for recipient in left.recipients)]

    def end(self) -> list[Verdict]:
        self.mail.finish()
        return self.verdicts


def test_a_verdict_once_given_stays() -> None:
    told = Told("b@example.com", "c@example.com")
    told.mail.decide(1, NO)
    told.mail.settle(CUT)
    told.mail.settle(NO)
    assert told.end() == [CUT, NO]


def test_the_relay_counts_only_the_recipients_that_it_heard_of() -> None:
    told = Told("evil", "b@example.com", "evil", "c@example.com")
    assert told.lines() == [
        b"MAIL FROM:<a@example.com> SIZE=0\r\n",
        b"RCPT TO:<b@example.com>\r\n",
        b"RCPT TO:<c@example.com>\r\n",
    ]
    told.mail.decide(1, NO)
    told.mail.settle(CUT)
    verdicts = told.end()
    assert [Rejected, Untouched, Rejected, Rejected] == [type(verdict) for verdict in verdicts]
    assert NO is verdicts[3]


def test_a_bad_sender_keeps_the_whole_mail_back() -> None:
    told = Told("b@example.com", sender="evil")
    assert told.lines() == []
    (verdict,) = told.end()
    assert isinstance(verdict, Rejected)
    assert verdict.stage == "MAIL FROM"


def test_a_verdict_that_was_forgotten_is_a_doubt() -> None:
    assert isinstance(Told("b@example.com").end()[0], InDoubt)


def test_the_evidence_of_a_doubt_is_what_was_written_and_how_long_it_was_awaited() -> None:
    told = Told("b@example.com", body=b".hello\r\n")
    assert told.lines() != []
    assert told.mail.evidence(7.0) is None
    told.mail.dotted(5.0)
    assert Evidence(written=len(b"..hello\r\n.\r\n"), waited=2.5) == told.mail.evidence(7.5)


def rejection(told: Told, offered: Extensions) -> str:
    """Return why the relay hears nothing of a mail."""
    assert told.lines(offered) == []
    (verdict,) = told.end()
    assert isinstance(verdict, Rejected)
    return verdict.reason


def test_fault_66_a_mail_above_the_relays_limit_fails_before_its_body() -> None:
    told = Told("b@example.com", body=b"x" * 999)  # and its line's end
    assert rejection(told, replace(ALL, size=1000)) == (
        "MAIL FROM: the message has 1001 bytes and the relay takes at most 1000 (SIZE)"
    )
    assert Told("b@example.com", body=b"x" * 998).lines(replace(ALL, size=1000)) != []


def test_fault_66_eight_bits_need_8bitmime_and_say_so() -> None:
    body = b"Subject: a\r\n\r\n\xff\r\n"
    assert rejection(Told("b@example.com", body=body), replace(ALL, eightbitmime=False)) == (
        "MAIL FROM: the message has 8-bit bytes and the relay does not offer 8BITMIME"
    )
    assert Told("b@example.com", body=body).lines()[0] == (
        b"MAIL FROM:<a@example.com> SIZE=17 BODY=8BITMIME\r\n"
    )


def test_fault_66_an_international_address_or_header_needs_smtputf8_and_says_so() -> None:
    header = "Subject: ä\r\n\r\nhello\r\n".encode()
    for told in (Told("bär@example.com"), Told("b@example.com", sender="ä@example.com")):
        assert "SMTPUTF8" in rejection(told, replace(ALL, smtputf8=False))
    both = Told("bär@example.com", "b@example.com")
    assert both.lines(replace(ALL, smtputf8=False)) == [
        b"MAIL FROM:<a@example.com> SIZE=0\r\n",
        b"RCPT TO:<b@example.com>\r\n",
    ]
    both.mail.settle(CUT)
    assert [Rejected, Untouched] == [type(verdict) for verdict in both.end()]
    assert "SMTPUTF8" in rejection(Told("b@example.com", body=header), replace(ALL, smtputf8=False))
    assert Told("bär@example.com", body=header).lines() == [
        b"MAIL FROM:<a@example.com> SIZE=22 BODY=8BITMIME SMTPUTF8\r\n",
        "RCPT TO:<bär@example.com>\r\n".encode(),
    ]


def test_a_relay_that_offers_nothing_is_told_nothing_more() -> None:
    told = Told("b@example.com", body=b"hello\r\n", dsn=Dsn(("FAILURE",)))
    assert told.lines(Extensions())[0] == b"MAIL FROM:<a@example.com>\r\n"


def test_reports_are_asked_for_with_the_messages_own_id() -> None:
    told = Told("b@example.com", dsn=Dsn(("FAILURE", "DELAY"), full=True))
    assert told.lines() == [
        b"MAIL FROM:<a@example.com> SIZE=0 RET=FULL ENVID=an-id\r\n",
        b"RCPT TO:<b@example.com> NOTIFY=FAILURE,DELAY\r\n",
    ]


def test_the_idempotency_header_is_the_same_for_the_same_recipients_and_another_for_others() -> None:
    def header(*recipients: str) -> bytes:
        told = Told(*recipients, body=b"Subject: a\r\n\r\nb\r\n", idempotency_header="X-Key")
        told.lines()
        first, rest = told.mail.body.split(b"\r\n", 1)
        assert rest == b"Subject: a\r\n\r\nb\r\n"
        assert first.startswith(b"X-Key: an-id-")
        return first

    assert header("b@example.com", "c@example.com") == header("c@example.com", "b@example.com")
    assert header("b@example.com") != header("c@example.com")


def test_recipients_beyond_the_relays_limit_are_untouched() -> None:
    told = Told("b@example.com", "c@example.com", "d@example.com")
    assert len(told.lines(most=2)) == 3
    told.mail.decide(0, NO)
    told.mail.settle(CUT)
    verdicts = told.end()
    assert verdicts == [NO, CUT, Untouched("the relay takes 2 recipients in one transaction")]


def test_what_was_heard_out_of_step_is_taken_back_but_not_what_we_refused_ourselves() -> None:
    told = Told("evil", "b@example.com", "c@example.com")
    told.lines()
    told.mail.decide(0, NO)
    told.mail.unhear()
    told.mail.settle(CUT)
    assert [Rejected, Untouched, Untouched] == [type(verdict) for verdict in told.end()]
