"""`outbox check`: try all that the daemon needs, and say of each how it stands."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import click

from outbox.checks.database import database_findings
from outbox.checks.domain import dkim_findings, dmarc_findings, spf_findings
from outbox.checks.host import journal_findings
from outbox.checks.relay import relay_findings
from outbox.checks.running import Check, run_checks
from outbox.cli.config import faults_in_files
from outbox.cli.ending import addressed
from outbox.cli.options import as_json, name_server
from outbox.cli.paper import print_json
from outbox.errors import EX_CONFIG, EX_UNAVAILABLE, SettingsError
from outbox.findings import Finding, Level, fault, ok, unchecked, warning
from outbox.intake import MAX_SIZE
from outbox.mail.address import parse_address
from outbox.settings.make_relay import introduced, relays_of
from outbox.settings.make_signer import signer_of
from outbox.settings.sources import Loaded, load_with_origins, load_without_relays
from outbox.smtp.reply import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from outbox.delivery.dkim.signature import Signatory
    from outbox.delivery.relay import Relay
    from outbox.settings import Settings

_DEADLINE = 25.0
_TOLD = {Level.OK: "ok", Level.WARNING: "warning", Level.FAULT: "FAULT", Level.UNCHECKED: "not checked"}
_WIDTH = max(map(len, _TOLD.values()))
_NO_DNS = "not looked up: run pip install 'email-outbox[dkim]'"


@click.command()
@as_json
@name_server
def check(nameserver: str | None, port: int, *, as_json: bool) -> None:
    """Try all that the daemon needs, and say of each thing how it stands.

    That is the settings, the database, the journal's directory, each relay up to the login, and what DNS says
    of the sender's domain. No mail is sent, and nothing is changed. Ends within half a minute: with 0 where
    there is no fault, with 69 where somebody does not answer, with 78 where something has to be changed.
    """
    found: list[Finding] = []
    for finding in _findings(nameserver, port):
        found.append(finding)
        _print(finding, as_json=as_json)
        sys.stdout.flush()
    if not as_json:
        _print_sum(found)
    faults = [each for each in found if each.level is Level.FAULT]
    if faults:
        is_outage = all(each.is_outage for each in faults)
        raise click.exceptions.Exit(EX_UNAVAILABLE if is_outage else EX_CONFIG)


def _findings(nameserver: str | None, port: int) -> Iterator[Finding]:
    try:
        loaded = load_with_origins()
    except SettingsError as error:
        for told in error.faults:
            yield _of_settings(told)
        yield from _findings_without_relays()
        return
    faults = faults_in_files(loaded.settings)
    yield from map(_of_settings, faults)
    if not faults:
        yield ok("settings", f"{len(loaded.origins)} given, and all can be used")
    yield from (warning("settings", note.rstrip("."), "Remove it.") for note in loaded.notes)
    yield from run_checks(_checks(loaded, nameserver, port), _DEADLINE)


def _findings_without_relays() -> Iterator[Finding]:
    """Look at what has nothing to do with what is wrong: mostly a password, which has its reader alone."""
    needs = "it needs settings that can be used"
    try:
        settings = load_without_relays()
    except SettingsError:
        yield unchecked("all else", needs)
        return
    yield from run_checks(_checks_here(settings), _DEADLINE)
    yield unchecked("relays, SPF, DKIM and DMARC", needs)


def _of_settings(told: str) -> Finding:
    says, _, remedy = told.partition(". ")
    return fault("settings", says.rstrip("."), remedy)


def _checks(loaded: Loaded, nameserver: str | None, port: int) -> list[Check]:
    settings = loaded.settings
    largest = settings.max_size or MAX_SIZE
    return [
        *_checks_here(settings),
        *(Check(f"relay {relay.name}", partial(_of_relay, relay, largest)) for relay in relays_of(settings)),
        *_of_domains(settings, nameserver, port),
    ]


def _checks_here(settings: Settings) -> list[Check]:
    return [
        Check("database", partial(database_findings, settings)),
        Check("journal", partial(journal_findings, settings)),
    ]


def _of_relay(relay: Relay, largest: int) -> Iterator[Finding]:
    # Within the deadline: the name of this host may have to be asked for.
    yield from relay_findings(introduced(relay), largest)


def _of_domains(settings: Settings, nameserver: str | None, port: int) -> Iterator[Check]:
    signatories = _signatories(settings)
    named = [] if settings.sender is None else [parse_address("sender", settings.sender).domain]
    domains = dict.fromkeys([*named, *(each.domain for each in signatories)])
    if not domains:
        why = "the settings name no sender: set OUTBOX_SENDER"
        yield Check("SPF, DKIM and DMARC", lambda: [unchecked("SPF, DKIM and DMARC", why)])
    for domain in domains:
        for subject, look in (
            ("SPF", spf_findings),
            ("DKIM", partial(dkim_findings, signatories=signatories)),
            ("DMARC", dmarc_findings),
        ):
            name = f"{subject} of {domain}"
            yield Check(name, partial(_asked, name, partial(look, domain), nameserver, port))


def _signatories(settings: Settings) -> Sequence[Signatory]:
    try:
        signer = signer_of(settings)
    except SettingsError:
        # Told among the settings.
        return ()
    return () if signer is None else signer.signatories


def _asked(
    subject: str, look: Callable[..., Iterable[Finding]], nameserver: str | None, port: int
) -> Iterator[Finding]:
    """Look with the answers of DNS; that nobody answers says nothing of the record."""
    try:
        from outbox.delivery.dkim.lookup import LookupFailedError, resolver_at, texts_at  # noqa: PLC0415 - an extra
    except ImportError:
        yield unchecked(subject, _NO_DNS)
        return
    try:
        resolver = resolver_at(nameserver, port)
        yield from look(texts=partial(texts_at, resolver=resolver))
    except LookupFailedError as error:
        yield warning(subject, f"DNS gave no answer: {error}", "Try again later, or give --nameserver.")


def _print(finding: Finding, *, as_json: bool) -> None:
    remedy = addressed(finding.remedy)
    if as_json:
        row = {"subject": finding.subject, "level": finding.level, "says": finding.says, "remedy": remedy}
        print_json(row)
        return
    behind = f". {remedy}" if remedy else ""
    click.echo(printable(f"{_TOLD[finding.level]:<{_WIDTH}}  {finding.subject}: {finding.says}{behind}"))


def _print_sum(found: Sequence[Finding]) -> None:
    count = Counter(each.level for each in found)
    told = [f"{count[level]} {_TOLD[level]}" for level in Level if count[level]]
    click.echo(f"\n{', '.join(told)}.")
