"""What a test says of a mail that it looks for, and whether a mail is as it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from outbox.errors import InvalidValueError
from outbox.mail.address import Address, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.testing.message import Message

Words: TypeAlias = "str | re.Pattern[str]"
"""A text, or a compiled pattern that is searched for."""

To: TypeAlias = "str | Address | Sequence[str | Address]"


class Criteria(TypedDict, total=False):
    """What must be true of a mail; what is not given may be anything.

    One address for `to`, `cc`, `bcc` or `recipient` (any of the three) must be among the mail's, while a list
    must be all of them, in any order. `subject` and `attachment` (a file's name) are whole, or a compiled
    pattern that is searched for. Each of `contains` stands in the text or in the HTML. `tags` must all be
    there, and may be fewer than there are.
    """

    to: To
    cc: To
    bcc: To
    recipient: To
    sender: str | Address
    subject: Words
    contains: Words | Sequence[Words]
    attachment: Words
    template: str
    key: str | None
    stream: str
    tags: Mapping[str, object]


Question: TypeAlias = "Callable[[Message], bool]"


def questions(criteria: Mapping[str, Any]) -> dict[str, Question]:
    """Return what to ask of each mail, by the name of the criterion.

    Raises InvalidValueError for a criterion that there is not and for a value that no mail can have,
    InvalidEmailError for an address that is none: also where there is no mail to ask, or a slip would be a
    claim that always holds.
    """
    if unknown := sorted(criteria.keys() - _ASK.keys()):
        raise InvalidValueError(
            unknown[0], criteria[unknown[0]], "is no criterion", f"Give any of: {', '.join(_ASK)}."
        )
    for name, wanted in criteria.items():
        _refuse_impossible(name, wanted)
    return {name: _ASK[name](wanted) for name, wanted in criteria.items()}


def misses(message: Message, asked: Mapping[str, Question]) -> list[str]:
    """Return the names of the criteria that the mail does not meet."""
    return [name for name, question in asked.items() if not question(message)]


def _refuse_impossible(name: str, wanted: Any) -> None:
    kinds, remedy = _KINDS[name]
    is_one = name != "contains" or isinstance(wanted, str | bytes) or not isinstance(wanted, Sequence)
    for one in [wanted] if is_one else wanted:
        if not isinstance(one, kinds):
            raise InvalidValueError(name, one, "is nothing that a mail can have", remedy)


def _among(field: str, wanted: To) -> Question:
    if isinstance(wanted, str | Address):
        one = parse_address(field, wanted).email
        return lambda message: one in _addresses(message, field)
    all_ = sorted(parse_address(field, each).email for each in wanted)
    return lambda message: sorted(_addresses(message, field)) == all_


def _addresses(message: Message, field: str) -> list[str]:
    there: list[str] = message.recipients if field == "recipient" else getattr(message, field)
    return there


def _sent_by(wanted: str | Address) -> Question:
    sender = parse_address("sender", wanted).email
    return lambda message: message.sender == sender


def _is(value: str, wanted: Words) -> bool:
    return value == wanted if isinstance(wanted, str) else wanted.search(value) is not None


def _contains(wanted: Words | Sequence[Words]) -> Question:
    words = [wanted] if isinstance(wanted, str | re.Pattern) else list(wanted)

    def question(message: Message) -> bool:
        bodies = [body for body in (message.text, message.html) if body is not None]
        return all(
            any(one in body if isinstance(one, str) else one.search(body) for body in bodies) for one in words
        )

    return question


_ADDRESSES = (str, Address, Iterable), "Give an address, or a list of them."
_TEXT = (str,), "Give a text."
_WORDS = (str, re.Pattern), "Give a text, or a compiled pattern."
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "to": _ADDRESSES,
    "cc": _ADDRESSES,
    "bcc": _ADDRESSES,
    "recipient": _ADDRESSES,
    "sender": ((str, Address), "Give an address."),
    "subject": _WORDS,
    "contains": _WORDS,
    "attachment": ((str, re.Pattern), "Give the file's name, or a compiled pattern."),
    "template": _TEXT,
    "key": ((str, type(None)), "Give a text, or None for mail without a key."),
    "stream": _TEXT,
    "tags": ((Mapping,), "Give a dict."),
}

_ASK: Mapping[str, Callable[[Any], Question]] = {
    "to": lambda wanted: _among("to", wanted),
    "cc": lambda wanted: _among("cc", wanted),
    "bcc": lambda wanted: _among("bcc", wanted),
    "recipient": lambda wanted: _among("recipient", wanted),
    "sender": _sent_by,
    "subject": lambda wanted: lambda message: _is(message.subject, wanted),
    "contains": _contains,
    "attachment": lambda wanted: (
        lambda message: any(_is(each.filename, wanted) for each in message.attachments)
    ),
    "template": lambda wanted: lambda message: message.template == wanted,
    "key": lambda wanted: lambda message: message.key == wanted,
    "stream": lambda wanted: lambda message: message.stream == wanted,
    "tags": lambda wanted: lambda message: wanted.items() <= message.tags.items(),
}
