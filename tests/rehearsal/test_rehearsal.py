"""Short rehearsals, with what must hold on a busy machine, too; `make rehearsal` has the long ones."""

from pathlib import Path

import pytest

from tests.rehearsal.outage import LONGEST_WAIT, rehearse
from tests.rehearsal.rate import share_a_rate
from tests.support.daemon import application

pytestmark = pytest.mark.trial


def test_two_daemons_that_share_a_rate_keep_to_it_together(database_url: str, tmp_path: Path) -> None:
    with application(database_url) as app:
        kept = share_a_rate(app, database_url, tmp_path, rate=50, seconds=5)
        assert 25 <= kept.rate <= 55
        assert kept.most_in_a_second <= 60
        assert app.scalar("SELECT count(*) FROM outbox_attempt") == 0


def test_fault_84_an_outage_costs_nothing_and_ends_without_a_rush(
    postgresql_url: str, tmp_path: Path
) -> None:
    with application(postgresql_url) as app:
        outage = rehearse(app, postgresql_url, tmp_path, mails=300, away=8, rate=200, count=2, connections=2)
        assert set(app.counts()) == {"sent"}
    assert outage.attempts_burnt == 0
    # 2 s, 4 s, 8 s … by a quarter less or more, whichever daemon has the probe.
    assert 1 <= outage.probes <= 4
    assert outage.closest >= 1.4
    assert outage.noticed <= LONGEST_WAIT
    assert outage.most_in_a_second <= 240
    # What waited behind the other relay would have waited for the outage.
    assert outage.fresh < 8
