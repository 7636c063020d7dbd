"""aiosmtpd as it comes: no PIPELINING, one answer a command."""

import ssl
from collections import Counter
from hashlib import sha256
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.stored import Copies
from tests.support.waiting import free_port

USER, PASSWORD = "tea", "hot tea"


class AiosmtpdServer:
    """It runs in a thread, in a `with` block; `options` are those of aiosmtpd's Controller and SMTP."""

    def __init__(self, *, implicit: ssl.SSLContext | None = None, **options: Any) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self._copies: Copies = Counter()
        self.mails: list[tuple[str, bytes]] = []
        """Each mail that it took, once for each recipient, in the order in which they came."""
        self._controller = Controller(
            self,
            hostname=self.host,
            port=self.port,
            ssl_context=implicit,
            authenticator=self._authenticate,
            data_size_limit=64 * 1024 * 1024,
            **options,
        )

    def stored(self) -> Copies:
        """Return what it took."""
        return self._copies.copy()

    async def handle_DATA(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take every mail."""
        del server, session
        self.mails += [(recipient, envelope.original_content or b"") for recipient in envelope.rcpt_tos]
        digest = sha256(envelope.original_content or b"").hexdigest()
        self._copies.update((recipient, digest) for recipient in envelope.rcpt_tos)
        return "250 2.0.0 Ok: taken"

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        del server, session, envelope, mechanism
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()))

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
