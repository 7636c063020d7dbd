"""Find the name that somebody has meant."""

import difflib
from collections.abc import Iterable


def closest(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like `name`, whatever its capitals; None where none does."""
    in_capitals = {each.upper(): each for each in known}
    close = difflib.get_close_matches(str(name).upper(), in_capitals, n=1)
    return in_capitals[close[0]] if close else None


def one_of(name: object, known: Iterable[str]) -> str:
    """Return the sentence that says which name may be meant, or which there are."""
    known = tuple(known)
    close = closest(name, known)
    return f"Did you mean {close}?" if close else f"Give one of {', '.join(known)}."
