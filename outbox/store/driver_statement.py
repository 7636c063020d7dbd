"""A statement in the words of its driver, for what runs so often that SQLAlchemy's share of it would show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Dialect, TextClause
    from sqlalchemy.sql.compiler import SQLCompiler


class _Form(NamedTuple):
    """What a driver takes: a text, what turns some of our values into its own, their order if not named."""

    text: str
    processors: Sequence[tuple[str, Callable[[Any], Any]]]
    positions: Sequence[str] | None

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any] | tuple[Any, ...]:
        """Return `values` as the driver takes them."""
        bound = dict(values)
        for name, process in self.processors:
            bound[name] = process(bound[name])
        return bound if self.positions is None else tuple(bound[name] for name in self.positions)


class DriverStatement:
    """A statement of typed parameters, compiled once for each engine and not looked up again.

    It does what `connection.execute` does, for less than half of the CPU, but knows no execution options:
    no other schema, and no `before_execute`; the events of the cursor are as ever.
    """

    def __init__(self, statement: TextClause) -> None:
        self._statement = statement
        self._forms: WeakKeyDictionary[Dialect, _Form] = WeakKeyDictionary()

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute it with exactly these values; what it answers is not for us."""
        form = self._forms.get(connection.dialect)
        if form is None:
            form = self._forms[connection.dialect] = self.form(connection.dialect)
        connection.exec_driver_sql(form.text, form.parameters(values))

    def form(self, dialect: Dialect) -> _Form:
        """Return the statement as the driver of `dialect` takes it."""
        compiled: SQLCompiler = self._statement.compile(dialect=dialect)
        processors = [
            (name, process)
            for name, parameter in compiled.binds.items()
            if (process := parameter.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        ]
        return _Form(compiled.string, processors, compiled.positiontup if compiled.positional else None)
