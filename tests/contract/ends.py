"""Every end that a held delivery can come to, as the store is told of it and as its row must then read."""

from collections.abc import Sequence
from typing import Any

from outbox.mail.status import MOVES, Move, Reason, Settlement
from outbox.mail.verdict import Answer
from outbox.store.moves import Claim
from outbox.store.queue import Queue
from outbox.store.verdicts import Recorded

OWNED = [move for move, edge in MOVES.items() if edge.owned]
PAUSE = 600.0

_YES = Answer(250, "2.0.0", "Ok: queued as 4BX")
_LATER = Answer(451, "4.7.1", 'Greylisted, it\'s "later" \\ 100 %s ü')
_NEVER = Answer(550, "5.1.1", "No such user")

TOLD: dict[Move, dict[str, Any]] = {
    Move.DELIVER: {"judged": True, "answer": _YES, "queue_id": "4BX"},
    Move.DEFER: {"judged": True, "delay": 300.0, "answer": _LATER, "stage": "RCPT TO"},
    Move.REFUSE: {"judged": True, "answer": _NEVER, "stage": "RCPT TO"},
    Move.GIVE_UP: {"judged": True, "answer": _LATER, "reason": Reason.TOO_OLD},
    Move.DOUBT_RESEND: {"judged": True, "doubt": True, "delay": PAUSE, "stage": "end of data"},
    Move.DOUBT_HOLD: {"judged": True, "doubt": True, "stage": "end of data"},
    Move.DOUBT_ASSUME: {"judged": True, "doubt": True, "reason": Reason.ASSUMED},
    Move.RELEASE: {"noted": False, "detail": "the relay is down"},
    Move.EXPIRE_SENDING: {"reason": Reason.EXPIRED},
    Move.SUPPRESS: {"reason": Reason.SUPPRESSED},
    Move.PARK: {"reason": Reason.STORM},
}


def settlement(claim: Claim, move: Move, **changes: Any) -> Settlement:
    """Return the settlement of `claim` by `move`, as the worker would hand it over."""
    told = {"relay": "mx", "detail": "what happened"} | TOLD[move] | changes
    return Settlement(claim.delivery_id, claim.message_id, told.pop("fence", claim.fence), move, **told)


def record(queue: Queue, holder: Any, settlements: Settlement | Sequence[Settlement]) -> Recorded:
    """Record one settlement or several, with the usual pause for late doubts."""
    batch = [settlements] if isinstance(settlements, Settlement) else settlements
    return queue.record(holder, batch, doubt_pause=PAUSE)


def words(end: Settlement) -> dict[str, Any]:
    """Return the columns that hold the relay's words and ours after `end`."""
    answer = end.answer
    return {
        "relay": end.relay,
        "reply_code": answer.code if answer else None,
        "enhanced_code": answer.enhanced if answer else None,
        "reply": answer.text if answer else None,
        "queue_id": end.queue_id,
        "reason": end.reason,
    }
