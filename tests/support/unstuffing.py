"""Take a message from DATA as RFC 5321 §4.5.2 tells a server to: line by line, strictly."""


def take_message(wire: bytes) -> tuple[bytes, bytes]:
    """Return the message and what stands behind its final dot.

    Only CRLF ends a line, as Postfix, Exim and aiosmtpd do since CVE-2023-51764.
    """
    taken = []
    start = 0
    while (end := wire.index(b"\r\n", start)) >= 0:
        line = wire[start:end]
        start = end + 2
        if line == b".":
            break
        taken.append(line.removeprefix(b".") + b"\r\n")
    return b"".join(taken), wire[start:]
