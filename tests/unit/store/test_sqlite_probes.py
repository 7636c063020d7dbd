"""Which releases of SQLite reset a write-ahead log without corrupting the file."""

import pytest

from outbox.store.dialects.sqlite_probes import is_sound


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_a_release_is_sound_from_the_fix_of_its_series_on(version: tuple[int, ...], expected: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    assert is_sound(version) is expected
