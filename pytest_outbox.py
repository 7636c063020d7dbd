"""The pytest plugin: `outbox_messages` has the mails that the application enqueues, and needs no database.

Every run of pytest loads this file where the outbox is installed, so it imports the outbox only for the test
that asks for it. `-p no:outbox` leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outbox.testing import Captured


@pytest.fixture
def outbox_messages() -> Iterator[Captured]:
    """Mails that the application enqueues while this test runs; see `outbox.testing.captured`."""
    from outbox.testing import captured  # noqa: PLC0415 - see above

    with captured() as messages:
        yield messages


class _Alias:
    @pytest.fixture
    def mailoutbox(self, outbox_messages: Captured) -> Captured:
        """Mails as in outbox_messages, by the name that people know from pytest-django."""
        return outbox_messages


def pytest_configure(config: pytest.Config) -> None:
    """Give `mailoutbox` too, unless pytest-django is there, whose name it is."""
    if not config.pluginmanager.hasplugin("django"):
        config.pluginmanager.register(_Alias(), "outbox_mailoutbox")
