"""What a claim looks at before its mail may go: suppressed addresses, and storms of mail to one address."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from outbox.mail.objection import Objection, Storm, suppressed
from outbox.mail.status import Reason
from outbox.store import suppressions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from outbox.store.dialects import DaemonDialect
    from outbox.store.moves import Claim

_PERSON = Reason.PERSON.value


class Guards:
    """Objects to claims of one database; without a storm's limit to suppressed addresses only."""

    def __init__(self, dialect: DaemonDialect, storm: Storm | None = None) -> None:
        self._storm = storm or Storm()
        self._lately = dialect.sent_lately

    def look(
        self, connection: Connection, claims: Sequence[Claim], in_hand: Mapping[int, str]
    ) -> list[Claim]:
        """Return the claims in their order, some with an objection.

        `in_hand` has the recipients of what this daemon holds, by the ids of the deliveries. What other
        daemons hold is not counted: a storm may pass its limit by as much.
        """
        recipients = list(dict.fromkeys(claim.recipient for claim in claims))
        if not recipients:
            return []
        listed = suppressions.suppressed(connection, recipients)
        room = self._room(connection, recipients, in_hand)
        return [_judged(claim, listed, room, self._storm) for claim in claims]

    def _room(
        self, connection: Connection, recipients: list[str], in_hand: Mapping[int, str]
    ) -> Counter[str] | None:
        """Return how many more mails each address may have now; None where any number goes."""
        if not self._storm.most:
            return None
        # What is in hand may have been written down a moment ago: it counts once.
        parameters = {"recipients": recipients, "since": -self._storm.seconds, "held": list(in_hand)}
        held = Counter(in_hand.values())
        sent = {row.recipient: row.mails for row in connection.execute(self._lately, parameters)}
        return Counter(
            {
                recipient: self._storm.most - sent.get(recipient, 0) - held[recipient]
                for recipient in recipients
            }
        )


def _judged(
    claim: Claim,
    listed: Mapping[str, suppressions.Suppression],
    room: Counter[str] | None,
    storm: Storm,
) -> Claim:
    objection: Objection | None = None
    if (suppression := listed.get(claim.recipient)) is not None:
        objection = suppressed(suppression.why)
    elif room is not None:
        # What a person has let go is meant, however much it is.
        if room[claim.recipient] <= 0 and claim.reason != _PERSON:
            objection = storm.objection()
        room[claim.recipient] -= 1
    return claim if objection is None else replace(claim, objection=objection)
