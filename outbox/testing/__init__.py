"""For the tests of applications: capture what they enqueue, and meet the faults of relays."""

from outbox.testing.capture import Captured, captured
from outbox.testing.criteria import Criteria
from outbox.testing.message import Message
from outbox.testing.messages import Messages

__all__ = ["Captured", "Criteria", "Message", "Messages", "captured"]
