"""The stand-in for smtplib.SMTP may be told command by command, and answers as a server would."""

import smtplib
from collections.abc import Callable
from typing import Any

import pytest

from outbox.errors import UnusableConnectionError
from outbox.integrations.smtplib import SMTP
from outbox.testing import Captured
from tests.integrations.smtplib_mails import ANN, APP, BOB, HEAD


def test_what_is_about_no_mail_succeeds_and_does_nothing(messages: Captured) -> None:
    with SMTP(None) as smtp:  # type: ignore[arg-type] # captured
        assert (smtp.local_hostname, smtp.getreply()[0]) == ("localhost", 502)
        assert smtp.connect("mail.example.org", 587) == (220, b"outbox")
        assert smtp.ehlo() == (250, b"outbox")
        assert (smtp.ehlo_resp, smtp.helo_resp, smtp.does_esmtp) == (b"outbox", None, True)
        assert smtp.starttls()[0] == 220
        assert smtp.login("shop", "secret")[0] == 235
        assert (smtp.noop()[0], smtp.rset()[0], smtp.verify(ANN)[0], smtp.expn("all")[0]) == (
            250,
            250,
            252,
            502,
        )
        assert smtp.help() == b"2.0.0 docs/smtplib.md"
        assert (smtp.has_extn("smtputf8"), smtp.has_extn("size")) == (True, False)
        smtp.set_debuglevel(1)
        assert smtp.quit()[0] == 221
    messages.none()


def test_a_mail_may_be_said_command_by_command_and_taken_back(messages: Captured) -> None:
    with SMTP(None) as smtp:  # type: ignore[arg-type] # captured
        assert smtp.helo() == (250, b"outbox")
        assert (smtp.ehlo_resp, smtp.helo_resp) == (None, b"outbox")
        assert smtp.mail(BOB)[0] == 250
        assert smtp.rcpt(BOB)[0] == 250
        smtp.rset()
        assert smtp.mail(APP)[0] == 250
        assert smtp.rcpt(ANN)[0] == 250
        assert smtp.data(HEAD + "\rHello.") == (250, f"2.0.0 Ok: queued as {messages[0].id}".encode())
    assert (messages[0].sender, messages[0].recipients) == (APP, [ANN])
    assert messages[0].raw.endswith(b"\r\n\r\nHello.\r\n")


def test_commands_out_of_order_are_refused_as_by_a_server(messages: Captured) -> None:
    with SMTP(None) as smtp:  # type: ignore[arg-type] # captured
        assert smtp.rcpt(ANN)[0] == 503
        smtp.mail(APP)
        with pytest.raises(smtplib.SMTPDataError, match="503"):
            smtp.data(HEAD)
        smtp.rcpt(BOB)
        smtp.mail(APP)
        smtp.rcpt(ANN)
        assert smtp.data(HEAD)[0] == 250
        with pytest.raises(smtplib.SMTPDataError, match="503"):
            smtp.data(HEAD)
    assert messages.one().recipients == [ANN]


def test_after_its_end_nothing_is_enqueued_until_it_is_connected_again(messages: Captured) -> None:
    smtp = SMTP(None)  # type: ignore[arg-type] # captured
    smtp.sendmail(APP, ANN, HEAD + "\n")
    smtp.close()
    for call in (
        lambda: smtp.sendmail(APP, ANN, HEAD + "\n"),
        smtp.noop,
        smtp.ehlo,
        smtp.starttls,
        lambda: smtp.mail(APP),
        lambda: smtp.rcpt(ANN),
        lambda: smtp.data(HEAD),
    ):
        with pytest.raises(smtplib.SMTPServerDisconnected, match="run connect"):
            call()
    with smtp:
        smtp.connect()
        smtp.sendmail(APP, ANN, HEAD + "\n")
    assert len(messages) == 2
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.quit()


@pytest.mark.parametrize(
    "given",
    [
        lambda smtp: smtp("mail.example.org", 587),
        lambda smtp: smtp("sqlite://", port=587),
        lambda smtp: smtp("sqlite://", timeout=3),
    ],
)
def test_who_gives_it_what_smtplib_takes_is_told_what_it_takes(given: Callable[[Any], object]) -> None:
    with pytest.raises(UnusableConnectionError, match="Give a Session or a Connection; or"):
        given(SMTP)
