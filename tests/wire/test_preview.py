"""`outbox preview --serve` shows a mail to a browser, follows every save, and answers nobody else."""

import os
import socket
import struct
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from outbox.cli.preview_page import Page, Server
from outbox.render.templates import Templates
from tests.support.browser import browser, seen
from tests.support.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mails"
    folder.mkdir()
    for file, text in {
        "hello.subject": "Hello {{ name }}",
        "hello.txt": "Dear {{ name }}",
        "hello.html": "<style>@media (prefers-color-scheme: dark) {b {color: red}}</style>"
        "<b>Dear {{ name }}</b>",
        "hello.fr.subject": "Bonjour {{ name }}",
        "hello.fr.txt": "Cher {{ name }}",
        "hello.example.json": '{"name": "Ada & Co"}',
    }.items():
        (folder / file).write_text(text)
    return folder


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with Server(Page(lambda: Templates(folder), None), 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _get(address: str, path: str, host: str | None = None) -> tuple[int, str]:
    connection = HTTPConnection(address.removeprefix("http://"), timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_page_shows_the_mail_and_follows_each_save(address: str, folder: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as driver:
        driver.get(f"{address}/?mail=hello")
        assert seen(driver, lambda page: page.find_element(By.ID, "subject").text) == "Hello Ada & Co"
        driver.switch_to.frame("html")
        assert driver.find_element(By.TAG_NAME, "b").text == "Dear Ada & Co"
        driver.switch_to.default_content()
        driver.find_element(By.CSS_SELECTOR, "[data-part=text]").click()
        assert driver.find_element(By.ID, "text").text == "Dear Ada & Co"

        (folder / "hello.subject").write_text("Good day {{ name }}")
        seen(driver, lambda page: page.find_element(By.ID, "subject").text == "Good day Ada & Co")
        assert driver.find_element(By.ID, "text").is_displayed()

        (folder / "hello.subject").write_text("{{ nobody }}")
        findings = seen(driver, lambda page: page.find_element(By.CSS_SELECTOR, "[role=alert]").text)
        assert "hello.subject:1: reads 'nobody'" in findings

        (folder / "hello.subject").write_text("Mended")
        seen(driver, lambda page: page.find_element(By.ID, "subject").text == "Mended")


def test_a_mail_is_seen_in_dark_where_dark_is_chosen(address: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as driver:
        driver.get(f"{address}/?mail=hello#width=320&scheme=dark")
        frame = seen(driver, lambda page: page.find_element(By.ID, "html"))
        assert frame.get_attribute("width") == "320"
        assert frame.value_of_css_property("background-color") == "rgba(13, 17, 23, 1)"
        driver.switch_to.frame(frame)
        colour = driver.find_element(By.TAG_NAME, "b").value_of_css_property("color")
        assert colour == "rgba(255, 0, 0, 1)"
        driver.switch_to.default_content()
        driver.find_element(By.CSS_SELECTOR, "[data-scheme=light]").click()
        assert frame.value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"


def test_every_language_of_a_mail_is_a_link(address: str, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as driver:
        driver.get(address)
        driver.find_element(By.CSS_SELECTOR, 'nav a[href*="locale=fr"]').click()
        assert seen(driver, lambda page: page.find_element(By.ID, "subject").text) == "Bonjour Ada & Co"


def test_a_mail_s_own_script_never_runs(address: str, folder: Path, tmp_path: Path) -> None:
    (folder / "hello.html").write_text(
        "<script>document.title = 'ran'; top.document.title = 'ran'</script><b>x</b>"
    )
    with browser(tmp_path / "profile") as driver:
        driver.get(f"{address}/?mail=hello")
        driver.switch_to.frame(seen(driver, lambda page: page.find_element(By.ID, "html")))
        seen(driver, lambda page: page.find_element(By.TAG_NAME, "b"))
        driver.switch_to.default_content()
        assert driver.title == "Hello Ada & Co"


def test_a_link_of_the_mail_opens_a_tab_and_leaves_the_mail_where_it_is(
    address: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "hello.html").write_text(f'<!DOCTYPE html><a href="{address}/state">Look</a>')
    with browser(tmp_path / "profile") as driver:
        driver.get(f"{address}/?mail=hello")
        driver.switch_to.frame(seen(driver, lambda page: page.find_element(By.ID, "html")))
        assert driver.execute_script("return document.compatMode") == "CSS1Compat"
        driver.find_element(By.TAG_NAME, "a").click()
        assert seen(driver, lambda page: len(page.window_handles) == 2)
        assert driver.find_element(By.TAG_NAME, "a").text == "Look"


def test_what_breaks_the_mail_is_told_on_the_page(address: str, folder: Path) -> None:
    (folder / "hello.html").write_text('<img src="https://example.org/a.png"><a href="/login">Log in</a>')
    status, page = _get(address, "/?mail=hello")
    assert status == 200
    assert "has no alt" in page
    assert "leads nowhere" in page


@pytest.mark.parametrize("query", ["?mail=unknown", "?mail=hello&locale=%00", "?mail=..%2f..%2fetc%2fpasswd"])
def test_what_cannot_be_shown_is_told_with_the_list_of_what_can(address: str, query: str) -> None:
    status, page = _get(address, f"/{query}")
    assert status == 200
    assert 'role="alert"' in page
    assert "?mail=hello" in page


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example:80", "localhost@evil", "[", "localhost"],
)
def test_a_web_site_that_points_its_name_at_this_machine_reads_nothing(address: str, host: str) -> None:
    for path in ("/", "/state"):
        status, text = _get(address, path, host)
        assert status == (200 if host == "localhost" else 403)
        assert ("hello" in text) == (host == "localhost" and path == "/")


def test_there_is_no_other_page(address: str) -> None:
    for path in ("/hello.html", "//[", "/../state"):
        assert _get(address, path)[0] == 404


def test_a_change_that_keeps_the_size_is_a_change_and_so_is_one_of_the_context(
    folder: Path, tmp_path: Path
) -> None:
    context = tmp_path / "context.json"
    context.write_text("{}")
    page = Page(lambda: Templates(folder), context)
    for file in (folder / "hello.txt", context):
        before = page.state()
        assert page.state() == before
        os.utime(file, ns=(1, 1))
        assert page.state() != before


def test_a_folder_that_goes_away_while_it_is_read_leaves_a_page_that_follows_its_return() -> None:
    def gone() -> Templates:
        raise FileNotFoundError(2, "No such file or directory", "mails")

    shown = Page(gone, None).shown(None, None)
    assert "No such file or directory: &#39;mails&#39;" in shown
    assert "location.reload()" in shown


def test_a_browser_that_goes_on_before_its_answer_is_no_news(
    address: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "hello.html").write_text("x" * 5_000_000)  # more than the system takes without a reader
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as caller:
        caller.sendall(b"GET /?mail=hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert caller.recv(1)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(
        lambda: not any("process_request" in thread.name for thread in threading.enumerate()),
        "the answer is given up",
    )
    assert capsys.readouterr().err == ""
