"""The handler is made by code, by a configuration of logging, and by what it is refused for."""

import logging
import logging.config
from typing import Any

import pytest
from sqlalchemy import Engine

from outbox import InvalidEmailError
from outbox.errors import InvalidValueError, UnusableConnectionError
from outbox.integrations.logging import OutboxHandler
from tests.integrations.handlers import Kept, stored


def test_a_configuration_of_logging_names_the_class_and_a_url(engine: Engine, sqlite_url: str) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "mail": {
                    "class": "outbox.integrations.logging.OutboxHandler",
                    "level": "ERROR",
                    "engine": sqlite_url,
                    "fromaddr": "app@example.org",
                    "toaddrs": ["ops@example.org"],
                    "subject": "Shop failed",
                }
            },
            "loggers": {"shop.configured": {"handlers": ["mail"]}},
        }
    )
    logger = logging.getLogger("shop.configured")
    logger.warning("not mailed")
    logger.error("mailed")
    [handler] = logger.handlers
    handler.close()
    logger.removeHandler(handler)
    assert stored(engine) == ["Shop failed"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"toaddrs": "ops"}, InvalidEmailError),
        ({"fromaddr": "app"}, InvalidEmailError),
        ({"alike": -1}, InvalidValueError),
        ({"most": 0}, InvalidValueError),
        ({"window": 0}, InvalidValueError),
        ({"engine": "mail.example.org"}, UnusableConnectionError),
        ({"engine": ("mail.example.org", 25)}, UnusableConnectionError),
    ],
)
def test_what_cannot_work_is_told_when_the_handler_is_made(changed: Any, error: type[Exception]) -> None:
    right = {
        "engine": "sqlite://",
        "fromaddr": "app@example.org",
        "toaddrs": "ops@example.org",
        "subject": "Failed",
    }
    told = f"^{next(iter(changed)).removesuffix('addrs')[:4]}|^to|^sender|^This is no URL"
    with pytest.raises(error, match=told) as raised:
        Kept(**{**right, **changed})
    assert raised.value.__traceback__ is not None  # and so the half-made handler is still there
    # What logging flushes when the process ends.
    flushed = [reference() for reference in logging._handlerList]  # type: ignore[attr-defined]
    assert not [each for each in flushed if isinstance(each, Kept) and not hasattr(each, "_courier")]


def test_a_url_names_the_driver_that_we_install_and_a_fault_shows_no_mail() -> None:
    handler = OutboxHandler("mysql://db.example.org/shop", "app@example.org", "ops@example.org", "Failed")
    assert handler._engine.dialect.driver == "pymysql"
    assert handler._engine.hide_parameters
    handler.close()
