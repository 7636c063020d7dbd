"""What the study of journal and limits compares, and that its limits hold for the mail of a drain."""

import pytest

from bench.bound import Bound
from bench.studies.journal import JOURNAL, LIMITS, Turn
from outbox.mail.rate import Limit
from outbox.mail.stream import DEFAULT
from outbox.settings import load
from outbox.settings.make_options import options_of


def found(*rates: tuple[float, float, float, float]) -> list[dict[str, Turn]]:
    """Return rounds with these rates; a mail costs a CPU second at one mail a second."""
    names = ("neither", "journal", "limits", "both")
    return [
        {name: Turn(rate, 1_000 / rate) for name, rate in zip(names, each, strict=True)} for each in rates
    ]


ROUNDS = found((4_000, 3_900, 3_800, 3_700), (2_000, 1_960, 1_920, 1_880), (5_000, 5_000, 5_000, 3_600))


def test_the_cost_is_the_median_of_what_each_round_lost_by_both() -> None:
    # Lost are 7.5, 6 and 28 %; the medians of the rates alone, 4,000 and 3,600, would say 10.
    what = "what journal and gates cost, of the drain rate, PostgreSQL"
    assert JOURNAL.bounds("postgresql", ROUNDS) == [Bound(what, 0.10, 1 - 3_700 / 4_000, upper=True)]


def test_each_round_is_told_beside_what_it_was_without_both() -> None:
    rows = list(JOURNAL.rows(ROUNDS))
    assert rows[1] == ("2", "2,000", "1,960", "0.980", "1,920", "0.960", "1,880", "0.940")
    assert rows[3] == ("median", "4,000", "3,900", "0.980", "3,800", "0.960", "3,600", "0.925")
    assert {len(row) for row in rows} == {len(JOURNAL.columns)}


@pytest.mark.usefixtures("no_settings")
def test_its_limits_are_of_the_relay_and_of_the_stream_that_all_mail_of_a_drain_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in LIMITS.items():
        monkeypatch.setenv(f"OUTBOX_{name.upper()}", value)
    options = options_of(load())
    limit = Limit(1_000_000.0, 100_000)
    assert [relay.limit for relay in options.relays] == [limit]
    assert options.streams.of(DEFAULT).limit == limit
