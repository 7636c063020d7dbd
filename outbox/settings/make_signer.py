"""Make the signer of the settings that name its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outbox import events
from outbox.errors import SettingsError

if TYPE_CHECKING:
    from outbox.delivery.dkim.signer import Signer
    from outbox.settings import Settings

MISSING = "dkim: signing needs more packages than are installed. Run: pip install 'email-outbox[dkim]'"


def signer_of(settings: Settings) -> Signer | None:
    """Return who signs by the keys of `settings`, or None without keys.

    Only where there are keys is `cryptography` loaded. Raises SettingsError with the fault of every key that
    cannot sign.
    """
    if not settings.dkim:
        return None
    try:
        from outbox.delivery.dkim.key import UnusableKeyError, read_key  # noqa: PLC0415 - as told above
    except ImportError as error:
        raise SettingsError([MISSING]) from error
    from outbox.delivery.dkim.signature import Signatory  # noqa: PLC0415 - as above
    from outbox.delivery.dkim.signer import Signer  # noqa: PLC0415 - as above

    signatories: list[Signatory] = []
    faults: list[str] = []
    for each in settings.dkim:
        try:
            signatories.append(Signatory(each.domain, each.selector, read_key(each.key)))
        except UnusableKeyError as error:
            faults.append(f"dkim: {each.selector} of {each.domain}: {error}.")
    if faults:
        raise SettingsError(faults)
    return Signer(signatories)


def warn_of_short_keys(signer: Signer | None) -> None:
    """Log which keys are shorter than they should be."""
    for each in signer.signatories if signer else ():
        if each.key.is_short:
            events.dkim_key_short(each.domain, each.selector, each.key.bits)
