"""The capture in unittest, as an application uses it there."""

import unittest
from typing import Any

from outbox import Outbox
from outbox.testing import captured

shop = Outbox(sender="shop@example.org")


class OrderTest(unittest.TestCase):
    def setUp(self) -> None:
        self.messages = self.enterContext(captured())

    def test_a_receipt_is_sent(self) -> None:
        nowhere: Any = None
        shop.enqueue(nowhere, to="ann@example.org", subject="Receipt", text="")
        self.messages.one(subject="Receipt")
