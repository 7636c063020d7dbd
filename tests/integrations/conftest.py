"""What is mailed, in memory; and a logger that is as it was after the test."""

import logging
from collections.abc import Iterator

import pytest

from outbox.testing import Captured, captured


@pytest.fixture
def messages() -> Iterator[Captured]:
    """Give what is enqueued while the test runs."""
    with captured() as messages:
        yield messages


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Give an application's logger, whose handlers are closed at the end."""
    logger = logging.getLogger("shop")
    logger.propagate = False
    yield logger
    logger.propagate = True
    for handler in [*logger.handlers]:
        logger.removeHandler(handler)
        handler.close()
