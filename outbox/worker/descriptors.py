"""Let this process have the file descriptors that its connections need."""

import resource

_BESIDES = 96
"""What a daemon needs beside its connections to relays: databases, journal, and what is kept in reserve."""


def allow_descriptors(connections: int) -> None:
    """Raise the soft limit to what so many connections need, as far as the hard one lets us.

    The soft one is low for the sake of select(), which nothing here calls.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _BESIDES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
