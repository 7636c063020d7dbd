"""The page on Flask: its application works as it says."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from outbox.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "flask.md").read_text(encoding="utf-8")

VISITS = """
with app.app_context():
    outbox.migrate(db.engine)
app.logger.disabled = True
client = app.test_client()
assert client.post("/users/ada@example.org").status_code == 200
assert client.post("/users/ada@example.org").status_code == 500  # there is one already
assert client.get("/remind/1").status_code == 200
assert client.get("/remind/7").status_code == 404
assert client.post("/users/1/rename/bob@example.org").status_code == 200
assert client.post("/trials/ada@example.org").status_code == 200
"""


@pytest.mark.usefixtures("no_settings")
def test_the_application_of_the_page_works(sqlite_url: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    is_application = [position for position, block in enumerate(blocks) if "def trial" in block]
    first, rest = blocks[: is_application[0] + 1], blocks[is_application[0] + 1 :]
    script = "\n".join([f"database_url = {sqlite_url!r}", *first, VISITS, *rest])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(DOCS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite3")) as connection:
        wanted = (
            "SELECT subject, recipient FROM outbox_message m JOIN outbox_delivery d ON d.message_id = m.id"
        )
        mails = connection.execute(wanted).fetchall()
        users = connection.execute("SELECT email FROM user ORDER BY id").fetchall()
    assert sorted(mails) == [
        ("Reminder", "ada@example.org"),
        ("Welcome", "ada@example.org"),
        ("Your new address", "ada@example.org"),
        ("Your trial ends", "ada@example.org"),
    ]
    assert users == [("bob@example.org",), ("eve@example.org",)]


def test_the_settings_of_the_page_exist() -> None:
    table = PAGE.partition("| setting | from |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([a-z_]+)`", table)) - {"implicit", "starttls", "none"}
    assert named <= set(Settings.model_fields)
    assert len(named) == 7
