"""Every error says what happened and what to do, and ends a command with a code of sysexits.h."""

from datetime import UTC, datetime

import pytest

from outbox import errors
from outbox.errors import InvalidEmailError, OutboxError, SettingsError, counted, missing_tables, shown

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OutboxError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_ours_and_has_an_exit_code(kind: type[OutboxError]) -> None:
    assert kind.exit_code in {64, 69, 75, 78}
    assert kind.__name__ == "OutboxError" or kind.__name__.endswith("Error")


def test_an_invalid_email_names_field_value_problem_and_remedy() -> None:
    error = InvalidEmailError("to", "ann@@", "has two @", "Remove one.")
    assert str(error) == "to: has two @: 'ann@@'. Remove one."
    assert (error.field, error.value) == ("to", "ann@@")
    assert isinstance(error, ValueError)


def test_a_long_value_is_cut_where_it_is_shown_and_kept_where_it_is_not() -> None:
    error = InvalidEmailError("text", "x" * 10_000, "is odd", "Mend it.")
    assert len(str(error)) < 200
    assert error.value == "x" * 10_000


@pytest.mark.parametrize(("value", "text"), [("a\nb", r"'a\nb'"), (None, "None"), (b"\x00", r"b'\x00'")])
def test_a_value_is_shown_as_its_repr(value: object, text: str) -> None:
    assert text == shown(value)


def test_settings_list_all_their_faults() -> None:
    error = SettingsError(["one: wrong", "two: wrong"])
    assert (str(error), error.faults) == ("one: wrong\ntwo: wrong", ("one: wrong", "two: wrong"))


def test_missing_tables_name_both_ways_to_make_them() -> None:
    assert "outbox db upgrade" in str(missing_tables())
    assert "outbox.migrate(engine)" in str(missing_tables())


def test_what_is_counted_is_named_as_one_or_as_many() -> None:
    told = [counted(1, "mail"), counted(0, "mail"), counted(1204, "delivery"), counted(1, "delivery")]
    assert told == ["1 mail", "0 mails", "1,204 deliveries", "1 delivery"]


def test_an_instant_is_shown_as_people_write_it() -> None:
    assert shown(datetime(2030, 1, 31, 9, tzinfo=UTC)) == "2030-01-31T09:00:00+00:00"
