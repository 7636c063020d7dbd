"""The page on the command line: each verb has a section, and its examples run as they stand."""

import re
import shlex
from pathlib import Path

import pytest
from sqlalchemy import create_engine, update

import outbox
from outbox.cli import command_line
from outbox.store.schema import delivery, message
from tests.support.calling import call

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
SECTIONS = re.findall(r"^## (\S+)$", PAGE, re.MULTILINE)


@pytest.fixture
def mails(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder's outbox, with the mails that the examples speak of."""
    _ = no_settings
    monkeypatch.setenv("OUTBOX_DATABASE_URL", "sqlite:///outbox.sqlite3")
    assert call("db", "upgrade").exit_code == 0
    engine = create_engine("sqlite:///outbox.sqlite3")
    outbox.prepare_sqlite(engine)
    shop = outbox.Outbox(sender="shop@example.org")
    mail = {"to": "ada@example.org", "subject": "Your receipt", "text": "Thank you!"}
    ended = {
        "failed": ("receipt-42", "receipt-41", "old"),
        "expired": ("invoice-12",),
        "in_doubt": ("report-9",),
    }
    with engine.begin() as connection:
        for key, more in (
            ("receipt-42", {"tags": {"order": 42}}),
            ("receipt-41", {}),
            ("old", {}),
            ("invoice-12", {}),
            ("report-9", {}),
            ("welcome-7", {}),
            ("sale", {"tags": {"campaign": "spring"}}),
            ("news", {"stream": "bulk"}),
        ):
            shop.enqueue(connection, **mail, **more, key=key)  # type: ignore[arg-type] # fields of a mail
        for status, keys in ended.items():
            for key in keys:
                its = update(delivery).where(delivery.c.message_id == message.c.id)
                its = its.where(message.c.idempotency_key == key)
                its = its.values(
                    status=status, finished_at=None if status == "in_doubt" else delivery.c.due_at
                )
                connection.execute(its)
    engine.dispose()


@pytest.mark.usefixtures("mails")
def test_the_examples_run_one_after_the_other() -> None:
    said = {}
    for line in EXAMPLES:
        command, _, file = line.partition(" > ")
        name, *args = shlex.split(command)
        assert name == "outbox"
        done = call(*args)
        assert (done.exit_code, done.stderr) == (0, ""), (line, done.output)
        said[line] = done.stdout
        if file:
            Path(file).write_text(done.stdout)
    for line, words in (
        ("outbox list --tag order=42 --json", '"subject": "Your receipt"'),
        ("outbox list --status failed --since 2h", "receipt"),
        ("outbox show receipt-42", "Subject: Your receipt"),
        ('outbox retry receipt-42 --note "the mailbox exists now"', "it is tried again now"),
        ("outbox retry --status failed --since 3d --dry-run", "2           yes   it is tried again now"),
        ("outbox cancel welcome-7", "cancelled"),
        ("outbox hold --stream bulk --yes", "1           yes   it waits for a person"),
        ("outbox release --stream bulk --status held --yes", "1           yes   it goes now"),
        ("outbox mark-sent report-9", "it counts as sent"),
        ("outbox pause", "moving house"),
        ("outbox suppressions", "No address is suppressed."),
    ):
        assert words in said[line], (line, said[line])
    assert Path("receipt.eml").read_text().startswith("Date: ")


def test_each_section_is_of_a_verb_and_its_examples_are_of_it_alone() -> None:
    context = command_line.make_context("outbox", ["--"], resilient_parsing=True)
    assert {*SECTIONS} <= {*command_line.list_commands(context)}
    for section in SECTIONS:
        text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
        assert text is not None
        blocks = re.findall(r"```sh\n(.*?)```", text[1], re.DOTALL)
        assert {line.split()[1] for block in blocks for line in block.splitlines()} == {section}
