"""The page of the finished mails shows each as it is, and its block runs."""

import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import outbox
from tests.looks.documented import heading
from tests.looks.stage import NAMES, ROOT, TEMPLATES

PAGE = (ROOT / "docs" / "finished-mails.md").read_text(encoding="utf-8")


def _section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_shown_with_its_variables_and_its_example(name: str) -> None:
    example = (TEMPLATES / f"{name}.example.json").read_text(encoding="utf-8")
    assert f"```text\n{heading(name)}\n```" in _section(name)
    assert f"```json\n{example}```" in _section(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_shown_in_a_picture(name: str) -> None:
    assert f"(pictures/{name}.webp)" in _section(name)
    assert (ROOT / "docs" / "pictures" / f"{name}.webp").read_bytes()[8:12] == b"WEBP"


def test_the_variables_of_all_are_listed_once() -> None:
    assert PAGE.count(f"```text\n{heading('base')}\n```") == 1


def test_the_block_queues_a_welcome(tmp_path: Path) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    engine = create_engine(f"sqlite:///{tmp_path / 'app.sqlite3'}")
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    exec(block, {"engine": engine, "outbox": outbox})  # noqa: S102 - the block is what is tested
    with engine.begin() as connection:
        subjects = connection.execute(text("SELECT subject FROM outbox_message")).scalars().all()
    engine.dispose()
    assert subjects == ["Welcome to Harbor"]
