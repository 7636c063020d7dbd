"""Make the relay, a plain value, of the settings that describe it."""

from outbox.delivery.relay import Dsn, Pipelining, Relay, Secret, TlsMode
from outbox.delivery.tls import CaFileError, ClientCertificateError, client_context
from outbox.errors import SettingsError
from outbox.settings import Settings
from outbox.settings.limit import limit_of

_LONGEST_NAME = 64  # in the table of deliveries


def relay_of(settings: Settings) -> Relay:
    """Return the relay that `settings` describe."""
    password = settings.smtp_password
    return Relay(
        name=settings.relay_name or f"{settings.smtp_host}:{settings.smtp_port}"[-_LONGEST_NAME:],
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=TlsMode(settings.smtp_tls),
        lmtp=settings.smtp_protocol == "lmtp",
        username=settings.smtp_username,
        password=None if password is None else Secret(password.get_secret_value()),
        mechanism=None if settings.smtp_auth == "auto" else settings.smtp_auth.upper(),
        token_file=settings.smtp_token_file,
        token_command=settings.smtp_token_command,
        hello=settings.smtp_hello,
        tls_name=settings.smtp_tls_name,
        ca_file=settings.smtp_ca_file,
        client_cert=settings.smtp_client_cert,
        client_key=settings.smtp_client_key,
        allow_plaintext_auth=settings.smtp_allow_plaintext_auth,
        pipelining=Pipelining(settings.smtp_pipelining),
        dsn=_dsn_of(settings),
        idempotency_header=settings.smtp_idempotency_header,
        limit=limit_of(settings.smtp_rate, settings.smtp_burst, settings.smtp_quota),
    )


def refuse_bad_files(relay: Relay) -> None:
    """Read the files of `relay` once; raise SettingsError where one is of no use."""
    try:
        # The daemon builds its own; here a bad file ends it before it has a session.
        client_context(relay)
    except CaFileError as error:
        raise SettingsError([f"smtp_ca_file: {error}. Give the path of a readable PEM file."]) from error
    except ClientCertificateError as error:
        raise SettingsError([f"smtp_client_cert: {error}."]) from error


def _dsn_of(settings: Settings) -> Dsn | None:
    if not settings.smtp_dsn_notify:
        return None
    notify = tuple(report.upper() for report in settings.smtp_dsn_notify)
    return Dsn(notify, full=settings.smtp_dsn_return == "full")
