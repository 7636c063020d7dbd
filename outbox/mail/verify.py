"""Read composed bytes once more, as a receiver does: they hold what was asked for and nothing else.

This shares no code with the writers, and believes nothing that they say about themselves. Libraries that
wrote headers correctly for years have forged one by a fold (CVE-2024-6923): such a mail must not be queued.
"""

import re
from collections.abc import Iterator, Sequence

_FIELD = re.compile(rb"([!-9;-~]+):[^\r\n]*(?:\r\n[ \t][^\r\n]*)*(?:\r\n|\Z)")
_TYPE = re.compile(rb"\r\nContent-Type: *(?:\r\n )?([^;\s]+)([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)")
_BOUNDARY = re.compile(rb'boundary="([^"]+)"')


def verify(mime: bytes, fields: Sequence[str], types: Sequence[str]) -> bytes:
    """Return `mime` if its header has exactly `fields`, in order, and its leaves are of exactly `types`.

    Raises ValueError for anything else: that would be a fault of the outbox itself.
    """
    header, leaves = _header(mime), list(_leaves(mime))
    names = _names(header)
    if names != list(fields) or leaves != list(types):
        raise ValueError(
            f"the composed message has the headers {names} and the parts {leaves}, and was to have "
            f"{list(fields)} and {list(types)}. Nothing was queued; please report this mail."
        )
    return mime


def _header(entity: bytes) -> bytes:
    header, empty_line, _ = entity.partition(b"\r\n\r\n")
    return header if empty_line else b""


def _names(header: bytes) -> list[str]:
    names, start = [], 0
    while found := _FIELD.match(header, start):
        names.append(found[1].decode("ascii"))
        start = found.end()
    # What no field holds is shown where a name should stand.
    return names if start == len(header) else [*names, header[start : start + 40].decode("latin-1")]


def _leaves(entity: bytes) -> Iterator[str]:
    """Yield the content type of each part that is not a multipart, in order."""
    found = _TYPE.findall(b"\r\n" + _header(entity))
    if len(found) != 1:
        yield f"{len(found)} content types"
        return
    kind, parameters = found[0]
    if not kind.lower().startswith(b"multipart/"):
        yield kind.decode("latin-1")
        return
    boundary = _BOUNDARY.search(parameters)
    if boundary is None:
        yield "no boundary"
        return
    body = b"\r\n" + entity.partition(b"\r\n\r\n")[2]
    preamble, *parts, end = body.split(b"\r\n--" + boundary[1])
    if preamble or end != b"--\r\n":
        yield "text beside the parts"
    for part in parts:
        yield from _leaves(part.removeprefix(b"\r\n"))
