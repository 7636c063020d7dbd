"""What a test may claim of the mails, and how it learns what was there instead."""

import re
from typing import Any

import pytest

from outbox import Attachment, InvalidEmailError, Outbox
from outbox.errors import InvalidValueError
from outbox.testing import Captured, Messages, captured


@pytest.fixture
def messages() -> Any:
    shop = Outbox(sender="shop@example.org")
    with captured() as messages:
        shop.enqueue_many(
            None,  # type: ignore[arg-type] # captured
            [
                {"to": "Ann <ann@example.org>", "subject": "Receipt 7", "text": "Order 7.", "key": "r-7"},
                {
                    "to": ["ann@example.org", "bob@example.org"],
                    "bcc": "eve@example.org",
                    "subject": "News",
                    "html": "<p>Order now</p>",
                    "stream": "news",
                    "tags": {"campaign": "spring", "n": 1},
                },
                {
                    "to": "carl@example.org",
                    "cc": "dora@example.org",
                    "sender": "desk@example.org",
                    "subject": "Offer",
                    "text": "",
                    "attachments": [Attachment("offer.pdf", b"%PDF")],
                },
            ],
        )
        yield messages


def subjects(messages: Messages) -> list[str]:
    return [each.subject for each in messages]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, ["Receipt 7", "News", "Offer"]),
        ({"to": "ann@example.org"}, ["Receipt 7", "News"]),
        ({"to": "Somebody Else <ann@EXAMPLE.org>"}, ["Receipt 7", "News"]),
        ({"to": ["bob@example.org", "ann@example.org"]}, ["News"]),
        ({"to": ["ann@example.org"]}, ["Receipt 7"]),
        ({"to": "eve@example.org"}, []),
        ({"bcc": "eve@example.org"}, ["News"]),
        ({"bcc": []}, ["Receipt 7", "Offer"]),
        ({"cc": "dora@example.org"}, ["Offer"]),
        ({"recipient": "dora@example.org"}, ["Offer"]),
        ({"sender": "desk@example.org"}, ["Offer"]),
        ({"subject": "News"}, ["News"]),
        ({"subject": "New"}, []),
        ({"subject": re.compile(r"\d")}, ["Receipt 7"]),
        ({"contains": "Order"}, ["Receipt 7", "News"]),
        ({"contains": ["Order", re.compile("now<")]}, ["News"]),
        ({"attachment": "offer.pdf"}, ["Offer"]),
        ({"attachment": re.compile(r"\.pdf$")}, ["Offer"]),
        ({"template": "welcome"}, []),
        ({"key": "r-7"}, ["Receipt 7"]),
        ({"key": None}, ["News", "Offer"]),
        ({"stream": "news"}, ["News"]),
        ({"tags": {"n": 1}}, ["News"]),
        ({"to": "ann@example.org", "subject": "News"}, ["News"]),
    ],
)
def test_criteria_choose_the_mails(messages: Captured, criteria: Any, expected: list[str]) -> None:
    assert subjects(messages.matching(**criteria)) == expected


def test_mails_are_a_sequence_and_what_was_chosen_stays_as_it_was(messages: Captured) -> None:
    chosen = messages.to("ann@example.org")
    assert (len(messages), len(chosen), bool(messages)) == (3, 2, True)
    assert subjects(messages[1:]) == ["News", "Offer"]
    assert messages[-1].subject == "Offer"
    assert chosen.one(subject="News") is messages[1]
    messages.clear()
    assert (len(messages), len(chosen), bool(messages)) == (0, 2, False)


def test_claims_that_hold_return_what_they_found(messages: Captured) -> None:
    assert messages.one(key="r-7") is messages[0]
    assert subjects(messages.assert_sent(to="ann@example.org")) == ["Receipt 7", "News"]
    assert subjects(messages.assert_sent(2, contains="Order")) == ["Receipt 7", "News"]
    messages.none(to="eve@example.org")


