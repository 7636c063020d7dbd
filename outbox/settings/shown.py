"""The settings as a person may see them: each value, and where it comes from, but no secret."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

from outbox.mail.rate import Limit
from outbox.mail.stream import Stream
from outbox.settings.field import told_kept
from outbox.settings.model import Settings
from outbox.settings.relays import KEYS, RelayTable
from outbox.settings.sources import Loaded

_HIDDEN_IN_QUERIES = ("password", "passwd", "sslpassword", "secret", "token")
_KEPT = {"keep_bodies", "keep_finished"}
_PREFIX = "smtp_"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting: its value as text, None for none; of a secret only whether it is set."""

    name: str
    value: str | None
    origin: str
    is_secret: bool = False
    is_set: bool = False


def shown_settings(loaded: Loaded) -> Iterator[Shown]:
    """Yield every setting in the order of the model; tables one line a key that stands in them."""
    for name, field in Settings.model_fields.items():
        value = getattr(loaded.settings, name)
        given = loaded.origins.get(name)
        origin = given.place if given else _default_of(name)
        if name == "database_url":
            yield Shown(name, without_password(value), origin, is_set=True)
        elif name == "relays":
            yield from _relays(value, origin, given.within if given else {})
        elif name == "streams":
            yield from _streams(value, origin)
        elif name == "dkim":
            for n, key in enumerate(value, 1):
                yield Shown(f"dkim.{n}", f"{key.selector} of {key.domain}", origin, is_set=True)
        elif name in _KEPT:
            yield Shown(name, told_kept(value), origin, is_set=True)
        else:
            hidden = not field.repr or (given is not None and not given.shown)
            yield _plain(name, value, origin, hidden=hidden)


def without_password(url: str) -> str:
    """Return a database URL without the password in it, also where it stands among the options."""
    parsed = make_url(url)
    hidden = dict.fromkeys(_secret_options(parsed), "hidden")
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)


def has_password(url: str) -> bool:
    """Tell whether a password stands in a database URL."""
    parsed = make_url(url)
    return bool(parsed.password or _secret_options(parsed))


def _secret_options(url: URL) -> list[str]:
    return [key for key in url.query if key.lower() in _HIDDEN_IN_QUERIES]


def _plain(name: str, value: Any, origin: str, *, hidden: bool) -> Shown:
    is_set = value is not None and value != ()
    if hidden:
        return Shown(name, None, origin, is_secret=True, is_set=is_set)
    return Shown(name, _text(value) if is_set else None, origin, is_set=is_set)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        separator = os.pathsep if value and isinstance(value[0], Path) else ", "
        return separator.join(map(str, value))
    # All of its digits, as "g" alone would round it.
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _default_of(name: str) -> str:
    if name == "state_dir" and os.environ.get("STATE_DIRECTORY"):
        return "environment STATE_DIRECTORY"
    return "default"


def _relays(tables: Mapping[str, RelayTable], origin: str, within: Mapping[str, str]) -> Iterator[Shown]:
    for relay, table in tables.items():
        for name in table.model_fields_set:
            key = name.removeprefix(_PREFIX)
            place = within.get(f"{relay}.{key}", origin)
            hidden = not RelayTable.model_fields[name].repr
            # Host, port and protocol stand in the URL, whose parts are easier to read by themselves.
            place = place if key in KEYS else f"{place}, url"
            yield _plain(f"relays.{relay}.{key}", getattr(table, name), place, hidden=hidden)


def _streams(streams: Mapping[str, Stream], origin: str) -> Iterator[Shown]:
    for name, stream in streams.items():
        path = f"streams.{name}"
        yield _plain(f"{path}.relay", stream.relays, origin, hidden=False)
        yield _plain(f"{path}.weight", stream.weight, origin, hidden=False)
        yield _plain(f"{path}.priority", stream.priority.value, origin, hidden=False)
        yield from _limit(path, stream.limit, origin)


def _limit(path: str, limit: Limit, origin: str) -> Iterator[Shown]:
    rate = None if limit.rate is None else f"{limit.rate:g}/s"
    for key, value in (("rate", rate), ("burst", limit.burst), ("quota", limit.quota)):
        if value is not None:
            yield _plain(f"{path}.{key}", value, origin, hidden=False)
