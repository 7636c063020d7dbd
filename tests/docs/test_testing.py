"""The page on testing: its test passes, its relay misbehaves, and it names all that there is."""

import re
from inspect import signature
from pathlib import Path

import pytest
from sqlalchemy import create_engine

import outbox
from outbox.testing import Attempt, Criteria, FaultyServer, Message, captured

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
TEST, DECLARED, SENT = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_test_of_the_page_passes_and_its_failure_reads_as_shown() -> None:
    names: dict[str, object] = {}
    exec(TEST, names)  # noqa: S102 - the block is what is tested
    test = names["test_a_paid_order_sends_a_receipt"]
    with captured() as messages:
        test(messages)  # type: ignore[operator] # a function of the block
        with pytest.raises(AssertionError) as raised:
            messages.one(to="ada@example.org", subject="Welcome")
    assert f"```\n{raised.value}\n```" in PAGE


@pytest.mark.usefixtures("no_settings")
def test_the_relay_of_the_page_misbehaves_as_declared(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = create_engine(sqlite_url)
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    with engine.begin() as connection:
        for to in ("bob@example.org", "ann@slow.example"):
            outbox.enqueue(
                connection, sender="shop@example.org", to=to, text="Hello.", on_doubt="assume_sent"
            )
    engine.dispose()
    names: dict[str, object] = {"database_url": sqlite_url}
    exec(DECLARED, names)  # noqa: S102 - the block is what is tested
    exec(SENT, names)  # noqa: S102 - as above
    shown = capsys.readouterr().out
    for answer in ("421 4.3.2 restarting", "cut", "451 4.3.0 disk full"):
        assert repr(answer) in shown


def test_the_page_names_every_criterion_every_attribute_and_every_stage() -> None:
    named = {name for code in re.findall(r"`([^`\n]+)`", PAGE) for name in re.findall(r"\w+", code)}
    attributes = {name for name in vars(Message) if not name.startswith("_")} - {"asked", "new"}
    attempt = {name for name in Attempt.__slots__ if not name.startswith("_")}
    stages = set(signature(FaultyServer).parameters) - {"extensions", "host", "port"}
    assert set(Criteria.__annotations__) | attributes | attempt | stages <= named
