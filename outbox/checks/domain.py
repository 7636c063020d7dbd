"""What DNS says of a domain that mail comes from: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outbox.delivery.dkim.record import Finding as Judgement
from outbox.delivery.dkim.record import judge, record_name
from outbox.findings import Finding, fault, ok, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outbox.delivery.dkim.signature import Signatory

    Texts = Callable[[str], list[str]]
    """Asks for the TXT records at a name. Raises LookupFailedError."""

_PASSES_ALL = re.compile(r"(?:^| )\+?all(?: |$)", re.IGNORECASE)
_POLICY = re.compile(r";\s*p\s*=\s*(none|quarantine|reject)\s*(?:;|$)", re.IGNORECASE)
_FEWEST_LABELS = 2


def spf_findings(domain: str, texts: Texts) -> Iterator[Finding]:
    """Look at the record of the hosts that may send for `domain`."""
    subject = f"SPF of {domain}"
    found = [text for text in texts(domain) if text.lower().startswith("v=spf1") and text[6:7] in {"", " "}]
    if not found:
        yield warning(
            subject,
            "there is no record: receivers cannot tell your relay from a stranger's",
            f'Publish what your relay\'s provider names, such as: {domain}. IN TXT "v=spf1 include:… -all"',
        )
    elif len(found) > 1:
        yield fault(subject, "there are several records, which counts as an error", "Leave one.")
    elif _PASSES_ALL.search(found[0]):
        yield warning(subject, f"it lets everybody send: {found[0]}", "End it with -all or ~all.")
    else:
        yield ok(subject, found[0])


def dmarc_findings(domain: str, texts: Texts) -> Iterator[Finding]:
    """Look at the policy for mail in the name of `domain`, its own or that of a domain above."""
    subject = f"DMARC of {domain}"
    for name in _above(domain):
        found = [text for text in texts(f"_dmarc.{name}") if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]
        if len(found) > 1:
            yield fault(subject, f"there are several records at _dmarc.{name}", "Leave one.")
            return
        if found:
            yield _policy(subject, found[0])
            return
    yield warning(
        subject,
        "there is no record, which large receivers ask for",
        f'Publish one to begin with: _dmarc.{domain}. IN TXT "v=DMARC1; p=none; rua=mailto:…"',
    )


def _above(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    for n in range(max(1, len(labels) - _FEWEST_LABELS + 1)):
        yield ".".join(labels[n:])


def _policy(subject: str, record: str) -> Finding:
    found = _POLICY.search(record)
    if found is None:
        return warning(subject, f"it names no policy: {record}", "Add p=none, p=quarantine or p=reject.")
    return ok(subject, record)


def dkim_findings(domain: str, signatories: Sequence[Signatory], texts: Texts) -> Iterator[Finding]:
    """Look at the records of the keys that sign for `domain`."""
    ours = [each for each in signatories if each.domain == domain]
    if not ours:
        yield unchecked(
            f"DKIM of {domain}", "no key here signs for it; see that the relay does (its records are its own)"
        )
    for each in ours:
        name = record_name(each.domain, each.selector)
        subject = f"DKIM of {domain}, {each.selector}"
        said = judge(texts(name), each.key)
        told, _, remedy = f"{name}: {said}".partition(". ")
        if said is Judgement.FITS:
            yield ok(subject, told)
        elif said is Judgement.TESTING:
            yield warning(subject, told, f"{remedy or 'Take t=y out'}.")
        else:
            yield fault(subject, told, f"{remedy}." if remedy else "Publish what `outbox dkim dns` prints.")
