"""Microblog in a real browser: somebody follows somebody, and the mail is caught, in each way of sending."""

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.examples.running import Running, running
from tests.support.browser import browser, seen


def log_in(driver: webdriver.Chrome, blog: Running, nickname: str, about_me: str = "") -> None:
    driver.delete_all_cookies()
    driver.get(f"{blog.address}/login")
    for field, value in (
        ("nickname", nickname),
        ("email", f"{nickname}@example.org"),
        ("about_me", about_me),
    ):
        driver.find_element(By.NAME, field).send_keys(value)
    driver.find_element(By.TAG_NAME, "button").click()
    seen(driver, lambda page: page.find_elements(By.LINK_TEXT, nickname))


def flash(driver: webdriver.Chrome) -> str:
    return seen(driver, lambda page: page.find_element(By.CLASS_NAME, "flash").text)


@pytest.mark.parametrize("way", ["plainly", "in a thread", "decorated"])
def test_who_is_followed_is_told_by_mail(tmp_path: Path, way: str) -> None:
    with running("microblog", tmp_path, SEND_EMAIL=way) as blog, browser(tmp_path / "profile") as driver:
        log_in(driver, blog, "susan")
        log_in(driver, blog, "john", "Likes <boats> & mail")
        driver.find_element(By.LINK_TEXT, "susan").click()
        seen(driver, lambda page: page.find_element(By.TAG_NAME, "button")).click()
        assert flash(driver) == "You are now following susan!"
        assert driver.find_element(By.ID, "followers").text == "1 followers"

        (mail,) = blog.mails(1)
        assert (mail["Subject"], mail["From"], mail["To"]) == (
            "[microblog] john is now following you!",
            "admin@example.com",
            "susan@example.org",
        )
        text, html = (part.get_content() for part in mail.iter_parts())
        link = f"{blog.address}/user/john"
        assert f"visit john's profile page:\r\n\r\n{link}\r\n" in text
        assert f'<a href="{link}">john</a><br>Likes &lt;boats&gt; &amp; mail' in html
        assert '<img src="https://www.gravatar.com/avatar/' in html
        driver.get(link)
        assert seen(driver, lambda page: page.find_element(By.TAG_NAME, "h1").text) == "john"


def test_who_follows_themselves_is_told_so_and_gets_no_mail_and_an_error_is_mailed_to_the_administrators(
    tmp_path: Path,
) -> None:
    with running("microblog", tmp_path) as blog, browser(tmp_path / "profile") as driver:
        log_in(driver, blog, "susan")
        driver.get(f"{blog.address}/broken")
        assert seen(driver, lambda page: page.find_element(By.TAG_NAME, "h1").text).startswith(
            "An unexpected"
        )
        (mail,) = blog.mails(1)
        assert mail["To"] == "admin@example.com"
        assert "RuntimeError: this page is always broken" in mail.get_content()
