"""One trial: a few mails, a fault in the first connection, clean connections afterwards, and the account."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from outbox.delivery.connection import Connection
from outbox.delivery.limits import Limits
from outbox.mail.verdict import Rejected, Sent
from tests.cuts.conversations import Conversation
from tests.cuts.daemon import Daemon
from tests.cuts.fault import ALTERED, Fault, Way
from tests.cuts.line import Line
from tests.cuts.mails import OWNER, POSTS
from tests.cuts.receiver import Receiver
from tests.cuts.session import Ledger

_ROUNDS = 4
"""Connections of a trial: the first has the fault, and the second should do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The account of one trial.

    `lost` says what was lost, and how; `unexplained` who got a mail more often than doubts explain.
    `carried` are the bytes of the first connection, before the fault changed them.
    """

    struck: bool
    lost: list[str]
    unexplained: list[str]
    duplicates: int
    doubts: int
    stages: set[str]
    carried: dict[Way, bytes]


async def run_trial(
    conversation: Conversation, fault: Fault | None, make_daemon: Callable[[], Daemon] = Daemon
) -> Outcome:
    """Send the mails through `fault`, again and again until each has its end."""
    ledger, daemon = Ledger(), make_daemon()
    limits = Limits(conversation.relay.pipelining)
    if conversation.proven:
        limits.chain_answered()
    first = await _connect(conversation, fault, ledger, daemon, limits)
    for _ in range(1, _ROUNDS):
        if not daemon.done:
            await _connect(conversation, None, ledger, daemon, limits)
    carried = {way: bytes(data) for way, data in first.carried.items()}
    altered = fault is not None and fault.kind in ALTERED and conversation.in_the_clear(carried, fault)
    copies = Counter(taken.recipient for taken in ledger.taken)
    return Outcome(
        first.struck,
        _lost(ledger, daemon, altered=altered),
        [each for each, n in copies.items() if n > 1 + daemon.doubts[each]],
        sum(n - 1 for n in copies.values()),
        daemon.doubts.total(),
        daemon.stages,
        carried,
    )


async def _connect(
    conversation: Conversation, fault: Fault | None, ledger: Ledger, daemon: Daemon, limits: Limits
) -> Line:
    """Live through one connection, as the dialler and the sender do."""
    loop = asyncio.get_running_loop()
    relay = conversation.relay
    receiver = Receiver(conversation.offer, ledger, conversation.server_tls, implicit=conversation.implicit)
    line = Line(loop, receiver, fault)
    connection = Connection(relay, limits, conversation.credentials, conversation.client_tls, loop)
    await loop.create_connection(lambda: connection.wire, sock=line.client)
    if conversation.apart:
        connection.wire.small = 0
    daemon.begin_round()
    refused = await connection.shake_hands()
    if refused is None:
        await connection.carry(daemon.next_mail)
        await connection.quit()
    else:
        daemon.stages.add(refused.stage)
    await line.over.wait()
    return line


def _lost(ledger: Ledger, daemon: Daemon, *, altered: bool) -> list[str]:
    """Name what is lost: without an end, or with one that is not true.

    A refusal is true where our server said it, though it may have been to a command that the fault changed.
    A message may arrive changed only where the fault changed a byte in the clear, which nobody can see.
    """
    taken = {each.recipient for each in ledger.taken}
    lost = [f"{each}: told twice, or unasked" for each in daemon.unasked]
    for recipient, owner in OWNER.items():
        end = daemon.ends.get(recipient)
        if end is None:
            lost.append(f"{recipient}: never ended")
        elif isinstance(end, Sent) and recipient not in taken:
            lost.append(f"{recipient}: called sent, and never taken")
        elif isinstance(end, Rejected) and not ledger.refused & {recipient, owner}:
            lost.append(f"{recipient}: rejected, and never refused: {end.reason}")
    messages = {post.letter: post.arriving for post in POSTS}
    for each in ledger.taken:
        if each.mail != OWNER[each.recipient]:
            lost.append(f"{each.recipient}: got the mail {each.mail!r}")
        elif each.message != messages[each.mail] and not altered:
            lost.append(f"{each.recipient}: got other bytes")
    return lost
