"""Which database a URL names, where it leaves out the driver, and which one is meant without a URL."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from outbox.errors import UnsupportedDatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL

DEFAULT_URL = "sqlite:///outbox.sqlite3"

# A driverless URL means another driver to SQLAlchemy, for MySQL one without wheels for Linux.
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}

# Of parameters such as password, passwd and sslpassword.
_SECRET = ("pass", "secret", "token")


def with_driver(url: str) -> str:
    """Return `url` with the driver that we install, where it names none."""
    scheme, separator, rest = url.partition("://")
    return f"{_DRIVERS.get(scheme, scheme)}{separator}{rest}"


def usable_url(url: str) -> str:
    """Return `url` with its driver, or raise ValueError where no other process could find that database."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError("this is no URL")
    if scheme.startswith("sqlite") and (rest in {"", "/"} or ":memory:" in rest):
        raise ValueError("a database in memory is empty for every other process")
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        # Not with the error's words: they may hold the password.
        raise ValueError("this is no URL") from None
    return with_driver(url)


def our_scheme(url: URL) -> str:
    """Return what a URL of the same kind of database begins with, by the driver that we install."""
    return _DRIVERS.get(url.get_backend_name(), url.get_backend_name())


def without_secrets(url: URL) -> str:
    """Return `url` as people may see it: without its password, wherever that stands."""
    secret = [name for name in url.query if any(word in name.lower() for word in _SECRET)]
    return url.difference_update_query(secret).render_as_string(hide_password=True)


@contextmanager
def missing_driver_told(url: URL) -> Iterator[None]:
    """Raise UnsupportedDatabaseError, which names the extra, where the driver of `url` is not installed."""
    try:
        yield
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise UnsupportedDatabaseError(
            f"The driver of {url.drivername!r} is not installed ({error}). {_remedy(url)}"
        ) from error


def _remedy(url: URL) -> str:
    if url.get_backend_name() not in _DRIVERS:
        return "Install it."
    ours = our_scheme(url)
    extra = "postgresql" if ours.startswith("postgresql") else "mysql"
    return f"Use {ours}://…, and install that: pip install 'email-outbox[{extra}]'"
