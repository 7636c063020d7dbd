"""An address is plainly one mailbox, or it is refused."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outbox.errors import InvalidEmailError
from outbox.mail import address
from outbox.mail.address import Address, parse_address


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("ada@example.org", Address("", "ada@example.org")),
        ("  ada@example.org ", Address("", "ada@example.org")),
        ("<ada@example.org>", Address("", "ada@example.org")),
        ("Ada <ada@example.org>", Address("Ada", "ada@example.org")),
        ("Ada<ada@example.org>", Address("Ada", "ada@example.org")),
        ("Dr. Ada King <ada@example.org>", Address("Dr. Ada King", "ada@example.org")),
        ("Zoë Ünal <zoe@example.org>", Address("Zoë Ünal", "zoe@example.org")),
        ('"Lovelace, Ada" <ada@example.org>', Address("Lovelace, Ada", "ada@example.org")),
        (r'"Ada \"the\" \\" <ada@example.org>', Address('Ada "the" \\', "ada@example.org")),
        ('"ada@evil.example" <ada@example.org>', Address("ada@evil.example", "ada@example.org")),
        ("zoë@Bücher.example", Address("", "zoë@xn--bcher-kva.example")),
        ("Zoë <Zoë.ünal+x@example.org>", Address("Zoë", "Zoë.ünal+x@example.org")),
        ("用户@例子.广告", Address("", "用户@xn--fsqu00a.xn--4rr70v")),
        ("квитанция@localhost", Address("", "квитанция@localhost")),
        ("ดี@example.org", Address("", "ดี@example.org")),
        ("o'neil+tag/x=y@example.org", Address("", "o'neil+tag/x=y@example.org")),
    ],
)
def test_one_mailbox_is_read_with_its_name(given_text: str, expected: Address) -> None:
    assert expected == parse_address("to", given_text)


def test_the_domain_is_lower_cased_and_the_local_part_is_left_alone() -> None:
    assert parse_address("to", "Info@EXAMPLE.org").email == "Info@example.org"


def test_an_international_domain_becomes_its_a_label() -> None:
    assert parse_address("to", "ada@Bücher.example").email == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "email",
    ["a@localhost", "a@test", "a@shop.test", "a@mail.local", "a@relay", "a@bücher.test", "a@x.invalid"],
)
def test_the_domains_of_development_and_closed_networks_are_accepted(email: str) -> None:
    domain = email.partition("@")[2].encode("idna").decode()
    assert f"a@{domain}" == parse_address("to", email).email


def test_accepting_them_leaves_the_validator_of_the_application_alone() -> None:
    import email_validator  # noqa: PLC0415 - the list is read after the call that could have changed it

    parse_address("to", "a@localhost")
    assert "localhost" in email_validator.SPECIAL_USE_DOMAIN_NAMES


def test_a_validated_address_passes_unchanged() -> None:
    address = Address("Ada", "ada@example.org")
    assert address is parse_address("to", address)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "a@b@example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org,eve@example.org",
        "ada@example.org eve@example.org",
        "Ada <ada@example.org>, Eve <eve@example.org>",
        "Ada <ada@example.org> <eve@example.org>",
        "<<ada@example.org>>",
        "Ada <ada@example.org> (work)",
        "Ada (work) <ada@example.org>",
        "ada(comment)@example.org",
        "friends: ada@example.org, eve@example.org;",
        "friends: <ada@example.org>",
        "@relay.example:ada@example.org",
        "<@relay.example:ada@example.org>",
        '"ada"@example.org',
        '"xclow3n@gmail.com x"@internal.domain',
        '"a b" <"ada"@example.org>',
        "Lovelace, Ada <ada@example.org>",
        "a[b] <ada@example.org>",
        '"unended <ada@example.org>',
        "Ada ada@example.org",
        "ada@[192.0.2.1]",
        "ada@[IPv6:2001:db8::1]",
        "ada@192.0.2.1",
        "ada@exa_mple.org",
        "ada@-example.org",
        "ada@example..org",
        "ada@example.org.",
        ".ada@example.org",
        "a..b@example.org",
        "ada @example.org",
        "ada@ example.org",
        "a" * 65 + "@example.org",
        "ada@" + "x" * 64 + ".org",
        "ada@" + "x." * 126 + "org",
        "ada%eve@",
        "zoë",
        ".zoë@example.org",
        "zo..ë@example.org",
        "zoë @example.org",
        "z oë@example.org",
        '"zoë"@example.org',
        "zoë(comment)@example.org",
        "zoë,ada@example.org",
        "zoë@ada@example.org",
        "zoë@[192.0.2.1]",
        "ü" * 33 + "@example.org",
        "ü" * 32 + "@" + ("x" * 60 + ".") * 3 + "example",
        "ada\uff20example.org",
        "ada@exam\u202eple.org",
    ],
)
def test_fault_75_what_is_not_plainly_one_mailbox_is_refused_by_field(value: str) -> None:
    with pytest.raises(InvalidEmailError, match=r"^cc: ") as caught:
        parse_address("cc", value)
    assert caught.value.field == "cc"


@pytest.mark.parametrize(
    "place",
    ["{}ada@example.org", "ada@example.org{}", "a{}a@example.org", "A{} <a@example.org>", "a@ex{}a.org"],
)
def test_no_control_character_or_half_a_character_enters_an_address(place: str) -> None:
    for character in [chr(code) for code in (*range(32), 127, 0xD800)]:
        with pytest.raises(InvalidEmailError):
            parse_address("to", place.format(character))


def test_a_list_in_one_string_is_answered_with_the_remedy() -> None:
    with pytest.raises(InvalidEmailError, match="each of several addresses by itself"):
        parse_address("to", "ada@example.org, eve@example.org")


def test_a_local_part_beyond_ascii_has_one_spelling() -> None:
    assert Address("", "zo\u00eb@example.org") == parse_address("to", "zoe\u0308@example.org")
    assert Address("", "K@example.org") == parse_address("to", "\u212a@example.org")


def test_lengths_are_those_of_the_envelope_in_octets() -> None:
    local = "ü" * 32
    assert f"{local}@example.org" == parse_address("to", f"{local}@example.org").email
    with pytest.raises(InvalidEmailError, match="more than 64 octets"):
        parse_address("to", f"{local}x@example.org")
    domain = ("x" * 62 + ".") * 2 + "x" * 55 + ".example"
    assert len(parse_address("to", f"{local}@{domain}").email.encode()) == 254
    with pytest.raises(InvalidEmailError, match="too long"):
        parse_address("to", f"{local}@x{domain}")


@pytest.mark.parametrize(
    "character",
    [
        *("\x80", "\x85", "\x9f", "\xa0", "\xad", "\u1680", "\u2003", "\u2028", "\u2029", "\u3000"),
        *("\u061c", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\ufeff", "\U000e0041"),
        *("\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"),
        *("\ue000", "\ufffe", "\U0010ffff", "\ufff9", "\u0378"),
        *("\u034f", "\u115f", "\u3164", "\uffa0", "\u180b", "\ufe0f", "\U000e0100", "\u2800"),
    ],
    ids=ascii,
)
def test_what_nobody_sees_or_what_turns_text_around_is_refused(character: str) -> None:
    for email in (
        f"{character}zoë@example.org",
        f"z{character}oë@example.org",
        f"zoë{character}@example.org",
    ):
        with pytest.raises(InvalidEmailError, match=r"^to: "):
            parse_address("to", email)


@pytest.mark.parametrize(
    "character",
    [
        "\N{FULLWIDTH COMMERCIAL AT}",
        "\N{SMALL COMMERCIAL AT}",
        "\N{FULLWIDTH COMMA}",
        "\N{GREEK QUESTION MARK}",
        "\N{FULLWIDTH COLON}",
        "\N{FULLWIDTH LESS-THAN SIGN}",
        "\N{NOT LESS-THAN}",
        "\N{FULLWIDTH LEFT PARENTHESIS}",
        "\N{FULLWIDTH QUOTATION MARK}",
        "\N{HORIZONTAL ELLIPSIS}",
        "\N{FULLWIDTH FULL STOP}",
        "\N{ACUTE ACCENT}",
        "\N{PARENTHESIZED DIGIT ONE}",
        "\N{ACCOUNT OF}",
    ],
    ids=ascii,
)
def test_what_another_system_could_read_as_a_sign_of_ascii_is_refused(character: str) -> None:
    with pytest.raises(InvalidEmailError, match="stands for a sign of ASCII"):
        parse_address("to", f"ada{character}evil.example@example.org")


def test_a_mark_that_would_join_a_bracket_or_the_at_sign_is_refused() -> None:
    for value in ("\u0338ada@example.org", "Ada <\u0338ada@example.org>", "ada@\u0338example.org"):
        with pytest.raises(InvalidEmailError):
            parse_address("to", value)


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("A\r\nBcc: eve@example.org", "ada@example.org"),
        ("Ada", "ada@example.org\r\nRCPT TO:<eve@example.org>"),
    ],
)
def test_an_address_that_exists_is_valid(name: str, email: str) -> None:
    with pytest.raises(InvalidEmailError):
        Address(name, email)


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30)
    | st.text(max_size=30).map("{}@example.org".format)
    | st.from_regex(r"[a-z<>@\",:;() .\[\]\\]{0,25}@[a-z.]{1,9}>?", fullmatch=True)
)
def test_fault_75_whatever_is_accepted_is_a_dot_atom_at_a_host_name(value: str) -> None:
    try:
        email = parse_address("to", value).email
    except InvalidEmailError:
        return
    local, _, domain = email.partition("@")
    assert email.isprintable()
    assert all(local.split("."))
    assert not set(local) & set('"(),:;<>@[\\] ')
    assert set(domain) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


PARTS = st.text("aZ09.-_+", max_size=70)
LABELS = st.lists(
    st.text("aZ09-x", max_size=65) | st.sampled_from(["xn--a", "ab--c", "com", "Local", "7"]), max_size=6
)


@settings(max_examples=500, deadline=None)
@given(local=PARTS, labels=LABELS)
@example(local="a" * 64, labels=["b" * 63, "c" * 63, "d" * 57, "org"])
@example(local="a" * 64, labels=["b" * 63, "c" * 63, "d" * 58, "org"])
@example(local="a" * 65, labels=["example", "org"])
@example(local="a..b", labels=["example", "org"])
@example(local="a", labels=["test"])
@example(local="a", labels=["x", "LOCALHOST"])
def test_a_plain_address_is_what_a_close_look_would_find(local: str, labels: list[str]) -> None:
    given_text = f"{local}@{'.'.join(labels)}"
    if address._PLAIN.fullmatch(given_text):
        assert address._wire_form(given_text) == address._looked_at_closely(given_text)
