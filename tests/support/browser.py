"""A real browser that a test drives: Chromium without a window, by its own driver."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.chromium import ALONE
from tests.support.missing import binary

PATIENCE = 30
"""Seconds after which a page that never shows what a test waits for is a failure."""

_Seen = TypeVar("_Seen")


@contextmanager
def browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """Give a browser with a profile of its own, and close it after."""
    options = webdriver.ChromeOptions()
    options.binary_location = binary("chromium", "chromium")
    for argument in (*ALONE, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    # Named, so that selenium looks for none on the network.
    driver = webdriver.Chrome(options, Service(binary("chromedriver", "chromium-driver")))
    try:
        yield driver
    finally:
        driver.quit()


def seen(driver: webdriver.Chrome, look: Callable[[webdriver.Chrome], _Seen]) -> _Seen:
    """Return what `look` finds in the page, as soon as it finds anything; the page may change meanwhile."""
    # Chromium has several words for an element whose page is just going away.
    wait: WebDriverWait[webdriver.Chrome] = WebDriverWait(
        driver, PATIENCE, poll_frequency=0.05, ignored_exceptions=[WebDriverException]
    )
    found = wait.until(look)
    assert found
    return found
