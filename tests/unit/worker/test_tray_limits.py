"""What a limit lets go, and what the retries' half lets go, is asked at once: a sender enters for no less."""

from dataclasses import replace
from typing import Any

from outbox.mail.status import Lane, OnDoubt
from outbox.worker.parcel import Kind, Parcel
from outbox.worker.tray import Tray
from tests.unit.worker.held import claim, message, parcel


class Allowance:
    """Has tokens for the streams that it names."""

    limits = True

    def __init__(self, *streams: str) -> None:
        self.streams = streams
        self.wanted = 0
        self.asked = 0

    def lets(self, kind: Kind) -> bool:
        stream, recipients = kind
        self.asked += 1
        return stream in self.streams and bool(recipients)

    spends = lets

    def want(self) -> None:
        self.wanted += 1


def a_tray(*streams: str, width: int = 2, allowance: Any = None) -> Tray:
    allowance = allowance or Allowance(*streams)
    return Tray(lambda: width, lambda: None, allowance)


def once_only(number: int, stream: str, lane: Lane = Lane.FRESH) -> Parcel:
    """Return a parcel whose sending has to be announced."""
    one = parcel(claim(number, stream=stream, lane=lane))
    one.message = replace(message(), on_doubt=OnDoubt.HOLD)
    return one


def fresh(number: int, stream: str) -> Parcel:
    return parcel(claim(number, stream=stream))


def retry(number: int, stream: str) -> Parcel:
    return parcel(claim(number, stream=stream, lane=Lane.RETRY))


def test_nobody_enters_for_a_retry_without_room_that_would_have_to_be_announced() -> None:
    tray = a_tray("free")
    tray.put([retry(1, "free")])
    assert tray.enter()
    assert tray.take()
    # Of these the first has no room among the senders, and the second no token.
    tray.put([once_only(2, "free", Lane.RETRY), once_only(3, "bulk")])
    assert not tray.enter(connected=True)


def test_fresh_mail_behind_retries_without_room_is_let_in() -> None:
    tray = a_tray("free")
    first, *others = [retry(n, "free") for n in range(1, 5)]
    tray.put([first])
    assert tray.enter()
    assert tray.take() is first
    tray.put([*others, mail := fresh(9, "free")])
    assert tray.enter(connected=True)
    assert tray.take() is mail


def test_no_more_are_let_in_than_may_go() -> None:
    tray = a_tray("free", width=4)
    tray.put([retry(1, "free"), retry(2, "free"), retry(3, "free"), fresh(4, "free"), fresh(5, "bulk")])
    assert tray._let() == 3


def test_who_finds_no_token_has_asked_once_for_all_that_are_alike() -> None:
    tray = a_tray(allowance=(allowance := Allowance("free")))
    tray.put([fresh(1, "free"), *(fresh(n, "bulk") for n in range(2, 100))])
    assert tray.enter()
    assert tray.take()
    allowance.asked = 0
    assert (tray.take(), tray.enter(connected=True)) == (None, False)
    assert allowance.asked == 2
    tray.put([fresh(100, "free")])
    allowance.streams, allowance.asked = ("free",), 0
    assert (tray._let(), allowance.asked) == (1, 2)
    allowance.streams = ("bulk",)
    assert tray.take()
