"""The mail that everybody sends: about 2 KB of text and HTML, as an application would write it."""

from datetime import UTC, datetime
from uuid import UUID

import outbox
from outbox.mail.address import parse_address
from outbox.mail.compose import compose

SENDER = "shop@example.org"
_LINE = "Your order has left our warehouse and will be with you within two working days."
TEXT = "\n".join([_LINE] * 10)
HTML = "<html><body>\n" + "\n".join([f"<p>{_LINE}</p>"] * 9) + "\n</body></html>"


def recipient(n: int) -> str:
    """Return the recipient of the `n`th mail."""
    return f"customer{n}@example.com"


def subject(n: int) -> str:
    """Return the subject of the `n`th mail."""
    return f"Your order {n} is on its way"


def email(n: int) -> outbox.Email:
    """Return the `n`th mail."""
    return outbox.Email(to=recipient(n), subject=subject(n), text=TEXT, html=HTML)


def composed(n: int) -> bytes:
    """Return the bytes of the `n`th mail."""
    return compose(email(n), id=UUID(int=n), sender=parse_address("sender", SENDER), at=datetime.now(UTC))
