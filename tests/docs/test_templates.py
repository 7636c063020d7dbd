"""The page on templates: its examples run as they stand."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import outbox
from outbox.render.lint import Rule
from outbox.render.templates import Templates
from tests.support.calling import call

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")


def test_the_examples_render_a_mail(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL)
    for folder in ("my_templates", "my_translations", "my_shop/templates"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "my_shop" / "__init__.py").touch()
    (tmp_path / "my_templates" / "hello.mail").write_text(whole)
    (tmp_path / "my_templates" / "hello.example.json").write_text('{"name": "Ada"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    engine = create_engine(sqlite_url)
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    names: dict[str, Any] = {"engine": engine, "outbox": outbox}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)  # noqa: S102 - the block is what is tested
    names["test_our_mails_are_sound"]()
    monkeypatch.setenv("OUTBOX_TEMPLATES", "my_templates")
    for command in re.findall(r"^outbox ((?:preview|lint) .*?) *#", PAGE, re.MULTILINE):
        if "--serve" not in command:
            ended = call(*shlex.split(command))
            assert (ended.exit_code, ended.stderr) == (0, ""), command
    with engine.connect() as connection:
        subject, mime = connection.execute(text("SELECT subject, mime FROM outbox_message")).one()
    engine.dispose()
    assert subject == "Hello Ada"
    assert b"<p>Hello <b>Ada</b>, your account is ready.</p>" in mime


def test_the_filters_write_what_the_page_shows(tmp_path: Path) -> None:
    _, lines = re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "a.subject").write_text("s")
    (tmp_path / "a.txt").write_text(lines)
    paid_at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    context = {"name": "Ada", "total": 9.8, "share": 0.25, "paid_at": paid_at}
    rendered = Templates(tmp_path).render("a", context, "en").text
    assert rendered is not None
    assert rendered.replace("\u202f", " ") == (
        "Hello Ada, you have paid €9.80,\nwhich is 25%, on 5/1/26, 2:00 PM."
    )


def test_the_page_tells_each_rule_of_the_linter() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == [rule.value for rule in Rule]
