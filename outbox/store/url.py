"""Which database a URL names, where it leaves out the driver, and which one is meant without a URL."""

DEFAULT_URL = "sqlite:///outbox.sqlite3"

# A driverless URL means another driver to SQLAlchemy, for MySQL one without wheels for Linux.
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}


def with_driver(url: str) -> str:
    """Return `url` with the driver that we install, where it names none."""
    scheme, separator, rest = url.partition("://")
    return f"{_DRIVERS.get(scheme, scheme)}{separator}{rest}"
