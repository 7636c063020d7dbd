"""Make a message's bytes transparent for DATA (RFC 5321 §4.5.2)."""

from outbox.smtp.command import UnsendableError


def dot_stuff(body: bytes) -> bytes:
    r"""Return `body` with each line's leading dot doubled and its last line ended.

    Raises UnsendableError on a lone CR or LF: a lenient server that takes `\n.\r\n` for the end of data
    would read what follows as commands ("SMTP smuggling", CVE-2023-51764).
    """
    pairs = body.count(b"\r\n")
    if body.count(b"\n") != pairs or body.count(b"\r") != pairs:
        raise UnsendableError("the message holds a CR or LF that is not part of a CRLF")
    if b"\r\n." in body:
        body = body.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"
