"""What a counting server's counts say."""

import pytest

from bench.postfix import last_count


@pytest.mark.parametrize(
    ("counts", "mails"),
    [
        (b"", 0),
        (b"sess=1 quit=0 mesg=0\r", 0),
        (b"sess=1 quit=0 mesg=41\rsess=1 quit=0 mesg=42\r", 42),
        # A tail may begin and end inside a line: a number that is cut short is not believed.
        (b"0 mesg=41\rsess=1 quit=0 mesg=4", 41),
    ],
)
def test_the_last_whole_line_tells_how_many_mails_were_taken(counts: bytes, mails: int) -> None:
    assert last_count(counts) == mails
