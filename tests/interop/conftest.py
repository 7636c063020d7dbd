"""The claim that every server's test makes, and the table of those that held."""

from collections.abc import Callable, Sequence
from typing import Protocol

import pytest

from outbox.delivery.mail import Envelope
from outbox.delivery.relay import Relay
from outbox.mail.verdict import Sent
from tests.support.assorted import assorted
from tests.support.sending import deliver, kinds
from tests.support.stored import Copies, copies_of
from tests.support.waiting import wait_until


class Storing(Protocol):
    """A server that says what it stored."""

    def stored(self) -> Copies: ...


class StoresAll(Protocol):
    """The claim; without `mails` it is made of the assorted ones."""

    def __call__(self, server: Storing, relay: Relay, mode: str, mails: Sequence[Envelope] = ()) -> None: ...


@pytest.fixture
def stores_all(report: Callable[[str], None]) -> StoresAll:
    """Give the claim that a server stores all that we send it over one connection, byte for byte and once."""

    def claim(server: Storing, relay: Relay, mode: str, mails: Sequence[Envelope] = ()) -> None:
        before = server.stored()
        mails = mails or assorted()
        expected = copies_of(*mails)
        outcome = deliver(relay, *mails)
        assert [[Sent.__name__] * len(mail.recipients) for mail in mails] == [
            kinds(verdicts) for verdicts in outcome.verdicts
        ], outcome.verdicts
        wait_until(lambda: (server.stored() - before).total() >= expected.total(), "all has been stored")
        assert expected == server.stored() - before
        report(f"{mode:<45} {len(mails)} mails  {expected.total()} copies  identical by SHA-256")

    return claim
