"""A URL whose driver is not installed is answered with the extra that brings it, whoever asks."""

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import make_url

from outbox import UnsupportedDatabaseError
from outbox.integrations.engines import new_engine
from outbox.store.database import Database
from outbox.store.url import with_driver, without_secrets


@pytest.mark.parametrize(
    "opened", [lambda url: Database(with_driver(url)), new_engine], ids=["daemon", "integration"]
)
@pytest.mark.parametrize(
    ("url", "driver", "remedy"),
    [
        ("postgresql://ann:secret@host/shop", "psycopg", "pip install 'email-outbox[postgresql]'"),
        ("mariadb://ann:secret@host/shop", "pymysql", "pip install 'email-outbox[mysql]'"),
        ("postgresql+pg8000://ann:secret@host/shop", "pg8000", "Use postgresql+psycopg://…"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra_and_no_password(
    url: str, driver: str, remedy: str, opened: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(UnsupportedDatabaseError, match=re.escape(remedy)) as raised:
        opened(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@host/shop", "postgresql://ann:***@host/shop"),
        (
            "postgresql://ann@host/shop?password=s3cret&sslpassword=s3cret&sslmode=require",
            "postgresql://ann@host/shop?sslmode=require",
        ),
        ("mysql+pymysql://host/shop?passwd=s3cret", "mysql+pymysql://host/shop"),
        ("sqlite:////srv/app.sqlite3", "sqlite:////srv/app.sqlite3"),
    ],
)
def test_a_url_is_shown_without_its_password_wherever_that_stands(url: str, shown: str) -> None:
    assert without_secrets(make_url(url)) == shown
