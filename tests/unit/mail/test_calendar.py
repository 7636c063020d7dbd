"""An invitation is one whole iCalendar object that says what it asks for."""

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.calendar import METHODS, checked_calendar, method_of

EVENT = "BEGIN:VEVENT\nUID:1@example.org\nSUMMARY:Lunch\nEND:VEVENT\n"


def calendar(method: str = "METHOD:REQUEST\n") -> str:
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{method}{EVENT}END:VCALENDAR\n"


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_method_of_itip_is_taken_with_any_line_ends(method: str, ends: str) -> None:
    given = calendar(f"method:{method.lower()} \n").replace("\n", ends)
    assert checked_calendar(given) == given
    assert method_of(given) == method


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "is not one iCalendar object"),
        (EVENT, "is not one iCalendar object"),
        (calendar().replace("END:VCALENDAR", ""), "is not one iCalendar object"),
        (calendar(""), "says no METHOD"),
        (calendar("METHOD:INVITE\n"), "says the methods 'INVITE'"),
        (calendar("METHOD:REQUEST\nMETHOD:CANCEL\n"), "says the methods 'REQUEST', 'CANCEL'"),
        (calendar("METHOD:REQUEST; x=y\n"), "says the methods"),
        (b"BEGIN:VCALENDAR", "is not a string"),
    ],
)
def test_what_no_reader_could_answer_is_refused(given: str, problem: str) -> None:
    with pytest.raises(InvalidEmailError, match=rf"^calendar: .*{problem}"):
        checked_calendar(given)
