"""The options by which much mail is meant: `outbox list` finds it, and requests are made about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from outbox.cli.instant import PAST
from outbox.mail.criteria import Criteria
from outbox.mail.status import Status
from outbox.mail.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class _Tag(click.ParamType[tuple[str, str]]):
    """A tag and its value, as NAME=VALUE."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        name, separator, its_value = value.partition("=")
        if not (name and separator):
            self.fail(f"{value!r} is no tag. Give its name and its value, such as order=42.", param, ctx)
        return name, its_value


_OPTIONS = (
    click.option(
        "--status",
        type=click.Choice([status.value for status in Status]),
        help="Only what stands so for a recipient.",
    ),
    click.option("--stream", metavar="NAME", help="Only of this stream."),
    click.option("--recipient", metavar="ADDRESS", help="Only to this address."),
    click.option("--tag", type=_Tag(), metavar="NAME=VALUE", help="Only with this tag."),
    click.option("--since", type=PAST, metavar="WHEN", help="Only since then: ISO 8601, or 2h, 3d."),
    click.option("--until", type=PAST, metavar="WHEN", help="Only before then."),
    click.option("--text", metavar="WORDS", help="Only with these words in the subject."),
)


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a filter, from which `criteria` are made."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def criteria(
    status: str | None,
    stream: str | None,
    recipient: str | None,
    tag: tuple[str, str] | None,
    since: datetime | None,
    until: datetime | None,
    text: str | None,
) -> Criteria:
    """Return what the options ask for; raise what the same words are refused with where mail is enqueued."""
    for field, value in (("stream", stream), ("tag", tag and "=".join(tag)), ("text", text)):
        plain(field, value or "")
    return Criteria(
        status=None if status is None else Status(status),
        stream=stream,
        recipients=None if recipient is None else _spellings(recipient),
        tag=tag,
        since=since,
        until=until,
        text=text or None,
    )


def _spellings(recipient: str) -> tuple[str, ...]:
    """Return how an address may stand in the table: as it is given, and in lower case."""
    from outbox.mail.address import parse_address  # noqa: PLC0415 - few calls need it, and its library is large

    given = parse_address("recipient", recipient).email
    return tuple(dict.fromkeys((given, given.lower())))
