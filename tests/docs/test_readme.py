"""The README's blocks run as they stand."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

import outbox

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def _block(language: str, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    [block] = [block for block in blocks if containing in block]
    return str(block)


@pytest.fixture
def app_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file that the first block makes, with one mail in it."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(_block("python", "prepare_sqlite"), names)  # noqa: S102 - the block is what is tested
    names["engine"].dispose()  # type: ignore[attr-defined] # the block's own engine
    return tmp_path / "app.sqlite3"


def test_the_ten_lines_queue_one_mail(app_file: Path) -> None:
    with closing(sqlite3.connect(app_file)) as database:
        rows = database.execute("SELECT recipient, status FROM outbox_delivery").fetchall()
    assert rows == [("ada@example.org", "pending")]


def test_the_ten_lines_are_ten_lines() -> None:
    code = [line for line in _block("python", "prepare_sqlite").splitlines() if line.strip()]
    assert len(code) <= 12


def test_the_status_queries_answer(app_file: Path) -> None:
    queries = [query for query in _block("sql", "outbox_status").split(";") if "SELECT" in query]
    assert len(queries) == 4
    with closing(sqlite3.connect(app_file)) as database:
        answers = [database.execute(query).fetchall() for query in queries]
    # No daemon has run here, so nothing is known of a relay.
    assert [len(answer) for answer in answers] == [1, 1, 1, 0]


def test_the_receipt_example_queues_a_receipt(app_file: Path, tmp_path: Path) -> None:
    (tmp_path / "my_templates").mkdir()
    names: dict[str, object] = {}
    exec(_block("python", "def order_paid"), names)  # noqa: S102 - the block is what is tested
    engine = create_engine(f"sqlite:///{app_file}")
    outbox.prepare_sqlite(engine)
    for kind, text in (("subject", "Order {{ order.id }}"), ("txt", "{{ order.email }}")):
        (tmp_path / "my_templates" / f"receipt.{kind}").write_text(text)
    order = SimpleNamespace(id=7, email="ada@example.org", pdf=b"%PDF-1.4")
    with Session(engine) as session, session.begin():
        names["order_paid"](session, order)  # type: ignore[operator] # a function of the block
    engine.dispose()
    with closing(sqlite3.connect(app_file)) as database:
        subjects = database.execute("SELECT subject FROM outbox_message ORDER BY created_at").fetchall()
    assert subjects == [("Your receipt",), ("Order 7",)]


def test_what_people_do_about_a_mail_is_done(app_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = create_engine(f"sqlite:///{app_file}")
    outbox.prepare_sqlite(engine)
    block = _block("python", "outbox.why")
    exec(block, {"Session": Session, "engine": engine, "outbox": outbox})  # noqa: S102 - the block is what is tested
    engine.dispose()
    assert capsys.readouterr().out.startswith("ada@example.org ")
    with closing(sqlite3.connect(app_file)) as database:
        assert database.execute("SELECT status FROM outbox_delivery").fetchall() == [("cancelled",)]
        paused = database.execute("SELECT name FROM outbox_gate WHERE paused_at IS NOT NULL").fetchall()
        assert paused == [("receipts",)]
        assert database.execute("SELECT address FROM outbox_suppression").fetchall() == [("eve@example.org",)]
