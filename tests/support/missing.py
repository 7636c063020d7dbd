"""What a test does when something that it needs is not on the machine."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(sentence: str) -> NoReturn:
    """Skip the test with a sentence that says what is missing; under CI fail it, so that no gap hides."""
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def binary(name: str, package: str) -> str:
    """Return the path of a program, also of those outside a user's PATH."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        missing(f"{name} is missing: install the package {package}.")
    return found
