"""A file that travels with an email."""

import re
from dataclasses import dataclass

from outbox.errors import InvalidEmailError
from outbox.mail import text

_WORD = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"
# RFC 2045 section 5.1; a quoted parameter value may hold any printable ASCII but quotes and backslashes.
_CONTENT_TYPE = re.compile(rf'({_WORD})/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|"[ !#-\[\]-~]*"))*')
_MAX_CONTENT_TYPE = 200
_FALLBACK = "application/octet-stream"
# Of the Message-ID's form RFC 2392 asks only that nobody else uses it; a name is enough within one mail.
_CID = re.compile(r"[A-Za-z0-9._+-]{1,64}(?:@[A-Za-z0-9.-]{1,64})?")

# Our own table: `mimetypes` reads the host's files, so the same mail would differ from host to host.
_TYPES = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "bz2": "application/x-bzip2",
    "css": "text/css",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "gif": "image/gif",
    "gz": "application/gzip",
    "heic": "image/heic",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "log": "text/plain",
    "md": "text/markdown",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ogg": "audio/ogg",
    "p7m": "application/pkcs7-mime",
    "p7s": "application/pkcs7-signature",
    "pdf": "application/pdf",
    "pkpass": "application/vnd.apple.pkpass",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file name in any script, the bytes, and the content type of RFC 2045.

    Without `content_type` the type follows from the name's last extension, else it is
    application/octet-stream; afterwards the field holds the type that is sent. With `cid` it is an image that
    the HTML shows by `src="cid:…"`, and readers do not list it. Raises InvalidEmailError.
    """

    filename: str
    content: bytes
    content_type: str | None = None
    cid: str | None = None

    def __post_init__(self) -> None:
        filename = text.line("attachments.filename", self.filename).strip()
        if not filename:
            raise InvalidEmailError(
                "attachments.filename", self.filename, "is empty", "Give the name that the reader should see."
            )
        if not isinstance(self.content, bytes | bytearray | memoryview):
            raise InvalidEmailError(
                "attachments.content",
                self.content,
                "is not bytes",
                "Read the file in binary, or encode the text.",
            )
        object.__setattr__(self, "filename", filename)
        object.__setattr__(self, "content", bytes(self.content))
        object.__setattr__(self, "content_type", self._chosen_type())
        if self.cid is not None:
            object.__setattr__(self, "cid", _checked_cid(self.cid))

    def _chosen_type(self) -> str:
        if self.content_type is None:
            return _guessed(self.filename, self.content)
        field = "attachments.content_type"
        value = text.line(field, self.content_type).strip()
        match = _CONTENT_TYPE.fullmatch(value)
        if match is None or len(value) > _MAX_CONTENT_TYPE:
            raise InvalidEmailError(
                field,
                value,
                "is not a content type",
                "Give one like 'application/pdf' or 'text/csv; charset=utf-8'.",
            )
        if match[1].lower() in {"multipart", "message"}:
            # RFC 2046 sections 5.1 and 5.2 forbid base64 for these, and 8-bit content needs it.
            raise InvalidEmailError(
                field,
                value,
                "cannot be carried as an attachment",
                f"Give it as {_FALLBACK!r}, or in a zip file.",
            )
        return value


def _checked_cid(value: object) -> str:
    cid = text.line("attachments.cid", value)
    if not _CID.fullmatch(cid):
        raise InvalidEmailError(
            "attachments.cid",
            cid,
            "is not a name for an image",
            "Use 1 to 64 letters, digits and ._+-, such as 'logo', and src=\"cid:logo\" in the html.",
        )
    return cid


def _guessed(filename: str, content: bytes) -> str:
    guessed = _TYPES.get(filename.rpartition(".")[2].lower(), _FALLBACK)
    if not guessed.startswith("text/"):
        return guessed
    try:
        content.decode()
    except UnicodeDecodeError:
        return guessed
    return f"{guessed}; charset=utf-8"
