"""Ask DNS for TXT records. The only file that needs `dnspython`, and only a command asks."""

import dns.exception
import dns.name
import dns.resolver

_PATIENCE = 10.0


class LookupFailedError(Exception):
    """Nobody answered, or not to this question: it says nothing of the record."""


def resolver_at(nameserver: str | None, port: int) -> dns.resolver.Resolver:
    """Return a resolver that asks `nameserver`, an IP address, at `port`; by default the system's own.

    Raises LookupFailedError where the system names none.
    """
    try:
        resolver = dns.resolver.Resolver(configure=nameserver is None)
    except dns.resolver.NoResolverConfiguration as error:
        raise LookupFailedError(str(error)) from error
    if nameserver is not None:
        resolver.nameservers = [nameserver]
        resolver.port = port
    return resolver


def texts_at(name: str, resolver: dns.resolver.Resolver) -> list[str]:
    """Return the TXT records at `name`, each with its strings joined; none where there are none.

    Waits ten seconds at most. Raises LookupFailedError.
    """
    try:
        answer = resolver.resolve(dns.name.from_text(name), "TXT", lifetime=_PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.Timeout as error:
        asked = ", ".join(map(str, resolver.nameservers))
        raise LookupFailedError(f"{asked} did not answer within {_PATIENCE:g} seconds") from error
    except (dns.exception.DNSException, OSError) as error:
        raise LookupFailedError(str(error).rstrip(".")) from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
