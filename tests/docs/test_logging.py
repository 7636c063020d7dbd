"""The page on errors by mail: its lines send the mails that it says, and its table is that of the options."""

import logging
import re
from inspect import Parameter, signature
from pathlib import Path

from sqlalchemy import create_engine, text

import outbox
from outbox.integrations.logging import OutboxHandler

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "logging.md").read_text(encoding="utf-8")


def test_the_lines_send_two_mails(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    names: dict[str, object] = {"engine": engine}
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    logger = logging.getLogger("shop")
    try:
        exec(block, names)  # noqa: S102 - the block is what is tested
    finally:
        [handler] = logger.handlers
        logger.removeHandler(handler)
        handler.close()
    with engine.connect() as connection:
        subjects = connection.execute(
            text("SELECT subject FROM outbox_message ORDER BY created_at")
        ).scalars()
        assert list(subjects) == ["The shop has failed", "The shop has failed (999 more)"]
    engine.dispose()


def test_the_table_is_that_of_the_options() -> None:
    options = {
        name: each.default
        for name, each in signature(OutboxHandler).parameters.items()
        if each.kind is Parameter.KEYWORD_ONLY and name not in {"clock", "start"}
    }
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \|", PAGE, re.MULTILINE)
    assert rows == [
        (name, str(each).replace("default", '"default"').removesuffix(".0")) for name, each in options.items()
    ]
