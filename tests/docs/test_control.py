"""The page on what can be said of a mail: its table is the code's, and its examples run as they stand."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

import outbox
from outbox.mail.request import REQUESTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "control.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def table() -> str:
    """Return what each request does in each state, and says of it."""
    lines = ["| request | status | then | `says` |", "|---|---|---|---|"]
    for request, states in REQUESTS.items():
        for status, usual in states.items():
            for given, found in ((None, usual), *usual.but.items()):
                where = f"; {given}" if given else ""
                wishes = f"wish: {found.wish}" if found.wish else "no wish" if found.withdraws else ""
                then = f"`{found.target}`" if found.target else wishes
                lines.append(f"| `{request}` | `{status}`{where} | {then} | {found.says} |")
    return "\n".join(lines)


def test_the_table_is_the_one_in_the_code() -> None:
    found = re.search(r"<!-- requests.*?-->\n(.*?)\n\n", PAGE, re.DOTALL)
    assert found is not None
    assert table() == found.group(1)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    """Give the engine of an application with a mail of an order, and one of a campaign that has failed."""
    engine = create_engine(sqlite_url)
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    shop = outbox.Outbox(sender="shop@example.org")
    with engine.begin() as connection:
        shop.enqueue(connection, to="ada@example.org", text="", key="receipt-42", tags={"order": 7})
        shop.enqueue(connection, to="bob@example.org", text="", tags={"order": 42})
    yield engine
    engine.dispose()


def test_the_examples_run_one_after_the_other(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"engine": engine}
    for block in BLOCKS:
        exec(block, names)  # noqa: S102 - the block is what is tested
    with engine.connect() as connection:
        old = outbox.status(connection, key="receipt-42")
    assert old is not None
    assert old.status == "cancelled"
    printed = capsys.readouterr().out
    for words in (
        "bob@example.org pending cancelled True it is taken back and will not be sent",
        "ada@example.org cancelled None None",
        "ada@example.org cancelled None 0 it was cancelled: sent again as message ",
        "Pause(stream='bulk', relay=None",
        "Suppression(address='bob@example.org', why='he asked for it', who='ann'",
    ):
        assert words in printed


def test_every_verb_of_the_page_is_there() -> None:
    named = {*re.findall(r"outbox\.([a-z_]+)\(", PAGE)}
    verbs = {
        name
        for name in outbox.__all__
        if getattr(getattr(outbox, name), "__module__", "") == "outbox.control"
    }
    assert verbs == named
