"""The page on smtplib: its lines enqueue one mail."""

import re
from pathlib import Path

from sqlalchemy import create_engine, text

import outbox

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "smtplib.md").read_text(encoding="utf-8")


def test_the_lines_enqueue_one_mail_to_both(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    names: dict[str, object] = {"engine": engine}
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(block, names)  # noqa: S102 - the block is what is tested
    assert names["refused"] == {}
    with engine.connect() as connection:
        recipients = connection.execute(text("SELECT recipient FROM outbox_delivery ORDER BY n")).scalars()
        assert list(recipients) == ["ada@example.org", "books@example.org"]
        mime = connection.execute(text("SELECT mime FROM outbox_message")).scalar_one()
    assert b"Bcc" not in mime
    engine.dispose()
