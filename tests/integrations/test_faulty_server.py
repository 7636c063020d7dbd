"""The faulty server, as clients of Python's own smtplib meet it."""

import re
import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

import pytest
import trustme

from outbox.errors import InvalidValueError
from outbox.testing import FaultyServer, after, cut, stall, taken

ANN = "ann@example.org"
MAIL = "Subject: Hello\r\n\r\nHello.\r\n..dots\r\n"
STAGES = ["greeting", "ehlo", "mail", "rcpt", "data", "body", "end_of_data"]


def send(server: FaultyServer, *recipients: str, timeout: float = 10) -> Any:
    """Send a mail; return what smtplib returns or raises."""
    try:
        with smtplib.SMTP(server.host, server.port, "client.example", timeout) as client:
            return client.sendmail("app@example.org", recipients or ["ann@example.org"], MAIL)
    except (smtplib.SMTPException, OSError) as error:
        return error


faulty: Any = FaultyServer
"""For what is declared by the name of a stage."""


def outcome(server: FaultyServer) -> list[tuple[str, bool]]:
    return [(each.answer, each.taken) for each in server.attempts]


def test_without_a_fault_it_takes_what_it_is_sent() -> None:
    with FaultyServer() as server:
        assert send(server, "ann@example.org", "bob@example.org") == {}
        [mail] = server.mails
    assert (mail.client, mail.sender) == ("client.example", "app@example.org")
    assert mail.recipients == ["ann@example.org", "bob@example.org"]
    assert mail.content == MAIL.encode()
    assert (mail.email["Subject"], mail.answer) == ("Hello", "250 2.0.0 Ok: taken")
    assert (server.connections, mail.connection) == (1, 1)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "end_of_data"])
@pytest.mark.parametrize("reply", ["450 4.2.1 busy", "550 5.1.1 no"])
def test_each_stage_of_a_mail_can_be_refused_for_now_or_for_good(stage: Any, reply: str) -> None:
    with faulty(**{stage: reply}) as server:
        error = send(server)
        attempts = server.attempts
    assert reply[:3] in str(error)
    assert [each.taken for each in attempts] == [False]
    assert attempts[0].refused == ({"ann@example.org": reply} if stage == "rcpt" else {})
    assert attempts[0].answer == reply


def test_a_connection_can_be_refused_and_a_client_sent_back_to_helo() -> None:
    with FaultyServer(greeting=["554 5.0.0 no", None], ehlo="502 5.5.1 no") as server:
        assert "554" in str(send(server))
        assert server.mails == []
        assert send(server) == {}


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_can_cut_the_connection_and_the_next_time_be_as_usual(stage: Any) -> None:
    with faulty(**{stage: [cut, None]}) as server:
        assert isinstance(send(server), smtplib.SMTPServerDisconnected | OSError)
        assert server.mails == []
        assert send(server) == {}
        assert [each.answer for each in server.attempts] == ["cut", "250 2.0.0 Ok: taken"]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_can_stall_until_the_client_leaves(stage: Any) -> None:
    with faulty(**{stage: stall}) as server:
        assert isinstance(send(server, timeout=0.2), TimeoutError | smtplib.SMTPServerDisconnected)
        server.wait_until(lambda: outcome(server) == [("stall", False)])


@pytest.mark.parametrize(
    ("then", "error", "answer"),
    [
        (cut, smtplib.SMTPServerDisconnected, "cut"),
        (stall, smtplib.SMTPServerDisconnected, "stall"),
        ("451 4.3.0 disk full", smtplib.SMTPDataError, "451 4.3.0 disk full"),
    ],
)
def test_a_mail_can_be_taken_without_saying_so(then: Any, error: type[Exception], answer: str) -> None:
    with FaultyServer(end_of_data=[taken(then), "250 2.0.0 ok"]) as server:
        assert isinstance(send(server, timeout=0.2), error)
        assert send(server) == {}
        assert [(each.answer, each.content) for each in server.mails] == [
            (answer, MAIL.encode()),
            ("250 2.0.0 ok", MAIL.encode()),
        ]


