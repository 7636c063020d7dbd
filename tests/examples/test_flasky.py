"""Flasky in a real browser: its administrator is told of each new visitor, once."""

from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.examples.running import running
from tests.support.browser import browser, seen


def say(driver: webdriver.Chrome, name: str, greeting: str) -> None:
    driver.find_element(By.NAME, "name").send_keys(name)
    driver.find_element(By.NAME, "submit").click()
    seen(driver, lambda page: page.find_element(By.TAG_NAME, "h1").text == f"Hello, {name}!")
    assert driver.find_element(By.TAG_NAME, "p").text == greeting


def test_the_administrator_is_told_of_a_new_visitor_once(tmp_path: Path) -> None:
    with running("flasky", tmp_path) as flasky:
        with browser(tmp_path / "profile") as driver:
            driver.get(flasky.address)
            say(driver, "Ada", "Pleased to meet you!")
            say(driver, "Ada", "Happy to see you again!")
            say(driver, "Zoë", "Pleased to meet you!")
        mails = flasky.mails(2)
        assert [(mail["Subject"], mail["From"], mail["To"]) for mail in mails] == [
            ("[Flasky] New User", "Flasky Admin <flasky@example.com>", "admin@example.com")
        ] * 2
        texts = [[part.get_content().strip() for part in mail.iter_parts()] for mail in mails]
        assert sorted(texts) == [
            ["User Ada has joined.", "User <b>Ada</b> has joined."],
            ["User Zoë has joined.", "User <b>Zoë</b> has joined."],
        ]
