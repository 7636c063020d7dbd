"""Make the ways of the streams of the settings that describe them."""

from collections.abc import Collection

from outbox.mail.route import Routes
from outbox.mail.stream import Streams
from outbox.settings.make_relay import relays_of
from outbox.settings.model import Settings
from outbox.settings.ways import routes_through, streams_through


def streams_of(settings: Settings) -> Streams:
    """Return the streams of a daemon with these settings."""
    return streams_through(settings.streams, has_tables=bool(settings.relays))


def routes_of(settings: Settings, down: Collection[str]) -> Routes:
    """Return the routes of a daemon with these settings, while the relays that are `down` are."""
    names = [relay.name for relay in relays_of(settings)]
    return routes_through(streams_of(settings), names, down, is_named=bool(settings.relay_name))
