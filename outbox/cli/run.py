"""`outbox run`: the daemon, from its settings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from outbox.cli.logs import logged_to_stderr
from outbox.cli.opening import opened
from outbox.cli.relay import refuse_bad_files, relay_of
from outbox.cli.signing import signer_of, warn_of_short_keys
from outbox.delivery.retry import RetryPolicy
from outbox.mail.diversion import Diversion
from outbox.mail.objection import Storm
from outbox.mail.stream import Streams
from outbox.settings import Settings, load
from outbox.store.deadline import SILENCE
from outbox.worker.notify import Notifier
from outbox.worker.options import Options
from outbox.worker.signing import Signing
from outbox.worker.start import run as run_daemon

if TYPE_CHECKING:
    from collections.abc import Callable

_OF_THE_APPLICATION = {"sender", "templates", "translations", "max_size"}
# A secret in a flag would stand in `ps`; streams and dkim are tables.
_NO_FLAGS = {"smtp_password", "smtp_token_command", "streams", "dkim"} | _OF_THE_APPLICATION


def _settings_as_flags(command: Callable[..., None]) -> Callable[..., None]:
    for name, field in reversed(Settings.model_fields.items()):
        if name in _NO_FLAGS:
            continue
        default = (
            "" if field.default_factory or field.default in {None, ()} else f"  [default: {field.default}]"
        )
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            metavar=name.rpartition("_")[2].upper(),
            help=f"{field.description}{default}",
        )(command)
    return command


@click.command()
@_settings_as_flags
def run(**flags: Any) -> None:
    """Run the daemon that sends what is queued, until SIGTERM or Ctrl-C.

    Once asked to stop it finishes what it has begun; asked twice, it leaves. Each setting can also stand in
    the environment (OUTBOX_SMTP_HOST), in a systemd credential or in outbox.toml; the password and the
    token command only there.
    """
    settings = load(**flags)
    relay = relay_of(settings)
    refuse_bad_files(relay)
    signer = signer_of(settings)
    options = Options(
        relay=relay,
        policy=RetryPolicy(settings.retry_base, settings.retry_cap, settings.doubt_pause),
        connections=settings.connections,
        poll_interval=settings.poll_interval,
        lease_ttl=settings.lease_ttl,
        relay_name=settings.relay_name,
        streams=Streams(settings.streams),
        environment=settings.environment,
        storm=Storm(settings.storm_limit, settings.storm_period),
        diversion=Diversion(settings.redirect_all_to, frozenset(settings.allowed_domains)),
        sign=None if signer is None else Signing(signer, time.time),
    )
    with logged_to_stderr(settings.log_level), opened(settings, silence=SILENCE) as database:
        warn_of_short_keys(signer)
        run_daemon(database, options, Notifier.from_environment())
