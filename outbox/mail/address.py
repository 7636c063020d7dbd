"""One mailbox that can be written to an SMTP envelope: strict, in one spelling, and never guessed at.

`email.utils.parseaddr` and every lenient parser route mail to strangers when a name is crafted
(CVE-2023-27043, CVE-2025-13033), so an address is either plainly one mailbox or it is refused.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from outbox.errors import InvalidEmailError
from outbox.mail import text

# An unquoted name must hold nothing that RFC 5322 gives a meaning, but for the full stop of "J. Smith".
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^"\\()<>\[\]:;@,]*?)) *<([^<>]*)>')
_QUOTED_PAIR = re.compile(r"\\(.)")
_EXPECTED = "Give 'ada@example.org' or 'Ada <ada@example.org>', and each of several addresses by itself"
# The characters that the email-validator accepts, but that nobody sees: joiners, fillers, variation selectors
# and a blank. Controls, spaces, bidi and other format characters it refuses itself.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Whatever is in ASCII neither a letter nor a digit: what may separate something, for some reader.
_SIGN = re.compile(r"[\x00-/:-@\[-`{-\x7f]")
_MAX_LOCAL = 64
# What nearly all addresses are, and what every reader takes for one mailbox; the rest is looked at closely.
_PLAIN = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
# The email-validator refuses such names wherever they end a domain; below this one it accepts them.
_SHELTER = ".example.org"


@dataclass(frozen=True, slots=True)
class Address:
    """A display name in any script ("" for none) and an envelope address.

    The domain is lower-cased and an internationalised one becomes its A-label (RFC 5891); the local
    part is left as it was given, but for its normal form (NFC, RFC 6532 section 3.1). One beyond ASCII
    needs a relay with SMTPUTF8 (RFC 6531). An `Address` that exists is valid: the constructor raises
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

    Raises InvalidEmailError for anything that is not plainly one mailbox of RFC 5321 or 6531: lists, groups,
    comments, source routes, quoted local parts, address literals.
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
            f'{_EXPECTED}; put a name that has any of ()<>[]:;@," in double quotes.',
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

    def __init__(self, problem: str, remedy: str = f"{_EXPECTED}.") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@lru_cache(maxsize=4096)
def _wire_form(email: str) -> str:
    """Return `email` as the envelope takes it: its domain in ASCII and lower case, its local part in NFC."""
    if _PLAIN.fullmatch(email):
        local, _, domain = email.partition("@")
        return f"{local}@{domain.lower()}"
    return _looked_at_closely(email)


def _looked_at_closely(email: str) -> str:
    local, at, domain = email.rpartition("@")
    if not at:
        raise _NotOneMailboxError("has no @")
    if not local.isascii():
        local = _international(local)
    if local.startswith('"'):
        raise _NotOneMailboxError("has a quoted part before the @", "Give an address that needs no quotes.")
    import email_validator  # noqa: PLC0415 - as large as all else here, and few addresses need it

    shelter = _SHELTER if _is_special_use(domain, email_validator.SPECIAL_USE_DOMAIN_NAMES) else ""
    try:
        found = email_validator.validate_email(
            f"{local}@{domain}{shelter}",
            allow_smtputf8=True,
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


def _international(local: str) -> str:
    """Return a local part beyond ASCII in the normal form C (RFC 6532 section 3.1)."""
    if unseen := _UNSEEN.search(local):
        raise _NotOneMailboxError(
            f"has a character before the @ that nobody sees ({unseen[0]!a})", "Remove it, if it is not meant."
        )
    # A relay that folds or decomposes would read one of these as the sign itself: another mailbox.
    for character in local:
        if not character.isascii() and _SIGN.search(unicodedata.normalize("NFKD", character)):
            raise _NotOneMailboxError(
                f"has a character before the @ that stands for a sign of ASCII ({character!a})",
                "Give the mailbox as its owner writes it.",
            )
    normal = unicodedata.normalize("NFC", local)
    if len(normal.encode()) > _MAX_LOCAL:
        raise _NotOneMailboxError(f"has more than {_MAX_LOCAL} octets before the @, in UTF-8")
    return normal


def _is_special_use(domain: str, names: Collection[str]) -> bool:
    """Whether only development and closed networks use `domain`: localhost, x.test, x.local.

    The email-validator's switch for them is a list of its module: emptying it would also change how the
    application itself validates.
    """
    lowered = f".{domain.lower()}"
    return any(lowered.endswith(f".{name}") for name in names)
