"""Bad input raises at the call, names what is wrong and what to do, and leaves no row behind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from outbox import (
    Attachment,
    Email,
    InvalidEmailError,
    MessageTooLargeError,
    Outbox,
    OutboxError,
    SchemaError,
    TemplateError,
    UnusableConnectionError,
    prepare_sqlite,
)
from outbox.store.schema import delivery, message
from tests.contract.scene import Scene

FIELDS: dict[str, Any] = {"to": "ann@example.org", "subject": "Hello", "text": "Hello."}
NOW = datetime.now(UTC)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """Give an outbox with one template and a small size limit."""
    (tmp_path / "hello.subject").write_text("Hello {{ name }}")
    (tmp_path / "hello.txt").write_text("Hello {{ name }}, you are {{ age }}.")
    return Outbox(templates=tmp_path, sender="shop@example.org", max_size=50_000)


@pytest.fixture
def clean(scene: Scene) -> Iterator[Scene]:
    """Give the store, and see that the test has left no row in it."""
    yield scene
    assert (scene.count(message), scene.count(delivery)) == (0, 0)


BAD: list[tuple[str, dict[str, Any], type[OutboxError], str]] = [
    ("no recipient", {"to": []}, InvalidEmailError, r"^to: nobody"),
    ("malformed address", {"to": "ann@@example"}, InvalidEmailError, r"^to: .*ann@@example"),
    ("one malformed of many", {"cc": ["a@example.org", "b@"]}, InvalidEmailError, r"^cc: .*b@"),
    ("newline in an address", {"bcc": "a@example.org\nb"}, InvalidEmailError, r"^bcc: "),
    ("malformed sender", {"sender": "shop"}, InvalidEmailError, r"^sender: .*shop"),
    ("newline in the subject", {"subject": "a\r\nBcc: b@example.org"}, InvalidEmailError, r"^subject: "),
    ("newline in a header", {"headers": {"X-A": "a\nb"}}, InvalidEmailError, r"^headers?.*X-A"),
    ("unserialisable tags", {"tags": {"at": NOW}}, InvalidEmailError, r"^tags: .*JSON"),
    ("naive send_at", {"send_at": NOW.replace(tzinfo=None)}, InvalidEmailError, r"^send_at: .*time zone"),
    ("naive expires_at", {"expires_at": NOW.replace(tzinfo=None)}, InvalidEmailError, r"^expires_at: .*zone"),
    (
        "expires before it is sent",
        {"send_at": NOW, "expires_at": NOW - timedelta(seconds=1)},
        InvalidEmailError,
        r"^expires_at: .*send_at",
    ),
    ("unknown wish in doubt", {"on_doubt": "drop"}, InvalidEmailError, r"^on_doubt: .*'resend'"),
    ("key too long", {"key": "k" * 201}, InvalidEmailError, r"^key: .*200"),
    ("no body", {"text": None}, InvalidEmailError, r"^text: "),
    ("oversize", {"text": "x" * 60_000}, MessageTooLargeError, r"^size: .*50000 bytes.*max_size"),
    (
        "oversize attachment",
        {"attachments": [Attachment("a.bin", b"x" * 50_000)]},
        MessageTooLargeError,
        r"^size: ",
    ),
    ("unknown field", {"suject": "Hello"}, InvalidEmailError, r"^suject: is no field.*subject"),
    ("context alone", {"context": {}}, InvalidEmailError, r"^context: .*template"),
    ("template beside text", {"template": "hello"}, InvalidEmailError, r"^subject: .*template"),
]
TEMPLATED: list[tuple[str, dict[str, Any], str]] = [
    ("missing variable", {"template": "hello", "context": {"name": "Ann"}}, "age"),
    ("no context", {"template": "hello"}, "name"),
    ("unknown template", {"template": "helo", "context": {}}, "helo"),
]


@pytest.mark.parametrize(("changes", "error", "words"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_a_bad_mail_is_refused_by_name(
    clean: Scene, outbox: Outbox, changes: dict[str, Any], error: type[OutboxError], words: str
) -> None:
    with clean.application.begin() as connection, pytest.raises(error, match=words) as caught:
        outbox.enqueue(connection, **(FIELDS | changes))
    assert type(caught.value) is error


@pytest.mark.parametrize("changes", [bad[1] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_one_bad_mail_keeps_its_whole_batch_out(
    clean: Scene, outbox: Outbox, changes: dict[str, Any]
) -> None:
    with clean.application.begin() as connection, pytest.raises(OutboxError):
        outbox.enqueue_many(connection, [FIELDS, FIELDS | {"key": "a"}, FIELDS | changes])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("fields", "words"), [bad[1:] for bad in TEMPLATED], ids=[bad[0] for bad in TEMPLATED]
)
def test_a_template_that_would_leave_a_hole_is_refused(
    clean: Scene, outbox: Outbox, fields: dict[str, Any], words: str
) -> None:
    with clean.application.begin() as connection, pytest.raises(TemplateError, match=words):
        outbox.enqueue(connection, to="ann@example.org", **fields)


def test_an_email_beside_fields_is_refused(clean: Scene, outbox: Outbox) -> None:
    with (
        clean.application.begin() as connection,
        pytest.raises(InvalidEmailError, match=r"^email: .*subject"),
    ):
        outbox.enqueue(connection, Email(**FIELDS), subject="Hello")


def test_a_mail_that_nobody_sends_is_refused(clean: Scene) -> None:
    with (
        clean.application.begin() as connection,
        pytest.raises(InvalidEmailError, match=r"^sender: .*OUTBOX_SENDER"),
    ):
        Outbox().enqueue(connection, **FIELDS)


def test_a_refusal_leaves_the_transaction_of_the_application_usable(scene: Scene, outbox: Outbox) -> None:
    with scene.application.begin() as connection:
        with pytest.raises(InvalidEmailError):
            outbox.enqueue(connection, **FIELDS | {"to": "ann"})
        outbox.enqueue(connection, **FIELDS)
    assert scene.count() == 1


def test_a_closed_connection_is_refused(clean: Scene) -> None:
    connection = clean.application.connect()
    connection.close()
    with pytest.raises(UnusableConnectionError, match="closed"):
        clean.outbox.enqueue(connection, **FIELDS)


def test_a_transaction_that_is_over_is_refused(clean: Scene) -> None:
    with clean.application.connect() as connection, connection.begin() as over:
        over.rollback()
        with pytest.raises(InvalidRequestError, match="transaction"):
            clean.outbox.enqueue(connection, **FIELDS)


def test_an_autocommit_connection_is_refused(clean: Scene) -> None:
    engine = create_engine(clean.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(UnusableConnectionError, match="autocommit"):
        clean.outbox.enqueue(connection, **FIELDS)
    engine.dispose()


@pytest.mark.parametrize("at_the_engine", [True, False])
def test_a_prepared_sqlite_engine_in_autocommit_is_refused_and_keeps_its_own_writes(
    clean: Scene, *, at_the_engine: bool
) -> None:
    if not clean.is_sqlite:
        return
    level: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
    engine = create_engine(clean.url, **(level if at_the_engine else {}))
    prepare_sqlite(engine)
    with engine.connect().execution_options(**({} if at_the_engine else level)) as connection:
        connection.execute(text("CREATE TABLE own (n INTEGER)"))
        connection.execute(text("INSERT INTO own VALUES (1)"))
        with pytest.raises(UnusableConnectionError, match="autocommit"):
            clean.outbox.enqueue(connection, **FIELDS)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM own")).scalar() == 1
        connection.execute(text("DROP TABLE own"))
        connection.commit()
        if not at_the_engine:
            # The pool has given the connection back with the driver's own habits: ours still hold.
            clean.outbox.enqueue(connection, **FIELDS)
            connection.rollback()
    engine.dispose()
    assert clean.count() == 0


def test_a_session_in_autocommit_is_refused(clean: Scene) -> None:
    engine = create_engine(clean.url)
    refused = pytest.raises(UnusableConnectionError, match="autocommit")
    with Session(engine.execution_options(isolation_level="AUTOCOMMIT")) as session, refused:
        clean.outbox.enqueue(session, **FIELDS)
    engine.dispose()


class AsyncSession:
    """Looks like SQLAlchemy's."""

    def run_sync(self) -> None: ...


