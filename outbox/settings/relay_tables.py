"""What the tables of relays say of names and places, by the rules that the setting `relays` has for them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from outbox.errors import shown
from outbox.mail.stream import DEFAULT, Stream
from outbox.settings.closest import one_of
from outbox.settings.unfit import UnfitError

_SCHEMES = {
    "smtp": ("smtp", "none"),
    "smtp+starttls": ("smtp", "starttls"),
    "smtps": ("smtp", "implicit"),
    "lmtp": ("lmtp", "none"),
}
_GIVE_URL = (
    "a URL such as smtp+starttls://user@mail.example.org:587, smtps://, smtp:// or lmtp://, and no more"
)
_NAME = re.compile(r"[!-~]{1,64}")
_USER = re.compile(r"//[^@/]*@")

Fault = tuple[str, str]
"""The path of what is wrong, as `relays.main.url`, and a sentence."""


def is_name(name: str) -> bool:
    """Tell whether `name` may be the name of a relay that has a table."""
    return _NAME.fullmatch(name) is not None


def read_tables(given: object) -> dict[str, object] | None:
    """Return the tables by the names of the relays, from JSON, too; None where they are none."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return None
    return {str(name): table for name, table in given.items()} if isinstance(given, Mapping) else None


def without_logins(given: object) -> object:
    """Return the tables with what names their relays alone, and no user, secret or file."""
    tables = read_tables(given)
    if tables is None:
        return given
    return {name: _named(table) if isinstance(table, Mapping) else table for name, table in tables.items()}


def _named(table: Mapping[str, object]) -> dict[str, object]:
    kept = {key: table[key] for key in ("url", "tls") if key in table}
    if isinstance(url := kept.get("url"), str):
        kept["url"] = _USER.sub("//", url, count=1)
    return kept


def told_by_url(url: object, beside: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the URL of a relay says; raise UnfitError, which never shows a password."""
    if not isinstance(url, str):
        raise UnfitError("it is missing, or no text", _GIVE_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnfitError("its host or port is not usable", _GIVE_URL) from error
    if parts.password is not None:
        raise UnfitError("a password stands in it, where logs and pages would show it", "password beside it")
    if parts.scheme not in _SCHEMES:
        raise UnfitError(f"{shown(url)} has another scheme than {', '.join(_SCHEMES)}", _GIVE_URL)
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise UnfitError(f"{shown(url)} has no host, or more than a host and a port", _GIVE_URL)
    protocol, tls = _SCHEMES[parts.scheme]
    if "tls" in beside and tls != "none":
        raise UnfitError(f"{parts.scheme}:// says what tls says, too", "tls beside smtp:// or lmtp:// only")
    if parts.username and "username" in beside:
        raise UnfitError("username is given, too", "the name in one of both places")
    told = {"host": parts.hostname, "protocol": protocol, "tls": tls, "port": port}
    told["username"] = unquote(parts.username) if parts.username else None
    return {key: value for key, value in told.items() if value is not None and key not in beside}


def misfits(relays: list[str], streams: Mapping[str, Stream]) -> Iterator[Fault]:
    """Yield where streams name no relay, or one that there is not, and relays that no stream names."""
    named = {DEFAULT: Stream(), **streams}
    for stream, meant in named.items():
        for relay in meant.relays:
            if relay not in relays:
                hint = one_of(relay, relays)
                yield f"streams.{stream}.relay", f"[relays] has no {shown(relay)}. {hint}"
    if len(relays) == 1:
        return
    if not named[DEFAULT].relays:
        order = json.dumps(relays)
        yield f"streams.{DEFAULT}.relay", f"there are several relays. Give their order, such as {order}."
    for relay in relays:
        if not any(relay in stream.relays for stream in named.values()):
            yield f"relays.{relay}", "no stream names it. Name it in one's relay, or remove it."
