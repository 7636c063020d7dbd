"""Turn the verdict on one recipient into what its delivery becomes: pure, the policy of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from outbox.mail.status import MOST_DOUBTS, Move, OnDoubt, Reason, Settlement
from outbox.mail.verdict import Deferred, InDoubt, Rejected, RelayFault, Sent, Untouched, Verdict
from outbox.smtp.stage import Stage

if TYPE_CHECKING:
    from outbox.delivery.retry import RetryPolicy
    from outbox.mail.objection import Objection
    from outbox.store.moves import Claim


_ABOUT_ONE_MAIL = frozenset({Stage.MAIL_FROM, Stage.RCPT_TO, Stage.DATA, Stage.BODY, Stage.END_OF_DATA})


def settle(
    claim: Claim, verdict: Verdict, relay: str, on_doubt: OnDoubt, policy: RetryPolicy, chance: float
) -> Settlement:
    """Return the settlement of `claim`; `chance` in [0, 1) spreads the wait of a deferral."""
    match verdict:
        case Sent(answer, queue_id):
            # The only end without an attempt row: a clean first success says all in its delivery.
            first = claim.attempts == 0 and claim.doubts == 0
            return Settlement(
                claim.delivery_id,
                claim.message_id,
                claim.fence,
                Move.DELIVER,
                relay,
                judged=True,
                stage=None if first else "end of data",
                answer=answer,
                queue_id=queue_id,
                reason=Reason.REDIRECTED if claim.diverted else None,
                noted=not first,
            )
        case Deferred(stage, reason, answer):
            attempts = claim.attempts + 1
            too_old = policy.is_too_old(attempts, claim.judged_ago)
            return Settlement(
                claim.delivery_id,
                claim.message_id,
                claim.fence,
                Move.GIVE_UP if too_old else Move.DEFER,
                relay,
                delay=None if too_old else policy.delay(attempts, chance),
                judged=True,
                stage=stage,
                answer=answer,
                detail=reason,
                reason=Reason.TOO_OLD if too_old else None,
                recipient=claim.recipient,
            )
        case Rejected(stage, reason, answer):
            return Settlement(
                claim.delivery_id,
                claim.message_id,
                claim.fence,
                Move.REFUSE,
                relay,
                judged=True,
                stage=stage,
                answer=answer,
                detail=reason,
                recipient=claim.recipient,
            )
        case InDoubt():
            return _settle_doubt(claim, verdict, relay, on_doubt, policy)
        case RelayFault():
            return _step_aside(claim, verdict, relay, policy.fault_pause * (0.75 + chance / 2))
        case Untouched(reason):
            return release(claim, relay, None, reason)
        case _:
            assert_never(verdict)


def _step_aside(claim: Claim, fault: RelayFault, relay: str, pause: float) -> Settlement:
    """Return the settlement of a mail that met a fault of the relay: no attempt is counted.

    Once its transaction had begun, the relay's words are kept and it waits for `pause` seconds. Should it be
    this mail that the relay minds, others go first: else it would be the oldest one due, and every probe's.
    """
    begun = fault.stage in _ABOUT_ONE_MAIL
    return Settlement(
        claim.delivery_id,
        claim.message_id,
        claim.fence,
        Move.RELEASE,
        relay,
        delay=pause if begun else None,
        stage=fault.stage,
        answer=fault.answer if begun else None,
        detail=fault.reason,
        noted=False,
    )


def release(claim: Claim, relay: str, stage: str | None, reason: str) -> Settlement:
    """Return the settlement that gives a claim back unjudged; it leaves no trace but the fence."""
    return Settlement(
        claim.delivery_id,
        claim.message_id,
        claim.fence,
        Move.RELEASE,
        relay,
        stage=stage,
        detail=reason,
        noted=False,
    )


def obey(claim: Claim, objection: Objection, relay: str) -> Settlement:
    """Return the settlement of a claim that must not be sent."""
    return Settlement(
        claim.delivery_id,
        claim.message_id,
        claim.fence,
        objection.move,
        relay,
        detail=objection.detail,
        reason=objection.reason,
        recipient=claim.recipient,
    )


def expire(claim: Claim, relay: str) -> Settlement:
    """Return the settlement of a claim whose mail became useless while it waited to be sent."""
    return Settlement(
        claim.delivery_id,
        claim.message_id,
        claim.fence,
        Move.EXPIRE_SENDING,
        relay,
        detail="expires_at passed before it could be sent",
        reason=Reason.EXPIRED,
    )


def _settle_doubt(
    claim: Claim, doubt: InDoubt, relay: str, on_doubt: OnDoubt, policy: RetryPolicy
) -> Settlement:
    match on_doubt:
        case OnDoubt.RESEND if claim.doubts + 1 < MOST_DOUBTS:
            move = Move.DOUBT_RESEND
        case OnDoubt.ASSUME_SENT:
            move = Move.DOUBT_ASSUME
        case OnDoubt.RESEND | OnDoubt.HOLD:
            move = Move.DOUBT_HOLD
        case _:
            assert_never(on_doubt)
    return Settlement(
        claim.delivery_id,
        claim.message_id,
        claim.fence,
        move,
        relay,
        delay=policy.doubt_pause if move is Move.DOUBT_RESEND else None,
        judged=True,
        doubt=True,
        stage=doubt.stage,
        answer=doubt.answer,
        detail=doubt.reason,
        reason=Reason.ASSUMED if move is Move.DOUBT_ASSUME else None,
        evidence=doubt.evidence,
        recipient=claim.recipient,
    )