@pytest.mark.parametrize(
    ("transaction", "words"),
    [
        (
            AsyncSession(),
            r"AsyncSession is asynchronous\. Enqueue by await outbox\.enqueue_async.*run_sync\(function\)",
        ),
        (None, "NoneType carries no transaction"),
        ("url", "Session or Connection"),
    ],
    ids=["asynchronous", "none", "text"],
)
def test_what_carries_no_transaction_is_refused_with_the_remedy(
    clean: Scene, transaction: Any, words: str
) -> None:
    with pytest.raises(UnusableConnectionError, match=words):
        clean.outbox.enqueue(transaction, **FIELDS)


def test_an_engine_is_refused_with_the_remedy(clean: Scene) -> None:
    engine: Any = clean.application
    with pytest.raises(UnusableConnectionError, match=r"engine\.begin\(\)"):
        clean.outbox.enqueue(engine, **FIELDS)


@pytest.mark.parametrize("changes", [{}, {"key": "a"}])
def test_missing_tables_are_an_error_that_names_the_command(database_url: str, changes: Any) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        with pytest.raises(SchemaError, match=r"outbox db upgrade, or outbox\.migrate\(engine\)"):
            Outbox(sender="shop@example.org").enqueue(connection, **FIELDS | changes)
        connection.rollback()
    engine.dispose()


@pytest.mark.parametrize("shared_url", ["mysql"], indirect=True)
@pytest.mark.parametrize(
    ("line", "changes"),
    [("a" * 70, {}), ("'" * 70, {}), ("", {}), ("a" * 70, {"to": "zoë@example.org"})],
    ids=["letters", "quotes", "empty lines", "address beyond ASCII"],
)
def test_what_the_server_would_not_take_is_refused_and_the_transaction_goes_on(
    scene: Scene, line: str, changes: Any
) -> None:
    # Beyond max_allowed_packet the server hangs up, and the application's transaction is gone.
    limit = text("SELECT @@max_allowed_packet")
    packet = scene.database.read(lambda connection: connection.execute(limit).scalar_one())
    outbox = Outbox(sender="shop@example.org", max_size=10 * packet)
    refused = 0
    with scene.application.begin() as connection:
        for part in (0.3, 0.45, 0.6, 0.95, 2.0):
            body = f"{line}\n" * int(part * packet / (len(line) + 2))
            try:
                outbox.enqueue(connection, **FIELDS | changes | {"text": body})
            except MessageTooLargeError as error:
                assert str(error).startswith("size: ")  # noqa: PT017 - which of them it meets differs by line
                refused += 1
    assert 0 < refused < 5
    assert scene.count() == 5 - refused
