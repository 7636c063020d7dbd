"""`outbox run`: the daemon, from its settings."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from outbox import events
from outbox.cli.logs import logged_to_stderr, show_from
from outbox.errors import EX_SOFTWARE, OutboxError
from outbox.settings import Settings, load
from outbox.settings.make_metrics import metrics_of
from outbox.settings.make_options import options_of
from outbox.settings.opening import opened
from outbox.store.deadline import SILENCE
from outbox.worker.notify import Notifier
from outbox.worker.start import run as run_daemon
from outbox.worker.succession import Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from outbox.settings.make_metrics import Watch
    from outbox.worker.loop import Daemon

_OF_THE_APPLICATION = {"sender", "templates", "translations", "max_size"}
# A secret in a flag would stand in `ps`; streams, relays and dkim are tables.
_SECRETS = {"smtp_password", "smtp_token_command", "log_address_key"}
_NO_FLAGS = _SECRETS | {"streams", "relays", "dkim"} | _OF_THE_APPLICATION


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

    Once asked to stop it finishes what it has begun; asked twice, it leaves. On SIGHUP it reads its
    settings anew, with the files that they name; what is wrong with them changes nothing. Each setting can
    also stand in the environment (OUTBOX_SMTP_HOST), in a systemd credential or in outbox.toml; the password,
    the token command and the key of the log only there.
    """
    # Settings that cannot be used are told before there is a log.
    settings = load(**flags)
    key = settings.log_address_key
    with logged_to_stderr(
        settings.log_level,
        settings.log_format,
        addresses=settings.log_addresses,
        key=None if key is None else key.get_secret_value(),
    ):
        try:
            # They outlive a reload, so that nobody has to look for them elsewhere, or finds them away.
            with metrics_of(settings) as watch:
                run_daemon(partial(_read, flags, watch), Notifier.from_environment())
        except (OutboxError, click.ClickException):
            raise
        except Exception as error:
            # Python's own words about it would show whatever mail is in them.
            events.daemon_crashed(error)
            raise click.exceptions.Exit(EX_SOFTWARE) from error


@contextmanager
def _read(flags: Mapping[str, Any], watch: Watch) -> Iterator[Order]:
    """Give what a daemon works by, as the settings say now; `watch` gets its vitals."""
    settings = load(**flags)
    options = options_of(settings)
    with opened(settings, silence=SILENCE) as database:

        def begins(daemon: Daemon) -> None:
            show_from(settings.log_level)
            watch(daemon.vitals, settings)

        yield Order(database, options, begins)
