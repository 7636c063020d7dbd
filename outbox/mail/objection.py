"""Why a claimed delivery must not be sent: found at the claim, after its application has committed."""

from dataclasses import dataclass

from outbox.mail.status import MOVES, Move, Reason, Status


@dataclass(frozen=True, slots=True)
class Objection:
    """What becomes of the delivery instead, and why, in our word and in a sentence for people."""

    move: Move
    reason: Reason
    detail: str

    @property
    def outcome(self) -> Status:
        """The state that the delivery comes to."""
        return MOVES[self.move].target


def suppressed(why: str) -> Objection:
    """Return the objection to an address that is on the list of those that get no mail."""
    return Objection(Move.SUPPRESS, Reason.SUPPRESSED, f"the address is suppressed: {why}")


@dataclass(frozen=True, slots=True)
class Storm:
    """More than `most` mails to one address in `seconds` are a mistake for somebody to look at; 0 is any."""

    most: int = 0
    seconds: float = 3600.0

    def objection(self) -> Objection:
        """Return what is said of the mails above the limit."""
        return Objection(
            Move.PARK,
            Reason.STORM,
            f"more than {self.most} mails to this address within {self.seconds:g} s (storm_limit): "
            "release them if they are meant",
        )
