"""Name the relay in its faults, and keep our secrets out of the words that it repeats."""

from collections.abc import Iterable
from dataclasses import replace

from outbox.mail.verdict import RelayFault

_TELLING = 8


def blamed(fault: RelayFault, relay: str, secrets: Iterable[str]) -> RelayFault:
    """Return `fault` with the relay's name in front, and without `secrets` in its reason and words."""
    secrets = [secret for secret in secrets if secret]
    answer = fault.answer
    if answer is not None:
        answer = replace(answer, text=_without(answer.text, secrets))
    return replace(fault, reason=f"relay {relay}: {_without(fault.reason, secrets)}", answer=answer)


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        # Its beginning is enough: what was said may have been cut.
        before, found, _ = text.partition(secret[:_TELLING])
        text = before + "<secret>" if found else text
    return text
