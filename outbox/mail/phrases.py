"""Write the names in somebody else's address fields as encoded words, where they hold raw UTF-8."""

import re

from outbox.mail.fields import Field, as_read
from outbox.mail.words import as_it_stands, encoded_words, sealed

ADDRESS_FIELDS = {"from": "From", "sender": "Sender", "reply-to": "Reply-To", "to": "To", "cc": "Cc"}
"""The fields that hold addresses, by their names in lower case."""

# Up to the end where it is not closed: each letter is looked at once, however many signs there are.
_QUOTED = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
# An address, in angle brackets or bare, is passed over; a name is all that stands before the next sign.
_PIECE = re.compile(rf'<[^<>]*+>|[^\s"<>(),:;@]*@[^\s"<>(),:;]*|((?:{_QUOTED}|[^"<>(),:;@])++)')
_QUOTED_TEXT = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)')
_QUOTED_PAIR = re.compile(r"\\(.)")
_WIDTH = 60


def readable_names(field: Field) -> Field:
    """Return `field` with its names as encoded words, or as it is where there is nothing else beyond ASCII.

    An address beyond ASCII must stand as it is (RFC 6532), and then the names beside it may, too.
    """
    value = _PIECE.sub(lambda piece: _encoded(piece[1]) if piece[1] else piece[0], field.value)
    if not value.isascii() or not value.isprintable():
        return field
    return Field(field.name, sealed([as_it_stands(ADDRESS_FIELDS[field.name], value)]))


def _encoded(name: str) -> str:
    if name.isascii():
        return name
    plain = _QUOTED_TEXT.sub(lambda quoted: _QUOTED_PAIR.sub(r"\1", quoted[1]), name)
    before = name[: len(name) - len(name.lstrip(" \t"))]
    after = name[len(name.rstrip(" \t")) :]
    return before + " ".join(encoded_words(as_read(plain), _WIDTH, _WIDTH)) + after
