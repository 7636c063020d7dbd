"""What a reader gets from an HTML mail: its words and the addresses that it links to."""

from html.parser import HTMLParser

_VOID = {"meta", "br", "img"}
_UNSEEN = {"head", "script", "style"}


class Visible(HTMLParser):
    """The texts and addresses of a page, without what is hidden from a screen reader, too.

    The preheader counts as text: an inbox shows it.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.addresses: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[bool] = [False]
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element, and whether it hides what it holds."""
        named = dict(attrs)
        self.tags.append((tag, named))
        self.addresses += [str(named[each]) for each in ("href", "src") if each in named]
        self.text += " "
        if tag not in _VOID:
            hidden = tag in _UNSEEN or named.get("aria-hidden") == "true"
            self._open.append(self._open[-1] or hidden)

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        if tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add what is seen."""
        if not self._open[-1]:
            self.text += data
