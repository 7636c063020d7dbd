"""Make a message's bytes transparent for DATA (RFC 5321 §4.5.2)."""

import re

from outbox.smtp.command import UnsendableError

# Each of these looks at the ends of lines only, which is quicker than to search for two bytes.
_has_lone_cr = re.compile(rb"\r(?!\n)").search
_has_dot_at_start = re.compile(rb"\n(?=\.)").search


def dot_stuff(body: bytes) -> bytes:
    r"""Return `body` with each line's leading dot doubled and its last line ended.

    Raises UnsendableError on a lone CR or LF: a lenient server that takes `\n.\r\n` for the end of data
    would read what follows as commands ("SMTP smuggling", CVE-2023-51764).
    """
    if body.count(b"\n") != body.count(b"\r") or _has_lone_cr(body):
        raise UnsendableError("the message holds a CR or LF that is not part of a CRLF")
    if _has_dot_at_start(body):
        body = body.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"
