"""The mails that were captured, in order, and what a test claims of them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent, shorten
from typing import TYPE_CHECKING, Unpack, overload

from outbox.testing.criteria import Criteria, To, misses, questions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outbox.testing.criteria import Question
    from outbox.testing.message import Message

_LISTED = 20
_BODY = 400
"""Characters of a body that is shown where only its words are missed."""


class Messages(Sequence["Message"]):
    """A sequence of mails, the first enqueued first. Claims that fail say which mails there are instead."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages

    def matching(self, **criteria: Unpack[Criteria]) -> Messages:
        """Return the mails that meet all `criteria`, as they are now."""
        asked = questions(criteria)
        return Messages([each for each in tuple(self._messages) if not misses(each, asked)])

    def to(self, address: To) -> Messages:
        """Return the mails to one address, or to exactly several; copies are not meant."""
        return self.matching(to=address)

    def one(self, **criteria: Unpack[Criteria]) -> Message:
        """Return the one mail that meets `criteria`; raise AssertionError if there is none, or another."""
        __tracebackhide__ = True  # pytest shows the line of the test, not this one
        (message,) = self.assert_sent(1, **criteria)
        return message

    def none(self, **criteria: Unpack[Criteria]) -> None:
        """Raise AssertionError if any mail meets `criteria`; without any, if there is a mail at all."""
        __tracebackhide__ = True
        self.assert_sent(0, **criteria)

    def assert_sent(self, count: int | None = None, **criteria: Unpack[Criteria]) -> Messages:
        """Return the mails that meet `criteria`; raise AssertionError unless they are `count`, None for any.

        "Sent" is the application's word: what it enqueued, and has not rolled back.
        """
        __tracebackhide__ = True
        found = self.matching(**criteria)
        if not found if count is None else len(found) != count:
            raise AssertionError(self._failure(count, len(found), criteria))
        return found

    def _failure(self, count: int | None, found: int, criteria: Criteria) -> str:
        asked = questions(criteria)
        described = " and ".join(f"{name}={value!r}" for name, value in criteria.items())
        wanted = "a mail" if count is None else _mails(count)
        instead = f"{_mails(len(self._messages))} {'were' if len(self._messages) > 1 else 'was'} enqueued"
        first = f"expected {wanted}{f' with {described}' if described else ''}, found {found or 'none'}"
        lines = [_line(number, each, asked) for number, each in enumerate(self._messages, 1)]
        more = [f"  … and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
        return "\n".join([first, f"{instead}{':' if lines else '.'}", *lines[:_LISTED], *more])

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> Messages: ...
    def __getitem__(self, index: int | slice) -> Message | Messages:
        return Messages(self._messages[index]) if isinstance(index, slice) else self._messages[index]

    def __len__(self) -> int:
        return len(self._messages)

    def __eq__(self, other: object) -> bool:
        """Tell whether these are the same mails in the same order; also beside a list, such as []."""
        return list(self) == list(other) if isinstance(other, Messages | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # more mails may come

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {list(self._messages)!r}>"


def _mails(count: int) -> str:
    return {0: "no mail", 1: "1 mail"}.get(count, f"{count} mails")


def _line(number: int, message: Message, asked: Mapping[str, Question]) -> str:
    missed = misses(message, asked)
    why = f" (another {', '.join(missed)})" if missed else ""
    if missed == ["contains"]:
        body = message.text if message.text is not None else message.html or ""
        why = f" (has other words):\n{indent(shorten(body, _BODY, placeholder=' …'), '     ')}"
    return f"  {number}. {message!r}{why}"
