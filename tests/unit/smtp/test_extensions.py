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
        b"DSN",
        b"Limits rcptmax=20 MAILMAX=5 RCPTDOMAINMAX=1",
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
        dsn=True,
        rcpt_max=20,
        mail_max=5,
    )
    assert expected == parse_extensions(Reply(250, (b"mail.example", *lines)))


def test_the_first_line_offers_nothing() -> None:
    assert Extensions() == parse_extensions(Reply(250, (b"STARTTLS",)))


def test_a_size_that_is_none_is_no_size() -> None:
    for size in (b"SIZE", b"SIZE x", b"SIZE -1", b"SIZE " + b"9" * 21):
        assert parse_extensions(Reply(250, (b"hi", size))).size is None


def test_a_damaged_byte_spoils_a_size_and_does_not_cut_it_short() -> None:
    for damaged in (b"\r", b"\x00", b"\x0b", b"\x1f", b"\x80"):
        assert parse_extensions(Reply(250, (b"hi", b"SIZE 10" + damaged + b"240000"))).size is None
    assert parse_extensions(Reply(250, (b"hi", b"SIZE\t10 \r"))).size == 10


def test_a_limit_that_is_zero_or_malformed_is_no_limit() -> None:
    for value in (b"", b"=", b"=0", b"=05", b"=-1", b"=1000000", b"=x", b"==5", b"=5;", b" = 5"):
        offer = b"LIMITS MAILMAX" + value + b" RCPTMAX=7"
        assert Extensions(rcpt_max=7) == parse_extensions(Reply(250, (b"hi", offer))), value


def test_of_two_limits_the_stricter_holds() -> None:
    lines = (b"hi", b"LIMITS MAILMAX=9 MAILMAX=2", b"LIMITS MAILMAX=5")
    assert Extensions(mail_max=2) == parse_extensions(Reply(250, lines))
