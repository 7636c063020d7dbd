"""What no test misses, and why it may stay so."""

import re

_READS_MORE = "it only reads more, which tests/plans/test_growth.py sees: what is found is looked up by id"

GUARDS: dict[tuple[str, str], str] = {
    ("outbox/store/verdicts.py", 'dialect.among(_d.id, "ids")'): _READS_MORE,
    ("outbox/store/verdicts.py", 'dialect.among(_a.delivery_id, "ids")'): _READS_MORE,
}
"""Guards that are left out by `guards.py`, by file and text."""

_SHAPES: dict[str, str] = {
    r"@dataclass\(.*": "only forbids, and spares memory: mypy sees who writes to it",
    r"if not TYPE_CHECKING:": "imports for annotations",
    r"def .*, /, .*": "made a name optional: every caller gives it",
}
"""Lines of a shape that changes nothing anywhere, as Cosmic Ray has changed them."""

_LINES: dict[tuple[str, str], str] = {
    ("outbox/store/lanes.py", "if look.floors[lane] > LEFT:"): "no instant is before the left edge",
    (
        "outbox/store/rescues.py",
        'finished_at=case((bindparam("ended") >= 1, utc_now()), else_=null()),',
    ): "it is 0 or 1",
}
"""Other lines as Cosmic Ray has changed them, by module and text."""


def why(module: str, after: str) -> str | None:
    """Return why it may stay so that no test misses this changed line, None where nobody knows."""
    for shape, reason in _SHAPES.items():
        if re.fullmatch(shape, after):
            return reason
    return _LINES.get((module, after))
