"""Say who we are: choose the one mechanism of AUTH that is spoken (RFC 4954).

By itself we speak the best that both sides can with what we were given, and never LOGIN; a mechanism that a
person named is spoken or nothing is. So no server, and nobody between, talks us into something weaker.
CRAM-MD5 is not spoken at all: it is no safer inside TLS than PLAIN, and makes servers keep plain passwords.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from outbox.smtp import sasl
from outbox.smtp.reply import printable
from outbox.smtp.sasl import AuthenticationError, Mechanism

__all__ = ["AuthenticationError", "Credentials", "Mechanism", "NoMechanismError", "choose"]

_SHOWN = 200
"""Characters that we repeat of what a server offers."""

_Maker = Callable[[str, str], Mechanism]


class NoMechanismError(ValueError):
    """Nothing can be said to this server with these credentials; what to do about it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name with its password or its OAuth token, which no repr shows.

    `mechanism` is the one that a person named, in any case; None leaves the choice to `choose`.
    """

    username: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    mechanism: str | None = None


def choose(credentials: Credentials, offered: frozenset[str]) -> Mechanism:
    """Return a fresh mechanism, or raise NoMechanismError; `offered` holds names in upper case."""
    _check(credentials)
    if credentials.mechanism is not None:
        return _make(credentials.mechanism.upper(), credentials, offered)
    automatic = _WITH_PASSWORD if credentials.token is None else _WITH_TOKEN
    for name in automatic:
        if name in offered and (name != _SCRAM or _scram() is not None):
            return _make(name, credentials, offered)
    given = "password" if credentials.token is None else "token"
    raise NoMechanismError(
        f"the server offers {_shown(offered)}; with a {given} we speak {' and '.join(automatic)}"
        f"{_remedy(credentials, offered)}"
    )


def _make(name: str, credentials: Credentials, offered: frozenset[str]) -> Mechanism:
    """Make the mechanism `name`, where both sides can speak it."""
    if name not in _NAMES:
        shown = printable(name)[:_SHOWN]
        raise NoMechanismError(
            f"smtp_auth names {shown}, we speak {', '.join(_NAMES)}: name one of these, or auto"
        )
    if name not in offered:
        raise NoMechanismError(
            f"smtp_auth names {name}, the server offers {_shown(offered)}: name what it offers, or auto"
        )
    secret = credentials.token if name in _WITH_TOKEN else credentials.password
    if secret is None:
        raise NoMechanismError(f"{name} needs {_TOKEN_REMEDY if name in _WITH_TOKEN else 'smtp_password'}")
    maker = _scram() if name == _SCRAM else _MAKERS[name]
    if maker is None:
        raise NoMechanismError(f"smtp_auth names {_SCRAM}, which needs the library: {_SCRAM_REMEDY}")
    try:
        return maker(credentials.username, secret)
    except ValueError as error:
        raise NoMechanismError(str(error)) from None


def _scram() -> _Maker | None:
    """Return SCRAM's maker where the extra is installed."""
    try:
        from outbox.smtp.scram import Scram  # noqa: PLC0415 -- AUTH must work without the extra
    except ModuleNotFoundError:
        return None
    return Scram


def _remedy(credentials: Credentials, offered: frozenset[str]) -> str:
    """Return what would let us speak one of `offered`."""
    if not offered:
        return ": it may want TLS first (smtp_tls), or no smtp_username"
    if credentials.token is not None:
        return ": give smtp_password instead of a token"
    if _SCRAM in offered:
        return f": {_SCRAM_REMEDY}"
    if not offered.isdisjoint(_WITH_TOKEN):
        return f": instead of smtp_password, give {_TOKEN_REMEDY}"
    if "LOGIN" in offered:
        return ": if this server can do no better, say smtp_auth = login"
    return ": another server or port may offer one of these"


def _check(credentials: Credentials) -> None:
    """Refuse what would end a field early, or cannot be said in UTF-8; no secret is ever shown."""
    if _is_clean_name(credentials.username) is None:
        raise NoMechanismError(
            f"smtp_username holds a character that AUTH cannot carry: {credentials.username!r}"
        )
    if credentials.password is not None and _is_sayable(credentials.password) is None:
        raise NoMechanismError("smtp_password holds a NUL, or bytes that are not UTF-8: set it anew")
    if credentials.token is not None and is_token(credentials.token) is None:
        raise NoMechanismError("the token is empty, or holds a character that is not printable ASCII")


def _shown(offered: frozenset[str]) -> str:
    return printable(", ".join(sorted(offered)))[:_SHOWN] or "no AUTH at all"


_is_clean_name = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+").fullmatch
_is_sayable = re.compile(r"[^\x00\ud800-\udfff]*").fullmatch
is_token = re.compile(r"[\x21-\x7e]+").fullmatch
"""RFC 6750 §2.1 allows less, some issuers use more; none of it may end a field of the response."""

_SCRAM = "SCRAM-SHA-256"
_SCRAM_REMEDY = "pip install 'email-outbox[scram]'"
_TOKEN_REMEDY = "a token: smtp_token_file or smtp_token_command"  # noqa: S105 -- names of settings
_WITH_PASSWORD = (_SCRAM, "PLAIN")
_WITH_TOKEN = ("OAUTHBEARER", "XOAUTH2")
_MAKERS: dict[str, _Maker] = {
    "OAUTHBEARER": sasl.oauthbearer,
    "XOAUTH2": sasl.xoauth2,
    "PLAIN": sasl.plain,
    "LOGIN": sasl.login,
}
_NAMES = (_SCRAM, *_MAKERS)
