"""Ways of sending ready mails to a server, and how many round trips a mail takes on each connection."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.others import python_client, smtp_source
from bench.run import Run
from outbox.delivery.relay import Pipelining


@dataclass(frozen=True, slots=True)
class Way:
    """One way of sending: `send` takes a port and a number of mails.

    `trips` is how many round trips a mail takes on each of its connections, `share` the part of the mails
    that it is asked for where there is no distance: less than 1 for the slow.
    """

    name: str
    title: str
    connections: int
    trips: int
    share: float
    send: Callable[[int, int], Run]


def _engine(name: str, pipelining: Pipelining, trips: int) -> tuple[Way, ...]:
    return tuple(
        Way(
            f"{name}-{connections}",
            f"outbox's engine, {name}, {_counted(connections)}",
            connections,
            trips,
            1,
            _client("engine", connections, pipelining),
        )
        for connections in (1, 4, 16)
    )


def _smtplib(connections: int) -> Way:
    title = "smtplib, one kept connection" if connections == 1 else f"smtplib, {connections} threads"
    return Way(f"smtplib-{connections}", title, connections, 4, 0.25, _client("smtplib_kept", connections))


def _aiosmtplib(connections: int) -> Way:
    title = f"aiosmtplib, {_counted(connections)}"
    return Way(
        f"aiosmtplib-{connections}", title, connections, 4, 0.25, _client("aiosmtplib_kept", connections)
    )


def _counted(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"


def _smtp_source(name: str, connections: int, *, kept: bool) -> Way:
    # A new connection for each mail adds the connect, the greeting, EHLO and QUIT.
    title, trips = (" -d, kept connections", 4) if kept else (", a connection a mail", 8)
    send = partial(smtp_source, sessions=connections, kept=kept)
    return Way(name, f"smtp-source -s {connections}{title}", connections, trips, 1, send)


def _client(module: str, *options: object) -> Callable[[int, int], Run]:
    return lambda port, mails: python_client(port, mails, module, *map(str, options))


# Unchained, a mail's envelope is one round trip, its body with the dot the other.
ENGINE = (*_engine("chained", Pipelining.AUTO, 1), *_engine("unchained", Pipelining.MAIL, 2))
"""Our own, without a database."""

PYTHON = (*map(_smtplib, (1, 4, 8, 16)), *map(_aiosmtplib, (1, 4, 16)))
"""The libraries of Python that keep their connections."""

POSTFIX = (
    _smtp_source("smtp-source", 4, kept=False),
    _smtp_source("smtp-source-kept", 4, kept=True),
    _smtp_source("smtp-source-kept-16", 16, kept=True),
)
FLASK_MAIL = Way("flask-mail", "Flask-Mail, mail.send() each", 1, 8, 0.1, _client("flask_mail_each"))
