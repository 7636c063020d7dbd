"""Each recipient gets one verdict, the first."""

from outbox.delivery.transaction import Envelope, Transaction
from outbox.mail.verdict import InDoubt, Rejected, Untouched

NO = Rejected("RCPT TO", "no", None)
CUT = Untouched("cut")


def test_a_verdict_once_given_stays() -> None:
    mail = Transaction(Envelope("a@example.com", ("b@example.com", "c@example.com"), b""))
    mail.refuse(1, NO)
    mail.settle(CUT)
    mail.settle(NO)
    assert mail.verdicts() == [CUT, NO]


def test_the_relay_counts_only_the_recipients_that_it_heard_of() -> None:
    mail = Transaction(Envelope("a@example.com", ("evil", "b@example.com", "evil", "c@example.com"), b""))
    mail.withhold_unsendable()
    assert mail.recipients == ["b@example.com", "c@example.com"]
    mail.refuse(1, NO)
    mail.settle(CUT)
    assert [Rejected, Untouched, Rejected, Rejected] == [type(verdict) for verdict in mail.verdicts()]
    assert NO is mail.verdicts()[3]


def test_a_bad_sender_keeps_the_whole_mail_back() -> None:
    mail = Transaction(Envelope("evil", ("b@example.com",), b""))
    mail.withhold_unsendable()
    assert mail.recipients == []
    (verdict,) = mail.verdicts()
    assert isinstance(verdict, Rejected)
    assert verdict.stage == "MAIL FROM"


def test_a_verdict_that_was_forgotten_is_a_doubt() -> None:
    mail = Transaction(Envelope("a@example.com", ("b@example.com",), b""))
    assert isinstance(mail.verdicts()[0], InDoubt)
