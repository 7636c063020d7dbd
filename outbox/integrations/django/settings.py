"""What Django's settings say in the daemon's own words: its database, and the relay of its mailer.

What cannot be said so is told as a fault only where it would be needed: the outbox's own settings win.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string
from sqlalchemy import URL

from outbox.integrations.django.backend import EmailBackend
from outbox.integrations.django.routing import database
from outbox.settings.application import Application, Told

if TYPE_CHECKING:
    from collections.abc import Mapping

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

_RELAY = {
    "host": "smtp_host",
    "port": "smtp_port",
    "username": "smtp_username",
    "password": "smtp_password",
    "ssl_certfile": "smtp_client_cert",
    "ssl_keyfile": "smtp_client_key",
}
_LEGACY = {"username": "EMAIL_HOST_USER", "password": "EMAIL_HOST_PASSWORD"}


def said_by_django() -> Application:
    """Return our settings as Django's give them, each with the name that a person finds it by."""
    defaults = {
        "database_url": _database_url(database()),
        "sender": Told(settings.DEFAULT_FROM_EMAIL, "Django's DEFAULT_FROM_EMAIL"),
        **_relay(),
    }
    return Application(defaults=defaults)


def _database_url(alias: str) -> Told:
    wrapper = connections[alias]
    given = wrapper.settings_dict
    place = f"Django's DATABASES[{alias!r}]"
    if wrapper.vendor not in _DRIVERS:
        return Told("", f"{place}, which is {wrapper.vendor}")
    driver = _DRIVERS[wrapper.vendor]
    if wrapper.vendor == "sqlite":
        if wrapper.is_in_memory_db():
            return Told("sqlite:///:memory:", place)
        url = URL.create(driver, database=str(given["NAME"]))
        return Told(url.render_as_string(hide_password=False), place)
    query, unsaid = _query(wrapper.vendor, given.get("OPTIONS") or {})
    if unsaid:
        return Told("", f"{place}, whose option {unsaid[0]!r} has no form in a URL")
    host = str(given["HOST"] or "") or None
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
    return Told(url.render_as_string(hide_password=False), place)


def _query(vendor: str, options: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Return what of OPTIONS says where the server is and how it is reached; and what no URL can say."""
    query: dict[str, str] = {}
    unsaid = []
    for name, value in options.items():
        if name in _NOT_ADDRESSES:
            continue
        if vendor == "mysql" and name == "ssl" and isinstance(value, dict) and value.keys() <= _SSL:
            query |= {f"ssl_{key}": str(path) for key, path in value.items()}
        elif name in _FILES or (vendor == "postgresql" and isinstance(value, str | int)):
            query[name] = str(value)
        else:
            unsaid.append(name)
    return query, unsaid


def _relay() -> dict[str, Told]:
    """Return the settings of the relay: of the SMTP options that our mailer has kept, or of EMAIL_*."""
    given = _mailer() if hasattr(settings, "MAILERS") else _legacy()
    if not given.get("host", Told(None, "")).value:
        return {}
    values = {ours: given[option] for option, ours in _RELAY.items() if option in given}
    values["smtp_tls"] = _tls(given)
    return {name: told for name, told in values.items() if told.value not in {None, ""}}


def _tls(given: Mapping[str, Told]) -> Told:
    chosen = [each for each in ("use_tls", "use_ssl") if given.get(each, Told(None, "")).value]
    if not chosen:
        return Told("none", f"{given['host'].place}, with neither TLS nor SSL")
    value = {"use_tls": "starttls", "use_ssl": "implicit"}[chosen[0]] if len(chosen) == 1 else "both"
    return Told(value, " and ".join(given[each].place for each in chosen))


def _legacy() -> dict[str, Told]:
    options = (*_RELAY, "use_tls", "use_ssl")
    names = {option: _LEGACY.get(option, f"EMAIL_{option.upper()}") for option in options}
    return {option: Told(getattr(settings, name), f"Django's {name}") for option, name in names.items()}


def _mailer() -> dict[str, Told]:
    """Return the OPTIONS of the mailer that queues; of `default`, if several do."""
    ours = [alias for alias, each in settings.MAILERS.items() if _is_ours(each)]
    alias = "default" if "default" in ours else next(iter(ours), None)
    options = settings.MAILERS[alias].get("OPTIONS", {}) if alias else {}
    return {
        option: Told(value, f"Django's MAILERS[{alias!r}]['OPTIONS'][{option!r}]")
        for option, value in options.items()
    }


def _is_ours(mailer: Mapping[str, Any]) -> bool:
    backend = mailer.get("BACKEND")
    return backend is not None and issubclass(import_string(backend), EmailBackend)
