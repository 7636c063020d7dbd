"""What Django's settings say in the daemon's own words: its database, and the relay of its mailer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string
from sqlalchemy import URL

from outbox.errors import SettingsError
from outbox.integrations.django.backend import EmailBackend
from outbox.integrations.django.routing import database

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
# Options of Django's, of a connection in a web server, or of both drivers alike: no loss for the daemon.
_NOT_ADDRESSES = frozenset(
    {
        "assume_role",
        "autocommit",
        "charset",
        "client_encoding",
        "connect_timeout",
        "conv",
        "init_command",
        "isolation_level",
        "pool",
        "prepare_threshold",
        "server_side_binding",
        "sql_mode",
        "timeout",
        "transaction_mode",
        "use_unicode",
    }
)
_SSL = frozenset({"ca", "cert", "key"})
_FILES = frozenset({"unix_socket", "read_default_file"})


def for_the_daemon(found: Collection[str]) -> dict[str, Any]:
    """Return what Django's settings say beside those `found`, by our names; raise SettingsError.

    What is of the relay counts as a whole: not where one is named, for its password is for no other.
    """
    values: dict[str, Any] = {"sender": settings.DEFAULT_FROM_EMAIL}
    if "database_url" not in found:
        values["database_url"] = _database_url(database())
    return values if "smtp_host" in found else values | _relay()


def _database_url(alias: str) -> str:
    wrapper = connections[alias]
    given = wrapper.settings_dict
    if wrapper.vendor not in _DRIVERS:
        raise SettingsError(
            [f"DATABASES[{alias!r}]: {wrapper.vendor} is no database of the outbox. Route it to another."]
        )
    driver = _DRIVERS[wrapper.vendor]
    if wrapper.vendor == "sqlite":
        return URL.create(driver, database=str(given["NAME"])).render_as_string(hide_password=False)
    host = str(given["HOST"] or "") or None
    query = _query(wrapper.vendor, alias, given.get("OPTIONS") or {})
    if host is not None and host.startswith("/"):
        query["host" if wrapper.vendor == "postgresql" else "unix_socket"] = host
        host = None
    url = URL.create(
        driver,
        username=given["USER"] or None,
        password=given["PASSWORD"] or None,
        host=host or (None if query.keys() & {"host", "service", "unix_socket"} else "localhost"),
        port=int(given["PORT"]) if given["PORT"] else None,
        database=given["NAME"] or None,
        query=query,
    )
    return url.render_as_string(hide_password=False)


def _query(vendor: str, alias: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return what of OPTIONS says where the server is and how it is reached; raise for what nobody knows."""
    query: dict[str, str] = {}
    for name, value in options.items():
        if name in _NOT_ADDRESSES:
            continue
        if vendor == "mysql" and name == "ssl" and isinstance(value, dict) and value.keys() <= _SSL:
            query |= {f"ssl_{key}": str(path) for key, path in value.items()}
        elif name in _FILES or (vendor == "postgresql" and isinstance(value, str | int)):
            query[name] = str(value)
        else:
            fault = "it has no form in a URL, the value is not shown"
            remedy = "Give the daemon's database in OUTBOX_DATABASE_URL."
            raise SettingsError([f"DATABASES[{alias!r}]['OPTIONS'][{name!r}]: {fault}. {remedy}"])
    return query


def _relay() -> dict[str, Any]:
    """Return the settings of the relay, of the SMTP options that our mailer has kept, or of EMAIL_*."""
    given = _mailer() if hasattr(settings, "MAILERS") else _legacy()
    if given.get("use_tls") and given.get("use_ssl"):
        raise SettingsError(["use_tls, use_ssl (Django's settings): both are given. Give one of them."])
    tls = "starttls" if given.get("use_tls") else "implicit" if given.get("use_ssl") else "none"
    values = {
        "smtp_host": given.get("host"),
        "smtp_port": given.get("port"),
        "smtp_username": given.get("username"),
        "smtp_password": given.get("password"),
        "smtp_client_cert": given.get("ssl_certfile"),
        "smtp_client_key": given.get("ssl_keyfile"),
    }
    if not values["smtp_host"]:
        return {}
    return {"smtp_tls": tls} | {name: value for name, value in values.items() if value not in {None, ""}}


def _legacy() -> dict[str, Any]:
    names = {
        "host": "HOST",
        "port": "PORT",
        "username": "HOST_USER",
        "password": "HOST_PASSWORD",
        "use_tls": "USE_TLS",
        "use_ssl": "USE_SSL",
        "ssl_certfile": "SSL_CERTFILE",
        "ssl_keyfile": "SSL_KEYFILE",
    }
    return {option: getattr(settings, f"EMAIL_{name}") for option, name in names.items()}


def _mailer() -> Mapping[str, Any]:
    """Return the OPTIONS of the mailer that queues; `default`, if several do."""
    ours = {alias: each.get("OPTIONS", {}) for alias, each in settings.MAILERS.items() if _is_ours(each)}
    return ours.get("default") or next(iter(ours.values()), {})


def _is_ours(mailer: Mapping[str, Any]) -> bool:
    backend = mailer.get("BACKEND")
    return backend is not None and issubclass(import_string(backend), EmailBackend)
