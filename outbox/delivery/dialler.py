"""Make connections to one relay, and keep what they share: TLS context, resolver, token, learnt limits."""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from outbox.delivery.connection import Connection
from outbox.delivery.descriptors import OUT_OF_THEM, SHORTAGE, are_short
from outbox.delivery.limits import Limits
from outbox.delivery.relay import Relay, TlsMode
from outbox.delivery.resolve import Resolver, open_wire
from outbox.delivery.tls import client_context
from outbox.delivery.token import CommandToken, FileToken, TokenError, TokenSource
from outbox.delivery.trouble import FAULTS, explain
from outbox.delivery.watch import Hangs, Slow, watched
from outbox.mail.verdict import RelayFault
from outbox.smtp.auth import Credentials
from outbox.smtp.stage import Stage

if TYPE_CHECKING:
    import ssl


class Dialler:
    """Connects to `relay`; all its connections share `limits`.

    `slow` is told what a handshake waits for that takes long.
    """

    def __init__(
        self,
        relay: Relay,
        resolver: Resolver | None = None,
        limits: Limits | None = None,
        slow: Slow = lambda _: None,
    ) -> None:
        self.relay = relay
        self.limits = limits or Limits(relay.pipelining)
        self._context: ssl.SSLContext | None = None
        self._token = _token_of(relay)
        self._resolver = resolver or Resolver()
        self._slow = slow

    async def connect(self, hangs: Hangs = lambda _: None) -> Connection | RelayFault:
        """Connect, up to the point where a mail may begin. Never raises but CancelledError.

        `hangs` is told of a relay that counts as down already, while its answer is still waited for.
        """
        relay = self.relay
        if are_short():
            return self._shortage()
        stage = Stage.TLS
        loop = asyncio.get_running_loop()
        try:
            if self._context is None and relay.tls is not TlsMode.NONE:
                self._context = client_context(relay)
            stage = Stage.AUTH
            credentials = await self._credentials()
            stage = Stage.CONNECT
            connection = Connection(relay, self.limits, credentials, self._context, loop)
            async with asyncio.timeout(relay.timeouts.connect):
                addresses = await self._resolver.addresses(relay.host, relay.port)
                if are_short():  # again: others have connected meanwhile
                    return self._shortage()
                await open_wire(lambda: connection.wire, addresses, relay.source)
        except TokenError as error:
            return self._fault(stage, str(error))
        except FAULTS as error:
            if getattr(error, "errno", None) in OUT_OF_THEM:
                return self._shortage()
            waited = relay.timeouts.connect if isinstance(error, TimeoutError) else 0.0
            return self._fault(stage, explain(error, relay, stage), waited)
        with watched(relay, lambda: connection.stage, self._slow, hangs) as came:
            fault = await connection.shake_hands()
            if fault is None:
                came()
        if fault is not None and fault.stage == Stage.AUTH and self._token is not None:
            self._token.refused()
        return fault or connection

    def _fault(self, stage: Stage, problem: str, waited: float = 0.0) -> RelayFault:
        return RelayFault(stage.value, f"relay {self.relay.name}: {stage}: {problem}", None, waited=waited)

    @staticmethod
    def _shortage() -> RelayFault:
        return RelayFault(Stage.CONNECT.value, SHORTAGE, None, ours=True)

    async def _credentials(self) -> Credentials | None:
        """Return what AUTH says, where there is anything to say. Raises TokenError."""
        relay = self.relay
        if relay.username is None:
            return None
        password = None if relay.password is None else relay.password.reveal()
        token = None if self._token is None else await self._token.get()
        return Credentials(relay.username, password, token, relay.mechanism)


def _token_of(relay: Relay) -> TokenSource | None:
    if relay.token_file is not None:
        return FileToken(relay.token_file)
    return CommandToken(relay.token_command, monotonic) if relay.token_command else None