def test_a_claim_that_fails_says_what_was_there_instead(messages: Captured) -> None:
    with pytest.raises(AssertionError) as raised:
        messages.one(to="ann@example.org", subject="Welcome")
    assert str(raised.value).splitlines() == [
        "expected 1 mail with to='ann@example.org' and subject='Welcome', found none",
        "3 mails were enqueued:",
        "  1. <Message to ann@example.org: 'Receipt 7'> (another subject)",
        "  2. <Message to ann@example.org, bob@example.org bcc eve@example.org: 'News'> (another subject)",
        "  3. <Message to carl@example.org cc dora@example.org: 'Offer'> (another to, subject)",
    ]


def test_a_claim_of_words_shows_the_words_that_there_are(messages: Captured) -> None:
    with pytest.raises(AssertionError) as raised:
        messages.one(key="r-7", contains="Order 8")
    assert "'Receipt 7'> (has other words):\n     Order 7.\n" in str(raised.value)
    with pytest.raises(AssertionError, match="<p>Order now</p>"):
        messages.one(stream="news", contains="later")


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (lambda messages: messages.one(), "expected 1 mail, found 3\n3 mails were enqueued:"),
        (lambda messages: messages.none(), "expected no mail, found 3\n"),
        (lambda messages: messages.assert_sent(to="eve@example.org"), "expected a mail with to="),
        (lambda messages: messages.assert_sent(1, to="ann@example.org"), "expected 1 mail with to="),
        (lambda messages: messages[:0].one(), "expected 1 mail, found none\nno mail was enqueued."),
        (lambda messages: messages[:1].assert_sent(5), "expected 5 mails, found 1\n1 mail was enqueued:"),
    ],
)
def test_every_claim_can_fail(messages: Captured, claim: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=f"^{re.escape(said)}"):
        claim(messages)


def test_a_failure_lists_twenty_mails_at_most(messages: Captured) -> None:
    Outbox(sender="shop@example.org").enqueue_many(
        None,  # type: ignore[arg-type] # captured
        [{"to": f"n{n}@example.org", "subject": "x" * 100, "text": ""} for n in range(30)],
    )
    with pytest.raises(AssertionError) as raised:
        messages.one(to="eve@example.org")
    lines = str(raised.value).splitlines()
    assert (len(lines), lines[-1]) == (23, "  … and 13 more")
    assert max(map(len, lines)) < 120


def test_a_criterion_that_there_is_not_or_an_address_that_is_none_is_no_claim(messages: Captured) -> None:
    with pytest.raises(InvalidValueError, match=r"^subjct: is no criterion.*Give any of: to, cc"):
        messages.none(subjct="Welcome")  # type: ignore[call-arg] # wrong on purpose
    with pytest.raises(InvalidEmailError, match=r"^to: "):
        messages.none(to="ann")
    messages.clear()
    with pytest.raises(InvalidValueError):
        messages.none(subjct="Welcome")  # type: ignore[call-arg] # wrong on purpose


@pytest.mark.parametrize(
    ("criterion", "value", "remedy"),
    [
        ("to", None, "Give an address, or a list of them."),
        ("sender", 7, "Give an address."),
        ("subject", 7, "Give a text, or a compiled pattern."),
        ("contains", ["News", 7], "Give a text, or a compiled pattern."),
        ("attachment", Attachment("a.pdf", b""), "Give the file's name, or a compiled pattern."),
        ("template", None, "Give a text."),
        ("key", 7, "Give a text, or None for mail without a key."),
        ("stream", ["news"], "Give a text."),
        ("tags", "campaign", "Give a dict."),
    ],
)
def test_a_value_that_no_mail_can_have_is_no_claim(criterion: str, value: Any, remedy: str) -> None:
    with (
        captured() as nothing,
        pytest.raises(InvalidValueError, match=rf"^{criterion}: is nothing .*{re.escape(remedy)}$"),
    ):
        nothing.none(**{criterion: value})


def test_the_mails_show_themselves(messages: Captured) -> None:
    assert repr(messages[:1]) == "<Messages [<Message to ann@example.org: 'Receipt 7'>]>"
    assert repr(messages).startswith("<Captured [<Message")


def test_messages_are_equal_to_a_list_of_the_same_mails(messages: Messages) -> None:
    assert Messages([]) == []
    assert messages == list(messages) == Messages(list(messages))
    assert messages != []
    assert messages != "mails"
