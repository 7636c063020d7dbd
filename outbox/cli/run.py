"""`outbox run`: the daemon, from its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from outbox.cli.logs import logged_to_stderr
from outbox.cli.opening import opened
from outbox.delivery.relay import Relay, Secret, TlsMode
from outbox.delivery.retry import RetryPolicy
from outbox.delivery.tls import CaFileError, client_context
from outbox.errors import SettingsError
from outbox.settings import Settings, load
from outbox.worker.notify import Notifier
from outbox.worker.options import Options
from outbox.worker.start import run as run_daemon

if TYPE_CHECKING:
    from collections.abc import Callable

# A password in a flag would stand in `ps`; the other three are the application's side.
_NO_FLAGS = frozenset({"smtp_password", "sender", "templates", "max_size"})
_LONGEST_NAME = 64  # of a relay, in the table of deliveries


def _settings_as_flags(command: Callable[..., None]) -> Callable[..., None]:
    for name, field in reversed(Settings.model_fields.items()):
        if name in _NO_FLAGS:
            continue
        default = "" if field.default_factory or field.default is None else f"  [default: {field.default}]"
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            metavar=name.rpartition("_")[2].upper(),
            help=f"{field.description}{default}",
        )(command)
    return command


def relay_of(settings: Settings) -> Relay:
    """Return the relay that `settings` describe, or raise SettingsError."""
    password = settings.smtp_password
    relay = Relay(
        name=f"{settings.smtp_host}:{settings.smtp_port}"[-_LONGEST_NAME:],
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=TlsMode(settings.smtp_tls),
        username=settings.smtp_username,
        password=None if password is None else Secret(password.get_secret_value()),
        hello=settings.smtp_hello,
        ca_file=settings.smtp_ca_file,
        allow_plaintext_auth=settings.smtp_allow_plaintext_auth,
    )
    try:
        # The daemon builds its own; here a bad file ends it before it has a session.
        client_context(relay)
    except CaFileError as error:
        raise SettingsError([f"smtp_ca_file: {error}. Give the path of a readable PEM file."]) from error
    return relay


@click.command()
@_settings_as_flags
def run(**flags: Any) -> None:
    """Run the daemon that sends what is queued, until SIGTERM or Ctrl-C.

    Once asked to stop it finishes what it has begun; asked twice, it leaves. Each setting can also stand in
    the environment (OUTBOX_SMTP_HOST), in a systemd credential or in outbox.toml; the password only there.
    """
    settings = load(**flags)
    options = Options(
        relay=relay_of(settings),
        policy=RetryPolicy(settings.retry_base, settings.retry_cap, settings.doubt_pause),
        connections=settings.connections,
        poll_interval=settings.poll_interval,
        lease_ttl=settings.lease_ttl,
    )
    with logged_to_stderr(settings.log_level), opened(settings) as database:
        run_daemon(database, options, Notifier.from_environment())
