"""The private Postfix delivers over verified TLS, refuses whom it is told to, and its log can be counted."""

import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.postfix import PostfixServer
from tests.support.waiting import answers


@contextmanager
def secured(server: PostfixServer) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(server.host, server.port, timeout=30) as smtp:
        smtp.starttls(context=server.tls)
        smtp.ehlo()
        yield smtp


def mail(number: int) -> bytes:
    return f"Message-ID: <{number}@example.org>\r\nSubject: x\r\n\r\nbody\r\n".encode()


def test_mail_over_verified_starttls_is_delivered_and_counted() -> None:
    with PostfixServer() as server:
        with secured(server) as smtp:
            assert smtp.has_extn("pipelining")
            smtp.sendmail("a@example.org", ["b@example.org"], mail(1))
            smtp.sendmail("a@example.org", ["b@example.org", "c@example.net"], mail(2))
        expected = Counter({"<1@example.org>": 1, "<2@example.org>": 2})
        assert expected == server.wait_delivered(3)
        assert server.recipients() == Counter({"b@example.org": 2, "c@example.net": 1})
    assert not answers(server.port)


def test_recipients_are_refused_one_by_one_until_told_otherwise() -> None:
    refusals = {"no@example.org": "550 5.1.1 no such user", "later@example.org": "450 4.2.0 try later"}
    with PostfixServer(refusals) as server, secured(server) as smtp:
        to = ["yes@example.org", "no@example.org", "later@example.org"]
        refused = smtp.sendmail("a@example.org", to, mail(1))
        assert {name: code for name, (code, _) in refused.items()} == {
            "no@example.org": 550,
            "later@example.org": 450,
        }
        assert b"no such user" in refused["no@example.org"][1]
        del server.refusals["later@example.org"]
        assert smtp.sendmail("a@example.org", ["later@example.org"], mail(1)) == {}
        assert server.wait_delivered(2) == Counter({"<1@example.org>": 2})


def test_it_can_be_stopped_and_started_again() -> None:
    with PostfixServer() as server:
        with secured(server) as smtp:
            server.stop()
            assert not server.is_running
            with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
                smtp.sendmail("a@example.org", ["b@example.org"], mail(1))
        server.start()
        with secured(server) as smtp:
            smtp.sendmail("a@example.org", ["b@example.org"], mail(2))
        assert server.wait_delivered(1) == Counter({"<2@example.org>": 1})
