"""Filters that write numbers, amounts and times as the mail's language does, by Babel."""

from collections.abc import Callable
from datetime import date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from types import ModuleType
from typing import Any

from outbox.errors import TemplateError, shown
from outbox.render.catalogues import spoken

Number = int | float | Decimal


def number(value: Number, format: str | None = None, *, locale: str | None = None) -> str:  # noqa: A002
    """Return 1234.5 as "1,234.5" in English."""
    numbers = _babel("number", "numbers")
    _check_number("number", value)
    return str(numbers.format_decimal(value, format, locale=_locale("number", locale)))


def currency(value: Number, code: str, format: str | None = None, *, locale: str | None = None) -> str:  # noqa: A002
    """Return 9.8 and "EUR" as "€9.80" in English."""
    numbers = _babel("currency", "numbers")
    _check_number("currency", value)
    return str(numbers.format_currency(value, code, format, locale=_locale("currency", locale)))


def percent(value: Number, format: str | None = None, *, locale: str | None = None) -> str:  # noqa: A002
    """Return 0.25 as "25%" in English."""
    numbers = _babel("percent", "numbers")
    _check_number("percent", value)
    return str(numbers.format_percent(value, format, locale=_locale("percent", locale)))


def date_(value: date | datetime, format: str = "medium", *, locale: str | None = None) -> str:  # noqa: A002
    """Return a date as "May 1, 2026" in English; `format` is short, medium, long, full or a pattern."""
    dates = _babel("date", "dates")
    _check_instant("date", value, date)
    return str(dates.format_date(value, format, locale=_locale("date", locale)))


def time_(
    value: time | datetime,
    format: str = "medium",  # noqa: A002
    *,
    timezone: str | tzinfo | None = None,
    locale: str | None = None,
) -> str:
    """Return a time of day, in its own zone or in `timezone`, such as "Europe/Paris"."""
    dates = _babel("time", "dates")
    _check_instant("time", value, time, datetime)
    zone = _zone(dates, value, timezone)
    return str(dates.format_time(value, format, tzinfo=zone, locale=_locale("time", locale)))


def datetime_(
    value: datetime,
    format: str = "medium",  # noqa: A002
    *,
    timezone: str | tzinfo | None = None,
    locale: str | None = None,
) -> str:
    """Return a date with its time, in its own zone or in `timezone`, such as "Europe/Paris"."""
    dates = _babel("datetime", "dates")
    _check_instant("datetime", value, datetime)
    zone = _zone(dates, value, timezone)
    return str(dates.format_datetime(value, format, tzinfo=zone, locale=_locale("datetime", locale)))


FILTERS: dict[str, Callable[..., str]] = {
    "number": number,
    "currency": currency,
    "percent": percent,
    "date": date_,
    "time": time_,
    "datetime": datetime_,
}
"""The filters by the names that templates use."""


def _babel(name: str, module: str) -> ModuleType:
    try:
        import babel.dates  # noqa: PLC0415 - an extra, and only where it is used
        import babel.numbers  # noqa: PLC0415
    except ImportError as error:
        raise TemplateError(f"the filter {name!r} needs Babel: pip install 'email-outbox[babel]'.") from error
    return {"dates": babel.dates, "numbers": babel.numbers}[module]


def _check_number(name: str, value: Any) -> None:
    try:
        Decimal(str(value))  # a text too, as JSON carries amounts; a variable that is missing raises here
    except InvalidOperation as error:
        raise TemplateError(
            f"the filter {name!r} takes a number, and got {shown(value)}. Give one."
        ) from error


def _check_instant(name: str, value: Any, *kinds: type) -> None:
    # Babel takes None for now, and a number for seconds since 1970: a hole in the data would read as a date.
    if not isinstance(value, kinds):
        str(value)  # a variable that is missing raises here
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TemplateError(
            f"the filter {name!r} takes a {wanted} of Python, and got {shown(value)}. Give one, or write the "
            "value without the filter."
        )


def _zone(dates: ModuleType, value: Any, timezone: str | tzinfo | None) -> tzinfo | None:
    # Babel takes a time without a zone for UTC; without a wish it stays as it is.
    zone: tzinfo | None = dates.get_timezone(timezone) if timezone else getattr(value, "tzinfo", None)
    return zone


def _locale(name: str, locale: str | None) -> Any:
    """Return Babel's locale: the one that the filter names, else the nearest to the mail's."""
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - as above

    tags = (locale,) if locale else spoken().tags
    if not tags:
        raise TemplateError(
            f"the filter {name!r} must know the language. Give enqueue locale=, or the filter: "
            f"{name}(locale='en')."
        )
    for tag in tags:
        try:
            return Locale.parse(tag.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            continue
    raise TemplateError(
        f"the filter {name!r} does not know the language {tags[0]!r}. Correct locale=, or give the filter "
        f"one: {name}(locale='en')."
    )
