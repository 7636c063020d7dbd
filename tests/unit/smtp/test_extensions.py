"""What a relay offers is read leniently."""

from outbox.smtp.extensions import Extensions, parse_extensions
from outbox.smtp.reply import Reply


def test_offers_are_read_in_any_case_and_old_forms() -> None:
    lines = (
        b"PIPELINING says hello",
        b"SIZE 1000",
        b"8bitmime",
        b"STARTTLS",
        b"ENHANCEDSTATUSCODES",
        b"SMTPUTF8",
        b"AUTH=LOGIN",
        b"AUTH plain Login",
        b"",
        b"X-\xff",
    )
    expected = Extensions(
        pipelining=True,
        starttls=True,
        size=1000,
        auth=frozenset({"LOGIN", "PLAIN"}),
        eightbitmime=True,
        smtputf8=True,
        enhanced=True,
    )
    assert expected == parse_extensions(Reply(250, (b"mail.example", *lines)))


def test_the_first_line_offers_nothing() -> None:
    assert Extensions() == parse_extensions(Reply(250, (b"STARTTLS",)))


def test_a_size_that_is_none_is_no_size() -> None:
    for size in (b"SIZE", b"SIZE x", b"SIZE -1", b"SIZE " + b"9" * 21):
        assert parse_extensions(Reply(250, (b"hi", size))).size is None
