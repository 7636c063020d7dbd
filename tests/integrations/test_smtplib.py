"""The stand-in for smtplib.SMTP does what smtplib does: the same mails, the same answers and exceptions."""

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

import outbox
from outbox.integrations.smtplib import SMTP
from outbox.testing import Attempt, Captured, FaultyServer, captured
from tests.integrations.smtplib_mails import ANN, APP, BOB, DATE, HEAD, headed, legacy, modern, with_file
from tests.support.daemon import RunningDaemon, application

RESENT = {"Resent_From": BOB, "Resent_To": "carl@example.org", "Resent_Bcc": "eve@example.org"}
CALLS: dict[str, Callable[[smtplib.SMTP], Any]] = {
    "text": lambda smtp: smtp.sendmail(APP, ANN, HEAD + "\nHello.\n"),
    "bytes": lambda smtp: smtp.sendmail(
        APP, [ANN, BOB], (HEAD + "\nHello.\n").replace("\n", "\r\n").encode()
    ),
    "no last line end": lambda smtp: smtp.sendmail(APP, [ANN], HEAD + "\nHello."),
    "dots": lambda smtp: smtp.sendmail(APP, [ANN], HEAD + "\n.\n..\n.x\n"),
    "carriage returns": lambda smtp: smtp.sendmail(APP, [ANN], HEAD + "\na\rb\r\n"),
    "only a header": lambda smtp: smtp.sendmail(APP, [ANN], HEAD + "\n"),
    "names in the envelope": lambda smtp: smtp.sendmail(
        f"App <{APP}>", (f"Ann <{ANN}>", f"<{BOB}>"), HEAD + "\n"
    ),
    "8 bits": lambda smtp: smtp.sendmail(
        APP,
        [ANN],
        f"{HEAD}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\nGrüße\n".replace("\n", "\r\n").encode(),
        ["BODY=8BITMIME"],
    ),
    "a Bcc header in the text": lambda smtp: smtp.sendmail(APP, [BOB], HEAD + "X: y\n\n"),
    "modern": lambda smtp: smtp.send_message(modern()),
    "a policy of its own": lambda smtp: smtp.send_message(headed(EmailMessage(SMTP_POLICY))),
    "everything": lambda smtp: smtp.send_message(with_file()),
    "legacy": lambda smtp: smtp.send_message(legacy()),
    "a sender beside From": lambda smtp: smtp.send_message(modern(Sender="desk@example.org")),
    "another envelope": lambda smtp: smtp.send_message(
        modern(Bcc="eve@example.org"), BOB, ["carl@example.org"]
    ),
    "resent": lambda smtp: smtp.send_message(modern(**RESENT, Resent_Date=DATE)),
    "one of two refused": lambda smtp: smtp.sendmail(APP, [ANN, "nobody"], HEAD + "\n"),
}


def by_server(call: Callable[[smtplib.SMTP], Any]) -> tuple[Any, Attempt]:
    """Return what smtplib returns, and what a server got that refuses what is no address."""
    with FaultyServer(rcpt={"nobody": "553 5.1.3 no address"}) as server:
        with smtplib.SMTP(server.host, server.port, "me") as smtp:
            result = call(smtp)
        return result, server.mails[0]


def by_outbox(call: Callable[[smtplib.SMTP], Any]) -> tuple[Any, Any]:
    with captured() as messages:
        with SMTP(None) as smtp:  # type: ignore[arg-type] # captured
            result = call(smtp)
        return result, messages.one()


def codes(refused: dict[str, tuple[int, bytes]]) -> dict[str, int]:
    return {name: code for name, (code, _) in refused.items()}


@pytest.mark.parametrize("name", CALLS)
def test_the_same_call_gives_the_same_mail_to_the_same_people(name: str) -> None:
    refused, mail = by_server(CALLS[name])
    ours, message = by_outbox(CALLS[name])
    assert codes(ours) == codes(refused)
    assert (message.sender, message.recipients) == (mail.sender, mail.recipients)
    assert message.raw == mail.content


def test_addresses_in_any_script_are_sent_to_as_smtplib_would() -> None:
    def call(smtp: smtplib.SMTP) -> Any:
        return smtp.send_message(modern(To="zoë@example.org"))

    refused, mail = by_server(call)
    ours, message = by_outbox(call)
    assert (ours, message.recipients) == (refused, mail.recipients)
    # smtplib sends all headers in UTF-8 then; we encode what can be encoded.
    for field in ("From", "To", "Subject"):
        assert message.email[field] == mail.email[field]


def test_what_is_enqueued_is_what_the_daemon_sends(sqlite_url: str, tmp_path: Path) -> None:
    expected = copies([by_server(call)[1] for call in CALLS.values()])
    with FaultyServer() as server, application(sqlite_url) as app:
        for call in CALLS.values():
            with app.engine.begin() as connection, SMTP(connection) as smtp:
                call(smtp)
        with RunningDaemon(sqlite_url, tmp_path, port=server.port, connections=1):
            server.wait_until(lambda: len(copies(server.mails)) == len(expected))
        assert copies(server.mails) == expected


def copies(mails: list[Attempt]) -> list[tuple[str, str, bytes]]:
    """Return what each recipient gets: those of one message need not travel together."""
    return sorted((mail.sender, each, mail.content) for mail in mails for each in mail.recipients)


