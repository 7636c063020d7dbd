"""What a check raises of a value that cannot work, and a person is told: see `fault.py`."""

from collections.abc import Sequence


class UnfitError(ValueError):
    """A value that cannot work, with a remedy of its own: what to give instead, as words after "Give"."""

    def __init__(self, problem: str, give: str) -> None:
        super().__init__(problem)
        self.give = give


class TablesError(ValueError):
    """Faults within one setting that is a table of tables: of each its own path, and a sentence."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("its tables have faults")
        self.faults = faults
