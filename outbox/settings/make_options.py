"""Make what the daemon works by, plain values, of the settings that describe it."""

import time

from outbox.delivery.retry import RetryPolicy
from outbox.mail.diversion import Diversion
from outbox.mail.objection import Storm
from outbox.settings.make_relay import introduced, refuse_bad_files, relays_of
from outbox.settings.make_routes import streams_of
from outbox.settings.make_signer import signer_of, warn_of_short_keys
from outbox.settings.model import Settings
from outbox.worker.options import Keep, Options
from outbox.worker.signing import Signing


def options_of(settings: Settings) -> Options:
    """Return what the daemon works by; raise SettingsError where a file that they name is of no use."""
    relays = relays_of(settings)
    refuse_bad_files(settings, relays)
    signer = signer_of(settings)
    warn_of_short_keys(signer)
    return Options(
        relays=tuple(map(introduced, relays)),
        policy=RetryPolicy(settings.retry_base, settings.retry_cap, settings.doubt_pause),
        poll_interval=settings.poll_interval,
        lease_ttl=settings.lease_ttl,
        serves_unnamed=settings.relay_name is None,
        streams=streams_of(settings),
        environment=settings.environment,
        storm=Storm(settings.storm_limit, settings.storm_period),
        diversion=Diversion(settings.redirect_all_to, frozenset(settings.allowed_domains)),
        sign=None if signer is None else Signing(signer, time.time),
        state_dir=settings.state_dir,
        keep=Keep(settings.keep_bodies, settings.keep_finished),
    )
