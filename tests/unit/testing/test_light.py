"""The helpers of tests, and the integrations of the standard library, load no delivery code."""

import subprocess
import sys

import pytest

HEAVY = ("outbox.cli", "outbox.delivery", "outbox.settings", "outbox.smtp", "outbox.worker")
NOT_OURS = ("aiosmtpd", "greenlet", "pydantic", "pytest", "unittest")


@pytest.mark.parametrize("name", ["testing", "integrations.logging", "integrations.smtplib"])
def test_no_delivery_code_and_nothing_that_may_be_missing_is_loaded(name: str) -> None:
    code = f"import sys, outbox.{name}; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {*loaded.splitlines()} & {*HEAVY, *NOT_OURS} == set()
