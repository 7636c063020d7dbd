"""One mailbox that can be written to an SMTP envelope: strict, ASCII, and never guessed at.

`email.utils.parseaddr` and every lenient parser route mail to strangers when a name is crafted
(CVE-2023-27043, CVE-2025-13033), so an address is either plainly one mailbox or it is refused.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import email_validator

from outbox.errors import InvalidEmailError
from outbox.mail import text

# An unquoted name must hold nothing that RFC 5322 gives a meaning, but for the full stop of "J. Smith".
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^"\\()<>\[\]:;@,]*?)) *<([^<>]*)>')
_QUOTED_PAIR = re.compile(r"\\(.)")
_EXPECTED = "Give 'ada@example.org', 'Ada <ada@example.org>' or Address(name, email)"
# The email-validator refuses such names wherever they end a domain; below this one it accepts them.
_SHELTER = ".example.org"


@dataclass(frozen=True, slots=True)
class Address:
    """A display name in any script ("" for none) and an envelope address in ASCII.

    The domain is lower-cased and an internationalised one becomes its A-label (RFC 5891); the local
    part is left as it was given. An `Address` that exists is valid: the constructor raises
    InvalidEmailError.
    """

    name: str
    email: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", text.line("name", self.name).strip())
        object.__setattr__(self, "email", _mailbox("email", text.line("email", self.email)))

    @property
    def domain(self) -> str:
        """The domain after the at sign, ASCII and lower case."""
        return self.email.rpartition("@")[2]


def parse_address(field: str, value: str | Address) -> Address:
    """Return the one mailbox that `value` names; `field` is what an error calls it.

    Raises InvalidEmailError for anything that is not plainly one mailbox of RFC 5321: lists, groups,
    comments, source routes, quoted local parts, address literals, non-ASCII local parts.
    """
    if isinstance(value, Address):
        return value
    return _parsed(field, text.line(field, value))


# Bounded: an application writes to the same people, and its sender is in every mail.
@lru_cache(maxsize=4096)
def _parsed(field: str, value: str) -> Address:
    stripped = value.strip(" ")
    if "<" not in stripped:
        return Address("", _mailbox(field, stripped))
    named = _NAMED.fullmatch(stripped)
    if named is None:
        raise InvalidEmailError(
            field,
            value,
            "is not one name and one address in angle brackets",
            f'{_EXPECTED}; put a name that has any of ()<>[]:;@," in double quotes; '
            "give several addresses as a list.",
        )
    quoted, bare, email = named.groups()
    name = bare if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
    return Address(name, _mailbox(field, email))


def _mailbox(field: str, email: str) -> str:
    try:
        return _wire_form(email)
    except _NotOneMailboxError as error:
        raise InvalidEmailError(field, email, error.problem, error.remedy) from None


class _NotOneMailboxError(ValueError):
    """Why a text is no mailbox; the caller knows the field."""

    def __init__(self, problem: str, remedy: str = f"{_EXPECTED}; give several addresses as a list.") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@lru_cache(maxsize=4096)
def _wire_form(email: str) -> str:
    """Return `email` as the envelope takes it: its domain in ASCII and lower case."""
    local, at, domain = email.rpartition("@")
    if not at:
        raise _NotOneMailboxError("has no @")
    if not local.isascii():
        raise _NotOneMailboxError(
            "has a character before the @ that is not ASCII",
            "Give the mailbox's ASCII address: such mailboxes need SMTPUTF8, which is not supported yet.",
        )
    if local.startswith('"'):
        raise _NotOneMailboxError("has a quoted part before the @", "Give an address that needs no quotes.")
    shelter = _SHELTER if _is_special_use(domain) else ""
    try:
        found = email_validator.validate_email(
            f"{email}{shelter}",
            allow_smtputf8=False,
            strict=True,
            globally_deliverable=False,
            check_deliverability=False,
        )
    except email_validator.EmailNotValidError as error:
        raise _NotOneMailboxError(f"is not one mailbox ({str(error).rstrip('.')})") from None
    ascii_domain = found.ascii_domain.removesuffix(shelter)
    if ascii_domain.rpartition(".")[2].isdigit():
        raise _NotOneMailboxError("has a number where a domain should end")
    return f"{local}@{ascii_domain}"


def _is_special_use(domain: str) -> bool:
    """Whether only development and closed networks use `domain`: localhost, x.test, x.local.

    The email-validator's switch for them is a list of its module: emptying it would also change how the
    application itself validates.
    """
    lowered = f".{domain.lower()}"
    return any(lowered.endswith(f".{name}") for name in email_validator.SPECIAL_USE_DOMAIN_NAMES)
