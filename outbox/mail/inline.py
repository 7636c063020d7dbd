"""Images within the HTML: `<img src="cid:logo">` shows the attachment whose `cid` is "logo" (RFC 2392)."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from outbox.errors import InvalidEmailError
from outbox.mail.attachment import Attachment

# In an attribute or in CSS; the same words in a text mean nothing.
_SHOWN = re.compile(
    r"""(?:\b(?:src|background|href|poster|data)\s*=\s*["']?|\burl\(\s*["']?)\s*cid:([^"'()\s>]+)""",
    re.IGNORECASE,
)


def refuse_unshown(html: str | None, attachments: Iterable[Attachment]) -> None:
    """Raise InvalidEmailError for an image that the HTML shows and nobody attached, and the reverse."""
    cids = [attachment.cid for attachment in attachments if attachment.cid is not None]
    shown = _shown(html)
    if not cids and not shown:
        return
    if missing := next((cid for cid in shown if cid not in cids), None):
        raise InvalidEmailError(
            "html",
            f"cid:{missing}",
            "is an image that no attachment brings",
            f"Attach it: Attachment(name, bytes, cid={missing!r}).",
        )
    if unshown := next((cid for cid in cids if cid not in shown), None):
        raise InvalidEmailError(
            "attachments.cid",
            unshown,
            "is an image that the html does not show",
            f'Show it by src="cid:{unshown}", or attach it without a cid.',
        )
    if len(set(cids)) < len(cids):
        twice = next(cid for cid in cids if cids.count(cid) > 1)
        raise InvalidEmailError(
            "attachments.cid", twice, "is given twice", "Give each image a cid of its own."
        )


def _shown(html: str | None) -> list[str]:
    if html is None or "cid:" not in html.lower():
        return []
    return [unquote(cid) for cid in _SHOWN.findall(html)]
