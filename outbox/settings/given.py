"""A value as a source gave it, before anybody has looked at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Given:
    """One value, and the place by which a person finds it; `shown` says that the place is no secret one.

    What stands within it may come from a place of its own: `within` names it, by its path.
    """

    value: Any
    place: str
    shown: bool = True
    within: Mapping[str, str] = field(default_factory=dict)
