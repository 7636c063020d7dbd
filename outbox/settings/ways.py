"""By which relays mail goes, as settings tell it; known without the model of all of them.

That takes longer to load than all that `outbox why` does besides. So the places are read as ever, and what
names relays is looked at by the rules that the model has for it. Where anything is wrong, the model tells it.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, get_args

from outbox.mail.route import Routes
from outbox.mail.stream import DEFAULT, Stream, Streams
from outbox.settings.gathered import gathered
from outbox.settings.relay_place import (
    HOST,
    PROTOCOL,
    TLS,
    Protocol,
    Tls,
    called,
    is_host,
    is_short_name,
    usual_port,
)
from outbox.settings.relay_tables import is_name, misfits, read_tables, told_by_url
from outbox.settings.stream_tables import read_streams

_LAST_PORT = 65535


def known_routes(down: Collection[str]) -> Routes:
    """Return the routes of the settings that are found here, while the relays that are `down` are.

    Raises SettingsError as `load_routes` does; what is wrong with other settings is not told.
    """
    faults: list[str] = []
    found = gathered({}, faults, [])
    if not faults:
        try:
            return _routes({name: given.value for name, given in found.items()}, down)
        except ValueError:
            pass  # the model says it, and where it stands
    from outbox.settings.make_routes import routes_of  # noqa: PLC0415 - see above
    from outbox.settings.sources import load_routes  # noqa: PLC0415 - as above

    return routes_of(load_routes(), down)


def streams_through(known: Mapping[str, Stream], *, has_tables: bool) -> Streams:
    """Return the streams; with tables of relays, one that names none goes as those do that are not known."""
    if not has_tables:
        return Streams(known)
    order = known.get(DEFAULT, Stream()).relays
    return Streams({name: replace(each, relays=each.relays or order) for name, each in known.items()})


def routes_through(
    streams: Streams, relays: Collection[str], down: Collection[str], *, is_named: bool
) -> Routes:
    """Return the routes through relays of these names; the one relay that `is_named` serves who names it."""
    first, *_ = relays
    unnamed = () if is_named else (first,)
    return Routes(streams, relays, unnamed, {*down}.intersection(relays).__contains__)


def _routes(values: Mapping[str, Any], down: Collection[str]) -> Routes:
    """Return the routes; raise ValueError where a value is not as the model wants it."""
    known = read_streams(values.get("streams", {}))
    tables = read_tables(values.get("relays", {}))
    name = values.get("relay_name")
    if tables is None or not (name is None or (isinstance(name, str) and is_short_name(name))):
        raise ValueError
    for relay, table in tables.items():
        _look_at_table(relay, table)
    if tables and any(misfits([*tables], known)):
        raise ValueError
    streams = streams_through(known, has_tables=bool(tables))
    relays = [*tables] or [name or _place(values)]
    return routes_through(streams, relays, down, is_named=name is not None)


def _look_at_table(name: str, table: object) -> None:
    if not (is_name(name) and isinstance(table, Mapping)):
        raise ValueError
    beside = {key: table[key] for key in ("tls",) if key in table}
    _place({f"smtp_{key}": value for key, value in (beside | told_by_url(table.get("url"), beside)).items()})


def _place(values: Mapping[str, Any]) -> str:
    """Return what the relay at this place is called."""
    host, protocol, tls = (
        values.get(name, default)
        for name, default in (("smtp_host", HOST), ("smtp_protocol", PROTOCOL), ("smtp_tls", TLS))
    )
    if protocol not in get_args(Protocol) or tls not in get_args(Tls):
        raise ValueError
    if not (isinstance(host, str) and is_host(host)):
        raise ValueError
    port = values.get("smtp_port", usual_port(protocol, tls))
    if isinstance(port, str) and port.isascii() and port.isdecimal():
        port = int(port)
    if type(port) is not int or not 0 < port <= _LAST_PORT:
        raise ValueError
    return called(host, port)
