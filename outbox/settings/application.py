"""What the application says of the settings, where it runs our commands itself."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """One value, and the place by which a person finds it."""

    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class Application:
    """Values by the names of the settings: some win over the environment, some only fill what is not set."""

    overrides: Mapping[str, Told] = field(default_factory=dict)
    defaults: Mapping[str, Told] = field(default_factory=dict)


_NOBODY = Application()
_present: ContextVar[Application] = ContextVar("outbox_application", default=_NOBODY)


@contextmanager
def told_by(application: Application) -> Iterator[None]:
    """Have `load` listen to `application` within the block."""
    token = _present.set(application)
    try:
        yield
    finally:
        _present.reset(token)


def application() -> Application:
    """Return what is said now; nothing, for `outbox` itself."""
    return _present.get()