def test_recipients_have_faults_of_their_own_and_take_their_own_turns() -> None:
    faults = {
        "bob@example.org": "550 5.1.1 no such user",
        "@slow.example": ["450 4.7.1 greylisted", "250 2.1.5 ok"],
    }
    with FaultyServer(rcpt=faults) as server:
        everybody = ["ann@example.org", "Bob@Example.org", "carl@slow.example", "dora@slow.example"]
        refused = send(server, *everybody)
        assert {name: code for name, (code, _) in refused.items()} == dict(
            zip(everybody[1:], (550, 450, 450), strict=True)
        )
        assert send(server, "carl@slow.example") == {}
        assert server.attempts[0].refused["carl@slow.example"] == "450 4.7.1 greylisted"
        assert server.attempts[0].recipients == ["ann@example.org"]


def test_everybody_can_be_greylisted_and_senders_told_apart() -> None:
    with FaultyServer(
        rcpt={"*": ["450 4.7.1 greylisted", None]}, mail={"spam@example.org": "550 no"}
    ) as server:
        assert "450" in str(send(server))
        assert send(server) == {}
        with smtplib.SMTP(server.host, server.port, "me") as client:
            assert client.docmd("MAIL", "FROM:<spam@example.org>") == (550, b"no")
            assert client.docmd("RCPT", "TO:<ann@example.org>")[0] == 503
            assert client.docmd("DATA")[0] == 503
    assert server.attempts[-1].answer == "550 no"


def test_commands_out_of_order_are_refused_and_each_mail_is_an_attempt_of_its_own() -> None:
    with FaultyServer() as server, smtplib.SMTP(server.host, server.port, "me") as client:
        assert client.docmd("RCPT", f"TO:<{ANN}>")[0] == 503
        assert client.docmd("NONSENSE")[0] == 500
        assert client.docmd("MAIL", "FROM:<one@example.org>")[0] == 250
        assert client.docmd("DATA")[0] == 554
        assert client.docmd("MAIL", "FROM:<two@example.org>")[0] == 250
        assert client.docmd("RCPT", f"TO:<{ANN}>")[0] == 250
        server.wait_until(lambda: server.attempts[-1].recipients == [ANN])
        assert client.docmd("MAIL", "FROM:<three@example.org>")[0] == 250
        assert client.docmd("RSET")[0] == 250
        assert client.docmd("DATA")[0] == 503
    senders = [(each.sender, each.recipients) for each in server.attempts]
    assert senders == [("one@example.org", []), ("two@example.org", [ANN]), ("three@example.org", [])]


def test_a_function_may_choose_by_the_mail() -> None:
    def choose(attempt: Any) -> str | None:
        return "554 5.6.0 refused" if b"Hello" in attempt.content else None

    with FaultyServer(end_of_data=choose) as server:
        assert "554" in str(send(server))


def test_what_a_function_raises_or_what_is_no_step_is_raised_at_the_end() -> None:
    with (
        pytest.raises(InvalidValueError, match=r"^end_of_data: is no step"),
        FaultyServer(end_of_data=lambda _: "yes") as server,
    ):
        send(server)


def test_limits_are_those_of_relays() -> None:
    with FaultyServer(most_recipients=1, most_mails=1, most_connections=1) as server:
        with smtplib.SMTP(server.host, server.port, "me") as client:
            refused = client.sendmail("app@example.org", ["ann@example.org", "bob@example.org"], MAIL)
            assert refused == {"bob@example.org": (452, b"4.5.3 Too many recipients")}
            assert "421" in str(send(server))
            with pytest.raises(smtplib.SMTPSenderRefused, match="421"):
                client.sendmail("app@example.org", "ann@example.org", MAIL)
        assert [each.taken for each in server.attempts if each.sender] == [True]


def test_an_answer_may_take_its_time() -> None:
    with FaultyServer(end_of_data=after(0.3)) as server:
        assert isinstance(send(server, timeout=0.1), smtplib.SMTPServerDisconnected)
        assert send(server) == {}
        assert [each.taken for each in server.attempts] == [True, True]


def test_a_body_may_be_read_slowly_or_refused_halfway() -> None:
    with FaultyServer(body=[after(0.05), after(0.05, "451 4.3.0 disk full")]) as server:
        assert send(server) == {}
        assert isinstance(send(server), smtplib.SMTPDataError | smtplib.SMTPServerDisconnected)
        assert outcome(server) == [("250 2.0.0 Ok: taken", True), ("451 4.3.0 disk full", False)]


@pytest.mark.parametrize("implicit", [True, False])
def test_it_speaks_tls(*, implicit: bool) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with FaultyServer(tls=context, implicit_tls=implicit) as server:
        client: smtplib.SMTP
        if implicit:
            client = smtplib.SMTP_SSL(server.host, server.port, "me", context=trusting)
        else:
            client = smtplib.SMTP(server.host, server.port, "me")
            client.starttls(context=trusting)
        with client:
            client.login("shop", "secret")
            assert not client.has_extn("starttls")
            client.sendmail("app@example.org", "ann@example.org", MAIL)
        assert len(server.mails) == 1


