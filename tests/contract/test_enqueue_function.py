"""On PostgreSQL any language enqueues by one call, which takes and inserts what the library would."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import InvalidParameterValue
from psycopg.types.json import Jsonb
from sqlalchemy import Engine, create_engine, event, select, text
from sqlalchemy.exc import DBAPIError

from alembic import command
from outbox import Email, InvalidEmailError, Outbox, migrate
from outbox.mail.options import searchable
from outbox.store.migration import _config
from outbox.store.schema import delivery, message, tag
from tests.contract.by_sql import MESSAGE, SENDER, enqueue, recipients
from tests.support.waiting import wait_until

ADDRESSES = [
    "a@b.c", "A.B@C.d", "a..b@c.d", ".a@b.c", "a.@b.c", "a@b", "a@localhost", "a@b.c.", "a@.b", "a@-b.c",
    "a@b-.c", "a@b_c.d", "a@1.2", "a@b.1", "a@[1.2.3.4]", '"a"@b.c', "a@b.c,d@e.f", "a@b@c", "a\t@b.c",
    "a@b.c\n", "ü@b.c", "a\u200b@b.c", "a\uff20@b.c", "e\u0301@b.c", "\uff41@b.c", "½@b.c", "", "@b.c", "a@",
    "a%b@c.d", "a@b..c", "a@b.co-m", "!#$%&'*+-/=?^_`{|}~@x.y", "a@xn--bcher-kva.example", "🎉@b.c",
    "日本@b.c", "a@x.test", "a\u00a0b@b.c", f"{'x' * 64}@b.c", f"{'x' * 65}@b.c", f"a@{'b' * 63}.c",
    f"a@{'b' * 64}.c", f"{'ö' * 32}@b.c", f"{'ö' * 33}@b.c",
]  # fmt: skip
FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"sender": "Shop <a@b.c>"}, "sender: is not one mailbox: 'Shop <a@b.c>'", "no brackets"),
    ({"sender": None}, "sender: is not one mailbox: NULL", "Give"),
    ({"recipients": ["a@b.c", "a b@c.d"]}, "recipients: is not one mailbox: 'a b@c.d'", "no spaces"),
    ({"recipients": ["a@b.c\r\nDATA"]}, "recipients: is not one mailbox: ", "Give"),
    ({"recipients": ["a@b.c", None]}, "recipients: is not one mailbox: NULL", "Give"),
    ({"recipients": []}, "recipients: nobody to send to: '{}'", "ARRAY["),
    ({"recipients": None}, "recipients: nobody to send to: NULL", "ARRAY["),
    ({"message": " \r\n"}, "message: is empty: ", "whole message"),
    ({"message": None}, "message: is empty: NULL", "whole message"),
    ({"key": ""}, "key: is not 1 to 200 bytes long in UTF-8: ''", "hash"),
    ({"key": "ü" * 101}, "key: is not 1 to 200 bytes long in UTF-8: 'ü", "hash"),
    ({"key": "a\x85"}, "key: has a control character: 'a", "printable"),
    ({"stream": ""}, "stream: is no name of a stream: ''", "bulk"),
    ({"stream": "x" * 65}, "stream: is no name of a stream: 'x", "bulk"),
    ({"stream": "a b"}, "stream: is no name of a stream: 'a b'", "bulk"),
    ({"stream": "bulk\n"}, "stream: is no name of a stream: ", "bulk"),
    ({"stream": None}, "stream: is no name of a stream: NULL", "bulk"),
    ({"send_at": "infinity"}, "send_at: lies outside the years 1970 to 9998: 'infinity'", "nearer"),
    ({"send_at": "1969-12-31 23:00Z"}, "send_at: lies outside the years 1970 to 9998: '1969", "nearer"),
    ({"expires_at": "infinity"}, "expires_at: lies outside the years 1970 to 9998: 'infinity'", "none"),
    (
        {"send_at": "2026-05-01Z", "expires_at": "2026-05-01Z"},
        "expires_at: is not after send_at (2026-05-01",
        "later",
    ),
    ({"on_doubt": "drop"}, "on_doubt: is not a choice: 'drop'", "'resend', 'hold', 'assume_sent'"),
    ({"on_doubt": None}, "on_doubt: is not a choice: NULL", "'resend'"),
    ({"tags": Jsonb([1])}, "tags: is not a JSON object: '[1]'", "jsonb_build_object"),
]


def test_one_call_inserts_what_the_library_would(emptied: Engine) -> None:
    tags: dict[str, Any] = {
        "order": 7,
        "paid": True,
        "who": "Ädä",
        "none": None,
        "list": [1],
        "x" * 65: 1,
        "long": "x" * 201,
        "": 1.5,
    }
    options: dict[str, Any] = {"key": "order-7", "stream": "bulk", "on_doubt": "hold"}
    times = {"send_at": "2026-05-01 12:00:00.123456Z", "expires_at": "2026-05-02Z"}
    with emptied.begin() as connection:
        id_ = enqueue(
            connection,
            sender="Shop@EXAMPLE.org",
            recipients=["a@b.c", "Ann@Example.ORG", "a@B.C", "A@b.c"],
            tags=Jsonb(tags),
            **options,
            **times,
        )
        row = connection.execute(select(message)).one()
        rows = connection.execute(select(delivery).order_by(delivery.c.n)).all()
        found = connection.execute(select(tag.c.name, tag.c.value).where(tag.c.message_id == id_)).all()
    mime = MESSAGE.encode()
    assert (row.id, row.sender, row.subject, row.message_id, row.mime, row.size, row.payload_hash) == (
        *(id_, "Shop@example.org", "", "", mime, len(mime), ""),
    )
    assert (row.idempotency_key, row.stream, row.on_doubt, row.tags) == (*options.values(), tags)
    assert [(each.n, each.recipient, each.stream, each.size, each.status) for each in rows] == [
        (n, recipient, "bulk", len(mime), "pending")
        for n, recipient in enumerate(["a@b.c", "Ann@example.org", "A@b.c"])
    ]
    assert {(str(each.due_at.timestamp()), str(each.expires_at.timestamp())) for each in rows} == {
        ("1777636800.123456", "1777680000.0")
    }
    assert searchable(tags) == dict(tuple(each) for each in found)


def test_without_options_it_is_due_at_once(emptied: Engine) -> None:
    with emptied.begin() as connection:
        enqueue(connection)
        row = connection.execute(select(delivery, message.c.created_at).join(message)).one()
    assert (row.created_at, None, "default") == (row.due_at, row.expires_at, row.stream)


def test_the_ids_are_of_version_7_and_in_the_order_of_time(emptied: Engine) -> None:
    with emptied.begin() as connection:
        ids = []
        for _ in range(20):
            connection.execute(text("SELECT pg_sleep(0.002)"))
            ids.append(enqueue(connection))
        now = connection.execute(text("SELECT extract(epoch FROM clock_timestamp()) * 1000")).scalar_one()
    assert ids == sorted(ids)
    assert {(id_.version, id_.variant) for id_ in ids} == {(7, "specified in RFC 4122")}
    assert 0 <= int(now) - (ids[-1].int >> 80) < 1000


@pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
def test_it_takes_the_addresses_that_the_library_takes(emptied: Engine, address: str) -> None:
    expected = []
    try:
        expected = [Email(to=address, text="").to[0].email]
    except InvalidEmailError:
        with pytest.raises(DBAPIError, match="recipients: is not one mailbox"), emptied.begin() as connection:
            enqueue(connection, recipients=[address])
    else:
        with emptied.begin() as connection:
            enqueue(connection, recipients=[address])
    with emptied.connect() as connection:
        assert expected == recipients(connection)


@pytest.mark.parametrize(("changes", "problem", "remedy"), FAULTS, ids=[fault[1][:40] for fault in FAULTS])
def test_a_fault_names_the_argument_the_value_and_the_remedy(
    emptied: Engine, changes: dict[str, Any], problem: str, remedy: str
) -> None:
    with pytest.raises(DBAPIError) as raised, emptied.begin() as connection:
        enqueue(connection, **changes)
    error = raised.value.orig
    assert isinstance(error, InvalidParameterValue)
    assert problem == (error.diag.message_primary or "")[: len(problem)]
    assert remedy in (error.diag.message_hint or "")
    with emptied.connect() as connection:
        assert recipients(connection) == []


def test_a_key_that_exists_returns_the_first_id_and_inserts_nothing(emptied: Engine) -> None:
    with emptied.begin() as connection:
        first = enqueue(connection, key="order-7", tags=Jsonb({"a": 1}))
        assert first == enqueue(connection, key="order-7", recipients=["b@b.c"], tags=Jsonb({"b": 1}))
    with emptied.begin() as connection:
        assert first == enqueue(connection, key="order-7")
        assert first != enqueue(connection, key="order-8", recipients=["c@b.c"])
        assert sorted(recipients(connection)) == ["ada@example.org", "c@b.c"]
        assert connection.execute(select(tag.c.name)).scalars().all() == ["a"]


def test_a_key_of_the_library_and_one_of_sql_are_the_same(emptied: Engine) -> None:
    library = Outbox(sender=SENDER)
    with emptied.begin() as connection:
        first = library.enqueue(connection, to="ada@example.org", text="Hello", key="one")
        assert first == enqueue(connection, key="one")
        second = enqueue(connection, key="two")
        assert second == library.enqueue(connection, to="ada@example.org", text="Hello", key="two")


@pytest.mark.parametrize("commits", [True, False])
def test_a_key_that_another_transaction_holds_is_waited_for(emptied: Engine, *, commits: bool) -> None:
    waiting = """SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database() AND query ~ 'outbox_enqueue'"""

    def second() -> UUID:
        with emptied.begin() as connection:
            return enqueue(connection, key="one")

    def waits() -> bool:
        with emptied.connect() as connection:
            return bool(connection.execute(text(waiting)).scalar_one())

    with ThreadPoolExecutor(1) as pool, emptied.connect() as connection:
        first = enqueue(connection, key="one")
        other = pool.submit(second)
        wait_until(waits, "the second waits for the first")
        if commits:
            connection.commit()
        else:
            connection.rollback()
        assert commits == (first == other.result(30))
    with emptied.connect() as connection:
        assert recipients(connection) == ["ada@example.org"]


def test_it_fills_the_tables_of_its_own_schema(postgresql_url: str) -> None:
    admin = create_engine(postgresql_url)
    with admin.begin() as connection:
        connection.exec_driver_sql('CREATE SCHEMA "Tenant"')
    tenant = create_engine(postgresql_url)
    # In each transaction anew: PgBouncer takes no startup options, and lends a session for one only.
    event.listen(tenant, "begin", lambda begun: begun.exec_driver_sql('SET LOCAL search_path = "Tenant"'))
    migrate(tenant)
    with admin.begin() as connection:
        call = f"""SELECT "Tenant".outbox_enqueue('{SENDER}', ARRAY['ada@example.org'], 'Hello')"""
        connection.exec_driver_sql(call)
    with tenant.connect() as connection:
        assert recipients(connection) == ["ada@example.org"]
    for engine in (admin, tenant):
        engine.dispose()


def test_it_comes_and_goes_with_its_migration(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url)
    migrate(engine)
    known = "SELECT count(*) FROM pg_proc WHERE proname = 'outbox_enqueue'"
    counts = []
    for way, version in ((command.downgrade, "0004"), (command.upgrade, "0005")):
        with engine.begin() as connection:
            way(_config(connection=connection), version)
            counts.append(connection.execute(text(known)).scalar_one())
    assert counts == [0, 1]
    engine.dispose()


def test_a_value_in_a_message_is_bounded(emptied: Engine) -> None:
    with pytest.raises(DBAPIError) as raised, emptied.begin() as connection:
        enqueue(connection, recipients=["x" * 10_000])
    assert re.search(r"'x{100,119}\n", str(raised.value.orig))
