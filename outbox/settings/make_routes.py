"""Make the ways of the streams of the settings that describe them."""

from collections.abc import Collection
from dataclasses import replace

from outbox.mail.route import Routes
from outbox.mail.stream import DEFAULT, Stream, Streams
from outbox.settings.make_relay import relays_of
from outbox.settings.model import Settings


def streams_of(settings: Settings) -> Streams:
    """Return the streams; with tables of relays, one that names none goes as those do that are not known."""
    known = settings.streams
    if not settings.relays:
        return Streams(known)
    order = known.get(DEFAULT, Stream()).relays
    return Streams({name: replace(each, relays=each.relays or order) for name, each in known.items()})


def routes_of(settings: Settings, down: Collection[str]) -> Routes:
    """Return the routes of a daemon with these settings, while the relays that are `down` are."""
    first, *_ = names = [relay.name for relay in relays_of(settings)]
    unnamed = () if settings.relay_name else (first,)
    return Routes(streams_of(settings), names, unnamed, {*down}.intersection(names).__contains__)
