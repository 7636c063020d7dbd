"""A daemon whose connections to the database break at any byte keeps what it knows, and doubles nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import cut

pytestmark = pytest.mark.trial


def test_cuts_at_random_bytes_lose_nothing_and_double_nothing(
    tmp_path: Path, report: Callable[[str], None]
) -> None:
    result = cut.drive("PostgreSQL", cycles=12, seed=12, folder=tmp_path)
    report(str(result))
    assert result.broken == ()
