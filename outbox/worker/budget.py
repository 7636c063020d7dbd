"""The memory for bodies, which the desks of one daemon share."""

BODIES = 64 * 1024 * 1024
"""Bytes of bodies in memory at once; a larger single mail is still sent, alone."""


class Budget:
    """Gives each of so many `desks` an even part, so that a slow relay's mail takes no other's memory.

    A mail larger than a part goes when its desk holds no other body, and one desk at a time has such a one.
    """

    def __init__(self, desks: int = 1) -> None:
        self.part = BODIES // desks
        self._exceeding: object | None = None

    def may_exceed(self, desk: object) -> bool:
        """Tell whether `desk` may load a mail that is larger than its part."""
        return self._exceeding in {None, desk}

    def loaded(self, desk: object, size: int) -> None:
        """Note how many bytes of bodies `desk` holds now."""
        if size > self.part:
            self._exceeding = desk
        elif self._exceeding is desk:
            self._exceeding = None
