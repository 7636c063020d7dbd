"""The page on composing: its examples run as they stand, and its table names the fields there are."""

import re
from email import policy
from email.parser import BytesParser
from inspect import signature
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

import outbox
from outbox.store.schema import message

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "composing.md").read_text(encoding="utf-8")


def shape(mail: Any) -> list[str]:
    return [part.get_content_type() for part in mail.walk() if not part.is_multipart()]


def test_the_examples_run_one_after_the_other(engine: Engine) -> None:
    names: dict[str, object] = {"engine": engine, "png": b"\x89PNG"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)  # noqa: S102 - the block is what is tested
    with engine.connect() as connection:
        rows = connection.execute(select(message.c.mime)).scalars()
        mails: dict[str, Any] = {
            mail["Subject"]: mail for mail in map(BytesParser(policy=policy.SMTP).parsebytes, rows)
        }
    assert {subject: shape(mail) for subject, mail in mails.items()} == {
        "Grüße aus Köln 🎉": ["text/plain", "text/html", "application/pdf"],
        "With our logo": ["text/plain", "text/html", "image/png"],
        "Your fitting": ["text/plain", "text/calendar"],
        "News in May": ["text/plain", "text/html"],
        "Ready": ["text/plain"],
    }
    assert mails["News in May"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mails["Ready"]["Message-ID"].endswith("@example.org>")


def test_the_table_and_the_sentence_under_it_name_every_field() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.partition("| field |")[2].partition("## ")[0]))
    assert set(signature(outbox.Email).parameters) <= named
