"""`outbox list` and `outbox show` on the command line: what is asked for, and where to go on."""

import json
import re

import pytest

from tests.support.calling import call, refused, sent_id, value

pytestmark = pytest.mark.usefixtures("outbox_here")


def listed(*args: str) -> list[str]:
    done = call("list", "--json", *args)
    assert done.exit_code == 0, done.output
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def test_each_option_finds_its_mail() -> None:
    tea = sent_id("--stream", "bulk", "--key", "tea")
    cake = sent_id("--subject", "Cake", "--to", "Bob@example.com")
    oldest = "SELECT 'order', '7', min(id) FROM outbox_message"
    value(f"INSERT INTO outbox_tag (name, value, message_id) {oldest}")
    value("UPDATE outbox_delivery SET status = 'held' WHERE recipient = 'Bob@example.com'")
    for args, ids in (
        ((), [cake, tea]),
        (("--stream", "bulk"), [tea]),
        (("--status", "held"), [cake]),
        (("--status", "pending"), [cake, tea]),
        (("--recipient", "Bob@EXAMPLE.com"), [cake]),
        (("--recipient", "bob@example.com"), []),
        (("--text", "cAK"), [cake]),
        (("--tag", "order=7"), [tea]),
        (("--since", "1h"), [cake, tea]),
        (("--since", "1.5h"), [cake, tea]),
        (("--until", "1w"), []),
        (("--until", "1h"), []),
        (("--since", "2001-01-01", "--until", "2001-02-01T00:00:00+01:00"), []),
        (("--recipient", "ada@example.com", "--status", "held"), []),
    ):
        assert listed(*args) == ids, args
    assert call("list", "--text", "wine").stdout == "No messages are like that.\n"


def test_a_page_ends_with_where_the_next_one_begins() -> None:
    ids = [sent_id() for _ in range(3)][::-1]
    first = call("list", "--limit", "2")
    assert first.stderr == f"Older ones: --after {ids[1]}\n"
    assert listed("--limit", "2") == ids[:2]
    second = call("list", "--limit", "2", "--after", ids[1])
    assert (second.stderr, ids[2] in second.stdout) == ("", True)


def test_a_look_through_that_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outbox.store.pages.LOOKED_THROUGH", 2)
    monkeypatch.setattr("outbox.cli.listing.LOOKED_THROUGH", 2)
    ids = [sent_id() for _ in range(3)]
    done = call("list", "--text", "wine")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        f"2 messages were looked through, and there are older ones.\nOlder ones: --after {ids[1]}\n"
    )


def test_a_broken_setting_of_the_daemon_does_not_keep_people_from_their_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    id_ = sent_id()
    monkeypatch.setenv("OUTBOX_SMTP_PORT", "many")
    assert listed() == [id_]
    monkeypatch.setenv("OUTBOX_CONNECTIONS", "many")
    assert refused("list")[0] == 78
    monkeypatch.setenv("OUTBOX_DATABASE_URL", "sqlite:///outbox.sqlite3")
    assert listed() == [id_]
    monkeypatch.setenv("OUTBOX_DATABASE_URL", "nonsense")
    code, said = refused("list")
    assert (code, "database_url (environment OUTBOX_DATABASE_URL)" in said) == (78, True)


def test_a_mail_is_shown_with_its_headers_parts_and_story() -> None:
    id_ = sent_id("--html", "<p>Hot.</p>", "--subject", "Grüße")
    call("hold", id_, "--note", "look", "--who", "ann")
    value(
        "UPDATE outbox_delivery SET status = 'sent', finished_at = '2999-01-01 00:00:00.000000', "
        "relay = 'main', reply_code = 250, reply = '2.0.0 queued as 4B'"
    )
    value("UPDATE outbox_message SET traceparent = '00-4bf92f-00f067-01'")
    shown = call("show", id_).stdout
    for line in (
        r"trace +00-4bf92f-00f067-01",
        r"  Subject: Grüße",
        r"text/plain +6",
        r"text/html +13",
        r".*Z  ada@example.com  hold by ann +look",
        r"2999-01-01 00:00:00Z  ada@example.com  sent +main +250 2.0.0 queued as 4B",
    ):
        assert re.search(f"^{line}$", shown, re.MULTILINE), (line, shown)
    told = json.loads(call("show", id_, "--json").stdout)
    assert [part["type"] for part in told["parts"]] == ["text/plain", "text/html"]
    assert ["Subject", "Grüße"] in told["headers"]


def test_the_source_is_the_exact_bytes() -> None:
    id_ = sent_id()
    mime = value("SELECT mime FROM outbox_message")
    assert call("show", id_, "--raw").stdout_bytes == mime == call("show", id_, "--source").stdout_bytes


def test_a_mail_without_its_body_is_shown_all_the_same() -> None:
    id_ = sent_id()
    value("UPDATE outbox_message SET mime = NULL")
    assert re.search(r"^body +erased$", call("show", id_).stdout, re.MULTILINE)
    told = json.loads(call("show", id_, "--json").stdout)
    assert (told["headers"], told["parts"]) == (None, None)
    code, said = refused("show", id_, "--raw")
    assert (code, "Its body is erased" in said) == (69, True)


def test_a_body_that_is_no_mail_is_shown_as_it_is() -> None:
    id_ = sent_id()
    value("UPDATE outbox_message SET mime = 'Subject: =?nope?q?x?=' || char(13, 10, 13, 10) || 'x'")
    done = call("show", id_)
    assert (done.exit_code, "  Subject: =?nope?q?x?=" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("call_", "said"),
    [
        (("list", "--text", "\udcff"), "text: has a lone surrogate"),
        (("list", "--tag", "a=\udcff"), "tag: has a lone surrogate"),
        (("cancel", "--stream", "\udcff"), "stream: has a lone surrogate"),
        (("show", "\udcff"), "There is no message"),
        (("list", "--limit", "9" * 20), "is not in the range 1<=x<=1000000"),
    ],
)
def test_what_no_database_can_be_asked_is_refused(
    monkeypatch: pytest.MonkeyPatch, database_url: str, call_: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("OUTBOX_DATABASE_URL", database_url)
    assert call("db", "upgrade").exit_code == 0
    code, told = refused(*call_)
    assert (code, said in told) == (64, True), told
