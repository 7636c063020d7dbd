"""The page on other languages runs as it stands, and so do its examples, until the mail has arrived."""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from outbox.store.schema import delivery, message, metadata
from tests.support.aiosmtpd_server import AiosmtpdServer
from tests.support.daemon import Application, application
from tests.support.inside import daemon_inside

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "any-language.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples" / "sql"
MESSAGE = "From: Käthes Laden <shop@example.org>\nTo: ada@example.org\nSubject: Your receipt\n\nThank you!\n"
ORDERS = "CREATE TABLE orders (id bigint PRIMARY KEY, email varchar(320) NOT NULL)"


def block(database: str, what: str) -> str:
    """Return the page's SQL that is marked so."""
    found = re.search(rf"<!-- sql: {database}, {what} -->\n```sql\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def run_script(engine: Engine, script: str) -> None:
    """Run a script as a person does: by psql where it is installed, else by the driver."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(engine.url.database or "")) as database:
            database.executescript(script)
        return
    if engine.dialect.name == "postgresql" and shutil.which("psql"):
        url = make_url(engine.url).set(drivername="postgresql").render_as_string(hide_password=False)
        command = ["psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-d", url]
        subprocess.run(command, input=script.encode(), check=True, capture_output=True)
        return
    with closing(engine.raw_connection()) as connection:
        # PyMySQL takes one statement at a time, and only their ends are semicolons at the ends of lines.
        scripts = [script] if engine.dialect.name == "postgresql" else script.split(";\n")
        for statement in filter(str.strip, scripts):
            connection.cursor().execute(statement)


@contextmanager
def sent(app: Application, url: str, count: int = 1) -> Iterator[list[EmailMessage]]:
    """Have a daemon send what is queued; give what arrived, each mail proven to be whole."""
    mails: list[EmailMessage] = []
    with AiosmtpdServer() as server:
        with daemon_inside(url, server.port) as inside:
            app.wait_sent(count)
            inside.drain()
        for recipient, raw in server.mails:
            assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
            mail = BytesParser(policy=SMTP).parsebytes(raw)
            assert isinstance(mail, EmailMessage)
            assert recipient == mail["To"]
            mails.append(mail)
        yield mails


def shown(mail: EmailMessage) -> tuple[str, str, str]:
    """Return the sender, subject and text that a person sees."""
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return str(mail["From"]), str(mail["Subject"]), payload.decode()


def assert_completed(app: Application, mail: EmailMessage) -> None:
    """Assert that the mail that arrived is the one that the table tells of."""
    with app.engine.connect() as connection:
        wanted = message.select().where(message.c.message_id == mail["Message-ID"])
        row = connection.execute(wanted).one()
    assert (f"<{row.id.hex}@example.org>", mail["Subject"]) == (row.message_id, row.subject)
    assert row.created_at.replace(microsecond=0) == parsedate_to_datetime(mail["Date"])
    assert row.size == len(row.mime)


RECEIPT = ("Käthes Laden <shop@example.org>", "Your receipt (12.50 €)", "Thank you!\r\n")
THEIR_RECEIPT = (RECEIPT[0], "Your receipt for order 42 (12.50 €)", "Thank you!\r\n")


def test_the_inserts_of_the_page_send_a_mail(database_url: str) -> None:
    with application(database_url) as app:
        name = app.engine.dialect.name
        run_script(app.engine, block("mysql" if name == "mariadb" else name, "inserts"))
        with app.engine.connect() as connection:
            row = connection.execute(message.select()).one()
            assert row.size == len(row.mime)
        with sent(app, database_url) as (mail,):
            assert shown(mail) == RECEIPT
            assert_completed(app, mail)


def test_the_call_of_the_page_sends_a_mail_once(postgresql_url: str) -> None:
    with application(postgresql_url) as app:
        for _ in range(2):
            run_script(app.engine, block("postgresql", "function"))
        with sent(app, postgresql_url) as (mail,):
            assert shown(mail) == RECEIPT
            assert_completed(app, mail)


def test_the_page_names_the_arguments_of_the_function_and_shows_its_words(postgresql_url: str) -> None:
    with application(postgresql_url) as app:
        known = "SELECT pg_get_function_identity_arguments('outbox_enqueue'::regproc)"
        arguments = str(app.scalar(known)).replace("timestamp with time zone", "timestamptz")
        call = "SELECT outbox_enqueue('shop@example.org', ARRAY['Ada <ada@example.org>'], 'Hello')"
        with pytest.raises(DBAPIError) as raised, app.engine.begin() as connection:
            connection.execute(text(call))
    assert arguments.split(", ") == re.findall(r"^\| `(\w+ \w+(?:\[\])?)` \|", PAGE, re.MULTILINE)
    problem: Any = raised.value.orig
    assert f"ERROR:  {problem.diag.message_primary}\nHINT:  {problem.diag.message_hint}\n" in PAGE


def test_the_page_names_each_column_that_must_be_given_and_each_that_must_not() -> None:
    for table in (message, delivery):
        rows = re.search(rf"\| `{table.name}` \| give \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
        assert rows is not None
        named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|([^|]*)\|", rows[1], re.MULTILINE))))
        must = {
            column.name
            for column in table.c
            if not column.nullable and column.server_default is None and column.name != "id"
        }
        assert must | {"mime"} & {*table.c.keys()} | ({"id"} if table is message else set()) == named
    never = re.search(r"Never set, and never change, the other columns: (.*?)They belong", PAGE, re.DOTALL)
    assert never is not None
    may = {"id", "message_id", "n", "recipient", "stream", "size", "due_at", "expires_at", "wish"}
    assert {*delivery.c.keys()} - may == set(re.findall(r"`(\w+)`", never[1]))


def test_psql_sends_an_order_and_its_mail_together(postgresql_url: str) -> None:
    script = (EXAMPLES / "psql.sql").read_text(encoding="utf-8")
    with application(postgresql_url) as app:
        run_script(app.engine, script)
        assert app.scalar("SELECT email FROM orders WHERE id = 42") == "ada@example.org"
        with sent(app, postgresql_url) as (mail,):
            assert shown(mail) == THEIR_RECEIPT
            assert_completed(app, mail)


def test_a_trigger_sends_a_receipt_when_an_order_is_paid_and_only_then(postgresql_url: str) -> None:
    script = (EXAMPLES / "trigger.sql").read_text(encoding="utf-8")
    with application(postgresql_url) as app:
        for _ in range(2):  # a script may be run again
            run_script(app.engine, script)
        with app.engine.begin() as connection:
            connection.execute(text("INSERT INTO orders VALUES (42, 'ada@example.org', 12.5), (43, 'x', 1)"))
            assert app.counts() == {}
            for _ in range(2):
                connection.execute(text("UPDATE orders SET paid_at = now() WHERE id = 42"))
        with pytest.raises(DBAPIError, match="is not one mailbox: 'x'"), app.engine.begin() as connection:
            connection.execute(text("UPDATE orders SET paid_at = now() WHERE id = 43"))
        with sent(app, postgresql_url) as (mail,):
            assert shown(mail) == THEIR_RECEIPT
            assert_completed(app, mail)


def test_the_statements_of_php_enqueue_a_mail(mysql_url: str) -> None:
    code = (EXAMPLES / "enqueue.php").read_text(encoding="utf-8")
    to_message, to_delivery = re.findall(r"<<<'SQL'\n(.*?)\n +SQL\)", code, re.DOTALL)
    insert_order = re.search(r"prepare\('(INSERT INTO orders .*?)'\)", code)
    assert insert_order is not None
    mail = {
        "id": "0" * 31 + "7",
        "sender": "shop@example.org",
        "mime": MESSAGE,
        "size": 1,
        "key": "receipt-42",
    }
    with application(mysql_url) as app:
        with app.engine.begin() as connection:
            connection.execute(text(ORDERS))
            connection.execute(text(insert_order[1]), {"id": 42, "email": "ada@example.org"})
            connection.execute(text(to_message), mail)
            row = {"id": mail["id"], "n": 0, "recipient": "ada@example.org", "size": 1}
            connection.execute(text(to_delivery), row)
            with pytest.raises(DBAPIError) as raised:
                connection.execute(text(to_message), mail | {"id": "0" * 31 + "8"})
            # The number by which the example knows that it was enqueued before; the transaction goes on.
            assert next(iter(getattr(raised.value.orig, "args", ()))) == 1062
        with sent(app, mysql_url) as (arrived,):
            assert shown(arrived)[2] == "Thank you!\r\n"
            assert_completed(app, arrived)


def test_the_statements_of_go_enqueue_a_mail(postgresql_url: str) -> None:
    code = (EXAMPLES / "enqueue.go").read_text(encoding="utf-8")
    insert_order, enqueue = (
        re.sub(r"\$(\d)", r"%(p\1)s", statement) for statement in re.findall(r"= `(.*?)`", code, re.DOTALL)
    )
    with application(postgresql_url) as app:
        with app.engine.begin() as connection:
            connection.execute(text(ORDERS))
            connection.exec_driver_sql(insert_order, {"p1": 42, "p2": "ada@example.org"})
            given = {"p1": "shop@example.org", "p2": ["ada@example.org"], "p3": MESSAGE, "p4": "receipt-42"}
            connection.exec_driver_sql(enqueue, given | {"p5": 42})
        with sent(app, postgresql_url) as (arrived,):
            assert shown(arrived)[2] == "Thank you!\r\n"
            assert_completed(app, arrived)
        assert app.scalar("SELECT value FROM outbox_tag WHERE name = 'order'") == "42"


@pytest.mark.parametrize("name", ["enqueue.php", "enqueue.go", "psql.sql", "trigger.sql"])
def test_an_example_names_columns_and_arguments_of_the_page_only(name: str) -> None:
    code = (EXAMPLES / name).read_text(encoding="utf-8")
    arguments = set(re.findall(r"(\w+) => \S", code)) if not name.endswith(".php") else set()
    assert set() == arguments - set(re.findall(r"^\| `(\w+) \w+(?:\[\])?` \|", PAGE, re.MULTILINE))
    for table, columns in re.findall(r"INSERT INTO (outbox_\w+)\s*\((.*?)\)", code, re.DOTALL):
        assert set(columns.replace(",", " ").split()) <= {*metadata.tables[table].c.keys()}
        assert f"`{table}`" in PAGE
