"""Decide what becomes of a delivery whose holder died: pure, the policy of a rescue.

Nobody knows how far the sending had come, so the mail's own `on_doubt` decides, as it does for a dot without
an answer. A delivery that was in such hands may also be what killed them. From then on it queues in a lane
of its own and is claimed by itself.

The sending of such a delivery is announced in the database before it begins; and so is that of a mail which
must not go twice, from the first time. Then two things are known: a sending that was not announced had not
begun, which counts nothing; and of one that was announced the dot may have gone out, or it took the daemon
along. After three such crashes a person has to look at it.
"""

from typing import assert_never

from outbox.mail.status import Lane, Move, OnDoubt

MOST_CRASHES = 3
"""Crashes of its own, each announced before, after which a delivery is held as poison."""

CRASH_PAUSE = 60.0
"""Seconds for which a delivery waits that crashed a daemon by itself: others go first."""


def announces(on_doubt: OnDoubt, lane: Lane) -> bool:
    """Tell whether a sending is announced before it begins; what may go again pays nothing for that."""
    return lane is Lane.ALONE or on_doubt is not OnDoubt.RESEND


def rescue(on_doubt: OnDoubt, lane: Lane, rescues: int, *, announced: bool) -> Move:
    """Return the move that takes a delivery from a dead session.

    `rescues` counts those since its last verdict that could not tell that sending had not begun; the first
    of them brought it into the lane ALONE. `announced` says that this claim's sending was.
    """
    if announces(on_doubt, lane) and not announced:
        return Move.RESCUE_UNBEGUN
    match on_doubt:
        case OnDoubt.RESEND:
            return Move.RESCUE_POISON if announced and rescues >= MOST_CRASHES else Move.RESCUE_RESEND
        case OnDoubt.HOLD | OnDoubt.ASSUME_SENT:
            # Assuming is for a dot that went out; of these nobody knows whether it did.
            return Move.RESCUE_HOLD
        case _:
            assert_never(on_doubt)
