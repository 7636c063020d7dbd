"""A transactional email outbox: enqueue in your own SQL transaction, a daemon delivers over SMTP."""

from outbox._version import __version__

__all__ = ["__version__"]
