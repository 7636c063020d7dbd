"""The tutorials' code runs as it was written for Flask-Mail: with one line changed a file, or with none."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples.running import ROOT, running

OURS = "from outbox.integrations.flask import"
THEIRS = "from flask_mail import"
INSTALL = "from outbox.integrations.flask import install_as_flask_mail\n\ninstall_as_flask_mail()\n\n"


def post(browser: httpx.Client, path: str, page: str, **form: str) -> None:
    """Send the form of a page, as a browser would."""
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', browser.get(page).text)
    assert token is not None
    assert browser.post(path, data={"csrf_token": token[1], **form}).status_code == 302


def visit_microblog(browser: httpx.Client) -> None:
    for nickname in ("susan", "john"):
        browser.cookies.clear()
        post(browser, "/login", "/login", nickname=nickname, email=f"{nickname}@example.org", about_me="")
    post(browser, "/follow/susan", "/user/susan")


def visit_flasky(browser: httpx.Client) -> None:
    post(browser, "/", "/", name="Ada", submit="Submit")


@pytest.mark.parametrize(
    ("example", "entry", "visit", "subject"),
    [
        ("microblog", "microblog.py", visit_microblog, "[microblog] john is now following you!"),
        ("flasky", "hello.py", visit_flasky, "[Flasky] New User"),
    ],
)
@pytest.mark.parametrize("changed", ["one line", "no line"])
def test_the_code_of_the_tutorial_sends_its_mail(
    tmp_path: Path, example: str, entry: str, visit: Any, subject: str, changed: str
) -> None:
    copy = tmp_path / "examples"
    shutil.copytree(ROOT / "examples", copy)
    imports = 0
    for file in (copy / example).rglob("*.py"):
        code = file.read_text()
        lines = len(re.findall(rf"^{OURS}", code, re.MULTILINE))
        assert lines <= 1, file
        imports += lines
        if changed == "no line":
            file.write_text(code.replace(OURS, THEIRS))
    assert imports >= 1
    if changed == "no line":
        first = copy / example / entry
        first.write_text(INSTALL + first.read_text())
    with running(example, tmp_path, root=tmp_path) as site, httpx.Client(base_url=site.address) as browser:
        visit(browser)
        (mail,) = site.mails(1)
        # Flask-Mail itself would have sent it, too.
        with closing(sqlite3.connect(site.folder / f"{example}.sqlite3")) as database:
            assert database.execute("SELECT subject FROM outbox_message").fetchall() == [(subject,)]
    assert mail["Subject"] == subject
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
