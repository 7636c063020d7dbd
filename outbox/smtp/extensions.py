"""What the relay offers, read from its answer to EHLO (RFC 5321 §4.1.1.1)."""

import re
from dataclasses import dataclass

from outbox.smtp.reply import Reply


@dataclass(frozen=True, slots=True)
class Extensions:
    """The service extensions that we can use.

    `size` is the largest message in bytes, 0 for no fixed limit, None where the relay does not say
    (RFC 1870); `auth` holds the mechanism names in upper case (RFC 4954). `rcpt_max` is how many recipients
    one mail may have, `mail_max` how many mails one connection, None where the relay does not say (RFC 9422).
    """

    pipelining: bool = False
    starttls: bool = False
    size: int | None = None
    auth: frozenset[str] = frozenset()
    eightbitmime: bool = False
    smtputf8: bool = False
    dsn: bool = False
    rcpt_max: int | None = None
    mail_max: int | None = None


def parse_extensions(reply: Reply) -> Extensions:
    """Read the lines after the first; unknown and malformed ones are ignored, as the RFC asks."""
    offered: dict[str, list[str]] = {}
    for line in reply.lines[1:]:
        # "AUTH=LOGIN PLAIN" is an old form beside "AUTH LOGIN PLAIN"; both may stand in one answer.
        words = _words(line.decode("ascii", "replace").upper().replace("AUTH=", "AUTH ", 1).strip())
        if words:
            offered.setdefault(words[0], []).extend(words[1:])
    limits = offered.get("LIMITS", [])
    return Extensions(
        pipelining="PIPELINING" in offered,
        starttls="STARTTLS" in offered,
        size=_size(offered.get("SIZE")),
        auth=frozenset(offered.get("AUTH", ())),
        eightbitmime="8BITMIME" in offered,
        smtputf8="SMTPUTF8" in offered,
        dsn="DSN" in offered,
        rcpt_max=_limit("RCPTMAX", limits),
        mail_max=_limit("MAILMAX", limits),
    )


# Nothing but blanks parts words: a damaged byte in a number must spoil it, not cut it short.
_words = re.compile(r"[^ \t]+").findall
# RFC 1870 §4: at most 20 digits; more is not a size.
_is_size = re.compile(r"[0-9]{1,20}").fullmatch
# RFC 9422 §4: one to six digits, the first of them no zero.
_is_limit = re.compile(r"[1-9][0-9]{0,5}").fullmatch


def _size(parameters: list[str] | None) -> int | None:
    value = parameters[0] if parameters else ""
    return int(value) if _is_size(value) else None


def _limit(name: str, limits: list[str]) -> int | None:
    """Return the least well-formed value of `name`: a relay that says two is held to the stricter."""
    pairs = [limit.partition("=") for limit in limits]
    return min((int(value) for key, _, value in pairs if key == name and _is_limit(value)), default=None)
