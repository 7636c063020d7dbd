"""What a person is told of a setting that cannot work: the problem, perhaps the value, the remedy."""

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from outbox.errors import shown
from outbox.settings.unfit import UnfitError


def sentence(error: ErrorDetails, field: FieldInfo, value: object, *, given: bool, hidden: bool) -> str:
    """Return what is wrong with a field and what to give; `value` is not shown where it is `hidden`."""
    # Our own checks say what is wrong; for pydantic's the remedy does, in our words.
    problem = error["msg"].removeprefix("Value error, ") if error["type"] == "value_error" else "not usable"
    told = "" if not given else ": the value is not shown" if hidden else f": {shown(value)}"
    cause = cause_of(error)
    extra = field.json_schema_extra
    give = cause.give if isinstance(cause, UnfitError) else extra["give"] if isinstance(extra, dict) else ""
    return f"{problem}{told}. Give {give}."


def cause_of(error: ErrorDetails) -> Any:
    """Return the exception that a check of ours has raised, or None."""
    return error.get("ctx", {}).get("error")
