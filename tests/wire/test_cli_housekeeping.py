"""On the command line old mail is purged, an address forgotten, and what has ended counted."""

import json

import pytest
from sqlalchemy import create_engine, text

from tests.support.calling import call, refused, sent_id, value

pytestmark = pytest.mark.usefixtures("outbox_here")

LONG_AGO = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-40 days')"


def ended(status: str = "sent", **more: str) -> str:
    """Enqueue a mail, and let it have ended forty days ago; return its id."""
    id_ = sent_id(*(word for name, given in more.items() for word in (f"--{name}", given)))
    value(
        f"UPDATE outbox_delivery SET status = '{status}', finished_at = {LONG_AGO} "
        f"WHERE message_id = '{id_.replace('-', '')}'"
    )
    return id_


def mails() -> object:
    return value("SELECT count(*) FROM outbox_message")


def test_a_purge_says_what_it_would_delete_and_then_deletes_it() -> None:
    for _ in range(3):
        ended()
    sent_id()
    assert (
        call("purge", "--older-than", "30d", "--dry-run").stdout
        == "Would delete 3 mails with 3 deliveries.\n"
    )
    assert mails() == 4
    result = call("purge", "--older-than", "30d", "--yes")
    assert (result.exit_code, mails()) == (0, 1)
    assert result.stdout.splitlines()[-2:] == ["  3 of 3 mails", "OK: deleted 3 mails with 3 deliveries."]
    assert call("purge", "--older-than", "30d").stdout == "There is nothing to delete.\n"


def test_a_purge_tells_of_what_it_could_not_lock(
    monkeypatch: pytest.MonkeyPatch, postgresql_url: str
) -> None:
    monkeypatch.setenv("OUTBOX_DATABASE_URL", postgresql_url)
    assert call("db", "upgrade").exit_code == 0
    sent_id()
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE outbox_delivery SET status = 'failed', finished_at = now() - interval '40 days'")
        )
    with engine.begin() as connection:
        connection.execute(text("SELECT id FROM outbox_delivery FOR UPDATE"))
        result = call("purge", "--older-than", "30d", "--yes")
    assert (result.exit_code, "Locked by somebody, and left as they are: 1 mail. Call" in result.stderr) == (
        75,
        True,
    )
    assert call("purge", "--older-than", "30d", "--yes").exit_code == 0
    engine.dispose()


def test_a_purge_asks_first() -> None:
    ended()
    result = call("purge", "--older-than", "30d", given=b"n\n")
    assert (result.exit_code, mails()) == (1, 1)
    assert "Delete 1 mail with 1 delivery?" in result.stderr
    assert (result.stdout, result.stderr.splitlines()[-1]) == ("", "Error: Nothing was changed.")
    assert refused("purge", "--older-than", "30d", given=b"")[0] == 64
    assert call("purge", "--older-than", "30d", given=b"y\n").exit_code == 0
    assert mails() == 0


def test_of_bodies_alone_the_rows_stay() -> None:
    ended()
    sent_id()
    result = call("purge", "--older-than", "30d", "--bodies", "--yes")
    assert result.stdout.splitlines()[-1] == "OK: erased the body of 1 mail."
    assert (mails(), value("SELECT count(*) FROM outbox_message WHERE mime IS NULL")) == (2, 1)


@pytest.mark.parametrize(
    ("filters", "left"),
    [(("--status", "failed"), 2), (("--stream", "bulk"), 2), (("--status", "sent", "--status", "failed"), 0)],
)
def test_a_purge_takes_only_what_is_asked_for(filters: tuple[str, ...], left: int) -> None:
    ended()
    ended("failed")
    ended(stream="bulk")
    assert call("purge", "--older-than", "39d", *filters, "--yes").exit_code == 0
    assert (left, 3) == (mails(), 3)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "Missing option '--older-than'"),
        (("--older-than", "30"), "'30': this is no duration with a unit. Give a number with its unit"),
        (("--older-than", "30d", "--status", "pending"), "'pending' is not one of"),
    ],
)
def test_a_purge_that_cannot_be_meant_is_refused_with_64(args: tuple[str, ...], said: str) -> None:
    ended()
    code, told = refused("purge", *args, "--yes")
    assert (code, said in told, mails()) == (64, True, 1)


def test_an_address_is_forgotten_and_each_table_is_told() -> None:
    ended(key="for-Ada@example.com")
    value("INSERT INTO outbox_tag SELECT 'order', '7', id FROM outbox_message")
    result = call("forget", "Ada@example.com", "--dry-run")
    assert result.stdout.startswith("Would be erased:\n")
    assert value("SELECT recipient FROM outbox_delivery") == "ada@example.com"
    result = call("forget", "Ada@example.com", "--yes")
    told = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()[2:]}
    assert (result.exit_code, told) == (
        0,
        {
            "outbox_message": "1",
            "outbox_delivery": "1",
            "outbox_attempt": "0",
            "outbox_tag": "1",
            "outbox_suppression": "0",
        },
    )
    kept = "SELECT m.subject || d.recipient || coalesce(m.idempotency_key, '-') || coalesce(m.mime, '-') "
    assert value(kept + "FROM outbox_message m JOIN outbox_delivery d") == "forgotten--"


def test_programs_are_told_in_json_what_went() -> None:
    ended()
    ended()
    said = [
        json.loads(call("purge", "--older-than", "30d", *more, "--json").stdout)
        for more in (("--dry-run",), ("--yes",), ())
    ]
    assert said == [*[{"mails": 2, "deliveries": 2}] * 2, {"mails": 0, "deliveries": 0}]
    id_ = sent_id("--to", "bob@example.com")
    told = json.loads(call("forget", "ada@example.com", "--dry-run", "--json").stdout)
    assert (told["messages"], told["cancelled"], told["left"]) == (0, 1, [id_])


def test_forgetting_asks_first() -> None:
    ended()
    assert call("forget", "ada@example.com", given=b"n\n").exit_code == 1
    assert value("SELECT recipient FROM outbox_delivery") == "ada@example.com"


def test_forgetting_ends_with_75_while_a_mail_has_to_go_to_others() -> None:
    id_ = sent_id("--to", "bob@example.com")
    result = call("forget", "ada@example.com", "--yes")
    assert (result.exit_code, id_ in result.stderr) == (75, True)
    assert "cancelled: 1" in result.stdout
    assert value("SELECT group_concat(status) FROM outbox_delivery") == "cancelled,pending"


def test_what_is_no_address_is_refused_with_64() -> None:
    code, told = refused("forget", "ada", "--yes")
    assert (code, "address: has no @" in told) == (64, True)


def test_what_has_ended_is_counted_also_after_it_was_deleted() -> None:
    assert call("stats").stdout == "Nothing has ended in that time.\n"
    for status in ("sent", "sent", "failed"):
        ended(status)
    before = call("stats", "--days", "60").stdout
    heads, *lines = before.splitlines()
    assert heads.split() == ["day", "stream", "relay", "status", "deliveries"]
    assert [line.split()[1:] for line in lines] == [["default", "failed", "1"], ["default", "sent", "2"]]
    assert call("purge", "--older-than", "30d", "--yes").exit_code == 0
    assert before == call("stats", "--days", "60").stdout
    rows = [json.loads(line) for line in call("stats", "--days", "60", "--json").stdout.splitlines()]
    found = [(row["relay"], row["status"], row["deliveries"]) for row in rows]
    assert found == [(None, "failed", 1), (None, "sent", 2)]
    assert call("stats").stdout == "Nothing has ended in that time.\n"
