"""What counts as sent twice."""

import pytest

from bench.bound import Bound
from bench.studies.daemons import DAEMONS, Team
from bench.wave import Wave


@pytest.mark.parametrize(("taken", "twice"), [(100, 0), (102, 2)])
def test_a_mail_that_came_again_counts_and_a_claim_that_was_given_back_does_not(
    taken: int, twice: int
) -> None:
    teams = [Team(1, Wave(100, 1.0, 100, 100)), Team(2, Wave(100, 1.0, 104, taken))]
    what = "mails that the server got again from several daemons, MariaDB"
    assert DAEMONS.bounds("mariadb", teams) == [Bound(what, 0, twice, upper=True)]
