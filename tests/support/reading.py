"""Read a composed message as a receiver does, by parsers that are not ours."""

from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, compat32


def parsed(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=SMTP).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


def mailbox_of(raw: bytes, field: str) -> tuple[str, str]:
    """Return the name and the email of a header with one mailbox."""
    written = BytesParser(policy=compat32).parsebytes(raw)[field].replace("\r\n", "")
    if "=?" in written:
        # The newer parser leaves spaces between the encoded words of a name (seen in CPython 3.11.7).
        name, _, email = str(make_header(decode_header(written))).rpartition(" <")
        return name, email.removesuffix(">")
    header = parsed(raw)[field]
    assert isinstance(header, AddressHeader)
    (one,) = header.addresses
    return one.display_name, one.addr_spec
