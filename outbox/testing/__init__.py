"""For the tests of applications: capture what they enqueue, and meet the faults of relays."""

from outbox.testing.attempt import Attempt
from outbox.testing.capture import Captured, captured
from outbox.testing.criteria import Criteria
from outbox.testing.faults import after, cut, stall, taken
from outbox.testing.faulty_server import FaultyServer
from outbox.testing.message import Message
from outbox.testing.messages import Messages

__all__ = [
    "Attempt",
    "Captured",
    "Criteria",
    "FaultyServer",
    "Message",
    "Messages",
    "after",
    "captured",
    "cut",
    "stall",
    "taken",
]