def test_starttls_and_a_login_can_be_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = FaultyServer(tls=context, starttls="454 4.7.0 later", auth="535 5.7.8 wrong")
    with server, smtplib.SMTP(server.host, server.port, "me") as client:
        assert client.ehlo()[0] == 250
        assert client.docmd("STARTTLS") == (454, b"4.7.0 later")
        with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
            client.login("shop", "secret")
        assert client.docmd("NOOP")[0] == 250


def test_a_login_is_heard_in_all_its_forms_and_the_end_ends() -> None:
    with FaultyServer() as server, smtplib.SMTP(server.host, server.port, "me") as client:
        assert client.docmd("AUTH", "PLAIN AHNob3AAc2VjcmV0") == (235, b"2.7.0 Welcome")
        assert client.docmd("AUTH", "LOGIN") == (334, b"VXNlcm5hbWU6")
        assert client.docmd("c2hvcA==") == (334, b"UGFzc3dvcmQ6")
        assert client.docmd("c2VjcmV0")[0] == 235
        assert client.docmd("AUTH", "LOGIN c2hvcA==")[0] == 334
        assert client.docmd("not base64")[0] == 501
        assert client.docmd("AUTH", "CRAM-MD5")[0] == 504
        assert client.docmd("QUIT")[0] == 221
        assert client.sock is not None
        assert client.sock.recv(1) == b""


def test_a_message_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outbox.testing.faulty_server._MOST_BYTES", 100)
    with FaultyServer() as server, smtplib.SMTP(server.host, server.port, "me") as client:
        with pytest.raises(smtplib.SMTPDataError, match="552"):
            client.sendmail("app@example.org", "ann@example.org", MAIL + "x" * 100)
        assert client.sendmail("app@example.org", "ann@example.org", MAIL) == {}
        assert [len(each.content) for each in server.attempts] == [0, len(MAIL)]


def test_a_line_without_an_end_ends_the_connection() -> None:
    with FaultyServer() as server, socket.create_connection((server.host, server.port), 10) as client:
        with suppress(ConnectionError):
            client.sendall(b"x" * 1_000_000)
            while client.recv(4096):
                pass
        assert server.connections == 1


def test_the_end_frees_the_port_and_leaves_no_thread() -> None:
    with FaultyServer(greeting=stall) as server:
        threads = threading.active_count()
        with socket.create_connection((server.host, server.port), 10) as client:
            server.wait_until(lambda: server.connections == 1)
            server.stop()
            assert client.recv(1) == b""
    assert threading.active_count() == threads - 1
    with FaultyServer(port=server.port) as again:
        assert again.port == server.port
        with pytest.raises(OSError, match="in use"):
            FaultyServer(port=server.port).start()


def test_a_port_that_is_none_is_told_at_once() -> None:
    with pytest.raises(OverflowError, match="0-65535"):
        FaultyServer(port=65_536).start()


def test_a_condition_that_does_not_come_is_told_with_what_came() -> None:
    with FaultyServer() as server:
        send(server)
        with pytest.raises(TimeoutError, match=r"after 0\.01 s.*1 connections.*ann@example\.org"):
            server.wait_until(lambda: len(server.mails) == 2, timeout=0.01)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"rcpt": "no"}, "rcpt: is no step of a server: 'no'"),
        ({"data": "150 hm"}, "data: is no step"),
        ({"mail": "250 ok\r\n550 no"}, "mail: is no step"),
        ({"ehlo": 450}, "ehlo: is no step"),
        ({"end_of_data": [cut, taken(after(1, "yes"))]}, "end_of_data: is no step"),
        ({"end_of_data": []}, "end_of_data: is empty"),
        ({"data": taken(cut)}, "data: has no mail to take yet"),
        ({"data": {"bob@example.org": cut}}, "data: has no address to choose by"),
        ({"rcpt": {"bob@example.org": "no"}}, "rcpt: is no step"),
        ({"implicit_tls": True}, "implicit_tls: has no certificate: True. Give tls="),
    ],
)
def test_a_slip_in_the_declaration_is_told_at_once(declared: Any, said: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{re.escape(said)}"):
        faulty(**declared)
