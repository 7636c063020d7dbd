"""What must be true of a queue and its relay when all is over."""

from tests.support.daemon import Application
from tests.support.ledger import LedgerSink


def assert_each_arrived_once(app: Application, sink: LedgerSink) -> None:
    """Find each committed mail in the ledger, once, and nothing else."""
    arrived = [(entry.message_id, entry.recipient) for entry in sink.entries()]
    assert app.committed() == dict.fromkeys(arrived, 1)
    assert len(arrived) == len(set(arrived))
