"""Make the relay, a plain value, of the settings that describe it."""

from collections.abc import Iterable
from dataclasses import replace

from outbox.delivery.relay import Dsn, Pipelining, Pool, Relay, Secret, TlsMode
from outbox.delivery.tls import CaFileError, ClientCertificateError, client_context
from outbox.errors import SettingsError
from outbox.settings import Settings
from outbox.settings.hosts import own_hello
from outbox.settings.limit import limit_of
from outbox.settings.login import LoginSettings
from outbox.settings.relay_place import called


def relays_of(settings: Settings) -> tuple[Relay, ...]:
    """Return the relays that `settings` describe, the one that serves by default first.

    Before one is spoken to it has to be `introduced`.
    """
    if not settings.relays:
        name = settings.relay_name or called(settings.smtp_host, settings.smtp_port)
        return (relay_of(name, settings, settings.connections),)
    return tuple(
        relay_of(name, table, table.max_connections or settings.connections)
        for name, table in settings.relays.items()
    )


def relay_of(name: str, settings: LoginSettings, connections: int) -> Relay:
    """Return the relay `name` that `settings` describe, for so many connections."""
    password = settings.smtp_password
    return Relay(
        name=name,
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=TlsMode(settings.smtp_tls),
        lmtp=settings.smtp_protocol == "lmtp",
        username=settings.smtp_username,
        password=None if password is None else Secret(password.get_secret_value()),
        mechanism=None if settings.smtp_auth == "auto" else settings.smtp_auth.upper(),
        token_file=settings.smtp_token_file,
        token_command=settings.smtp_token_command,
        hello=settings.smtp_hello or "",
        tls_name=settings.smtp_tls_name,
        ca_file=settings.smtp_ca_file,
        client_cert=settings.smtp_client_cert,
        client_key=settings.smtp_client_key,
        allow_plaintext_auth=settings.smtp_allow_plaintext_auth,
        pipelining=Pipelining(settings.smtp_pipelining),
        dsn=_dsn_of(settings),
        idempotency_header=settings.smtp_idempotency_header,
        source=settings.smtp_source,
        pool=Pool(connections, settings.smtp_idle, settings.smtp_age, settings.smtp_mails_per_connection),
        limit=limit_of(settings.smtp_rate, settings.smtp_burst, settings.smtp_quota),
    )


def introduced(relay: Relay) -> Relay:
    """Return `relay` with this host's own name for EHLO where the settings give none.

    Only whoever connects asks for that: a resolver that is out of reach takes ten seconds to say nothing.
    """
    return relay if relay.hello else replace(relay, hello=own_hello())


def refuse_bad_files(settings: Settings, relays: Iterable[Relay]) -> None:
    """Read the files of each relay once; raise SettingsError with each that is of no use."""
    faults = []
    for relay in relays:
        path = f"relays.{relay.name}." if settings.relays else "smtp_"
        try:
            # The daemon builds its own; here a bad file ends it before it has a session.
            client_context(relay)
        except CaFileError as error:
            faults.append(f"{path}ca_file: {error}. Give the path of a readable PEM file.")
        except ClientCertificateError as error:
            faults.append(f"{path}client_cert: {error}.")
    if faults:
        raise SettingsError(faults)


def _dsn_of(settings: LoginSettings) -> Dsn | None:
    if not settings.smtp_dsn_notify:
        return None
    notify = tuple(report.upper() for report in settings.smtp_dsn_notify)
    return Dsn(notify, full=settings.smtp_dsn_return == "full")
