"""What the settings are declared with: a description, a remedy, and types that check themselves."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from outbox.mail.duration import FORM, parse_duration, told_duration


def setting(default: Any, what: str, give: str, **limits: Any) -> Any:
    """Declare a field: `what` it is (help and reference), and what to `give` (the remedy of a fault).

    With `repr=False` its value is shown nowhere.
    """
    source = {"default_factory": default} if callable(default) else {"default": default}
    return Field(description=what, json_schema_extra={"give": give}, **source, **limits)


def seconds(default: float, what: str, *, least: float) -> Any:
    """Declare a duration of at least `least` seconds."""
    give = f"a number of seconds of at least {least:g}, such as {default:g}"
    return setting(default, what, give, ge=least, allow_inf_nan=False)


def _kept_seconds(given: object) -> object:
    """Return the seconds of a duration, 0 for `never`; without a unit nobody knows what was meant."""
    if given == 0 or (isinstance(given, str) and given.strip().lower() in {"never", "0"}):
        return 0.0
    if not isinstance(given, str):
        raise ValueError("it has no unit")  # noqa: TRY004 - pydantic takes no TypeError
    return parse_duration(given)


KeptFor = Annotated[float, BeforeValidator(_kept_seconds)]
"""The seconds for which something is kept; 0 is for ever."""


def told_kept(seconds: float) -> str:
    """Return for how long something is kept, as it is set."""
    return told_duration(seconds) if seconds else "never"


def kept(default: str, what: str) -> Any:
    """Declare for how long something is kept."""
    return setting(default, what, f"{FORM}, or never for ever", validate_default=True)


def _readable(path: Path) -> Path:
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise ValueError("there is no such file, or it may not be read")
    return path


ReadableFile = Annotated[Path, AfterValidator(_readable)]
"""The path of a file that this process can read now."""
