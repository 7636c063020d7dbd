"""The demo's proof can fail: each way in which mail can go wrong is seen."""

from datetime import UTC, datetime
from pathlib import Path

from outbox.cli.catcher import Caught
from outbox.cli.proof import Arrival, Comparison, compare, read_caught

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ADA = Arrival("<1@example.com>", "ada@example.com")
BOB = Arrival("<1@example.com>", "bob@example.com")
EVE = Arrival("<2@example.com>", "ada@example.com")


def test_each_once_in_any_order_speaks_for_itself() -> None:
    same = compare([ADA, BOB, EVE], [EVE, BOB, ADA])
    assert (Comparison((), (), ()), []) == (same, same.faults)


def test_a_mail_that_did_not_arrive_is_lost() -> None:
    assert Comparison(lost=(BOB,), doubled=(), ghosts=()) == compare([ADA, BOB], [ADA])


def test_a_mail_that_arrived_again_is_doubled() -> None:
    assert Comparison(lost=(), doubled=(ADA, ADA), ghosts=()) == compare([ADA, BOB], [ADA, BOB, ADA, ADA])


def test_a_mail_that_was_never_committed_is_a_ghost() -> None:
    assert Comparison(lost=(), doubled=(), ghosts=(EVE, EVE)) == compare([ADA], [EVE, ADA, EVE])


def test_a_mail_for_the_wrong_recipient_is_lost_for_one_and_a_ghost_for_the_other() -> None:
    assert Comparison(lost=(ADA,), doubled=(), ghosts=(BOB,)) == compare([ADA], [BOB])


def test_a_mail_committed_twice_must_arrive_twice() -> None:
    assert Comparison(lost=(ADA,), doubled=(), ghosts=()) == compare([ADA, ADA], [ADA])


def test_every_fault_is_a_sentence_with_a_few_examples() -> None:
    wanted = [Arrival(f"<{n}@example.com>", "ada@example.com") for n in range(5)]
    assert compare(wanted, [EVE._replace(recipient="x@example.com")]).faults == [
        (
            "5 committed and never arrived: <0@example.com> for ada@example.com, "
            "<1@example.com> for ada@example.com, <2@example.com> for ada@example.com, …"
        ),
        "1 arrived and was never committed: <2@example.com> for x@example.com",
    ]


def test_the_catchers_files_are_read_by_envelope_and_others_left_alone(tmp_path: Path) -> None:
    content = b"To: nobody@example.com\r\nMessage-ID: <1@example.com>\r\n\r\nMessage-ID: <9@x>\r\n"
    mail = Caught(1, NOON, "shop@example.com", (ADA.recipient, BOB.recipient), content)
    mail.save(tmp_path)
    (tmp_path / "mine.eml").write_bytes(content)
    assert read_caught(tmp_path) == [ADA, BOB]
