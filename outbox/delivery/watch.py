"""Tell of a handshake that takes long, while it is still waited for: a person first, then the breaker.

RFC 5321 (section 4.5.3.2.1) has us wait for minutes, as a busy server may greet so late; a wrong port or TLS
mode, and a relay that hangs, are silent, too.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from outbox.delivery.hint import waiting
from outbox.delivery.relay import Relay
from outbox.mail.verdict import RelayFault
from outbox.smtp.stage import Stage

_NOTICE = 10.0

Slow = Callable[[str | None], None]
"""Who is told, in words, what a handshake waits for that takes long; None: it came."""

Hangs = Callable[[RelayFault], None]
"""Who is told that the relay counts as down, though its answer is waited for."""


@contextmanager
def watched(
    relay: Relay, stage: Callable[[], Stage], slow: Slow, hangs: Hangs
) -> Iterator[Callable[[], None]]:
    """Watch a handshake; `stage` tells where it stands. Call what this gives when it has succeeded."""
    told = False

    def tell() -> None:
        nonlocal told
        told = True
        slow(waiting(stage(), _NOTICE, relay))

    def give_up() -> None:
        seconds = relay.timeouts.handshake
        hangs(RelayFault(stage().value, waiting(stage(), seconds, relay), None, waited=seconds))

    def came() -> None:
        if told:
            slow(None)

    loop = asyncio.get_running_loop()
    timers = loop.call_later(_NOTICE, tell), loop.call_later(relay.timeouts.handshake, give_up)
    try:
        yield came
    finally:
        for timer in timers:
            timer.cancel()
