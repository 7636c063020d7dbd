"""What a relay repeats of our secrets goes no further."""

from outbox.smtp.reply import Reply
from outbox.smtp.scrub import Scrubber


def scrubber(*secrets: str) -> Scrubber:
    """Return one that knows these secrets."""
    scrub = Scrubber()
    for secret in secrets:
        scrub.remember(secret)
    return scrub


def test_a_secret_and_what_follows_it_in_its_line_is_cut_out() -> None:
    reply = Reply(550, (b"your password is sesame-sesame", b"ask for help"))
    expected = Reply(550, (b"your password is <secret>", b"ask for help"))
    assert expected == scrubber("sesame-sesame").reply(reply)
    assert scrubber("sesame-sesame").line(b"got 'sesame-s") == b"got '<secret>"


def test_its_beginning_is_enough() -> None:
    assert scrubber("sesame-sesame").line(b"sesame-s and more") == b"<secret>"


def test_words_without_secrets_stay_as_they_are() -> None:
    reply = Reply(250, (b"ok \xff",))
    assert scrubber("sesame").reply(reply) is reply
    assert scrubber("").reply(reply) is reply


def test_a_secret_too_short_to_be_one_cuts_nothing() -> None:
    assert scrubber("a", "the").line(b"a mail for the list") == b"a mail for the list"
