"""The page on templates: its examples run as they stand."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import outbox
from outbox.render.templates import Templates

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")


def test_the_examples_render_a_mail(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL)
    for folder in ("my_templates", "my_translations", "my_shop/templates"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "my_shop" / "__init__.py").touch()
    (tmp_path / "my_templates" / "hello.mail").write_text(whole)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    engine = create_engine(sqlite_url)
    outbox.prepare_sqlite(engine)
    outbox.migrate(engine)
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, {"engine": engine, "outbox": outbox})  # noqa: S102 - the block is what is tested
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
