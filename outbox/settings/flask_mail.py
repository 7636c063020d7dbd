"""The variables of Flask-Mail, MAIL_*, in our words: who has set them need not say it twice.

They name one relay as a whole, MAIL_SERVER and what is said to it, and count only where nothing of ours names
one: a password is never said to another server than the one that it was given for.
"""

from collections.abc import Mapping

from outbox.errors import InvalidEmailError, shown
from outbox.mail.address import parse_address
from outbox.settings.given import Given

KNOWN = frozenset(
    f"MAIL_{name}"
    for name in (
        "SERVER", "PORT", "USE_TLS", "USE_SSL", "USERNAME", "PASSWORD", "DEFAULT_SENDER", "MAX_EMAILS",
        "DEBUG", "SUPPRESS_SEND", "ASCII_ATTACHMENTS",
    )
)  # fmt: skip
"""Every variable of Flask-Mail."""

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})
_UNSAID = {
    "MAIL_DEBUG": "the daemon logs, as log_level says",
    "MAIL_SUPPRESS_SEND": "it keeps an application from queueing; what is queued is sent",
    "MAIL_ASCII_ATTACHMENTS": "file names in any script are written so that every reader shows them",
}
_SECRETS = ("smtp_password", "smtp_token_file", "smtp_token_command")


def translated(
    environment: Mapping[str, str], ours: Mapping[str, Given], faults: list[str], notes: list[str]
) -> dict[str, Given]:
    """Return what MAIL_* say by the names of our settings, for what `ours` leave open.

    Adds to `faults` what cannot be meant, to `notes` what has no place here.
    """
    given = {name: environment[name] for name in sorted(KNOWN) if environment.get(name)}
    notes += [f"{name} (environment): not used: {why}." for name, why in _UNSAID.items() if name in given]
    found = _sender(given, ours, faults)
    relay = {name: value for name, value in given.items() if name not in {*_UNSAID, "MAIL_DEFAULT_SENDER"}}
    named = next((ours[name] for name in ("relays", "smtp_host") if name in ours), None)
    if relay and named is not None:
        notes.append(f"{', '.join(relay)} (environment): not used: {named.place} names the relay.")
    elif relay and "MAIL_SERVER" not in relay:
        notes.append(f"{', '.join(relay)} (environment): not used without MAIL_SERVER.")
    elif relay:
        found |= {name: each for name, each in _relay(relay, ours, faults, notes).items() if name not in ours}
    return found


def _relay(
    given: Mapping[str, str], ours: Mapping[str, Given], faults: list[str], notes: list[str]
) -> dict[str, Given]:
    found = {"smtp_host": Given(given["MAIL_SERVER"], "environment MAIL_SERVER")}
    if "smtp_tls" not in ours:
        found |= _tls(given, faults)
    for theirs, name in (("MAIL_PORT", "smtp_port"), ("MAIL_MAX_EMAILS", "smtp_mails_per_connection")):
        if given.get(theirs, "0") != "0":
            found[name] = Given(given[theirs], f"environment {theirs}")
    return found | _login(given, ours, notes)


def _login(given: Mapping[str, str], ours: Mapping[str, Given], notes: list[str]) -> dict[str, Given]:
    """Return name and password, where there are both: so it is for Flask-Mail, too."""
    secrets = [name for name in _SECRETS if name in ours]
    name, password = given.get("MAIL_USERNAME"), given.get("MAIL_PASSWORD")
    found = {}
    if name and (password or secrets):
        found["smtp_username"] = Given(name, "environment MAIL_USERNAME")
    elif name:
        notes.append("MAIL_USERNAME (environment): not used without MAIL_PASSWORD: there is no AUTH.")
    if password and not secrets and (name or "smtp_username" in ours):
        found["smtp_password"] = Given(password, "environment MAIL_PASSWORD", shown=False)
    elif password:
        why = f"{secrets[0]} is given" if secrets else "there is no MAIL_USERNAME"
        notes.append(f"MAIL_PASSWORD (environment): not used: {why}.")
    return found


def _tls(given: Mapping[str, str], faults: list[str]) -> dict[str, Given]:
    chosen = [name for name in ("MAIL_USE_SSL", "MAIL_USE_TLS") if _is_true(name, given, faults)]
    if len(chosen) > 1:
        faults.append(
            "MAIL_USE_SSL and MAIL_USE_TLS (environment): both are true, and a connection is encrypted in "
            "one way. Set one of them to false: SSL is for port 465, TLS for 587."
        )
        return {}
    if not chosen:
        place = "environment MAIL_SERVER, with neither MAIL_USE_TLS nor MAIL_USE_SSL"
        return {"smtp_tls": Given("none", place)}
    (name,) = chosen
    return {"smtp_tls": Given("implicit" if name == "MAIL_USE_SSL" else "starttls", f"environment {name}")}


def _is_true(name: str, given: Mapping[str, str], faults: list[str]) -> bool:
    value = given.get(name, "false").strip().lower()
    if value not in _TRUE | _FALSE:
        told = shown(given[name])
        faults.append(f"{name} (environment): neither true nor false: {told}. Give true or false.")
    return value in _TRUE


def _sender(given: Mapping[str, str], ours: Mapping[str, Given], faults: list[str]) -> dict[str, Given]:
    sender = given.get("MAIL_DEFAULT_SENDER")
    if sender is None or "sender" in ours:
        return {}
    try:
        parse_address("MAIL_DEFAULT_SENDER", sender)
    except InvalidEmailError:
        faults.append(
            f"MAIL_DEFAULT_SENDER (environment): this is no address: {shown(sender)}. Give one, such as "
            "Shop <shop@example.org>; a pair of Python's cannot stand here."
        )
        return {}
    return {"sender": Given(sender, "environment MAIL_DEFAULT_SENDER")}
