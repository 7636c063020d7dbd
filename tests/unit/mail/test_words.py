"""A header field folds only where a space was, no word loses a character, only addresses are not ASCII."""

from email.header import decode_header, make_header
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbox.mail.address import Address
from outbox.mail.words import address_field, as_it_stands, encoded_words, own_field, sealed, text_field


def test_text_that_is_mostly_ascii_stays_readable() -> None:
    assert encoded_words("Grüße an euch alle") == ["=?utf-8?q?Gr=C3=BC=C3=9Fe_an_euch_alle?="]


def test_text_that_is_not_is_shorter_in_base64() -> None:
    assert encoded_words("漢字") == ["=?utf-8?b?5ryi5a2X?="]


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120), st.integers(24, 76))
def test_every_word_fits_and_holds_whole_characters(value: str, first: int) -> None:
    words = encoded_words(value, first)
    assert len(words[0]) <= first
    assert max(map(len, words)) <= 75
    assert value == "".join(str(make_header(decode_header(word))) for word in words)


@settings(max_examples=100, deadline=None)
@given(st.text("a ", min_size=1, max_size=400).map(str.strip).filter(bool))
def test_unfolding_gives_the_spaces_back(value: str) -> None:
    folded = as_it_stands("X-Own", value)
    assert f"X-Own: {value}" == folded.replace("\r\n", "")
    assert all(line.strip() for line in folded.split("\r\n"))


def test_a_long_url_is_never_split_and_never_leaves_its_name() -> None:
    url = f"<https://example.org/{'u' * 850}>"
    folded = own_field("List-Unsubscribe", f"{url}, <mailto:leave@example.org>")
    assert folded == f"List-Unsubscribe: {url},\r\n <mailto:leave@example.org>"


def test_a_long_ascii_subject_folds_at_its_spaces() -> None:
    value = " ".join(["word"] * 40)
    folded = text_field("Subject", value)
    assert f"Subject: {value}" == folded.replace("\r\n", "")
    assert max(map(len, folded.split("\r\n"))) <= 76


@pytest.mark.parametrize("value", ["=?utf-8?q?literal?=", " outer ", "x" * 1200, "a" + " " * 1200 + "b", "ü"])
def test_a_subject_that_readers_would_change_is_encoded(value: str) -> None:
    folded = text_field("Subject", value)
    assert value == str(make_header(decode_header(folded.removeprefix("Subject: "))))
    assert max(map(len, folded.split("\r\n"))) <= 76


def test_an_own_header_with_a_long_name_still_takes_any_text() -> None:
    folded = own_field("X-" + "n" * 62, "ü" * 100)
    assert max(map(len, folded.split("\r\n"))) <= 76


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "a@b.org"),
        ("Ada King", "Ada King <a@b.org>"),
        ("Lovelace, Ada", '"Lovelace, Ada" <a@b.org>'),
        ("J. Smith", '"J. Smith" <a@b.org>'),
        ('the "one" \\', '"the \\"one\\" \\\\" <a@b.org>'),
        ("Zoë", "=?utf-8?q?Zo=C3=AB?= <a@b.org>"),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b.org>"),
    ],
)
def test_a_name_is_an_atom_a_quoted_string_or_an_encoded_word(name: str, expected: str) -> None:
    assert f"To: {expected}" == address_field("To", [Address(name, "a@b.org")])


def test_many_recipients_fold_between_addresses() -> None:
    folded = address_field("To", [Address("Ada King", f"a{number}@example.org") for number in range(9)])
    assert folded.count(",") == 8
    assert max(map(len, folded.split("\r\n"))) <= 76
    assert all(line.endswith(",") for line in folded.split("\r\n")[:-1])


@pytest.mark.parametrize(
    "line",
    [
        "X: a\r\nBcc: b",
        "X: a\nBcc: b",
        "X: a\rb",
        "X: a\r\n\r\nbody",
        "X: a\x00",
        "X: a\x0bb",
        "X: a\r\n",
        "X: \x1c",
        "To: zoë@example.org\r\nBcc: b",
    ],
)
def test_fault_72_the_last_look_refuses_what_would_be_more_than_these_headers(line: str) -> None:
    with pytest.raises(ValueError, match="another"):
        sealed(["A: b", line])


def test_an_address_beyond_ascii_stands_as_it_is_beside_the_encoded_name() -> None:
    folded = address_field("To", [Address("Zoë", "zoë@example.org"), Address("", "用户@example.org")])
    assert folded == "To: =?utf-8?q?Zo=C3=AB?= <zoë@example.org>, 用户@example.org"


def test_lines_with_addresses_beyond_ascii_are_measured_in_octets() -> None:
    folded = address_field("Reply-To", [Address("", f"{'漢' * (1 + n % 21)}@example.org") for n in range(60)])
    lines = [line.encode() for line in folded.split("\r\n")]
    assert all(len(line) <= 76 or line.count(b"@") == 1 for line in lines)
    assert max(map(len, lines)) <= 998
    # As many on a line as fit: each next address would not have.
    assert all(len(line) + len(following.split(b",")[0]) + 1 > 76 for line, following in pairwise(lines))


def test_the_last_look_lets_addresses_alone_go_beyond_ascii() -> None:
    lines = [f"{name}: zoë@example.org,\r\n 用户@example.org" for name in ("From", "To", "Cc", "Reply-To")]
    assert sealed(lines) == ("\r\n".join(lines) + "\r\n").encode()


@pytest.mark.parametrize(
    "line",
    ["X: ü", "Subject: ü", "Bcc: zoë@example.org", "zoë: x", "Tö: zoë@example.org", "X: a\r\nTo: zoë@x.org"],
)
def test_the_last_look_refuses_eight_bits_anywhere_else(line: str) -> None:
    with pytest.raises(ValueError, match="not ASCII"):
        sealed(["To: zoë@example.org", line])


@pytest.mark.parametrize(
    "character", ["\x85", "\u2028", "\u2029", "\xa0", "\u202e", "\x9b", "\ud800"], ids=ascii
)
def test_the_last_look_refuses_an_address_that_some_reader_would_break(character: str) -> None:
    with pytest.raises(ValueError, match="not ASCII"):
        sealed([f"To: zoë{character}@example.org"])
