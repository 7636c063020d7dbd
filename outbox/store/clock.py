"""The database clock: the only clock that lifetimes are compared by.

Hosts exchange durations in seconds with it, never times, so a wrong clock on a host moves nothing.
"""

from typing import Any

from sqlalchemy import ColumnElement, Date, Float, FunctionElement, bindparam
from sqlalchemy.ext.compiler import compiles

from outbox.store.types import UtcDateTime

_SQLITE_FORMAT = "'%Y-%m-%d %H:%M:%f000'"  # six digits, so that text compares as time


class utc_now(FunctionElement[Any]):  # noqa: N801 - a SQL function, named like one
    """The database's present instant in UTC."""

    type = UtcDateTime()
    inherit_cache = True


class utc_after(FunctionElement[Any]):  # noqa: N801 - a SQL function, named like one
    """The database's present instant plus a duration in seconds, which may be negative."""

    type = UtcDateTime()
    inherit_cache = True


class seconds_since(FunctionElement[Any]):  # noqa: N801 - a SQL function, named like one
    """The seconds from an instant to the database's present one; NULL for NULL."""

    type = Float()
    inherit_cache = True


class seconds_past(FunctionElement[Any]):  # noqa: N801 - a SQL function, named like one
    """The same of an instant that an application wrote: NULL also where that is never, or always."""

    type = Float()
    inherit_cache = True


class finite(FunctionElement[Any]):  # noqa: N801 - a SQL function, named like one
    """An instant that an application wrote, as near to it as Python can hold; NULL for NULL."""

    type = UtcDateTime()
    inherit_cache = True


class utc_day(FunctionElement[Any]):  # noqa: N801 - a SQL function, named like one
    """The day of an instant in UTC."""

    type = Date()
    inherit_cache = True


def after(name: str) -> ColumnElement[Any]:
    """Return the instant a bound number of seconds, named `name`, from now."""
    return utc_after(bindparam(name, type_=Float()))


@compiles(finite)
def _finite(element: Any, compiler: Any, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


@compiles(finite, "postgresql")
def _pg_finite(element: Any, compiler: Any, **kw: Any) -> str:
    # Infinity, and years that the driver refuses. A day is left for time zones.
    instant = compiler.process(element.clauses, **kw)
    first, last = (f"TIMESTAMPTZ '{day} 00:00:00+00'" for day in ("0001-01-02", "9999-12-31"))
    return f"CASE WHEN {instant} IS NOT NULL THEN GREATEST({first}, LEAST({last}, {instant})) END"


@compiles(utc_now, "postgresql")
def _pg_now(_element: Any, _compiler: Any, **_: Any) -> str:
    return "now()"


@compiles(utc_now, "mysql")
@compiles(utc_now, "mariadb")
def _my_now(_element: Any, _compiler: Any, **_: Any) -> str:
    return "(UTC_TIMESTAMP(6))"


@compiles(utc_now, "sqlite")
def _lite_now(_element: Any, _compiler: Any, **_: Any) -> str:
    return f"(strftime({_SQLITE_FORMAT}, 'now'))"


@compiles(utc_after, "postgresql")
def _pg_after(element: Any, compiler: Any, **kw: Any) -> str:
    return f"(now() + {compiler.process(element.clauses, **kw)} * interval '1 second')"


@compiles(utc_after, "mysql")
@compiles(utc_after, "mariadb")
def _my_after(element: Any, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"TIMESTAMPADD(MICROSECOND, ROUND(({seconds}) * 1000000), UTC_TIMESTAMP(6))"


@compiles(utc_after, "sqlite")
def _lite_after(element: Any, compiler: Any, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"strftime({_SQLITE_FORMAT}, 'now', printf('%+.3f seconds', {seconds}))"


@compiles(seconds_since, "postgresql")
def _pg_since(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(EXTRACT(EPOCH FROM now() - {compiler.process(element.clauses, **kw)}) AS DOUBLE PRECISION)"


@compiles(seconds_past, "postgresql")
def _pg_past(element: Any, compiler: Any, **kw: Any) -> str:
    # Before PostgreSQL 17 one row with an infinite instant would end each statement that meets it.
    instant = compiler.process(element.clauses, **kw)
    return f"CASE WHEN isfinite({instant}) THEN {_pg_since(element, compiler, **kw)} END"


@compiles(seconds_past, "mysql")
@compiles(seconds_past, "mariadb")
@compiles(seconds_since, "mysql")
@compiles(seconds_since, "mariadb")
def _my_since(element: Any, compiler: Any, **kw: Any) -> str:
    instant = compiler.process(element.clauses, **kw)
    return f"(TIMESTAMPDIFF(MICROSECOND, {instant}, UTC_TIMESTAMP(6)) / 1e6)"


@compiles(seconds_past, "sqlite")
@compiles(seconds_since, "sqlite")
def _lite_since(element: Any, compiler: Any, **kw: Any) -> str:
    return f"((julianday('now') - julianday({compiler.process(element.clauses, **kw)})) * 86400.0)"


@compiles(utc_day, "postgresql")
def _pg_day(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AT TIME ZONE 'UTC' AS date)"


@compiles(utc_day, "mysql")
@compiles(utc_day, "mariadb")
@compiles(utc_day, "sqlite")
def _plain_day(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)})"