def stored(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT subject, stream FROM outbox_message ORDER BY created_at"))
        return [(row[0], row[1]) for row in rows]


def test_mail_belongs_to_the_transaction_that_was_handed_over(engine: Engine) -> None:
    with Session(engine) as session:
        with SMTP(session) as smtp:
            smtp.sendmail(APP, ANN, HEAD + "\n")
        session.rollback()
        with SMTP(session, stream="receipts") as smtp:
            smtp.sendmail(APP, ANN, HEAD + "\n")
        session.commit()
    assert stored(engine) == [("Hello", "receipts")]


def test_an_engine_or_a_url_means_a_transaction_for_each_mail(engine: Engine, sqlite_url: str) -> None:
    with SMTP(engine) as smtp:
        smtp.sendmail(APP, ANN, HEAD + "\n")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            smtp.sendmail(APP, "nobody", HEAD + "\n")
        assert len(stored(engine)) == 1
    with SMTP(sqlite_url) as smtp:
        smtp.sendmail(APP, ANN, HEAD + "\n")
        assert smtp.last_id is not None
    assert len(stored(engine)) == 2
    with engine.connect() as connection:
        assert outbox.status(connection, smtp.last_id) is not None


def test_the_application_s_outbox_makes_the_mail(messages: Captured) -> None:
    with SMTP(None, outbox=outbox.Outbox(max_size=500), tags={"via": "smtp"}) as smtp:  # type: ignore[arg-type]
        smtp.sendmail(APP, ANN, HEAD + "\n")
        assert messages.one(tags={"via": "smtp"}).id == smtp.last_id
        with pytest.raises(smtplib.SMTPDataError, match=r"552.*5\.3\.4 size"):
            smtp.sendmail(APP, ANN, HEAD + "\n" + "x" * 500)
        smtp.sendmail(APP, ANN, HEAD + "\n")
    assert len(messages) == 2


REFUSED: list[tuple[Callable[[smtplib.SMTP], Any], type[Exception], str]] = [
    (lambda smtp: smtp.sendmail("app", ANN, HEAD + "\n"), smtplib.SMTPSenderRefused, "553.*sender: has no @"),
    (lambda smtp: smtp.sendmail("", ANN, HEAD + "\n"), smtplib.SMTPSenderRefused, "553"),
    (lambda smtp: smtp.sendmail(APP, ["ann", "bob"], HEAD + "\n"), smtplib.SMTPRecipientsRefused, "553.*553"),
    (lambda smtp: smtp.sendmail(APP, [], HEAD + "\n"), smtplib.SMTPRecipientsRefused, "{}"),
    (lambda smtp: smtp.sendmail(APP, ANN, b"\r\n"), smtplib.SMTPDataError, r"554.*5\.6\.0 mime: is empty"),
    (lambda smtp: smtp.sendmail(APP, ANN, HEAD, ["RET=FULL"]), smtplib.SMTPSenderRefused, "555.*RET=FULL"),
    (
        lambda smtp: smtp.sendmail(APP, ANN, HEAD, [], ["NOTIFY=NEVER"]),
        smtplib.SMTPRecipientsRefused,
        "555.*NOTIFY=NEVER",
    ),
    (lambda smtp: smtp.sendmail(APP, ANN, "Grüße"), UnicodeEncodeError, "ascii"),
    (
        lambda smtp: smtp.send_message(modern(Resent_Date="x", Resent_From=BOB, RESENT_DATE="y")),
        ValueError,
        "more than one 'Resent-'",
    ),
]


@pytest.mark.parametrize(("call", "error", "said"), REFUSED)
def test_what_cannot_be_sent_raises_what_callers_of_smtplib_expect(
    messages: Captured, call: Callable[[smtplib.SMTP], Any], error: type[Exception], said: str
) -> None:
    with SMTP(None) as smtp:  # type: ignore[arg-type] # captured
        with pytest.raises(error, match=said):
            call(smtp)
        messages.none()
        smtp.sendmail(APP, ANN, HEAD + "\n")
    assert messages.one().recipients == [ANN]


def test_a_database_that_is_away_is_for_another_time() -> None:
    with SMTP("sqlite:////nowhere/there/is.sqlite3") as smtp:
        with pytest.raises(smtplib.SMTPDataError, match=r"451.*unable to open database file") as raised:
            smtp.sendmail(APP, ANN, HEAD + "\n")
        assert raised.value.__cause__ is not None


@pytest.mark.parametrize(
    ("field", "error"),
    [
        ({"stream": "two words"}, outbox.InvalidEmailError),
        ({"timeout": 10}, outbox.UnusableConnectionError),
        ({"urgency": 10}, TypeError),
        ({"text": "x"}, outbox.InvalidEmailError),
    ],
)
def test_an_option_that_no_mail_can_have_is_told_when_it_is_given(
    messages: Captured, field: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=next(iter(field))):
        SMTP(None, **field)  # type: ignore[arg-type] # captured
    SMTP(None, stream="receipts", tags={"via": "smtp"}).sendmail(APP, ANN, HEAD + "\n")  # type: ignore[arg-type]
    messages.one(stream="receipts")


def test_a_host_in_place_of_a_database_is_told_where_hosts_belong() -> None:
    with pytest.raises(outbox.UnusableConnectionError, match="the mail server is for the daemon's settings"):
        SMTP("mail.example.org")
