"""A file of a mail, as Flask-Mail has it."""

from collections.abc import Iterable, Mapping
from mimetypes import guess_type

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
"""A mapping, or pairs, as Flask-Mail took them before 0.10."""


class Attachment:
    """A file: its name, its type, its content, how it is shown, and headers of its part.

    Without `content_type` the type follows from the name, else from the kind of `data`. Raises ValueError
    without `data`.
    """

    def __init__(
        self,
        filename: str | None = None,
        content_type: str | None = None,
        data: str | bytes | None = None,
        disposition: str | None = None,
        headers: Headers | None = None,
    ) -> None:
        if data is None:
            raise ValueError("The 'data' argument is required.")
        if content_type is None and filename is not None:
            content_type = guess_type(filename)[0]
        if content_type is None:
            content_type = "text/plain" if isinstance(data, str) else "application/octet-stream"
        self.filename = filename
        self.content_type = content_type
        self.data = data
        self.disposition = disposition or "attachment"
        self.headers: dict[str, str] = dict(headers or {})
