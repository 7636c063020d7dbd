"""The arguments of sendmail, as the programs that call it write them."""

import click
import pytest

from outbox.cli.sendmail_arguments import Arguments, read_arguments


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Debian's cron, then cronie.
        ("-FCronDaemon -i -B8BITMIME -oem root", Arguments(["root"], None, "CronDaemon", dot_ends=False)),
        (
            "-FCronDaemon -i -odi -oem -oi -t -f root",
            Arguments([], "root", "CronDaemon", from_header=True, dot_ends=False),
        ),
        # The mail() of PHP, with and without its fifth argument.
        ("-t -i", Arguments(from_header=True, dot_ends=False)),
        ("-t -i -fa@example.org", Arguments([], "a@example.org", from_header=True, dot_ends=False)),
        # git send-email, mutt, s-nail, bsd-mailx, msmtp's users.
        (
            "-i -f a@example.org b@example.org c@example.org",
            Arguments(["b@example.org", "c@example.org"], "a@example.org", dot_ends=False),
        ),
        (
            "-oem -oi -f a@example.org -- b@example.org",
            Arguments(["b@example.org"], "a@example.org", dot_ends=False),
        ),
        ("-i -r a@example.org b@example.org", Arguments(["b@example.org"], "a@example.org", dot_ends=False)),
        ("-i -v b@example.org", Arguments(["b@example.org"], dot_ends=False, verbose=True)),
        ("-ti", Arguments(from_header=True, dot_ends=False)),
        ("-O IgnoreDots=true -t", Arguments(from_header=True, dot_ends=False)),
        ("-bm -N never -V 123 -R hdrs -U -G -L tag -odb -d8 -em a", Arguments(["a"])),
        ("-f a -- -t -Xlog", Arguments(["-t", "-Xlog"], "a")),
        ("", Arguments()),
    ],
)
def test_what_programs_write_is_understood(line: str, expected: Arguments) -> None:
    assert read_arguments(tuple(line.split())) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-bs", "outbox.integrations.smtplib"),
        ("-bp", "outbox list"),
        ("-bd", "outbox run"),
        ("-q", "the daemon sends what is queued"),
        ("-q30m", "outbox run"),
        ("-f", "-f: a value is missing"),
        ("-Z", "-Z: there is no such option"),
        ("--to=a", "--to=a: there is no such option"),
    ],
)
def test_what_cannot_be_done_names_what_to_do(line: str, words: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        read_arguments(tuple(line.split()))
    assert words in refused.value.message
